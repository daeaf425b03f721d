//! One change in flight: pintle's last commit is pushed, CI ends, the live spec has it, its rollout
//! ends; what would be committed next waits for that. Asks nobody.

use super::pass::RuleContext;
use crate::model::workload::WorkloadKind;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::{Container, Halt, Pod, Workload};
use crate::pipeline::forge::{Checks, Pipeline};
use crate::pipeline::{Action, PinRecord, Reason, Recorded, Seen, Snapshot};
use crate::plan::health;
use crate::plan::live::{self, name};
use crate::plan::pin::PinState;
use crate::plan::site_history::find_pin_record;
use crate::plan::site_plan::SitePlan;

/// How the pipeline of the last commit is going.
#[derive(Clone, Debug, PartialEq, Eq)]
enum PipelineState {
    /// It is over, or none is expected.
    Over,
    Running,
    Red,
    /// It should have ended by now.
    Overdue,
}

/// Makes what would be committed wait for the last change. Rollbacks and what people ask for do not
/// wait.
pub fn in_flight(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let waits = site.is_committed() && !site.has_action(Action::Rollback) && !site.is_commanded();
    pass.busy.filter(|_| waits).cloned()
}

/// Returns what the next commit has to wait for.
pub(in crate::plan) fn find_busy(snapshot: &Snapshot, sites: &[SitePlan]) -> Option<Reason> {
    find_running_pipeline(snapshot).or_else(|| find_running_rollout(snapshot, sites))
}

fn pipeline_state(snapshot: &Snapshot, pipeline: &Pipeline) -> PipelineState {
    let late = pipeline
        .at
        .checked_add(snapshot.config.pipeline.timeout)
        .is_ok_and(|end| end <= snapshot.at);
    match &pipeline.checks {
        Checks::Green => PipelineState::Over,
        Checks::Red(_) => PipelineState::Red,
        Checks::Missing if !pipeline.expected => PipelineState::Over,
        Checks::Missing | Checks::Pending if late => PipelineState::Overdue,
        Checks::Missing | Checks::Pending => PipelineState::Running,
    }
}

fn last_pipeline(snapshot: &Snapshot) -> Option<&Pipeline> {
    snapshot.forge.known()?.pipeline.as_ref()
}

/// A red commit stops what follows only while it is the tip: whoever adds another has seen it.
fn find_running_pipeline(snapshot: &Snapshot) -> Option<Reason> {
    let pipeline = last_pipeline(snapshot).filter(|_| snapshot.config.pipeline.wait)?;
    let commit = pipeline.commit.short().into();
    match pipeline_state(snapshot, pipeline) {
        PipelineState::Running => Some(Reason::PipelineRunning { commit }),
        PipelineState::Red if snapshot.tip.as_ref() == Some(&pipeline.commit) => {
            Some(Reason::PipelineFailed { commit })
        }
        PipelineState::Over | PipelineState::Red | PipelineState::Overdue => None,
    }
}

/// A pin that is not live, or a workload that has not all of its pods. What failed is over, and so
/// is what takes longer than a pipeline may.
fn find_running_rollout(snapshot: &Snapshot, sites: &[SitePlan]) -> Option<Reason> {
    if !snapshot.config.pipeline.wait || snapshot.cluster == Seen::NotAsked {
        return None;
    }
    let history = snapshot.history.known()?;
    let is_open = |record: &&Recorded| {
        record
            .at
            .checked_add(snapshot.config.pipeline.timeout)
            .is_ok_and(|end| end > snapshot.at)
    };
    let mut records = history
        .iter()
        .filter(|record| record.pin.from != record.pin.to)
        .filter(is_open);
    records.find_map(|record| {
        let why = find_gap(snapshot, sites, &record.pin)?;
        Some(Reason::RolloutRunning {
            commit: record.commit.short().into(),
            why,
        })
    })
}

/// Why a pin that was written last is not rolled out; `None` once it is, has failed, or is
/// another's by now.
fn find_gap(snapshot: &Snapshot, sites: &[SitePlan], pin: &PinRecord) -> Option<String> {
    let site = sites.iter().find(|site| {
        site.records
            .iter()
            .any(|record| std::ptr::eq(&record.pin, pin))
    })?;
    if site.pinned != pin.to {
        return None;
    }
    match &site.state {
        PinState::NotApplied(why) | PinState::Unsettled(why) | PinState::Unknown(why) => {
            Some(why.clone())
        }
        PinState::Live => {
            rollout_gap(snapshot, site).filter(|_| health::find_failure(snapshot, site).is_none())
        }
        PinState::Absent
        | PinState::Undone(_)
        | PinState::PartlyUndone { .. }
        | PinState::Drifted(_) => None,
    }
}

