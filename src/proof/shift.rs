//! Where a line of a file is after edits that put lines in or take them out.

use crate::terraform::edit::Edit;
use crate::terraform::files::{Files, RepoPath};
use std::collections::BTreeMap;

/// For each edited file, the line from which it moves, and by how much.
pub(super) struct Shift<'a> {
    moves: BTreeMap<&'a RepoPath, Vec<(usize, isize)>>,
}

impl<'a> Shift<'a> {
    pub fn new(files: &Files, edits: &'a [Edit]) -> Self {
        let mut moves: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for edit in edits {
            let by = count_lines(&edit.put) as isize - count_lines(&edit.expect) as isize;
            let before = files
                .bytes(&edit.file)
                .and_then(|bytes| bytes.get(..edit.span.end));
            let (Some(before), true) = (before, by != 0) else {
                continue;
            };
            // A line moves when it begins at or after the edit's end; a byte order mark stands
            // before the first line.
            let begins =
                before.is_empty() || before.ends_with(b"\n") || before == "\u{feff}".as_bytes();
            let first = count_lines(before) + if begins { 1 } else { 2 };
            moves.entry(&edit.file).or_default().push((first, by));
        }
        Self { moves }
    }

    /// Returns the line, counted from 1, after the edits.
    pub fn line(&self, file: &RepoPath, line: usize) -> usize {
        let moves = self.moves.get(file).map(Vec::as_slice).unwrap_or_default();
        let by: isize = moves
            .iter()
            .filter(|(first, _)| line >= *first)
            .map(|(_, by)| by)
            .sum();
        line.saturating_add_signed(by)
    }
}

fn count_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}
