//! When the next pass is due, and why. Gets the time as an argument; starts nothing.

use super::hooks::{PushedImage, Webhook};
use crate::error::Kind;
use crate::remote::kubernetes::Urgency;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;
use tokio::time::Instant;

/// How many passes in a row may ask for the next one at once.
const AGAIN: u32 = 5;
/// The first wait after a failed pass; it doubles each time.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// The least time between a pass and one that an event wakes: one push sends several webhooks,
/// pintle's own pushes do too, and one rollout changes many objects in the cluster.
const REST: Duration = Duration::from_secs(1);

/// The least time between a pass and one for changes in the cluster that are not urgent.
const MERGE: Duration = Duration::from_secs(10);

/// Why a pass is made.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WakeCause {
    Start,
    Timer,
    /// The pass before asked for another one.
    Again,
    /// The pass before failed.
    Retry,
    /// The forge could not be used in the pass before.
    ForgeRetry,
    /// Something changed in the cluster.
    Cluster,
    /// The pass before asked for one at this time.
    Later,
    Webhook(Webhook),
}

impl WakeCause {
    fn word(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Timer => "timer",
            Self::Again => "again",
            Self::Retry | Self::ForgeRetry => "retry",
            Self::Cluster => "cluster",
            Self::Later => "later",
            Self::Webhook(hook) => hook.word(),
        }
    }
}

/// All the causes of one pass: `timer`, `push+issue_comment`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WakeCauses(pub BTreeSet<WakeCause>);

impl WakeCauses {
    /// Returns the cause as one of few words, for metrics: `several` where there is more than one.
    pub fn label(&self) -> &'static str {
        let words: BTreeSet<&str> = self.0.iter().map(WakeCause::word).collect();
        match words.len() {
            1 => self.0.first().map_or("several", WakeCause::word),
            _ => "several",
        }
    }

    /// Returns whether any tag may have moved since registries were asked. Pushes to the repo,
    /// comments, CI statuses, changes in the cluster and alerts move none; an image that was pushed
    /// to the forge moves its own ([`Self::images`]).
    pub fn asks_registries(&self) -> bool {
        !self.0.iter().all(|cause| match cause {
            WakeCause::Again | WakeCause::ForgeRetry | WakeCause::Cluster | WakeCause::Later => {
                true
            }
            WakeCause::Webhook(hook) => !matches!(hook, Webhook::Package),
            WakeCause::Start | WakeCause::Timer | WakeCause::Retry => false,
        })
    }

    /// Returns the images that were pushed to the forge.
    pub fn images(&self) -> impl Iterator<Item = &PushedImage> {
        self.0.iter().filter_map(|cause| match cause {
            WakeCause::Webhook(Webhook::Image(image)) => Some(image),
            _ => None,
        })
    }

    /// Returns whether nothing but the cluster, a time that a plan named, or an image that was
    /// pushed to the forge woke the pass: the repo is as it was.
    pub fn leaves_repo(&self) -> bool {
        let all = |cause: &WakeCause| {
            matches!(
                cause,
                WakeCause::Cluster | WakeCause::Later | WakeCause::Webhook(Webhook::Image(_))
            )
        };
        self.0.iter().all(all)
    }

    /// Returns whether only the cluster, CI, an alert or an image that was pushed to the forge woke
    /// the pass. Then registries that did not answer lately are not asked again.
    pub fn is_in_haste(&self) -> bool {
        let told = |cause: &WakeCause| {
            matches!(
                cause,
                WakeCause::Again
                    | WakeCause::ForgeRetry
                    | WakeCause::Cluster
                    | WakeCause::Later
                    | WakeCause::Webhook(Webhook::Status | Webhook::Alert | Webhook::Image(_))
            )
        };
        self.0.iter().all(told)
    }
}

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassEnd {
    Done,
    /// Another pass can write more now.
    Again,
    /// It came to its end, and the forge could not be used.
    Degraded,
    Failed(Kind),
}

/// When the next pass is due.
#[derive(Debug)]
pub struct PassSchedule {
    every: Duration,
    /// When a pass is due without an event, and why.
    due: Instant,
    cause: WakeCause,
    /// Events since the last pass started.
    calls: BTreeSet<WakeCause>,
    /// No event starts a pass before this time.
    rested: Instant,
    /// Something changed in the cluster that can wait for more.
    merging: bool,
    /// It starts no pass before this time.
    merged: Instant,
    /// When registries are asked again. Events do not delay it.
    poll: Instant,
    /// Whether the pass in progress asks them.
    polls: bool,
    failures: u32,
    again: u32,
}

