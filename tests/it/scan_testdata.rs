//! `pintle scan` on `testdata-repo` against what was written down by hand beside it, literal by
//! literal.

use super::support::cmd::Pintle;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Expected {
    literal: Vec<Entry>,
    problem: Vec<Problem>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    line: u64,
    literal: String,
    fate: String,
    reference: Option<String>,
    reason: Option<String>,
    #[serde(default)]
    uses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Problem {
    file: String,
    line: Option<u64>,
    what: String,
}

type Key = (String, u64, String);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata-repo")
}

fn scan() -> Value {
    let output = Pintle::new(&root(), ["scan", "--output", "json", "--repo", "."]).run();
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    serde_json::from_str(&output.stdout).expect("scan prints JSON")
}

fn expected() -> Expected {
    let text =
        std::fs::read_to_string(root().join("EXPECTED.toml")).expect("the hand-written list");
    toml::from_str(&text).expect("the hand-written list parses")
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or("?").to_owned()
}

/// A use in the spelling of the hand-written list.
fn spelled(user: &Value) -> String {
    let environment = user
        .get("environment")
        .and_then(Value::as_str)
        .map(|name| format!("@{name}"))
        .unwrap_or_default();
    let mut out = format!(
        "{}{environment} {}/{}/{}:{}",
        text(user, "root"),
        text(user, "kind"),
        text(user, "namespace"),
        text(user, "name"),
        text(user, "container")
    );
    for (key, word) in [("init", " init"), ("ignored", " ignored")] {
        if user[key] == Value::Bool(true) {
            out.push_str(word);
        }
    }
    match user["instances"].as_u64() {
        Some(1) => {}
        Some(n) => out.push_str(&format!(" x{n}")),
        None => out.push_str(" x?"),
    }
    out
}

/// What is wrong with one literal of the program's output; nothing when it is as expected.
fn differences(want: &Entry, got: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if text(got, "fate") != want.fate {
        wrong.push(format!(
            "fate {} instead of {} ({})",
            text(got, "fate"),
            want.fate,
            got["reason"]
        ));
    }
    if let Some(reason) = &want.reason
        && !text(got, "reason").contains(reason.as_str())
    {
        wrong.push(format!(
            "reason {:?} does not contain {reason:?}",
            text(got, "reason")
        ));
    }
    if want.fate == "site" {
        let reference = got["reference"].as_str().map(str::to_owned);
        if reference != want.reference {
            wrong.push(format!(
                "reference {reference:?} instead of {:?}",
                want.reference
            ));
        }
        let mut uses: Vec<String> = got["uses"]
            .as_array()
            .into_iter()
            .flatten()
            .map(spelled)
            .collect();
        let mut wanted = want.uses.clone();
        uses.sort();
        wanted.sort();
        if uses != wanted {
            wrong.push(format!("uses {uses:?} instead of {wanted:?}"));
        }
    }
    wrong
}

#[test]
fn every_literal_has_the_fate_that_was_written_down() {
    let (want, got) = (expected(), scan());
    let mut left: BTreeMap<Key, Vec<&Value>> = BTreeMap::new();
    for literal in got["sites"].as_array().expect("sites") {
        let key = (
            text(literal, "file"),
            literal["line"].as_u64().unwrap_or(0),
            text(literal, "literal"),
        );
        left.entry(key).or_default().push(literal);
    }
    let mut wrong = Vec::new();
    for entry in &want.literal {
        let key = (entry.file.clone(), entry.line, entry.literal.clone());
        let found = left
            .get_mut(&key)
            .filter(|found| !found.is_empty())
            .map(|found| found.remove(0));
        let differ = found.map_or_else(
            || vec!["not reported".to_owned()],
            |got| differences(entry, got),
        );
        wrong.extend(
            differ
                .into_iter()
                .map(|what| format!("{}:{} {:?}: {what}", entry.file, entry.line, entry.literal)),
        );
    }
    for ((file, line, literal), extra) in left.iter().filter(|(_, extra)| !extra.is_empty()) {
        wrong.push(format!(
            "{file}:{line} {literal:?}: reported, but not on the list: {}",
            extra[0]
        ));
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_cannot_be_read_is_reported_with_its_place() {
    let (want, got) = (expected(), scan());
    for problem in &want.problem {
        let line = problem.line;
        let hit = |got: &&Value| {
            text(got, "file") == problem.file
                && (line.is_none() || got["line"].as_u64() == line)
                && text(got, "what").contains(&problem.what)
        };
        let found = got["problems"].as_array().into_iter().flatten().find(hit);
        assert!(
            found.is_some(),
            "{}: {:?} is not reported: {}",
            problem.file,
            problem.what,
            got["problems"]
        );
    }
}

#[test]
fn a_literals_span_holds_its_bytes() {
    for literal in scan()["sites"].as_array().expect("sites") {
        let bytes = std::fs::read(root().join(text(literal, "file"))).expect("the file");
        let at = |index: usize| literal["span"][index].as_u64().expect("a span") as usize;
        assert_eq!(
            &bytes[at(0)..at(1)],
            text(literal, "literal").as_bytes(),
            "{literal}"
        );
        let line = bytes[..at(0)].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        assert_eq!(literal["line"].as_u64(), Some(line), "{literal}");
    }
}
