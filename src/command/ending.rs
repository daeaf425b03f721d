//! How a command ends, and what it says of what did not answer.

use crate::error::{Error, Result};
use crate::pipeline::answer::Notice;
use crate::pipeline::{Plan, Seen, Snapshot};

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
