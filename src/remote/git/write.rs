//! Writes blobs, trees and commits straight into the bare clone: no work tree, no index, no ref.
//! What is written counts only once it is pushed.

use super::clone::Clone;
use super::failure::{Failure, local};
use super::read::{self, Kind};
use super::sign::CommitSigner;
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use gix::ObjectId;
use gix::objs::WriteTo;
use gix::objs::tree::EntryKind;
use gix::refs::transaction::PreviousValue;
use jiff::Timestamp;
use std::path::Path;

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    pub email: String,
}

/// The new content of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// `/`-separated, relative.
    pub path: String,
    pub bytes: Vec<u8>,
}

impl Clone {
    /// Writes a commit on `parent` (without one: the first commit of a line of its own, with an
    /// empty tree before it) and returns its id. A file that is there keeps its mode; nothing but a
    /// file is ever replaced.
    pub fn write_commit(
        &self,
        parent: Option<&CommitId>,
        files: &[Put],
        message: &str,
        who: &Identity,
        at: Timestamp,
    ) -> Result<CommitId> {
        let parent = parent.map(read::id).transpose()?;
        let modes = files
            .iter()
            .map(|put| self.mode(parent, &put.path))
            .collect::<Result<Vec<_>>>()?;
        let who = signature(who, at)?;
        let tree = write_tree(&self.repo, parent, files, &modes);
        let signer = self.access.signer.as_deref();
        let written =
            tree.and_then(|tree| write_object(&self.repo, tree, parent, message, who, signer));
        written
            .map(read::name)
            .map_err(|failure| self.broken(failure))
    }

    fn mode(&self, parent: Option<ObjectId>, path: &str) -> Result<EntryKind> {
        let Some(parent) = parent else {
            return Ok(EntryKind::Blob);
        };
        match read::item(&self.repo, parent, path)
            .map_err(|failure| self.broken(failure))?
            .map(|item| item.kind)
        {
            None | Some(Kind::File) => Ok(EntryKind::Blob),
            Some(Kind::Executable) => Ok(EntryKind::BlobExecutable),
            Some(Kind::Link | Kind::Submodule) => Err(Error::failed(format!(
                "{path} is not a file and is not replaced"
            ))),
        }
    }
}

/// Makes a bare repository whose only commit, on `main`, holds the files.
pub fn make_bare(path: &Path, files: &[Put], who: &Identity, at: Timestamp) -> Result<CommitId> {
    let failed = |failure: Failure| {
        Error::failed(format!("cannot make the repository {}", path.display()))
            .because(failure.into_error())
    };
    let unwritable = |why: std::io::Error| {
        Error::failed(format!("cannot write into {}", path.display())).because(why)
    };
    let repo = gix::init_bare(path).map_err(|why| failed(Failure::Local(why.to_string())))?;
    let modes = vec![EntryKind::Blob; files.len()];
    let who = signature(who, at)?;
    let id = write_tree(&repo, None, files, &modes)
        .and_then(|tree| write_object(&repo, tree, None, "Start\n", who, None))
        .map_err(failed)?;
    let head = "ref: refs/heads/main\n";
    repo.reference("refs/heads/main", id, PreviousValue::MustNotExist, "start")
        .map_err(local("cannot make the branch"))
        .map_err(failed)?;
    std::fs::write(repo.git_dir().join("HEAD"), head).map_err(unwritable)?;
    Ok(read::name(id))
}

fn write_object(
    repo: &gix::Repository,
    tree: ObjectId,
    parent: Option<ObjectId>,
    message: &str,
    who: gix::actor::Signature,
    signer: Option<&CommitSigner>,
) -> std::result::Result<ObjectId, Failure> {
    let mut commit = gix::objs::Commit {
        tree,
        parents: parent.into_iter().collect(),
        author: who.clone(),
        committer: who,
        encoding: None,
        message: message.into(),
        extra_headers: Vec::new(),
    };
    if let Some(signer) = signer {
        let mut text = Vec::new();
        let written = commit.write_to(&mut text);
        written.map_err(|why| Failure::Local(format!("cannot write a commit: {why}")))?;
        let signed = signer.sign(&text);
        let signature = signed.map_err(|why| Failure::Local(format!("cannot sign: {why}")))?;
        let signature = signature.trim_end().into();
        commit.extra_headers.push(("gpgsig".into(), signature));
    }
    Ok(repo
        .write_object(&commit)
        .map_err(local("cannot write a commit"))?
        .detach())
}

fn write_tree(
    repo: &gix::Repository,
    parent: Option<ObjectId>,
    files: &[Put],
    modes: &[EntryKind],
) -> std::result::Result<ObjectId, Failure> {
    let before = match parent {
        Some(parent) => {
            let commit = repo
                .find_commit(parent)
                .map_err(local("cannot read a commit"))?;
            commit
                .tree_id()
                .map_err(local("cannot read a commit"))?
                .detach()
        }
        None => ObjectId::empty_tree(repo.object_hash()),
    };
    let mut editor = repo
        .edit_tree(before)
        .map_err(local("cannot read a tree"))?;
    for (put, mode) in files.iter().zip(modes) {
        let blob = repo
            .write_blob(&put.bytes)
            .map_err(local("cannot write a blob"))?;
        editor
            .upsert(put.path.as_str(), *mode, blob)
            .map_err(local("cannot change a tree"))?;
    }
    Ok(editor
        .write()
        .map_err(local("cannot write a tree"))?
        .detach())
}

/// Git has no way to escape these characters in a signature.
fn signature(who: &Identity, at: Timestamp) -> Result<gix::actor::Signature> {
    let odd = |text: &str| {
        text.trim().is_empty() || text.contains(['<', '>']) || text.chars().any(char::is_control)
    };
    if odd(&who.name) || odd(&who.email) {
        return Err(Error::usage(format!(
            "{:?} <{}> cannot sign a commit",
            who.name, who.email
        ))
        .hint("use a plain name and address"));
    }
    let time = gix::date::Time {
        seconds: at.as_second(),
        offset: 0,
    };
    Ok(gix::actor::Signature {
        name: who.name.trim().into(),
        email: who.email.trim().into(),
        time,
    })
}
