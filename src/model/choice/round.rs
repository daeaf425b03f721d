//! One choice: the tags as they are read, and how they are ordered. Keeps nothing out.

use super::question::{KeptOut, ListedTag, TagBuild, TagQuestion};
use super::skeleton::{PatternMatch, Skeleton};
use crate::model::policy::Policy;
use crate::model::version::{SuffixReader, TagScheme, TagVersion};
use jiff::Timestamp;
use std::cmp::Ordering;
use std::collections::HashMap;

/// What all rules may look at.
pub struct Round<'a> {
    pub(super) question: TagQuestion<'a>,
    pub(super) declared: Option<TagBuild>,
    pub(super) order: TagOrder<'a>,
    pub(super) running: Running<'a>,
    /// The build of the tag that runs, if the tag is listed and if it was asked for.
    pub(super) runs: Option<Option<TagBuild>>,
    /// Short tags by prefix, variant and core, and whether one of their fuller tags is a release.
    pub(super) fuller: HashMap<ShortKey, bool>,
}

pub(super) type ShortKey = (String, String, Vec<u32>);

/// How the candidates are ordered.
pub(super) enum TagOrder<'a> {
    Level(TagVersion<'a>),
    Pattern {
        skeleton: Skeleton<'a>,
        /// The declared tag, where the pattern matches it.
        declared: Option<PatternMatch<'a>>,
    },
    /// Nothing is chosen.
    Nothing(KeptOut),
}

/// The tag that runs, if it matters.
pub(super) enum Running<'a> {
    Same,
    Unordered,
    Version(TagVersion<'a>),
    Match(PatternMatch<'a>),
}

/// One tag of the list.
pub struct TagCandidate<'a> {
    pub(super) listed: &'a ListedTag,
    pub(super) version: Option<TagVersion<'a>>,
    pub(super) matched: Option<PatternMatch<'a>>,
}

/// Reads each distinct tag once; of duplicates the first with a build counts.
pub(super) fn read_list<'a>(
    grammar: &[SuffixReader],
    question: TagQuestion<'a>,
    list: &'a [ListedTag],
) -> Vec<TagCandidate<'a>> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut candidates: Vec<TagCandidate> = Vec::new();
    for listed in list {
        if let Some(index) = known.get(listed.tag.as_str()) {
            let first = &mut candidates[*index];
            let knows_more = |build: &Option<TagBuild>| build.as_ref().map(|b| b.created.is_some());
            if knows_more(&first.listed.build) < knows_more(&listed.build) {
                first.listed = listed;
            }
            continue;
        }
        known.insert(&listed.tag, candidates.len());
        candidates.push(TagCandidate {
            listed,
            version: TagScheme::read_by(&listed.tag, grammar).version(),
            matched: PatternMatch::of(question.policy, &listed.tag),
        });
    }
    candidates
}

