//! What a pull request says, and when pintle merges it by itself.

use super::{branch, open};
use crate::model::duration::{show, show_time};
use crate::pipeline::forge::Checks;
use crate::pipeline::{Action, Change, Proposal, PullStep, Route, Row, Seen, Snapshot};
use crate::plan::judged::{Judged, Pin};
use crate::plan::route::Way;
use crate::plan::{budget, ledger};
use jiff::{SignedDuration, Timestamp};

/// Returns what the pull request of these pins says besides its commit.
pub(in crate::plan) fn proposal(snapshot: &Snapshot, name: &str, pins: &[Pin]) -> Proposal {
    let why = pins.iter().find_map(|pin| match &pin.want.way {
        Way::Pull { why, .. } => why.clone(),
        Way::Commit => None,
    });
    Proposal {
        number: snapshot.forge.known().and_then(|forge| open(forge, name)).map(|pull| pull.number),
        why,
        urgent: pins.iter().any(|pin| pin.want.action == Action::Rollback),
        rows: pins.iter().map(|pin| row(snapshot, pin)).collect(),
        merges: merges(snapshot, pins),
    }
}

fn row(snapshot: &Snapshot, pin: &Pin) -> Row {
    let (site, to) = (pin.judged, pin.want.to.clone());
    let from = site.decision.from.clone();
    let channel = site.terms.channel.as_ref();
    let between = channel.cloned().zip(from.clone()).zip(to.clone()).map(|((channel, from), to)| (channel, from, to));
    Row {
        site: site.decision.site.clone(),
        image: pin.want.image.clone().unwrap_or_else(|| site.terms.image.clone()),
        first_seen: to.as_ref().and_then(|to| first_seen(snapshot, site, to)),
        cache: channel.and_then(|channel| snapshot.cache.get(channel)).cloned(),
        running: site.decision.runs.clone(),
        reasons: site.decision.reasons.clone(),
        notes: between.and_then(|key| snapshot.notes.get(&key)).cloned(),
        from,
        to,
    }
}

fn first_seen(snapshot: &Snapshot, site: &Judged, to: &crate::model::digest::Digest) -> Option<Timestamp> {
    let channel = site.terms.channel.as_ref().filter(|_| snapshot.ledger.known().is_some())?;
    Some(ledger::first_seen(snapshot, channel, to))
}

/// When all the pins are ripe: `None` where one of them is never merged by itself, or nobody knows since when it is there.
fn ripe(snapshot: &Snapshot, pins: &[Pin]) -> Option<Timestamp> {
    let times = pins.iter().map(|pin| {
        let terms = &pin.judged.terms;
        let known = terms.unread.is_none() || pin.want.action != Action::Move;
        let may = known && terms.automerge.value && matches!(pin.want.way, Way::Pull { merge: true, .. });
        let soak = soak(pin);
        match may {
            false => None,
            true if soak.is_zero() => Some(Timestamp::MIN),
            true => first_seen(snapshot, pin.judged, pin.want.to.as_ref()?)?.checked_add(soak).ok(),
        }
    });
    times.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// Rollbacks wait for no age.
fn soak(pin: &Pin) -> SignedDuration {
    if pin.want.action == Action::Rollback { SignedDuration::ZERO } else { pin.judged.terms.soak.value }
}

/// `after 3d, on 2026-11-25 08:00 UTC, once its statuses are green`
fn merges(snapshot: &Snapshot, pins: &[Pin]) -> Option<String> {
    let ripe = ripe(snapshot, pins)?;
    let soak = pins.iter().map(soak).max().unwrap_or_default();
    let after = if soak.is_zero() { String::new() } else { format!("after {}, on {}, ", show(soak), show_time(ripe)) };
    Some(format!("{after}once its statuses are green"))
}

/// Returns the step that merges the first pull request whose time has come. One change at a time: not beside a commit, and while another is in
/// flight (`busy`) only a rollback; moves only within the budget.
pub(in crate::plan) fn merge(snapshot: &Snapshot, judged: &[Judged], changes: &[Change], busy: bool) -> Option<PullStep> {
    let forge = snapshot.forge.known()?;
    if changes.iter().any(|change| change.route == Route::Commit) {
        return None;
    }
    let spent = budget::left(snapshot).is_some_and(|left| left.is_over());
    let is = |change: &Change, action: Action| change.pins.iter().any(|pin| pin.action == action);
    let mut may = changes.iter().filter(|change| (!busy || is(change, Action::Rollback)) && !(spent && is(change, Action::Move)));
    may.find_map(|change| {
        let (pull, branch) = (open(forge, &change.name)?, branch(snapshot, &change.name)?);
        let pins: Vec<Pin> = judged
            .iter()
            .filter(|site| site.goes(true) && site.name() == change.name)
            .filter_map(|judged| Some(Pin { judged, want: judged.want.as_ref()? }))
            .collect();
        let ripe = !pins.is_empty() && ripe(snapshot, &pins).is_some_and(|at| at <= snapshot.at);
        let as_wanted = branch.own && branch.tip == pull.head && branch.pins == change.pins && branch.parent == snapshot.tip;
        let green = pull.checks == Seen::Known(Checks::Green);
        let step = || PullStep::Merge { number: pull.number, name: pull.name.clone(), head: pull.head.clone() };
        (ripe && as_wanted && green && branch.parent.is_some()).then(step)
    })
}
