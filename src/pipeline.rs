//! The three values of a pass: Snapshot (all that was observed), Plan (all that was decided),
//! Receipt (all that was written). Types only, and (`trailers`, `ledger`) the text they have in
//! git.

pub mod answer;
pub mod claim;
pub mod cluster;
mod decision;
pub mod forge;
pub mod history;
pub mod identity;
pub mod ledger;
pub mod message;
pub mod notes;
pub mod reason;
mod record;
mod seen;
pub mod status;
pub mod trailers;
mod verdict;

use crate::config::Config;
use crate::model::choice::{TagBuild, TagWish};
pub use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Repository, Tag};
use crate::sites::{Scan, SiteId};
use crate::terraform::edit::Edit;
use crate::terraform::files::{Files, RepoPath};
use answer::{Answer, Notice};
use claim::Claim;
use cluster::{Alert, Cluster};
pub use decision::{DecidedTags, Decision};
use forge::{Branch, Forge};
use history::History;
use jiff::Timestamp;
use message::Message;
use notes::Notes;
pub use reason::Reason;
pub use record::{Action, Asked, Blame, Cause, PinRecord, Recorded};
pub use seen::Seen;
use status::ContainerTrouble;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
pub use verdict::Verdict;

/// Everything that was looked at in one pass, at one time, at one commit. The default is that of an
/// empty repo of which nothing else was asked.
#[derive(Clone, Debug, Default)]
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
    /// What the configured cache says of a channel; no entry where no cache is configured for its
    /// registry.
    pub cache: BTreeMap<Channel, CacheAnswer>,
    /// The tags of repositories whose policies choose one, where they were asked for.
    pub tags: BTreeMap<Repository, Seen<TagList>>,
    /// When images were built, where that decides which tag is chosen.
    pub builds: BTreeMap<(Repository, Digest), Seen<TagBuild>>,
    /// What pintle wrote before, newest first.
    pub history: Seen<History>,
    /// What was first seen when, as of the last pass.
    pub ledger: Seen<Ledger>,
    /// The branches `pintle/…` of the remote, sorted by name.
    pub branches: Vec<Branch>,
    /// Pull requests, comments and statuses; `NotAsked` where no forge is named.
    pub forge: Seen<Forge>,
    /// What runs; `NotAsked` where no cluster is named.
    pub cluster: Seen<Cluster>,
    /// Alerts that fire; `NotAsked` where no Alertmanager is named.
    pub alerts: Seen<Vec<Alert>>,
    /// The digests of the platforms' manifests in an index, where they were asked for: a pod's
    /// `imageID` may be one of them.
    pub children: BTreeMap<(Channel, Digest), Vec<Digest>>,
    /// What registries say of pins that are not what their channel means, where that is anything
    /// worth knowing.
    pub pins: BTreeMap<(Channel, Digest), PinFact>,
    /// Which commits brought digests into their files, where it was asked for.
    pub blame: BTreeMap<(RepoPath, Digest), Seen<Blame>>,
    /// Digests that could not be fetched from their registry, and why: they may not be written.
    pub unproved: BTreeMap<(Channel, Digest), String>,
    /// What changed between two digests of a channel (from, to), where it was asked for.
    pub notes: BTreeMap<(Channel, Digest, Digest), Notes>,
    /// The open issues about pins that are gone from their registry: the hash of site and digest
    /// in the marker, and the number.
    pub rotten_issues: BTreeMap<String, u64>,
    /// The sites that the command names; `None` where it is about all.
    pub only: Option<BTreeSet<SiteId>>,
}

impl Snapshot {
    /// Says whether the command is about a site.
    pub fn is_named(&self, site: &SiteId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(site))
    }
}

