//! The fuzz properties on their seeds and on a bounded number of mutations of them: what
//! `cargo fuzz` does without end, short.

#[path = "../../fuzz/src/comment_property.rs"]
mod comment_property;
#[path = "../../fuzz/src/editor_property.rs"]
mod editor_property;
#[path = "../../fuzz/src/mask_property.rs"]
mod mask_property;
#[path = "../../fuzz/src/reader_property.rs"]
mod reader_property;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestRunner;
use std::path::Path;

/// What means something to a reader.
const WORDS: [&str; 30] = [
    "${",
    "%{",
    "$${",
    "}",
    "\"",
    "'",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\u{feff}",
    "é",
    "<<EOT\n",
    "EOT\n",
    "%{ if a }",
    "%{ endif }",
    "---\n",
    "- ",
    ": ",
    "|\n",
    "&a ",
    "*a",
    "[",
    "{",
    "\n/pin a\n",
    "> ",
    "`",
    "~",
    "<!--",
    "<b>",
];

/// One change of a text: at a place, over a length, by a word or a part of the text itself.
type Change = (Index, u8, Option<usize>);

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the seeds")
        .map(|entry| entry.expect("a seed").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect()
}

fn mutate(mut data: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for (at, length, word) in changes {
        let start = at.index(data.len() + 1);
        let end = (start + usize::from(*length % 16)).min(data.len());
        match word {
            Some(word) => drop(data.splice(start..end, WORDS[*word].bytes())),
            None => {
                let part = data[start..end].to_vec();
                data.splice(start..start, part);
            }
        }
    }
    data
}

fn run(target: &str, property: fn(&[u8])) {
    let seeds = seeds(target);
    seeds.iter().for_each(|seed| property(seed));
    let change = (
        any::<Index>(),
        any::<u8>(),
        prop::option::weighted(0.8, 0..WORDS.len()),
    );
    let strategy = (any::<Index>(), prop::collection::vec(change, 1..6));
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let result = TestRunner::new(config).run(&strategy, |(seed, changes)| {
        property(&mutate(seed.get(&seeds).clone(), &changes));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{target}: {error}");
    }
}

#[test]
fn reading_says_true_places() {
    run("reader", reader_property::reader);
}

#[test]
fn a_legal_pin_is_proved() {
    run("editor", editor_property::editor);
}

#[test]
fn a_mask_covers_only_holes() {
    run("mask", mask_property::check_mask);
}

#[test]
fn a_comment_does_what_is_seen() {
    run("comment", comment_property::comment);
}
