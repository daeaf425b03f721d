//! Tells edits that add or take out more than strings and comments from those that do not: each
//! kind is proved in its own way.

use super::literals::{FileItem, Reading, is_comment, items};
use super::{Edit, EditError, apply, sorted};
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;

/// A file between two kinds of edits.
pub struct Stage {
    /// With those made that change its structure.
    pub bytes: Vec<u8>,
    /// The others, as they fit `bytes`.
    pub rest: Vec<Edit>,
}

/// Returns an HCL file with only those edits made that change its structure; `None` when there are
/// none.
///
/// # Errors
/// When the edits do not fit, or the file cannot be read before them.
pub fn structure(
    path: &RepoPath,
    before: &[u8],
    edits: &[Edit],
) -> Result<Option<Stage>, EditError> {
    let all = sorted(before, edits)?;
    if !is_hcl(path) {
        return Ok(None);
    }
    let old = read(path, before)?;
    let within = |edit: &Edit| {
        old.iter().any(
            |item| matches!(item, FileItem::Literal(literal) if literal.span.contains(edit.span)),
        )
    };
    let beside =
        |edit: &Edit| is_comment(Reading::Hcl, &edit.expect) && is_comment(Reading::Hcl, &edit.put);
    let (plain, structural): (Vec<&Edit>, Vec<&Edit>) = all
        .into_iter()
        .partition(|edit| within(edit) || beside(edit));
    if structural.is_empty() {
        return Ok(None);
    }
    let structural: Vec<Edit> = structural.into_iter().cloned().collect();
    let moved = |edit: &Edit| {
        let earlier = structural.iter().filter(|other| other.span < edit.span);
        let by: isize = earlier
            .map(|other| other.put.len() as isize - other.span.len() as isize)
            .sum();
        let at = |at: usize| at.saturating_add_signed(by);
        Edit {
            span: Span::new(at(edit.span.start), at(edit.span.end)),
            ..edit.clone()
        }
    };
    Ok(Some(Stage {
        bytes: apply(before, &structural)?,
        rest: plain.into_iter().map(moved).collect(),
    }))
}

/// Returns the contents of all strings of an HCL file; none for other files.
///
/// # Errors
/// When the file cannot be read.
pub fn strings(path: &RepoPath, bytes: &[u8]) -> Result<Vec<Span>, EditError> {
    if !is_hcl(path) {
        return Ok(Vec::new());
    }
    let literal = |item: FileItem| match item {
        FileItem::Literal(literal) => Some(literal.span),
        FileItem::Mark(_) => None,
    };
    Ok(read(path, bytes)?.into_iter().filter_map(literal).collect())
}

fn is_hcl(path: &RepoPath) -> bool {
    path.name()
        .rsplit_once('.')
        .is_some_and(|(_, end)| ["tf", "hcl", "tofu"].contains(&end))
}

fn read(path: &RepoPath, bytes: &[u8]) -> Result<Vec<FileItem>, EditError> {
    items(bytes, Reading::Hcl).map_err(|cause| EditError::Unreadable {
        file: path.clone(),
        when: "before the edit",
        cause,
    })
}
