//! What was answered lately, as a session remembers it from one pass to the next. Values only: asks
//! nobody, and nothing in it is needed.

use crate::model::choice::TagBuild;
use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Repository};
use crate::pipeline::notes::Notes;
use crate::pipeline::{Blame, CacheAnswer, Seen, TagList, Upstream};
use crate::remote::oci::StoredAs;
use crate::terraform::files::RepoPath;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// About so many answers about release notes are kept from one pass to the next.
const NOTES_KEPT: usize = 500;

/// The digests that indexes name: by channel, since an index may be in one repository only, and
/// digest.
pub type IndexChildren = BTreeMap<(Channel, Digest), Vec<Digest>>;

/// Which commit brought a digest into its file.
pub type PinBlame = BTreeMap<(RepoPath, Digest), Seen<Blame>>;

/// What release notes are about: a channel, its old and its new digest.
pub type NotesKey = (Channel, Digest, Digest);

/// What a session remembers.
#[derive(Clone, Default)]
pub(super) struct SessionAnswers {
    /// Also what could not be asked: a registry that is slow to fail must not hold up a pass that
    /// the cluster woke.
    pub upstream: BTreeMap<Channel, Seen<Upstream>>,
    pub cache: BTreeMap<Channel, CacheAnswer>,
    /// What was answered before the last poll: it stands in for answers that could not be waited
    /// for.
    pub stale: BTreeMap<Channel, (Seen<Upstream>, Option<CacheAnswer>)>,
    /// As of the last poll, also what could not be read.
    pub tags: BTreeMap<Repository, Seen<TagList>>,
    pub builds: BTreeMap<(Repository, Digest), TagBuild>,
    pub notes: NotesCache,
    pub children: IndexChildren,
    /// As of the tip of the branch.
    pub blame: Option<(CommitId, PinBlame)>,
    /// The indexes that could not be fetched.
    pub silent: BTreeSet<(Channel, Digest)>,
    /// Digests that could not be proved, and why. What was proved, the registries' clients know.
    pub unproved: BTreeMap<(Channel, Digest), String>,
    /// In which poll a channel was last answered for.
    pub answered: BTreeMap<Channel, u64>,
    /// How many polls there were.
    pub polls: u64,
    /// What registries said of pins, and when they were asked.
    pub pins: BTreeMap<(Channel, Digest), PinAnswer>,
    /// The open issues about pins that are gone, as of the last look at them.
    pub rotten_issues: Option<BTreeMap<String, u64>>,
}

/// What a registry said of a pinned digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PinAnswer {
    pub at: Timestamp,
    pub stored: StoredAs,
}

/// The release notes of one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotesAnswer {
    /// The answer does not change.
    Settled(Option<Notes>),
    /// A source did not answer: the next pass asks again.
    Passing(Option<Notes>),
}

/// Answers about release notes.
#[derive(Clone, Default)]
pub(super) struct NotesCache {
    pub known: BTreeMap<NotesKey, Arc<NotesAnswer>>,
    /// How many images this pass has asked about.
    pub asked: usize,
}

impl NotesCache {
    /// Begins a new pass.
    pub(super) fn start_pass(&mut self) {
        self.known
            .retain(|_, answer| matches!(**answer, NotesAnswer::Settled(_)));
        self.asked = 0;
    }

    /// Adds answers. Where there are too many, those that are not wanted now are dropped.
    pub(super) fn add_answers(
        &mut self,
        wanted: &[NotesKey],
        new: Vec<(NotesKey, Arc<NotesAnswer>)>,
    ) {
        self.asked += new.len();
        if self.known.len() > NOTES_KEPT {
            self.known.retain(|key, _| wanted.contains(key));
        }
        self.known.extend(new);
    }
}

impl SessionAnswers {
    /// Drops what registries and caches answered, and sources that did not answer.
    pub(super) fn forget_upstream(&mut self) {
        let mut cache = std::mem::take(&mut self.cache);
        for (channel, seen) in std::mem::take(&mut self.upstream) {
            let served = cache.remove(&channel);
            self.stale.insert(channel, (seen, served));
        }
        self.tags.clear();
        self.silent.clear();
        self.unproved.clear();
        self.notes.start_pass();
    }

    /// Drops what was answered for these repository paths and tags, and says whether there was
    /// something.
    pub(super) fn forget_images(&mut self, images: &BTreeSet<(&str, &str)>) -> bool {
        let is_one = |channel: &Channel| {
            let path = channel.repository.path.to_lowercase();
            images.contains(&(path.as_str(), &*channel.tag))
        };
        let before = self.upstream.len() + self.tags.len();
        let is_listed = |repository: &Repository| {
            let path = repository.path.to_lowercase();
            images.iter().any(|(own, _)| *own == path)
        };
        self.tags.retain(|repository, _| !is_listed(repository));
        self.upstream.retain(|channel, _| !is_one(channel));
        self.cache.retain(|channel, _| !is_one(channel));
        self.unproved.retain(|(channel, _), _| !is_one(channel));
        self.upstream.len() + self.tags.len() < before
    }

    /// Drops the failures.
    pub(super) fn forget_failures(&mut self) {
        self.upstream.retain(|_, seen| seen.known().is_some());
        self.tags.retain(|_, seen| seen.known().is_some());
        self.silent.clear();
        self.unproved.clear();
    }

    /// Puts channels into the order in which they are asked for: those first that have gone longest
    /// without an answer.
    pub(super) fn order_channels(&self, channels: BTreeSet<Channel>) -> Vec<Channel> {
        let mut ordered: Vec<Channel> = channels.into_iter().collect();
        ordered.sort_by_key(|channel| self.answered.get(channel).copied().unwrap_or_default());
        ordered
    }

    /// Adds what registries answered.
    pub(super) fn add_upstream(&mut self, upstream: &BTreeMap<Channel, Seen<Upstream>>) {
        self.polls += 1;
        for (channel, seen) in upstream {
            if seen.known().is_some() {
                self.answered.insert(channel.clone(), self.polls);
            }
        }
        self.upstream.extend(upstream.clone());
    }
}
