//! Terraform templates read as YAML without evaluating them: `${…}` and `%{…}` are overwritten at equal byte length.
//! Parses no expression; it only finds where one ends.
//!
//! What stands there instead: a `${…}` is a word of `x` (also its line ends, so it stays one scalar). A `%{…}` is blanks, line ends kept,
//! when nothing but blanks, `{`, `[` or `,` comes before it on its line; inside a scalar it is a word of `x` too, since what the scalar says
//! depends on it. `$${` and `%%{` are text.

use super::files::RepoPath;
use super::joined::Joined;
use super::span::Span;
use super::text::{Form, Frame, Origin, Piece};
use super::value::{Why, WhyKind};
use super::yaml::{self, Document};

/// A stretch of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// `$${` or `%%{`.
    Escape,
    /// `${…}`
    Interpolation,
    /// `%{…}`
    Directive,
}

/// Returns `text` with every `${…}` and `%{…}` overwritten; same length in bytes. A `${` that never ends is text.
pub fn mask(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = b'\n';
    for (kind, span) in stretches(text) {
        let written = &text[span.range()];
        let masked = stand_in(kind, written, last);
        let read = masked.as_deref().unwrap_or(written);
        last = last_of(read, last);
        out.push_str(read);
    }
    out
}

/// Returns the bytes of every `${…}` and `%{…}` of `text`, in order.
pub fn holes(text: &str) -> Vec<Span> {
    let is_hole = |kind| matches!(kind, Kind::Interpolation | Kind::Directive);
    stretches(text).into_iter().filter(|(kind, _)| is_hole(*kind)).map(|(_, span)| span).collect()
}

/// Returns the YAML documents of a template whose content `text` stands at byte `base` of `file`, read without evaluating it: the origins
/// of scalars point into the file, and a scalar that a `${…}` or `%{…}` touches has an unknown part there. All branches of an `%{ if }` are read,
/// the body of a `%{ for }` once.
pub fn documents_masked(text: &str, file: &RepoPath, base: usize) -> Vec<Document> {
    let literal = Span::new(base, base + text.len());
    let mut joined = Joined::within(Frame { file: file.clone(), content: literal, form: Form::Raw });
    let mut last = b'\n';
    for (kind, span) in stretches(text) {
        let written = &text[span.range()];
        let masked = stand_in(kind, written, last);
        last = last_of(masked.as_deref().unwrap_or(written), last);
        let origin = Origin { file: file.clone(), span: Span::new(base + span.start, base + span.end), literal, form: Form::Raw };
        match masked {
            Some(masked) => joined.push(&masked, Piece::Unknown(Why::new(WhyKind::RunTime, short(written)))),
            None if kind == Kind::Escape => joined.push(&written[1..], Piece::Known { text: written[1..].into(), origin: Some(origin) }),
            None => joined.push(written, Piece::Known { text: written.into(), origin: Some(origin) }),
        }
    }
    yaml::documents_of(&joined)
}

fn short(written: &str) -> String {
    const MOST: usize = 60;
    let cut = written.char_indices().nth(MOST).map(|(at, _)| at);
    let line = written[..cut.unwrap_or(written.len())].split_whitespace().collect::<Vec<_>>().join(" ");
    if cut.is_some() { format!("{line}…") } else { line }
}

/// Returns what stands for a stretch; `None` for text. `last` is the last byte before it that is not a blank, a line end if there is none.
fn stand_in(kind: Kind, written: &str, last: u8) -> Option<String> {
    match kind {
        Kind::Text | Kind::Escape => None,
        Kind::Directive if matches!(last, b'\n' | b'{' | b'[' | b',') => {
            let blank = |byte: u8| if matches!(byte, b'\n' | b'\r') { char::from(byte) } else { ' ' };
            Some(written.bytes().map(blank).collect())
        }
        Kind::Interpolation | Kind::Directive => Some("x".repeat(written.len())),
    }
}

fn last_of(read: &str, last: u8) -> u8 {
    read.trim_start_matches('\u{feff}').bytes().rev().find(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(last)
}

/// Cuts a template into text and holes; every byte is in exactly one stretch. One pass: after a hole that never ends all is text.
fn stretches(text: &str) -> Vec<(Kind, Span)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        let (kind, end) = match &bytes[at..] {
            [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => (Kind::Escape, Some(at + 3)),
            [b'$', b'{', ..] => (Kind::Interpolation, hole_end(bytes, at + 2)),
            [b'%', b'{', ..] => (Kind::Directive, hole_end(bytes, at + 2)),
            _ => {
                at += 1;
                continue;
            }
        };
        let Some(end) = end else { break };
        if from < at {
            out.push((Kind::Text, Span::new(from, at)));
        }
        out.push((kind, Span::new(at, end)));
        (from, at) = (end, end);
    }
    if from < bytes.len() {
        out.push((Kind::Text, Span::new(from, bytes.len())));
    }
    out
}

/// What the scanner is in.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    /// `{`, `${` or `%{`: an expression.
    Braces,
    /// A quoted string of an expression.
    Quotes,
}

/// Returns the end of the expression that begins at `at`, after its `}`; `None` when it never ends.
fn hole_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut stack = vec![Inside::Braces];
    while let Some(inside) = stack.last().copied() {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        at += match inside {
            Inside::Quotes => in_quotes(rest, &mut stack),
            Inside::Braces => in_braces(rest, &mut stack),
        };
    }
    Some(at)
}

fn in_quotes(rest: &[u8], stack: &mut Vec<Inside>) -> usize {
    match rest {
        [b'\\', _, ..] => 2,
        [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => 3,
        [b'$', b'{', ..] | [b'%', b'{', ..] => {
            stack.push(Inside::Braces);
            2
        }
        [b'"', ..] => {
            stack.pop();
            1
        }
        _ => 1,
    }
}

fn in_braces(rest: &[u8], stack: &mut Vec<Inside>) -> usize {
    match rest {
        [b'"', ..] => stack.push(Inside::Quotes),
        [b'{', ..] => stack.push(Inside::Braces),
        [b'}', ..] => drop(stack.pop()),
        [b'#', ..] | [b'/', b'/', ..] => return rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => return rest.windows(2).skip(2).position(|pair| pair == b"*/").map_or(rest.len(), |at| at + 4),
        _ => {}
    }
    1
}

#[cfg(test)]
mod tests;
