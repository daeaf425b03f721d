//! One change in flight: pintle's last commit is pushed, CI makes something of it, the live spec has it, its rollout ends; what comes next waits for
//! that. Asks nobody.

use super::health;
use super::judged::Judged;
use super::live::{self, name};
use super::past::{past, pinned};
use super::undo::Stand;
use crate::pipeline::answer::Notice;
use crate::pipeline::cluster::{Container, Workload};
use crate::pipeline::forge::{Checks, Pipeline};
use crate::pipeline::{PinRecord, Recorded, Seen, Snapshot, Verdict};

/// How the pipeline of the last commit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// It is over, or none is expected.
    Over,
    Running,
    Red,
    /// It should have ended by now.
    Overdue,
}

fn state(snapshot: &Snapshot, pipeline: &Pipeline) -> State {
    let late = pipeline.at.checked_add(snapshot.config.pipeline.timeout).is_ok_and(|end| end <= snapshot.at);
    match &pipeline.checks {
        Checks::Green => State::Over,
        Checks::Red(_) => State::Red,
        Checks::Missing if !pipeline.expected => State::Over,
        Checks::Missing | Checks::Pending => {
            if late {
                State::Overdue
            } else {
                State::Running
            }
        }
    }
}

fn last(snapshot: &Snapshot) -> Option<&Pipeline> {
    snapshot.forge.known()?.pipeline.as_ref()
}

/// Why nothing may be added to the branch now. A red commit stops what follows only while it is the tip: whoever adds another has seen it.
pub(super) fn busy(snapshot: &Snapshot) -> Option<String> {
    let pipeline = last(snapshot).filter(|_| snapshot.config.pipeline.wait)?;
    let commit = pipeline.commit.short();
    match state(snapshot, pipeline) {
        State::Running => Some(format!("the pipeline of {commit} has not ended (one change in flight)")),
        State::Red if snapshot.tip.as_ref() == Some(&pipeline.commit) => {
            Some(format!("the pipeline of {commit} failed; nothing is added before it is green or another commit is"))
        }
        State::Over | State::Red | State::Overdue => None,
    }
}

/// Why the rollout of the last commits is not over: a pin that is not live, or a workload that has not all of its pods. What failed is over, and so
/// is what takes longer than a pipeline may.
pub(super) fn rollout(snapshot: &Snapshot, judged: &[Judged], stands: &[Stand]) -> Option<String> {
    if !snapshot.config.pipeline.wait || snapshot.cluster == Seen::NotAsked {
        return None;
    }
    let history = snapshot.history.known()?;
    let open = |record: &&Recorded| record.at.checked_add(snapshot.config.pipeline.timeout).is_ok_and(|end| end > snapshot.at);
    let records = history.iter().filter(|record| record.pin.from != record.pin.to).filter(open);
    records
        .filter_map(|record| Some((record, waits(snapshot, judged, stands, &record.pin)?)))
        .next()
        .map(|(record, why)| format!("the rollout of {} is not over: {why} (one change in flight)", record.commit.short()))
}

/// Why a pin that was written last is not rolled out; `None` once it is, has failed, or is another's by now.
fn waits(snapshot: &Snapshot, judged: &[Judged], stands: &[Stand], pin: &PinRecord) -> Option<String> {
    let (site, stand) = judged.iter().zip(stands).find(|(site, _)| *site.site.key.0 == *pin.site)?;
    if site.decision.from != pin.to {
        return None;
    }
    match stand {
        Stand::Lags(why) | Stand::Waits(why) | Stand::Unknown(why) => Some(why.clone()),
        Stand::Live => rolling(snapshot, site).filter(|_| health::failing(snapshot, site).is_none()),
        Stand::Silent | Stand::Undone(_) | Stand::Partly { .. } | Stand::Strays(_) => None,
    }
}

/// Returns what a site's workloads lack to have rolled out what their specs say.
pub(super) fn rolling(snapshot: &Snapshot, site: &Judged) -> Option<String> {
    let lives = live::uses(snapshot, site.literal).ok()?;
    let mut here =
        lives.iter().filter(|live| live.used.ignored != Some(true)).filter_map(|live| Some((live.workload()?, live.container())));
    here.find_map(|(workload, container)| {
        let done = match &*workload.kind {
            "deployment" | "statefulset" | "daemonset" => workload.rollout.complete,
            _ => container.is_none_or(|container| operated(snapshot, site, (workload, container))),
        };
        let over = done || workload.replicas == Some(0) || workload.rollout.stuck.is_some();
        (!over).then(|| format!("{} has not all of its new pods", name(workload)))
    })
}

/// Says whether the operator of a custom resource is through with it: all of its pods are ready, and none runs what was pinned before. Which revision a
/// pod is of nobody tells.
fn operated(snapshot: &Snapshot, site: &Judged, here: (&Workload, &Container)) -> bool {
    let told = live::operated(snapshot, site.terms.channel.as_ref(), here);
    let history = snapshot.history.known().map(|history| past(history, site.site, &site.terms.image)).unwrap_or_default();
    let before = site.decision.from.as_ref().and_then(|digest| pinned(&history, digest)?.pin.from.as_ref());
    told.is_empty() || here.0.rollout.complete && before.is_none_or(|before| !told.contains(before))
}

/// What CI says of the commit that made the site's pin, where it was that of the last push: `CI green but `.
pub(super) fn checked(snapshot: &Snapshot, site: &Judged) -> &'static str {
    let Some((pipeline, history)) = last(snapshot).zip(snapshot.history.known()) else { return "" };
    let own = site.decision.from.as_ref().and_then(|digest| pinned(&past(history, site.site, &site.terms.image), digest));
    if own.is_none_or(|own| own.at != pipeline.at) {
        return "";
    }
    match state(snapshot, pipeline) {
        State::Over if pipeline.checks == Checks::Green => "CI green but ",
        State::Over => "",
        State::Running => "CI has not ended, and ",
        State::Red => "CI failed, and ",
        State::Overdue => "CI did not end in time, and ",
    }
}

/// Makes what would be committed wait for the pipeline.
pub(super) fn wait(busy: Option<&str>, judged: &mut [Judged]) {
    let Some(why) = busy else { return };
    judged
        .iter_mut()
        .filter(|site| site.goes(false) && !site.is_rollback())
        .for_each(|site| site.hold_back(Verdict::Waiting, why.to_owned()));
}

/// Returns what people should hear of the pipeline, once.
pub(super) fn notices(snapshot: &Snapshot) -> Vec<Notice> {
    let Some(pipeline) = last(snapshot).filter(|pipeline| !pipeline.reported) else { return Vec::new() };
    let failed = match (&pipeline.checks, state(snapshot, pipeline)) {
        (Checks::Red(failed), _) => failed.clone(),
        (_, State::Overdue) => Vec::new(),
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
