//! Reads one HCL file: bytes → body with byte offsets, lines and comments. Never prints HCL and
//! never changes a byte.

pub mod comments;
mod mend;
#[cfg(test)]
mod tests;

use super::files::{Files, RepoPath};
use super::parallel::on_two_threads;
use super::span::Span;
use comments::{HclComment, Lines};
use hcl_edit::structure::Body;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A parsed file. Every span handed out is in bytes of the file as it is on disk, a byte order mark
/// included.
#[derive(Debug)]
pub struct Source {
    pub path: RepoPath,
    pub bytes: Arc<[u8]>,
    /// The file's text without its byte order mark; the spans of hcl-edit's nodes are offsets in
    /// it.
    pub text: Arc<str>,
    pub body: Body,
    lines: Lines,
    comments: OnceLock<Vec<HclComment>>,
}

/// The lines and comments of a file: what is left to ask of it when its tree is gone.
#[derive(Debug)]
pub struct Layout {
    lines: Lines,
    comments: Vec<HclComment>,
}

impl Layout {
    /// Reads the layout of a file's text; whether the rest of it is HCL does not matter.
    pub fn read(text: &str) -> Self {
        let (lines, text) = Lines::of(text);
        Self {
            comments: comments::read(text, &lines),
            lines,
        }
    }

    /// Reads the layouts of files, on two threads; a file that is no text has none.
    pub fn read_all(files: &Files, paths: &BTreeSet<RepoPath>) -> BTreeMap<RepoPath, Self> {
        let paths: Vec<&RepoPath> = paths.iter().collect();
        let read = |at: usize| {
            Some(Self::read(
                std::str::from_utf8(files.bytes(paths[at])?).ok()?,
            ))
        };
        let layouts = on_two_threads(paths.len(), read);
        paths
            .iter()
            .zip(layouts)
            .filter_map(|(path, layout)| Some(((*path).clone(), layout?)))
            .collect()
    }

    /// Returns the line of a byte of the file, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }

    /// Returns the comment that ends the line of `offset` and those that stand alone on the lines
    /// directly above it, top down.
    pub fn comments_around(&self, offset: usize) -> Vec<&HclComment> {
        comments::around(&self.comments, self.line(offset))
    }
}

/// Why a file is not HCL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// Not UTF-8.
    NotText,
    /// Encrypted, by the named tool.
    Encrypted(&'static str),
    Syntax,
}

/// A file that cannot be parsed, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}:{column}: {message}")]
pub struct SyntaxError {
    pub kind: SyntaxErrorKind,
    pub path: RepoPath,
    pub message: String,
    /// Bytes from the start of the file.
    pub offset: usize,
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
}

impl Source {
    /// Parses a file.
    ///
    /// # Errors
    ///
    /// When the file is encrypted, is not UTF-8 or is not HCL.
    pub fn parse(path: RepoPath, bytes: Arc<[u8]>) -> Result<Self, SyntaxError> {
        let (lines, text) = Lines::of(decode(&path, &bytes)?);
        let read = comments::without_empty_heredocs(text);
        let body = parse_body(&read).map_err(|error| located(&path, lines.offset, &error))?;
        let text = Arc::from(text);
        Ok(Self {
            path,
            text,
            bytes,
            body,
            lines,
            comments: OnceLock::new(),
        })
    }

    /// Turns a range of hcl-edit's into bytes of the file.
    pub fn span(&self, range: Range<usize>) -> Span {
        Span::new(
            range.start + self.lines.offset,
            range.end + self.lines.offset,
        )
    }

    /// Returns the length of the byte order mark: 0 or 3.
    pub fn offset(&self) -> usize {
        self.lines.offset
    }

    /// Returns the line of a byte of the file, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        self.lines.line(offset)
    }

    /// Returns the column of a byte of the file, in characters, counted from 1.
    pub fn column(&self, offset: usize) -> usize {
        let line = self.lines.start(offset);
        let end = offset
            .saturating_sub(self.lines.offset)
            .min(self.text.len());
        self.text
            .get(line..end)
            .map_or(1, |before| before.chars().count() + 1)
    }

    /// Returns all comments, in the order of the file.
    pub fn comments(&self) -> &[HclComment] {
        self.comments
            .get_or_init(|| comments::read(&self.text, &self.lines))
    }

    /// Returns the comment that ends the line of `offset` and those that stand alone on the lines
    /// directly above it, top down.
    pub fn comments_around(&self, offset: usize) -> Vec<&HclComment> {
        comments::around(self.comments(), self.line(offset))
    }
}

/// Parses a text without byte order mark, also one with what hcl-edit refuses although it is HCL.
///
/// # Errors
///
/// Of the text as it is written.
pub(super) fn parse_body(text: &str) -> Result<Body, hcl_edit::parser::Error> {
    hcl_edit::parser::parse_body(text).or_else(|error| {
        mend::mend(text)
            .and_then(|mended| hcl_edit::parser::parse_body(&mended).ok())
            .ok_or(error)
    })
}

/// Returns the name of the tool that encrypted a file: whatever it holds, it cannot be read here.
pub fn is_encrypted(bytes: &[u8]) -> Option<&'static str> {
    let starts: [(&[u8], &str); 5] = [
        (b"\0GITCRYPT\0", "git-crypt"),
        (b"age-encryption.org/", "age"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
        (b"-----BEGIN PGP MESSAGE-----", "pgp"),
        (b"$ANSIBLE_VAULT;", "ansible-vault"),
    ];
    let by_start = starts
        .iter()
        .find(|(start, _)| bytes.starts_with(start))
        .map(|(_, tool)| *tool);
    by_start.or_else(|| is_sops(bytes).then_some("sops"))
}

/// Sops keeps a file's keys and encrypts its values; its own data is the top-level key `sops`.
fn is_sops(bytes: &[u8]) -> bool {
    if std::str::from_utf8(bytes).is_ok_and(|text| !text.contains("ENC[AES256_GCM,")) {
        return false;
    }
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let holds_key = bytes.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"sops:")
            || line.starts_with(b"sops_mac=")
            || line.trim_ascii_start().starts_with(b"\"sops\":")
    });
    holds_key && has(b"ENC[AES256_GCM,")
}

fn decode<'b>(path: &RepoPath, bytes: &'b [u8]) -> Result<&'b str, SyntaxError> {
    let error = |kind, message: String, offset: usize| {
        let before = bytes.get(..offset).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before
            .rsplit(|byte| *byte == b'\n')
            .next()
            .map_or(0, |last| String::from_utf8_lossy(last).chars().count())
            + 1;
        SyntaxError {
            kind,
            path: path.clone(),
            message,
            offset,
            line,
            column,
        }
    };
    if let Some(tool) = is_encrypted(bytes) {
        return Err(error(
            SyntaxErrorKind::Encrypted(tool),
            format!("the file is encrypted with {tool}"),
            0,
        ));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(cause) => Err(error(
            SyntaxErrorKind::NotText,
            "the file is not UTF-8 text".into(),
            cause.valid_up_to(),
        )),
    }
}

fn located(path: &RepoPath, bom: usize, error: &hcl_edit::parser::Error) -> SyntaxError {
    let place = error.location();
    SyntaxError {
        kind: SyntaxErrorKind::Syntax,
        path: path.clone(),
        message: error.message().to_owned(),
        offset: place.offset() + bom,
        line: place.line(),
        column: place.column(),
    }
}
