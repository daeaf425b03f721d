//! YAML as OpenTofu's `yamlencode` writes it; reading is done by the YAML module.

use super::super::eval::support::*;
use super::super::text::{Piece, Text};
use super::super::value::{Value, Why};
use super::super::yaml;
use super::Computed;
use super::encoding::append_slice;
use super::strings::piece;
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
    let mut out = Text::default();
    if is_block(value) {
        block(value, 0, 0, &mut out)?;
    } else {
        scalar(value, 0, 0, &mut out)?;
        let plain = matches!(value, Value::Null | Value::Bool(_) | Value::Number(..));
        out.append(&if plain { "\n...\n".into() } else { "\n".into() });
    }
    Ok(out)
}

fn is_block(value: &Value) -> bool {
    match value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) | Value::Set(items) => !items.is_empty(),
        _ => false,
    }
}

/// Writes a list or object. Its first line has `column` characters before it already, the others are indented by `indent`.
fn block(value: &Value, indent: usize, column: usize, out: &mut Text) -> Result<(), Why> {
    let mut column = Some(column);
    let mut start = |out: &mut Text| match column.take() {
        Some(column) => column,
        None => {
            out.append(&Text::computed(" ".repeat(indent)));
            indent
        }
    };
    match value {
        Value::Map(entries) => {
            for (key, item) in entries.iter() {
                let column = start(out);
                let mut name = String::from("\"");
                key.chars().for_each(|c| escape(c, &mut name));
                name.push_str("\":");
                let column = column + name.chars().count();
                out.append(&Text::computed(name));
                entry(item, indent, column, out)?;
            }
        }
        Value::List(items) | Value::Set(items) => {
            for item in items.iter() {
                let column = start(out) + 2;
                out.append(&"- ".into());
                if is_block(item) {
                    block(item, indent + 2, column, out)?;
                } else {
                    scalar(item, indent, column, out)?;
                    out.append(&"\n".into());
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes what follows a key.
fn entry(item: &Value, indent: usize, column: usize, out: &mut Text) -> Result<(), Why> {
    if !is_block(item) {
        out.append(&" ".into());
        scalar(item, indent, column + 1, out)?;
        out.append(&"\n".into());
        return Ok(());
    }
    let inner = if matches!(item, Value::Map(_)) { indent + 2 } else { indent };
    out.append(&Text::computed(format!("\n{}", " ".repeat(inner))));
    block(item, inner, inner, out)
}

fn scalar(value: &Value, indent: usize, column: usize, out: &mut Text) -> Result<(), Why> {
    match value {
        Value::Null => out.append(&"null".into()),
        Value::Bool(_) | Value::Number(..) => out.append(&to_text(value.clone())?),
        Value::Text(text) => match text.known() {
            Some(string) if string.contains('\n') && may_be_literal(&string) => return literal(text, &string, indent, out),
            _ => quoted(text, indent, column, out),
        },
        Value::List(_) | Value::Set(_) => out.append(&"[]".into()),
        Value::Map(_) => out.append(&"{}".into()),
        Value::Unknown(why) => return Err(why.clone()),
    }
    Ok(())
}

fn may_be_literal(string: &str) -> bool {
    !string.contains(" \n") && !string.ends_with(' ') && string.chars().all(|c| c == '\n' || !c.is_control())
}

/// Writes a string of several lines as a block scalar, each line at its own place.
fn literal(text: &Text, string: &str, indent: usize, out: &mut Text) -> Result<(), Why> {
    let body = string.trim_end_matches('\n').len();
    let end = match string.len() - body {
        0 => "-",
        1 => "",
        _ => return Err(limit("a string with empty lines at its end in yamlencode")),
    };
    let hint = if string.starts_with([' ', '\n']) { "2" } else { "" };
    out.append(&Text::computed(format!("|{hint}{end}")));
    let mut start = 0;
    for line in string[..body].split('\n') {
        let lead = if line.is_empty() { "\n".to_owned() } else { format!("\n{}", " ".repeat(indent + 2)) };
        out.append(&Text::computed(lead));
        out.append(&piece(text, start..start + line.len())?);
        start += line.len() + 1;
    }
    Ok(())
}

/// Writes a string between quotes; a long one goes on in the next line at a space.
fn quoted(text: &Text, indent: usize, mut column: usize, out: &mut Text) {
    out.append(&"\"".into());
    column += 1;
    let total = text.known_len();
    let foldable = text.why_unknown().is_none();
    let (mut at, mut after_space) = (0, false);
    for piece in text.pieces() {
        let Piece::Known { text: content, .. } = piece else {
            out.push(piece.clone());
            continue;
        };
        let whole = Text::from_piece(piece.clone());
        let mut start = 0;
        for (offset, c) in content.char_indices() {
            let folds = c == ' ' && foldable && !after_space && column > WIDTH && at > 0 && at + 1 < total;
            at += c.len_utf8();
            after_space = c == ' ';
            let written = if folds { fold(content[offset + 1..].starts_with(' '), indent) } else { escaped(c) };
            column = if folds { indent + 2 } else { column + written.as_ref().map_or(1, |written| written.chars().count()) };
            if let Some(written) = written {
                append_slice(out, &whole, start..offset);
                out.append(&Text::computed(written));
                start = offset + c.len_utf8();
            }
        }
        append_slice(out, &whole, start..content.len());
    }
    out.append(&"\"".into());
}

fn fold(before_space: bool, indent: usize) -> Option<String> {
    Some(format!("\n{}{}", " ".repeat(indent + 2), if before_space { "\\" } else { "" }))
}

/// Returns how a character is written, when that is not as it is.
fn escaped(c: char) -> Option<String> {
    let mut written = String::new();
    escape(c, &mut written);
    (!written.chars().eq([c])).then_some(written)
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
