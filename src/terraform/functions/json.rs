//! JSON as OpenTofu writes it; reading is done by the JSON module.

use super::super::eval::support::*;
use super::super::json;
use super::super::text::{Piece, Text};
use super::super::value::{Value, Why};
use super::Computed;
use super::writer::TextWriter;
use std::fmt::Write;

/// Reads one JSON value.
pub fn decode(text: &Text) -> Computed {
    match json::decode(text) {
        Value::Unknown(why) => Err(why),
        value => Ok(value),
    }
}

/// Writes a value; strings inside keep their origin and their holes.
pub fn encode(value: &Value) -> Result<Text, Why> {
    let mut out = TextWriter::default();
    write(value, &mut out)?;
    Ok(out.finish())
}

fn write(value: &Value, out: &mut TextWriter) -> Result<(), Why> {
    match value {
        Value::Null => out.write("null"),
        Value::Bool(_) | Value::Number(..) => out.append(&to_text(value.clone())?),
        Value::Text(text) => {
            out.write("\"");
            out.escaped(text, is_escaped, escape);
            out.write("\"");
        }
        Value::List(items) | Value::Set(items) => {
            out.write("[");
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.write(",");
                }
                write(item, out)?;
            }
            out.write("]");
        }
        Value::Map(entries) => {
            out.write("{");
            for (at, (key, item)) in entries.iter().enumerate() {
                out.write(if at > 0 { ",\"" } else { "\"" });
                key.chars().for_each(|c| escape(c, out.run()));
                out.write("\":");
                write(item, out)?;
            }
            out.write("}");
        }
        Value::Unknown(why) => out.piece(Piece::Unknown(why.clone())),
    }
    Ok(())
}

fn is_escaped(c: char) -> bool {
    matches!(
        c,
        '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}'
    )
}

/// Appends a character as Go writes it inside a JSON string.
pub fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        _ => out.push(c),
    }
}
