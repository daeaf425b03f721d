//! How a command ends, and what it says of what did not answer.

use super::out;
use crate::error::{Error, Result};
use crate::pipeline::answer::Notice;
use crate::pipeline::{Decision, Plan, Reason, Seen, Snapshot};
use crate::reconcile::Planned;

/// What a command ends with when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    Ok,
    /// `plan --exit-code` found something to write.
    Changes,
    /// A part could not be done, because an outside system failed; it was said on standard error.
    Partly,
    /// A run ended by itself or had to abandon a write; the log says why.
    Failed,
}

/// What was asked besides forge and registries, and did not answer: a line each.
pub(super) fn unanswered(snapshot: &Snapshot) -> Vec<String> {
    let cluster = match &snapshot.cluster {
        Seen::Unknown(why) => Some(format!("unknown: cluster: {why}")),
        Seen::Known(_) | Seen::NotAsked => None,
    };
    let alerts = match &snapshot.alerts {
        Seen::Unknown(why) => Some(format!("unknown: alerts: {why}")),
        Seen::Known(_) | Seen::NotAsked => None,
    };
    cluster.into_iter().chain(alerts).collect()
}

/// Why pintle cannot do its work in the forge, or not all of it: a line each.
pub(super) fn forge_faults(planned: &Planned) -> Vec<String> {
    let needs_pull_request =
        |decision: &Decision| decision.reasons.contains(&Reason::PullRequestsOff);
    match &planned.snapshot.forge {
        Seen::Unknown(why) => vec![format!("the forge could not be asked: {why}")],
        Seen::Known(forge) => {
            let mut faults = forge.faults.clone();
            if planned.plan.decisions.iter().any(needs_pull_request) {
                faults.push(Reason::PullRequestsOff.to_string());
            }
            faults
        }
        Seen::NotAsked => Vec::new(),
    }
}

/// How a command ends that only reports: partly where the forge could not be used, which it says.
pub(super) fn end_report(planned: &Planned) -> Completion {
    let faults = forge_faults(planned);
    for line in &faults {
        out::say(line);
    }
    if faults.is_empty() {
        Completion::Ok
    } else {
        Completion::Partly
    }
}

/// What should go back and may not: a line each.
pub(super) fn not_back(plan: &Plan) -> Vec<String> {
    let told = |notice: &Notice| match notice {
        Notice::NotRolledBack {
            site,
            evidence,
            why,
            ..
        } => Some(format!("not rolled back: {site}: {evidence}: {why}")),
        Notice::Pipeline { .. } | Notice::Rotten { .. } => None,
    };
    plan.notices.iter().filter_map(told).collect()
}

pub(super) fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime =
        runtime.map_err(|e| Error::failed("cannot start the asynchronous runtime").because(e))?;
    let done = runtime.block_on(work);
    // What blocks in a pass that was given up is not waited for.
    runtime.shutdown_background();
    done
}
