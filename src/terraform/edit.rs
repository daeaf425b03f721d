//! Splices bytes and proves the result. Never prints HCL, YAML or JSON: outside the spans not one byte changes.

use super::files::RepoPath;
use super::span::Span;

/// One replacement in one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    pub file: RepoPath,
    /// Bytes to replace; empty for an insertion.
    pub span: Span,
    /// What has to stand there now.
    pub expect: Vec<u8>,
    pub put: Vec<u8>,
    /// For people: what the edit is for.
    pub why: String,
}
