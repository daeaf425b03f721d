//! What the repo checks of itself: which module may name which, what pure modules never name, nothing half-done,
//! no test file forgotten, nothing of a machine or a person in a tracked file. Each rule is shown a text that breaks it.

mod source;

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::git::git;
use source::{Piece, modules, paths, spells, tokens, without_tests};

/// Which modules a module may name, besides itself. The order is the one in which data flows; docs/architecture.md has the reasons.
const ARROWS: &[(&str, May)] = &[
    ("terraform", May::Name(&[])),
    ("model", May::Name(&[])),
    ("error", May::Name(&["terraform", "model"])),
    ("sites", May::Name(&["terraform", "model", "error"])),
    ("comment", May::Name(&["terraform", "model", "sites", "pipeline", "error"])),
    ("config", May::Name(&["terraform", "model", "sites", "error"])),
    ("pipeline", May::Name(&["model", "sites", "terraform", "config", "error"])),
    ("plan", May::Name(&["pipeline", "model", "sites", "terraform", "config", "error"])),
    ("remote", May::Name(&["model", "error"])),
    ("observe", May::Name(&["remote", "sites", "comment", "pipeline", "model", "terraform", "config", "error"])),
    ("write", May::Name(&["remote", "terraform", "comment", "sites", "pipeline", "config", "model", "error"])),
    (
        "reconcile",
        May::Name(&["observe", "plan", "write", "pipeline", "config", "remote", "sites", "comment", "model", "terraform", "error"]),
    ),
    ("daemon", May::NameAnything),
    ("command", May::NameAnything),
    ("cli", May::NameAnything),
    ("demo", May::NameAnything),
];

/// Modules that know no outside world and no clock.
const PURE: &[&str] = &["terraform", "model", "sites", "comment", "plan"];

/// What pure modules never name: a crate, or a path that starts so.
const WORLD: &[&[&str]] =
    &[&["tokio"], &["reqwest"], &["kube"], &["tracing"], &["std", "fs"], &["std", "process"], &["std", "env"], &["std", "net"]];

/// Clocks, wherever they stand in a path.
const CLOCKS: &[&[&str]] = &[&["SystemTime"], &["Instant"], &["Timestamp", "now"], &["Zoned", "now"]];

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

#[test]
fn nothing_is_half_done_or_ignored() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files("") {
        complaints.extend(half_done(&path, &text));
    }
    assert_eq!(complaints, [] as [String; 0]);
}

#[test]
fn every_test_file_is_reached() {
    let here: BTreeSet<PathBuf> = rust_files("tests/it/").into_iter().map(|(path, _)| path.into()).collect();
    let read = |path: &Path| read_to_string(root().join(path)).ok();
    assert_eq!(forgotten(&here, Path::new("tests/it/main.rs"), &read), [] as [PathBuf; 0]);
    let others: Vec<String> = tracked("tests/").into_iter().filter(|path| path.ends_with(".rs")).collect();
    assert!(others.iter().all(|path| path.starts_with("tests/it/")), "one integration binary is enough: {others:?}");
}

#[test]
fn tracked_files_name_no_machine_and_no_person() {
    let mut complaints = Vec::new();
    for path in tracked("") {
        // A file that is no text, or that a change to come removes, says nothing.
        if let Ok(text) = read_to_string(root().join(&path)) {
            complaints.extend(of_a_machine_or_person(&path, &text));
        }
    }
    assert_eq!(complaints, [] as [String; 0]);
}

