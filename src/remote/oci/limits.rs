//! How much one registry is asked at once, how fast, and not at all while it wants to be left
//! alone. Never reads a configuration and never sends anything.

use super::error::OciError;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// A 429 that does not say how long: at first so long, twice as long each time …
const UNSAID: Duration = Duration::from_secs(5);
/// … up to the shortest time Docker Hub's documentation speaks of.
const UNSAID_MOST: Duration = Duration::from_secs(60);
/// The longest `Retry-After` that is believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// A registry is waited for so many times the longest wait in all …
const PATIENCE: u32 = 3;
/// … which is forgotten when it has made nobody wait for so long.
const CALM: Duration = Duration::from_secs(300);
/// Connections that fail one after the other before a registry counts as down …
const FAILURES: u32 = 16;
/// … or one that takes longer than this to fail while nothing else is answered …
const SILENT: Duration = Duration::from_secs(2);
/// … and for how long it then is not asked.
const DOWN: Duration = Duration::from_secs(60);

/// What a registry may be burdened with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burden {
    pub concurrency: usize,
    /// `2.5`, `0.1`; more than zero.
    pub per_second: f64,
    /// A registry that closes for longer is not waited for.
    pub longest_wait: Duration,
}

/// One moment on both clocks: the one that people read, and the one that never jumps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub time: Timestamp,
    pub tick: Instant,
}

impl Now {
    pub(super) fn read() -> Self {
        Self {
            time: Timestamp::now(),
            tick: Instant::now(),
        }
    }
}

/// The state of one registry's patience.
pub(super) struct Limits {
    host: String,
    slots: Semaphore,
    pace: RateLimiter<NotKeyed, InMemoryState, PassingTime, NoOpMiddleware<Tick>>,
    longest_wait: Duration,
    gate: Mutex<Gate>,
}

#[derive(Default)]
struct Gate {
    closed: Option<Closed>,
    /// How often in a row it answered 429 without saying how long.
    unsaid: u32,
    /// How long it has been waited for, and until when it last closed.
    spent: Duration,
    last: Option<Instant>,
    /// Requests answered since it last closed for longer than anybody waits …
    answered: usize,
    /// … and how many there were before it did.
    allowance: Option<usize>,
    failures: u32,
    /// When it last answered anything.
    heard: Option<Instant>,
    /// Docker Hub counts GETs of manifests, not HEADs, and says how many are left on each answer.
    gets_used_up: bool,
    /// How many it still answers, as of its last answer that says so.
    left: Option<u64>,
}

#[derive(Clone)]
struct Closed {
    until: Instant,
    error: OciError,
    /// Nobody waits for it.
    is_long: bool,
}

impl Limits {
    pub(super) fn new(host: &str, burden: Burden) -> Self {
        Self {
            host: host.to_owned(),
            slots: Semaphore::new(burden.concurrency.max(1)),
            pace: RateLimiter::direct_with_clock(quota(burden.per_second), PassingTime),
            longest_wait: burden.longest_wait,
            gate: Mutex::default(),
        }
    }

