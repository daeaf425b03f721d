//! Patterns people write in the configuration: globs over names and words to look for in comments.

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use std::fmt;
use std::sync::Arc;

/// A glob; `*` stops at a `/` in paths only.
#[derive(Clone)]
pub struct Glob {
    text: Arc<str>,
    matcher: GlobMatcher,
}

/// A case-insensitive regular expression.
#[derive(Clone)]
pub struct Words {
    text: Arc<str>,
    regex: Regex,
}

impl Glob {
    /// Parses a glob over paths: `*` matches within one folder, `**` across folders.
    pub fn path(text: &str) -> Result<Self, String> {
        Self::new(text, true)
    }

    /// Parses a glob over names and image references: `*` matches anything.
    pub fn name(text: &str) -> Result<Self, String> {
        Self::new(text, false)
    }

    fn new(text: &str, paths: bool) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the pattern is empty".into());
        }
        let glob = GlobBuilder::new(text).literal_separator(paths).backslash_escape(true).build();
        let glob = glob.map_err(|error| format!("`{text}` is not a glob: {}", error.kind()))?;
        Ok(Self { text: text.into(), matcher: glob.compile_matcher() })
    }

    pub fn matches(&self, name: &str) -> bool {
        self.matcher.is_match(name)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Words {
    /// Parses a regular expression; most people write plain words.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the pattern is empty: it would match every comment".into());
        }
        let regex = RegexBuilder::new(text).case_insensitive(true).build();
        let regex = regex.map_err(|error| format!("`{text}` is not a regular expression: {}", last_line(&error.to_string())))?;
        Ok(Self { text: text.into(), regex })
    }

    pub fn found_in(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The regex crate draws a picture over several lines; its last line is the sentence.
pub(super) fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ")
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.matcher.glob() == other.matcher.glob()
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Glob({})", self.text)
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({})", self.text)
    }
}
