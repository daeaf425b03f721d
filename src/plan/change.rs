//! From the pins that are wanted to changes: edits, and the words of their commits. Trailers are rendered where commits are written.

use super::judged::{Judged, Pin};
use super::{message, pulls};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Change, PinRecord, Route, Snapshot, Verdict};
use crate::terraform::edit::Edit;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Refuses pins that would be written over each other, which two sites of one literal with different digests would be.
pub(super) fn refuse_collisions(judged: &mut [Judged]) {
    let edits = |site: &Judged| site.want.as_ref().map_or(Vec::new(), |want| want.edits.clone());
    let mut wanted: Vec<(Edit, usize)> =
        judged.iter().enumerate().flat_map(|(i, site)| edits(site).into_iter().map(move |edit| (edit, i))).collect();
    wanted.sort();
    let mut refused: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, (a, left)) in wanted.iter().enumerate() {
        let overlaps = |b: &Edit| a.file == b.file && (a.span.start == b.span.start || b.span.start < a.span.end);
        for (b, right) in wanted[index + 1..].iter().take_while(|(b, _)| overlaps(b)) {
            if a.span != b.span || a.put != b.put {
                refused.entry(*left).or_insert(*right);
                refused.entry(*right).or_insert(*left);
            }
        }
    }
    for (site, other) in refused {
        let why = format!("its pin would be written over the one of {}", judged[other].decision.site);
        judged[site].hold_back(Verdict::Blocked, why);
    }
}

/// Returns one change a group or stack and way: commits before pull requests, each sorted by name.
pub(super) fn changes(snapshot: &Snapshot, judged: &[Judged]) -> Vec<Change> {
    let mut by_name: BTreeMap<(bool, Arc<str>), Vec<Pin>> = BTreeMap::new();
    for site in judged {
        if let Some(want) = &site.want {
            by_name.entry((want.way.is_pull(), site.name())).or_default().push(Pin { judged: site, want });
        }
    }
    by_name.into_iter().map(|((pull, name), pins)| change(snapshot, name, pull, &pins)).collect()
}

fn change(snapshot: &Snapshot, name: Arc<str>, pull: bool, pins: &[Pin]) -> Change {
    let unproven = pins.iter().filter(|pin| !pin.want.told.as_ref().is_some_and(|told| told.proven));
    let digests = unproven.filter_map(|pin| Some((pin.judged.terms.channel.clone()?, pin.want.to.clone()?, &pin.judged.decision.from)));
    let prove: BTreeSet<(Channel, Digest)> =
        digests.filter(|(_, to, from)| from.as_ref() != Some(to)).map(|(channel, to, _)| (channel, to)).collect();
    Change {
        route: if pull { Route::PullRequest(Box::new(pulls::proposal(snapshot, &name, pins))) } else { Route::Commit },
        message: message::of(&name, pins),
        pins: pins.iter().map(record).collect(),
        prove: prove.into_iter().collect(),
        edits: sorted(pins.iter().flat_map(|pin| pin.want.edits.iter().cloned()).collect()),
        name,
    }
}

/// Sorts edits; what several sites ask for at one place is written once.
pub(super) fn sorted(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort();
    edits.dedup_by(|a, b| a.file == b.file && a.span == b.span && a.put == b.put);
    edits
}

fn record(pin: &Pin) -> PinRecord {
    PinRecord {
        action: pin.want.action,
        site: pin.judged.decision.site.to_string(),
        image: pin.want.image.clone().unwrap_or_else(|| pin.judged.terms.image.clone()),
        from: pin.judged.decision.from.clone(),
        to: pin.want.to.clone(),
        cause: pin.want.cause,
        evidence: pin.want.told.as_ref().map(|told| told.evidence.clone()),
        asked: None,
    }
}
