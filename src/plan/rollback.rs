//! Rollbacks that pintle makes by itself: what was undone by hand, what fails since it was pinned,
//! what an alert fires about. One change a stack or group, which goes before everything else there.
//! What may not be rolled back is reported.

mod proposed;

use super::adoption::keep_keel_away;
use super::delivery::choose_delivery;
use super::health::Failure;
use super::hold::{Draft, retag};
use super::live::LiveUse;
use super::pin::{PinState, RunningInstead};
use super::pin_origin::{find_previous_pin, find_tag_of};
use super::pin_state::settle_time;
use super::rules::first_lock;
use super::site_plan::{SitePlan, Target};
use super::target::find_fetch_failure;
use crate::config::site_settings::image_with;
use crate::model::digest::Digest;
use crate::model::hold::Hold;
use crate::model::one_line::one_line;
use crate::model::reference::{Reference, Tag};
use crate::model::settings::{Drift, Mode, Setting};
use crate::model::workload::WorkloadKind;
use crate::pipeline::answer::Notice;
use crate::pipeline::claim::Claim;
use crate::pipeline::{
    Action, Cause, CommitId, Delivery, PinRecord, Reason, Seen, Snapshot, Verdict,
};
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use proposed::{find_failure, find_overrun_undo, find_proposed};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What the rollbacks of a pass come to besides the targets of their sites.
#[derive(Default)]
pub(super) struct RollbackOutcome {
    /// What is not rolled back, though it should be.
    pub notices: Vec<Notice>,
    /// A rollback waits for what this pass writes.
    pub again: bool,
}

/// One site that is rolled back, or should be.
struct PlannedRollback {
    place: usize,
    cause: Cause,
    evidence: String,
    /// What it is rolled back to, or why it is not.
    goal: Result<RollbackGoal, String>,
}

struct RollbackGoal {
    to: Digest,
    /// Where it is another than the site has.
    tag: Option<Tag>,
    /// It is what the cluster runs by its spec: no registry has to prove it.
    is_running: bool,
}

/// Plans the rollbacks. `taken` are files that a comment's change edits, and then those of the
/// rollbacks too.
pub(super) fn plan_rollbacks(
    snapshot: &Snapshot,
    sites: &mut [SitePlan],
    taken: &mut BTreeSet<RepoPath>,
) -> RollbackOutcome {
    let mut outcome = RollbackOutcome::default();
    wait_for_unclear_states(snapshot, sites);
    let (own, put_off): (Vec<PlannedRollback>, Vec<PlannedRollback>) =
        find_rollbacks(snapshot, sites)
            .into_iter()
            .partition(|rollback| !sites[rollback.place].is_commanded());
    outcome.again = !put_off.is_empty();
    let mut by_name: BTreeMap<Arc<str>, Vec<PlannedRollback>> = BTreeMap::new();
    for mut rollback in own {
        let site = &sites[rollback.place];
        if let Some(why) = find_refusal(snapshot, site, &rollback) {
            rollback.goal = Err(why);
        }
        by_name
            .entry(site.change_name())
            .or_default()
            .push(rollback);
    }
    for (name, mut rollbacks) in by_name {
        let (delivery, mut edits) = draft_together(snapshot, sites, &mut rollbacks);
        outcome
            .notices
            .extend(rollbacks.iter().filter_map(|rollback| {
                refuse_rollback(snapshot, &mut sites[rollback.place], rollback)
            }));
        rollbacks.retain(|rollback| rollback.goal.is_ok());
        if rollbacks.is_empty() {
            continue;
        }
        if edits.iter().any(|edit| taken.contains(&edit.file)) {
            outcome.again = true;
            rollbacks
                .iter()
                .for_each(|rollback| put_off_rollback(&mut sites[rollback.place], rollback));
            continue;
        }
        taken.extend(edits.iter().map(|edit| edit.file.clone()));
        let files: BTreeSet<RepoPath> = edits.iter().map(|edit| edit.file.clone()).collect();
        // Once is enough: the change is written as a whole.
        for rollback in &rollbacks {
            set_rollback_target(
                snapshot,
                &mut sites[rollback.place],
                rollback,
                std::mem::take(&mut edits),
                &delivery,
            );
        }
        put_first(sites, &name, &files, &delivery);
    }
    outcome
}