/// Returns what a site's workloads lack to have rolled out what their specs say.
pub(in crate::plan) fn rollout_gap(snapshot: &Snapshot, site: &SitePlan) -> Option<String> {
    let lives = site.uses.as_ref().ok()?;
    let mut here = lives
        .iter()
        .filter(|live| live.used.ignored != Some(true))
        .filter_map(|live| Some((live.workload()?, live.container())));
    here.find_map(|(workload, container)| {
        let is_done = match workload.kind.has_revisions() {
            true => workload.rollout.complete,
            false => container
                .is_none_or(|container| is_operator_done(snapshot, site, (workload, container))),
        };
        let is_over = is_done || workload.replicas == Some(0) || workload.rollout.stuck.is_some();
        (!is_over).then(|| describe_gap(workload))
    })
}

/// What a workload lacks to be rolled out: `deployment immich/app is paused`, `0 of 1 pods of
/// deployment immich/app are updated`.
pub(in crate::plan) fn describe_gap(workload: &Workload) -> String {
    let (name, rollout) = (name(workload), &workload.rollout);
    let counts = format!("{} of {} pods", rollout.updated, rollout.wanted);
    match rollout.halt {
        Some(Halt::Paused) => format!("{name} is paused (`spec.paused`)"),
        Some(Halt::OnDelete) => format!(
            "{counts} of {name} are updated, and its update strategy is `OnDelete`: delete the old pods"
        ),
        Some(Halt::Partition(number)) => {
            format!("{counts} of {name} are updated, and its `partition` {number} keeps the others")
        }
        None if workload.kind == WorkloadKind::StatefulSet
            && let Some(pod) = find_stuck_pod(workload) =>
        {
            format!(
                "{counts} of {name} are updated, and pod {} is not ready: delete it",
                pod.name
            )
        }
        None if rollout.updated < rollout.wanted => format!("{counts} of {name} are updated"),
        None => format!("{name} has not all of its new pods"),
    }
}

/// Returns a pod of an older revision that is not ready: a StatefulSet waits for it for ever.
fn find_stuck_pod(workload: &Workload) -> Option<&Pod> {
    let newest = &workload.revisions.first()?.hash;
    let mut pods = workload.pods.iter();
    pods.find(|pod| {
        pod.revision.as_ref() != Some(newest) && pod.containers.iter().any(|one| !one.ready)
    })
}

/// Says whether the operator of a custom resource is through with it: all of its pods are ready,
/// and none runs what was pinned before. The resource has no revisions that its pods could be of.
fn is_operator_done(snapshot: &Snapshot, site: &SitePlan, here: (&Workload, &Container)) -> bool {
    let shown = live::operated(snapshot, site.settings.channel.as_ref(), here);
    let before = site
        .pinned
        .as_ref()
        .and_then(|digest| find_pin_record(&site.history, digest)?.pin.from.as_ref());
    shown.is_empty()
        || here.0.rollout.complete && before.is_none_or(|before| !shown.contains(before))
}

/// What CI says of the commit that made the site's pin, where it was that of the last push:
/// `CI green but `.
pub(in crate::plan) fn checks_prefix(snapshot: &Snapshot, site: &SitePlan) -> &'static str {
    let Some(pipeline) = last_pipeline(snapshot) else {
        return "";
    };
    let own = site
        .pinned
        .as_ref()
        .and_then(|digest| find_pin_record(&site.history, digest));
    if own.is_none_or(|own| own.at != pipeline.at) {
        return "";
    }
    match pipeline_state(snapshot, pipeline) {
        PipelineState::Over if pipeline.checks == Checks::Green => "CI green but ",
        PipelineState::Over => "",
        PipelineState::Running => "CI has not ended, and ",
        PipelineState::Red => "CI failed, and ",
        PipelineState::Overdue => "CI did not end in time, and ",
    }
}

/// Returns what people should read of the pipeline, once.
pub(in crate::plan) fn pipeline_notices(snapshot: &Snapshot) -> Vec<Notice> {
    let Some(pipeline) = last_pipeline(snapshot).filter(|pipeline| !pipeline.reported) else {
        return Vec::new();
    };
    let failed = match (&pipeline.checks, pipeline_state(snapshot, pipeline)) {
        (Checks::Red(failed), _) => failed.clone(),
        (_, PipelineState::Overdue) => Vec::new(),
        _ => return Vec::new(),
    };
    vec![Notice::Pipeline {
        commit: pipeline.commit.clone(),
        subject: pipeline.subject.clone(),
        pull: pipeline.pull,
        failed,
        began: pipeline.checks == Checks::Pending,
        since: pipeline.at,
    }]
}
