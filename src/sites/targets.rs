//! What a command is about: the literals that names and folders stand for. Reads the scan only.

use super::lookup::find;
use super::{Literal, Scan};
use crate::error::{Error, Result};
use crate::terraform::files::RepoPath;
use std::collections::BTreeSet;

/// The most notes that are repeated.
const MOST_NOTES: usize = 3;

/// What a command is about; the default is the whole repo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Sites, stacks, workloads, images, files and Terraform addresses.
    pub names: Vec<String>,
    /// Folders: all that is written in them, and all that a stack in them uses.
    pub folders: Vec<RepoPath>,
}

impl Targets {
    /// Says whether the command is about the whole repo.
    pub fn is_everything(&self) -> bool {
        self.names.is_empty() && self.folders.is_empty()
    }

    /// Says whether a path is in one of the folders.
    pub fn is_in_folder(&self, path: &RepoPath) -> bool {
        self.folders.iter().any(|folder| is_below(path, folder))
    }

    /// Returns the literals that are meant, in the scan's order.
    ///
    /// # Errors
    /// A name that nothing has. A folder may be empty.
    pub fn find_literals<'a>(&self, scan: &'a Scan) -> Result<Vec<&'a Literal>> {
        if self.is_everything() {
            return Ok(scan.literals.iter().collect());
        }
        let mut meant: BTreeSet<usize> = BTreeSet::new();
        for name in &self.names {
            meant.extend(find_named(scan, name)?);
        }
        let all = scan.literals.iter().enumerate();
        let in_folders = all.filter(|(_, literal)| self.has_in_folder(literal));
        meant.extend(in_folders.map(|(index, _)| index));
        Ok(meant.iter().map(|index| &scan.literals[*index]).collect())
    }

    fn has_in_folder(&self, literal: &Literal) -> bool {
        self.is_in_folder(&literal.file)
            || literal.uses.iter().any(|one| self.is_in_folder(&one.root))
    }
}

fn is_below(path: &RepoPath, folder: &RepoPath) -> bool {
    let rest = path.as_str().strip_prefix(folder.as_str());
    folder.as_str().is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Returns the places in the scan of what a name stands for: at least one.
fn find_named(scan: &Scan, name: &str) -> Result<Vec<usize>> {
    let found = find(scan, name);
    if !found.literals.is_empty() {
        return Ok(found.literals);
    }
    let near = if found.near.is_empty() {
        "pintle scan lists them all".to_owned()
    } else {
        format!("near it: {}", found.near.join(", "))
    };
    let lost = find_lost(scan, name);
    let mut error = Error::failed(format!("no site, workload or image is called {name}"));
    if !lost.is_empty() {
        error = error.cause(lost.join("; "));
    }
    Err(error.hint(near))
}

/// Repeats what was said of something that the scan could not follow.
fn find_lost(scan: &Scan, name: &str) -> Vec<String> {
    let place = |file: &RepoPath, line: Option<usize>| match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_string(),
    };
    let is_meant = |file: &RepoPath, line: Option<usize>, text: &str| {
        text.contains(name)
            || place(file, line) == name
            || file.display() == name
            || file
                .as_str()
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let problems = scan
        .problems
        .iter()
        .filter(|one| is_meant(&one.file, one.line, &one.what))
        .map(|one| format!("{}: {}", place(&one.file, one.line), one.what));
    let unfollowed = scan
        .unfollowed
        .iter()
        .filter(|one| is_meant(&one.file, Some(one.line), &one.literal) || *one.inside == *name)
        .map(|one| {
            let at = place(&one.file, Some(one.line));
            format!("{at}: {} in {} is not followed", one.literal, one.inside)
        });
    problems.chain(unfollowed).take(MOST_NOTES).collect()
}
