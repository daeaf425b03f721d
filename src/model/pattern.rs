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

/// What the configuration names stacks by: a path, a glob, or a short name. Which stacks that are
/// is known with the repo only.
#[derive(Clone, Debug, PartialEq)]
pub struct StackPattern {
    glob: Glob,
    /// Has no character that means something in a glob.
    plain: bool,
}

/// Regular expressions over tags.
#[derive(Clone, Debug, Default)]
pub struct TagPatterns(pub Vec<Regex>);

impl TagPatterns {
    /// Parses one expression; the error is a sentence.
    pub fn parse(text: &str) -> Result<Regex, String> {
        if text.is_empty() {
            return Err("the pattern is empty and would exclude every tag".into());
        }
        Regex::new(text).map_err(|error| {
            let why = last_line(&error.to_string()).to_owned();
            format!("`{text}` is not a regular expression: {why}")
        })
    }
}

impl PartialEq for TagPatterns {
    fn eq(&self, other: &Self) -> bool {
        let texts = |all: &Self| all.0.iter().map(ToString::to_string).collect::<Vec<_>>();
        texts(self) == texts(other)
    }
}

impl fmt::Display for TagPatterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(|regex| format!("`{regex}`")).collect();
        f.write_str(&texts.join(", "))
    }
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
        let glob = GlobBuilder::new(text)
            .literal_separator(paths)
            .backslash_escape(true)
            .build();
        let glob = glob.map_err(|error| format!("`{text}` is not a glob: {}", error.kind()))?;
        Ok(Self {
            text: text.into(),
            matcher: glob.compile_matcher(),
        })
    }

    /// Says whether the glob matches a name. Its own text always does: `container[web]` names
    /// `container[web]`, which as a glob it would not.
    pub fn matches(&self, name: &str) -> bool {
        *self.text == *name || self.matcher.is_match(name)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl StackPattern {
    /// Parses a path, glob or name.
    ///
    /// # Errors
    /// A sentence: the text is empty or no glob.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.strip_prefix("./").unwrap_or(text);
        let text = text.strip_suffix('/').unwrap_or(text);
        Ok(Self {
            glob: Glob::path(text)?,
            plain: !text.contains(['*', '?', '[', '{', '\\']),
        })
    }

    pub fn as_str(&self) -> &str {
        self.glob.as_str()
    }

    pub fn is_glob(&self) -> bool {
        !self.plain
    }

    /// Says whether it is this path, letter by letter; the top of the repo, whose path is empty, is
    /// `.` or `root`.
    pub fn is_path(&self, path: &str) -> bool {
        self.plain
            && (self.as_str() == path || path.is_empty() && matches!(self.as_str(), "." | "root"))
    }

    /// Says whether it matches the path, or, when it has no `/`, the path's last folder.
    pub fn matches_path(&self, path: &str) -> bool {
        let last = path.rsplit('/').next().unwrap_or(path);
        self.is_path(path)
            || self.glob.matches(path)
            || (!self.as_str().contains('/') && !self.plain && self.glob.matches(last))
    }

    /// Says whether it is the end of the path, in whole folders.
    pub fn is_tail(&self, path: &str) -> bool {
        path.strip_suffix(self.as_str())
            .is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }
}

impl Words {
    /// Parses a regular expression; most people write plain words.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the pattern is empty: it would match every comment".into());
        }
        let regex = RegexBuilder::new(text).case_insensitive(true).build();
        let regex = regex.map_err(|error| {
            format!(
                "`{text}` is not a regular expression: {}",
                last_line(&error.to_string())
            )
        })?;
        Ok(Self {
            text: text.into(),
            regex,
        })
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
    text.lines()
        .last()
        .unwrap_or(text)
        .trim_start_matches("error: ")
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
