//! What a tag is made of, what two tags may differ in, and which of two is newer. Reads no text.

use smallvec::SmallVec;
use std::cmp::Ordering;

/// What a tag is to a policy that chooses by level (`patch`, `minor`, `major`, `all`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagScheme<'a> {
    /// `1.29`, `v1.2.3-alpine`, `17.0.1_8-jdk`.
    Version(TagVersion<'a>),
    /// Has dashes between year and month, or is 8 digits: `RELEASE.2026-01-01T00-00-00Z`,
    /// `jammy-20260127`. It has no levels.
    Date,
    /// Begins with 7 to 40 hex digits: `71b3243`, `sha-71b3243`.
    Commit,
    /// `latest`, `bookworm-slim`, `java21`, `r1070`.
    Name,
}

/// A tag that has a version in it.
///
/// `version-1.2.3-rc1-r4-alpine3.20-g71b3243` has the prefix `version-`, the core 1 2 3, the
/// pre-release rc 1, the counter 4 and the variant `-r#-alpine3.20-g@`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagVersion<'a> {
    /// Stands before the first number of the core: ``, `v`, `version-`, `arm64v8-`.
    pub prefix: &'a str,
    pub core: SmallVec<[CorePart; 4]>,
    pub pre_release: Option<PreRelease<'a>>,
    /// Numbers that order behind the core: of `1.2.3-ls45` the 45, of `17.0.1_8-jdk` the 8.
    pub counters: SmallVec<[u32; 2]>,
    /// What is left, with a mark for each counter and commit: `-alpine3.20`, `_#-jdk`, `-g@`.
    pub variant: String,
}

/// One number of the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorePart {
    pub value: u32,
    pub kind: NumberKind,
}

/// What a number counts. Numbers of different kinds are not compared: `2021.12.16` is no newer
/// `10.11.4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberKind {
    Small,
    /// 1000 and above, and neither a year nor a date: it goes with the others but dates.
    Large,
    /// 2000 to 2099 in the first place.
    Year,
    /// `202601`
    Month,
    /// `20260127`
    Day,
}

/// What makes a tag come before its release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreRelease<'a> {
    pub stage: PreReleaseStage,
    /// `-rc1` → 1, `-beta.2.1` → 2 1. Without any it is a channel such as `-nightly`.
    pub numbers: SmallVec<[u64; 2]>,
    /// As it is written, with what stands before it: `-rc1`, `b2`.
    pub text: &'a str,
}

/// How near to a release a pre-release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PreReleaseStage {
    /// nightly, dev, snapshot, canary
    Nightly,
    /// alpha, ea, milestone
    Alpha,
    Beta,
    /// pre, preview
    Preview,
    /// rc, cr
    Candidate,
}

/// The first difference between the shapes of two tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShapeDifference {
    Prefix,
    /// Another number of parts: `1.2` and `1.2.3`.
    Precision,
    /// A year or a date in the place of a number.
    Kind,
    Variant,
}

impl TagVersion<'_> {
    /// Returns what keeps two tags from being compared. Pre-releases do not count.
    ///
    /// ```
    /// use pintle::model::version::{ShapeDifference, TagScheme};
    /// let version = |tag| TagScheme::of(tag).version().unwrap();
    /// let differ = |a, b| version(a).find_difference(&version(b));
    /// assert_eq!(differ("1.2.3", "1.3.0-rc1"), None);
    /// assert_eq!(differ("1.2.3", "v1.3.0"), Some(ShapeDifference::Prefix));
    /// assert_eq!(differ("1.2.3", "1.3"), Some(ShapeDifference::Precision));
    /// assert_eq!(differ("9.1.2", "2024.1.2"), Some(ShapeDifference::Kind));
    /// assert_eq!(differ("1.2.3-alpine3.20", "1.2.4-alpine3.21"), Some(ShapeDifference::Variant));
    /// ```
    pub fn find_difference(&self, other: &Self) -> Option<ShapeDifference> {
        use ShapeDifference::{Kind, Precision, Prefix, Variant};
        let mut all = [Prefix, Precision, Kind, Variant].into_iter();
        all.find(|how| self.differs_in(other, *how))
    }

    /// Says whether two tags differ in one aspect of their shape.
    pub fn differs_in(&self, other: &Self, how: ShapeDifference) -> bool {
        match how {
            ShapeDifference::Prefix => self.prefix != other.prefix,
            ShapeDifference::Precision => self.core.len() != other.core.len(),
            ShapeDifference::Kind => {
                let mut pairs = self.core.iter().zip(&other.core);
                pairs.any(|(a, b)| !a.kind.goes_with(b.kind))
            }
            ShapeDifference::Variant => self.variant != other.variant,
        }
    }

    /// Compares by core, then pre-release, then counters, all as numbers. It orders tags of one
    /// shape; of others it compares what they have in common.
    ///
    /// ```
    /// use pintle::model::version::TagScheme;
    /// use std::cmp::Ordering;
    /// let version = |tag| TagScheme::of(tag).version().unwrap();
    /// let compare = |a, b| version(a).compare(&version(b));
    /// assert_eq!(compare("1.9.0", "1.10.0"), Ordering::Less);
    /// assert_eq!(compare("1.2.0-rc9", "1.2.0-rc10"), Ordering::Less);
    /// assert_eq!(compare("1.2.0-rc10", "1.2.0"), Ordering::Less);
    /// assert_eq!(compare("1.2.0-ls9", "1.2.0-ls10"), Ordering::Less);
    /// assert_eq!(compare("24.04", "24.4"), Ordering::Equal);
    /// ```
    pub fn compare(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| {
            version
                .core
                .iter()
                .map(|part| part.value)
                .collect::<Vec<_>>()
        };
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| match (&self.pre_release, &other.pre_release) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(own), Some(other)) => own.compare(other),
            })
            .then_with(|| self.counters.cmp(&other.counters))
    }

    /// Returns how many parts of the two cores are equal, from the left: of `1.2.3` and `1.4.0`
    /// one.
    pub fn count_equal_parts(&self, other: &Self) -> usize {
        self.core
            .iter()
            .zip(&other.core)
            .take_while(|(a, b)| a.value == b.value)
            .count()
    }
}

impl NumberKind {
    /// A year does not go with a small number, and a date with nothing but dates of its kind.
    pub fn goes_with(self, other: Self) -> bool {
        use NumberKind::{Large, Small, Year};
        self == other || matches!((self, other), (Large, Small | Year) | (Small | Year, Large))
    }
}

impl PreRelease<'_> {
    /// `-nightly`, `-dev`: a name for what is newest, and not one build of it.
    pub fn is_channel(&self) -> bool {
        self.numbers.is_empty()
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.stage, &self.numbers).cmp(&(other.stage, &other.numbers))
    }
}