impl PassSchedule {
    /// The first pass is due at once; `every` is the wait after each pass that asks registries.
    pub fn new(every: Duration, now: Instant) -> Self {
        let (cause, calls) = (WakeCause::Start, BTreeSet::new());
        Self {
            every,
            due: now,
            cause,
            calls,
            rested: now,
            merging: false,
            merged: now,
            poll: now,
            polls: true,
            failures: 0,
            again: 0,
        }
    }

    /// Returns when the next pass starts, should no other pass run. What changes in the cluster
    /// mends neither a remote nor a configuration: after a pass that failed it hurries nothing.
    pub fn due(&self) -> Instant {
        let hurries = |call: &WakeCause| self.failures == 0 || *call != WakeCause::Cluster;
        if self.calls.iter().any(hurries) {
            self.due.min(self.rested)
        } else if self.merging && self.failures == 0 {
            self.due.min(self.merged)
        } else {
            self.due
        }
    }

    /// Any number of webhooks make one pass.
    pub fn add_webhooks(&mut self, hooks: BTreeSet<Webhook>) {
        self.calls.extend(hooks.into_iter().map(WakeCause::Webhook));
    }

    /// Any number of changes in the cluster make one pass. Those that are not urgent wait until a
    /// pass is ten seconds ago.
    pub fn add_cluster_change(&mut self, urgency: Urgency) {
        match urgency {
            Urgency::Now => drop(self.calls.insert(WakeCause::Cluster)),
            Urgency::Merged => self.merging = true,
        }
    }

    /// A pass starts: takes what it is for. What comes from now on is for the next one. Where
    /// registries are due too, because the pass before failed, they are asked in the same pass.
    pub fn start_pass(&mut self, now: Instant) -> WakeCauses {
        let own = if self.due <= now {
            Some(self.cause.clone())
        } else {
            (self.poll <= now).then_some(WakeCause::Timer)
        };
        if std::mem::take(&mut self.merging) {
            self.calls.insert(WakeCause::Cluster);
        }
        let woken = WakeCauses(
            std::mem::take(&mut self.calls)
                .into_iter()
                .chain(own)
                .collect(),
        );
        self.polls = woken.asks_registries();
        woken
    }

    /// A pass ended. `later` is when something it saw is to be looked at again; `chance` in 0..1
    /// spreads those that failed at the same time. Returns how long until the next one.
    pub fn finish_pass(
        &mut self,
        how: PassEnd,
        later: Option<Duration>,
        now: Instant,
        chance: f64,
    ) -> Duration {
        if self.polls && !matches!(how, PassEnd::Failed(Kind::Failed | Kind::Outside)) {
            self.poll = now + self.every;
        }
        let poll = self.poll.saturating_duration_since(now);
        self.failures = if matches!(how, PassEnd::Failed(_) | PassEnd::Degraded) {
            self.failures.saturating_add(1)
        } else {
            0
        };
        self.again = if how == PassEnd::Again && self.again < AGAIN {
            self.again + 1
        } else {
            0
        };
        let (wait, cause) = match how {
            PassEnd::Again if self.again > 0 => (Duration::ZERO, WakeCause::Again),
            // Trying again does not mend a configuration; a push does, and wakes.
            PassEnd::Done | PassEnd::Again | PassEnd::Failed(Kind::Usage) => match later {
                Some(later) if later < poll => (later, WakeCause::Later),
                _ => (poll, WakeCause::Timer),
            },
            PassEnd::Degraded => {
                let (retry, later) = (self.backoff(chance), later.unwrap_or(poll));
                match later.min(poll) {
                    soon if retry < soon => (retry, WakeCause::ForgeRetry),
                    soon if soon < poll => (soon, WakeCause::Later),
                    _ => (poll, WakeCause::Timer),
                }
            }
            PassEnd::Failed(Kind::Failed | Kind::Outside) => {
                (self.backoff(chance), WakeCause::Retry)
            }
        };
        (self.due, self.cause, self.rested) = (now + wait, cause, now + REST);
        self.merged = now + MERGE;
        self.due() - now
    }

    /// Between a half and the whole of what has doubled with each failure; never longer than the
    /// interval.
    fn backoff(&self, chance: f64) -> Duration {
        let doubled = FIRST_RETRY.saturating_mul(1 << (self.failures - 1).min(16));
        doubled.min(self.every).mul_f64(0.5 + chance / 2.0)
    }
}

impl fmt::Display for WakeCauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for cause in &self.0 {
            let word = cause.word();
            if word != before {
                write!(f, "{}{word}", if before.is_empty() { "" } else { "+" })?;
            }
            before = word;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
