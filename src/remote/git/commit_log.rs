//! The past of a branch: its own line of commits, and what came onto it by merges. Changes nothing.

use super::clone::Clone;
use super::failure::{Failure, local};
use super::read::{self, around, name};
use crate::error::Result;
use crate::model::commit::CommitId;
use gix::ObjectId;
use jiff::Timestamp;
use std::collections::{BTreeSet, BinaryHeap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

/// The most commits that are read of what came by one merge.
const MOST_OF_A_MERGE: usize = 50;

/// One commit of a branch's past.
#[derive(Clone, Debug)]
pub struct LoggedCommit {
    pub commit: CommitId,
    /// When it came onto the branch: its own time, or that of the merge commit it came by.
    pub at: Timestamp,
    pub author: String,
    pub message: String,
    /// The merge commit, on the branch's own line, that it came by.
    pub merged_by: Option<CommitId>,
}

impl Clone {
    /// Returns the commits from `from` along first parents, newest first: at most `limit`, and what
    /// can be read in `within`. Behind each merge commit stands what came with it, newest first,
    /// the newest 50.
    pub fn read_log(
        &self,
        from: &CommitId,
        limit: usize,
        within: Duration,
    ) -> Result<Vec<LoggedCommit>> {
        walk(&self.repo, read::id(from)?, limit, within).map_err(|failure| self.broken(failure))
    }

    /// Returns those of `wanted` that are `from` or among its ancestors, as far as the newest
    /// `limit` of them tell.
    pub fn ancestors_among(
        &self,
        from: &CommitId,
        wanted: &BTreeSet<CommitId>,
        limit: usize,
    ) -> Result<BTreeSet<CommitId>> {
        let wanted = wanted
            .iter()
            .map(read::id)
            .collect::<Result<HashSet<ObjectId>>>()?;
        let found = among(&self.repo, read::id(from)?, wanted, limit)
            .map_err(|failure| self.broken(failure))?;
        Ok(found.into_iter().map(name).collect())
    }
}

/// Returns the past of a checkout's HEAD, as [`Clone::read_log`] does of a branch; `None` when the
/// folder is in no git work tree or has no commit yet. A shallow checkout's past ends where it was
/// cut off.
pub fn read_log_of(
    folder: &Path,
    limit: usize,
    within: Duration,
) -> Option<Result<Vec<LoggedCommit>>> {
    let repo = around(folder)?;
    let head = repo.head_id().ok()?.detach();
    Some(walk(&repo, head, limit, within).map_err(Failure::into_error))
}

type Outcome<T> = std::result::Result<T, Failure>;

/// A commit as it is in the repository. Newer ones are greater.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    seconds: i64,
    pub id: ObjectId,
    /// None where they are not there.
    pub parents: Vec<ObjectId>,
    author: String,
    message: String,
}

impl Found {
    pub fn at(&self) -> Timestamp {
        Timestamp::from_second(self.seconds).unwrap_or_default()
    }

    fn into_logged(self, merge: Option<&Found>) -> LoggedCommit {
        let at = merge.map_or_else(|| self.at(), Found::at);
        LoggedCommit {
            commit: name(self.id),
            at,
            author: self.author,
            message: self.message,
            merged_by: merge.map(|merge| name(merge.id)),
        }
    }
}

/// Reads commits, within a time.
pub(super) struct Reader<'a> {
    repo: &'a gix::Repository,
    /// Commits whose parents are not there.
    cut: HashSet<ObjectId>,
    until: Option<Instant>,
}

impl<'a> Reader<'a> {
    pub fn new(repo: &'a gix::Repository, within: Duration) -> Outcome<Self> {
        let cut = repo
            .shallow_commits()
            .map_err(local("cannot read where the history is cut off"))?;
        let cut = cut
            .map(|all| all.iter().copied().collect())
            .unwrap_or_default();
        Ok(Self {
            repo,
            cut,
            until: Instant::now().checked_add(within),
        })
    }

    /// Says whether the history is cut off behind a commit.
    pub fn is_cut(&self, id: ObjectId) -> bool {
        self.cut.contains(&id)
    }

    pub fn late(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }

