//! YAML as OpenTofu's `yamlencode` writes it; reading is done by the YAML module.

use super::super::eval::support::*;
use super::super::text::Text;
use super::super::value::{Value, Why, WhyKind};
use super::Outcome;
use super::encoding::append_escaped;
use std::fmt::Write;

pub fn decode(_text: &Text) -> Outcome {
    Err(Why::new(WhyKind::Function, "function yamldecode"))
}

/// Writes a value; strings inside keep their origin.
pub fn encode(value: &Value) -> Result<Text, Why> {
    let mut out = Text::default();
    match value {
        Value::Map(entries) if !entries.is_empty() => block(value, 0, &mut out)?,
        Value::List(items) | Value::Set(items) if !items.is_empty() => block(value, 0, &mut out)?,
        scalar => {
            write_scalar(scalar, 0, &mut out)?;
            out.append(&"\n".into());
        }
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

/// Writes a list or object from the start of a line, which the first line of an element of a list has behind it already.
fn block(value: &Value, indent: usize, out: &mut Text) -> Result<(), Why> {
    let mut first = true;
    let mut start = |out: &mut Text| {
        if !std::mem::take(&mut first) {
            out.append(&Text::computed(" ".repeat(indent)));
        }
    };
    match value {
        Value::Map(entries) => {
            for (key, item) in entries.iter() {
                start(out);
                let mut name = String::from("\"");
                key.chars().for_each(|c| escape(c, &mut name));
                name.push_str("\":");
                out.append(&Text::computed(name));
                entry(item, indent, out)?;
            }
        }
        Value::List(items) | Value::Set(items) => {
            for item in items.iter() {
                start(out);
                out.append(&"- ".into());
                if is_block(item) {
                    block(item, indent + 2, out)?;
                } else {
                    write_scalar(item, indent, out)?;
                    out.append(&"\n".into());
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Writes what follows a key.
fn entry(item: &Value, indent: usize, out: &mut Text) -> Result<(), Why> {
    if !is_block(item) {
        out.append(&" ".into());
        write_scalar(item, indent, out)?;
        out.append(&"\n".into());
        return Ok(());
    }
    let inner = if matches!(item, Value::Map(_)) { indent + 2 } else { indent };
    out.append(&Text::computed(format!("\n{}", " ".repeat(inner))));
    block(item, inner, out)
}

fn write_scalar(value: &Value, indent: usize, out: &mut Text) -> Result<(), Why> {
    match value {
        Value::Null => out.append(&"null".into()),
        Value::Bool(_) | Value::Number(..) => out.append(&to_text(value.clone())?),
        Value::Text(text) => {
            if text.why_unknown().is_none() && known(text)?.contains('\n') {
                return literal(text, indent, out);
            }
            out.append(&"\"".into());
            append_escaped(out, text, &escape);
            out.append(&"\"".into());
        }
        Value::List(_) | Value::Set(_) => out.append(&"[]".into()),
        Value::Map(_) => out.append(&"{}".into()),
        Value::Unknown(why) => return Err(why.clone()),
    }
    Ok(())
}

/// Writes a string of several lines as a block scalar.
fn literal(_text: &Text, _indent: usize, _out: &mut Text) -> Result<(), Why> {
    Err(limit("a string of several lines in yamlencode"))
}

fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\t' => out.push_str("\\t"),
        '\r' => out.push_str("\\r"),
        '\0'..='\u{1f}' | '\u{7f}' => {
            let _ = write!(out, "\\x{:02X}", u32::from(c));
        }
        _ => out.push(c),
    }
}