impl<'a> Round<'a> {
    pub(super) fn new(
        grammar: &[SuffixReader],
        question: TagQuestion<'a>,
        candidates: &[TagCandidate<'a>],
    ) -> Self {
        let of_declared = candidates
            .iter()
            .find(|candidate| candidate.listed.tag == **question.declared);
        let order = TagOrder::new(grammar, question, candidates);
        let running = match question.running {
            None => Running::Same,
            Some(running) if running == question.declared => Running::Same,
            Some(running) => match &order {
                TagOrder::Level(_) => TagScheme::read_by(running, grammar)
                    .version()
                    .map_or(Running::Unordered, Running::Version),
                TagOrder::Pattern { skeleton, .. } => PatternMatch::of(question.policy, running)
                    .filter(|matched| skeleton.fits(matched))
                    .map_or(Running::Unordered, Running::Match),
                TagOrder::Nothing(_) => Running::Same,
            },
        };
        Self {
            question,
            declared: match of_declared {
                Some(candidate) => candidate.listed.build.clone(),
                // Nobody can ask for a tag that is gone.
                None => Some(TagBuild::default()),
            },
            order,
            running,
            runs: question.running.and_then(|running| {
                let mut listed = candidates.iter().map(|candidate| candidate.listed);
                let found = listed.find(|listed| listed.tag == **running)?;
                Some(found.build.clone())
            }),
            fuller: find_fuller(candidates),
        }
    }

    pub(super) fn is_by_build(&self) -> bool {
        matches!(&self.order, TagOrder::Pattern { skeleton, .. } if skeleton.is_by_build())
    }

    /// Sorts candidates from the newest to the oldest. What runs is first, if it is newer than the
    /// declared tag.
    pub(super) fn sort(&self, candidates: &[TagCandidate], indexes: &mut [usize]) {
        let runs = |index: usize| match (self.question.running, &self.running) {
            (_, Running::Same) | (None, _) => false,
            (Some(running), _) => candidates[index].listed.tag == **running,
        };
        indexes.sort_by(|a, b| {
            let (one, other) = (&candidates[*a], &candidates[*b]);
            runs(*b)
                .cmp(&runs(*a))
                .then_with(|| self.compare(other, one))
                .then_with(|| one.listed.tag.cmp(&other.listed.tag))
        });
    }

    pub(super) fn compare(&self, a: &TagCandidate, b: &TagCandidate) -> Ordering {
        if self.is_by_build() {
            return a.built().cmp(&b.built());
        }
        match &self.order {
            TagOrder::Level(_) => match (&a.version, &b.version) {
                (Some(a), Some(b)) => a.compare(b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            TagOrder::Pattern { skeleton, .. } => match (&a.matched, &b.matched) {
                (Some(a), Some(b)) => skeleton.compare(a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            },
            TagOrder::Nothing(_) => Ordering::Equal,
        }
    }

    pub(super) fn built_running(&self) -> Option<Timestamp> {
        self.runs.as_ref()?.as_ref().and_then(TagBuild::built)
    }

    pub(super) fn built_declared(&self) -> Option<Timestamp> {
        self.declared.as_ref().and_then(TagBuild::built)
    }
}

impl<'a> TagOrder<'a> {
    pub(super) fn new(
        grammar: &[SuffixReader],
        question: TagQuestion<'a>,
        candidates: &[TagCandidate<'a>],
    ) -> Self {
        match question.policy {
            Policy::Never => Self::Nothing(KeptOut::Never),
            Policy::Force => Self::Nothing(KeptOut::FollowsDigest),
            Policy::Patch | Policy::Minor | Policy::Major | Policy::All => {
                match TagScheme::read_by(question.declared, grammar) {
                    TagScheme::Version(version) => Self::Level(version),
                    TagScheme::Date => Self::Nothing(KeptOut::NoLevels),
                    TagScheme::Commit | TagScheme::Name => Self::Nothing(KeptOut::FollowsDigest),
                }
            }
            Policy::Glob(_) | Policy::Regexp(_) => {
                let declared = PatternMatch::of(question.policy, question.declared);
                let is_open = |candidate: &&TagCandidate| {
                    candidate.listed.is_tag() && !question.excludes(&candidate.listed.tag)
                };
                let matches: Vec<PatternMatch> = candidates
                    .iter()
                    .filter(is_open)
                    .filter_map(|candidate| candidate.matched.clone())
                    .collect();
                let skeleton = match &declared {
                    Some(declared) => Some(Skeleton::new(declared, &matches)),
                    None => Skeleton::common(&matches),
                };
                match skeleton {
                    Some(skeleton) => Self::Pattern { skeleton, declared },
                    None => Self::Nothing(KeptOut::Skeleton),
                }
            }
        }
    }
}

impl TagCandidate<'_> {
    pub(super) fn built(&self) -> Option<Timestamp> {
        self.listed.build.as_ref().and_then(TagBuild::built)
    }
}

/// Finds the short tags that fuller ones belong to: `3.13` of `3.13.0rc1`.
fn find_fuller(candidates: &[TagCandidate]) -> HashMap<ShortKey, bool> {
    let mut shorts: HashMap<ShortKey, bool> = HashMap::new();
    for candidate in candidates {
        let Some(version) = candidate
            .version
            .as_ref()
            .filter(|_| candidate.listed.is_tag())
        else {
            continue;
        };
        for length in 1..version.core.len() {
            let is_released = shorts.entry(short_key(version, length)).or_default();
            *is_released |= version.pre_release.is_none();
        }
    }
    shorts
}

pub(super) fn short_key(version: &TagVersion, length: usize) -> ShortKey {
    (
        version.prefix.to_owned(),
        version.variant.clone(),
        version.core[..length]
            .iter()
            .map(|part| part.value)
            .collect(),
    )
}
