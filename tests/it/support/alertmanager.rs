//! A real Alertmanager on loopback, and the Prometheus that feeds it. It dies with its test;
//! decides nothing.

use std::fs::write;
use std::process::Command;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::guard::{Guard, server};
use super::http::{Reply, request};

/// Sends at once, and again only when something changed; alerts of a node that is down hold back
/// those of what runs there.
const ROUTE: &str = r#"
route:
  receiver: pintle
  group_by: ["..."]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
inhibit_rules:
  - source_matchers: ['alertname="NodeDown"']
    target_matchers: ['node=~".+"', 'alertname!="NodeDown"']
receivers:
  - name: pintle
"#;

pub struct Alertmanager {
    folder: TempDir,
    address: String,
    guard: Guard,
}

impl Alertmanager {
    /// Starts one that tells nobody, and waits until it listens.
    pub fn start() -> Alertmanager {
        let folder = tempfile::tempdir().expect("a temporary folder");
        write(folder.path().join("config.yml"), ROUTE).expect("the configuration can be written");
        let mut command = Command::new(server("PINTLE_TEST_ALERTMANAGER"));
        command.current_dir(folder.path()).args([
            "--config.file=config.yml",
            "--storage.path=data",
            "--cluster.listen-address=",
        ]);
        command.args(["--web.listen-address=127.0.0.1:0", "--log.format=json"]);
        let log = folder.path().join("log");
        let mut guard = Guard::start(command, &log);
        let ready = || {
            let text = std::fs::read_to_string(&log).ok()?;
            text.lines().find_map(|line| {
                let line: Value = serde_json::from_str(line).ok()?;
                (line["msg"] == "Listening on")
                    .then(|| line["address"].as_str().map(str::to_owned))?
            })
        };
        let address = guard
            .wait_until(ready)
            .unwrap_or_else(|log| panic!("Alertmanager ended:\n{log}"));
        Alertmanager {
            folder,
            address,
            guard,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes it tell a webhook; `http_config` is YAML on one line.
    pub fn tell(&self, url: &str, http_config: &str) {
        let hook = format!(
            "    webhook_configs:\n      - url: {url}\n        http_config: {http_config}\n"
        );
        write(
            self.folder.path().join("config.yml"),
            format!("{ROUTE}{hook}"),
        )
        .expect("the configuration can be written");
        self.answers(self.send("POST", "/-/reload", b""));
    }

    /// An alert begins, as Prometheus posts it.
    pub fn fire(&self, labels: &Value, annotations: &Value) {
        self.fire_since(
            Timestamp::now() - SignedDuration::from_secs(5),
            labels,
            annotations,
        );
    }

    /// An alert that began at a time.
    pub fn fire_since(&self, started: Timestamp, labels: &Value, annotations: &Value) {
        self.post("/api/v2/alerts", &json!([{ "labels": labels, "annotations": annotations, "startsAt": started.to_string() }]));
    }

    /// An alert ends.
    pub fn resolve(&self, labels: &Value) {
        let now = Timestamp::now();
        let started = now - SignedDuration::from_secs(5);
        self.post("/api/v2/alerts", &json!([{ "labels": labels, "startsAt": started.to_string(), "endsAt": now.to_string() }]));
    }

    /// Silences what has this label, for an hour.
    pub fn silence(&self, name: &str, value: &str) {
        let (start, end) = (
            Timestamp::now(),
            Timestamp::now() + SignedDuration::from_hours(1),
        );
        let matcher = json!({ "name": name, "value": value, "isRegex": false });
        let all = json!({ "matchers": [matcher], "startsAt": start.to_string(), "endsAt": end.to_string(), "createdBy": "a test", "comment": "quiet" });
        self.post("/api/v2/silences", &all);
    }

    /// Everything it wrote so far.
    pub fn log(&self) -> String {
        self.guard.log()
    }

    fn post(&self, path: &str, body: &Value) {
        self.answers(self.send("POST", path, body.to_string().as_bytes()));
    }

    fn send(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        request(
            &self.address,
            method,
            path,
            &[("Content-Type", "application/json")],
            body,
        )
        .expect("it answers")
    }

    fn answers(&self, reply: Reply) {
        assert_eq!(
            reply.status,
            200,
            "{}\n{}",
            String::from_utf8_lossy(&reply.body),
            self.log()
        );
    }
}
