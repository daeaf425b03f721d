//! The three values of a pass: Snapshot (all that was observed), Plan (all that was decided), Receipt (all that was written). Types only, and
//! (`trailers`, `ledger`) the text they have in git.

pub mod ledger;
pub mod trailers;

use crate::config::Config;
pub use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::sites::{Scan, SiteKey};
use crate::terraform::edit::Edit;
use crate::terraform::files::Files;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that was looked at in one pass, at one time, at one commit.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When the pass looked; the only clock `plan` has.
    pub at: Timestamp,
    /// The tip the plan belongs to; `None` for a folder that is read as it is.
    pub tip: Option<CommitId>,
    pub files: Arc<Files>,
    pub scan: Arc<Scan>,
    pub config: Arc<Config>,
    /// What each channel means upstream.
    pub upstream: BTreeMap<Channel, Seen<Upstream>>,
    /// What the configured cache says of a channel; no entry where no cache is configured for its registry.
    pub cache: BTreeMap<Channel, CacheAnswer>,
    /// What pintle wrote before, newest first.
    pub history: Seen<Vec<Recorded>>,
    /// What was first seen when, as of the last pass.
    pub ledger: Seen<Ledger>,
}

/// A thing that was looked at: not having been able to look is never the same as nothing being there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen<T> {
    Known(T),
    /// Could not look, and why: a sentence for people.
    Unknown(String),
    /// Was not asked in this pass.
    NotAsked,
}

/// What the registry says a tag means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    Digest(Digest),
    /// The registry answered, authenticated, that the tag or repository does not exist.
    Missing,
}

/// The cache's answer beside upstream's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CacheAnswer {
    Fresh,
    Stale {
        serves: Digest,
    },
    /// 401, 403 or 404 where upstream answers.
    Bypass {
        status: u16,
    },
    Unreachable(String),
    /// It serves a digest, but upstream could not be asked: nothing follows from it.
    Unproven {
        serves: Digest,
    },
}

/// When digests were first seen on their channels. A small sorted file in git (`refs/pintle/ledger`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub first_seen: BTreeMap<(Channel, Digest), Timestamp>,
}

/// One pin that a commit's trailers record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub commit: CommitId,
    pub at: Timestamp,
    pub author: String,
    pub subject: String,
    pub pin: PinRecord,
}

/// The block of trailers of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRecord {
    pub action: Action,
    /// The site's key as text; the site may be gone by now.
    pub site: String,
    /// The channel as declared: `ghcr.io/immich-app/immich-server:release`.
    pub image: String,
    pub from: Option<Digest>,
    pub to: Digest,
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// The first pin of a site.
    Adopt,
    /// The channel's digest moved.
    Move,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    FirstPin,
    TagMoved,
}

/// Everything that was decided, sorted; a function of the snapshot alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub tip: Option<CommitId>,
    pub at: Timestamp,
    /// One for each site, in the scan's order.
    pub decisions: Vec<Decision>,
    /// One for each stack or group with something to write, in the order they are committed.
    pub changes: Vec<Change>,
    /// The ledger after this pass; equal to the snapshot's when nothing new was seen.
    pub ledger: Ledger,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub site: SiteKey,
    pub verdict: Verdict,
    /// Why, most important first: sentences for people, lower case, without full stop.
    pub reasons: Vec<String>,
    /// The digest pinned now.
    pub from: Option<Digest>,
    /// The digest wanted, also while it waits.
    pub to: Option<Digest>,
}

/// The verdicts of `docs/policies.md`; those that need the cluster, other tags or rollbacks join when they can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    InSync,
    Adopt,
    Move,
    Waiting,
    Held,
    Frozen,
    Blocked,
    Unknown,
}

/// One commit to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The stack or group.
    pub name: Arc<str>,
    /// The commit message without trailers: subject, blank line, body.
    pub message: String,
    /// One a site, in the order of the message's trailers.
    pub pins: Vec<PinRecord>,
    /// Sorted by file and span, none overlapping.
    pub edits: Vec<Edit>,
    /// The digests that have to be proved pullable before anything is written.
    pub prove: Vec<(Channel, Digest)>,
}

/// Everything that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// In the order of the push; empty when there was nothing to write.
    pub commits: Vec<Written>,
    /// Changes that were planned and not written, and why.
    pub refused: Vec<(Arc<str>, String)>,
    /// The tip after the pass.
    pub tip: Option<CommitId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub commit: CommitId,
    pub name: Arc<str>,
    pub subject: String,
    pub pins: usize,
}

impl<T> Seen<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            _ => None,
        }
    }
}
