//! Reads back what pintle wrote: the pins from the trailers of commits, and the ledger from a ref
//! of pintle's own, or from a branch if the server accepts no other refs. Reads nothing else of a
//! commit.

use crate::error::Result;
use crate::model::commit::CommitId;
use crate::pipeline::history::History;
use crate::pipeline::{Ledger, Recorded, ledger as format, trailers};
use crate::remote::git::{self, Clone, LoggedCommit};
use std::path::Path;
use std::time::Duration;

/// How long a pass reads the history at most.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the pins recorded in the last `limit` first-parent commits of the branch and in the
/// commits that these merged, newest first. A pin that arrived through a merge has the time of the
/// merge.
pub fn read_history(clone: &Clone, tip: &CommitId, limit: usize) -> Result<History> {
    let past = clone.read_log(tip, limit, PATIENCE)?;
    Ok(past.iter().flat_map(recorded_pins).collect())
}

/// Returns the same for the HEAD of a checkout; `None` if the folder is in no git work tree.
pub fn read_folder_history(folder: &Path, limit: usize) -> Option<Result<History>> {
    let past = git::read_log_of(folder, limit, PATIENCE)?;
    Some(past.map(|past| past.iter().flat_map(recorded_pins).collect()))
}

/// Reads the ledger as of the last fetch. It is empty if none was written yet.
pub fn read_ledger(clone: &Clone) -> Result<Ledger> {
    let name = if clone.own_ref(format::BRANCH).is_some() {
        format::BRANCH
    } else {
        format::REF
    };
    let text = clone.own_text(name, format::FILE)?;
    text.map_or_else(|| Ok(Ledger::default()), |text| Ledger::parse(&text))
}

fn recorded_pins(past: &LoggedCommit) -> impl Iterator<Item = Recorded> {
    let subject = past.message.lines().next().unwrap_or_default();
    trailers::parse(&past.message)
        .into_iter()
        .map(move |pin| Recorded {
            commit: past.commit.clone(),
            landed: past
                .merged_by
                .clone()
                .unwrap_or_else(|| past.commit.clone()),
            at: past.at,
            author: past.author.clone(),
            subject: subject.to_owned(),
            pin,
        })
}
