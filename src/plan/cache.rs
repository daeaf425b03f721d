//! What the pull-through cache's answer means for a site: a reason beside the verdict, never a
//! verdict.

use super::site_plan::SitePlan;
use crate::pipeline::{CacheAnswer, Reason, Snapshot};

/// Returns what the cache's answer means.
pub(super) fn cache_reason(snapshot: &Snapshot, site: &SitePlan) -> Option<Reason> {
    Some(match snapshot.cache.get(site.next_channel()?)? {
        CacheAnswer::Fresh => Reason::CacheFresh,
        CacheAnswer::Stale { serves } => Reason::CacheStale {
            serves: serves.clone(),
            is_pinned: site.pinned.is_some(),
        },
        CacheAnswer::Bypass { status } => Reason::CacheBypassed { status: *status },
        CacheAnswer::Unreachable(why) => Reason::CacheUnreachable { why: why.clone() },
        CacheAnswer::Unproven { serves } => Reason::CacheUnproven {
            serves: serves.clone(),
        },
    })
}

/// Returns the same as a sentence for the commit message:
/// `Cache: stale, it still serves sha256:9b0e….`
pub(super) fn cache_note(snapshot: &Snapshot, site: &SitePlan) -> Option<String> {
    let note = match snapshot.cache.get(site.next_channel()?)? {
        CacheAnswer::Fresh => "fresh".to_owned(),
        CacheAnswer::Stale { serves } => {
            format!("stale, it still serves sha256:{}", serves.short())
        }
        CacheAnswer::Bypass { status } => format!("not used for this image, it answers {status}"),
        CacheAnswer::Unreachable(_) => "could not be asked".to_owned(),
        CacheAnswer::Unproven { serves } => {
            format!(
                "serves sha256:{}, which proves nothing while the registry cannot be asked",
                serves.short()
            )
        }
    };
    Some(format!("Cache: {note}."))
}
