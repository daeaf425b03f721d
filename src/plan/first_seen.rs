//! When digests were first seen upstream: what the rules ask, and what is kept for the next pass.

use super::site_plan::SitePlan;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Repository};
use crate::pipeline::{Delivery, Ledger, Seen, Snapshot, Verdict};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Returns when the digest was first seen on the channel, as the ledger has it.
pub(super) fn find_sighting(
    snapshot: &Snapshot,
    channel: Option<&Channel>,
    digest: &Digest,
) -> Option<Timestamp> {
    let (ledger, channel) = snapshot.ledger.known().zip(channel)?;
    ledger
        .first_seen
        .get(&(channel.clone(), digest.clone()))
        .copied()
}

/// The same, and now where the ledger has nothing.
pub(super) fn first_seen(snapshot: &Snapshot, channel: &Channel, digest: &Digest) -> Timestamp {
    find_sighting(snapshot, Some(channel), digest).unwrap_or_else(|| now(snapshot))
}

/// Whole seconds, so that a ledger that was written and read again says the same.
pub(super) fn now(snapshot: &Snapshot) -> Timestamp {
    Timestamp::from_second(snapshot.at.as_second()).unwrap_or(snapshot.at)
}

/// Returns the ledger after the pass: a sighting for each pin that is behind and may be updated one
/// day or is proposed, and those of channels that could not be asked. Everything else is forgotten.
pub(super) fn ledger_after(snapshot: &Snapshot, sites: &[SitePlan]) -> Ledger {
    let Seen::Known(before) = &snapshot.ledger else {
        return Ledger::default();
    };
    let mut after = Ledger::default();
    let mut unasked: BTreeSet<&Channel> = BTreeSet::new();
    // Where a policy could not choose, any of the repository's tags may be chosen in the next pass.
    let mut unlisted: BTreeSet<Repository> = BTreeSet::new();
    for site in sites {
        let Some(channel) = site.next_channel() else {
            continue;
        };
        if site.is_choice_unknown() {
            unlisted.insert(channel.repository.clone());
        }
        match site.next_digest() {
            Some(digest) if is_needed(site) => {
                after.first_seen.insert(
                    (channel.clone(), digest.clone()),
                    first_seen(snapshot, channel, digest),
                );
            }
            Some(_) if site.verdict != Verdict::Unknown => {}
            Some(_) | None => {
                unasked.insert(channel);
            }
        }
    }
    let kept = before.first_seen.iter().filter(|((channel, _), _)| {
        unasked.contains(channel) || unlisted.contains(&channel.repository)
    });
    after
        .first_seen
        .extend(kept.map(|(key, at)| (key.clone(), *at)));
    after
}

/// A pin that is committed in this pass needs its sighting no more; were it kept, the next pass
/// would only have to take it out. One that is proposed needs it until the pull request is merged,
/// for its soak, and because it would settle anew.
fn is_needed(site: &SitePlan) -> bool {
    let is_proposed = site
        .delivery
        .as_ref()
        .is_some_and(Delivery::is_pull_request);
    match site.pinned {
        None => is_proposed,
        Some(_) => {
            site.is_behind()
                && (matches!(
                    site.verdict,
                    Verdict::Waiting | Verdict::Held | Verdict::Rollback
                ) || (matches!(site.verdict, Verdict::Update | Verdict::Bump) && is_proposed))
        }
    }
}
