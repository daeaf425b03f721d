//! What a pull request says, and when pintle merges it by itself.

use super::named::{find_branch, find_open};
use crate::config::RebaseMode;
use crate::model::ask::Right;
use crate::model::digest::Digest;
use crate::model::duration::{show, show_time};
use crate::pipeline::forge::{Branch, Checks, Forge, PullRequest};
use crate::pipeline::{Action, Change, Delivery, Proposal, PullStep, Reason, Row, Seen, Snapshot};
use crate::plan::first_seen;
use crate::plan::rules::BudgetLeft;
use crate::plan::site_plan::{SitePlan, TargetOf};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns what the pull request of these pins says besides its commit.
pub(in crate::plan) fn make_proposal(
    snapshot: &Snapshot,
    name: &str,
    pins: &[TargetOf],
) -> Proposal {
    let because = pins.iter().find_map(|pin| match &pin.target.delivery {
        Delivery::PullRequest { because, .. } => because.clone(),
        Delivery::Commit => None,
    });
    Proposal {
        number: snapshot
            .forge
            .known()
            .and_then(|forge| find_open(forge, name))
            .map(|pull| pull.number),
        because,
        urgent: pins
            .iter()
            .any(|pin| pin.target.action == Action::Rollback || pin.target.command.is_some()),
        rows: pins.iter().map(|pin| table_row(snapshot, pin)).collect(),
        merges: describe_automerge(snapshot, pins),
        waits: find_merge_waits(snapshot, name, pins),
        newest_tip: snapshot.config.forge.rebase == RebaseMode::Always
            || snapshot
                .forge
                .known()
                .is_some_and(|forge| forge.merges_newest_only),
    }
}

/// Adds to the sites of pull requests that pintle would merge what people have to settle before.
pub(in crate::plan) fn note_merge_waits(snapshot: &Snapshot, sites: &mut [SitePlan]) {
    let Some(forge) = snapshot.forge.known() else {
        return;
    };
    let names: BTreeSet<Arc<str>> = sites
        .iter()
        .filter(|site| site.is_proposed())
        .map(SitePlan::change_name)
        .collect();
    for name in names {
        let Some(number) = find_open(forge, &name).map(|pull| pull.number) else {
            continue;
        };
        let is_of_change = |site: &SitePlan| site.is_proposed() && site.change_name() == name;
        let pins: Vec<TargetOf> = sites
            .iter()
            .filter(|site| is_of_change(site))
            .filter_map(SitePlan::target)
            .collect();
        let waits = find_merge_waits(snapshot, &name, &pins);
        for site in sites.iter_mut().filter(|site| is_of_change(site)) {
            let reasons = waits.iter().map(|what| Reason::MergeWaits {
                number,
                what: what.clone(),
            });
            site.reasons.extend(reasons);
        }
    }
}

/// Returns what people have to settle before the open pull request of these pins is merged
/// automatically: `ana asks for changes in a review`. Nothing where pintle merges it at no time.
fn find_merge_waits(snapshot: &Snapshot, name: &str, pins: &[TargetOf]) -> Vec<String> {
    let open = snapshot
        .forge
        .known()
        .and_then(|forge| find_open(forge, name));
    match open.filter(|_| merge_time(snapshot, pins).is_some()) {
        Some(pull) => describe_open_reviews(pull),
        None => Vec::new(),
    }
}

fn describe_open_reviews(pull: &PullRequest) -> Vec<String> {
    let mut waits = Vec::new();
    if pull.draft {
        waits.push("its title makes it a draft".to_owned());
    }
    match &pull.reviews {
        Seen::Known(reviews) => waits.extend(reviews.iter().map(ToString::to_string)),
        Seen::Unknown(why) => waits.push(format!("its reviews could not be read: {why}")),
        Seen::NotAsked => {}
    }
    waits
}

/// Says whether a comment of somebody who may write, as far as that is known, has no answer before
/// this pass: it may ask for what a merge would make impossible.
fn has_unanswered_command(forge: &Forge) -> bool {
    let may_write = |right: &Seen<Right>| right.known().is_none_or(|right| *right >= Right::Write);
    forge.asks.iter().any(|ask| may_write(&ask.right))
}

fn table_row(snapshot: &Snapshot, pin: &TargetOf) -> Row {
    let (site, to, from) = (pin.site, pin.target.to.clone(), pin.site.pinned.clone());
    // What a person asks for needs no evidence of the channel.
    let channel = site.next_channel().filter(|_| pin.target.command.is_none());
    let between = channel
        .cloned()
        .zip(from.clone())
        .zip(to.clone())
        .map(|((channel, from), to)| (channel, from, to));
    Row {
        site: site.site.id.clone(),
        image: pin.image().clone(),
        from_tag: pin.replaced_tag(),
        first_seen: to
            .as_ref()
            .filter(|_| channel.is_some())
            .and_then(|to| first_sighting(snapshot, site, to)),
        cache: channel
            .and_then(|channel| snapshot.cache.get(channel))
            .cloned(),
        running: site.running.clone(),
        reasons: site.reasons.clone(),
        notes: between.and_then(|key| snapshot.notes.get(&key)).cloned(),
        from,
        to,
    }
}

