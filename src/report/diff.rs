//! Changes as unified diffs, below the subjects of their commits. For people; what is written is
//! the edits themselves.

use crate::config;
use crate::pipeline::Change;
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Files, RepoPath};
use similar::TextDiff;
use std::collections::BTreeMap;

/// Returns one diff for each change, each against the files as the changes before it leave them.
pub fn diff_changes(files: &Files, changes: &[Change]) -> String {
    let mut out = String::new();
    for change in changes {
        out.push_str(&format!(
            "# {}\n",
            change.message.lines().next().unwrap_or_default()
        ));
        let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
        for edit in &change.edits {
            by_file.entry(&edit.file).or_default().push(edit.clone());
        }
        for (path, edits) in by_file {
            out.push_str(&diff_file(files, path, &edits));
        }
    }
    out
}

fn diff_file(files: &Files, path: &RepoPath, edits: &[Edit]) -> String {
    let none: std::sync::Arc<[u8]> = [].into();
    let before = match files.bytes(path) {
        Some(bytes) => bytes,
        // The first hold that needs it makes the configuration.
        None if *path == config::path() => &none,
        None => return format!("{path} was not read\n"),
    };
    match edit::apply(before, edits) {
        Ok(after) => {
            let (before, after) = (
                String::from_utf8_lossy(before),
                String::from_utf8_lossy(&after),
            );
            let diff = TextDiff::from_lines(before.as_ref(), after.as_ref());
            diff.unified_diff()
                .context_radius(1)
                .header(&format!("a/{path}"), &format!("b/{path}"))
                .to_string()
        }
        Err(error) => format!("{path}: {error}\n"),
    }
}
