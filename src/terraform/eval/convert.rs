//! Conversions between kinds of values, by Terraform's rules. Never guesses: what does not convert
//! is a `Why`.

use super::super::text::{Piece, Text};
use super::super::value::{Number, Value, Why, WhyKind};
use super::number;
use serde_json::Value as Json;
use std::sync::Arc;

pub fn invalid(what: impl Into<Arc<str>>) -> Why {
    Why::new(WhyKind::Invalid, what)
}

pub fn limit(what: impl Into<Arc<str>>) -> Why {
    Why::new(WhyKind::Limit, what)
}

/// Returns what a value is, for people.
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(..) => "a number",
        Value::Text(_) => "a string",
        Value::List(_) => "a list",
        Value::Set(_) => "a set",
        Value::Map(_) => "an object",
        Value::Unknown(_) => "unknown",
    }
}

pub fn int(int: impl Into<i128>) -> Value {
    Value::Number(Number::Int(int.into()), None)
}

/// Returns a length or index as a value.
pub fn count(count: usize) -> Value {
    Value::Number(Number::Int(count as i128), None)
}

pub fn list(items: Vec<Value>) -> Value {
    Value::List(Arc::new(items))
}

/// Converts to a string; an unknown value is a text of one unknown piece.
///
/// # Errors
///
/// For null and collections, and for numbers that cannot be printed exactly.
pub fn to_text(value: Value) -> Result<Text, Why> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Bool(bool) => Ok(Text::computed(if bool { "true" } else { "false" })),
        Value::Number(number, origin) => {
            let printed =
                number::print(number).ok_or_else(|| limit("a number of more than 15 digits"))?;
            Ok(match origin {
                Some(origin) => Text::written(printed, origin),
                None => Text::computed(printed),
            })
        }
        Value::Unknown(why) => {
            let mut text = Text::default();
            text.push(Piece::Unknown(why));
            Ok(text)
        }
        other => Err(invalid(format!(
            "{} where a string is needed",
            kind(&other)
        ))),
    }
}

/// Converts to a string that is known throughout.
pub fn to_known(value: &Value) -> Result<String, Why> {
    match value {
        Value::Text(text) => known(text),
        other => known(&to_text(other.clone())?),
    }
}

pub fn known(text: &Text) -> Result<String, Why> {
    text.known().ok_or_else(|| {
        text.why_unknown()
            .cloned()
            .unwrap_or_else(|| limit("a text"))
    })
}

pub fn to_bool(value: &Value) -> Result<bool, Why> {
    match value {
        Value::Bool(bool) => Ok(*bool),
        Value::Unknown(why) => Err(why.clone()),
        Value::Text(text) => match known(text)?.as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err(invalid("a string where a bool is needed")),
        },
        other => Err(invalid(format!("{} where a bool is needed", kind(other)))),
    }
}

pub fn to_number(value: &Value) -> Result<Number, Why> {
    match value {
        Value::Number(number, _) => Ok(*number),
        Value::Unknown(why) => Err(why.clone()),
        Value::Text(text) => {
            let text = known(text)?;
            number::parse(&text).ok_or_else(|| invalid("a string where a number is needed"))
        }
        other => Err(invalid(format!("{} where a number is needed", kind(other)))),
    }
}

pub fn to_int(value: &Value) -> Result<i128, Why> {
    let number = to_number(value)?;
    number::int(number).ok_or_else(|| invalid("a fraction where a whole number is needed"))
}

/// Returns the elements of a list, tuple or set, of which the number is known.
pub fn to_list(value: &Value) -> Result<Arc<Vec<Value>>, Why> {
    let items = to_elements(value)?;
    match items.iter().find(|item| item.is_elements()) {
        Some(unknown) => Err(unknown
            .why_unknown()
            .cloned()
            .unwrap_or_else(|| limit("a list"))),
        None => Ok(items),
    }
}

/// Returns the elements of a list, tuple or set; one of them may stand for any number.
pub fn to_elements(value: &Value) -> Result<Arc<Vec<Value>>, Why> {
    match value {
        Value::List(items) | Value::Set(items) => Ok(items.clone()),
        Value::Unknown(why) => Err(why.clone()),
        other => Err(invalid(format!("{} where a list is needed", kind(other)))),
    }
}

/// Returns the first thing that is an error in Terraform, at any depth.
pub fn error_in(value: &Value) -> Option<&Why> {
    find(value, &|why| {
        matches!(
            why.kind,
            WhyKind::Invalid | WhyKind::Missing | WhyKind::NullInString
        )
    })
}

/// Returns the first reason, at any depth, for which something in `value` is not known.
pub fn unknown_in(value: &Value) -> Option<&Why> {
    find(value, &|_| true)
}

fn find<'v>(value: &'v Value, wanted: &dyn Fn(&Why) -> bool) -> Option<&'v Why> {
    match value {
        Value::Unknown(why) => wanted(why).then_some(why),
        Value::Text(text) => text.pieces().iter().find_map(|piece| match piece {
            Piece::Unknown(why) if wanted(why) => Some(why),
            _ => None,
        }),
        Value::List(items) | Value::Set(items) => items.iter().find_map(|item| find(item, wanted)),
        Value::Map(entries) => entries.values().find_map(|item| find(item, wanted)),
        Value::Null | Value::Bool(_) | Value::Number(..) => None,
    }
}

/// Returns a value as JSON.
///
/// # Errors
///
/// The reason of the first part that is not known.
pub fn to_json(value: &Value) -> Result<Json, Why> {
    Ok(match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::Bool(*bool),
        Value::Number(number, _) => number_to_json(*number)?,
        Value::Text(text) => Json::String(known(text)?),
        Value::List(items) | Value::Set(items) => {
            Json::Array(items.iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Value::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| Ok((key.to_string(), to_json(value)?)));
            Json::Object(entries.collect::<Result<_, Why>>()?)
        }
        Value::Unknown(why) => return Err(why.clone()),
    })
}

fn number_to_json(value: Number) -> Result<Json, Why> {
    let printed = number::print(value).ok_or_else(|| limit("a number of more than 15 digits"))?;
    let json = match value {
        Number::Int(int) => i64::try_from(int).ok().map(serde_json::Number::from),
        Number::Float(float) => serde_json::Number::from_f64(float),
    };
    json.map(Json::Number)
        .ok_or_else(|| limit(Arc::<str>::from(format!("the number {printed}"))))
}
