//! What pintle may do with a tag: Keel's words for policies, with the same meaning.

use super::pattern::{Glob, last_line};
use regex::Regex;
use std::fmt;

/// A policy. `Patch` to `Regexp` choose another tag; the others never do.
#[derive(Clone, Debug)]
pub enum Policy {
    /// The site stays as it is.
    Never,
    /// Follow the digest of the declared tag.
    Force,
    Patch,
    Minor,
    Major,
    /// Like `Major`, and pre-releases too (Keel's `internal/policy/semver.go`).
    All,
    Glob(Glob),
    Regexp(Regex),
}

const WORDS: [&str; 8] = [
    "never", "force", "patch", "minor", "major", "all", "glob:", "regexp:",
];

impl Policy {
    /// Parses a policy; the error is a sentence with the nearest word.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(glob) = text.strip_prefix("glob:") {
            return Glob::name(glob.trim()).map(Self::Glob);
        }
        if let Some(regexp) = text.strip_prefix("regexp:") {
            let regex = Regex::new(regexp.trim());
            return regex
                .map(Self::Regexp)
                .map_err(|e| format!("`{text}` is not a policy: {}", last_line(&e.to_string())));
        }
        match text {
            "never" => Ok(Self::Never),
            "force" => Ok(Self::Force),
            "patch" => Ok(Self::Patch),
            "minor" => Ok(Self::Minor),
            "major" => Ok(Self::Major),
            "all" => Ok(Self::All),
            _ => Err(format!("`{text}` is not a policy{}", suggest(text, WORDS))),
        }
    }

    /// Says whether the policy looks for other tags than the declared one.
    pub fn chooses_tag(&self) -> bool {
        !matches!(self, Self::Never | Self::Force)
    }

    /// Says whether a pattern says which tags there are to choose from.
    pub fn is_pattern(&self) -> bool {
        matches!(self, Self::Glob(_) | Self::Regexp(_))
    }
}

/// Returns `: did you mean …?` with the nearest word, or the list of words when none is near.
pub(crate) fn suggest<'a>(text: &str, words: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match nearest(text, words.clone()) {
        Some(word) => format!(": did you mean `{word}`?"),
        None => {
            let all: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
            format!(": it is one of {}", all.join(", "))
        }
    }
}

/// Returns the word that differs least from `text`, when it is near enough to be meant.
pub(crate) fn nearest<'a>(text: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = text.to_lowercase().replace('-', "_");
    let scored = words.into_iter().map(|word| {
        (
            strsim::damerau_levenshtein(&lower, &word.replace('-', "_")),
            word,
        )
    });
    scored
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, word)| *distance <= word.len().max(lower.len()) / 3)
        .map(|(_, word)| word)
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::Force => f.write_str("force"),
            Self::Patch => f.write_str("patch"),
            Self::Minor => f.write_str("minor"),
            Self::Major => f.write_str("major"),
            Self::All => f.write_str("all"),
            Self::Glob(glob) => write!(f, "glob:{}", glob.as_str()),
            Self::Regexp(regex) => write!(f, "regexp:{regex}"),
        }
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

#[cfg(test)]
mod tests;
