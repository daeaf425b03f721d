//! Reads a file before and after its edits and compares: only the edited literals may say something
//! else, and exactly the edit.

use super::literals::{FileItem, FileLiteral, Reading, is_comment, items, readings};
use super::{Edit, EditError, apply, sorted};
use crate::terraform::files::RepoPath;
use crate::terraform::mask;
use crate::terraform::span::Span;

/// Proves that `after` is `before` with `edits` made, and that it reads the same but for the
/// literals that were edited. An edit outside of every literal may change comments, blanks and line
/// ends only, and only where the file still reads the same with them: HCL, YAML and JSON are parsed
/// again (a YAML template with its holes masked), the same structure and literals must come in the
/// same order, each shifted by exactly the edits before it. Of other files only the bytes are
/// compared.
///
/// # Errors Names the first place that is not as it must be. A file that could not be read before
/// the edit is an error.
pub fn prove(
    path: &RepoPath,
    before: &[u8],
    after: &[u8],
    edits: &[Edit],
) -> Result<(), EditError> {
    if let Some(edit) = edits.iter().find(|edit| edit.file != *path) {
        return Err(EditError::OtherFile {
            file: path.clone(),
            found: edit.file.clone(),
        });
    }
    let made = apply(before, edits)?;
    if made != after {
        let at = made
            .iter()
            .zip(after)
            .position(|(left, right)| left != right)
            .unwrap_or(made.len().min(after.len()));
        return Err(different(path, at, "the bytes are not those of the edits"));
    }
    let edits = sorted(before, edits)?;
    let (reading, old) = read_first(path, before)?;
    if reading == Reading::Bytes {
        return edits.iter().try_for_each(|edit| on_one_line(path, edit));
    }
    if reading == Reading::MaskedYaml {
        outside_of_holes(path, before, &edits)?;
    }
    let new = items(after, reading).map_err(|cause| EditError::Unreadable {
        file: path.clone(),
        when: "after the edit",
        cause,
    })?;
    compare(
        path,
        &old,
        &new,
        PendingEdits {
            path,
            reading,
            edits: &edits,
        },
    )
}

/// hcl-edit reads a line end between quotes, Terraform does not.
fn on_one_line(path: &RepoPath, edit: &Edit) -> Result<(), EditError> {
    match edit.put.iter().any(u8::is_ascii_control) {
        true => Err(different(
            path,
            edit.span.start,
            "the edit has a line end or control character",
        )),
        false => Ok(()),
    }
}

fn different(path: &RepoPath, at: usize, what: impl Into<String>) -> EditError {
    EditError::Different {
        file: path.clone(),
        at,
        what: what.into(),
    }
}

/// Returns the first reading that takes the file, and its items.
fn read_first(path: &RepoPath, before: &[u8]) -> Result<(Reading, Vec<FileItem>), EditError> {
    let mut first = None;
    for reading in readings(path) {
        match items(before, *reading) {
            // Any text is one YAML scalar: a template that is no more than that is not YAML.
            Ok(old) if *reading == Reading::MaskedYaml && !has_structure(&old) => {}
            Ok(old) => return Ok((*reading, old)),
            Err(cause) => drop(first.get_or_insert(cause)),
        }
    }
    let cause = first.unwrap_or_else(|| "it is not a YAML map or list".to_owned());
    Err(EditError::Unreadable {
        file: path.clone(),
        when: "before the edit",
        cause,
    })
}

fn has_structure(items: &[FileItem]) -> bool {
    items.iter().any(|item| matches!(item, FileItem::Mark(mark) if mark.starts_with("MappingStart") || mark.starts_with("SequenceStart")))
}

fn outside_of_holes(path: &RepoPath, before: &[u8], edits: &[&Edit]) -> Result<(), EditError> {
    let text = std::str::from_utf8(before).unwrap_or("");
    let holes = mask::holes(text);
    for edit in edits {
        let next = holes.partition_point(|hole| hole.end <= edit.span.start);
        if holes.get(next).is_some_and(|hole| {
            hole.start < edit.span.end.max(edit.span.start + 1) && hole.start != edit.span.start
        }) || holes
            .get(next)
            .is_some_and(|hole| hole.start == edit.span.start && !edit.span.is_empty())
        {
            return Err(EditError::NoLiteral {
                file: path.clone(),
                span: edit.span,
            });
        }
    }
    Ok(())
}

/// The edits that were not met yet.
struct PendingEdits<'a, 'b> {
    path: &'a RepoPath,
    reading: Reading,
    edits: &'a [&'b Edit],
}

