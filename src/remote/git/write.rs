//! Writes blobs, trees and commits straight into the bare clone: no work tree, no index, no ref. What is written counts only once it is pushed.

use super::Clone;
use super::failure::{Failure, local};
use super::read::{self, Kind};
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use jiff::Timestamp;

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
    /// Writes a commit on `parent` (without one: the first commit of a line of its own, with an empty tree before it) and returns its id.
    /// A file that is there keeps its mode; nothing but a file is ever replaced.
    pub fn write_commit(&self, parent: Option<&CommitId>, files: &[Put], message: &str, who: &Identity, at: Timestamp) -> Result<CommitId> {
        let parent = parent.map(read::id).transpose()?;
        let modes = files.iter().map(|put| self.mode(parent, &put.path)).collect::<Result<Vec<_>>>()?;
        let who = signature(who, at)?;
        let tree = self.write_tree(parent, files, &modes).map_err(|failure| self.broken(failure))?;
        let commit = gix::objs::Commit {
            tree,
            parents: parent.into_iter().collect(),
            author: who.clone(),
            committer: who,
            encoding: None,
            message: message.into(),
            extra_headers: Vec::new(),
        };
        let written = self.repo.write_object(&commit);
        written.map(|id| read::name(id.detach())).map_err(|why| self.broken(local("cannot write a commit")(why)))
    }

    fn mode(&self, parent: Option<ObjectId>, path: &str) -> Result<EntryKind> {
        let Some(parent) = parent else { return Ok(EntryKind::Blob) };
        match read::item(&self.repo, parent, path).map_err(|failure| self.broken(failure))?.map(|item| item.kind) {
            None | Some(Kind::File) => Ok(EntryKind::Blob),
            Some(Kind::Executable) => Ok(EntryKind::BlobExecutable),
            Some(Kind::Link | Kind::Submodule) => Err(Error::failed(format!("{path} is not a file and is not replaced"))),
        }
    }

    fn write_tree(&self, parent: Option<ObjectId>, files: &[Put], modes: &[EntryKind]) -> std::result::Result<ObjectId, Failure> {
        let before = match parent {
            Some(parent) => {
                let commit = self.repo.find_commit(parent).map_err(local("cannot read a commit"))?;
                commit.tree_id().map_err(local("cannot read a commit"))?.detach()
            }
            None => ObjectId::empty_tree(self.repo.object_hash()),
        };
        let mut editor = self.repo.edit_tree(before).map_err(local("cannot read a tree"))?;
        for (put, mode) in files.iter().zip(modes) {
            let blob = self.repo.write_blob(&put.bytes).map_err(local("cannot write a blob"))?;
            editor.upsert(put.path.as_str(), *mode, blob).map_err(local("cannot change a tree"))?;
        }
        Ok(editor.write().map_err(local("cannot write a tree"))?.detach())
    }
}

/// Git has no way to escape these characters in a signature.
fn signature(who: &Identity, at: Timestamp) -> Result<gix::actor::Signature> {
    let odd = |text: &str| text.trim().is_empty() || text.contains(['<', '>']) || text.chars().any(char::is_control);
    if odd(&who.name) || odd(&who.email) {
        return Err(Error::usage(format!("{:?} <{}> cannot sign a commit", who.name, who.email)).hint("use a plain name and address"));
    }
    let time = gix::date::Time { seconds: at.as_second(), offset: 0 };
    Ok(gix::actor::Signature { name: who.name.trim().into(), email: who.email.trim().into(), time })
}
