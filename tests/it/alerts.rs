//! Alerts of a real Alertmanager: what is read of them, what its webhooks wake, and that neither
//! its silence nor a forged webhook does harm.

use std::time::Duration;

use pintle::error::Kind;
use pintle::remote::alertmanager::{Client, Options};
use serde_json::json;

use crate::support::alertmanager::Alertmanager;
use crate::support::cmd::Pintle;
use crate::support::daemon::{Daemon, Hook};
use crate::support::http::request;
use crate::support::line::Line;

const IMAGE: &str = "quay.io/team/app:latest";
const SECRET: &str = "s3cret-of-the-hooks";
const TOKEN: &str = "t0ken-of-the-alerts";
const HOOK: &str = "/hooks/alertmanager";

/// A run that nothing but a webhook wakes.
fn sleepy(line: &Line, alerts: &Alertmanager) -> Pintle {
    let args = [
        "--every",
        "1h",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "-v",
        "--alertmanager",
        &alerts.url(),
    ];
    line.pintle("run", &args)
        .env("PINTLE_WEBHOOK_SECRET", SECRET)
        .env("PINTLE_ALERT_HOOK_TOKEN", TOKEN)
}

fn of(trigger: &str, commits: u64) -> (String, Result<u64, String>) {
    (trigger.to_owned(), Ok(commits))
}

/// Asks until there are as many alerts as there should be: it takes what is posted in, and
/// silences, a moment later.
async fn names(client: &Client, want: usize) -> Vec<String> {
    let mut found = Vec::new();
    for _ in 0..600 {
        found = client.firing().await.expect("it answers");
        if found.len() == want {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut names: Vec<String> = found
        .iter()
        .map(|alert| alert.labels["alertname"].clone())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_fires_is_read_and_what_is_held_back_is_not() {
    let alerts = Alertmanager::start();
    let client = Client::new(&alerts.url(), &Options::default()).expect("an address on loopback");
    assert_eq!(client.firing().await.expect("it answers"), []);
    let cart =
        json!({ "alertname": "Errors", "namespace": "shop", "deployment": "cart", "team": "a" });
    alerts.fire(
        &cart,
        &json!({ "summary": "5xx", "description": "much\nmore" }),
    );
    alerts.fire(
        &json!({ "alertname": "Slow", "namespace": "shop", "node": "n1", "team": "b" }),
        &json!({}),
    );
    assert_eq!(names(&client, 2).await, ["Errors", "Slow"]);
    let found = client.firing().await.expect("it answers");
    let errors = found
        .iter()
        .find(|alert| alert.labels["alertname"] == "Errors")
        .expect("it fires");
    assert_eq!(
        (
            errors.labels["deployment"].as_str(),
            errors.annotations["summary"].as_str()
        ),
        ("cart", "5xx")
    );
    assert_eq!(errors.fingerprint.len(), 16);
    assert!(errors.started < jiff::Timestamp::now());

    alerts.silence("team", "a");
    assert_eq!(names(&client, 1).await, ["Slow"]);
    alerts.fire(
        &json!({ "alertname": "NodeDown", "node": "n1" }),
        &json!({}),
    );
    assert_eq!(
        names(&client, 1).await,
        ["NodeDown"],
        "what runs on a node that is down is inhibited"
    );
    alerts.resolve(&json!({ "alertname": "NodeDown", "node": "n1" }));
    assert_eq!(names(&client, 1).await, ["Slow"]);
}

#[test]
fn an_alert_wakes_and_asks_no_registry() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let alerts = Alertmanager::start();
    let mut run = Daemon::start(sleepy(&line, &alerts));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 1));
    line.registries.put(IMAGE, "second");

    let token = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(token.path(), TOKEN).expect("it can be written");
    alerts.tell(
        &format!("http://{address}{HOOK}"),
        &format!(
            "{{authorization: {{credentials_file: {}}}}}",
            token.path().display()
        ),
    );
    alerts.fire(
        &json!({ "alertname": "Errors", "namespace": "shop" }),
        &json!({ "summary": "5xx" }),
    );
    assert_eq!(
        run.pass(),
        of("alert", 0),
        "the tag has moved, and that is not looked at"
    );
    alerts.tell(
        &format!("http://{address}{HOOK}"),
        &format!("{{basic_auth: {{username: alertmanager, password: {TOKEN}}}}}"),
    );
    alerts.fire(
        &json!({ "alertname": "Slow", "namespace": "shop" }),
        &json!({}),
    );
    assert_eq!(run.pass(), of("alert", 0));

    assert_eq!(
        Hook::signed(SECRET, "package", "{}").send(&address).status,
        202
    );
    assert_eq!(run.pass(), of("package", 1));
    let log = run.stop();
    assert!(!log.contains("refused"), "{log}");
    let failed = ["\"level\":\"WARN\"", "\"level\":\"ERROR\""];
    assert!(
        !failed.iter().any(|level| alerts.log().contains(level)),
        "Alertmanager takes the answers for good ones: {}",
        alerts.log()
    );
}

