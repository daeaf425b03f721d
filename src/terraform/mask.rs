//! Terraform templates read as YAML without evaluating them: `${…}` and `%{…}` are overwritten at
//! equal byte length. Parses no expression; it only finds where one ends.
//!
//! What stands there instead: a `${…}` is a word of `x` (also its line ends, so it stays one
//! scalar). A `%{…}` is blanks, line ends kept, when nothing but blanks, `{`, `[` or `,` comes
//! before it on its line; inside a scalar it is a word of `x` too, since what the scalar says
//! depends on it. `$${` and `%%{` are text.

use super::span::Span;

/// A stretch of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stretch {
    Text,
    /// `$${` or `%%{`.
    Escape,
    /// `${…}`
    Interpolation,
    /// `%{…}`
    Directive,
}

/// Returns `text` with every `${…}` and `%{…}` overwritten; same length in bytes. A `${` that never
/// ends is text.
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
    let is_hole = |kind| matches!(kind, Stretch::Interpolation | Stretch::Directive);
    stretches(text)
        .into_iter()
        .filter(|(kind, _)| is_hole(*kind))
        .map(|(_, span)| span)
        .collect()
}

/// Returns what stands for a stretch; `None` for text. `last` is the last byte before it that is
/// not a blank, a line end if there is none.
fn stand_in(kind: Stretch, written: &str, last: u8) -> Option<String> {
    match kind {
        Stretch::Text | Stretch::Escape => None,
        Stretch::Directive if matches!(last, b'\n' | b'{' | b'[' | b',') => {
            let blank = |byte: u8| {
                if matches!(byte, b'\n' | b'\r') {
                    char::from(byte)
                } else {
                    ' '
                }
            };
            Some(written.bytes().map(blank).collect())
        }
        Stretch::Interpolation | Stretch::Directive => Some("x".repeat(written.len())),
    }
}

fn last_of(read: &str, last: u8) -> u8 {
    read.trim_start_matches('\u{feff}')
        .bytes()
        .rev()
        .find(|byte| !matches!(byte, b' ' | b'\t'))
        .unwrap_or(last)
}

/// Cuts a template into text and holes; every byte is in exactly one stretch. One pass: after a
/// hole that never ends all is text.
fn stretches(text: &str) -> Vec<(Stretch, Span)> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let (mut from, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        let (kind, end) = match &bytes[at..] {
            [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => (Stretch::Escape, Some(at + 3)),
            [b'$', b'{', ..] => (Stretch::Interpolation, hole_end(bytes, at + 2)),
            [b'%', b'{', ..] => (Stretch::Directive, hole_end(bytes, at + 2)),
            _ => {
                at += 1;
                continue;
            }
        };
        let Some(end) = end else { break };
        if from < at {
            out.push((Stretch::Text, Span::new(from, at)));
        }
        out.push((kind, Span::new(at, end)));
        (from, at) = (end, end);
    }
    if from < bytes.len() {
        out.push((Stretch::Text, Span::new(from, bytes.len())));
    }
    out
}

/// What the scanner is in.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    /// `{`, `${` or `%{`: an expression.
    Braces,
    /// A quoted string of an expression.
    Quotes,
}

/// Returns the end of the expression that begins at `at`, after its `}`; `None` when it never ends.
fn hole_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut stack = vec![Nesting::Braces];
    while let Some(inside) = stack.last().copied() {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        at += match inside {
            Nesting::Quotes => in_quotes(rest, &mut stack),
            Nesting::Braces => in_braces(rest, &mut stack),
        };
    }
    Some(at)
}

fn in_quotes(rest: &[u8], stack: &mut Vec<Nesting>) -> usize {
    match rest {
        [b'\\', _, ..] => 2,
        [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => 3,
        [b'$', b'{', ..] | [b'%', b'{', ..] => {
            stack.push(Nesting::Braces);
            2
        }
        [b'"', ..] => {
            stack.pop();
            1
        }
        _ => 1,
    }
}

fn in_braces(rest: &[u8], stack: &mut Vec<Nesting>) -> usize {
    match rest {
        [b'"', ..] => stack.push(Nesting::Quotes),
        [b'{', ..] => stack.push(Nesting::Braces),
        [b'}', ..] => drop(stack.pop()),
        [b'#', ..] | [b'/', b'/', ..] => {
            return rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len());
        }
        [b'/', b'*', ..] => {
            return rest
                .windows(2)
                .skip(2)
                .position(|pair| pair == b"*/")
                .map_or(rest.len(), |at| at + 4);
        }
        _ => {}
    }
    1
}

#[cfg(test)]
mod tests;
