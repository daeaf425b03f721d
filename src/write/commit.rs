//! Writes one change as one commit in the bare clone: the edits spliced into the files of the
//! planned tip, and the message with its trailers. Never pushes.

use crate::config;
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::pipeline::forge::Branch;
use crate::pipeline::{Change, trailers};
use crate::remote::git::{Clone, Identity, Put};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::RepoPath;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A chain of commits on the tip that their changes were planned on.
pub struct CommitChain<'a> {
    clone: &'a Clone,
    tip: &'a CommitId,
    author: &'a Identity,
    /// Whether each message ends with a `Signed-off-by` of the author.
    signs_off: bool,
    at: Timestamp,
    last: CommitId,
    files: BTreeMap<RepoPath, EditedFile>,
}

/// A file at the tip, and all edits of the chain so far. Spans refer to the tip, so each commit
/// splices all edits again.
struct EditedFile {
    before: Vec<u8>,
    edits: Vec<Edit>,
}

impl<'a> CommitChain<'a> {
    pub fn start(clone: &'a Clone, tip: &'a CommitId, author: &'a Identity, at: Timestamp) -> Self {
        Self {
            clone,
            tip,
            author,
            signs_off: false,
            at,
            last: tip.clone(),
            files: BTreeMap::new(),
        }
    }

    /// Makes each message end with a `Signed-off-by` of the author, or not.
    #[must_use]
    pub fn signing_off(self, signs_off: bool) -> Self {
        Self { signs_off, ..self }
    }

    /// Writes the change as the next commit and returns its id. Fails and writes nothing if a file
    /// does not contain what an edit expects, or if an edit overlaps an edit of an earlier change.
    pub fn add_change(&mut self, change: &Change) -> Result<CommitId> {
        let mut message = trailers::render(&change.message, &change.pins)?;
        if self.signs_off {
            let Identity { name, email } = self.author;
            message += &format!("Signed-off-by: {name} <{email}>\n");
        }
        let edits = change.edits.chunk_by(|a, b| a.file == b.file);
        let files = edits
            .map(|edits| self.edit_file(edits))
            .collect::<Result<Vec<Put>>>()?;
        if files.is_empty() {
            return Err(Error::failed(format!(
                "the change {} edits no file",
                change.name
            )));
        }
        self.last =
            self.clone
                .write_commit(Some(&self.last), &files, &message, self.author, self.at)?;
        Ok(self.last.clone())
    }

    /// Returns the new bytes of one file. `edits` are all edits of the change in that file.
    fn edit_file(&mut self, edits: &[Edit]) -> Result<Put> {
        let Some(path) = edits.first().map(|edit| edit.file.clone()) else {
            return Err(Error::failed("an edit of nothing"));
        };
        let file = match self.files.entry(path.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(EditedFile {
                before: read_at_tip(self.clone, self.tip, path.as_str())?,
                edits: Vec::new(),
            }),
        };
        file.edits.extend_from_slice(edits);
        let bytes = edit::apply(&file.before, &file.edits);
        let bytes = bytes.map_err(|why| {
            Error::failed(format!("{path} is not as planned"))
                .because(why)
                .hint("run it again")
        })?;
        Ok(Put {
            path: path.as_str().to_owned(),
            bytes,
        })
    }
}

fn read_at_tip(clone: &Clone, tip: &CommitId, path: &str) -> Result<Vec<u8>> {
    match clone.item(tip, path)? {
        Some(item) => clone.bytes(&item),
        // The first hold creates the configuration file.
        None if path == config::FILE => Ok(Vec::new()),
        None => Err(Error::failed(format!("{path} is not in {}", tip.short()))),
    }
}

/// Writes the change as the one commit of a pull request's branch, on `tip`, and returns its id.
/// `existing` is the branch as it is. If it is pintle's own and proposes the same on the same
/// commit, its commit is returned, and there is nothing to push. So it is if it stands on an older
/// commit with the same files and need not stand on the newest one: merging it gives the same.
pub fn write_proposal(
    clone: &Clone,
    tip: &CommitId,
    change: &Change,
    author: &Identity,
    at: Timestamp,
    existing: Option<&Branch>,
    signs_off: bool,
) -> Result<CommitId> {
    let start = |parent, at| CommitChain::start(clone, parent, author, at).signing_off(signs_off);
    if let Some((branch, parent)) = existing
        .filter(|branch| branch.own)
        .and_then(|branch| Some((branch, branch.parent.as_ref()?)))
        && is_base(clone, (parent, tip), change)?
    {
        // A commit is determined by the change and its time: with the same time an equal change has
        // the same id.
        let again = start(parent, branch.at).add_change(change)?;
        if again == branch.tip || is_rewritten(clone, (&again, &branch.tip), change)? {
            return Ok(branch.tip.clone());
        }
    }
    start(tip, at).add_change(change)
}

/// Says whether `tip` is `own` as the forge rebased or merged it for somebody: the same message and
/// the same content of what the change edits. [`Branch::own`] says that nothing else is in it.
fn is_rewritten(
    clone: &Clone,
    (own, tip): (&CommitId, &CommitId),
    change: &Change,
) -> Result<bool> {
    let (own_head, tip_head) = (clone.head(own)?, clone.head(tip)?);
    let said = match &tip_head.parents[..] {
        [first, _] => clone.head(first)?,
        _ => tip_head.clone(),
    };
    if tip_head.committer == own_head.committer || said.message.trim() != own_head.message.trim() {
        return Ok(false);
    }
    for edit in &change.edits {
        let path = edit.file.as_str();
        if clone.item(own, path)? != clone.item(tip, path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Says whether the branch of a change may stand on `parent`, which is on the followed branch.
fn is_base(clone: &Clone, (parent, tip): (&CommitId, &CommitId), change: &Change) -> Result<bool> {
    if parent == tip {
        return Ok(true);
    }
    if change
        .proposal
        .as_ref()
        .is_none_or(|proposal| proposal.newest_tip)
    {
        return Ok(false);
    }
    for edit in &change.edits {
        let path = edit.file.as_str();
        if clone.item(parent, path)? != clone.item(tip, path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
