//! Tags as versions: how a tag is read, and which of two is newer. A tag is *prefix, core,
//! pre-release, counters, variant, commit*; everything that is not a number which orders belongs to
//! the shape, and only tags of one shape are compared. Never guesses an order where there is none,
//! and uses no regular expression.

mod parse;
mod parts;

pub use parse::{GRAMMAR, SuffixReader, is_commit, number_kind};
pub use parts::{
    CorePart, NumberKind, PreRelease, PreReleaseStage, ShapeDifference, TagScheme, TagVersion,
};

impl<'a> TagScheme<'a> {
    /// Reads a tag.
    ///
    /// ```
    /// use pintle::model::version::TagScheme;
    /// assert!(matches!(TagScheme::of("v1.2.3-alpine"), TagScheme::Version(_)));
    /// assert_eq!(TagScheme::of("java21"), TagScheme::Name);
    /// assert_eq!(TagScheme::of("2026-01-27"), TagScheme::Date);
    /// assert_eq!(TagScheme::of("71b3243"), TagScheme::Commit);
    /// ```
    pub fn of(tag: &'a str) -> Self {
        parse::read(tag, GRAMMAR)
    }

    /// Reads a tag by some of the readers only.
    pub fn read_by(tag: &'a str, grammar: &[SuffixReader]) -> Self {
        parse::read(tag, grammar)
    }

    pub fn version(self) -> Option<TagVersion<'a>> {
        match self {
            Self::Version(version) => Some(version),
            Self::Date | Self::Commit | Self::Name => None,
        }
    }
}

#[cfg(test)]
mod tests;
