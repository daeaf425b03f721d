//! Reads commits, trees and blobs of a repository. Changes nothing, and knows no remote.

use super::failure::{Failure, local};
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::traverse::tree::Recorder;
use std::path::Path;

/// One entry of a commit's tree that is not a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// `/`-separated; `None` when it is not UTF-8.
    pub path: Option<String>,
    pub kind: Kind,
    pub(super) id: ObjectId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    File,
    Executable,
    Link,
    Submodule,
}

pub(super) fn name(id: ObjectId) -> CommitId {
    CommitId::parse(&id.to_hex().to_string())
        .unwrap_or_else(|| unreachable!("an object id is 40 or 64 hex digits"))
}

pub(super) fn id(commit: &CommitId) -> Result<ObjectId> {
    ObjectId::from_hex(commit.as_str().as_bytes()).map_err(|why| {
        Error::failed(format!("{commit} is not an id of this repository")).because(why)
    })
}

/// Proves that the tip's whole tree is there, so that a clone with holes is found now and not in
/// the middle of a pass.
pub(super) fn verify(repo: &gix::Repository, tip: ObjectId) -> std::result::Result<(), Failure> {
    for item in tree(repo, tip)? {
        if item.kind != Kind::Submodule {
            repo.find_header(item.id)
                .map_err(local("an object is missing"))?;
        }
    }
    Ok(())
}

pub(super) fn tree(
    repo: &gix::Repository,
    commit: ObjectId,
) -> std::result::Result<Vec<Item>, Failure> {
    let commit = repo
        .find_commit(commit)
        .map_err(local("cannot read a commit"))?;
    let tree = commit.tree().map_err(local("cannot read a tree"))?;
    let mut record = Recorder::default();
    tree.traverse()
        .breadthfirst(&mut record)
        .map_err(local("cannot read a tree"))?;
    let entries = record.records.into_iter().filter_map(|entry| {
        let kind = kind(entry.mode.kind())?;
        Some(Item {
            path: String::from_utf8(entry.filepath.into()).ok(),
            kind,
            id: entry.oid,
        })
    });
    let mut items: Vec<Item> = entries.collect();
    items.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(items)
}

pub(super) fn item(
    repo: &gix::Repository,
    commit: ObjectId,
    path: &str,
) -> std::result::Result<Option<Item>, Failure> {
    let commit = repo
        .find_commit(commit)
        .map_err(local("cannot read a commit"))?;
    let tree = commit.tree().map_err(local("cannot read a tree"))?;
    let entry = tree
        .lookup_entry(path.split('/'))
        .map_err(local("cannot read a tree"))?;
    let found = entry.and_then(|entry| Some((kind(entry.mode().kind())?, entry.object_id())));
    Ok(found.map(|(kind, id)| Item {
        path: Some(path.to_owned()),
        kind,
        id,
    }))
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

/// Returns the commit that a checkout's HEAD names; `None` when the folder is in no git work tree
/// or has no commit yet. Reads the repository only.
pub fn head_of(folder: &Path) -> Option<CommitId> {
    let repo = around(folder)?;
    let head = repo.head_id().ok()?.detach();
    Some(name(head))
}

pub(super) fn around(folder: &Path) -> Option<gix::Repository> {
    let isolated = || gix::sec::trust::Mapping {
        full: gix::open::Options::isolated(),
        reduced: gix::open::Options::isolated(),
    };
    Some(
        gix::ThreadSafeRepository::discover_opts(folder, Default::default(), isolated())
            .ok()?
            .into(),
    )
}
