//! YAML as OpenTofu's `yamlencode` writes it; reading is done by the YAML module.

use super::super::eval::support::*;
use super::super::text::{Piece, Text};
use super::super::value::{Value, Why, is_unknown_key, unknown_keys};
use super::super::yaml;
use super::Computed;
use super::strings::piece;
use super::writer::TextWriter;
use std::fmt::Write;

pub fn decode(text: &Text) -> Computed {
    match yaml::decode(text) {
        Value::Unknown(why) => Err(why),
        value => Ok(value),
    }
}

/// The column beyond which a quoted string goes on in the next line.
const WIDTH: usize = 80;

/// Writes a value; strings inside keep their origin.
pub fn encode(value: &Value) -> Result<Text, Why> {
    let mut out = TextWriter::default();
    if is_block(value) {
        block(value, 0, 0, &mut out)?;
    } else {
        scalar(value, 0, 0, &mut out)?;
        let plain = matches!(value, Value::Null | Value::Bool(_) | Value::Number(..));
        out.write(if plain { "\n...\n" } else { "\n" });
    }
    Ok(out.finish())
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) | Value::Set(items) => !items.is_empty(),
        _ => false,
    }
}

/// Writes a list or object. Its first line has `column` characters before it already, the others
/// are indented by `indent`.
fn block(value: &Value, indent: usize, column: usize, out: &mut TextWriter) -> Result<(), Why> {
    let mut column = Some(column);
    let mut start = |out: &mut TextWriter| match column.take() {
        Some(column) => column,
        None => {
            blanks(out, indent);
            indent
        }
    };
    match value {
        Value::Map(entries) => {
            for (key, item) in entries.iter() {
                let column = start(out);
                if let Some(why) = unknown_keys(entries).filter(|_| is_unknown_key(key)) {
                    out.piece(Piece::Unknown(why));
                    out.write(":");
                    entry(item, indent, column, out)?;
                    continue;
                }
                let before = out.run().len();
                out.write("\"");
                key.chars().for_each(|c| escape(c, out.run()));
                out.write("\":");
                let column = column + out.run()[before..].chars().count();
                entry(item, indent, column, out)?;
            }
        }
        Value::List(items) | Value::Set(items) => {
            for item in items.iter() {
                let column = start(out) + 2;
                out.write("- ");
                if is_block(item) {
                    block(item, indent + 2, column, out)?;
                } else {
                    scalar(item, indent, column, out)?;
                    out.write("\n");
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes what follows a key.
fn entry(item: &Value, indent: usize, column: usize, out: &mut TextWriter) -> Result<(), Why> {
    if !is_block(item) {
        out.write(" ");
        scalar(item, indent, column + 1, out)?;
        out.write("\n");
        return Ok(());
    }
    let inner = if matches!(item, Value::Map(_)) {
        indent + 2
    } else {
        indent
    };
    out.write("\n");
    blanks(out, inner);
    block(item, inner, inner, out)
}

fn scalar(value: &Value, indent: usize, column: usize, out: &mut TextWriter) -> Result<(), Why> {
    match value {
        Value::Null => out.write("null"),
        Value::Bool(_) | Value::Number(..) => out.append(&to_text(value.clone())?),
        Value::Text(text) => match text.known() {
            Some(string) if string.contains('\n') && may_be_literal(&string) => {
                return literal(text, &string, indent, out);
            }
            _ => quoted(text, indent, column, out),
        },
        Value::List(_) | Value::Set(_) => out.write("[]"),
        Value::Map(_) => out.write("{}"),
        Value::Unknown(why) => out.piece(Piece::Unknown(why.clone())),
    }
    Ok(())
}

fn may_be_literal(string: &str) -> bool {
    !string.contains(" \n")
        && !string.ends_with(' ')
        && string.chars().all(|c| c == '\n' || !c.is_control())
}

/// Writes a string of several lines as a block scalar, each line at its own place.
fn literal(text: &Text, string: &str, indent: usize, out: &mut TextWriter) -> Result<(), Why> {
    let body = string.trim_end_matches('\n').len();
    let end = match string.len() - body {
        0 => "-",
        1 => "",
        _ => return Err(limit("a string with empty lines at its end in yamlencode")),
    };
    let hint = if string.starts_with([' ', '\n']) {
        "2"
    } else {
        ""
    };
    out.run().extend(["|", hint, end]);
    let mut start = 0;
    for line in string[..body].split('\n') {
        out.write("\n");
        blanks(out, if line.is_empty() { 0 } else { indent + 2 });
        out.append(&piece(text, start..start + line.len())?);
        start += line.len() + 1;
    }
    Ok(())
}

/// Writes a string between quotes; a long one goes on in the next line at a space.
fn quoted(text: &Text, indent: usize, mut column: usize, out: &mut TextWriter) {
    out.write("\"");
    column += 1;
    let total = text.known_len();
    let foldable = text.why_unknown().is_none();
    let (mut at, mut after_space) = (0, false);
    for piece in text.pieces() {
        let Piece::Known { text: content, .. } = piece else {
            out.piece(piece.clone());
            continue;
        };
        let mut start = 0;
        for (offset, c) in content.char_indices() {
            let folds =
                c == ' ' && foldable && !after_space && column > WIDTH && at > 0 && at + 1 < total;
            at += c.len_utf8();
            after_space = c == ' ';
            if !folds && !is_escaped(c) {
                column += 1;
                continue;
            }
            out.slice(piece, start..offset);
            start = offset + c.len_utf8();
            if folds {
                out.write("\n");
                blanks(out, indent + 2);
                out.write(if content[start..].starts_with(' ') {
                    "\\"
                } else {
                    ""
                });
                column = indent + 2;
            } else {
                let before = out.run().len();
                escape(c, out.run());
                column += out.run()[before..].chars().count();
            }
        }
        out.slice(piece, start..content.len());
    }
    out.write("\"");
}

fn blanks(out: &mut TextWriter, count: usize) {
    out.run().extend(std::iter::repeat_n(' ', count));
}

fn is_escaped(c: char) -> bool {
    matches!(
        c,
        '"' | '\\' | '\0'..='\u{1f}' | '\u{7f}' | '\u{85}' | '\u{a0}' | '\u{2028}' | '\u{2029}'
    )
}

fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\0' => out.push_str("\\0"),
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{b}' => out.push_str("\\v"),
        '\u{c}' => out.push_str("\\f"),
        '\u{1b}' => out.push_str("\\e"),
        '\u{85}' => out.push_str("\\N"),
        '\u{a0}' => out.push_str("\\_"),
        '\u{2028}' => out.push_str("\\L"),
        '\u{2029}' => out.push_str("\\P"),
        '\0'..='\u{1f}' | '\u{7f}' => {
            let _ = write!(out, "\\x{:02X}", u32::from(c));
        }
        _ => out.push(c),
    }
}
