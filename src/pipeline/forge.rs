//! What the forge knows, as of one look: pull requests, what people ask for, statuses. Types only.

use super::record::PinRecord;
use crate::model::ask::{Command, Misread, Right};
use crate::model::commit::CommitId;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// The forge as of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forge {
    /// pintle's own account.
    pub me: Account,
    /// Where people see the repo: `https://forge.example.org/ops/infra`.
    pub url: Url,
    /// Whether pintle may push to the followed branch itself.
    pub direct: Direct,
    /// What keeps pintle from its work though the forge answers: a line each.
    pub faults: Vec<String>,
    /// Whether the followed branch takes no branch that is behind it.
    pub merges_newest_only: bool,
    /// Whether the repo has pull requests: they can be switched off.
    pub has_pull_requests: bool,
    /// pintle's own pull requests, newest first: the open ones, and those closed lately.
    pub pulls: Vec<PullRequest>,
    /// Comments that ask for something and have no answer yet, oldest first.
    pub asks: Vec<Ask>,
    /// What became of the last commit of pintle's on the branch.
    pub pipeline: Option<Pipeline>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Account {
    /// Stays when the login changes.
    pub id: u64,
    pub login: Arc<str>,
}

/// Whether a commit may be pushed to the followed branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direct {
    Allowed,
    /// The branch is protected against pintle; a sentence.
    Protected(String),
}

/// A pull request that pintle opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequest {
    pub number: u64,
    /// Its branch is `pintle/<name>`.
    pub name: Arc<str>,
    pub url: Url,
    pub title: String,
    pub state: PullState,
    pub head: CommitId,
    pub created: Timestamp,
    /// What its body records.
    pub pins: Vec<PinRecord>,
    /// What CI says of its head; `NotAsked` where nobody merges automatically.
    pub checks: super::seen::Seen<Checks>,
    /// What pintle wrote into it last.
    pub marks: PullMarks,
    /// Whether the forge takes it for a draft, because of its title.
    pub draft: bool,
    /// What its reviews leave to settle before it may be merged; `NotAsked` where pintle would not
    /// merge it now.
    pub reviews: super::seen::Seen<Vec<OpenReview>>,
    /// The tips of which pintle has said already that a person pushed them; it says so once.
    /// Closing such a one declines nothing: it hands the branch back.
    pub left: BTreeSet<CommitId>,
}

/// What pintle wrote into a pull request when it last did, as its text shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullMarks {
    /// The hash of the title; `None` where an older version wrote it.
    pub title: Option<String>,
    /// The hash of the sentences about merging.
    pub text: Option<String>,
    /// pintle closed it itself: that declines nothing.
    pub withdrawn: bool,
}

/// What a review leaves to settle before pintle merges: each is a sentence about people.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpenReview {
    /// Its author asks for changes. A newer review of the author settles that, or whoever dismisses
    /// it.
    ChangesRequested { by: String },
    /// An account or a team was asked for a review and has not given it.
    Awaited { of: String },
    /// The branch requires more approvals.
    TooFewApprovals { given: u64, required: u64 },
}

impl std::fmt::Display for OpenReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ChangesRequested { by } => write!(f, "{by} asks for changes in a review"),
            Self::Awaited { of } => write!(f, "the review that {of} was asked for is missing"),
            Self::TooFewApprovals { given, required } => {
                write!(f, "it has {given} of {required} required approvals")
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullState {
    Open,
    Merged {
        at: Timestamp,
        commit: Option<CommitId>,
    },
    /// Closed without a merge.
    Closed {
        at: Timestamp,
    },
}

/// A branch `pintle/<name>` on the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Without `pintle/`.
    pub name: Arc<str>,
    pub tip: CommitId,
    /// The first parent of its tip.
    pub parent: Option<CommitId>,
    /// When its tip was committed.
    pub at: Timestamp,
    /// Exactly one commit, made by pintle, on top of a commit of the followed branch.
    pub own: bool,
    /// Its tip is on the followed branch: without the branch nothing is lost.
    pub merged: bool,
    /// What its tip's trailers record.
    pub pins: Vec<PinRecord>,
}

/// What pintle calls its branches.
pub const BRANCHES: &str = "pintle/";

/// The longest part of a branch name that is made from a name.
const MOST: usize = 80;

/// Returns what stands after `pintle/` in the branch of a change: its name where git takes it as it
/// is (`git check-ref-format`), else the name with `-` for what git does not take, and a hash of
/// the name, so that no two names share a branch. `/` is not taken either: no branch may lie below
/// another.
pub fn branch_name(name: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fine = !name.is_empty()
        && name.len() <= MOST
        && name.chars().all(allowed)
        && !name.starts_with(['.', '-'])
        && !name.ends_with('.')
        && !name.ends_with(".lock")
        && !name.contains("..");
    if fine {
        return name.to_owned();
    }
    let words: Vec<&str> = name
        .split(|c: char| !allowed(c) || c == '.')
        .filter(|word| !word.is_empty())
        .collect();
    let mut part = words.join("-").trim_start_matches('-').to_owned();
    part.truncate(MOST - 9);
    let hash = Sha256::digest(name.as_bytes());
    let hash: String = hash
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if part.is_empty() {
        hash
    } else {
        format!("{part}-{hash}")
    }
}

/// A comment with commands, or with something that was meant as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    pub comment: CommentRef,
    pub author: Account,
    /// What its author may do in the repo at this moment; looked up by id. `NotAsked` where the
    /// forge does not tell pintle's account.
    pub right: super::seen::Seen<Right>,
    pub said: Said,
    /// Whether pintle has shown that it saw it.
    pub acknowledged: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentRef {
    pub id: u64,
    /// The number of the issue or pull request it stands in.
    pub issue: u64,
    pub url: Url,
    pub at: Timestamp,
}

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// At least one.
    Commands(Vec<Command>),
    /// It has commands, and one of them is wrong: nothing of it is done.
    Misread(Misread),
    /// It was edited after it was written; edits do nothing.
    Edited,
    /// It was written longer ago than commands are carried out.
    Late,
}

/// The statuses of one commit, latest for each context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Checks {
    /// There is none.
    Missing,
    /// At least one has not ended, and none failed.
    Pending,
    Green,
    /// Those that failed.
    Red(Vec<Check>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Check {
    pub context: String,
    pub description: String,
    pub url: Option<Url>,
}

/// What CI makes of pintle's last commit on the branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// The commit that CI was started for: the last of a push, or what a merge made.
    pub commit: CommitId,
    pub subject: String,
    pub at: Timestamp,
    pub checks: Checks,
    /// Whether a status is expected at all: the commit before it had one, a context is configured,
    /// or the branch requires one.
    pub expected: bool,
    /// The pull request it came by.
    pub pull: Option<u64>,
    /// Whether it was reported already.
    pub reported: bool,
}

#[cfg(test)]
mod tests;
