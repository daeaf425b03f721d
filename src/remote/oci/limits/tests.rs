//! Patience; the time is an argument.

use super::*;
use crate::test_log::{LogLines, second_dispatcher};
use reqwest::header::HeaderValue;

fn limits(longest_wait: u64, per_second: u32) -> Limits {
    limits_at(longest_wait, f64::from(per_second))
}

fn limits_at(longest_wait: u64, per_second: f64) -> Limits {
    Limits::new(
        "docker.io",
        Burden {
            concurrency: 2,
            per_second,
            longest_wait: Duration::from_secs(longest_wait),
        },
    )
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                name.parse().unwrap(),
                HeaderValue::try_from(*value).unwrap(),
            )
        })
        .collect()
}

fn noon() -> Now {
    Now {
        time: "2026-11-22T12:00:00Z".parse().unwrap(),
        tick: Instant::now(),
    }
}

const TOO_MANY: StatusCode = StatusCode::TOO_MANY_REQUESTS;

#[test]
fn retry_after_is_seconds_or_a_date() {
    let wait = |text| {
        retry_after(&headers(&[("retry-after", text)]), noon().time).map(|wait| wait.as_secs())
    };
    assert_eq!(wait("37"), Some(37));
    assert_eq!(wait(" 0 "), Some(0));
    assert_eq!(wait("Sun, 22 Nov 2026 12:01:00 GMT"), Some(60));
    assert_eq!(wait("Sun, 22 Nov 2026 11:01:00 GMT"), Some(0));
    assert_eq!(wait("soon"), None);
    assert_eq!(wait("-1"), None);
    assert_eq!(retry_after(&HeaderMap::new(), noon().time), None);
}

#[tokio::test]
async fn a_long_wait_is_refused_and_a_short_one_waited_for() {
    let limits = limits(10, 1000);
    let now = noon();
    limits.heard(TOO_MANY, &headers(&[("retry-after", "1")]), now);
    assert!(limits.refusal(now.tick).is_some());
    assert_eq!(limits.turn(false).await, Ok(()));
    assert_eq!(limits.refusal(Instant::now()), None);
    limits.heard(TOO_MANY, &headers(&[("retry-after", "60")]), noon());
    let refused = limits.turn(false).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "registry docker.io asked to wait until 2026-11-22T12:01:00Z"
    );
}

#[test]
fn the_longest_that_was_asked_for_counts() {
    let limits = limits(0, 1000);
    let now = noon();
    limits.heard(TOO_MANY, &headers(&[("retry-after", "100")]), now);
    limits.heard(TOO_MANY, &headers(&[("retry-after", "5")]), now);
    limits.heard(StatusCode::OK, &HeaderMap::new(), now);
    let until = "2026-11-22T12:01:40Z".parse().unwrap();
    assert_eq!(
        limits.refusal(now.tick + Duration::from_secs(99)),
        Some(OciError::Limited {
            host: "docker.io".into(),
            until
        })
    );
    assert_eq!(limits.refusal(now.tick + Duration::from_secs(100)), None);
}

#[test]
fn a_429_that_says_nothing_closes_for_longer_each_time_and_a_503_not_at_all() {
    let limits = limits(600, 1000);
    let mut now = noon();
    limits.heard(StatusCode::SERVICE_UNAVAILABLE, &HeaderMap::new(), now);
    assert_eq!(limits.refusal(now.tick), None);
    let closes_for = |now: Now, seconds: u64| {
        limits.heard(TOO_MANY, &HeaderMap::new(), now);
        // What was sent before it closed says nothing new.
        limits.heard(TOO_MANY, &HeaderMap::new(), now);
        let until = now.tick + Duration::from_secs(seconds);
        assert!(limits.refusal(until - Duration::from_millis(1)).is_some());
        assert_eq!(limits.refusal(until), None, "{seconds} s");
        Now { tick: until, ..now }
    };
    for seconds in [5, 10, 20, 40, 60, 60] {
        now = closes_for(now, seconds);
    }
    limits.heard(StatusCode::OK, &HeaderMap::new(), now);
    let now = Now {
        time: noon().time,
        tick: closes_for(now, 5).tick,
    };
    limits.heard(
        StatusCode::SERVICE_UNAVAILABLE,
        &headers(&[("retry-after", "120")]),
        now,
    );
    assert_eq!(
        limits.refusal(now.tick).unwrap().to_string(),
        "registry docker.io asked to wait until 2026-11-22T12:02:00Z"
    );
}

