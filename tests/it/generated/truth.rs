//! `scan` of a generated repo says exactly what is true of it: no literal more, none less, each
//! with its fate, image and uses.

use super::super::support::generate::{self, Repo, TrueUse, Truth};
use super::pins::files;
use super::repo;
use pintle::sites::settings::ScanSettings;
use pintle::sites::{Fate, Literal, Scan, Use, scan};
use std::collections::BTreeMap;

type Key = (String, usize, usize);

fn word(fate: &Fate) -> generate::Fate {
    match fate {
        Fate::Site(_) => generate::Fate::Site,
        Fate::Component(_) => generate::Fate::Component,
        Fate::Unpinnable(_) => generate::Fate::Unpinnable,
        Fate::Dead(_) => generate::Fate::Dead,
        Fate::Orphan(_) => generate::Fate::Orphan,
    }
}

fn spelled(one: &TrueUse) -> String {
    let (init, ignored) = (
        if one.init { " init" } else { "" },
        if one.ignored { " ignored" } else { "" },
    );
    format!(
        "{} {}/{}/{}:{}{init}{ignored} x{} {}",
        one.root, one.kind, one.namespace, one.name, one.container, one.instances, one.image
    )
}

fn found(one: &Use) -> String {
    let part = |part: &Option<std::sync::Arc<str>>| part.as_deref().unwrap_or("?").to_owned();
    spelled(&TrueUse {
        root: one.root.display().into(),
        kind: one.kind.to_string(),
        namespace: part(&one.namespace),
        name: part(&one.name),
        container: one.holder.to_string(),
        init: one.holder.is_init(),
        image: part(&one.image),
        ignored: one.ignored == Some(true),
        instances: one.instances.unwrap_or(u64::MAX),
    })
}

/// What is wrong with one literal; nothing when it is as it should be.
fn differences(want: &Truth, got: &Literal) -> Vec<String> {
    let mut wrong = Vec::new();
    if word(&got.fate) != want.fate {
        wrong.push(format!("fate {:?} instead of {:?}", got.fate, want.fate));
    } else if want.fate == generate::Fate::Site {
        if got.reference.as_deref() != Some(&want.reference) {
            wrong.push(format!(
                "reference {:?} instead of {}",
                got.reference, want.reference
            ));
        }
        let (mut uses, mut wanted): (Vec<_>, Vec<_>) = (
            got.uses.iter().map(found).collect(),
            want.uses.iter().map(spelled).collect(),
        );
        uses.sort();
        wanted.sort();
        if uses != wanted {
            wrong.push(format!("uses {uses:#?} instead of {wanted:#?}"));
        }
    }
    if got.line != want.place.line || got.literal != want.place.literal {
        wrong.push(format!("line {} with {:?}", got.line, got.literal));
    }
    wrong
}

/// Everything in which the scan differs from the truth.
fn complaints(repo: &Repo, scan: &Scan) -> Vec<String> {
    let key = |literal: &Literal| {
        (
            literal.file.to_string(),
            literal.span.start,
            literal.span.end,
        )
    };
    let mut left: BTreeMap<Key, &Literal> = scan
        .literals
        .iter()
        .map(|literal| (key(literal), literal))
        .collect();
    let mut wrong = Vec::new();
    for want in &repo.truths {
        let place = &want.place;
        let got = left.remove(&(place.file.clone(), place.start, place.end));
        let differ = got.map_or_else(
            || vec![format!("not reported ({:?})", want.fate)],
            |got| differences(want, got),
        );
        wrong.extend(
            differ
                .into_iter()
                .map(|what| format!("{}:{} {:?}: {what}", place.file, place.line, place.literal)),
        );
    }
    wrong.extend(left.values().map(|extra| {
        format!(
            "{}:{} {:?}: reported, but nothing is there: {:?}",
            extra.file, extra.line, extra.literal, extra.fate
        )
    }));
    wrong
}

fn check(lines: usize, seed: u64) {
    let repo = repo(lines, seed);
    let scan = scan(&files(&repo), &ScanSettings::default());
    let wrong = complaints(&repo, &scan);
    assert!(
        wrong.is_empty(),
        "{lines} lines, seed {seed}: {} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    let unexpected: Vec<_> = scan
        .problems
        .iter()
        .filter(|problem| problem.file.as_str() != "config.tfvars")
        .collect();
    assert!(
        unexpected.is_empty(),
        "{lines} lines, seed {seed}: {unexpected:#?}"
    );
}

#[test]
fn scan_finds_exactly_what_was_generated() {
    for seed in 0..12 {
        check(1_500 + 250 * seed as usize, seed);
    }
}

#[test]
fn scan_finds_exactly_what_was_generated_in_a_repo_of_the_measured_size() {
    check(93_000, 93);
}