    /// Waits for one of the registry's slots.
    pub(super) async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        self.slots.acquire().await.ok()
    }

    /// Waits until the next request may be sent, or says why none will be; `counted` requests are
    /// those a registry gives only so many of.
    pub(super) async fn turn(&self, counted: bool) -> Result<(), OciError> {
        if counted && self.gate().gets_used_up {
            let until = Timestamp::now()
                .saturating_add(signed(UNSAID_MOST))
                .unwrap_or(Timestamp::MAX);
            return Err(OciError::Limited {
                host: self.host.clone(),
                until: whole_seconds(until),
            });
        }
        while let Some((wait, closed)) = self.closed(Instant::now()) {
            if closed.is_long {
                return Err(closed.error);
            }
            tokio::time::sleep(wait).await;
        }
        while let Err(early) = self.pace.check() {
            tokio::time::sleep(early.wait_time_from(PassingTime.now())).await;
        }
        Ok(())
    }

    /// Learns from an answer: `Retry-After` on 429 and 503, `ratelimit-remaining`, and that the
    /// registry is alive.
    pub(super) fn heard(&self, status: StatusCode, headers: &HeaderMap, now: Now) {
        let mut gate = self.gate();
        gate.failures = 0;
        gate.heard = Some(now.tick);
        gate.left = number(headers, "ratelimit-remaining").or(gate.left);
        gate.gets_used_up = gate.left == Some(0);
        let asked = retry_after(headers, now.time);
        let is_refused = status == StatusCode::TOO_MANY_REQUESTS;
        if !is_refused {
            gate.unsaid = 0;
            gate.answered += 1;
        }
        let wait = match status {
            StatusCode::TOO_MANY_REQUESTS => Some(asked.unwrap_or_else(|| gate.unsaid_wait(now))),
            StatusCode::SERVICE_UNAVAILABLE => asked,
            _ if gate.gets_used_up => number(headers, "ratelimit-reset").map(Duration::from_secs),
            _ => None,
        };
        if let Some(wait) = wait {
            let error = |until| OciError::Limited {
                host: self.host.clone(),
                until,
            };
            let wait = wait.min(LONGEST);
            let is_long = gate.spend_patience(wait, self.longest_wait, now);
            let is_news = gate.close((wait, is_long), now, error);
            if is_news && is_long {
                if is_refused {
                    gate.allowance = Some(gate.answered.max(1));
                    gate.answered = 0;
                }
                let seconds = wait.as_secs();
                tracing::warn!(
                    registry = self.host,
                    seconds,
                    "too many requests: the registry is not asked until then; \
                     `requests_per_second` in `[[registry]]` makes pintle ask more slowly"
                );
            }
        }
    }

    /// Returns how many requests the registry still answers, where it says so.
    pub(super) fn left(&self) -> Option<u64> {
        self.gate().left
    }

    /// Returns about how many requests the registry allows at a time, where it has refused some.
    pub(super) fn allowance(&self) -> Option<usize> {
        self.gate().allowance
    }

    /// Says whether the registry has made anybody wait lately.
    pub(super) fn is_scarce(&self) -> bool {
        let gate = self.gate();
        gate.allowance.is_some() || !gate.spent.is_zero()
    }

    /// Says whether the registry can be asked within the longest wait.
    pub(super) fn opens_soon(&self) -> bool {
        self.closed(Instant::now())
            .is_none_or(|(_, closed)| !closed.is_long)
    }

    /// Learns that no answer came to a request that was sent at a time. After many in a row the
    /// registry is left alone, and at once if it was silent for long: a registry that hangs takes
    /// one time limit, not one for each image.
    pub(super) fn failed(&self, why: &OciError, sent: Instant, now: Now) {
        let mut gate = self.gate();
        gate.failures += 1;
        let is_silent = now.tick - sent >= SILENT && gate.heard.is_none_or(|heard| heard < sent);
        if gate.failures >= FAILURES || is_silent {
            let (host, why) = (self.host.clone(), why.cause());
            let _ = gate.close((DOWN, true), now, |until| OciError::Down {
                host,
                why,
                until,
            });
            gate.failures = 0;
        }
    }

    /// Returns why the registry is left alone now, if it is.
    pub(super) fn refusal(&self, now: Instant) -> Option<OciError> {
        self.closed(now).map(|(_, closed)| closed.error)
    }

    /// Returns for how long still, and why.
    fn closed(&self, now: Instant) -> Option<(Duration, Closed)> {
        let closed = self.gate().closed.clone()?;
        let wait = closed
            .until
            .checked_duration_since(now)
            .filter(|wait| !wait.is_zero())?;
        Some((wait, closed))
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    /// Says whether a wait is too long: by itself, or together with those before it.
    fn spend_patience(&mut self, wait: Duration, longest: Duration, now: Now) -> bool {
        let is_open = self
            .closed
            .as_ref()
            .is_none_or(|closed| closed.until <= now.tick);
        if self.last.is_some_and(|last| now.tick > last + CALM) {
            self.spent = Duration::ZERO;
        }
        let is_long = wait > longest || self.spent + wait > longest * PATIENCE;
        if is_open && !is_long {
            self.spent += wait;
        }
        self.last = Some(now.tick + wait);
        is_long
    }

    /// Returns how long a 429 without `Retry-After` closes. Those that come while it is closed were
    /// sent before.
    fn unsaid_wait(&mut self, now: Now) -> Duration {
        if self
            .closed
            .as_ref()
            .is_some_and(|closed| closed.until > now.tick)
        {
            return Duration::ZERO;
        }
        let wait = UNSAID * 2_u32.pow(self.unsaid.min(4));
        self.unsaid += 1;
        wait.min(UNSAID_MOST)
    }

    /// Closes until the later of what is known and what is new. Says whether it was open before.
    fn close(
        &mut self,
        (wait, is_long): (Duration, bool),
        now: Now,
        error: impl FnOnce(Timestamp) -> OciError,
    ) -> bool {
        let was_open = self
            .closed
            .as_ref()
            .is_none_or(|closed| closed.until <= now.tick);
        let until = now.tick + wait;
        if self
            .closed
            .as_ref()
            .is_none_or(|closed| closed.until < until)
        {
            let at = now
                .time
                .saturating_add(signed(wait))
                .unwrap_or(Timestamp::MAX);
            self.closed = Some(Closed {
                until,
                error: error(whole_seconds(at)),
                is_long,
            });
        }
        was_open
    }
}

/// A rate as it is written, also below one a second. What is allowed at once is a tenth of a
/// second's worth, at least one request.
fn quota(per_second: f64) -> Quota {
    let rate = per_second.clamp(1e-6, 1e6);
    let burst = NonZeroU32::new((rate / 10.0) as u32).unwrap_or(NonZeroU32::MIN);
    Quota::with_period(Duration::from_secs_f64(1.0 / rate))
        .unwrap_or_else(|| Quota::per_second(NonZeroU32::MAX))
        .allow_burst(burst)
}

/// `Retry-After` as seconds or as an HTTP date (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = DateTimeParser::new().parse_zoned(text).ok()?.timestamp();
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

/// `ratelimit-remaining: 76;w=21600` → 76
fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    text.split([';', ',']).next()?.trim().parse().ok()
}

fn signed(wait: Duration) -> SignedDuration {
    SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX)
}

fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// tokio's time, as governor wants it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PassingTime;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tick(Instant);

impl Clock for PassingTime {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(Instant::now())
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> governor::nanos::Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: governor::nanos::Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl std::ops::Add<governor::nanos::Nanos> for Tick {
    type Output = Self;

    fn add(self, rhs: governor::nanos::Nanos) -> Self {
        Self(self.0 + Duration::from(rhs))
    }
}

#[cfg(test)]
mod tests;