/// Everything that was decided, sorted; a function of the snapshot alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub tip: Option<CommitId>,
    pub at: Timestamp,
    /// One for each site that the command is about, in the scan's order.
    pub decisions: Vec<Decision>,
    /// One for each stack or group with something to write, in the order they are committed.
    pub changes: Vec<Change>,
    /// What the configuration names and nothing in the repo matches.
    pub unmatched: Vec<Unmatched>,
    /// The ledger after this pass; equal to the snapshot's when nothing new was seen.
    pub ledger: Ledger,
    /// What to do about pull requests that no change belongs to any more, or that are ready.
    pub pull_steps: Vec<PullStep>,
    /// One for each ask that is settled in this pass, in the order of the comments.
    pub answers: Vec<Answer>,
    pub notices: Vec<Notice>,
    /// Asks wait for what this pass writes: plan again after it.
    pub again: bool,
    /// What has to be asked before policies can choose tags. Empty once all is known.
    pub needs: TagNeeds,
    /// When to plan again if no event comes before: the end of a grace period in the cluster.
    pub next_look: Option<Timestamp>,
    /// What is wrong with what runs, in the order of the sites.
    pub troubles: Vec<ContainerTrouble>,
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
    /// Pull requests that were opened, changed, closed or merged.
    pub pull_results: Vec<Pulled>,
    /// Comments that were answered: their ids.
    pub answered: Vec<u64>,
    /// Notices that were posted: sentences.
    pub notices: Vec<String>,
    /// What the forge did not take, and why; it is tried again in the next pass.
    pub troubles: Vec<String>,
    /// Messages that this process has to send: no other replica sends them.
    pub messages: Vec<Message>,
}

/// The tags of a repository that matter for what was asked, in the order of the registry.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagList {
    /// Where sites ask for something else, another list is needed.
    pub wishes: Vec<TagWish>,
    pub tags: Arc<[Arc<str>]>,
    /// How many tags the repository has.
    pub listed: usize,
}

/// What has to be asked of registries before policies can choose tags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TagNeeds {
    /// Lists of tags, with what is looked for in them.
    pub lists: BTreeMap<Repository, Vec<TagWish>>,
    /// Tags whose digests are needed: what is chosen, and what has to be compared.
    pub channels: BTreeSet<Channel>,
    /// Images whose build times decide.
    pub builds: BTreeSet<(Repository, Digest)>,
}

impl TagNeeds {
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.builds.is_empty() && self.channels.is_empty()
    }
}

/// What the registry says a tag means now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    Digest(Digest),
    /// The registry answered, authenticated, that the tag or repository does not exist.
    Missing,
}

/// What a registry says of a pinned digest that its channel does not mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinFact {
    /// The digest is not in the registry any more: a node that has no copy cannot pull it.
    Gone,
    /// It is the manifest of one platform in the index that the channel means.
    PlatformOf {
        index: Digest,
        /// `linux/amd64`
        platform: String,
    },
    /// It is a single manifest, and not one of what the channel means.
    Single,
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

/// When digests were first seen on their channels. A small sorted file in git
/// (`refs/pintle/ledger`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub first_seen: BTreeMap<(Channel, Digest), Timestamp>,
}

/// An entry of the configuration that matches nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmatched {
    /// `[[hold]] 2`, ``[deny] stacks `vault` ``
    pub entry: String,
    /// What was looked for: `no site has id or alias …`.
    pub what: String,
}

impl std::fmt::Display for Unmatched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} matches nothing: {}", self.entry, self.what)
    }
}

/// One commit to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The stack or group; `comment-12` for what a comment asks for.
    pub name: Arc<str>,
    pub delivery: Delivery,
    /// What the pull request says besides its commit; there exactly when it is delivered as one.
    pub proposal: Option<Box<Proposal>>,
    /// The commit message without trailers: subject, blank line, body.
    pub message: String,
    /// One a site, in the order of the message's trailers.
    pub pins: Vec<PinRecord>,
    /// Sorted by file and span, none overlapping.
    pub edits: Vec<Edit>,
    /// What may differ after the edits; everything else stays as it is, or nothing is written.
    pub claims: Vec<Claim>,
    /// The digests that have to be proved pullable before anything is written.
    pub prove: Vec<(Channel, Digest)>,
}