/// The files git tracks or would track below a prefix, `/`-separated.
fn tracked(prefix: &str) -> Vec<String> {
    let listed = git(root(), ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = listed.split('\0').filter(|path| !path.is_empty() && path.starts_with(prefix));
    let distinct: BTreeSet<String> = listed.map(str::to_owned).collect();
    distinct.into_iter().filter(|path| root().join(path).is_file()).collect()
}

fn rust_files(prefix: &str) -> Vec<(String, String)> {
    let paths = tracked(prefix).into_iter().filter(|path| path.ends_with(".rs"));
    let read = |path: String| {
        let text = read_to_string(root().join(&path)).unwrap_or_else(|why| panic!("{path}: {why}"));
        (path, text)
    };
    paths.map(read).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `src/plan/select.rs` → `plan`, `select`; nothing for the roots of the library and the program.
fn module_path(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    match path {
        "main" | "lib" => Vec::new(),
        _ => path.split('/').collect(),
    }
}

/// Test code may look at anything.
fn is_test(module: &[&str]) -> bool {
    module.contains(&"tests")
}

fn against_arrows(path: &str, text: &str) -> Vec<String> {
    let module = module_path(path);
    let Some(top) = module.first() else { return Vec::new() };
    let Some((_, may)) = ARROWS.iter().find(|(name, _)| name == top) else {
        return vec![format!("{path}: the module {top} has no row in ARROWS")];
    };
    let May::Name(allowed) = may else { return Vec::new() };
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

/// The top module of this crate that a path leads to; `None` when it leads to another crate or stays where it is.
fn target<'a>(module: &[&'a str], path: &'a [String]) -> Option<&'a str> {
    let supers = path.iter().take_while(|word| *word == "super").count();
    if supers > 0 {
        let base = module.len().saturating_sub(supers);
        return if base > 0 { Some(module[0]) } else { path.get(supers).map(String::as_str) };
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
        let tells_time = |clock: &&[&str]| named.windows(clock.len()).any(|part| starts_with(part, clock));
        WORLD.iter().any(reaches) || CLOCKS.iter().any(tells_time)
    });
    wrong.map(|(line, named)| format!("{path}:{line}: a pure module names {}", named.join("::"))).collect()
}

fn starts_with(path: &[String], start: &[&str]) -> bool {
    path.len() >= start.len() && path.iter().zip(start).all(|(word, wanted)| word == wanted)
}

fn half_done(path: &str, text: &str) -> Vec<String> {
    const FORBIDDEN: &[&[&str]] = &[&["todo", "!"], &["unimplemented", "!"], &["#", "[", "ignore", "]"], &["#", "[", "ignore", "="]];
    let tokens = tokens(text);
    let mut complaints = Vec::new();
    for at in 0..tokens.len() {
        if let Some(found) = FORBIDDEN.iter().find(|wanted| spells(&tokens[at..], wanted)) {
            complaints.push(format!("{path}:{}: {}", tokens[at].0, found.concat()));
        }
        let conditional = tokens[at].1 == Piece::Word("cfg_attr".to_owned());
        if conditional && tokens[at..].iter().take_while(|token| token.1 != Piece::Mark(']')).any(is_ignore) {
            complaints.push(format!("{path}:{}: a conditional ignore", tokens[at].0));
        }
    }
    complaints
}

fn is_ignore(token: &source::Token) -> bool {
    token.1 == Piece::Word("ignore".to_owned())
}

/// The files of `here` that no chain of `mod` lines from `start` leads to.
fn forgotten(here: &BTreeSet<PathBuf>, start: &Path, read: &dyn Fn(&Path) -> Option<String>) -> Vec<PathBuf> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start.to_owned()];
    while let Some(path) = waiting.pop() {
        let Some(text) = read(&path) else { continue };
        if !reached.insert(path.clone()) {
            continue;
        }
        let folder = if path == start || path.ends_with("mod.rs") {
            path.parent().unwrap_or(Path::new("")).to_owned()
        } else {
            path.with_extension("")
        };
        for name in modules(&tokens(&text)) {
            let candidates = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
            waiting.extend(candidates.into_iter().filter(|candidate| here.contains(candidate)));
        }
    }
    here.difference(&reached).cloned().collect()
}

fn of_a_machine_or_person(path: &str, text: &str) -> Vec<String> {
    let machine = Regex::new(r"(/home/[\w.-]+|/Users/[\w.-]+|/root)/(\.cargo|\.rustup|\.cache|\.local|go/pkg)\b").expect("a pattern");
    let person = Regex::new(r"\b([A-Za-z0-9._%+-]+)@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})\b").expect("a pattern");
    let mut complaints = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let place = format!("{path}:{}", at + 1);
        if machine.is_match(line) || line.contains(env!("CARGO_MANIFEST_DIR")) {
            complaints.push(format!("{place}: a path of a machine"));
        }
        for found in person.captures_iter(line) {
            if &found[1] != "git" && !is_reserved(&found[2]) {
                complaints.push(format!("{place}: an address of a person: {}", &found[0]));
            }
        }
    }
    complaints
}

/// Names that RFC 2606 and RFC 6761 keep for examples.
fn is_reserved(host: &str) -> bool {
    const RESERVED: [&str; 7] = ["example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"];
    let below = |name: &&str| host.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    RESERVED.iter().any(below)
}

