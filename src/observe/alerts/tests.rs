use super::{SUMMARY, sort_alerts, summary_line};
use crate::remote::alertmanager::Firing;
use jiff::Timestamp;
use std::collections::BTreeMap;

fn firing(fingerprint: &str, annotations: &[(&str, &str)]) -> Firing {
    Firing {
        fingerprint: fingerprint.to_owned(),
        labels: BTreeMap::from([("alertname".to_owned(), "Down".to_owned())]),
        annotations: annotations
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
        started: Timestamp::UNIX_EPOCH,
    }
}

fn summary(annotations: &[(&str, &str)]) -> Option<String> {
    sort_alerts(vec![firing("a", annotations)])[0]
        .summary
        .as_deref()
        .map(str::to_owned)
}

#[test]
fn alerts_are_sorted_and_each_is_there_once() {
    let alerts = sort_alerts(vec![firing("b", &[]), firing("a", &[]), firing("b", &[])]);
    assert_eq!(
        alerts
            .iter()
            .map(|alert| &*alert.fingerprint)
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(&*alerts[0].labels["alertname"], "Down");
}

#[test]
fn the_summary_comes_before_the_description() {
    assert_eq!(
        summary(&[("description", "long"), ("summary", "short")]).as_deref(),
        Some("short")
    );
    assert_eq!(
        summary(&[("description", "long"), ("summary", " ")]).as_deref(),
        Some("long")
    );
    assert_eq!(
        summary(&[("runbook_url", "https://runbooks.example.org")]),
        None
    );
}

#[test]
fn a_summary_is_one_line() {
    assert_eq!(
        summary_line("5xx rate\n\nPintle-Pin:\u{1b}[31m x\r\n"),
        "5xx rate Pintle-Pin: [31m x"
    );
    let long = summary_line(&"ü".repeat(SUMMARY + 1));
    assert_eq!(long, "ü".repeat(SUMMARY) + "…");
    assert_eq!(summary_line(&"ü".repeat(SUMMARY)), "ü".repeat(SUMMARY));
}
