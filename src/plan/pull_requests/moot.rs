//! Pull requests that nothing belongs to any more. What could not be looked at makes none of them
//! moot.

use super::named::{find_open, is_of_comment, is_pin_of};
use crate::pipeline::forge::{Branch, Forge, PullRequest, PullState};
use crate::pipeline::{PinRecord, PullStep, Reason, Snapshot, Verdict};
use crate::plan::site_plan::{COMMENT, SitePlan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The names that are to be proposed, by their part of the branch.
pub(super) type Wanted = BTreeMap<String, Arc<str>>;

/// Returns the steps that close what is moot.
pub(super) fn close_pull_requests(
    snapshot: &Snapshot,
    forge: &Forge,
    sites: &[SitePlan],
    wanted: &Wanted,
) -> Vec<PullStep> {
    let open = forge
        .pulls
        .iter()
        .filter(|pull| pull.state == PullState::Open);
    let first = |pull: &PullRequest| {
        find_open(forge, &pull.name)
            .is_none_or(|first| first.number == pull.number || first.name != pull.name)
    };
    let (firsts, doubles): (Vec<_>, Vec<_>) = open.partition(|pull| first(pull));
    let firsts = firsts
        .into_iter()
        .filter(|pull| !wanted.contains_key(&*pull.name));
    let mut steps: Vec<PullStep> = firsts
        .filter_map(|pull| {
            close_if_moot(snapshot, sites, pull)
                .or_else(|| close_if_replaced(snapshot, sites, pull))
        })
        .collect();
    steps.extend(
        doubles
            .into_iter()
            .filter_map(|pull| close_double(snapshot, forge, pull)),
    );
    steps.sort_by_key(closed_number);
    steps
}

/// The number of the pull request that a step closes.
pub(super) fn closed_number(step: &PullStep) -> Option<u64> {
    match step {
        PullStep::Close { number, .. } => Some(*number),
        _ => None,
    }
}

/// Closes what another replica opened at the same moment; the branch belongs to the older one.
fn close_double(snapshot: &Snapshot, forge: &Forge, pull: &PullRequest) -> Option<PullStep> {
    let first = find_open(forge, &pull.name)?.number;
    let foreign = snapshot
        .branches
        .iter()
        .any(|branch| branch.name == pull.name && !branch.own);
    let why = format!("pull request #{first} proposes the same");
    (!foreign).then(|| PullStep::Close {
        number: pull.number,
        name: pull.name.clone(),
        tip: None,
        why,
    })
}

fn close_if_moot(snapshot: &Snapshot, sites: &[SitePlan], pull: &PullRequest) -> Option<PullStep> {
    let branch = snapshot
        .branches
        .iter()
        .find(|branch| branch.name == pull.name);
    if branch.is_some_and(|branch| !branch.own) {
        return None;
    }
    let pins = if pull.pins.is_empty() {
        branch.map_or(&[][..], |branch| &branch.pins)
    } else {
        &pull.pins
    };
    let why = moot(snapshot, sites, pins, is_of_comment(pull))?;
    Some(PullStep::Close {
        number: pull.number,
        name: pull.name.clone(),
        tip: branch.map(|branch| branch.tip.clone()),
        why,
    })
}

/// Closes what an earlier comment asked for and what nobody merged, where a newer one asks for
/// something else at all of its sites.
fn close_if_replaced(
    snapshot: &Snapshot,
    sites: &[SitePlan],
    pull: &PullRequest,
) -> Option<PullStep> {
    let branch = snapshot
        .branches
        .iter()
        .find(|branch| branch.name == pull.name && branch.own)?;
    let newer = |pin: &PinRecord| {
        let site = sites
            .iter()
            .find(|site| is_pin_of(snapshot, pin, site.site))?;
        let command = site.target.as_ref()?.command.as_ref()?;
        (*command.change != *pull.name).then(|| command.asked.clone())
    };
    let asked: Vec<_> = pull.pins.iter().map(newer).collect::<Option<_>>()?;
    let asked = asked.first().filter(|_| is_of_comment(pull))?;
    Some(PullStep::Close {
        number: pull.number,
        name: pull.name.clone(),
        tip: Some(branch.tip.clone()),
        why: format!("{} asked for something else at the same place", asked.by),
    })
}

/// Returns why the tag of a site is missing, where that is what blocks it.
fn find_missing_tag(site: &SitePlan) -> Option<String> {
    site.reasons
        .first()
        .filter(|reason| matches!(reason, Reason::TagMissing { .. }))
        .map(ToString::to_string)
}

/// Returns the steps that say in open pull requests that a tag is missing.
pub(super) fn warn_of_missing_tags(
    snapshot: &Snapshot,
    forge: &Forge,
    sites: &[SitePlan],
    wanted: &Wanted,
) -> Vec<PullStep> {
    let open = forge.pulls.iter().filter(|pull| {
        pull.state == PullState::Open
            && !wanted.contains_key(&*pull.name)
            && snapshot
                .branches
                .iter()
                .any(|branch| branch.name == pull.name && branch.own)
    });
    let warn = |pull: &PullRequest| {
        let is_of_pull = |site: &&SitePlan| {
            pull.pins
                .iter()
                .any(|pin| is_pin_of(snapshot, pin, site.site))
        };
        let why: BTreeSet<String> = sites
            .iter()
            .filter(is_of_pull)
            .filter_map(find_missing_tag)
            .collect();
        (!why.is_empty()).then(|| PullStep::Warn {
            number: pull.number,
            name: pull.name.clone(),
            why: why.into_iter().collect::<Vec<_>>().join("; "),
        })
    };
    open.filter_map(warn).collect()
}

/// Returns the steps that delete branches whose pull request has ended, or that never got one.
pub(super) fn delete_branches(
    snapshot: &Snapshot,
    forge: &Forge,
    sites: &[SitePlan],
    wanted: &Wanted,
) -> Vec<PullStep> {
    let ended = |branch: &Branch| {
        let mut pulls = forge
            .pulls
            .iter()
            .filter(|pull| pull.name == branch.name)
            .peekable();
        let never = pulls.peek().is_none();
        pulls.all(|pull| pull.state != PullState::Open)
            && (!never || moot(snapshot, sites, &branch.pins, false).is_some())
    };
    let asked = |branch: &Branch| {
        forge
            .asks
            .iter()
            .any(|ask| *branch.name == *format!("{}{}", COMMENT, ask.comment.id))
    };
    // What somebody added to a branch and merged is theirs no more.
    let mine = snapshot
        .branches
        .iter()
        .filter(|branch| branch.own || branch.merged);
    let gone = mine
        .filter(|branch| !wanted.contains_key(&*branch.name) && !asked(branch) && ended(branch));
    gone.map(|branch| PullStep::DeleteBranch {
        name: branch.name.clone(),
        tip: branch.tip.clone(),
    })
    .collect()
}

/// What became of one pin that is proposed.
enum ProposedPin {
    /// Why nothing is left to propose for it.
    Over(String),
    InSync,
    /// It may be proposed again, or nobody can tell now.
    Open,
}

/// Why nothing is left of these pins to propose; `None` while something is, or may be.
fn moot(
    snapshot: &Snapshot,
    sites: &[SitePlan],
    pins: &[PinRecord],
    asked: bool,
) -> Option<String> {
    let mut reasons: BTreeSet<String> = BTreeSet::new();
    for pin in pins {
        let outcome = match sites
            .iter()
            .find(|site| is_pin_of(snapshot, pin, site.site))
        {
            None => outcome_of_lost(snapshot, pin),
            Some(_) if asked => ProposedPin::Open,
            Some(site) => outcome_of(site),
        };
        match outcome {
            ProposedPin::Open => return None,
            ProposedPin::Over(why) => {
                reasons.insert(why);
            }
            ProposedPin::InSync => {}
        }
    }
    match (pins.is_empty(), reasons.len()) {
        (true, _) => None,
        (_, 0) => Some("all images are in sync".into()),
        _ => Some(reasons.into_iter().collect::<Vec<_>>().join("; ")),
    }
}

fn outcome_of_lost(snapshot: &Snapshot, pin: &PinRecord) -> ProposedPin {
    let file = pin
        .site
        .split_once('#')
        .map_or(&*pin.site, |(file, _)| file);
    let unread = snapshot
        .scan
        .problems
        .iter()
        .any(|problem| problem.file.as_str() == file);
    if unread {
        ProposedPin::Open
    } else {
        ProposedPin::Over(format!("the site {} is gone", pin.site))
    }
}

fn outcome_of(site: &SitePlan) -> ProposedPin {
    let reason = || {
        site.reasons
            .first()
            .map_or_else(String::new, ToString::to_string)
    };
    match site.verdict {
        Verdict::InSync => ProposedPin::InSync,
        Verdict::Waiting | Verdict::Unknown => ProposedPin::Open,
        // What a comment asks for is only proposed: until that is merged nothing is decided.
        _ if site.is_commanded() && site.is_proposed() => ProposedPin::Open,
        // A tag that is pushed again is missing for a moment, and a proxy that cannot reach its
        // upstream says the same. The digest that is proposed may still be there.
        Verdict::Blocked if find_missing_tag(site).is_some() => ProposedPin::Open,
        Verdict::Adopt | Verdict::Update | Verdict::Bump if site.is_committed() => {
            ProposedPin::Over(format!(
                "{} is committed without a pull request",
                site.site.id
            ))
        }
        Verdict::Adopt | Verdict::Update | Verdict::Bump => ProposedPin::Over(format!(
            "{} is proposed with {}",
            site.site.id,
            site.change_name()
        )),
        Verdict::Held | Verdict::Frozen | Verdict::Blocked | Verdict::Rollback => {
            ProposedPin::Over(format!("{}: {}", site.site.id, reason()))
        }
    }
}
