//! Which module may name which, and what pure modules never name.

use super::source::{paths, tokens, without_tests};
use super::{is_test, module_path, rust_files};

/// Which modules a module may name, besides itself. The order is the one in which data flows;
/// docs/architecture.md has the reasons.
const ARROWS: &[(&str, May)] = &[
    ("terraform", May::Name(&[])),
    ("model", May::Name(&[])),
    ("error", May::Name(&["terraform", "model"])),
    ("sites", May::Name(&["terraform", "model", "error"])),
    (
        "comment",
        May::Name(&["terraform", "model", "sites", "pipeline", "error"]),
    ),
    (
        "config",
        May::Name(&["terraform", "model", "sites", "error"]),
    ),
    (
        "pipeline",
        May::Name(&["model", "sites", "terraform", "config", "error"]),
    ),
    (
        "plan",
        May::Name(&["pipeline", "model", "sites", "terraform", "config", "error"]),
    ),
    (
        "proof",
        May::Name(&["pipeline", "model", "sites", "terraform", "config", "error"]),
    ),
    (
        "report",
        May::Name(&[
            "comment",
            "pipeline",
            "model",
            "sites",
            "terraform",
            "config",
            "error",
        ]),
    ),
    ("remote", May::Name(&["model", "error"])),
    (
        "observe",
        May::Name(&[
            "remote",
            "sites",
            "comment",
            "pipeline",
            "model",
            "terraform",
            "config",
            "error",
        ]),
    ),
    (
        "write",
        May::Name(&[
            "report",
            "remote",
            "terraform",
            "comment",
            "sites",
            "pipeline",
            "config",
            "model",
            "error",
        ]),
    ),
    (
        "reconcile",
        May::Name(&[
            "observe",
            "plan",
            "proof",
            "write",
            "pipeline",
            "config",
            "remote",
            "sites",
            "comment",
            "model",
            "terraform",
            "error",
        ]),
    ),
    ("daemon", May::NameAnything),
    ("command", May::NameAnything),
    ("cli", May::NameAnything),
    ("demo", May::NameAnything),
    ("test_log", May::Name(&[])),
];

/// Modules that know no outside world and no clock.
const PURE: &[&str] = &[
    "terraform",
    "model",
    "sites",
    "config",
    "comment",
    "pipeline",
    "plan",
    "proof",
    "report",
];

/// What pure modules never name: a crate, or a path that starts so.
const WORLD: &[&[&str]] = &[
    &["tokio"],
    &["reqwest"],
    &["kube"],
    &["tracing"],
    &["std", "fs"],
    &["std", "process"],
    &["std", "env"],
    &["std", "net"],
];

/// Clocks, wherever they stand in a path.
const CLOCKS: &[&[&str]] = &[
    &["SystemTime"],
    &["Instant"],
    &["Timestamp", "now"],
    &["Zoned", "now"],
];

/// A module's row in [`ARROWS`].
enum May {
    Name(&'static [&'static str]),
    NameAnything,
}

#[test]
fn modules_name_only_what_the_arrows_allow() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files("src/") {
        complaints.extend(against_arrows(&path, &text));
    }
    assert_eq!(complaints, [] as [String; 0]);
}

#[test]
fn pure_modules_cannot_reach_the_world() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files("src/") {
        complaints.extend(against_purity(&path, &text));
    }
    assert_eq!(complaints, [] as [String; 0]);
}

fn against_arrows(path: &str, text: &str) -> Vec<String> {
    let module = module_path(path);
    let Some(top) = module.first() else {
        return Vec::new();
    };
    let Some((_, may)) = ARROWS.iter().find(|(name, _)| name == top) else {
        return vec![format!("{path}: the module {top} has no row in ARROWS")];
    };
    let May::Name(allowed) = may else {
        return Vec::new();
    };
    if is_test(&module) {
        return Vec::new();
    }
    let named = paths(&without_tests(tokens(text)));
    let wrong = named.iter().filter_map(|(line, named)| {
        let target = target(&module, named)?;
        let known = target == "*" || ARROWS.iter().any(|(name, _)| *name == target);
        let fine = target == *top || allowed.contains(&target);
        (known && !fine).then(|| format!("{path}:{line}: {top} may not name {target}"))
    });
    wrong.collect()
}

/// The top module of this crate that a path leads to; `None` when it leads to another crate or
/// stays where it is.
fn target<'a>(module: &[&'a str], path: &'a [String]) -> Option<&'a str> {
    let supers = path.iter().take_while(|word| *word == "super").count();
    if supers > 0 {
        let base = module.len().saturating_sub(supers);
        return if base > 0 {
            Some(module[0])
        } else {
            path.get(supers).map(String::as_str)
        };
    }
    match path.first().map(String::as_str) {
        Some("crate") => path.get(1).map(String::as_str),
        _ => None,
    }
}

