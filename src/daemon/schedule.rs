//! When the next pass is due, and why. Knows the time only as an argument; starts nothing.

use super::hooks::Hook;
use crate::error::Kind;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How many passes in a row may ask for the next one at once.
const AGAIN: u32 = 5;
/// The first wait after a failed pass; it doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// The rest between a pass and one that something outside asks for: one push makes several webhooks, and pintle's own pushes do too; one rollout
/// makes many changes in the cluster.
const REST: Duration = Duration::from_secs(1);

/// Why a pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    Start,
    Timer,
    /// The pass before asked for it.
    Again,
    /// The pass before failed.
    Retry,
    /// Something changed in the cluster.
    Cluster,
    /// The pass before said that something is to be looked at now.
    Later,
    Hook(Hook),
}

/// All the causes of one pass: `timer`, `push+issue_comment`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Woken(pub BTreeSet<Cause>);

impl Woken {
    /// Says whether a tag may have moved since registries were asked: what people said, what CI made of a commit, what runs and what fires moves
    /// none.
    pub fn asks_registries(&self) -> bool {
        !self.0.iter().all(|cause| match cause {
            Cause::Again | Cause::Cluster | Cause::Later => true,
            Cause::Hook(hook) => matches!(hook, Hook::Comment | Hook::PullRequest | Hook::Status | Hook::Alert),
            Cause::Start | Cause::Timer | Cause::Retry => false,
        })
    }

    /// Says whether somebody waits for what the cluster or CI told, and for nothing else: who did not answer lately is not waited for again.
    pub fn is_in_haste(&self) -> bool {
        let told = |cause: &Cause| matches!(cause, Cause::Again | Cause::Cluster | Cause::Later | Cause::Hook(Hook::Status | Hook::Alert));
        self.0.iter().all(told)
    }
}

/// How a pass ended, as far as the next one is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Done,
    /// Something waits for what the pass wrote.
    Again,
    Failed(Kind),
}

/// When the next pass is due.
#[derive(Debug)]
pub struct Schedule {
    every: Duration,
    /// When a pass is made though nobody asks, and why.
    due: Instant,
    cause: Cause,
    /// What came from outside since the last pass started.
    calls: BTreeSet<Cause>,
    /// Nothing from outside starts a pass before.
    rested: Instant,
    /// When registries are asked again; however often the cluster wakes, that is not put off.
    poll: Instant,
    /// Whether the pass under way asks them.
    polls: bool,
    failures: u32,
    again: u32,
}

impl Schedule {
    /// The first pass is due at once; `every` is the wait after each pass that asks registries.
    pub fn new(every: Duration, now: Instant) -> Self {
        let (cause, calls) = (Cause::Start, BTreeSet::new());
        Self { every, due: now, cause, calls, rested: now, poll: now, polls: true, failures: 0, again: 0 }
    }

    /// Returns when the next pass starts, should no other pass run. What changes in the cluster mends neither a remote nor a configuration: after a
    /// pass that failed it hurries nothing.
    pub fn due(&self) -> Instant {
        let hurries = |call: &Cause| self.failures == 0 || *call != Cause::Cluster;
        if self.calls.iter().any(hurries) { self.due.min(self.rested) } else { self.due }
    }

    /// Any number of webhooks make one pass.
    pub fn hooked(&mut self, hooks: BTreeSet<Hook>) {
        self.calls.extend(hooks.into_iter().map(Cause::Hook));
    }

    /// Any number of changes in the cluster make one pass.
    pub fn cluster_changed(&mut self) {
        self.calls.insert(Cause::Cluster);
    }

    /// A pass starts: takes what it is for. What comes from now on is for the next one.
    pub fn start(&mut self, now: Instant) -> Woken {
        let own = (self.due <= now).then_some(self.cause);
        let woken = Woken(std::mem::take(&mut self.calls).into_iter().chain(own).collect());
        self.polls = woken.asks_registries();
        woken
    }

    /// A pass ended. `later` is when something it saw is to be looked at again; `chance` in 0..1 spreads those that failed at the same time.
    /// Returns how long until the next one.
    pub fn ended(&mut self, how: How, later: Option<Duration>, now: Instant, chance: f64) -> Duration {
        if self.polls && !matches!(how, How::Failed(Kind::Failed | Kind::Outside)) {
            self.poll = now + self.every;
        }
        let poll = self.poll.saturating_duration_since(now);
        self.failures = if matches!(how, How::Failed(_)) { self.failures.saturating_add(1) } else { 0 };
        self.again = if how == How::Again && self.again < AGAIN { self.again + 1 } else { 0 };
        let (wait, cause) = match how {
            How::Again if self.again > 0 => (Duration::ZERO, Cause::Again),
            // Trying again does not mend a configuration; a push does, and wakes.
            How::Done | How::Again | How::Failed(Kind::Usage) => match later {
                Some(later) if later < poll => (later, Cause::Later),
                _ => (poll, Cause::Timer),
            },
            How::Failed(Kind::Failed | Kind::Outside) => (self.backoff(chance), Cause::Retry),
        };
        (self.due, self.cause, self.rested) = (now + wait, cause, now + REST);
        self.due() - now
    }

    /// Between a half and the whole of what has doubled with each failure; never longer than the interval.
    fn backoff(&self, chance: f64) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << (self.failures - 1).min(16));
        doubled.min(self.every).mul_f64(0.5 + chance / 2.0)
    }
}

impl fmt::Display for Woken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, cause) in self.0.iter().enumerate() {
            let word = match cause {
                Cause::Start => "start",
                Cause::Timer => "timer",
                Cause::Again => "again",
                Cause::Retry => "retry",
                Cause::Cluster => "cluster",
                Cause::Later => "later",
                Cause::Hook(hook) => hook.word(),
            };
            write!(f, "{}{word}", if at == 0 { "" } else { "+" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
