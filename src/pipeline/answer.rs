//! What is said to people: answers to their comments, and notices. Values only; `comment` has the
//! words.

use super::decision::Decision;
use super::forge::{Account, Check, CommentRef};
use super::record::{Action, Cause};
use super::status::{Explanation, StatusReport};
use crate::model::ask::{Command, Misread, Right};
use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::sites::SiteId;
use jiff::Timestamp;
use std::sync::Arc;

/// The one reply to a comment.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub comment: CommentRef,
    pub author: Account,
    /// One for each command, in the order of the comment.
    pub outcomes: Vec<Outcome>,
}

/// What became of one command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A change carries it out: the reply links it once it is written.
    Written {
        command: &'static str,
        change: Arc<str>,
        done: Vec<Done>,
    },
    /// A commit had carried it out before a reply could be posted.
    WrittenBefore {
        command: &'static str,
        commit: CommitId,
        sites: Vec<String>,
    },
    /// A pull request had proposed it before a reply could be posted.
    ProposedBefore {
        command: &'static str,
        pull: u64,
        sites: Vec<String>,
    },
    /// There was nothing to do; a sentence.
    Nothing {
        command: &'static str,
        why: String,
    },
    /// Was not done; a sentence, and what would help.
    Refused {
        command: &'static str,
        why: String,
        hint: Option<String>,
    },
    NotFound {
        command: &'static str,
        target: String,
        near: Vec<String>,
    },
    Ambiguous {
        command: &'static str,
        target: Option<String>,
        /// Targets, each with the rest of the command behind it.
        candidates: Vec<String>,
    },
    /// The command reports, and changes nothing: told from the finished plan. No outcome of a
    /// finished plan is this.
    Report(Command),
    /// `/explain`: the first of the literals that were asked for, and how many there are.
    Explained {
        explanations: Vec<Explanation>,
        count: usize,
    },
    /// `/status`: the target as typed, and what was found for it.
    Status {
        target: Option<String>,
        decisions: Vec<Decision>,
        report: Box<StatusReport>,
    },
    /// `/plan`
    Planned,
    Help,
    Misread(Misread),
    /// Others' rights are not told to pintle's account, and the author is none of
    /// `[forge] commanders`.
    MayNotAsk {
        command: &'static str,
    },
    /// The author may not.
    MayNot {
        command: &'static str,
        needs: Right,
        has: Right,
    },
    Edited,
    Late,
}

/// What one command did to one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    pub site: SiteId,
    pub action: Action,
    /// `ghcr.io/immich-app/immich-server:release@sha256:…`, as it will be.
    pub image: String,
    /// Where the hold ends, when there is one that does.
    pub until: Option<Timestamp>,
}

/// Something that people should know, said once: on the pull request it is about, or as an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The pipeline of a commit failed, never started, or (`began`) has not ended in time.
    Pipeline {
        commit: CommitId,
        subject: String,
        pull: Option<u64>,
        failed: Vec<Check>,
        began: bool,
        since: Timestamp,
    },
    /// What runs was taken back or fails, and pintle may not take the repo back.
    NotRolledBack {
        site: SiteId,
        /// The channel as declared.
        image: String,
        cause: Cause,
        /// One line.
        evidence: String,
        from: Digest,
        /// Where it would go back to, where that is known.
        to: Option<Digest>,
        /// A sentence.
        why: String,
    },
    /// The pinned digest is gone from its registry: a node without a copy cannot start it.
    Rotten {
        site: SiteId,
        /// The channel as declared.
        image: String,
        digest: Digest,
        /// What the channel means now, where the registry said so.
        now: Option<Digest>,
    },
}

impl Notice {
    /// Returns the site that it is about, if it is about one.
    pub fn site(&self) -> Option<&SiteId> {
        match self {
            Self::NotRolledBack { site, .. } | Self::Rotten { site, .. } => Some(site),
            Self::Pipeline { .. } => None,
        }
    }
}