fn against_purity(path: &str, text: &str) -> Vec<String> {
    let module = module_path(path);
    if !module.first().is_some_and(|top| PURE.contains(top)) || is_test(&module) {
        return Vec::new();
    }
    let named = paths(&without_tests(tokens(text)));
    let wrong = named.iter().filter(|(_, named)| {
        let reaches = |start: &&[&str]| named.len() >= 2 && starts_with(named, start);
        let tells_time = |clock: &&[&str]| {
            named
                .windows(clock.len())
                .any(|part| starts_with(part, clock))
        };
        WORLD.iter().any(reaches) || CLOCKS.iter().any(tells_time)
    });
    wrong
        .map(|(line, named)| format!("{path}:{line}: a pure module names {}", named.join("::")))
        .collect()
}

fn starts_with(path: &[String], start: &[&str]) -> bool {
    path.len() >= start.len() && path.iter().zip(start).all(|(word, wanted)| word == wanted)
}

#[test]
fn the_arrows_can_be_broken() {
    let broken = |path, text| !against_arrows(path, text).is_empty();
    assert!(broken("src/terraform/eval.rs", "use crate::model::Tag;"));
    assert!(broken("src/terraform/mod.rs", "use crate::error::Result;"));
    assert!(broken(
        "src/plan/select.rs",
        "use crate::{pipeline::{Plan, Snapshot}, model, observe::Seen};"
    ));
    assert!(broken(
        "src/plan/select.rs",
        "fn f() -> crate::write::Receipt {}"
    ));
    assert!(broken("src/plan/select.rs", "use super::super::observe;"));
    assert!(broken("src/plan.rs", "use super::observe::{self as o};"));
    assert!(broken("src/plan.rs", "use crate::*;"));
    assert!(broken(
        "src/plan.rs",
        "fn g() { let r = r#\"x\"#; crate::comment::say(r) }"
    ));
    assert!(broken("src/proof.rs", "use crate::plan::Plan;"));
    assert!(broken("src/report/status.rs", "use crate::plan::plan;"));
    assert!(broken("src/comment/reply.rs", "use crate::report::status;"));
    assert!(broken("src/newcomer.rs", ""));
    assert_eq!(
        against_arrows("src/sites.rs", "\n\nuse crate::plan;"),
        ["src/sites.rs:3: sites may not name plan"]
    );
}

#[test]
fn the_arrows_let_through_what_they_should() {
    let fine = |path, text| assert_eq!(against_arrows(path, text), [] as [String; 0]);
    fine(
        "src/plan/select.rs",
        "use crate::pipeline::Plan; use super::gate; use crate::plan::flip; use serde::Serialize;",
    );
    fine(
        "src/plan.rs",
        "//! [`crate::write`]\n// crate::write\n/* crate::write /* crate::observe */ */ const A: &str = \"crate::write\";",
    );
    fine(
        "src/plan.rs",
        "const A: char = '\"'; const B: &'static str = \"crate::write\"; const C: char = '\\'';",
    );
    fine("src/plan/tests.rs", "use crate::observe;");
    fine(
        "src/plan.rs",
        "#[cfg(test)]\nmod tests { use crate::write; fn f() { {} } }\n#[cfg(test)]\nuse crate::observe::Seen;",
    );
    fine("src/demo/story.rs", "use crate::{observe, write};");
    fine(
        "src/report/status.rs",
        "use crate::{config::Config, pipeline::Plan};",
    );
    fine("src/main.rs", "use pintle::command;");
}

#[test]
fn purity_can_be_broken() {
    let broken = |text| !against_purity("src/model/version.rs", text).is_empty();
    for text in [
        "use std::fs::read;",
        "use std::{collections::BTreeMap, env};",
        "fn f() { std::process::abort() }",
        "use tokio::sync::Mutex;",
        "fn f() { tracing::info!(\"x\") }",
        "use std::time::{Duration, Instant};",
        "fn f() { std::time::SystemTime::now() }",
        "fn f() { jiff::Timestamp::now() }",
        "fn f() { Zoned::now() }",
        "use kube::Api;",
        "use reqwest::*;",
    ] {
        assert!(broken(text), "{text}");
    }
    for path in [
        "src/config.rs",
        "src/pipeline/forge.rs",
        "src/proof/claims.rs",
        "src/report.rs",
    ] {
        assert_eq!(against_purity(path, "use std::fs;").len(), 1, "{path}");
    }
    assert!(!broken(
        "//! tokio::spawn\nuse std::time::Duration; use jiff::Timestamp; fn f(kube: u8, now: Timestamp) { env!(\"X\") }"
    ));
    assert!(!broken(
        "use std::fmt; #[cfg(test)] mod tests { use std::fs; }"
    ));
    assert_eq!(
        against_purity("src/observe/registry.rs", "use tokio::sync::Mutex;"),
        [] as [String; 0]
    );
}