/// Walks both lists.
fn compare(
    path: &RepoPath,
    old: &[FileItem],
    new: &[FileItem],
    mut rest: PendingEdits<'_, '_>,
) -> Result<(), EditError> {
    let mut shift = 0_isize;
    let mut at = 0;
    for (index, item) in old.iter().enumerate() {
        match (item, new.get(index)) {
            (FileItem::Mark(left), Some(FileItem::Mark(right))) if left == right => {}
            (FileItem::Literal(left), Some(FileItem::Literal(right)))
                if left.kind == right.kind =>
            {
                shift += rest.before(left.span.start)?;
                let inside = rest.inside(left)?;
                shift = same(path, left, right, inside, shift)?;
                at = right.span.end;
            }
            (_, found) => {
                return Err(different(
                    path,
                    at,
                    format!("{} became {}", shown(Some(item)), shown(found)),
                ));
            }
        }
    }
    if let Some(more) = new.get(old.len()) {
        return Err(different(
            path,
            at,
            format!("{} was not there", shown(Some(more))),
        ));
    }
    rest.before(usize::MAX).map(drop)
}

impl<'a, 'b> PendingEdits<'a, 'b> {
    /// Takes the edits off the front that end before the literal that begins at `start`: they may
    /// be about comments only. Returns by how much what follows is moved.
    fn before(&mut self, start: usize) -> Result<isize, EditError> {
        let mut shift = 0;
        // Lines of comments right before a literal; if they became a part of it, it would be
        // somewhere else.
        let lines = |edit: &Edit| edit.span == Span::new(start, start) && edit.put.ends_with(b"\n");
        while let Some((edit, rest)) = self
            .edits
            .split_first()
            .filter(|(edit, _)| edit.span.start < start || lines(edit))
        {
            let fine = edit.span.end <= start
                && is_comment(self.reading, &edit.expect)
                && is_comment(self.reading, &edit.put);
            if !fine {
                return Err(EditError::NoLiteral {
                    file: self.path.clone(),
                    span: edit.span,
                });
            }
            shift += grown(edit);
            self.edits = rest;
        }
        Ok(shift)
    }

    /// Takes the edits inside `literal` off the front.
    fn inside(&mut self, literal: &FileLiteral) -> Result<&'a [&'b Edit], EditError> {
        let all = self.edits;
        // Lines of comments right behind a block scalar; if they became a part of it, it would say
        // something else.
        let behind = |edit: &Edit| edit.span.start == literal.span.end && edit.put.ends_with(b"\n");
        let count = all
            .iter()
            .take_while(|edit| literal.span.contains(edit.span) && !behind(edit))
            .count();
        self.edits = &all[count..];
        all[..count]
            .iter()
            .try_for_each(|edit| on_one_line(self.path, edit))?;
        Ok(&all[..count])
    }
}

fn grown(edit: &Edit) -> isize {
    edit.put.len() as isize - edit.span.len() as isize
}

fn shown(item: Option<&FileItem>) -> String {
    match item {
        Some(FileItem::Mark(mark)) => format!("`{mark}`"),
        Some(FileItem::Literal(literal)) => {
            format!("the string {:?}", super::shown(literal.value.as_bytes()))
        }
        None => "the end of the file".to_owned(),
    }
}

/// Compares a literal before and after; returns the shift of what follows.
fn same(
    path: &RepoPath,
    old: &FileLiteral,
    new: &FileLiteral,
    edits: &[&Edit],
    shift: isize,
) -> Result<isize, EditError> {
    let grown: isize = edits.iter().map(|edit| grown(edit)).sum();
    let moved = |at: usize, by: isize| at.checked_add_signed(by);
    if moved(old.span.start, shift) != Some(new.span.start)
        || moved(old.span.end, shift + grown) != Some(new.span.end)
    {
        return Err(different(
            path,
            new.span.start,
            "a string is not where it must be",
        ));
    }
    let value_same = match edits {
        [] => old.value == new.value,
        [edit] => is_spliced(old.value.as_bytes(), new.value.as_bytes(), edit),
        _ => old.value.len().checked_add_signed(grown) == Some(new.value.len()),
    };
    if value_same {
        Ok(shift + grown)
    } else {
        Err(different(
            path,
            new.span.start,
            "a string differs from the edit",
        ))
    }
}

/// Says whether `new` is `old` with the edit made at some place, written as it is.
fn is_spliced(old: &[u8], new: &[u8], edit: &Edit) -> bool {
    let (expect, put) = (edit.expect.as_slice(), edit.put.as_slice());
    if old.len() + put.len() != new.len() + expect.len() {
        return false;
    }
    let head = old
        .iter()
        .zip(new)
        .take_while(|(left, right)| left == right)
        .count();
    let tail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(left, right)| left == right)
        .count();
    let last = head.min(old.len().saturating_sub(expect.len()));
    let first = (old.len().saturating_sub(expect.len())).saturating_sub(tail);
    (first..=last).any(|at| old[at..].starts_with(expect) && new[at..].starts_with(put))
}
