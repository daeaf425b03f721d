//! Holds that have ended: their text is taken out, one change a stack, and nothing of it moves in the same pass.

use super::hold::{Draft, Which};
use super::judged::{Judged, Want};
use super::route::{self, Way};
use crate::config::Mode;
use crate::model::duration::show_time;
use crate::pipeline::{Action, Cause, Snapshot, Verdict};
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Plans the end of holds. `taken` are files that a comment's change edits.
pub(super) fn lift(snapshot: &Snapshot, judged: &mut [Judged], taken: &BTreeSet<RepoPath>) {
    let mut by_name: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, site) in judged.iter().enumerate().filter(|(_, site)| liftable(snapshot, site)) {
        by_name.entry(site.name()).or_default().push(index);
    }
    let mut taken = taken.clone();
    by_name.retain(|name, _| !judged.iter().any(|site| site.is_rollback() && site.name() == *name));
    for (name, sites) in by_name {
        let (lifted, edits) = draft(snapshot, judged, &sites);
        if lifted.is_empty() || edits.iter().any(|edit| taken.contains(&edit.file)) {
            continue;
        }
        taken.extend(edits.iter().map(|edit| edit.file.clone()));
        let way = route::direct(snapshot);
        put_off(judged, &name, &lifted, &way);
        for index in lifted {
            want(snapshot, &mut judged[index], &edits, &way);
        }
    }
}

/// A hold that has ended, on a site that may be written.
fn liftable(snapshot: &Snapshot, site: &Judged) -> bool {
    let terms = &site.terms;
    let ended = terms.holds.iter().any(|hold| !hold.value.holds_at(snapshot.at));
    let locked = !terms.wrong.is_empty() || !terms.locks.is_empty() || terms.denied.is_some() || terms.unsure.is_some();
    ended && !locked && terms.follow.value != Mode::Off
}

/// Lifts what can be lifted; where not all can together, each alone. Why one cannot is told.
fn draft(snapshot: &Snapshot, judged: &mut [Judged], sites: &[usize]) -> (Vec<usize>, Vec<Edit>) {
    let mut draft = Draft::new(snapshot);
    let all: Vec<_> = sites.iter().map(|index| (judged[*index].literal, judged[*index].site)).collect();
    if draft.lift(&all, Which::Ended).is_ok() {
        return (sites.to_vec(), draft.edits());
    }
    let mut draft = Draft::new(snapshot);
    let mut lifted = Vec::new();
    for index in sites {
        let site = &mut judged[*index];
        match draft.lift(&[(site.literal, site.site)], Which::Ended) {
            Ok(()) => lifted.push(*index),
            Err(why) => site.decision.reasons.push(format!("a hold has ended and cannot be lifted: {why}")),
        }
    }
    (lifted, draft.edits())
}

/// One commit or pull request of a name at a time: its moves go on when the holds are lifted.
fn put_off(judged: &mut [Judged], name: &str, lifted: &[usize], way: &Way) {
    let others = judged.iter_mut().enumerate().filter(|(index, _)| !lifted.contains(index)).map(|(_, site)| site);
    for site in others.filter(|site| site.goes(way.is_pull()) && *site.name() == *name) {
        site.hold_back(Verdict::Waiting, format!("holds of {name} have ended: they are lifted first"));
    }
}

fn want(snapshot: &Snapshot, site: &mut Judged, edits: &[Edit], way: &Way) {
    let ended = site.terms.holds.iter().filter(|hold| !hold.value.holds_at(snapshot.at));
    let until = ended.filter_map(|hold| hold.value.until).max().map_or(String::new(), |until| format!(" ended {}", show_time(until)));
    let reason = format!("its hold{until} and is lifted");
    match site.decision.verdict {
        Verdict::Adopt | Verdict::Move => site.hold_back(Verdict::Waiting, reason),
        _ => site.decision.reasons.push(reason),
    }
    let note = format!("The hold of {}{until}.", site.terms.image);
    let to = site.decision.from.clone();
    site.want = Some(Want {
        action: Action::Lift,
        cause: Cause::HoldEnded,
        to,
        image: None,
        edits: edits.to_vec(),
        way: way.clone(),
        notes: vec![note],
        told: None,
    });
}
