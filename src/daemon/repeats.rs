//! Warnings that the log has already. A warning is written once, and again only after registries
//! were asked without it. Its numbers do not count: a time that is a little longer is no news. What
//! the loop says of each pass is never left out.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter};

/// The target of what the loop itself says, one line a pass.
const LOOP: &str = "pintle::daemon";

/// What the log of this process has.
static WRITTEN: Mutex<WrittenWarnings> = Mutex::new(WrittenWarnings::new());

/// Warnings by their hash.
#[derive(Debug)]
struct WrittenWarnings {
    /// Since registries were last asked …
    now: BTreeSet<u64>,
    /// … and between that and the time before.
    before: BTreeSet<u64>,
}

impl WrittenWarnings {
    const fn new() -> Self {
        Self {
            now: BTreeSet::new(),
            before: BTreeSet::new(),
        }
    }

    fn start_poll(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    fn is_new(&mut self, warning: u64) -> bool {
        self.now.insert(warning) && !self.before.contains(&warning)
    }
}

/// Notes that registries are asked from now on: a warning that does not come again until the next
/// time is over.
pub fn start_poll() {
    written().start_poll();
}

fn written() -> MutexGuard<'static, WrittenWarnings> {
    WRITTEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves warnings out that the log has already.
#[derive(Clone, Copy, Debug)]
pub struct RepeatedWarnings;

impl<S: Subscriber> Filter<S> for RepeatedWarnings {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() != Level::WARN || metadata.target() == LOOP {
            return true;
        }
        let mut fields = FieldsHash(DefaultHasher::new());
        metadata.target().hash(&mut fields.0);
        event.record(&mut fields);
        written().is_new(fields.0.finish())
    }
}

/// Hashes the texts of an event's fields.
struct FieldsHash(DefaultHasher);

impl Visit for FieldsHash {
    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}

    fn record_f64(&mut self, _: &Field, _: f64) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        (field.name(), value).hash(&mut self.0);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        (field.name(), format!("{value:?}")).hash(&mut self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_log::{LogLines, second_dispatcher};
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_warning_that_went_away_is_news_again() {
        let mut all = WrittenWarnings::new();
        assert_eq!(
            [all.is_new(1), all.is_new(1), all.is_new(2)],
            [true, false, true]
        );
        all.start_poll();
        assert!(!all.is_new(1), "it comes again");
        all.start_poll();
        assert!(!all.is_new(1));
        assert!(all.is_new(2), "it did not come for a while");
    }

    #[test]
    fn numbers_are_no_news_and_what_the_loop_says_is() {
        let (lines, _second) = (LogLines::default(), second_dispatcher());
        let writer = lines.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_filter(RepeatedWarnings);
        let log = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(log, || {
            for seconds in [60_u64, 300] {
                tracing::warn!(registry = "ghcr.example", seconds, "left alone");
                tracing::warn!(target: LOOP, seconds, "pass failed");
                tracing::info!(seconds, "pass");
            }
            tracing::warn!(registry = "quay.example", seconds = 60_u64, "left alone");
        });
        let text = lines.text();
        let count = |what: &str| text.lines().filter(|line| line.contains(what)).count();
        assert_eq!(
            [count("left alone"), count("pass failed"), count(": pass s")],
            [2, 2, 2],
            "{text}"
        );
    }
}
