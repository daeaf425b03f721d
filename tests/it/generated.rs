//! Generated repos: what is true of each literal is known, so scan and edits are compared with it.

mod pins;
mod truth;

use super::support::generate::{Fate, Recipe, Repo, generate};

fn repo(lines: usize, seed: u64) -> Repo {
    generate(&Recipe {
        lines,
        seed,
        host: None,
    })
}

#[test]
fn a_recipe_gives_the_same_bytes_each_time() {
    let (one, two) = (repo(3_000, 7), repo(3_000, 7));
    assert_eq!(one.files, two.files);
    assert_eq!(one.truths, two.truths);
    assert_ne!(one.files, repo(3_000, 8).files);
}

#[test]
fn a_generated_repo_has_the_measured_proportions() {
    let repo = repo(93_000, 1);
    assert!(
        (88_000..98_000).contains(&repo.lines),
        "{} lines",
        repo.lines
    );
    assert!(
        (360..=420).contains(&repo.containers),
        "{} containers",
        repo.containers
    );
    let terraform = repo
        .files
        .iter()
        .filter(|(path, _)| path.ends_with(".tf"))
        .count();
    assert!((280..=420).contains(&terraform), "{terraform} files");
    let sites = repo
        .truths
        .iter()
        .filter(|truth| truth.fate == Fate::Site)
        .count();
    assert!((320..=420).contains(&sites), "{sites} sites");
}

#[test]
fn a_truth_names_the_bytes_of_its_literal() {
    for seed in 0..5 {
        let repo = repo(4_000, seed);
        for truth in &repo.truths {
            let (_, bytes) = repo
                .files
                .iter()
                .find(|(path, _)| *path == truth.place.file)
                .expect("the file");
            assert_eq!(
                &bytes[truth.place.start..truth.place.end],
                truth.place.literal.as_bytes()
            );
            let line = bytes[..truth.place.start]
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                + 1;
            assert_eq!(line, truth.place.line, "{truth:?}");
            assert_eq!(
                truth.fate == Fate::Site,
                !truth.uses.is_empty(),
                "{truth:?}"
            );
        }
    }
}

#[test]
fn generated_files_parse() {
    for seed in 0..3 {
        for (path, bytes) in repo(6_000, seed).files {
            if path.ends_with(".tf") || path.ends_with(".hcl") {
                let text = String::from_utf8(bytes).expect("text");
                let parsed = hcl_edit::parser::parse_body(&text);
                assert!(parsed.is_ok(), "{path}: {}", parsed.expect_err("an error"));
            }
        }
    }
}
