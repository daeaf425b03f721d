//! Splices bytes and proves the result. Never prints HCL, YAML or JSON: outside the spans not one
//! byte changes.

pub mod cut;
mod legal;
mod literals;
pub mod outline;
mod prove;
pub mod put;
mod stages;

pub use legal::legal;
pub use prove::prove;
pub use stages::{Stage, strings, structure};

use super::files::RepoPath;
use super::span::Span;
use thiserror::Error;

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

/// Why an edit is not made. Nothing is written then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EditError {
    #[error("bytes {}..{} of {file} are not in the file, which has {length}", span.start, span.end)]
    OutOfRange {
        file: RepoPath,
        span: Span,
        length: usize,
    },
    #[error("bytes {}..{} of {file} were {expected:?}, and are now {found:?}", span.start, span.end)]
    Mismatch {
        file: RepoPath,
        span: Span,
        expected: String,
        found: String,
    },
    #[error("two edits of {file} overlap at byte {}", span.start)]
    Overlap { file: RepoPath, span: Span },
    #[error("an edit of {found} is not one of {file}")]
    OtherFile { file: RepoPath, found: RepoPath },
    #[error("{put:?} cannot be written {place}: {reason}")]
    Illegal {
        put: String,
        place: &'static str,
        reason: &'static str,
    },
    #[error("{file} cannot be read {when}: {cause}")]
    Unreadable {
        file: RepoPath,
        when: &'static str,
        cause: String,
    },
    #[error("bytes {}..{} of {file} are not inside one string", span.start, span.end)]
    NoLiteral { file: RepoPath, span: Span },
    #[error("the edited {file} reads differently near byte {at}: {what}")]
    Different {
        file: RepoPath,
        at: usize,
        what: String,
    },
}

/// Returns `bytes` with every edit made. The edits may come in any order.
///
/// # Errors When edits overlap or name different files, lie outside of `bytes`, or expect what does
/// not stand there.
pub fn apply(bytes: &[u8], edits: &[Edit]) -> Result<Vec<u8>, EditError> {
    let sorted = sorted(bytes, edits)?;
    let grown: usize = sorted.iter().map(|edit| edit.put.len()).sum();
    let mut out = Vec::with_capacity(bytes.len() + grown);
    let mut at = 0;
    for edit in sorted {
        out.extend_from_slice(&bytes[at..edit.span.start]);
        out.extend_from_slice(&edit.put);
        at = edit.span.end;
    }
    out.extend_from_slice(&bytes[at..]);
    Ok(out)
}

/// Returns the edits in the order of the file, each checked against `bytes`.
fn sorted<'a>(bytes: &[u8], edits: &'a [Edit]) -> Result<Vec<&'a Edit>, EditError> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| edit.span);
    for edit in &sorted {
        check(bytes, edit)?;
    }
    for pair in sorted.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        if first.file != second.file {
            return Err(EditError::OtherFile {
                file: first.file.clone(),
                found: second.file.clone(),
            });
        }
        // Two insertions at one place have no order.
        if first.span.end > second.span.start || first.span == second.span {
            return Err(EditError::Overlap {
                file: first.file.clone(),
                span: second.span,
            });
        }
    }
    Ok(sorted)
}

fn check(bytes: &[u8], edit: &Edit) -> Result<(), EditError> {
    let (file, span) = (edit.file.clone(), edit.span);
    let found = if span.start <= span.end {
        bytes.get(span.range())
    } else {
        None
    };
    match found {
        None => Err(EditError::OutOfRange {
            file,
            span,
            length: bytes.len(),
        }),
        Some(found) if found == edit.expect => Ok(()),
        Some(found) => Err(EditError::Mismatch {
            file,
            span,
            expected: shown(&edit.expect),
            found: shown(found),
        }),
    }
}

fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 200;
    String::from_utf8_lossy(&bytes[..bytes.len().min(MOST)]).into_owned()
}

#[cfg(test)]
mod tests;
