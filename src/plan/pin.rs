//! What is known of a site's pin: what wrote it, and what the cluster makes of it. Types only.

use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::pipeline::{Blame, CommitId, Recorded};
use jiff::Timestamp;

/// What wrote a pin.
#[derive(Clone, Copy)]
pub(super) enum PinOrigin<'a> {
    /// pintle, and recorded it.
    Recorded(&'a Recorded),
    /// Somebody else, in this commit.
    Foreign(&'a Blame),
}

impl<'a> PinOrigin<'a> {
    pub fn commit(self) -> &'a CommitId {
        match self {
            Self::Recorded(record) => &record.commit,
            Self::Foreign(blame) => &blame.commit,
        }
    }

    pub fn at(self) -> Timestamp {
        match self {
            Self::Recorded(record) => record.at,
            Self::Foreign(blame) => blame.at,
        }
    }

    /// The digest that stood there before, as far as it is known.
    pub fn before(self) -> Option<&'a Digest> {
        match self {
            Self::Recorded(record) => record.pin.from.as_ref(),
            Self::Foreign(blame) => blame.before.as_ref(),
        }
    }
}

/// What the cluster makes of a site's pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PinState {
    /// No pin, nothing that runs, or no cluster.
    Absent,
    /// Every spec has the pin.
    Live,
    /// It is not applied everywhere: a sentence.
    NotApplied(String),
    /// Every workload was rolled back to the same image.
    Undone(Box<RunningInstead>),
    /// Some were rolled back: which, and why nothing follows for the others.
    PartlyUndone { evidence: String, why: String },
    /// The controller or the pods have not told enough yet; it settles in a moment.
    Unsettled(String),
    /// Another image was set by hand.
    Drifted(Box<RunningInstead>),
    /// Could not look, and why.
    Unknown(String),
}

/// What runs instead of the pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RunningInstead {
    pub image: Reference,
    pub digest: Digest,
    /// One line: what happened to which workload, when.
    pub evidence: String,
    /// Why it cannot be taken over, where something forbids that: a sentence.
    pub obstacle: Option<String>,
}
