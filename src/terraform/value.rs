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

impl Value {
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

/// Returns a number as Terraform's `tostring` writes it; `None` where that is not certain.
pub fn number_text(number: Number) -> Option<String> {
    match number {
        Number::Int(int) => Some(int.to_string()),
        Number::Float(float) if float.is_finite() && float.abs() < 1e15 => Some(float.to_string()),
        Number::Float(_) => None,
    }
}