/// Makes updates wait where the cluster does not show whether the pin was undone: the next pin
/// would hide it. What was proposed for an undo stays.
fn wait_for_unclear_states(snapshot: &Snapshot, sites: &mut [SitePlan]) {
    for site in sites.iter_mut() {
        let why = match &site.state {
            PinState::Unsettled(why) => why,
            PinState::PartlyUndone { why, .. } if settle_time(snapshot, site).is_some() => why,
            // Of a pin of which nobody had to ask when it was written nothing could be known
            // anyway. Without a cluster it is not known what to ask.
            PinState::Unknown(why)
                if is_cluster_dark(site) || !matches!(site.origin, Seen::NotAsked) =>
            {
                why
            }
            _ => continue,
        };
        let why = why.clone();
        let by_itself =
            |target: &Target| !target.delivery.is_pull_request() || site.settings.automerge.value;
        let is_update = site
            .target
            .as_ref()
            .is_some_and(|target| target.action.is_forward() && by_itself(target));
        if is_update || find_proposed(snapshot, site).is_some_and(|pin| pin.cause == Cause::Undo) {
            site.refuse(Reason::UndoUnclear { why });
        }
    }
}

/// Says whether the cluster in which the site's workloads would be looked up cannot be seen.
fn is_cluster_dark(site: &SitePlan) -> bool {
    site.uses.is_err()
        && site
            .literal
            .uses
            .iter()
            .any(|used| used.instances != Some(0) && used.ignored != Some(true))
}

/// The sites that should be rolled back, in their order.
fn find_rollbacks(snapshot: &Snapshot, sites: &[SitePlan]) -> Vec<PlannedRollback> {
    let mut rollbacks: Vec<PlannedRollback> = Vec::new();
    for (place, site) in sites.iter().enumerate() {
        let undo = |evidence: &str, goal| PlannedRollback {
            place,
            cause: Cause::Undo,
            evidence: evidence.to_owned(),
            goal,
        };
        match (&site.state, find_failure(snapshot, site)) {
            (PinState::Undone(other), _) => rollbacks.push(undo(
                &other.evidence,
                goal_of_running(snapshot, site, other),
            )),
            (PinState::Drifted(other), _) if is_taken_over(site, other) => {
                let (goal, evidence) = (
                    goal_of_running(snapshot, site, other),
                    other.evidence.clone(),
                );
                rollbacks.push(PlannedRollback {
                    place,
                    cause: Cause::Drift,
                    evidence,
                    goal,
                });
            }
            (_, Some(failure)) => {
                let Failure {
                    cause,
                    evidence,
                    refusal,
                } = failure;
                rollbacks.push(PlannedRollback {
                    place,
                    cause,
                    evidence,
                    goal: refusal.map_or_else(|| goal_of_previous(snapshot, site), Err),
                });
            }
            (PinState::PartlyUndone { evidence, why }, None)
                if settle_time(snapshot, site).is_none() =>
            {
                rollbacks.push(undo(evidence, Err(why.clone())));
            }
            (PinState::Live, None) => {
                rollbacks.extend(find_overrun_undo(snapshot, site).and_then(|pin| {
                    let evidence = pin.evidence.as_deref().unwrap_or_default();
                    Some(undo(evidence, Ok(goal_of_proposed(site, pin)?)))
                }))
            }
            _ => {}
        }
    }
    rollbacks.extend(find_group_members(sites, snapshot, &rollbacks));
    rollbacks.sort_by_key(|rollback| rollback.place);
    leave_shared_tags(sites, &mut rollbacks);
    rollbacks
}

