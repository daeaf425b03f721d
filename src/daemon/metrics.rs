//! What `/metrics` shows: counters of this process, and the state as of the last pass that
//! succeeded. It only keeps numbers: it asks nobody, and nothing that it shows decides anything.
//! `docs/metrics.md` describes every metric; a test compares that page with a scrape.

use super::schedule::WakeCauses;
use super::summary::PassSummary;
use crate::error::{Error, Result};
use crate::pipeline::{Action, Cause};
use crate::remote::answers_by_host;
use crate::remote::kubernetes::Watches;
use crate::report::gauges::PassGauges;
use crate::sites::SiteId;
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, EncodeLabelSet, NoLabelSet, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The media type of what [`Metrics::scrape`] returns.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The upper bounds of the durations of passes, in seconds.
const PASS_BUCKETS: [f64; 10] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 180.0, 600.0];

/// Why a rollback may be committed. Each is shown before there is one: without the zero,
/// Prometheus sees no increase when the first comes.
const ROLLBACK_CAUSES: [Cause; 6] = [
    Cause::Command,
    Cause::Undo,
    Cause::Unhealthy,
    Cause::NotPulled,
    Cause::NotStarted,
    Cause::Alert,
];

type Labels<const N: usize> = [(&'static str, String); N];

/// All metrics of a run.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    passes: Family<Labels<2>, Counter>,
    durations: Family<Labels<2>, Histogram, fn() -> Histogram>,
    commits: Family<Labels<2>, Counter>,
    pull_requests: Family<Labels<1>, Counter>,
    hooks: Family<Labels<2>, Counter>,
    state: Arc<StateCollector>,
}

/// What is read when it is scraped.
struct StateCollector {
    started: Timestamp,
    watches: Option<Watches>,
    /// Whether this process may make passes.
    holds_lease: AtomicBool,
    known: Mutex<KnownState>,
}

/// What the last good pass found.
#[derive(Default)]
struct KnownState {
    /// When it ended.
    last_good: Option<Timestamp>,
    gauges: PassGauges,
    /// When this process first saw each hold that is there now.
    holds: BTreeMap<SiteId, Timestamp>,
}

impl Metrics {
    /// Makes the metrics of a run that starts now. `watches` are those on the cluster, if there
    /// are any; `has_lease` says whether a Lease has to be held first.
    pub fn new(watches: Option<Watches>, has_lease: bool) -> Self {
        let mut registry = Registry::with_prefix("pintle");
        let version = env!("CARGO_PKG_VERSION");
        let info = Info::new([("version", version)]);
        registry.register("build", "The version of this program", info);
        let (passes, commits) = (Family::default(), Family::default());
        let (pull_requests, hooks) = (Family::default(), Family::default());
        let durations =
            Family::new_with_constructor((|| Histogram::new(PASS_BUCKETS)) as fn() -> _);
        let state = Arc::new(StateCollector {
            started: Timestamp::now(),
            watches,
            holds_lease: AtomicBool::new(!has_lease),
            known: Mutex::default(),
        });
        registry.register("passes", "Passes by trigger and outcome", passes.clone());
        let help = "How long passes took, by trigger and outcome";
        registry.register("pass_duration_seconds", help, durations.clone());
        let help = "Commits pushed to the followed branch, by action and cause";
        registry.register("commits", help, commits.clone());
        let help = "Pull requests by what pintle did to them";
        registry.register("pull_requests", help, pull_requests.clone());
        let help = "Webhooks by sender and status of the answer";
        registry.register("hooks", help, hooks.clone());
        registry.register_collector(Box::new(state.clone()));
        let metrics = Self {
            registry,
            passes,
            durations,
            commits,
            pull_requests,
            hooks,
            state,
        };
        for cause in ROLLBACK_CAUSES {
            drop(
                metrics
                    .commits
                    .get_or_create(&commit_labels(Action::Rollback, cause)),
            );
        }
        metrics
    }

    /// Counts a pass. What a failed one found is not known, so the state before it is kept.
    pub(super) fn record_pass(
        &self,
        woken: &WakeCauses,
        took: Duration,
        ended: &Result<PassSummary>,
    ) {
        let outcome = ended
            .as_ref()
            .map_or_else(|error| error.kind.word(), |_| "ok");
        let labels = [
            ("trigger", woken.label().to_owned()),
            ("outcome", outcome.to_owned()),
        ];
        self.passes.get_or_create(&labels).inc();
        self.durations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        let Ok(summary) = ended else { return };
        for (action, cause) in &summary.commit_actions {
            self.commits
                .get_or_create(&commit_labels(*action, *cause))
                .inc();
        }
        for (done, count) in &summary.pulls_by_result {
            let labels = [("done", (*done).to_owned())];
            self.pull_requests
                .get_or_create(&labels)
                .inc_by(*count as u64);
        }
        self.state.known().note(&summary.gauges, Timestamp::now());
    }

    /// Notes whether this process holds the Lease.
    pub(super) fn set_lease_held(&self, is_held: bool) {
        self.state.holds_lease.store(is_held, Relaxed);
    }

    /// Counts a webhook. `kind` is the rest of its path: `forgejo`.
    pub(super) fn record_hook(&self, kind: &str, status: u16) {
        let labels = [("kind", kind.to_owned()), ("code", status.to_string())];
        self.hooks.get_or_create(&labels).inc();
    }

    /// Returns everything in the text format of OpenMetrics.
    pub fn scrape(&self) -> Result<String> {
        let mut page = String::new();
        text::encode(&mut page, &self.registry)
            .map_err(|e| Error::failed("the metrics cannot be written").because(e))?;
        Ok(page)
    }
}

fn commit_labels(action: Action, cause: Cause) -> Labels<2> {
    [
        ("action", action.as_str().to_owned()),
        ("cause", cause.as_str().to_owned()),
    ]
}

impl KnownState {
    fn note(&mut self, gauges: &PassGauges, now: Timestamp) {
        let before = std::mem::take(&mut self.holds);
        let held = gauges.held.iter().map(|held| {
            let seen = before.get(&held.site).copied();
            (held.site.clone(), seen.unwrap_or(now))
        });
        self.holds = held.collect();
        self.gauges = gauges.clone();
        self.last_good = Some(now);
    }
}

impl StateCollector {
    fn known(&self) -> MutexGuard<'_, KnownState> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watches have no text.
impl fmt::Debug for StateCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StateCollector").finish_non_exhaustive()
    }
}

