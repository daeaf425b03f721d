//! Holds that have ended: their text is removed, one change a stack, and nothing of it is updated
//! in the same pass.

use super::delivery::{can_deliver, deliver_directly};
use super::hold::{Draft, Which};
use super::rules::first_lock;
use super::site_plan::{SitePlan, Target};
use crate::model::duration::show_time;
use crate::model::settings::Mode;
use crate::pipeline::claim::Claim;
use crate::pipeline::{Action, Cause, Delivery, Reason, Snapshot, Verdict};
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Plans the end of holds. `taken` are files that comments and rollbacks edit.
pub(super) fn remove_expired_holds(
    snapshot: &Snapshot,
    sites: &mut [SitePlan],
    taken: &BTreeSet<RepoPath>,
) {
    let mut by_name: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (place, site) in sites
        .iter()
        .enumerate()
        .filter(|(_, site)| has_expired_hold(snapshot, site))
    {
        by_name.entry(site.change_name()).or_default().push(place);
    }
    let mut taken = taken.clone();
    by_name.retain(|name, _| {
        !sites
            .iter()
            .any(|site| site.has_action(Action::Rollback) && site.change_name() == *name)
    });
    for (name, places) in by_name {
        let (removed, edits) = draft_removal(snapshot, sites, &places);
        if removed.is_empty() || edits.iter().any(|edit| taken.contains(&edit.file)) {
            continue;
        }
        taken.extend(edits.iter().map(|edit| edit.file.clone()));
        let delivery = deliver_directly(snapshot);
        if !can_deliver(snapshot, &delivery) {
            continue;
        }
        put_off_others(sites, &name, &removed, &delivery);
        let mut edits = Some(edits);
        for place in removed {
            set_removal_target(
                snapshot,
                &mut sites[place],
                edits.take().unwrap_or_default(),
                &delivery,
            );
        }
    }
}

/// A hold that has ended, on a site that may be written.
fn has_expired_hold(snapshot: &Snapshot, site: &SitePlan) -> bool {
    let has_ended = site
        .settings
        .holds
        .iter()
        .any(|hold| !hold.value.holds_at(snapshot.at));
    has_ended
        && !site.is_commanded()
        && first_lock(site).is_none()
        && site.settings.update.value != Mode::Off
}

/// Removes what can be removed; where not all can together, each alone. Why one cannot is reported.
fn draft_removal(
    snapshot: &Snapshot,
    sites: &mut [SitePlan],
    places: &[usize],
) -> (Vec<usize>, Vec<Edit>) {
    let mut draft = Draft::new(snapshot);
    let all: Vec<_> = places
        .iter()
        .map(|place| (sites[*place].literal, sites[*place].site))
        .collect();
    if draft.lift(&all, Which::Ended).is_ok() {
        return (places.to_vec(), draft.edits());
    }
    let mut draft = Draft::new(snapshot);
    let mut removed = Vec::new();
    for place in places {
        let site = &mut sites[*place];
        match draft.lift(&[(site.literal, site.site)], Which::Ended) {
            Ok(()) => removed.push(*place),
            Err(why) => site.reasons.push(Reason::HoldNotRemoved {
                why: why.to_string(),
            }),
        }
    }
    (removed, draft.edits())
}

/// One commit or pull request of a name at a time: its updates go on when the holds are removed.
fn put_off_others(sites: &mut [SitePlan], name: &Arc<str>, removed: &[usize], delivery: &Delivery) {
    let others = sites
        .iter_mut()
        .enumerate()
        .filter(|(place, _)| !removed.contains(place))
        .map(|(_, site)| site);
    for site in others.filter(|site| !site.is_commanded()) {
        let is_same_way = if delivery.is_pull_request() {
            site.is_proposed()
        } else {
            site.is_committed()
        };
        if is_same_way && site.change_name() == *name {
            site.refuse(Reason::HoldsEndFirst { name: name.clone() });
        }
    }
}

fn set_removal_target(
    snapshot: &Snapshot,
    site: &mut SitePlan,
    edits: Vec<Edit>,
    delivery: &Delivery,
) {
    let ended = site
        .settings
        .holds
        .iter()
        .filter(|hold| !hold.value.holds_at(snapshot.at));
    let until = ended.filter_map(|hold| hold.value.until).max();
    let reason = Reason::HoldEnded { until };
    match site.verdict {
        Verdict::Adopt | Verdict::Update | Verdict::Bump => site.refuse(reason),
        _ => site.reasons.push(reason),
    }
    let when = until.map_or(String::new(), |until| {
        format!(" expired {}", show_time(until))
    });
    // The image stays as it is, and so do the verdict, what is wanted, and how that would be
    // delivered.
    site.target = Some(Target {
        action: Action::Lift,
        cause: Cause::HoldEnded,
        to: site.pinned.clone(),
        image: None,
        edits,
        claims: vec![Claim::EndedHoldsRemoved {
            site: site.site.id.clone(),
        }],
        prove: None,
        delivery: delivery.clone(),
        notes: vec![format!("The hold of {}{when}.", site.settings.image)],
        evidence: None,
        command: None,
    });
}
