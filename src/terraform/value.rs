//! Terraform's values as the evaluator sees them: not knowing is a value. Never guesses.

use super::text::{Origin, Piece, Text};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use super::why::{Why, WhyKind};

/// A number as Terraform prints it (arbitrary precision is kept as far as `f64`/`i128` go; beyond
/// that the value is Unknown).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Number {
    Int(i128),
    Float(f64),
}

/// A value. Objects and maps are one kind (Terraform iterates both in key order), tuples and lists
/// are one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// `origin` is there for scalars of YAML files, where a tag may be written as a number, and
    /// something else in its place.
    Number(Number, Option<Origin>),
    Text(Text),
    List(Arc<Vec<Value>>),
    /// Sorted, without repeats.
    Set(Arc<Vec<Value>>),
    Map(Arc<BTreeMap<Arc<str>, Value>>),
    Unknown(Why),
}

/// The key of an entry that stands for all whose keys are unknown. Those of which the value is
/// known have a longer key that begins so.
pub const UNKNOWN_KEY: &str = "${…}";

/// An object or map.
pub type Entries = BTreeMap<Arc<str>, Value>;

/// Returns why a map may have more keys than it shows; `None` where all are known.
pub fn unknown_keys(entries: &Entries) -> Option<Why> {
    entries.get(UNKNOWN_KEY)?.why_unknown().cloned()
}

/// Adds an entry whose key is unknown.
pub fn add_unknown_key(entries: &mut Entries, why: &Why, value: Value) {
    entries
        .entry(UNKNOWN_KEY.into())
        .or_insert_with(|| Value::Unknown(why.clone()));
    if !matches!(value, Value::Unknown(_)) {
        let number = entries.keys().filter(|key| is_unknown_key(key)).count();
        entries.insert(format!("{UNKNOWN_KEY}~{number}").into(), value);
    }
}

/// Says whether a key stands for one of which nothing is known.
pub fn is_unknown_key(key: &str) -> bool {
    key.starts_with(UNKNOWN_KEY)
        && (key.len() == UNKNOWN_KEY.len() || key[UNKNOWN_KEY.len()..].starts_with('~'))
}

impl Value {
    /// Returns what stands in a list for any number of unknown elements.
    pub fn elements(why: &Why) -> Self {
        match why.kind {
            WhyKind::Elements => Self::Unknown(why.clone()),
            _ => Self::unknown(WhyKind::Elements, why.to_string()),
        }
    }

    /// Says whether the value stands for any number of elements.
    pub fn is_elements(&self) -> bool {
        matches!(self, Self::Unknown(why) if why.kind == WhyKind::Elements)
    }

    /// Returns the value as it is where something unknown may take its place: the texts in it are
    /// there, with an unknown part behind each.
    pub fn unsure(&self, why: &Why) -> Self {
        match self {
            Self::Text(text) => {
                let mut unsure = Text::default();
                unsure.append(text);
                unsure.push(Piece::Unknown(why.clone()));
                Self::Text(unsure)
            }
            Self::List(items) => Self::List(Arc::new(all_unsure(items, why))),
            Self::Set(items) => Self::Set(Arc::new(all_unsure(items, why))),
            Self::Map(entries) => {
                let unsure = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.unsure(why)));
                Self::Map(Arc::new(unsure.collect()))
            }
            _ => Self::Unknown(why.clone()),
        }
    }

    pub fn unknown(kind: WhyKind, what: impl Into<Arc<str>>) -> Self {
        Self::Unknown(Why::new(kind, what))
    }

    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::computed(text))
    }

    /// Returns the string when it is one and known throughout.
    pub fn as_str(&self) -> Option<String> {
        match self {
            Self::Text(text) => text.known(),
            _ => None,
        }
    }

    /// Returns the text with `?` for each part that is not known, `?` for what is no text.
    pub fn shown(&self) -> String {
        let Self::Text(text) = self else {
            return "?".to_owned();
        };
        text.pieces()
            .iter()
            .map(|piece| {
                if let Piece::Known { text, .. } = piece {
                    text
                } else {
                    "?"
                }
            })
            .collect()
    }

    /// Returns why the value itself (not something inside it) is not known, also for a text with an
    /// unknown part.
    pub fn why_unknown(&self) -> Option<&Why> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Text(text) => text.why_unknown(),
            _ => None,
        }
    }
}

fn all_unsure(items: &[Value], why: &Why) -> Vec<Value> {
    items.iter().map(|item| item.unsure(why)).collect()
}

/// Returns a number as Terraform's `tostring` writes it; `None` where that is not certain.
pub fn number_text(number: Number) -> Option<String> {
    match number {
        Number::Int(int) => Some(int.to_string()),
        Number::Float(float) if float.is_finite() && float.abs() < 1e15 => Some(float.to_string()),
        Number::Float(_) => None,
    }
}

/// Returns a number as a template of Helm prints it: every number of a values file is a Go
/// `float64`, printed with `%v`.
pub fn print_as_go(number: Number) -> String {
    let float = match number {
        Number::Int(int) => int as f64,
        Number::Float(float) => float,
    };
    let absolute = float.abs();
    if !float.is_finite() || absolute == 0.0 || (1e-4..1e6).contains(&absolute) {
        return float.to_string();
    }
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(("+", exponent), |rest| ("-", rest));
    format!("{digits}e{sign}{exponent:0>2}")
}