/// How a change reaches the followed branch.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivery {
    /// As a commit on it.
    Commit,
    /// As the one commit of `pintle/<name>`, which somebody merges.
    PullRequest {
        /// Why it is a pull request where the mode says otherwise.
        because: Option<Reason>,
        /// Whether pintle may merge it by itself, where that is asked for.
        automerge: bool,
    },
}

impl Delivery {
    pub fn is_pull_request(&self) -> bool {
        matches!(self, Self::PullRequest { .. })
    }
}

/// What a pull request says besides its commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The open pull request of that name.
    pub number: Option<u64>,
    /// Why it is a pull request where the mode is another.
    pub because: Option<Reason>,
    /// Whether its branch has to stand on the newest tip: the configuration or the followed branch
    /// asks for that, or pintle is about to merge it.
    pub newest_tip: bool,
    /// Asked for by a person, or a rollback: merge it soon.
    pub urgent: bool,
    /// One for each pin of the change, in its order.
    pub rows: Vec<Row>,
    /// When pintle merges it by itself: a sentence.
    pub merges: Option<String>,
    /// What people have to settle before that: `ana asks for changes in a review`.
    pub waits: Vec<String>,
}

/// One image of a pull request.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub site: SiteId,
    /// The channel as declared: `ghcr.io/immich-app/immich-server:release`.
    pub image: String,
    /// The tag that is declared now, where it becomes another.
    pub from_tag: Option<Tag>,
    pub from: Option<Digest>,
    pub to: Option<Digest>,
    /// When the new digest was first seen upstream.
    pub first_seen: Option<Timestamp>,
    pub cache: Option<CacheAnswer>,
    /// What runs in the cluster; `None` where nothing does.
    pub running: Seen<Option<Digest>>,
    pub reasons: Vec<Reason>,
    pub notes: Option<Notes>,
}

/// A step about a pull request of pintle's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PullStep {
    /// Nothing is left to propose: close it with the reason, delete its branch.
    Close {
        number: u64,
        name: Arc<str>,
        tip: Option<CommitId>,
        why: String,
    },
    /// A branch whose pull request is merged or closed, and that nobody else pushed to.
    DeleteBranch { name: Arc<str>, tip: CommitId },
    /// What it proposes cannot be updated or merged now: say why in its text.
    Warn {
        number: u64,
        name: Arc<str>,
        why: String,
    },
    /// A person pushed to the branch: leave it alone, and say so once.
    Leave {
        number: u64,
        name: Arc<str>,
        tip: CommitId,
    },
    /// Its time has come, and its statuses are green.
    Merge {
        number: u64,
        name: Arc<str>,
        head: CommitId,
    },
}

/// What was done about one pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    pub number: u64,
    pub name: Arc<str>,
    pub url: Option<url::Url>,
    pub done: PullDone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PullDone {
    Opened,
    Updated,
    Closed,
    Merged,
    /// Left to the person who pushed to it.
    Left,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    pub commit: CommitId,
    pub name: Arc<str>,
    pub subject: String,
    pub pins: usize,
    /// What was done in it and why, each once.
    pub actions: BTreeSet<(Action, Cause)>,
}

impl Receipt {
    /// Adds what a later round of the same pass wrote. What was refused and what failed is that of
    /// the later round, which tried it again.
    pub fn add(&mut self, next: Self) {
        self.commits.extend(next.commits);
        self.refused = next.refused;
        self.tip = next.tip.or(self.tip.take());
        self.pull_results.extend(next.pull_results);
        self.answered.extend(next.answered);
        self.notices.extend(next.notices);
        self.troubles = next.troubles;
        self.messages.extend(next.messages);
    }

    /// Says whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.commits.is_empty()
            && self.pull_results.is_empty()
            && self.answered.is_empty()
            && self.notices.is_empty()
    }
}

impl PullDone {
    pub fn word(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Updated => "updated",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Left => "left",
        }
    }
}
