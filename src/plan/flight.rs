//! One change in flight: what CI makes of pintle's last commit, and what waits for it. Asks nobody.

use super::gate::Judged;
use super::rollback::is_rollback;
use crate::pipeline::answer::Notice;
use crate::pipeline::forge::{Checks, Pipeline};
use crate::pipeline::{Snapshot, Verdict};

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

/// Makes what would be committed wait for the pipeline.
pub(super) fn wait(busy: Option<&str>, judged: &mut [Judged]) {
    let Some(why) = busy else { return };
    judged
        .iter_mut()
        .filter(|site| site.goes(false) && !is_rollback(site))
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
        since: pipeline.at,
    }]
}