#[tokio::test]
async fn what_is_used_up_is_not_asked_for() {
    let limits = limits(10, 1000);
    limits.heard(
        StatusCode::OK,
        &headers(&[("ratelimit-remaining", "0;w=21600")]),
        noon(),
    );
    assert_eq!(limits.turn(false).await, Ok(()));
    assert!(matches!(
        limits.turn(true).await,
        Err(OciError::Limited { .. })
    ));
    limits.heard(StatusCode::OK, &HeaderMap::new(), noon());
    assert!(limits.turn(true).await.is_err());
    limits.heard(
        StatusCode::OK,
        &headers(&[("ratelimit-remaining", "76;w=21600")]),
        noon(),
    );
    assert_eq!(limits.turn(true).await, Ok(()));
    limits.heard(
        StatusCode::OK,
        &headers(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "90")]),
        noon(),
    );
    assert!(matches!(
        limits.turn(false).await,
        Err(OciError::Limited { .. })
    ));
}

#[test]
fn requests_are_paced() {
    // A tenth of a second's worth at once.
    let limits = limits(10, 20);
    assert!(limits.pace.check().is_ok());
    assert!(limits.pace.check().is_ok());
    assert!(limits.pace.check().is_err());
}

#[test]
fn many_failures_in_a_row_close_a_registry_for_a_while() {
    let limits = limits(10, 1000);
    let now = noon();
    let why = OciError::Unreachable {
        host: "docker.io".into(),
        why: "refused".into(),
    };
    for _ in 1..FAILURES {
        limits.failed(&why, now.tick, now);
    }
    limits.heard(StatusCode::OK, &HeaderMap::new(), now);
    limits.failed(&why, now.tick, now);
    assert_eq!(limits.refusal(now.tick), None);
    for _ in 1..FAILURES {
        limits.failed(&why, now.tick, now);
    }
    let text = "docker.io does not answer: refused";
    assert_eq!(limits.refusal(now.tick).unwrap().to_string(), text);
    assert_eq!(limits.refusal(now.tick + DOWN), None);
}

#[test]
fn a_registry_that_is_silent_for_long_is_left_alone_at_once() {
    let now = noon();
    let later = Now {
        tick: now.tick + SILENT,
        ..now
    };
    let why = OciError::Timeout {
        host: "docker.io".into(),
        at: "docker.io/library/nginx:latest".into(),
        limit: SILENT,
    };
    let silent = limits(10, 1000);
    silent.failed(&why, now.tick, later);
    assert!(silent.refusal(later.tick).is_some());
    let quick = limits(10, 1000);
    quick.failed(&why, later.tick, later);
    assert_eq!(quick.refusal(later.tick), None, "it failed at once");
    let slow = limits(10, 1000);
    slow.heard(StatusCode::OK, &HeaderMap::new(), later);
    slow.failed(&why, now.tick, later);
    assert_eq!(
        slow.refusal(later.tick),
        None,
        "others were answered meanwhile"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rate_is_what_it_says_also_below_one_a_second() {
    for (rate, seconds) in [(2.5, 4.4), (0.5, 22.0), (0.1, 110.0)] {
        let limits = limits_at(10, rate);
        let start = Instant::now();
        for _ in 0..12 {
            limits.turn(false).await.unwrap();
        }
        let took = start.elapsed().as_secs_f64();
        assert!((took - seconds).abs() < 0.1, "{rate} a second: {took} s");
    }
}

#[test]
fn how_much_a_registry_allows_is_learned_when_it_closes_for_long() {
    let limits = limits(10, 1000);
    let now = noon();
    let answers = |count: usize| {
        for _ in 0..count {
            limits.heard(StatusCode::OK, &HeaderMap::new(), now);
        }
    };
    assert_eq!(limits.allowance(), None);
    answers(6);
    limits.heard(TOO_MANY, &headers(&[("retry-after", "5")]), now);
    assert_eq!(limits.allowance(), None, "that is waited for");
    limits.heard(
        TOO_MANY,
        &headers(&[("retry-after", "3600")]),
        Now {
            tick: now.tick + Duration::from_secs(6),
            ..now
        },
    );
    assert_eq!(limits.allowance(), Some(6));
}

#[test]
fn short_waits_are_waited_for_only_so_often() {
    let limits = limits(10, 1000);
    let mut now = noon();
    let mut short = 0;
    while limits.opens_soon() {
        limits.heard(StatusCode::OK, &HeaderMap::new(), now);
        limits.heard(TOO_MANY, &headers(&[("retry-after", "7")]), now);
        now.tick += Duration::from_secs(8);
        short += 1;
        assert!(short < 10);
    }
    assert_eq!(short, 5, "four waits of 7 s are within 30 s");
    assert!(limits.is_scarce());
    assert_eq!(limits.allowance(), Some(5));
}

#[test]
fn a_registry_that_asks_to_wait_is_one_line_of_the_log() {
    let (log, _second) = (LogLines::default(), second_dispatcher());
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let limits = limits(10, 1000);
        for _ in 0..20 {
            limits.heard(TOO_MANY, &headers(&[("retry-after", "600")]), noon());
        }
    });
    let text = log.text();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("docker.io") && text.contains("`requests_per_second`"),
        "{text}"
    );
}
