//! Reads commits, trees and blobs of the bare clone. Changes nothing.

use super::Clone;
use super::failure::{Failure, local};
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::traverse::tree::Recorder;
use jiff::Timestamp;
use std::path::Path;
use std::time::{Duration, Instant};

/// One entry of a commit's tree that is not a folder.
#[derive(Clone, Debug)]
pub struct Item {
    /// `/`-separated; `None` when it is not UTF-8.
    pub path: Option<String>,
    pub kind: Kind,
    id: ObjectId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Executable,
    Link,
    Submodule,
}

/// One commit of the followed branch's past.
#[derive(Clone, Debug)]
pub struct Past {
    pub commit: CommitId,
    pub at: Timestamp,
    pub author: String,
    pub message: String,
}

impl Clone {
    /// Returns all entries of a commit's tree, sorted by path.
    pub fn tree(&self, commit: &CommitId) -> Result<Vec<Item>> {
        tree(&self.repo, id(commit)?).map_err(|failure| self.broken(failure))
    }

    /// Returns the number of bytes of a file.
    pub fn size(&self, item: &Item) -> Result<u64> {
        let header = self.repo.find_header(item.id);
        header.map(|header| header.size()).map_err(|why| self.broken(local("cannot read a blob")(why)))
    }

    pub fn bytes(&self, item: &Item) -> Result<Vec<u8>> {
        let blob = self.repo.find_blob(item.id);
        blob.map(|mut blob| blob.take_data()).map_err(|why| self.broken(local("cannot read a blob")(why)))
    }

    /// Returns the entry at `path`; `None` when there is none or it is a folder.
    pub fn item(&self, commit: &CommitId, path: &str) -> Result<Option<Item>> {
        item(&self.repo, id(commit)?, path).map_err(|failure| self.broken(failure))
    }

    /// Returns a text file of a ref of pintle's own, as of the last fetch; `None` when there is no such ref.
    pub fn own_text(&self, name: &str, path: &str) -> Result<Option<String>> {
        let Some(commit) = self.own_ref(name) else { return Ok(None) };
        let item = self.item(&commit, path)?.ok_or_else(|| Error::failed(format!("{name} has no {path}")))?;
        let text = String::from_utf8(self.bytes(&item)?);
        text.map(Some).map_err(|why| Error::failed(format!("{path} in {name} is not UTF-8")).because(why))
    }

    /// Returns the commits from `from` along first parents, newest first: at most `limit`, and what can be read in `within`.
    pub fn past(&self, from: &CommitId, limit: usize, within: Duration) -> Result<Vec<Past>> {
        walk(&self.repo, id(from)?, limit, within).map_err(|failure| self.broken(failure))
    }
}

fn walk(repo: &gix::Repository, from: ObjectId, limit: usize, within: Duration) -> std::result::Result<Vec<Past>, Failure> {
    let start = Instant::now();
    let mut next = Some(from);
    let mut past = Vec::new();
    while let Some(commit) = next.filter(|_| past.len() < limit) {
        if start.elapsed() > within {
            tracing::warn!(commits = past.len(), "the history is read only so far: it takes too long");
            break;
        }
        let (one, parent) = read_past(repo, commit)?;
        past.push(one);
        next = parent;
    }
    Ok(past)
}

pub(super) fn name(id: ObjectId) -> CommitId {
    CommitId::parse(&id.to_hex().to_string()).unwrap_or_else(|| unreachable!("an object id is 40 or 64 hex digits"))
}

pub(super) fn id(commit: &CommitId) -> Result<ObjectId> {
    ObjectId::from_hex(commit.as_str().as_bytes())
        .map_err(|why| Error::failed(format!("{commit} is not an id of this repository")).because(why))
}

/// Proves that the tip's whole tree is there, so that a clone with holes is found now and not in the middle of a pass.
pub(super) fn verify(repo: &gix::Repository, tip: ObjectId) -> std::result::Result<(), Failure> {
    for item in tree(repo, tip)? {
        if item.kind != Kind::Submodule {
            repo.find_header(item.id).map_err(local("an object is missing"))?;
        }
    }
    Ok(())
}

fn tree(repo: &gix::Repository, commit: ObjectId) -> std::result::Result<Vec<Item>, Failure> {
    let commit = repo.find_commit(commit).map_err(local("cannot read a commit"))?;
    let tree = commit.tree().map_err(local("cannot read a tree"))?;
    let mut record = Recorder::default();
    tree.traverse().breadthfirst(&mut record).map_err(local("cannot read a tree"))?;
    let entries = record.records.into_iter().filter_map(|entry| {
        let kind = kind(entry.mode.kind())?;
        Some(Item { path: String::from_utf8(entry.filepath.into()).ok(), kind, id: entry.oid })
    });
    let mut items: Vec<Item> = entries.collect();
    items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(items)
}

pub(super) fn item(repo: &gix::Repository, commit: ObjectId, path: &str) -> std::result::Result<Option<Item>, Failure> {
    let commit = repo.find_commit(commit).map_err(local("cannot read a commit"))?;
    let tree = commit.tree().map_err(local("cannot read a tree"))?;
    let entry = tree.lookup_entry(path.split('/')).map_err(local("cannot read a tree"))?;
    let found = entry.and_then(|entry| Some((kind(entry.mode().kind())?, entry.object_id())));
    Ok(found.map(|(kind, id)| Item { path: Some(path.to_owned()), kind, id }))
}

fn kind(kind: EntryKind) -> Option<Kind> {
    Some(match kind {
        EntryKind::Tree => return None,
        EntryKind::Blob => Kind::File,
        EntryKind::BlobExecutable => Kind::Executable,
        EntryKind::Link => Kind::Link,
        EntryKind::Commit => Kind::Submodule,
    })
}

fn read_past(repo: &gix::Repository, id: ObjectId) -> std::result::Result<(Past, Option<ObjectId>), Failure> {
    let commit = repo.find_commit(id).map_err(local("cannot read a commit"))?;
    let decoded = commit.decode().map_err(local("cannot read a commit"))?;
    let author = decoded.author().map_or_else(|_| "unknown".into(), |author| author.name.to_string());
    // A commit whose date cannot be read is as old as can be.
    let seconds = decoded.committer().ok().and_then(|committer| committer.time().ok()).map_or(0, |time| time.seconds);
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    let parent = decoded.parents().next();
    Ok((Past { commit: name(id), at, author, message: decoded.message.to_string() }, parent))
}

/// Returns the commit that a checkout's HEAD names; `None` when the folder is in no git work tree or has no commit yet. Reads the repository only.
pub fn head_of(folder: &Path) -> Option<CommitId> {
    let repo = around(folder)?;
    let head = repo.head_id().ok()?.detach();
    Some(name(head))
}

/// Returns the past of a checkout's HEAD, as [`Clone::past`] does of a branch; `None` where [`head_of`] finds none. A shallow checkout's past ends
/// where it was cut off.
pub fn past_of(folder: &Path, limit: usize, within: Duration) -> Option<Result<Vec<Past>>> {
    let repo = around(folder)?;
    let head = repo.head_id().ok()?.detach();
    Some(walk(&repo, head, limit, within).map_err(Failure::into_error))
}

fn around(folder: &Path) -> Option<gix::Repository> {
    let isolated = || gix::sec::trust::Mapping { full: gix::open::Options::isolated(), reduced: gix::open::Options::isolated() };
    Some(gix::ThreadSafeRepository::discover_opts(folder, Default::default(), isolated()).ok()?.into())
}