    pub fn read(&self, id: ObjectId) -> Outcome<Found> {
        let commit = self
            .repo
            .find_commit(id)
            .map_err(local("cannot read a commit"))?;
        let decoded = commit.decode().map_err(local("cannot read a commit"))?;
        let author = decoded
            .author()
            .map_or_else(|_| "unknown".into(), |author| author.name.to_string());
        // A commit whose date cannot be read is as old as can be.
        let seconds = decoded
            .committer()
            .ok()
            .and_then(|committer| committer.time().ok())
            .map_or(0, |time| time.seconds);
        let parents = if self.cut.contains(&id) {
            Vec::new()
        } else {
            decoded.parents().collect()
        };
        Ok(Found {
            seconds,
            id,
            parents,
            author,
            message: decoded.message.to_string(),
        })
    }
}

/// The branch's own line, along first parents, as far as it was looked at.
struct Line {
    ids: HashSet<ObjectId>,
    next: Option<ObjectId>,
    /// The time of the last one looked at.
    reached: i64,
}

impl Line {
    fn step(&mut self, reader: &Reader<'_>) -> Outcome<Option<Found>> {
        let Some(id) = self.next.take() else {
            return Ok(None);
        };
        let found = reader.read(id)?;
        self.ids.insert(id);
        (self.next, self.reached) = (found.parents.first().copied(), found.seconds);
        Ok(Some(found))
    }

    /// Follows the line until it is older than `found`, so that one can say whether it is on it.
    fn holds(&mut self, reader: &Reader<'_>, found: &Found) -> Outcome<bool> {
        while !self.ids.contains(&found.id) && self.reached >= found.seconds && !reader.late() {
            if self.step(reader)?.is_none() {
                break;
            }
        }
        Ok(self.ids.contains(&found.id))
    }
}

fn walk(
    repo: &gix::Repository,
    from: ObjectId,
    limit: usize,
    within: Duration,
) -> Outcome<Vec<LoggedCommit>> {
    let reader = Reader::new(repo, within)?;
    let mut line = Line {
        ids: HashSet::new(),
        next: Some(from),
        reached: i64::MAX,
    };
    let mut own = Vec::new();
    while own.len() < limit && !reader.late() {
        let Some(found) = line.step(&reader)? else {
            break;
        };
        own.push(found);
    }
    // Oldest first: what two merges brought came with the earlier one.
    let (mut seen, mut behind) = (HashSet::new(), Vec::new());
    for merge in own.iter().rev() {
        behind.push(came_with(&reader, merge, &mut line, &mut seen)?);
    }
    if reader.late() {
        tracing::warn!(
            commits = own.len(),
            "reading the history took too long: older commits are left out"
        );
    }
    let own = own.into_iter().zip(behind.into_iter().rev());
    Ok(own
        .flat_map(|(own, behind)| std::iter::once(own.into_logged(None)).chain(behind))
        .collect())
}

/// Returns what a merge commit brought onto the line, newest first.
fn came_with(
    reader: &Reader<'_>,
    merge: &Found,
    line: &mut Line,
    seen: &mut HashSet<ObjectId>,
) -> Outcome<Vec<LoggedCommit>> {
    let mut queue = BinaryHeap::new();
    let mut out = Vec::new();
    let mut parents = merge.parents.iter().skip(1).copied().collect::<Vec<_>>();
    loop {
        for id in parents {
            if !line.ids.contains(&id) && seen.insert(id) {
                queue.push(reader.read(id)?);
            }
        }
        let Some(newest) = queue
            .pop()
            .filter(|_| out.len() < MOST_OF_A_MERGE && !reader.late())
        else {
            return Ok(out);
        };
        parents = if line.holds(reader, &newest)? {
            Vec::new()
        } else {
            let parents = newest.parents.clone();
            out.push(newest.into_logged(Some(merge)));
            parents
        };
    }
}

fn among(
    repo: &gix::Repository,
    from: ObjectId,
    mut wanted: HashSet<ObjectId>,
    limit: usize,
) -> Outcome<Vec<ObjectId>> {
    let reader = Reader::new(repo, Duration::MAX)?;
    let (mut seen, mut queue, mut found) = (HashSet::from([from]), BinaryHeap::new(), Vec::new());
    queue.push(reader.read(from)?);
    for _ in 0..limit {
        let Some(newest) = queue.pop().filter(|_| !wanted.is_empty()) else {
            break;
        };
        found.extend(wanted.take(&newest.id));
        for id in newest.parents {
            if seen.insert(id) {
                queue.push(reader.read(id)?);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
