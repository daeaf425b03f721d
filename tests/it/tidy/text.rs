//! The width of text, and words that the glossary of CONTRIBUTING.md replaces. Reads comments of
//! Rust files, pages, and the snapshots of what pintle prints. The width of code is rustfmt's.

use std::fs::read_to_string;

use regex::Regex;

use super::{root, rust_files, tracked};

const WIDTH: usize = 100;
const CELL: usize = 160;

/// Of the glossary's right column, what is never right in a text for people.
const WORDS: &str = r"(?i)\b(tells?|told|telling|speaks?|spoken|said|went back|goes? back|going back|took (it )?back|takes? back|taken back|a way back|ready no more|looked at|nobody knows|stands?|stood)\b";

#[test]
fn comments_and_pages_have_at_most_100_columns() {
    let mut complaints = Vec::new();
    for (path, text) in rust_files("") {
        complaints.extend(wide_comments(&path, &text));
    }
    for path in pages() {
        complaints.extend(wide_lines(&path, &read(&path)));
    }
    assert_eq!(complaints, [] as [String; 0]);
}

#[test]
fn texts_use_the_words_of_the_glossary() {
    let mut complaints = Vec::new();
    for path in pages().into_iter().chain(snapshots()) {
        complaints.extend(replaced_words(&path, &read(&path)));
    }
    assert_eq!(complaints, [] as [String; 0]);
}

#[test]
fn a_wide_line_and_a_replaced_word_are_seen() {
    let long = "word ".repeat(30);
    assert_eq!(wide_comments("a.rs", &format!("// {long}")).len(), 1);
    assert_eq!(
        wide_comments("a.rs", &format!("let a = \"{long}\";")).len(),
        0
    );
    assert_eq!(
        wide_lines("a.md", &format!("short\n{long}")),
        ["a.md:2: 149 columns"]
    );
    assert_eq!(wide_lines("a.md", &format!("| {long} | b |")).len(), 0);
    assert_eq!(
        wide_lines("a.md", &format!("| {long}{long} | b |")).len(),
        1
    );
    assert_eq!(
        wide_lines("a.md", &format!("```text\n{long}\n```")).len(),
        0
    );
    for wrong in [
        "the registry tells",
        "It was looked at.",
        "the pod is ready no more",
    ] {
        assert_eq!(replaced_words("a.md", wrong).len(), 1, "{wrong}");
    }
    for right in [
        "a standard",
        "`told` in code",
        "```\nit was told\n```",
        "| say | tell, told |",
    ] {
        let path = if right.starts_with('|') {
            "CONTRIBUTING.md"
        } else {
            "a.md"
        };
        assert_eq!(replaced_words(path, right).len(), 0, "{right}");
    }
}

fn pages() -> Vec<String> {
    let all = tracked("").into_iter();
    let is_page =
        |path: &String| path.ends_with(".md") && (path.starts_with("docs/") || !path.contains('/'));
    all.filter(is_page).collect()
}

fn snapshots() -> Vec<String> {
    let all = tracked("").into_iter();
    all.filter(|path| path.ends_with(".snap")).collect()
}

fn read(path: &str) -> String {
    read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

/// A line is long only if it could have been broken before the limit.
fn is_wide(line: &str) -> bool {
    line.trim_end().chars().count() > WIDTH && line.trim_start().split(' ').count() > 3
}

fn wide_comments(path: &str, text: &str) -> Vec<String> {
    let comment = |line: &str| {
        let rest = line.trim_start();
        rest.starts_with("//") && !rest.contains("://") && !rest.contains(['│', '`'])
    };
    let wide = text
        .lines()
        .enumerate()
        .filter(|(_, line)| comment(line) && is_wide(line));
    wide.map(|(at, _)| format!("{path}:{}: a comment of more than {WIDTH} columns", at + 1))
        .collect()
}

fn wide_lines(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (at, line) in prose(text) {
        if line.starts_with('|') {
            let widest = line.split(" | ").map(|cell| cell.chars().count()).max();
            if widest.unwrap_or(0) > CELL + 4 {
                complaints.push(format!("{path}:{at}: a cell of more than {CELL} columns"));
            }
        } else if is_wide(line) && !line.contains("](") && !line.starts_with('>') {
            complaints.push(format!(
                "{path}:{at}: {} columns",
                line.trim_end().chars().count()
            ));
        }
    }
    complaints
}

fn replaced_words(path: &str, text: &str) -> Vec<String> {
    let words = Regex::new(WORDS).expect("a valid expression");
    let code = Regex::new("`[^`]*`").expect("a valid expression");
    let glossary = |line: &str| path == "CONTRIBUTING.md" && line.starts_with('|');
    let mut complaints = Vec::new();
    for (at, line) in prose(text).filter(|(_, line)| !glossary(line)) {
        if let Some(found) = words.find(&code.replace_all(line, "")) {
            complaints.push(format!("{path}:{at}: “{}”", found.as_str()));
        }
    }
    complaints
}

/// The lines outside code blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        (!fence && !in_code).then_some((at + 1, line))
    })
}
