//! Pull requests: which are proposed now, which have to wait, which are left to a person or have become moot. Opens none: it returns steps.

mod merge;
mod moot;

pub(super) use merge::{merge, proposal};

use super::judged::{Judged, is_comment};
use crate::model::duration::show_time;
use crate::pipeline::Action;
use crate::pipeline::forge::{BRANCHES, Branch, Forge, PullRequest, PullState, branch_name};
use crate::pipeline::{Change, PinRecord, PullStep, Route, Snapshot, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The open pull request of a name; the oldest where two replicas opened one each.
pub(super) fn open<'a>(forge: &'a Forge, name: &str) -> Option<&'a PullRequest> {
    let part = branch_name(name);
    forge.pulls.iter().filter(|pull| pull.state == PullState::Open && *pull.name == *part).min_by_key(|pull| pull.number)
}

/// The branch of a name.
fn branch<'a>(snapshot: &'a Snapshot, name: &str) -> Option<&'a Branch> {
    let part = branch_name(name);
    snapshot.branches.iter().find(|branch| *branch.name == *part)
}

/// Says whether an open pull request proposes just that already, on the branch's tip: nothing is left to write.
pub(super) fn stands(snapshot: &Snapshot, change: &Change) -> bool {
    let pull = snapshot.forge.known().and_then(|forge| open(forge, &change.name)).filter(|_| change.route != Route::Commit);
    let same = |(pull, branch): (&PullRequest, &Branch)| {
        branch.own && branch.tip == pull.head && branch.parent == snapshot.tip && branch.pins == change.pins && pull.pins == change.pins
    };
    pull.zip(branch(snapshot, &change.name)).is_some_and(same)
}

/// Says whether a comment asked for it.
fn asked_for(pull: &PullRequest) -> bool {
    is_comment(&pull.name)
}

/// Takes back what was proposed before and closed by a person, and what somebody asked for otherwise. Looks at each site alone.
pub(super) fn declined(snapshot: &Snapshot, judged: &mut [Judged]) {
    let Some(forge) = snapshot.forge.known() else { return };
    for site in judged {
        let (Some(want), key) = (&site.want, &site.site.key) else { continue };
        let kind = |action: Action| if matches!(action, Action::Lift | Action::Rollback) { Some(action) } else { None };
        let back = want.action == Action::Rollback;
        let alike = |pin: &PinRecord| *pin.site == *key.0 && pin.to == want.to && kind(pin.action) == kind(want.action);
        let proposes = |pull: &PullRequest| pull.pins.iter().any(|pin| alike(pin) && (!back || pin.from == site.decision.from));
        // A rollback waits for nothing but its like.
        let pins = |pull: &PullRequest| pull.pins.iter().any(|pin| *pin.site == *key.0 && (!back || pin.to == want.to));
        let part = branch_name(&site.name());
        let asked = forge.pulls.iter().find(|pull| pull.state == PullState::Open && asked_for(pull) && pins(pull));
        let closed = forge.pulls.iter().find_map(|pull| match pull.state {
            PullState::Closed { at } if *pull.name == *part && want.way.is_pull() && proposes(pull) && pull.left.is_empty() => {
                Some((pull.number, at))
            }
            _ => None,
        });
        if let Some(pull) = asked {
            site.hold_back(Verdict::Waiting, format!("pull request #{}, which somebody asked for, is open", pull.number));
        } else if let Some((number, at)) = closed {
            let when = show_time(at);
            let why = format!(
                "pull request #{number} with this digest was closed on {when}: it is not proposed again; `/pin` or another digest does"
            );
            site.hold_back(Verdict::Held, why);
        }
    }
}

/// Makes what is to be proposed fit: branches that people pushed to are left alone, and no more pull requests are opened than allowed. Returns
/// the steps about those that no change belongs to.
pub(super) fn fit(snapshot: &Snapshot, judged: &mut [Judged]) -> Vec<PullStep> {
    let Some(forge) = snapshot.forge.known() else { return Vec::new() };
    let mut steps = leave(snapshot, forge, judged);
    let wanted = wanted(judged);
    let closes = moot::closes(snapshot, forge, judged, &wanted);
    let closing: BTreeSet<u64> = closes.iter().filter_map(closed).collect();
    limit(snapshot, forge, judged, &wanted, &closing);
    steps.extend(moot::branches(snapshot, forge, judged, &wanted));
    steps.extend(closes);
    steps
}

fn closed(step: &PullStep) -> Option<u64> {
    match step {
        PullStep::Close { number, .. } => Some(*number),
        _ => None,
    }
}

/// The names that are to be proposed, by their part of the branch.
type Wanted = BTreeMap<String, Arc<str>>;

fn wanted(judged: &[Judged]) -> Wanted {
    judged.iter().filter(|site| site.goes(true)).map(|site| (branch_name(&site.name()), site.name())).collect()
}

/// Leaves branches to the people who pushed to them.
fn leave(snapshot: &Snapshot, forge: &Forge, judged: &mut [Judged]) -> Vec<PullStep> {
    let mut steps = Vec::new();
    for branch in snapshot.branches.iter().filter(|branch| !branch.own) {
        let pull = forge.pulls.iter().find(|pull| pull.state == PullState::Open && pull.name == branch.name);
        let theirs = judged.iter_mut().filter(|site| site.goes(true) && branch_name(&site.name()) == *branch.name);
        match pull {
            Some(pull) => {
                let why = format!("somebody pushed to {BRANCHES}{}; pull request #{} is left alone", branch.name, pull.number);
                theirs.for_each(|site| site.hold_back(Verdict::Waiting, why.clone()));
                if pull.left.is_empty() {
                    steps.push(PullStep::Leave { number: pull.number, name: branch.name.clone(), tip: branch.tip.clone() });
                }
            }
            None => {
                let why = format!(
                    "the branch {BRANCHES}{} holds commits that are not pintle's; delete or rename it, and the change is proposed",
                    branch.name
                );
                theirs.for_each(|site| site.hold_back(Verdict::Blocked, why.clone()));
            }
        }
    }
    steps
}

/// Lets further pull requests wait while as many as allowed are open; those that people asked for do not count.
fn limit(snapshot: &Snapshot, forge: &Forge, judged: &mut [Judged], wanted: &Wanted, closing: &BTreeSet<u64>) {
    let counts = |pull: &&PullRequest| pull.state == PullState::Open && !asked_for(pull) && !closing.contains(&pull.number);
    let open_now = forge.pulls.iter().filter(counts).count();
    let most = snapshot.config.forge.max_pull_requests;
    let new: BTreeSet<&Arc<str>> = wanted.values().filter(|name| open(forge, name).is_none()).collect();
    let urgent: BTreeSet<Arc<str>> = judged.iter().filter(|site| site.is_rollback()).map(Judged::name).collect();
    let waiting: BTreeSet<Arc<str>> =
        new.into_iter().filter(|name| !urgent.contains(*name)).skip(most.saturating_sub(open_now)).cloned().collect();
    let now = most.max(open_now);
    for site in judged.iter_mut().filter(|site| site.goes(true) && waiting.contains(&site.name())) {
        site.hold_back(Verdict::Waiting, format!("{now} pull requests are open already ([forge] max_pull_requests)"));
    }
}