fn first_sighting(snapshot: &Snapshot, site: &SitePlan, to: &Digest) -> Option<Timestamp> {
    let channel = site
        .next_channel()
        .filter(|_| snapshot.ledger.known().is_some())?;
    Some(first_seen::first_seen(snapshot, channel, to))
}

/// When all the pins may be merged: `None` where one of them never is by itself, or it is not known
/// since when it is there.
fn merge_time(snapshot: &Snapshot, pins: &[TargetOf]) -> Option<Timestamp> {
    let times = pins.iter().map(|pin| {
        let settings = &pin.site.settings;
        let is_policy_known =
            pin.site.live_policy_unknown.is_none() || !pin.target.action.is_forward();
        let may_merge = matches!(
            pin.target.delivery,
            Delivery::PullRequest {
                automerge: true,
                ..
            }
        ) && pin.target.command.is_none();
        let soak = soak_time(pin);
        match is_policy_known && settings.automerge.value && may_merge {
            false => None,
            true if soak.is_zero() => Some(Timestamp::MIN),
            true => first_sighting(snapshot, pin.site, pin.target.to.as_ref()?)?
                .checked_add(soak)
                .ok(),
        }
    });
    times.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// Rollbacks wait for no age.
fn soak_time(pin: &TargetOf) -> SignedDuration {
    if pin.target.action == Action::Rollback {
        SignedDuration::ZERO
    } else {
        pin.site.settings.soak.value
    }
}

/// `after 3d, on 2026-11-25 08:00 UTC, once its statuses are green`
fn describe_automerge(snapshot: &Snapshot, pins: &[TargetOf]) -> Option<String> {
    let at = merge_time(snapshot, pins)?;
    let soak = pins.iter().map(soak_time).max().unwrap_or_default();
    let after = if soak.is_zero() {
        String::new()
    } else {
        format!("after {}, on {}, ", show(soak), show_time(at))
    };
    Some(format!("{after}once its statuses are green"))
}

/// Returns the step that merges the first pull request whose time has come. One change at a time:
/// not beside a commit, and while another is in flight (`is_busy`) only a rollback; updates only
/// within the budget. Where none of them stands on the newest tip, the first is put there, and may
/// be merged once its statuses are green again.
pub(in crate::plan) fn merge_next(
    snapshot: &Snapshot,
    sites: &[SitePlan],
    changes: &mut [Change],
    is_busy: bool,
) -> Option<PullStep> {
    let forge = snapshot.forge.known()?;
    if changes
        .iter()
        .any(|change| change.delivery == Delivery::Commit)
    {
        return None;
    }
    if has_unanswered_command(forge) {
        return None;
    }
    let is_spent = BudgetLeft::of(snapshot).is_some_and(|left| left.is_spent());
    let has = |change: &Change, is_meant: fn(Action) -> bool| {
        change.pins.iter().any(|pin| is_meant(pin.action))
    };
    let may = |change: &Change| {
        let is_rollback = has(change, |action| action == Action::Rollback);
        (!is_busy || is_rollback) && !(is_spent && has(change, Action::is_forward))
    };
    let ready = |change: &Change| {
        let (pull, branch) = (
            find_open(forge, &change.name)?,
            find_branch(snapshot, &change.name)?,
        );
        let pins: Vec<TargetOf> = sites
            .iter()
            .filter(|site| site.is_proposed() && site.change_name() == change.name)
            .filter_map(SitePlan::target)
            .collect();
        let is_time =
            !pins.is_empty() && merge_time(snapshot, &pins).is_some_and(|at| at <= snapshot.at);
        let is_as_wanted = branch.own && branch.tip == pull.head && branch.pins == change.pins;
        let is_green = pull.checks == Seen::Known(Checks::Green);
        let is_agreed = !pull.draft && pull.reviews == Seen::Known(Vec::new());
        (may(change) && is_time && is_as_wanted && is_green && is_agreed).then_some((pull, branch))
    };
    let is_newest = |branch: &Branch| branch.parent.is_some() && branch.parent == snapshot.tip;
    let merge = changes
        .iter()
        .filter_map(ready)
        .find(|(_, branch)| is_newest(branch))
        .map(|(pull, _)| PullStep::Merge {
            number: pull.number,
            name: pull.name.clone(),
            head: pull.head.clone(),
        });
    if merge.is_none()
        && let Some(next) = changes.iter().position(|change| ready(change).is_some())
        && let Some(proposal) = changes[next].proposal.as_mut()
    {
        proposal.newest_tip = true;
    }
    merge
}