impl Collector for StateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (known, now) = (self.known(), Timestamp::now());
        let gauges = &known.gauges;
        let out = &mut encoder;
        let help = "When this process started, in seconds since 1970";
        encode_gauge(out, "start_time_seconds", help, Some(seconds(self.started)))?;
        let help = "When the last pass that succeeded ended, in seconds since 1970; 0 before";
        let last = known.last_good.map_or(0.0, seconds);
        encode_gauge(out, "last_good_pass_timestamp_seconds", help, Some(last))?;

        let help = "1 if this process makes passes: it holds the lease, or there is none";
        let held = u32::from(self.holds_lease.load(Relaxed));
        encode_gauge(out, "lease_held", help, Some(held))?;

        let rows = gauges.verdicts.iter();
        let rows = rows.map(|(verdict, count)| ([("verdict", verdict.as_str())], *count));
        encode_gauges(out, "sites", "Sites by verdict", rows)?;
        let rows = gauges
            .reasons
            .iter()
            .map(|(code, count)| ([("reason", *code)], *count));
        encode_gauges(out, "site_reasons", "Sites by the code of a reason", rows)?;
        let rows = gauges.behind.iter().map(|behind| {
            let labels = [("site", &*behind.site.0), ("image", &behind.image)];
            (labels, age(behind.since, now))
        });
        let help = "How long ago the digest was first seen that a site does not have yet";
        encode_gauges(out, "site_behind_seconds", help, rows)?;
        let rows = gauges.held.iter().map(|held| {
            let ends = if held.has_end { "later" } else { "never" };
            let since = held.since.or_else(|| known.holds.get(&held.site).copied());
            let labels = [("site", &*held.site.0), ("ends", ends)];
            (labels, age(since.unwrap_or(now), now))
        });
        let help = "How long a site has been held, as far as the log or this process knows";
        encode_gauges(out, "site_held_seconds", help, rows)?;

        let rows = gauges
            .troubles
            .iter()
            .map(|(code, count)| ([("trouble", *code)], *count));
        let help = "Containers by what is wrong with them";
        encode_gauges(out, "container_troubles", help, rows)?;
        let rows = gauges
            .cache_answers
            .iter()
            .map(|((registry, answer), count)| {
                let labels = [("registry", registry.as_str()), ("answer", answer)];
                (labels, *count)
            });
        let help = "Images by registry and by what its cache serves";
        encode_gauges(out, "cache_images", help, rows)?;
        let help = "Open pull requests of pintle";
        encode_gauge(out, "open_pull_requests", help, gauges.open_pull_requests)?;
        let help = "How many more changes the budget allows now";
        encode_gauge(out, "budget_left", help, gauges.budget_left)?;
        let rows = gauges.rate_limits_left.iter();
        let rows = rows.map(|(host, left)| ([("host", host.as_str())], *left));
        let help = "How many more requests a registry allows, as it reports";
        encode_gauges(out, "registry_rate_limit_left", help, rows)?;

        let kinds = self.watches.as_ref().map(Watches::readable_kinds);
        let rows = kinds
            .iter()
            .flatten()
            .map(|(kind, is_readable)| ([("kind", kind.name())], u32::from(*is_readable)));
        let help = "Whether what is known of a kind in the cluster can be relied upon";
        encode_gauges(out, "watch_up", help, rows)?;
        encode_requests(out)
    }
}

/// Encodes a gauge without labels. Without a value there is no line.
fn encode_gauge<V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    value: Option<V>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    value.map_or(Ok(()), |value| metric.encode_gauge(&value))
}

fn encode_gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = (L, V)>,
) -> fmt::Result {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in rows {
        metric.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}

fn encode_requests(encoder: &mut DescriptorEncoder) -> fmt::Result {
    let help = "HTTP requests by host and status of the answer; none: no answer came";
    let mut metric = encoder.encode_descriptor("http_requests", help, None, MetricType::Counter)?;
    for ((host, status), count) in answers_by_host() {
        let code = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let labels = [("host", host), ("code", code)];
        let mut metric = metric.encode_family(&labels)?;
        metric.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
    }
    Ok(())
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1_000.0
}

/// Never negative: clocks of two machines differ.
fn age(since: Timestamp, now: Timestamp) -> f64 {
    now.duration_since(since).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests;
