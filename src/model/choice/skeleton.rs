//! Tags as a pattern sees them: the same text with other numbers. Which tags a `glob:` or `regexp:`
//! may choose among, and their order. Knows no versions.

use crate::model::policy::Policy;
use crate::model::version::{NumberKind, is_commit, number_kind};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The group of a regular expression that orders alone, as in Keel.
const COMPARE: &str = "compare";

/// A tag that a pattern matches.
#[derive(Clone, Debug)]
pub(super) struct PatternMatch<'a> {
    /// What is not compared by the group; all of the tag where there is no group.
    outside: Vec<TagToken<'a>>,
    /// What the group has matched.
    compared: Option<Vec<CompareRun<'a>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TagToken<'a> {
    Text(&'a str),
    Number {
        digits: &'a str,
        kind: NumberKind,
    },
    /// 7 to 40 hex digits that are not all decimal.
    Commit,
    /// Where the compared group stands.
    Compared,
}

/// A piece of what a group compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CompareRun<'a> {
    /// By length, then by digits: a number of any length without its leading zeros.
    Number(usize, &'a str),
    Text(&'a str),
}

/// What the matches have in common with the declared tag, and how they are ordered.
pub(super) struct Skeleton<'a> {
    of: PatternMatch<'a>,
    /// Where commits stand, also those of decimal digits only.
    commits: BTreeSet<usize>,
    /// Nothing but commits differs: only build times order.
    by_build: bool,
}

impl<'a> PatternMatch<'a> {
    /// Returns what the pattern makes of a tag; `None` where it does not match.
    pub(super) fn of(policy: &Policy, tag: &'a str) -> Option<Self> {
        let regex = match policy {
            Policy::Glob(glob) => {
                return glob.matches(tag).then(|| Self {
                    outside: read_tokens(tag, &mut false),
                    compared: None,
                });
            }
            Policy::Regexp(regex) => regex,
            _ => return None,
        };
        let captures = regex.captures(tag)?;
        if !regex.capture_names().flatten().any(|name| name == COMPARE) {
            return Some(Self {
                outside: read_tokens(tag, &mut false),
                compared: None,
            });
        }
        let group = captures.name(COMPARE)?;
        let has_number = &mut false;
        let mut outside = read_tokens(&tag[..group.start()], has_number);
        outside.push(TagToken::Compared);
        outside.extend(read_tokens(&tag[group.end()..], has_number));
        Some(Self {
            outside,
            compared: Some(read_runs(group.as_str())),
        })
    }

    /// Says whether two tags differ in numbers only. Adds to `commits` where one of them has a
    /// commit and the other digits that may be one.
    fn is_like(&self, other: &Self, commits: &mut BTreeSet<usize>) -> bool {
        let mut found = BTreeSet::new();
        let is_like = self.outside.len() == other.outside.len()
            && self
                .outside
                .iter()
                .zip(&other.outside)
                .enumerate()
                .all(|(at, (a, b))| match (a, b) {
                    (TagToken::Commit, TagToken::Commit) => found.insert(at),
                    (TagToken::Commit, TagToken::Number { digits, .. })
                    | (TagToken::Number { digits, .. }, TagToken::Commit) => {
                        found.insert(at) && is_commit(digits)
                    }
                    (TagToken::Number { kind: a, .. }, TagToken::Number { kind: b, .. }) => {
                        a.goes_with(*b)
                    }
                    (a, b) => a == b,
                });
        if is_like {
            commits.extend(found);
        }
        is_like
    }
}

impl<'a> Skeleton<'a> {
    /// Returns the skeleton of the declared tag, with the tags that were matched.
    pub(super) fn new(declared: &PatternMatch<'a>, matches: &[PatternMatch<'a>]) -> Self {
        let mut commits = BTreeSet::new();
        let alike: Vec<&PatternMatch> = matches
            .iter()
            .filter(|other| declared.is_like(other, &mut commits))
            .collect();
        declared.is_like(declared, &mut commits);
        let mut skeleton = Self {
            of: declared.clone(),
            commits,
            by_build: false,
        };
        skeleton.by_build = !skeleton.commits.is_empty()
            && declared.compared.is_none()
            && alike
                .iter()
                .all(|other| skeleton.compare(declared, other).is_eq());
        skeleton
    }

    /// Returns the skeleton that all matches have; `None` where they differ.
    pub(super) fn common(matches: &[PatternMatch<'a>]) -> Option<Self> {
        let first = matches.first()?;
        let all_alike = matches
            .iter()
            .all(|other| first.is_like(other, &mut BTreeSet::new()));
        all_alike.then(|| Self::new(first, matches))
    }

    pub(super) fn fits(&self, tag: &PatternMatch) -> bool {
        self.of.is_like(tag, &mut BTreeSet::new())
    }

    /// Says whether only build times can order the tags.
    pub(super) fn is_by_build(&self) -> bool {
        self.by_build
    }

    /// Compares two tags that fit: by the compared group, else by all numbers from the left.
    pub(super) fn compare(&self, a: &PatternMatch, b: &PatternMatch) -> Ordering {
        match (&a.compared, &b.compared) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => self.numbers(a).cmp(&self.numbers(b)),
        }
    }

    fn numbers<'b>(&self, tag: &PatternMatch<'b>) -> Vec<CompareRun<'b>> {
        let number = |(at, token): (usize, &TagToken<'b>)| match token {
            TagToken::Number { digits, .. } if !self.commits.contains(&at) => {
                Some(number_run(digits))
            }
            _ => None,
        };
        tag.outside.iter().enumerate().filter_map(number).collect()
    }
}

/// Takes a text apart into words of letters, numbers, commits and what stands between them.
fn read_tokens<'a>(text: &'a str, has_number: &mut bool) -> Vec<TagToken<'a>> {
    let mut tokens = Vec::new();
    for word in split_runs(text, |c| c.is_ascii_alphanumeric()) {
        if is_commit(word) && !word.bytes().all(|b| b.is_ascii_digit()) {
            tokens.push(TagToken::Commit);
            continue;
        }
        for run in split_runs(word, |c| c.is_ascii_digit()) {
            if run.starts_with(|c: char| c.is_ascii_digit()) {
                let kind = number_kind(run, !*has_number);
                *has_number = true;
                tokens.push(TagToken::Number { digits: run, kind });
            } else {
                tokens.push(TagToken::Text(run));
            }
        }
    }
    tokens
}

fn read_runs(text: &str) -> Vec<CompareRun<'_>> {
    split_runs(text, |c| c.is_ascii_digit())
        .map(|run| match run.starts_with(|c: char| c.is_ascii_digit()) {
            true => number_run(run),
            false => CompareRun::Text(run),
        })
        .collect()
}

fn number_run(digits: &str) -> CompareRun<'_> {
    let digits = digits.trim_start_matches('0');
    CompareRun::Number(digits.len(), digits)
}

/// Splits a text where `is_inside` changes.
fn split_runs(text: &str, is_inside: impl Fn(char) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let inside = is_inside(rest.chars().next()?);
        let end = rest
            .find(|c: char| is_inside(c) != inside)
            .unwrap_or(rest.len());
        let (run, behind) = rest.split_at(end);
        rest = behind;
        Some(run)
    })
}
