//! One change becomes one commit in the bare clone: edits spliced into the files of the parent, the message with its trailers. Pushes nothing.

use crate::config;
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::pipeline::{Change, trailers};
use crate::remote::git::{Clone, Identity, Put};
use crate::terraform::edit::{self, Edit};
use jiff::Timestamp;

/// Writes the change as a commit on `parent` and returns its id. Refuses, and writes nothing, when a file does not hold what an edit expects.
pub fn commit(clone: &Clone, parent: &CommitId, change: &Change, who: &Identity, at: Timestamp) -> Result<CommitId> {
    let message = trailers::render(&change.message, &change.pins)?;
    let files = change.edits.chunk_by(|a, b| a.file == b.file).map(|edits| edited(clone, parent, edits)).collect::<Result<Vec<Put>>>()?;
    if files.is_empty() {
        return Err(Error::failed(format!("the change {} edits no file", change.name)));
    }
    clone.write_commit(Some(parent), &files, &message, who, at)
}

/// Returns one file's new bytes; `edits` are all of that file.
fn edited(clone: &Clone, parent: &CommitId, edits: &[Edit]) -> Result<Put> {
    let path = edits.first().map(|edit| edit.file.as_str()).unwrap_or_default();
    let before = match clone.item(parent, path)? {
        Some(item) => clone.bytes(&item)?,
        // The first hold that needs it makes the configuration.
        None if path == config::FILE => Default::default(),
        None => return Err(Error::failed(format!("{path} is not in {}", parent.short()))),
    };
    let bytes = edit::apply(&before, edits);
    let bytes = bytes.map_err(|why| Error::failed(format!("{path} is not as planned")).because(why).hint("run it again"))?;
    Ok(Put { path: path.to_owned(), bytes })
}

#[cfg(test)]
mod tests;
