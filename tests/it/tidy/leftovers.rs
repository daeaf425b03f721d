//! Nothing half-done, no test file forgotten, nothing of a machine or a person in a tracked file.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::source::{Piece, Token, modules, spells, tokens};
use super::{root, rust_files, tracked};

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
    let here: BTreeSet<PathBuf> = rust_files("tests/it/")
        .into_iter()
        .map(|(path, _)| path.into())
        .collect();
    let read = |path: &Path| read_to_string(root().join(path)).ok();
    assert_eq!(
        forgotten(&here, Path::new("tests/it/main.rs"), &read),
        [] as [PathBuf; 0]
    );
    let others: Vec<String> = tracked("tests/")
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .collect();
    assert!(
        others.iter().all(|path| path.starts_with("tests/it/")),
        "one integration binary is enough: {others:?}"
    );
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

fn half_done(path: &str, text: &str) -> Vec<String> {
    const FORBIDDEN: &[&[&str]] = &[
        &["todo", "!"],
        &["unimplemented", "!"],
        &["#", "[", "ignore", "]"],
        &["#", "[", "ignore", "="],
    ];
    let tokens = tokens(text);
    let mut complaints = Vec::new();
    for at in 0..tokens.len() {
        if let Some(found) = FORBIDDEN
            .iter()
            .find(|wanted| spells(&tokens[at..], wanted))
        {
            complaints.push(format!("{path}:{}: {}", tokens[at].0, found.concat()));
        }
        let conditional = tokens[at].1 == Piece::Word("cfg_attr".to_owned());
        if conditional
            && tokens[at..]
                .iter()
                .take_while(|token| token.1 != Piece::Mark(']'))
                .any(is_ignore)
        {
            complaints.push(format!("{path}:{}: a conditional ignore", tokens[at].0));
        }
    }
    complaints
}

fn is_ignore(token: &Token) -> bool {
    token.1 == Piece::Word("ignore".to_owned())
}

/// The files of `here` that no chain of `mod` lines from `start` leads to.
fn forgotten(
    here: &BTreeSet<PathBuf>,
    start: &Path,
    read: &dyn Fn(&Path) -> Option<String>,
) -> Vec<PathBuf> {
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
            let candidates = [
                folder.join(format!("{name}.rs")),
                folder.join(&name).join("mod.rs"),
            ];
            waiting.extend(
                candidates
                    .into_iter()
                    .filter(|candidate| here.contains(candidate)),
            );
        }
    }
    here.difference(&reached).cloned().collect()
}

fn of_a_machine_or_person(path: &str, text: &str) -> Vec<String> {
    let machine = Regex::new(
        r"(/home/[\w.-]+|/Users/[\w.-]+|/root)/(\.cargo|\.rustup|\.cache|\.local|go/pkg)\b",
    )
    .expect("a pattern");
    let person = Regex::new(r"\b([A-Za-z0-9._%+-]+)@((?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,})\b")
        .expect("a pattern");
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
    const RESERVED: [&str; 7] = [
        "example",
        "test",
        "invalid",
        "localhost",
        "example.com",
        "example.net",
        "example.org",
    ];
    let below = |name: &&str| {
        host.strip_suffix(*name)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    RESERVED.iter().any(below)
}

#[test]
fn half_done_work_is_seen() {
    for text in [
        "fn f() { todo!() }",
        "unimplemented!(\"later\")",
        "#[ignore]\nfn f() {}",
        "#[ignore = \"slow\"]",
        "#[cfg_attr(x, ignore)]",
    ] {
        assert_eq!(half_done("src/x.rs", text).len(), 1, "{text}");
    }
    assert_eq!(
        half_done(
            "src/x.rs",
            "// todo!()\nlet todo = \"todo!\"; ignore(todo); #[cfg_attr(x, y)] fn ignore() {}"
        ),
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
    let read = |path: &Path| {
        files
            .iter()
            .find(|file| Path::new(file.0) == path)
            .map(|file| file.1.to_owned())
    };
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
