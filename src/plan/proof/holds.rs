//! What is said of each site, before the edits and after them: the changed ones must be held or let go as planned, and all else must stay as it was.

use crate::model::hold::Hold;
use crate::pipeline::{Action, PinRecord, Snapshot};
use crate::plan::select::{Select, Terms};
use crate::plan::usual;
use std::collections::BTreeMap;

/// Says which site is held, let go or treated otherwise than planned.
pub(super) fn prove(before: &Snapshot, after: &Snapshot, pins: &[&PinRecord]) -> Result<(), String> {
    let (old, new) = (said(before), said(after));
    for (site, old) in &old {
        let new = new.get(site).ok_or_else(|| format!("{site} has another name after the edit"))?;
        let own: Vec<&PinRecord> = pins.iter().copied().filter(|pin| pin.site == *site).collect();
        if let Some(why) = holds(before, old, new, &own) {
            return Err(format!("{site} {why}"));
        }
        if own.is_empty() && rest(old) != rest(new) {
            return Err(format!("{site} would be treated in another way, and nothing of that was planned"));
        }
    }
    Ok(())
}

fn said(snapshot: &Snapshot) -> BTreeMap<String, Terms> {
    let select = Select::new(&snapshot.scan, &snapshot.config, usual(snapshot));
    snapshot.scan.sites().map(|(literal, site)| (site.key.to_string(), select.terms(literal, site))).collect()
}

/// Says what is wrong with the holds of a site.
fn holds(snapshot: &Snapshot, old: &Terms, new: &Terms, pins: &[&PinRecord]) -> Option<String> {
    let (before, after) = (values(old), values(new));
    let more = without(&after, &before);
    let stands = |hold: &&Hold| hold.holds_at(snapshot.at);
    let is = |actions: &[Action]| pins.iter().any(|pin| actions.contains(&pin.action));
    if is(&[Action::Pin, Action::Hold, Action::Rollback]) {
        let held = after.iter().any(|hold| stands(&hold));
        return match (held, more.len()) {
            (true, 0 | 1) => None,
            (true, _) => Some("would get more than one hold".into()),
            (false, _) => Some("would not be held".into()),
        };
    }
    if !more.is_empty() {
        return Some(format!("would be {}, which is not planned", more[0]));
    }
    if is(&[Action::Unpin, Action::Resume]) {
        return after.iter().find(stands).map(|hold| format!("would still be {hold}"));
    }
    if is(&[Action::Lift]) {
        let ended = after.iter().find(|hold| !stands(hold)).map(|hold| format!("would still have been {hold}"));
        return ended.or_else(|| without(&before, &after).iter().find(stands).map(|hold| format!("would no longer be {hold}")));
    }
    (before != after).then(|| "would lose a hold, which is not planned".into())
}

fn values(terms: &Terms) -> Vec<Hold> {
    let mut all: Vec<Hold> = terms.holds.iter().map(|hold| hold.value.clone()).collect();
    all.sort_by_key(|hold| (hold.until, hold.by.clone(), hold.because.clone()));
    all
}

/// Returns what `all` has more than `less`.
fn without(all: &[Hold], less: &[Hold]) -> Vec<Hold> {
    let mut less = less.to_vec();
    let gone = |hold: &&Hold| match less.iter().position(|other| other == *hold) {
        Some(at) => {
            less.remove(at);
            false
        }
        None => true,
    };
    all.iter().filter(gone).cloned().collect()
}

/// All that is said of a site beside its holds, without the places, which move.
fn rest(terms: &Terms) -> String {
    let Terms { denied, unsure, replaced, follows, channel, image, group, class, .. } = terms;
    let policy = terms.policy.as_ref().map(|policy| &policy.value);
    let schedule = terms.schedule.as_ref().map(|schedule| &schedule.value);
    let modes = (&terms.adopt.value, &terms.follow.value, &terms.rollback.value);
    let times = (&terms.soak.value, &terms.settle.value, terms.automerge.value);
    let back = (&terms.watch.value, terms.auto_rollback.value, terms.drift.value);
    let counts = (terms.wrong.len(), terms.locks.len());
    format!(
        "{denied:?} {unsure:?} {replaced:?} {follows} {channel:?} {image} {group:?} {class:?} {policy:?} {schedule:?} {modes:?} {times:?} {back:?} {counts:?}"
    )
}
