//! When digests were first seen: what the gates ask, and what is kept for the next pass.

use super::judged::Judged;
use super::route::Way;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Ledger, Seen, Snapshot, Verdict};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Returns when the digest was first seen on the channel, as the ledger has it.
pub(super) fn sighting(snapshot: &Snapshot, channel: Option<&Channel>, digest: &Digest) -> Option<Timestamp> {
    let (ledger, channel) = snapshot.ledger.known().zip(channel)?;
    ledger.first_seen.get(&(channel.clone(), digest.clone())).copied()
}

/// The same, and now where the ledger has nothing.
pub(super) fn first_seen(snapshot: &Snapshot, channel: &Channel, digest: &Digest) -> Timestamp {
    sighting(snapshot, Some(channel), digest).unwrap_or_else(|| now(snapshot))
}

/// Whole seconds, so that a ledger that was written and read again says the same.
pub(super) fn now(snapshot: &Snapshot) -> Timestamp {
    Timestamp::from_second(snapshot.at.as_second()).unwrap_or(snapshot.at)
}

/// Returns the ledger after the pass: a sighting for each pin that is behind and may move one day or is proposed, and those of channels that
/// could not be asked. Everything else is forgotten.
pub(super) fn after(snapshot: &Snapshot, judged: &[Judged]) -> Ledger {
    let Seen::Known(before) = &snapshot.ledger else { return Ledger::default() };
    let mut after = Ledger::default();
    let mut dark: BTreeSet<&Channel> = BTreeSet::new();
    for site in judged {
        let Some(channel) = &site.terms.channel else { continue };
        match &site.upstream {
            Some(digest) if needed(site) => {
                after.first_seen.insert((channel.clone(), digest.clone()), first_seen(snapshot, channel, digest));
            }
            Some(_) if site.decision.verdict != Verdict::Unknown => {}
            Some(_) | None => {
                dark.insert(channel);
            }
        }
    }
    let kept = before.first_seen.iter().filter(|((channel, _), _)| dark.contains(channel));
    after.first_seen.extend(kept.map(|(key, at)| (key.clone(), *at)));
    after
}

/// A pin that is committed in this pass needs its sighting no more; were it kept, the next pass would only have to take it out. One that is
/// proposed needs it until the pull request is merged, for its soak, and because it would settle anew.
fn needed(site: &Judged) -> bool {
    let (verdict, proposed) = (site.decision.verdict, site.way.as_ref().is_some_and(Way::is_pull));
    match site.decision.from {
        None => proposed,
        Some(_) => {
            site.is_behind()
                && (matches!(verdict, Verdict::Waiting | Verdict::Held | Verdict::Rollback) || (verdict == Verdict::Move && proposed))
        }
    }
}

/// Puts back what the plan forgot for pins that will not be written after all.
pub(super) fn keep(snapshot: &Snapshot, refused: &[(Channel, Digest)], ledger: &mut Ledger) {
    let Seen::Known(before) = &snapshot.ledger else { return };
    let seen = refused.iter().filter_map(|key| Some((key.clone(), *before.first_seen.get(key)?)));
    ledger.first_seen.extend(seen);
}
