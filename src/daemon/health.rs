//! What the probes report. Only the loop sets it; it asks nobody.

use crate::model::one_line::one_line;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The longest time a pass may take while the loop counts as alive.
const LONGEST_PASS: Duration = Duration::from_secs(600);

/// Whether the loop is alive, and whether it can do its work.
#[derive(Debug)]
pub struct Health {
    state: watch::Sender<HealthState>,
    /// How long no pass may start or end while the loop counts as alive.
    limit: Duration,
}

#[derive(Debug)]
struct HealthState {
    /// When a pass last started or ended.
    round: Instant,
    ready: Readiness,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Readiness {
    Starting,
    Yes,
    /// Another replica holds the Lease: a sentence. This one is well and has nothing to do.
    Waiting(String),
    /// The last pass failed: a sentence.
    No(String),
    Stopping,
}

impl Health {
    /// Makes the health of a loop that waits `every` between two passes.
    pub fn new(every: Duration, now: Instant) -> Self {
        Self {
            state: watch::Sender::new(HealthState {
                round: now,
                ready: Readiness::Starting,
            }),
            limit: (every + LONGEST_PASS) * 3,
        }
    }

    /// Returns whether a pass started or ended in time; else a sentence.
    pub fn alive(&self, now: Instant) -> Result<(), String> {
        if self.is_waiting().is_some() {
            return Ok(());
        }
        let silent = now.saturating_duration_since(self.state.borrow().round);
        if silent <= self.limit {
            Ok(())
        } else {
            Err(format!(
                "no pass started or ended for {} seconds",
                silent.as_secs()
            ))
        }
    }

    /// Returns whether the last pass succeeded, or another replica makes the passes; else a
    /// sentence.
    pub fn ready(&self) -> Result<(), String> {
        match &self.state.borrow().ready {
            Readiness::Starting => Err("starting".into()),
            Readiness::Yes | Readiness::Waiting(_) => Ok(()),
            Readiness::No(why) => Err(why.clone()),
            Readiness::Stopping => Err("stopping".into()),
        }
    }

    /// Returns for what this replica waits while another one makes the passes.
    pub fn is_waiting(&self) -> Option<String> {
        match &self.state.borrow().ready {
            Readiness::Waiting(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Records that another replica holds the Lease.
    pub(super) fn waiting(&self, why: String) {
        self.state
            .send_modify(|state| state.ready = Readiness::Waiting(one_line(&why)));
    }

    /// Records that it is not known who holds the Lease, so that no pass starts.
    pub(super) fn waiting_for_answer(&self, why: String) {
        self.state
            .send_modify(|state| state.ready = Readiness::No(one_line(&why)));
    }

    /// Records that this replica holds the Lease from now on.
    pub(super) fn held(&self, now: Instant) {
        self.state.send_replace(HealthState {
            round: now,
            ready: Readiness::Starting,
        });
    }

    pub(super) fn started(&self, now: Instant) {
        self.state.send_modify(|state| state.round = now);
    }

    /// Records the end of a pass: a success, or a sentence with the failure.
    pub(super) fn ended(&self, how: Result<(), String>, now: Instant) {
        let ready = how.map_or_else(|why| Readiness::No(one_line(&why)), |()| Readiness::Yes);
        self.state.send_replace(HealthState { round: now, ready });
    }

    pub(super) fn stopping(&self) {
        self.state
            .send_modify(|state| state.ready = Readiness::Stopping);
    }
}

#[cfg(test)]
mod tests;
