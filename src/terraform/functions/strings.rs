//! Functions over strings; bytes that survive keep their origin.

use super::super::eval::support::*;
use super::super::text::{Piece, Text};
use super::super::value::{Value, Why};
use super::Outcome;
use super::arguments::Args;

pub fn call(name: &str, args: &[Value]) -> Option<Outcome> {
    let args = Args(args);
    Some(match name {
        "join" => join(args),
        "split" => split(args),
        "tostring" => tostring(args),
        "trimspace" => whole(args, |text| {
            let start = text.len() - text.trim_start().len();
            start..start + text.trim().len()
        }),
        _ => return None,
    })
}

/// Cuts the first argument, which must be the only one.
fn whole(args: Args, range: impl FnOnce(&str) -> std::ops::Range<usize>) -> Outcome {
    let text = args.count(1, 1)?.text(0)?;
    let string = known(&text)?;
    cut(&text, range(&string))
}

pub fn cut(text: &Text, range: std::ops::Range<usize>) -> Outcome {
    text.slice(range).map(Value::Text).ok_or_else(|| invalid("a part of a text that is not there"))
}

fn tostring(args: Args) -> Outcome {
    match args.count(1, 1)?.value(0)? {
        Value::Null => Ok(Value::Null),
        Value::Unknown(why) => Err(why.clone()),
        other => to_text(other.clone()).map(Value::Text),
    }
}

fn join(args: Args) -> Outcome {
    let separator = args.text(0)?;
    let mut out = Text::default();
    let mut first = true;
    for at in 1..args.0.len() {
        for item in args.list(at)?.iter() {
            if !std::mem::take(&mut first) {
                out.append(&separator);
            }
            out.append(&element(item)?);
        }
    }
    Ok(Value::Text(out))
}

fn element(item: &Value) -> Result<Text, Why> {
    match item {
        Value::Unknown(why) => {
            let mut hole = Text::default();
            hole.push(Piece::Unknown(why.clone()));
            Ok(hole)
        }
        other => to_text(other.clone()),
    }
}

fn split(args: Args) -> Outcome {
    let separator = args.count(2, 2)?.string(0)?;
    let text = args.text(1)?;
    let string = known(&text)?;
    let mut parts = Vec::new();
    let mut start = 0;
    if separator.is_empty() {
        for (at, c) in string.char_indices() {
            parts.push(cut(&text, at..at + c.len_utf8())?);
        }
        return Ok(list(parts));
    }
    for (at, _) in string.match_indices(&separator) {
        parts.push(cut(&text, start..at)?);
        start = at + separator.len();
    }
    parts.push(cut(&text, start..string.len())?);
    Ok(list(parts))
}
