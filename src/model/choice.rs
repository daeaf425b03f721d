//! Which of a repository's tags a policy chooses, and which rule keeps each other tag out. Pure:
//! whoever asks supplies the tags, and build times and platforms as far as they were asked for.

mod question;
mod round;
mod rules;
mod sieve;
mod skeleton;

pub use question::{KeptOut, ListedTag, TagBuild, TagQuestion, TagWish};
pub use round::{Round, TagCandidate};
pub use rules::{CHECKS, FILTERS, TagRule};
pub use sieve::TagSieve;

use super::policy::Policy;
use super::version::{GRAMMAR, SuffixReader, TagScheme};
use round::{TagOrder, read_list};

/// After so many stray tags no other is tried.
pub const TRIES: usize = 5;
/// What a policy makes of a declared tag, whatever other tags there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyScope {
    /// The site stays as it is.
    Nothing,
    /// The digest of the declared tag is followed: there is no version in it.
    Digest,
    /// A tag is chosen from the list of the repository.
    List,
}

impl PolicyScope {
    /// Returns what the policy makes of the tag.
    pub fn of(policy: &Policy, declared: &str) -> Self {
        match (policy, TagScheme::of(declared)) {
            (Policy::Never, _) => Self::Nothing,
            (Policy::Force, _) => Self::Digest,
            (Policy::Glob(_) | Policy::Regexp(_), _) | (_, TagScheme::Version(_)) => Self::List,
            (_, TagScheme::Commit | TagScheme::Name) => Self::Digest,
            // A date has no levels.
            (_, TagScheme::Date) => Self::Nothing,
        }
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagChoice {
    /// The tag to write; `None` where the declared one stays.
    pub chosen: Option<String>,
    /// The digest of the declared tag is followed instead.
    pub follow_digest: bool,
    /// Each distinct tag, in the order of the list.
    pub candidates: Vec<JudgedTag>,
    /// Tags whose builds have to be known before anything is chosen.
    pub asks: Vec<String>,
}

/// A tag and the first rule that keeps it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedTag {
    pub tag: String,
    pub kept_out_by: Option<KeptOut>,
    /// Its version is higher than the declared one, whatever its shape.
    pub looks_newer: bool,
}

/// The rules of a choice. The product uses [`Rules::default`]; tests leave single ones out.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub grammar: &'a [SuffixReader],
    /// What keeps a tag out by itself, the first that applies.
    pub filters: &'a [TagRule],
    /// What is asked of the best that is left, and of the next if it applies.
    pub checks: &'a [TagRule],
}

impl Default for Rules<'static> {
    fn default() -> Self {
        Self {
            grammar: GRAMMAR,
            filters: FILTERS,
            checks: CHECKS,
        }
    }
}

/// Chooses by all rules.
pub fn choose_tag(question: TagQuestion, list: &[ListedTag]) -> TagChoice {
    choose_by(Rules::default(), question, list)
}

/// Chooses by some of the rules.
pub fn choose_by(rules: Rules, question: TagQuestion, list: &[ListedTag]) -> TagChoice {
    let candidates = read_list(rules.grammar, question, list);
    let round = Round::new(rules.grammar, question, &candidates);
    let mut kept_out: Vec<Option<KeptOut>> = candidates
        .iter()
        .map(|candidate| find_rule(rules.filters, &round, candidate))
        .collect();
    let mut allowed: Vec<usize> = (0..candidates.len())
        .filter(|index| kept_out[*index].is_none())
        .collect();
    let mut choice = Tried::default();
    if round.is_by_build() {
        choice.asks = unasked(&round, allowed.iter().map(|index| &candidates[*index]));
        if choice.asks.is_empty() {
            keep_out_ties(&candidates, &allowed, &mut kept_out);
            allowed.retain(|index| kept_out[*index].is_none());
        } else {
            allowed.clear();
        }
    }
    round.sort(&candidates, &mut allowed);
    if question.step {
        keep_out_later_steps(&round, &candidates, &mut allowed, &mut kept_out);
    }
    if choice.asks.is_empty() {
        choice = try_each(rules, &round, &candidates, &allowed, &mut kept_out);
    }
    let reference = TagScheme::of(question.declared).version();
    let judge = |(candidate, kept_out_by): (&TagCandidate, &Option<KeptOut>)| JudgedTag {
        tag: candidate.listed.tag.clone(),
        kept_out_by: *kept_out_by,
        looks_newer: match (&candidate.version, &reference) {
            (Some(version), Some(declared)) => version.compare(declared).is_gt(),
            _ => false,
        },
    };
    TagChoice {
        chosen: choice
            .chosen
            .map(|index| candidates[index].listed.tag.clone()),
        follow_digest: matches!(round.order, TagOrder::Nothing(KeptOut::FollowsDigest)),
        candidates: candidates.iter().zip(&kept_out).map(judge).collect(),
        asks: choice.asks,
    }
}