/// The other members of the groups of what fails, where the same commit updated them.
fn find_group_members(
    sites: &[SitePlan],
    snapshot: &Snapshot,
    rollbacks: &[PlannedRollback],
) -> Vec<PlannedRollback> {
    let mut more: BTreeMap<usize, PlannedRollback> = BTreeMap::new();
    for rollback in rollbacks
        .iter()
        .filter(|rollback| rollback.cause.is_failure())
    {
        let first = &sites[rollback.place];
        let Some(commit) = origin_commit(first) else {
            continue;
        };
        let is_beside = |site: &SitePlan| {
            first.group().is_some() && site.group() == first.group() || first.shares_tag(site)
        };
        let members = sites.iter().enumerate();
        for (place, site) in members.filter(|(_, site)| is_beside(site)) {
            let is_other = rollbacks.iter().all(|rollback| rollback.place != place)
                && origin_commit(site).as_ref() == Some(&commit);
            if is_other && !more.contains_key(&place) {
                let together = match first.group() {
                    Some(group) => format!("group {group} is"),
                    None => "what shares its tag is".to_owned(),
                };
                let evidence = format!("{} ({together} rolled back together)", rollback.evidence);
                more.insert(
                    place,
                    PlannedRollback {
                        place,
                        cause: rollback.cause,
                        evidence,
                        goal: goal_of_previous(snapshot, site),
                    },
                );
            }
        }
    }
    more.into_values().collect()
}

/// Leaves a tag as it is where another site has it too and is not rolled back: the digest decides.
fn leave_shared_tags(sites: &[SitePlan], rollbacks: &mut [PlannedRollback]) {
    let places: BTreeSet<usize> = rollbacks.iter().map(|rollback| rollback.place).collect();
    for rollback in rollbacks {
        let own = &sites[rollback.place];
        let mut others = sites.iter().enumerate();
        let is_shared =
            others.any(|(place, site)| !places.contains(&place) && own.shares_tag(site));
        if let (true, Ok(goal)) = (is_shared, &mut rollback.goal) {
            goal.tag = None;
        }
    }
}

/// Says whether the repo takes over what was set by hand: as configured, where nothing forbids a
/// change, and not what the channel says anyway.
fn is_taken_over(site: &SitePlan, other: &RunningInstead) -> bool {
    let is_free = matches!(
        site.verdict,
        Verdict::InSync | Verdict::Update | Verdict::Bump | Verdict::Waiting
    );
    let is_channel = site.settings.follows
        && site.upstream.as_ref() == Some(&other.digest)
        && other.image.tag == site.site.image.tag;
    site.settings.drift.value == Drift::Adopt && other.obstacle.is_none() && is_free && !is_channel
}

fn origin_commit(site: &SitePlan) -> Option<CommitId> {
    site.origin.known().map(|origin| origin.commit().clone())
}

/// What an undo returns to: what runs. What only pods show has to be there for others too.
fn goal_of_running(
    snapshot: &Snapshot,
    site: &SitePlan,
    other: &RunningInstead,
) -> Result<RollbackGoal, String> {
    let has_digest = other.image.digest.is_some();
    let failure = || {
        find_fetch_failure(snapshot, site.settings.channel.as_ref()?, &other.digest)
            .filter(|_| !has_digest)
    };
    if let Some(why) = other
        .obstacle
        .clone()
        .or_else(|| failure().map(|reason| reason.to_string()))
    {
        return Err(why);
    }
    let declared = &site.site.image.tag;
    let tag = match (&other.image.tag, has_digest) {
        // A spec without tag and digest is `latest`.
        (None, false) => Some(Tag::latest()).filter(|_| declared.is_some()),
        (tag, _) => tag.clone(),
    };
    Ok(RollbackGoal {
        to: other.digest.clone(),
        tag: tag.filter(|tag| declared.as_ref() != Some(tag)),
        is_running: has_digest,
    })
}

/// What a proposed rollback returns to.
fn goal_of_proposed(site: &SitePlan, pin: &PinRecord) -> Option<RollbackGoal> {
    let tag = Reference::parse(&pin.image)
        .and_then(|image| image.tag)
        .filter(|tag| site.site.image.tag.as_ref() != Some(tag));
    Some(RollbackGoal {
        to: pin.to.clone()?,
        tag,
        is_running: true,
    })
}

