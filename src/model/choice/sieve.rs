//! Which tags of a long list matter for a choice, one tag at a time: so that nobody has to hold the
//! whole list. Knows no builds.

use super::question::{KeptOut, ListedTag, TagQuestion};
use super::round::{Round, TagCandidate, read_list, short_key};
use super::rules::FILTERS;
use super::skeleton::PatternMatch;
use crate::model::version::{GRAMMAR, ShapeDifference, TagScheme, TagVersion};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A part of a list with more tags than this is pruned …
const LONG: usize = 200;
/// … to so many candidates, and so many others that look newer.
const NEWEST: usize = 20;

/// Keeps the tags that a choice depends on.
pub struct TagSieve<'a> {
    question: TagQuestion<'a>,
    declared: Option<TagVersion<'a>>,
}

impl<'a> TagSieve<'a> {
    pub fn new(question: TagQuestion<'a>) -> Self {
        Self {
            question,
            declared: TagScheme::of(question.declared).version(),
        }
    }

    /// Says whether a choice from a list without this tag may be another: the tag is a candidate, a
    /// fuller tag of one, or the declared one.
    pub fn keeps(&self, tag: &str) -> bool {
        if tag == &**self.question.declared {
            return true;
        }
        let listed = ListedTag {
            tag: tag.to_owned(),
            build: None,
        };
        if !listed.is_tag() || !self.question.policy.chooses_tag() {
            return false;
        }
        let version = TagScheme::of(tag).version();
        if self.question.policy.is_pattern() {
            // Fuller tags that the pattern does not match count for short ones that it does.
            let is_match = PatternMatch::of(self.question.policy, tag).is_some();
            return is_match || version.is_some_and(|version| version.pre_release.is_some());
        }
        match (&self.declared, &version) {
            (Some(declared), Some(version)) => {
                use ShapeDifference::{Kind, Prefix, Variant};
                let has_shape = [Prefix, Kind, Variant]
                    .into_iter()
                    .all(|how| !declared.differs_in(version, how));
                has_shape
                    && version.core.len() >= declared.core.len()
                    && version.compare(declared).is_gt()
            }
            _ => false,
        }
    }

    /// Reduces a long part of a list to what a choice may depend on: of its candidates the newest,
    /// which are more than are tried, and of each step if the choice goes by steps. The matches of
    /// a pattern stay.
    pub fn prune(&self, tags: &mut Vec<Arc<str>>) {
        self.prune_longer(tags, LONG);
    }

    pub(super) fn prune_longer(&self, tags: &mut Vec<Arc<str>>, length: usize) {
        let Some(declared) = self.declared.as_ref() else {
            return;
        };
        if tags.len() <= length || self.question.policy.is_pattern() {
            return;
        }
        let listed = |tag: &Arc<str>| ListedTag {
            tag: tag.to_string(),
            build: None,
        };
        let list: Vec<ListedTag> = tags.iter().map(listed).collect();
        let candidates = read_list(GRAMMAR, self.question, &list);
        let round = Round::new(GRAMMAR, self.question, &candidates);
        // Fuller tags may be in other parts of the list.
        let is_kept_out = |candidate: &TagCandidate| {
            let mut rules = FILTERS
                .iter()
                .filter(|rule| rule.code != KeptOut::Unreleased);
            rules.any(|rule| (rule.keeps_out)(&round, candidate))
        };
        let mut newest: Vec<usize> = (0..candidates.len()).collect();
        newest.sort_by(|a, b| round.compare(&candidates[*b], &candidates[*a]));
        let mut kept: HashSet<&str> = HashSet::from([self.question.declared.as_str()]);
        kept.extend(self.question.running.map(|running| running.as_str()));
        let mut counts: HashMap<(bool, Vec<u32>), usize> = HashMap::new();
        let mut shorts = HashSet::new();
        for candidate in newest.into_iter().map(|index| &candidates[index]) {
            let Some(version) = &candidate.version else {
                continue;
            };
            let is_out = is_kept_out(candidate);
            let step = match self.question.step && !is_out {
                true => version.core.iter().take(2).map(|part| part.value).collect(),
                false => Vec::new(),
            };
            let count = counts.entry((is_out, step)).or_default();
            *count += 1;
            // One release and one pre-release show of what a short tag is short for.
            let is_fuller = version.core.len() > declared.core.len()
                && shorts.insert((
                    short_key(version, declared.core.len()),
                    version.pre_release.is_some(),
                ));
            if *count <= NEWEST || is_fuller {
                kept.insert(&candidate.listed.tag);
            }
        }
        tags.retain(|tag| kept.contains(&**tag));
    }

    /// Says whether a tag looks newer than the declared one, whatever its shape.
    pub fn looks_newer(&self, tag: &str) -> bool {
        let version = TagScheme::of(tag).version();
        let pair = version.as_ref().zip(self.declared.as_ref());
        pair.is_some_and(|(version, declared)| version.compare(declared).is_gt())
    }
}
