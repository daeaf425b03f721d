//! Pull requests: what they say, when pintle merges them, and which have become moot. Opens none:
//! it returns steps.

mod merge;
mod moot;
mod named;

pub(super) use merge::{make_proposal, merge_next, note_merge_waits};
pub(super) use named::{find_open, is_of_comment, is_pin_of};

use super::site_plan::SitePlan;
use crate::pipeline::forge::{Forge, PullState, branch_name};
use crate::pipeline::{PullStep, Snapshot};
use moot::{Wanted, closed_number};
use std::collections::BTreeSet;

fn find_wanted(sites: &[SitePlan]) -> Wanted {
    sites
        .iter()
        .filter(|site| site.is_proposed())
        .map(|site| (branch_name(&site.change_name()), site.change_name()))
        .collect()
}

/// Returns the steps about pull requests and branches that no change belongs to, and about those
/// that people pushed to.
pub(super) fn find_steps(snapshot: &Snapshot, sites: &[SitePlan]) -> Vec<PullStep> {
    let Some(forge) = snapshot.forge.known() else {
        return Vec::new();
    };
    let wanted = find_wanted(sites);
    let mut steps = leave_to_people(snapshot, forge);
    steps.extend(moot::delete_branches(snapshot, forge, sites, &wanted));
    let closing = moot::close_pull_requests(snapshot, forge, sites, &wanted);
    let is_closed = |number: u64| {
        closing
            .iter()
            .filter_map(closed_number)
            .any(|one| one == number)
    };
    let warnings = moot::warn_of_missing_tags(snapshot, forge, sites, &wanted);
    steps.extend(
        warnings
            .into_iter()
            .filter(|step| !matches!(step, PullStep::Warn { number, .. } if is_closed(*number))),
    );
    steps.extend(closing);
    steps
}

/// Says whether the command is about all that the pull request or branch of a step changes.
pub(super) fn is_step_named(snapshot: &Snapshot, step: &PullStep) -> bool {
    let (Some(only), Some(forge)) = (&snapshot.only, snapshot.forge.known()) else {
        return true;
    };
    let (PullStep::Close { name, .. }
    | PullStep::DeleteBranch { name, .. }
    | PullStep::Warn { name, .. }
    | PullStep::Leave { name, .. }
    | PullStep::Merge { name, .. }) = step;
    let pulls = forge.pulls.iter().filter(|pull| pull.name == *name);
    let branches = snapshot.branches.iter().filter(|one| one.name == *name);
    let mut pins = pulls
        .flat_map(|pull| &pull.pins)
        .chain(branches.flat_map(|branch| &branch.pins))
        .peekable();
    pins.peek().is_some() && pins.all(|pin| only.iter().any(|site| site.as_str() == pin.site))
}

/// Returns the numbers of the pull requests that are closed in this pass.
pub(super) fn closing_numbers(
    snapshot: &Snapshot,
    forge: &Forge,
    sites: &[SitePlan],
) -> BTreeSet<u64> {
    moot::close_pull_requests(snapshot, forge, sites, &find_wanted(sites))
        .iter()
        .filter_map(closed_number)
        .collect()
}

/// Says once of each open pull request that a person pushed to that it is theirs now.
fn leave_to_people(snapshot: &Snapshot, forge: &Forge) -> Vec<PullStep> {
    let foreign = snapshot.branches.iter().filter(|branch| !branch.own);
    let steps = foreign.filter_map(|branch| {
        let pull = forge
            .pulls
            .iter()
            .find(|pull| pull.state == PullState::Open && pull.name == branch.name)?;
        let step = PullStep::Leave {
            number: pull.number,
            name: branch.name.clone(),
            tip: branch.tip.clone(),
        };
        pull.left.is_empty().then_some(step)
    });
    steps.collect()
}
