//! Functions over strings; bytes that survive keep their origin.

use super::super::eval::support::*;
use super::super::text::{Piece, Text};
use super::super::value::{Value, Why};
use super::arguments::Args;
use super::writer::TextWriter;
use super::{Computed, format, patterns};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "format" => format::format(args),
        "formatlist" => format::format_list(args),
        "join" => join(args),
        "split" => split(args),
        "replace" => patterns::replace(args),
        "regex" => patterns::regex(args),
        "regexall" => patterns::regex_all(args),
        "lower" => changed(args, |text| {
            text.chars().map(|c| single(c, c.to_lowercase())).collect()
        }),
        "upper" => changed(args, |text| {
            text.chars().map(|c| single(c, c.to_uppercase())).collect()
        }),
        "title" => changed(args, title),
        "strrev" => changed(args, |text| text.graphemes(true).rev().collect()),
        "trim" => trim(args),
        "trimspace" => part(args, |text| {
            let start = text.len() - text.trim_start().len();
            start..start + text.trim().len()
        }),
        "chomp" => part(args, |text| 0..text.trim_end_matches(['\r', '\n']).len()),
        "trimprefix" => trim_affix(args, |text, affix| {
            Some(text.len() - text.strip_prefix(affix)?.len()..text.len())
        }),
        "trimsuffix" => trim_affix(args, |text, affix| Some(0..text.strip_suffix(affix)?.len())),
        "substr" => substr(args),
        "startswith" => ask(args, |text, other| text.starts_with(other)),
        "endswith" => ask(args, |text, other| text.ends_with(other)),
        "strcontains" => ask(args, |text, other| text.contains(other)),
        "indent" => indent(args),
        _ => return None,
    })
}

pub fn cut(text: &Text, range: Range<usize>) -> Computed {
    text.slice(range)
        .map(Value::Text)
        .ok_or_else(|| limit("a part of a character"))
}

/// Cuts the first argument, which must be the only one.
fn part(args: Args, range: impl FnOnce(&str) -> Range<usize>) -> Computed {
    let text = args.count(1, 1)?.text(0)?;
    let string = known(&text)?;
    cut(&text, range(&string))
}

/// Computes a new text; one that comes out as it went in keeps its origin.
fn changed(args: Args, change: impl FnOnce(&str) -> String) -> Computed {
    let text = args.count(1, 1)?.text(0)?;
    let string = known(&text)?;
    let new = change(&string);
    Ok(if new == string {
        Value::Text(text)
    } else {
        Value::text(new)
    })
}

fn ask(args: Args, answer: impl FnOnce(&str, &str) -> bool) -> Computed {
    Ok(Value::Bool(answer(
        &args.count(2, 2)?.string(0)?,
        &args.string(1)?,
    )))
}

/// Maps one character to one, as Go does: one that maps to several stays.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    mapped
        .next()
        .filter(|_| mapped.next().is_none())
        .unwrap_or(c)
}

/// Makes letters after a separator upper case, as Go's `strings.Title` does.
fn title(text: &str) -> String {
    let mut after_separator = true;
    let mut out = String::new();
    for c in text.chars() {
        if after_separator {
            out.push(single(c, c.to_uppercase()));
        } else {
            out.push(c);
        }
        after_separator = if c.is_ascii() {
            !(c.is_ascii_alphanumeric() || c == '_')
        } else {
            c.is_whitespace()
        };
    }
    out
}

fn join(args: Args) -> Computed {
    let separator = args.count(1, usize::MAX)?.text(0)?;
    let mut out = Text::default();
    let mut first = true;
    for at in 1..args.0.len() {
        for item in args.list(at)?.iter() {
            if !std::mem::take(&mut first) {
                out.append(&separator);
            }
            out.append(&with_hole(item)?);
        }
    }
    Ok(Value::Text(out))
}

/// Converts to a text, where a value that is not known is a hole.
pub fn with_hole(item: &Value) -> Result<Text, Why> {
    match item {
        Value::Unknown(why) => {
            let mut hole = Text::default();
            hole.push(Piece::Unknown(why.clone()));
            Ok(hole)
        }
        other => to_text(other.clone()),
    }
}

fn split(args: Args) -> Computed {
    let separator = args.count(2, 2)?.string(0)?;
    let text = args.text(1)?;
    let string = known(&text)?;
    let mut parts = Vec::new();
    if separator.is_empty() {
        for (at, c) in string.char_indices() {
            parts.push(cut(&text, at..at + c.len_utf8())?);
        }
        return Ok(list(parts));
    }
    let mut start = 0;
    for (at, _) in string.match_indices(&separator) {
        parts.push(cut(&text, start..at)?);
        start = at + separator.len();
    }
    parts.push(cut(&text, start..string.len())?);
    Ok(list(parts))
}

fn trim(args: Args) -> Computed {
    let text = args.count(2, 2)?.text(0)?;
    let (string, set) = (known(&text)?, args.string(1)?);
    let in_set = |c: char| set.contains(c);
    let start = string.len() - string.trim_start_matches(in_set).len();
    cut(
        &text,
        start..start + string[start..].trim_end_matches(in_set).len(),
    )
}

fn trim_affix(args: Args, range: impl FnOnce(&str, &str) -> Option<Range<usize>>) -> Computed {
    let text = args.count(2, 2)?.text(0)?;
    let (string, affix) = (known(&text)?, args.string(1)?);
    match range(&string, &affix) {
        Some(range) => cut(&text, range),
        None => Ok(Value::Text(text)),
    }
}

/// Counts in what a reader takes for one character. A negative offset counts from the end, a length
/// of -1 is the rest.
fn substr(args: Args) -> Computed {
    let text = args.count(3, 3)?.text(0)?;
    let (offset, length) = (args.int(1)?, args.int(2)?);
    let string = known(&text)?;
    let starts: Vec<usize> = string
        .grapheme_indices(true)
        .map(|(at, _)| at)
        .chain([string.len()])
        .collect();
    let total = starts.len() as i128 - 1;
    let start = if offset < 0 {
        (offset + total).max(0)
    } else {
        offset.min(total)
    };
    let end = if length < 0 {
        total
    } else {
        start.saturating_add(length).min(total)
    };
    let byte = |at: i128| {
        usize::try_from(at)
            .ok()
            .and_then(|at| starts.get(at).copied())
            .unwrap_or(string.len())
    };
    cut(&text, byte(start)..byte(end))
}

/// Puts spaces after every line end.
fn indent(args: Args) -> Computed {
    let spaces = usize::try_from(args.count(2, 2)?.int(0)?)
        .map_err(|_| invalid("a negative indentation"))?;
    if spaces > 10_000 {
        return Err(limit("an indentation this deep"));
    }
    let text = args.text(1)?;
    let padding = " ".repeat(spaces);
    let mut out = TextWriter::default();
    let mut is_changed = false;
    for piece in text.pieces() {
        let Piece::Known { text: content, .. } = piece else {
            out.piece(piece.clone());
            continue;
        };
        let mut start = 0;
        for (at, _) in content.match_indices('\n') {
            out.slice(piece, start..at + 1);
            out.write(&padding);
            start = at + 1;
            is_changed = true;
        }
        out.slice(piece, start..content.len());
    }
    Ok(Value::Text(if is_changed { out.finish() } else { text }))
}

pub fn piece(text: &Text, range: Range<usize>) -> Result<Text, Why> {
    text.slice(range)
        .ok_or_else(|| limit("a part of a character"))
}
