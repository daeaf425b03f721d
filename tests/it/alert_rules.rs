//! The alerts and the dashboard of `deploy`: Prometheus' own promtool reads and runs the rules, and
//! every metric, reason and page that they name exists.

use std::collections::BTreeSet;
use std::fs::{copy, read_to_string, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pintle::pipeline::Reason;
use regex::Regex;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::cmd;
use crate::support::guard::server;

const RULES: &str = "deploy/kustomize/components/alerts/prometheus-rule.yaml";
const DASHBOARD: &str = "deploy/kustomize/components/dashboard/pintle.json";
const PAGE: &str = "docs/metrics.md";

fn in_repo(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

fn text(file: &str) -> String {
    read_to_string(in_repo(file)).unwrap_or_else(|why| panic!("{file}: {why}"))
}

/// The `spec` of the PrometheusRule, which is what a rule file of Prometheus has.
fn rules() -> Value {
    let object: Value = serde_saphyr::from_str(&text(RULES)).expect("it is YAML");
    object["spec"].clone()
}

fn alerts() -> Vec<Value> {
    let rules = rules()["groups"][0]["rules"].clone();
    rules.as_array().expect("a list").clone()
}

fn expressions() -> Vec<String> {
    let of_rules = alerts().into_iter().map(|alert| alert["expr"].clone());
    let dashboard: Value = serde_json::from_str(&text(DASHBOARD)).expect("it is JSON");
    let panels = dashboard["panels"].as_array().expect("panels").clone();
    let targets = panels
        .into_iter()
        .flat_map(|panel| panel["targets"].as_array().expect("targets").clone());
    let of_panels = targets.map(|target| target["expr"].clone());
    let variable = dashboard["templating"]["list"][1]["query"].clone();
    let all = of_rules.chain(of_panels).chain([variable]);
    all.map(|one| one.as_str().expect("a text").to_owned())
        .collect()
}

/// Runs promtool in a folder with `rules.yaml` and the tests of the rules.
fn promtool(rules: &Value, args: &[&str]) -> Output {
    let folder = TempDir::new().expect("a temporary folder");
    // JSON is YAML.
    write(folder.path().join("rules.yaml"), rules.to_string()).expect("its own folder");
    let tests = in_repo("tests/it/data/alerts/rules_test.yaml");
    copy(tests, folder.path().join("rules_test.yaml")).expect("its own folder");
    let mut command = Command::new(server("PINTLE_TEST_PROMTOOL"));
    command.args(args).current_dir(folder.path());
    cmd::clean(&mut command, folder.path());
    command.output().expect("promtool starts")
}

#[test]
fn promtool_accepts_the_rules() {
    let output = promtool(&rules(), &["check", "rules", "--lint=all", "rules.yaml"]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout);
    let count = format!("SUCCESS: {} rules found", alerts().len());
    assert!(said.contains(&count), "{said}");
}

#[test]
fn each_alert_fires_when_it_should_and_not_before() {
    let output = promtool(&rules(), &["test", "rules", "rules_test.yaml"]);
    assert!(output.status.success(), "{output:?}");
    // The tests can fail: a rule that never fires is noticed.
    for at in 0..alerts().len() {
        let mut broken = rules();
        broken["groups"][0]["rules"][at]["expr"] = "vector(0) > 1".into();
        let output = promtool(&broken, &["test", "rules", "rules_test.yaml"]);
        assert!(!output.status.success(), "{}", alerts()[at]["alert"]);
    }
}

#[test]
fn every_metric_that_is_named_exists() {
    let page = text(PAGE);
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let known: BTreeSet<&str> = rows
        .filter_map(|row| row.split('`').next())
        .filter(|name| name.starts_with("pintle_"))
        .collect();
    assert!(known.len() > 15, "{known:?}");
    let name = Regex::new("pintle_[a-z_]+").expect("a pattern");
    let mut used = BTreeSet::new();
    for expression in expressions() {
        for found in name.find_iter(&expression) {
            let found = found.as_str();
            let parts = ["_bucket", "_count", "_sum"];
            let whole = parts.iter().find_map(|part| found.strip_suffix(part));
            let is_known = known.contains(found) || whole.is_some_and(|one| known.contains(one));
            assert!(is_known, "no {found}: {expression}");
            used.insert(found.to_owned());
        }
    }
    assert!(used.len() > 15, "{used:?}");
}

#[test]
fn every_reason_that_an_alert_names_exists() {
    let reason = Regex::new("reason=\"([a-z-]+)\"").expect("a pattern");
    let mut count = 0;
    for expression in expressions() {
        for found in reason.captures_iter(&expression) {
            let code = &found[1];
            assert!(Reason::ALL.iter().any(|one| one.code == code), "{code}");
            count += 1;
        }
    }
    assert!(count > 2, "{count}");
}

#[test]
fn every_alert_has_its_part_of_the_page() {
    let page = text(PAGE);
    let headings: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().expect("a name").to_owned();
        let anchor = format!("{PAGE}#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook"], anchor.as_str());
        names.insert(name);
    }
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(headings, names);
}