#[derive(Default)]
struct Tried {
    chosen: Option<usize>,
    asks: Vec<String>,
}

fn find_rule(rules: &[TagRule], round: &Round, candidate: &TagCandidate) -> Option<KeptOut> {
    rules
        .iter()
        .find_map(|rule| (rule.keeps_out)(round, candidate).then_some(rule.code))
}

/// Tries the candidates in order until one passes all checks.
fn try_each(
    rules: Rules,
    round: &Round,
    candidates: &[TagCandidate],
    ordered: &[usize],
    kept_out: &mut [Option<KeptOut>],
) -> Tried {
    let mut strays = 0;
    let mut ordered = ordered.iter();
    for index in ordered.by_ref() {
        let candidate = &candidates[*index];
        let asks = unasked(round, std::iter::once(candidate));
        if !asks.is_empty() {
            return Tried { chosen: None, asks };
        }
        let Some(code) = find_rule(rules.checks, round, candidate) else {
            return Tried {
                chosen: Some(*index),
                asks,
            };
        };
        kept_out[*index] = Some(code);
        strays += usize::from(code == KeptOut::OlderBuild);
        if strays == TRIES {
            break;
        }
    }
    for index in ordered {
        kept_out[*index] = Some(KeptOut::NotTried);
    }
    Tried::default()
}

/// Returns the tags whose builds are needed and were not asked for.
fn unasked<'a>(round: &Round, wanted: impl Iterator<Item = &'a TagCandidate<'a>>) -> Vec<String> {
    let missing = wanted.filter(|candidate| candidate.listed.build.is_none());
    let mut asks: Vec<String> = missing
        .map(|candidate| candidate.listed.tag.clone())
        .collect();
    if asks.is_empty() {
        return asks;
    }
    if round.declared.is_none() {
        asks.push(round.question.declared.to_string());
    }
    if round.is_by_build() && matches!(round.runs, Some(None)) {
        asks.extend(round.question.running.map(ToString::to_string));
    }
    asks.sort();
    asks.dedup();
    asks
}

/// Where only build times order, two newest that were built at the same time decide nothing.
fn keep_out_ties(candidates: &[TagCandidate], open: &[usize], kept_out: &mut [Option<KeptOut>]) {
    let newest = open.iter().map(|index| candidates[*index].built()).max();
    let is_newest = |index: &&usize| Some(candidates[**index].built()) == newest;
    if open.iter().filter(is_newest).count() > 1 {
        for index in open {
            kept_out[*index] = Some(KeptOut::BuildTie);
        }
    }
}

/// Leaves of the candidates those of the next minor (or major), and of the declared one.
fn keep_out_later_steps(
    round: &Round,
    candidates: &[TagCandidate],
    ordered: &mut Vec<usize>,
    kept_out: &mut [Option<KeptOut>],
) {
    let TagOrder::Level(declared) = &round.order else {
        return;
    };
    let parts = match round.question.policy {
        Policy::Major | Policy::All => 1,
        Policy::Minor => 2,
        _ => return,
    };
    let step = |index: usize| -> Vec<u32> {
        let version = candidates[index].version.iter();
        let core = version.flat_map(|version| &version.core);
        core.take(parts).map(|part| part.value).collect()
    };
    let own: Vec<u32> = declared
        .core
        .iter()
        .take(parts)
        .map(|part| part.value)
        .collect();
    let next = ordered
        .iter()
        .map(|index| step(*index))
        .filter(|step| *step > own)
        .min();
    let Some(next) = next else { return };
    ordered.retain(|index| {
        let is_later = step(*index) > next;
        if is_later {
            kept_out[*index] = Some(KeptOut::Step);
        }
        !is_later
    });
}

#[cfg(test)]
mod tests;
