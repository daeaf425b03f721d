//! What pintle wrote before: the pins, read back from the commits' trailers, and the ledger, which is in a ref of pintle's own or in a branch where
//! the server takes no other refs. Reads nothing else of a commit.

use crate::error::Result;
use crate::model::commit::CommitId;
use crate::pipeline::history::History;
use crate::pipeline::{Ledger, Recorded, ledger as format, trailers};
use crate::remote::git::{self, Clone, Past};
use std::path::Path;
use std::time::Duration;

/// Longer than this no pass waits for its past.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Returns the pins recorded in the last `limit` commits of the branch along first parents, and in what came with those that are merges, newest
/// first. What came by a merge was pinned when it was merged.
pub fn read_history(clone: &Clone, tip: &CommitId, limit: usize) -> Result<History> {
    let past = clone.past(tip, limit, PATIENCE)?;
    Ok(past.iter().flat_map(recorded_pins).collect())
}

/// The same of a checkout's HEAD; `None` when the folder is in no git work tree.
pub fn read_folder_history(folder: &Path, limit: usize) -> Option<Result<History>> {
    let past = git::past_of(folder, limit, PATIENCE)?;
    Some(past.map(|past| past.iter().flat_map(recorded_pins).collect()))
}

/// Reads the ledger as of the last fetch; an empty one where none was written yet.
pub fn read_ledger(clone: &Clone) -> Result<Ledger> {
    let name = if clone.own_ref(format::BRANCH).is_some() { format::BRANCH } else { format::REF };
    let text = clone.own_text(name, format::FILE)?;
    text.map_or_else(|| Ok(Ledger::default()), |text| Ledger::parse(&text))
}

fn recorded_pins(past: &Past) -> impl Iterator<Item = Recorded> {
    let subject = past.message.lines().next().unwrap_or_default();
    trailers::parse(&past.message).into_iter().map(move |pin| Recorded {
        commit: past.commit.clone(),
        landed: past.merged_by.clone().unwrap_or_else(|| past.commit.clone()),
        at: past.at,
        author: past.author.clone(),
        subject: subject.to_owned(),
        pin,
    })
}
