//! What the pull-through cache's answer means for a site: a reason beside the verdict, never a verdict.

use super::select::Terms;
use crate::pipeline::{CacheAnswer, Snapshot};
use crate::sites::Site;

/// Returns what the cache's answer means: a reason for people, and a sentence for the commit.
pub(super) fn cache(snapshot: &Snapshot, site: &Site, terms: &Terms) -> Option<(String, String)> {
    let answer = snapshot.cache.get(terms.channel.as_ref()?)?;
    let unpinned = site.image.digest.is_none();
    let (reason, note) = match answer {
        CacheAnswer::Fresh => ("fresh".into(), "fresh".into()),
        CacheAnswer::Stale { serves } => {
            let danger = if unpinned { "; without a pin nodes may get the old image" } else { "" };
            (
                format!("stale, it serves sha256:{} for the tag{danger}", serves.short()),
                format!("stale, it still serves sha256:{}", serves.short()),
            )
        }
        CacheAnswer::Bypass { status } => {
            let text = format!("not used for this image, it answers {status}");
            (text.clone(), text)
        }
        CacheAnswer::Unreachable(why) => (format!("could not be asked: {why}"), "could not be asked".into()),
        CacheAnswer::Unproven { serves } => {
            let text = format!("serves sha256:{}, which proves nothing while upstream cannot be asked", serves.short());
            (text.clone(), text)
        }
    };
    Some((format!("cache: {reason}"), format!("Cache: {note}.")))
}
