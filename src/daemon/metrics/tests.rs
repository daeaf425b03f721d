use super::*;
use crate::daemon::schedule::WakeCause;
use crate::pipeline::Verdict;
use crate::report::gauges::{BehindSite, HeldSite};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// The page that describes every metric.
const PAGE: &str = include_str!("../../../docs/metrics.md");

fn woken(causes: &[WakeCause]) -> WakeCauses {
    WakeCauses(causes.iter().cloned().collect())
}

fn record(metrics: &Metrics, ended: &Result<PassSummary>) {
    metrics.record_pass(
        &woken(&[WakeCause::Timer]),
        Duration::from_millis(300),
        ended,
    );
}

fn site(id: &str) -> SiteId {
    SiteId(id.into())
}

/// Gauges of which each has a value.
fn full() -> PassGauges {
    PassGauges {
        verdicts: BTreeMap::from([(Verdict::InSync, 2)]),
        reasons: BTreeMap::from([("rotten", 1)]),
        behind: vec![BehindSite {
            site: site("main.tf#local.image"),
            image: "quay.io/team/app:1".into(),
            since: Timestamp::now() - SignedDuration::from_hours(2),
        }],
        held: vec![HeldSite {
            site: site("main.tf#local.other"),
            has_end: false,
            since: None,
        }],
        cache_answers: BTreeMap::from([(("docker.io".into(), "stale"), 3)]),
        open_pull_requests: Some(4),
        troubles: BTreeMap::from([("crashing", 1)]),
        budget_left: Some(5),
        rate_limits_left: BTreeMap::from([("docker.io".into(), 97)]),
    }
}

/// Returns the value of a line of the page, which starts with the name and the labels.
fn value(metrics: &Metrics, line: &str) -> Option<f64> {
    let page = metrics.scrape().unwrap();
    let found = page.lines().find_map(|one| one.strip_prefix(line))?;
    Some(found.trim().parse().unwrap())
}

/// Returns the names that the first column of the table of metrics has.
fn described() -> BTreeSet<String> {
    let rows = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| `pintle_"));
    let names = rows.filter_map(|row| row.split_once('`'));
    names.map(|(name, _)| format!("pintle_{name}")).collect()
}

#[test]
fn every_metric_of_the_page_is_shown_and_no_other() {
    let metrics = Metrics::new(None, false);
    let summary = PassSummary {
        commit_actions: vec![(Action::Update, Cause::TagMoved)],
        pulls_by_result: BTreeMap::from([("opened", 1)]),
        gauges: full().into(),
        ..PassSummary::default()
    };
    record(&metrics, &Ok(summary));
    metrics.record_hook("forgejo", 202);
    let page = metrics.scrape().unwrap();
    let shown: BTreeSet<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, kind)| match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        })
        .collect();
    assert_eq!(shown, described());
    let has_lines = |name: &str| page.lines().any(|line| line.starts_with(name));
    // No cluster is watched, and nobody was asked over HTTP.
    let silent = ["pintle_watch_up", "pintle_http_requests_total"];
    for name in shown.iter().filter(|name| !silent.contains(&name.as_str())) {
        assert!(has_lines(name), "{name} has no value:\n{page}");
    }
}

#[test]
fn a_rollback_is_an_increase_even_if_it_is_the_first() {
    let metrics = Metrics::new(None, false);
    let line = r#"pintle_commits_total{action="rollback",cause="undo"}"#;
    assert_eq!(value(&metrics, line), Some(0.0));
    let summary = PassSummary {
        commit_actions: vec![(Action::Rollback, Cause::Undo)],
        ..PassSummary::default()
    };
    record(&metrics, &Ok(summary));
    assert_eq!(value(&metrics, line), Some(1.0));
}

#[test]
fn a_failed_pass_is_counted_and_changes_no_state() {
    let metrics = Metrics::new(None, false);
    let last = "pintle_last_good_pass_timestamp_seconds";
    assert_eq!(value(&metrics, last), Some(0.0));
    record(
        &metrics,
        &Ok(PassSummary {
            gauges: full().into(),
            ..PassSummary::default()
        }),
    );
    let good = value(&metrics, last);
    assert!(good > Some(0.0));
    record(&metrics, &Err(Error::outside("the remote is gone")));
    assert_eq!(value(&metrics, last), good);
    let sites = r#"pintle_sites{verdict="in-sync"}"#;
    assert_eq!(value(&metrics, sites), Some(2.0));
    for (outcome, count) in [("ok", 1.0), ("outside", 1.0)] {
        let line = format!(r#"pintle_passes_total{{trigger="timer",outcome="{outcome}"}}"#);
        assert_eq!(value(&metrics, &line), Some(count), "{outcome}");
    }
}

#[test]
fn a_pass_of_several_causes_has_one_label() {
    let metrics = Metrics::new(None, false);
    let causes = woken(&[WakeCause::Timer, WakeCause::Cluster]);
    metrics.record_pass(&causes, Duration::ZERO, &Ok(PassSummary::default()));
    let line = r#"pintle_passes_total{trigger="several",outcome="ok"}"#;
    assert_eq!(value(&metrics, line), Some(1.0));
}

#[test]
fn ages_grow_between_passes() {
    let metrics = Metrics::new(None, false);
    let behind =
        r#"pintle_site_behind_seconds{site="main.tf#local.image",image="quay.io/team/app:1"}"#;
    assert_eq!(value(&metrics, behind), None);
    let summary = PassSummary {
        gauges: full().into(),
        ..PassSummary::default()
    };
    record(&metrics, &Ok(summary));
    let first = value(&metrics, behind).unwrap();
    assert!((7_200.0..7_300.0).contains(&first), "{first}");
    assert!(value(&metrics, behind).unwrap() > first);
}

#[test]
fn a_hold_that_the_log_does_not_know_ages_since_it_was_first_seen() {
    let mut known = KnownState::default();
    let first = Timestamp::from_second(1_000).unwrap();
    let later = Timestamp::from_second(5_000).unwrap();
    known.note(&full(), first);
    known.note(&full(), later);
    assert_eq!(known.holds.get(&site("main.tf#local.other")), Some(&first));
    known.note(&PassGauges::default(), later);
    assert!(known.holds.is_empty(), "it is held no more");
}