/// What a failing pin is rolled back to: the digest that was pinned before, with the tag it had
/// then.
fn goal_of_previous(snapshot: &Snapshot, site: &SitePlan) -> Result<RollbackGoal, String> {
    let to = find_previous_pin(snapshot, site)
        .ok_or("no earlier pin is known here that was not rolled back")?;
    let channel = site.settings.channel.as_ref();
    match channel.and_then(|channel| find_fetch_failure(snapshot, channel, &to)) {
        Some(reason) => Err(reason.to_string()),
        None => Ok(RollbackGoal {
            tag: find_tag_of(snapshot, site, &to),
            to,
            is_running: false,
        }),
    }
}

/// What forbids the rollback of a site. Policy, settle time, schedule and holds do not.
fn find_refusal(
    snapshot: &Snapshot,
    site: &SitePlan,
    rollback: &PlannedRollback,
) -> Option<String> {
    if let Some(reason) = first_lock(site) {
        return Some(reason.to_string());
    }
    if site.is_ignored() {
        return Some(
            "terraform ignores this image (ignore_changes), so a commit would change nothing"
                .to_owned(),
        );
    }
    let (settings, is_drift) = (&site.settings, rollback.cause == Cause::Drift);
    if !settings.auto_rollback.value && !is_drift {
        return Some(format!(
            "`auto_rollback` is false ({})",
            settings.auto_rollback.source
        ));
    }
    if settings.rollback.value == Mode::Off && !is_drift {
        return Some(format!(
            "the mode of rollbacks is `off` ({})",
            settings.rollback.source
        ));
    }
    let delivery = choose_delivery(snapshot, mode_of(site, rollback), None)
        .err()
        .map(|reason| reason.to_string());
    delivery.or_else(|| rollback.goal.as_ref().err().cloned())
}

/// What is set by hand is taken over as an update would be made.
fn mode_of<'s>(site: &'s SitePlan, rollback: &PlannedRollback) -> &'s Setting<Mode> {
    if rollback.cause == Cause::Drift {
        &site.settings.update
    } else {
        &site.settings.rollback
    }
}

/// A group is rolled back as a whole or not at all.
fn stop_groups(sites: &[SitePlan], rollbacks: &mut [PlannedRollback]) {
    let fails = |rollback: &PlannedRollback| {
        rollback.cause.is_failure() && sites[rollback.place].group().is_some()
    };
    let mut failing = rollbacks.iter().filter(|rollback| fails(rollback));
    let Some((first, why)) =
        failing.find_map(|rollback| Some((rollback.place, rollback.goal.as_ref().err()?.clone())))
    else {
        return;
    };
    let why = format!(
        "its group is rolled back together, and {} is not: {why}",
        sites[first].site.id
    );
    for rollback in rollbacks
        .iter_mut()
        .filter(|rollback| rollback.goal.is_ok() && fails(rollback))
    {
        rollback.goal = Err(why.clone());
    }
}

/// What cannot be held is not rolled back, and neither is its group.
fn draft_together(
    snapshot: &Snapshot,
    sites: &[SitePlan],
    rollbacks: &mut [PlannedRollback],
) -> (Delivery, Vec<Edit>) {
    stop_groups(sites, rollbacks);
    let count = |rollbacks: &[PlannedRollback]| {
        rollbacks
            .iter()
            .filter(|rollback| rollback.goal.is_ok())
            .count()
    };
    let before = count(rollbacks);
    let drafted = draft(snapshot, sites, rollbacks);
    if count(rollbacks) == before {
        drafted
    } else {
        draft_together(snapshot, sites, rollbacks)
    }
}

