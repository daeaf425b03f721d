//! Changes as unified diffs, below the subjects of their commits.

use crate::pipeline::Change;
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Files, RepoPath};
use similar::TextDiff;
use std::collections::BTreeMap;

/// Returns one diff for each change, each against the files as the changes before it leave them.
pub fn changes(files: &Files, changes: &[Change], colour: bool) -> String {
    let mut out = String::new();
    for change in changes {
        out.push_str(&format!("# {}\n", change.message.lines().next().unwrap_or_default()));
        let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
        for edit in &change.edits {
            by_file.entry(&edit.file).or_default().push(edit.clone());
        }
        for (path, edits) in by_file {
            out.push_str(&file(files, path, &edits));
        }
    }
    if colour { out.lines().map(paint).collect() } else { out }
}

fn file(files: &Files, path: &RepoPath, edits: &[Edit]) -> String {
    let Some(before) = files.bytes(path) else { return format!("{path} was not read\n") };
    match edit::apply(before, edits) {
        Ok(after) => {
            let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(&after));
            let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
            diff.unified_diff().context_radius(1).header(&format!("a/{path}"), &format!("b/{path}")).to_string()
        }
        Err(error) => format!("{path}: {error}\n"),
    }
}

fn paint(line: &str) -> String {
    let code = match line.as_bytes().first() {
        Some(b'+') => "32",
        Some(b'-') => "31",
        Some(b'@') => "36",
        Some(b'#') => "1",
        _ => return format!("{line}\n"),
    };
    format!("\u{1b}[{code}m{line}\u{1b}[0m\n")
}
