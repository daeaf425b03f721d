//! Pull requests that nothing belongs to any more. What could not be looked at makes none of them moot.

use super::{Wanted, asked_for, closed};
use crate::pipeline::forge::{Branch, Forge, PullRequest, PullState};
use crate::pipeline::{PinRecord, PullStep, Snapshot, Verdict};
use crate::plan::judged::{COMMENT, Judged};
use std::collections::BTreeSet;

/// Returns the steps that close what is moot.
pub(super) fn closes(snapshot: &Snapshot, forge: &Forge, judged: &[Judged], wanted: &Wanted) -> Vec<PullStep> {
    let open = forge.pulls.iter().filter(|pull| pull.state == PullState::Open);
    let first =
        |pull: &PullRequest| super::open(forge, &pull.name).is_none_or(|first| first.number == pull.number || first.name != pull.name);
    let (firsts, doubles): (Vec<_>, Vec<_>) = open.partition(|pull| first(pull));
    let firsts = firsts.into_iter().filter(|pull| !wanted.contains_key(&*pull.name));
    let mut steps: Vec<PullStep> = firsts.filter_map(|pull| close(snapshot, judged, pull)).collect();
    steps.extend(doubles.into_iter().filter_map(|pull| double(snapshot, forge, pull)));
    steps.sort_by_key(closed);
    steps
}

/// Closes what another replica opened at the same moment; the branch belongs to the older one.
fn double(snapshot: &Snapshot, forge: &Forge, pull: &PullRequest) -> Option<PullStep> {
    let first = super::open(forge, &pull.name)?.number;
    let foreign = snapshot.branches.iter().any(|branch| branch.name == pull.name && !branch.own);
    let why = format!("pull request #{first} proposes the same");
    (!foreign).then(|| PullStep::Close { number: pull.number, name: pull.name.clone(), tip: None, why })
}

fn close(snapshot: &Snapshot, judged: &[Judged], pull: &PullRequest) -> Option<PullStep> {
    let branch = snapshot.branches.iter().find(|branch| branch.name == pull.name);
    if branch.is_some_and(|branch| !branch.own) {
        return None;
    }
    let pins = if pull.pins.is_empty() { branch.map_or(&[][..], |branch| &branch.pins) } else { &pull.pins };
    let why = moot(snapshot, judged, pins, asked_for(pull))?;
    Some(PullStep::Close { number: pull.number, name: pull.name.clone(), tip: branch.map(|branch| branch.tip.clone()), why })
}

/// Returns the steps that delete branches whose pull request has ended, or that never got one.
pub(super) fn branches(snapshot: &Snapshot, forge: &Forge, judged: &[Judged], wanted: &Wanted) -> Vec<PullStep> {
    let ended = |branch: &Branch| {
        let mut pulls = forge.pulls.iter().filter(|pull| pull.name == branch.name).peekable();
        let never = pulls.peek().is_none();
        pulls.all(|pull| pull.state != PullState::Open) && (!never || moot(snapshot, judged, &branch.pins, false).is_some())
    };
    let asked = |branch: &Branch| forge.asks.iter().any(|ask| *branch.name == *format!("{}{}", COMMENT, ask.comment.id));
    // What somebody added to a branch and merged is theirs no more.
    let mine = snapshot.branches.iter().filter(|branch| branch.own || branch.merged);
    let gone = mine.filter(|branch| !wanted.contains_key(&*branch.name) && !asked(branch) && ended(branch));
    gone.map(|branch| PullStep::DeleteBranch { name: branch.name.clone(), tip: branch.tip.clone() }).collect()
}

/// What became of one pin that is proposed.
enum Fate {
    /// Why nothing is left to propose for it.
    Over(String),
    InSync,
    /// It may be proposed again, or nobody can tell now.
    Open,
}

/// Why nothing is left of these pins to propose; `None` while something is, or may be.
fn moot(snapshot: &Snapshot, judged: &[Judged], pins: &[PinRecord], asked: bool) -> Option<String> {
    let mut reasons: BTreeSet<String> = BTreeSet::new();
    for pin in pins {
        let fate = match judged.iter().find(|site| *site.site.key.0 == *pin.site) {
            None => gone(snapshot, pin),
            Some(_) if asked => Fate::Open,
            Some(site) => fate(site),
        };
        match fate {
            Fate::Open => return None,
            Fate::Over(why) => {
                reasons.insert(why);
            }
            Fate::InSync => {}
        }
    }
    match (pins.is_empty(), reasons.len()) {
        (true, _) => None,
        (_, 0) => Some("all images are in sync".into()),
        _ => Some(reasons.into_iter().collect::<Vec<_>>().join("; ")),
    }
}

fn gone(snapshot: &Snapshot, pin: &PinRecord) -> Fate {
    let file = pin.site.split_once('#').map_or(&*pin.site, |(file, _)| file);
    let unread = snapshot.scan.problems.iter().any(|problem| problem.file.as_str() == file);
    if unread { Fate::Open } else { Fate::Over(format!("the site {} is gone", pin.site)) }
}

fn fate(site: &Judged) -> Fate {
    let reason = || site.decision.reasons.first().cloned().unwrap_or_default();
    match site.decision.verdict {
        Verdict::InSync => Fate::InSync,
        Verdict::Waiting | Verdict::Unknown => Fate::Open,
        Verdict::Adopt | Verdict::Move if site.goes(false) => {
            Fate::Over(format!("{} is committed without a pull request", site.decision.site))
        }
        Verdict::Adopt | Verdict::Move => Fate::Over(format!("{} is proposed with {}", site.decision.site, site.name())),
        Verdict::Held | Verdict::Frozen | Verdict::Blocked | Verdict::Rollback => {
            Fate::Over(format!("{}: {}", site.decision.site, reason()))
        }
    }
}