/// Puts the holds and the pins.
fn draft(
    snapshot: &Snapshot,
    sites: &[SitePlan],
    rollbacks: &mut [PlannedRollback],
) -> (Delivery, Vec<Edit>) {
    let mut draft = Draft::new(snapshot);
    let mut edits = Vec::new();
    let mut delivery = Delivery::Commit;
    let is_urgent = rollbacks
        .iter()
        .any(|rollback| rollback.cause != Cause::Drift && rollback.goal.is_ok());
    for rollback in rollbacks {
        let site = &sites[rollback.place];
        let Ok(goal) = &rollback.goal else { continue };
        let pin = match &goal.tag {
            Some(tag) => retag(site.literal, site.site, tag, &goal.to),
            None => Ok(vec![site.pin_edit(&goal.to)]),
        };
        let held = pin.and_then(|pin| {
            draft
                .put(site.literal, site.site, &make_hold(site, rollback))
                .map(|()| pin)
        });
        match (
            held,
            choose_delivery(snapshot, mode_of(site, rollback), None),
        ) {
            (Ok(_), Ok(own))
                if is_urgent && rollback.cause == Cause::Drift && own.is_pull_request() =>
            {
                rollback.goal = Err("what is rolled back beside it goes first".into());
            }
            (Ok(pin), Ok(own)) => {
                edits.extend(pin);
                if rollback.cause != Cause::Drift {
                    edits.extend(keep_keel_away(snapshot, site).unwrap_or_default());
                }
                delivery = if own.is_pull_request() { own } else { delivery };
            }
            (Err(why), _) => rollback.goal = Err(why),
            (_, Err(reason)) => rollback.goal = Err(reason.to_string()),
        }
    }
    edits.extend(draft.edits());
    (delivery, edits)
}

fn make_hold(site: &SitePlan, rollback: &PlannedRollback) -> Hold {
    let pinned = site.pinned.as_ref().map_or("", |pinned| pinned.short());
    let because = match rollback.cause {
        Cause::Drift => "drift: set by hand in the cluster".to_owned(),
        cause => format!("{}: rolled back from sha256:{pinned}", cause.as_str()),
    };
    Hold {
        because: Some(because.into()),
        ..Hold::default()
    }
}

/// Says why a site is not rolled back; nothing else changes there meanwhile.
fn refuse_rollback(
    snapshot: &Snapshot,
    site: &mut SitePlan,
    rollback: &PlannedRollback,
) -> Option<Notice> {
    let why = rollback.goal.as_ref().err()?;
    if rollback.cause == Cause::Drift {
        site.reasons
            .push(Reason::DriftNotTaken { why: why.clone() });
        return None;
    }
    let reason = Reason::NotRolledBack {
        evidence: rollback.evidence.clone(),
        why: why.clone(),
    };
    match &site.target {
        Some(target) if target.action != Action::Lift => site.refuse(reason),
        _ => site.reasons.insert(0, reason),
    }
    let to = match goal_of_previous(snapshot, site) {
        Ok(goal) if rollback.cause != Cause::Undo => Some(goal.to),
        _ => None,
    };
    Some(Notice::NotRolledBack {
        site: site.site.id.clone(),
        image: site.settings.image.clone(),
        cause: rollback.cause,
        evidence: one_line(&rollback.evidence),
        from: site.pinned.clone()?,
        to,
        why: why.clone(),
    })
}

fn put_off_rollback(site: &mut SitePlan, rollback: &PlannedRollback) {
    site.target = None;
    site.verdict = Verdict::Waiting;
    let (evidence, is_drift) = (rollback.evidence.clone(), rollback.cause == Cause::Drift);
    site.reasons
        .insert(0, Reason::RollbackAfterFile { evidence, is_drift });
}

