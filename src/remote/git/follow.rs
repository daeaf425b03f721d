//! The changes of files on a branch's own line: which commit made them, what the file was before
//! and after. Changes nothing.

use super::clone::Clone;
use super::commit_log::Reader;
use super::failure::{Failure, local};
use super::read::{self, name};
use crate::error::Result;
use crate::model::commit::CommitId;
use gix::ObjectId;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::time::Duration;

/// One change of a file, from a commit's first parent to the commit.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    pub path: &'a str,
    pub commit: CommitId,
    /// The commit's own time, and never before its parent's.
    pub at: Timestamp,
    /// `None` where there was no such file.
    pub old: Option<Vec<u8>>,
    pub new: Vec<u8>,
}

/// Where following files ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing was left to follow.
    Found,
    /// At the branch's first commit.
    Start,
    /// Where the history is cut off.
    Cut,
    /// After so many commits, or so long.
    TooFar,
}

impl Clone {
    /// Follows files back from `from` along first parents: through at most `limit` commits, and for
    /// no longer than `within`. `show` sees each change, newest first; a file for which it breaks
    /// is followed no longer, nor is one that was not there before.
    pub fn follow(
        &self,
        from: &CommitId,
        paths: &BTreeSet<String>,
        (limit, within): (usize, Duration),
        show: &mut dyn FnMut(&Turn) -> ControlFlow<()>,
    ) -> Result<End> {
        follow(&self.repo, read::id(from)?, paths, (limit, within), show)
            .map_err(|failure| self.broken(failure))
    }
}

type Outcome<T> = std::result::Result<T, Failure>;

fn follow(
    repo: &gix::Repository,
    from: ObjectId,
    paths: &BTreeSet<String>,
    (limit, within): (usize, Duration),
    show: &mut dyn FnMut(&Turn) -> ControlFlow<()>,
) -> Outcome<End> {
    let reader = Reader::new(repo, within)?;
    let mut now = reader.read(from)?;
    let mut open = Vec::new();
    for path in paths {
        open.extend(blob(repo, from, path)?.map(|id| (path.as_str(), id)));
    }
    for _ in 0..limit {
        if open.is_empty() {
            return Ok(End::Found);
        }
        let Some(parent) = now.parents.first().copied() else {
            return Ok(if reader.is_cut(now.id) {
                End::Cut
            } else {
                End::Start
            });
        };
        if reader.late() {
            return Ok(End::TooFar);
        }
        let before = reader.read(parent)?;
        for (path, id) in std::mem::take(&mut open) {
            let old = blob(repo, parent, path)?;
            if old == Some(id) {
                open.push((path, id));
                continue;
            }
            let bytes = old.map(|old| data(repo, old)).transpose()?;
            let turn = Turn {
                path,
                commit: name(now.id),
                at: now.at().max(before.at()),
                old: bytes,
                new: data(repo, id)?,
            };
            let goes_on = show(&turn).is_continue();
            open.extend(old.filter(|_| goes_on).map(|old| (path, old)));
        }
        now = before;
    }
    Ok(if open.is_empty() {
        End::Found
    } else {
        End::TooFar
    })
}

/// The blob at a path of a commit; `None` where there is none.
fn blob(repo: &gix::Repository, commit: ObjectId, path: &str) -> Outcome<Option<ObjectId>> {
    let commit = repo
        .find_commit(commit)
        .map_err(local("cannot read a commit"))?;
    let tree = commit.tree().map_err(local("cannot read a tree"))?;
    let entry = tree
        .lookup_entry(path.split('/'))
        .map_err(local("cannot read a tree"))?;
    Ok(entry
        .filter(|entry| entry.mode().is_blob())
        .map(|entry| entry.object_id()))
}

fn data(repo: &gix::Repository, id: ObjectId) -> Outcome<Vec<u8>> {
    Ok(repo
        .find_blob(id)
        .map_err(local("cannot read a blob"))?
        .take_data())
}

#[cfg(test)]
mod tests;
