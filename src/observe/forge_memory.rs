//! What a session remembers of the forge from one pass to the next, so that a pass reads only what
//! is new there. Values only. Nothing in it is needed: a new process reads the last days again.

use crate::comment::marker::Marker;
use crate::model::commit::CommitId;
use crate::remote::forgejo::{Account, Comment};
use jiff::{Timestamp, ToSpan};
use std::collections::{BTreeMap, BTreeSet};

/// So much of what is settled is read again: a forge may show a comment a little after a newer one.
const OVERLAP_SECONDS: i64 = 60;

/// What a session remembers of its forge.
#[derive(Clone, Debug, Default)]
pub(super) struct ForgeMemory {
    /// The account of the token.
    pub me: Option<Account>,
    /// Whether a commit had a status before pintle pushed onto it.
    pub had_statuses: BTreeMap<CommitId, bool>,
    comments: SettledComments,
}

/// The comments that were read, and need not be read again.
#[derive(Clone, Debug, Default)]
pub(super) struct SettledComments {
    /// Every comment before this time has an answer, or asks for nothing.
    until: Option<Timestamp>,
    /// The ids of comments with an answer of pintle's.
    pub answered: BTreeSet<u64>,
    /// The commits whose pipeline pintle reported on in a comment.
    pub reported: BTreeSet<CommitId>,
}

impl ForgeMemory {
    pub(super) fn comments(&self) -> &SettledComments {
        &self.comments
    }

    pub(super) fn remember_comments(&mut self, comments: SettledComments) {
        self.comments = comments;
    }
}

impl SettledComments {
    /// Returns the time from which comments have to be read: not before `earliest`.
    pub(super) fn read_from(&self, earliest: Timestamp) -> Timestamp {
        self.until.map_or(earliest, |until| until.max(earliest))
    }

    /// Adds what pintle's own comments say that it did.
    pub(super) fn add_own<'a>(&mut self, own: impl Iterator<Item = &'a Comment>) {
        for mark in own.flat_map(|comment| Marker::all(&comment.body)) {
            match mark {
                Marker::Answer(id) => {
                    self.answered.insert(id);
                }
                Marker::Pipeline(commit) => {
                    self.reported.insert(commit);
                }
                _ => {}
            }
        }
    }

    /// Notes that `read` was read, and that the comments with the ids in `open` still need an
    /// answer.
    pub(super) fn settle(&mut self, read: &[Comment], open: &BTreeSet<u64>) {
        let (open, settled): (Vec<&Comment>, Vec<&Comment>) =
            read.iter().partition(|comment| open.contains(&comment.id));
        let oldest_open = open.iter().map(|comment| comment.created_at).min();
        let newest = settled.iter().map(|comment| comment.updated_at).max();
        let until = oldest_open.or(newest).map(|at| {
            at.checked_sub(OVERLAP_SECONDS.seconds())
                .unwrap_or(Timestamp::UNIX_EPOCH)
        });
        self.until = match (oldest_open, self.until) {
            (None, Some(before)) => Some(until.map_or(before, |until| until.max(before))),
            _ => until,
        };
    }
}

#[cfg(test)]
mod tests;