#[test]
fn whoever_does_not_know_the_token_wakes_nobody() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let alerts = Alertmanager::start();
    let mut run = Daemon::start(sleepy(&line, &alerts));
    let address = run.address();
    assert_eq!(run.pass(), of("start", 1));
    let right = format!("Bearer {TOKEN}");
    let firing = br#"{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"deployment":"app"}}]}"#;
    for wrong in ["Bearer x", &right[..right.len() - 1], SECRET, "Basic Og=="] {
        let reply = request(&address, "POST", HOOK, &[("Authorization", wrong)], firing)
            .expect("it answers");
        assert_eq!(
            (reply.status, reply.header("www-authenticate")),
            (401, Some("Bearer")),
            "{wrong}"
        );
    }
    let signed = Hook::signed(SECRET, "push", "{}");
    let reply = request(
        &address,
        "POST",
        HOOK,
        &[
            ("X-Gitea-Event", "push"),
            ("X-Gitea-Signature", &signed.signature),
        ],
        b"{}",
    );
    assert_eq!(
        reply.expect("it answers").status,
        401,
        "the forge's secret is another"
    );
    assert_eq!(
        request(&address, "GET", HOOK, &[("Authorization", &right)], b"")
            .expect("it answers")
            .status,
        405
    );
    let before = line.refs();
    assert_eq!(
        request(&address, "POST", HOOK, &[("Authorization", &right)], firing)
            .expect("it answers")
            .status,
        202
    );
    assert_eq!(run.pass(), of("alert", 0), "the first since the start");
    assert_eq!(
        line.refs(),
        before,
        "what a webhook claims is not believed: nothing fires"
    );
    let log = run.stop();
    assert_eq!(
        log.matches("a webhook was refused").count(),
        1,
        "once a minute at most: {log}"
    );
}

#[test]
fn without_a_token_there_is_no_path() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let mut run = Daemon::start(line.pintle(
        "run",
        &[
            "--every",
            "1h",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ],
    ));
    let address = run.address();
    assert_eq!(
        request(
            &address,
            "POST",
            HOOK,
            &[("Authorization", "Bearer x")],
            b"{}"
        )
        .expect("it answers")
        .status,
        404
    );
    run.stop();
}

#[test]
fn an_alertmanager_that_is_gone_is_said_once_and_holds_up_nothing() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let alerts = Alertmanager::start();
    let url = alerts.url();
    let args = [
        "--every",
        "1s",
        "--listen",
        "off",
        "--log-format",
        "json",
        "--alertmanager",
        &url,
    ];
    let mut run = Daemon::start(line.pintle("run", &args));
    assert_eq!(run.pass(), of("start", 1));
    drop(alerts);
    let gone = format!(
        "unknown: alerts: cannot reach the Alertmanager at {}",
        url.trim_start_matches("http://")
    );
    run.says(&gone);
    let moved = line.registries.put(IMAGE, "second");
    while run.pass() != of("timer", 1) {}
    assert!(line.text("app").contains(&moved));
    assert_eq!(run.pass(), of("timer", 0));
    let log = run.stop();
    assert_eq!(log.matches(&gone).count(), 1, "{log}");

    let plan = line.run("plan", &["--alertmanager", &url]);
    assert_eq!(
        (plan.code, plan.stderr.contains(&gone)),
        (Some(0), true),
        "{plan:?}"
    );
    line.registries.put(IMAGE, "third");
    let sync = line.run("sync", &["--alertmanager", &url]);
    assert_eq!(
        (sync.code, sync.stderr.contains(&gone)),
        (Some(3), true),
        "{sync:?}"
    );
    assert!(
        sync.stdout.contains("app"),
        "it wrote all the same: {sync:?}"
    );
}

#[test]
fn addresses_and_tokens_that_cannot_be_used_are_refused_at_once() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let empty = tempfile::NamedTempFile::new().expect("a temporary file");
    let empty = empty.path().display().to_string();
    for (args, want) in [
        (
            vec!["--alertmanager", "alerts"],
            "the address of the Alertmanager cannot be read",
        ),
        (
            vec!["--alertmanager", "https://me:p4ssword@alerts.example.org"],
            "has a user or password in it",
        ),
        (
            vec![
                "--alertmanager",
                "https://alerts.example.org",
                "--alertmanager-token-file",
                &empty,
            ],
            "the token for Alertmanager is empty",
        ),
    ] {
        let plan = line.run("plan", &args);
        assert_eq!(
            (plan.code, plan.stderr.contains(want)),
            (Some(2), true),
            "{plan:?}"
        );
        assert!(!plan.stderr.contains("p4ssword"), "{plan:?}");
    }
    let open = line
        .pintle("plan", &["--alertmanager", "http://alerts.example.org"])
        .env("PINTLE_ALERTMANAGER_TOKEN", TOKEN)
        .run();
    assert_eq!(
        (
            open.code,
            open.stderr.contains("would be sent without encryption")
        ),
        (Some(2), true),
        "{open:?}"
    );
    let run = line.run(
        "run",
        &["--listen", "127.0.0.1:0", "--alert-hook-token-file", &empty],
    );
    assert_eq!(
        (
            run.code,
            run.stderr
                .contains("the token of Alertmanager's webhooks is empty")
        ),
        (Some(2), true),
        "{run:?}"
    );
    let refused = Client::new("ftp://alerts.example.org", &Options::default())
        .expect_err("not asked over ftp");
    assert_eq!(refused.kind, Kind::Usage);
}
