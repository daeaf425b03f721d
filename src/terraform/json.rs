//! JSON → values that know where each string and number is written: Terraform's `jsondecode`. Never
//! writes JSON.

use super::source_map::{Joined, settle};
use super::text::{Form, Piece, Text};
use super::value::{Number, Value, Why, WhyKind, add_unknown_key};
use super::yaml;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// What an unknown part is read as: it may stand in a string, and for a value.
const STAND_IN: &str = "1";

/// How deep lists and objects may stand in each other; serde_json has the same bound.
const DEPTH: usize = 128;

/// A token of a JSON text. Ranges of strings are without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum JsonToken {
    /// One of `{ } [ ] : ,`
    Mark(u8),
    String(Range<usize>),
    /// A number, `true`, `false` or `null`.
    Word(Range<usize>),
}

/// Returns what Terraform's `jsondecode` gives for `text`; of repeated keys the last counts.
/// `Unknown` with `Invalid` when it is not JSON, with `Limit` when it is nested too deeply. A part of
/// the text that is not known makes unknown the string or word it stands in.
pub fn decode(text: &Text) -> Value {
    let unknown = text.why_unknown();
    if let Some(why) = unknown.filter(|_| text.known_len() == 0) {
        return Value::Unknown(why.clone());
    }
    let joined = Joined::new(text, STAND_IN);
    match (tokens(joined.as_str()), unknown) {
        (Ok(tokens), _) => JsonReader {
            joined: &joined,
            tokens: tokens.into_iter(),
        }
        .value(),
        (Err(_), Some(why)) => Value::Unknown(why.clone()),
        (Err(why), None) => Value::Unknown(why),
    }
}

/// Returns the tokens of a JSON text that serde_json accepts.
pub(super) fn tokens(source: &str) -> Result<Vec<JsonToken>, Why> {
    let tokens = split(source);
    let mut depth = 0_usize;
    for token in &tokens {
        match token {
            JsonToken::Mark(b'{' | b'[') => depth += 1,
            JsonToken::Mark(b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth >= DEPTH {
            return Err(Why::new(WhyKind::Limit, "JSON this deep"));
        }
    }
    let checked = serde_json::from_str::<serde_json::Value>(source);
    checked
        .map_err(|error| Why::new(WhyKind::Invalid, format!("text that is not JSON ({error})")))?;
    Ok(tokens)
}

/// Cuts a text into tokens. Only good for JSON, but ends for any text.
fn split(source: &str) -> Vec<JsonToken> {
    let bytes = source.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                tokens.push(JsonToken::Mark(*byte));
                at += 1;
            }
            b'"' => {
                let end = string_end(bytes, at + 1);
                tokens.push(JsonToken::String(at + 1..end));
                at = (end + 1).min(bytes.len());
            }
            _ => {
                let length = bytes[at..]
                    .iter()
                    .position(|byte| b" \t\r\n{}[]:,\"".contains(byte))
                    .unwrap_or(bytes.len() - at);
                tokens.push(JsonToken::Word(at..at + length));
                at += length;
            }
        }
    }
    tokens
}

fn string_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Reads tokens that are known to be JSON.
struct JsonReader<'a> {
    joined: &'a Joined,
    tokens: std::vec::IntoIter<JsonToken>,
}

impl JsonReader<'_> {
    fn value(&mut self) -> Value {
        match self.tokens.next() {
            Some(first) => self.value_from(first),
            None => Value::Null,
        }
    }

    fn value_from(&mut self, first: JsonToken) -> Value {
        match first {
            JsonToken::Mark(b'{') => self.object(),
            JsonToken::Mark(b'[') => self.list(),
            JsonToken::Mark(_) => Value::Null,
            JsonToken::String(range) => Value::Text(string(self.joined, &range)),
            JsonToken::Word(range) => self.word(range),
        }
    }

    fn object(&mut self) -> Value {
        let mut map = BTreeMap::new();
        while let Some(token) = self.tokens.next() {
            match token {
                JsonToken::Mark(b'}') => break,
                JsonToken::String(range) => {
                    let text = string(self.joined, &range);
                    self.tokens.next();
                    let value = self.value();
                    match (text.known(), text.why_unknown()) {
                        (None, Some(why)) => add_unknown_key(&mut map, why, value),
                        (key, _) => drop(map.insert(key.unwrap_or_default().into(), value)),
                    }
                }
                _ => {}
            }
        }
        Value::Map(Arc::new(map))
    }

    fn list(&mut self) -> Value {
        let mut items = Vec::new();
        while let Some(token) = self.tokens.next() {
            match token {
                JsonToken::Mark(b']') => break,
                JsonToken::Mark(b',') => {}
                first => items.push(self.value_from(first)),
            }
        }
        Value::List(Arc::new(items))
    }

    fn word(&self, range: Range<usize>) -> Value {
        let word = &self.joined.as_str()[range.clone()];
        let unknown = self
            .joined
            .cut(range.clone())
            .find_map(|piece| match piece {
                Piece::Unknown(why) => Some(why),
                Piece::Known { .. } => None,
            });
        match word {
            _ if unknown.is_some() => unknown.map_or(Value::Null, Value::Unknown),
            "null" => Value::Null,
            "true" | "false" => Value::Bool(word == "true"),
            // Without a place: nothing but a number may be written there.
            number => parse(number).map_or_else(
                || Value::unknown(WhyKind::Limit, "a JSON number"),
                |number| Value::Number(number, None),
            ),
        }
    }
}

fn parse(number: &str) -> Option<Number> {
    if let Ok(int) = number.parse::<i128>() {
        return Some(Number::Int(int));
    }
    let float = number
        .parse::<f64>()
        .ok()
        .filter(|float| float.is_finite() && number.contains(['.', 'e', 'E']))?;
    Some(yaml::whole(float))
}

/// Returns the string at `range`; every escape is a piece of its own.
fn string(joined: &Joined, range: &Range<usize>) -> Text {
    let source = joined.as_str();
    let mut pieces = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let plain = source[at..range.end]
            .find('\\')
            .map_or(range.end, |found| at + found);
        pieces.extend(joined.cut(at..plain));
        at = plain;
        if at < range.end {
            let length = escape_length(&source[at..range.end]);
            pieces.push(escape(joined, at..at + length));
            at += length;
        }
    }
    settle(pieces, joined.place(range).as_ref(), Form::Json)
}

/// The length of the escape that `rest` begins with; a surrogate pair is one.
fn escape_length(rest: &str) -> usize {
    let unit = |text: &str| {
        text.get(2..6)
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
    };
    let length = match rest.as_bytes().get(1) {
        Some(b'u') if unit(rest).is_some_and(|unit| (0xd800..0xdc00).contains(&unit)) => 12,
        Some(b'u') => 6,
        _ => 2,
    };
    length.min(rest.len())
}

fn escape(joined: &Joined, range: Range<usize>) -> Piece {
    let quoted = format!("\"{}\"", &joined.as_str()[range.clone()]);
    let text: String = serde_json::from_str(&quoted).unwrap_or_default();
    let origin = match joined.cut_one(range) {
        Some(Piece::Known {
            text,
            origin: Some(origin),
        }) if text.len() == origin.span.len() => Some(origin),
        _ => None,
    };
    Piece::Known {
        text: text.into(),
        origin,
    }
}

#[cfg(test)]
mod tests;