fn set_rollback_target(
    snapshot: &Snapshot,
    site: &mut SitePlan,
    rollback: &PlannedRollback,
    edits: Vec<Edit>,
    delivery: &Delivery,
) {
    let Ok(RollbackGoal {
        to,
        tag,
        is_running,
    }) = &rollback.goal
    else {
        return;
    };
    let is_drift = rollback.cause == Cause::Drift;
    let keel = keep_keel_away(snapshot, site);
    let evidence = one_line(&rollback.evidence);
    let pinned = site.pinned.clone();
    let short = pinned
        .as_ref()
        .map_or("", |pinned| pinned.short())
        .to_owned();
    let retagged = tag.as_ref().map(|tag| image_with(site.site, tag));
    let image = retagged
        .clone()
        .unwrap_or_else(|| site.settings.image.clone());
    let (action, verdict, reason, note) = if is_drift {
        let note = format!(
            "{}. {image} is pinned at what runs, sha256:{}, and held.",
            capitalize(&evidence),
            to.short()
        );
        let reason = Reason::TakeOverDrift {
            evidence: evidence.clone(),
            image,
            to: to.clone(),
        };
        (Action::Pin, Verdict::Held, reason, note)
    } else {
        let next = if rollback.cause.rejects() {
            format!("sha256:{short} is not proposed again")
        } else {
            format!("sha256:{short} never ran and may be proposed again when the hold is removed")
        };
        let note = format!(
            "{}. {image} is rolled back to sha256:{} and held; {next}.",
            capitalize(&evidence),
            to.short()
        );
        (
            Action::Rollback,
            Verdict::Rollback,
            Reason::RollBack {
                evidence: evidence.clone(),
                image,
                to: to.clone(),
            },
            note,
        )
    };
    let mut notes = vec![note];
    let uses = site.known_uses().iter();
    let is_set = uses
        .filter_map(LiveUse::workload)
        .any(|workload| workload.kind == WorkloadKind::StatefulSet);
    if rollback.cause.is_failure() && is_set {
        notes.push(
            "A StatefulSet does not replace a pod that is not ready: delete that pod after the apply."
                .to_owned(),
        );
    }
    let mut claims = vec![
        site.claim_image(retagged.as_deref(), to),
        Claim::Held {
            site: site.site.id.clone(),
        },
    ];
    match keel {
        _ if is_drift => {}
        Ok(edits) if edits.is_empty() => {}
        Ok(_) => claims.push(Claim::KeelHandsOff {
            site: site.site.id.clone(),
        }),
        Err(why) => {
            let reason = Reason::KeelMaySetImage { why };
            notes.push(format!("{}.", capitalize(&reason.to_string())));
            site.reasons.push(reason);
        }
    }
    site.reasons.insert(0, reason);
    if rollback.cause == Cause::Undo
        && let Some(digest) = pinned
            .clone()
            .filter(|_| find_overrun_undo(snapshot, site).is_some())
    {
        site.reasons.push(Reason::AppliedAgain { digest });
    }
    let prove = site
        .settings
        .channel
        .clone()
        .filter(|_| !is_running && pinned.as_ref() != Some(to))
        .map(|channel| (channel, to.clone()));
    // How the channel's own target would be delivered is remembered for the ledger, unless this one
    // is proposed.
    let before = site.delivery.take().filter(|_| !delivery.is_pull_request());
    let is_proposed = delivery.is_pull_request();
    let target = Target {
        action,
        cause: rollback.cause,
        to: Some(to.clone()),
        image: retagged,
        edits,
        claims,
        prove,
        delivery: delivery.clone(),
        notes,
        evidence: Some(evidence),
        command: None,
    };
    site.set_target(verdict, target);
    site.wanted = Some(to.clone());
    if !is_proposed {
        site.delivery = before;
    }
}

/// Makes everything else of the same name, and in the same files, wait.
fn put_first(
    sites: &mut [SitePlan],
    name: &Arc<str>,
    files: &BTreeSet<RepoPath>,
    delivery: &Delivery,
) {
    for site in sites.iter_mut() {
        let Some(target) = site
            .target
            .as_ref()
            .filter(|target| target.evidence.is_none() && target.command.is_none())
        else {
            continue;
        };
        let is_proposed = target.delivery.is_pull_request();
        let is_same = site.change_name() == *name && is_proposed == delivery.is_pull_request();
        let is_beside = !delivery.is_pull_request()
            && !is_proposed
            && target.edits.iter().any(|edit| files.contains(&edit.file));
        if is_same || is_beside {
            site.refuse(Reason::RollbackFirst { name: name.clone() });
        }
    }
}

fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(chars).collect()
    })
}
