//! How long a pass may take, and where it is when it is slow. Never interrupts a write.

use crate::error::{Error, Result};
use crate::model::duration;
use crate::remote::requests_by_host;
use crate::write::WriteLease;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, interval_at, sleep};
use tracing::Instrument;

/// After this long, and again each time it is over, the log shows where a pass is.
const SLOW: Duration = Duration::from_secs(60);

/// Where a pass is: `fetching the repo`, `asking registries (120 of 400)`; and how long it was at
/// each stage.
#[derive(Clone, Default)]
pub(super) struct PassStage(Arc<Mutex<Stages>>);

#[derive(Default)]
struct Stages {
    /// Where it is now, as shown.
    text: String,
    /// What it does now, and since when.
    current: Option<(String, Instant)>,
    /// What it did before, in the order in which it began, and for how long in all.
    done: Vec<(String, Duration)>,
}

impl Stages {
    fn end_current(&mut self) {
        let Some((what, since)) = self.current.take() else {
            return;
        };
        match self.done.iter_mut().find(|(known, _)| *known == what) {
            Some((_, length)) => *length += since.elapsed(),
            None => self.done.push((what, since.elapsed())),
        }
    }
}

impl PassStage {
    /// Notes where the pass is; `of` is 0 where nothing is counted.
    pub(super) fn note(&self, what: &str, done: usize, of: usize) {
        let mut stages = self.stages();
        stages.text = match of {
            0 => what.to_owned(),
            _ => format!("{what} ({done} of {of})"),
        };
        let is_same = |(current, _): &(String, Instant)| current == what;
        if !stages.current.as_ref().is_some_and(is_same) {
            stages.end_current();
            stages.current = Some((what.to_owned(), Instant::now()));
        }
    }

    /// Returns how long the pass was at each stage: `fetching the repo 120 ms, registries 2010 ms`.
    pub(super) fn lengths(&self) -> String {
        let mut stages = self.stages();
        stages.end_current();
        let lengths = stages.done.iter();
        let texts: Vec<String> = lengths
            .map(|(what, length)| format!("{what} {} ms", length.as_millis()))
            .collect();
        texts.join(", ")
    }

    fn text(&self) -> String {
        let stages = self.stages();
        match stages.text.is_empty() {
            true => "the start".to_owned(),
            false => stages.text.clone(),
        }
    }

    fn stages(&self) -> MutexGuard<'_, Stages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns how many requests each host got since an earlier count: `ghcr.io 12, quay.io 3`.
pub(super) fn requests_since(before: &BTreeMap<String, u64>) -> String {
    let texts: Vec<String> = requests_by_host()
        .into_iter()
        .filter_map(|(host, count)| {
            let new = count - before.get(&host).copied().unwrap_or_default();
            (new > 0).then(|| format!("{host} {new}"))
        })
        .collect();
    texts.join(", ")
}

/// Carries a pass out, and gives it up when `limit` is over; a write in progress is waited for.
/// Logs where the pass is while it is slow.
pub(super) async fn within<T>(
    limit: Duration,
    lease: &WriteLease,
    stage: &PassStage,
    pass: impl Future<Output = Result<T>>,
) -> Result<T> {
    let watched = stage.clone();
    // A task of its own: a pass may block its thread.
    let watch = async move {
        let begun = Instant::now();
        let mut ticks = interval_at(begun + SLOW, SLOW);
        loop {
            ticks.tick().await;
            let seconds = begun.elapsed().as_secs();
            tracing::warn!(target: "pintle::daemon", seconds, "pass is still at: {}", watched.text());
        }
    };
    let watch = tokio::spawn(watch.in_current_span());
    let over = async {
        sleep(limit).await;
        lease.wait_until_at_rest().await;
    };
    let done = tokio::select! {
        biased;
        done = pass => done,
        () = over => Err(given_up(limit, stage)),
    };
    watch.abort();
    done
}

fn given_up(limit: Duration, stage: &PassStage) -> Error {
    let limit = limit.as_secs_f32();
    Error::outside(format!(
        "the pass was not done within {limit} s and was given up"
    ))
    .cause(format!("it was at: {}", stage.text()))
    .hint("allow it more time with --pass-timeout, if everything it asks is only slow")
}

/// Reads the value of `--pass-timeout`.
pub(super) fn pass_timeout(text: &str) -> Result<Duration> {
    let allowed = Duration::from_secs(1)..=Duration::from_secs(24 * 3_600);
    length("--pass-timeout", text, allowed)
}

/// Reads a duration of the command line.
pub(super) fn length(
    option: &str,
    text: &str,
    allowed: RangeInclusive<Duration>,
) -> Result<Duration> {
    let wrong = |why: String| Error::usage(format!("{option} {text} cannot be used")).cause(why);
    let length = duration::parse(text).map_err(wrong)?.unsigned_abs();
    if allowed.contains(&length) {
        return Ok(length);
    }
    Err(wrong(format!(
        "it has to be between {}s and {}s",
        allowed.start().as_secs(),
        allowed.end().as_secs()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_log::{LogLines, second_dispatcher};
    use std::future::pending;

    #[tokio::test(start_paused = true)]
    async fn a_pass_that_hangs_is_given_up_and_says_where_it_was() {
        let (lease, stage) = (WriteLease::for_run(), PassStage::default());
        stage.note("asking registries", 3, 40);
        let limit = Duration::from_secs(600);
        let error = within(limit, &lease, &stage, pending::<Result<()>>())
            .await
            .unwrap_err();
        assert_eq!(error.kind, crate::error::Kind::Outside);
        let text = error.to_string();
        assert!(text.contains("not done within 600 s"), "{text}");
        assert!(text.contains("asking registries (3 of 40)"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_pass_says_each_minute_where_it_is() {
        let (lines, _second) = (LogLines::default(), second_dispatcher());
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let _log = tracing::subscriber::set_default(log);
        let (lease, stage) = (WriteLease::for_run(), PassStage::default());
        let pass = async {
            stage.note("fetching the repo", 0, 0);
            sleep(Duration::from_secs(90)).await;
            stage.note("asking registries", 7, 40);
            sleep(Duration::from_secs(60)).await;
            Ok(())
        };
        within(Duration::from_secs(600), &lease, &stage, pass)
            .await
            .unwrap();
        let text = lines.text();
        let told: Vec<&str> = text
            .lines()
            .filter_map(|line| line.split_once("pass is still at: "))
            .map(|(_, where_it_is)| where_it_is)
            .collect();
        assert_eq!(
            told,
            [
                "fetching the repo seconds=60",
                "asking registries (7 of 40) seconds=120"
            ],
            "{text}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stage_that_comes_again_is_counted_together() {
        let stage = PassStage::default();
        for (what, done, milliseconds) in [
            ("fetching the repo", 0, 20),
            ("registries", 1, 100),
            ("registries", 2, 200),
            ("fetching the repo", 0, 7),
        ] {
            stage.note(what, done, 2);
            sleep(Duration::from_millis(milliseconds)).await;
        }
        assert_eq!(
            stage.lengths(),
            "fetching the repo 27 ms, registries 300 ms"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_in_progress_is_finished_first() {
        let (lease, stage) = (WriteLease::for_run(), PassStage::default());
        let pass = async {
            let writing = lease.begin()?;
            sleep(Duration::from_secs(60)).await;
            drop(writing);
            Ok(7)
        };
        let done = within(Duration::from_secs(1), &lease, &stage, pass).await;
        assert_eq!(done.unwrap(), 7);
    }
}