#[test]
fn the_arrows_can_be_broken() {
    let broken = |path, text| !against_arrows(path, text).is_empty();
    assert!(broken("src/terraform/eval.rs", "use crate::model::Tag;"));
    assert!(broken("src/terraform/mod.rs", "use crate::error::Result;"));
    assert!(broken("src/plan/select.rs", "use crate::{pipeline::{Plan, Snapshot}, model, observe::Seen};"));
    assert!(broken("src/plan/select.rs", "fn f() -> crate::write::Receipt {}"));
    assert!(broken("src/plan/select.rs", "use super::super::observe;"));
    assert!(broken("src/plan.rs", "use super::observe::{self as o};"));
    assert!(broken("src/plan.rs", "use crate::*;"));
    assert!(broken("src/plan.rs", "fn g() { let r = r#\"x\"#; crate::comment::say(r) }"));
    assert!(broken("src/newcomer.rs", ""));
    assert_eq!(against_arrows("src/sites.rs", "\n\nuse crate::plan;"), ["src/sites.rs:3: sites may not name plan"]);
}

#[test]
fn the_arrows_let_through_what_they_should() {
    let fine = |path, text| assert_eq!(against_arrows(path, text), [] as [String; 0]);
    fine("src/plan/select.rs", "use crate::pipeline::Plan; use super::gate; use crate::plan::flip; use serde::Serialize;");
    fine("src/plan.rs", "//! [`crate::write`]\n// crate::write\n/* crate::write /* crate::observe */ */ const A: &str = \"crate::write\";");
    fine("src/plan.rs", "const A: char = '\"'; const B: &'static str = \"crate::write\"; const C: char = '\\'';");
    fine("src/plan/tests.rs", "use crate::observe;");
    fine("src/plan.rs", "#[cfg(test)]\nmod tests { use crate::write; fn f() { {} } }\n#[cfg(test)]\nuse crate::observe::Seen;");
    fine("src/demo/story.rs", "use crate::{observe, write};");
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
    assert!(!broken("//! tokio::spawn\nuse std::time::Duration; use jiff::Timestamp; fn f(kube: u8, now: Timestamp) { env!(\"X\") }"));
    assert!(!broken("use std::fmt; #[cfg(test)] mod tests { use std::fs; }"));
    assert_eq!(against_purity("src/observe/registry.rs", "use tokio::sync::Mutex;"), [] as [String; 0]);
}

#[test]
fn half_done_work_is_seen() {
    for text in
        ["fn f() { todo!() }", "unimplemented!(\"later\")", "#[ignore]\nfn f() {}", "#[ignore = \"slow\"]", "#[cfg_attr(x, ignore)]"]
    {
        assert_eq!(half_done("src/x.rs", text).len(), 1, "{text}");
    }
    assert_eq!(
        half_done("src/x.rs", "// todo!()\nlet todo = \"todo!\"; ignore(todo); #[cfg_attr(x, y)] fn ignore() {}"),
        [] as [String; 0]
    );
}

#[test]
fn a_forgotten_test_file_is_seen() {
    let files = [
        ("t/main.rs", "mod a; mod b; // mod lost;"),
        ("t/a.rs", "mod deep;"),
        ("t/a/deep.rs", ""),
        ("t/b/mod.rs", "pub mod c;"),
        ("t/b/c.rs", ""),
        ("t/lost.rs", ""),
        ("t/deep.rs", ""),
    ];
    let here = files.iter().map(|(path, _)| PathBuf::from(path)).collect();
    let read = |path: &Path| files.iter().find(|file| Path::new(file.0) == path).map(|file| file.1.to_owned());
    let forgotten = forgotten(&here, Path::new("t/main.rs"), &read);
    assert_eq!(forgotten, [Path::new("t/deep.rs"), Path::new("t/lost.rs")]);
}

#[test]
fn a_machine_and_a_person_are_seen() {
    let home = ["/home", "ada", ".cargo/bin"].join("/");
    let person = ["ada", "lovelace.name"].join("@");
    let broken = |text: &str| !of_a_machine_or_person("x", text).is_empty();
    assert!(broken(&home));
    assert!(broken(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")));
    assert!(broken(&format!("written by <{person}>")));
    let fine = "ada@example.org root@ci.example.com git@github.com:a/b.git ghcr.io/a/b:v1@sha256:00 x@localhost /home/node/app ~/.cache go/pkg@v1.2.3";
    assert!(!broken(fine));
}
