//! The one type that several values have in Terraform where one is needed: branches of a
//! conditional, elements of a list or set.

use super::super::value::{Value, Why};
use super::convert::to_text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// As much of a type as decides what a value is converted to.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Of null and what is not known: says nothing.
    Any,
    Bool,
    Number,
    Text,
    /// A tuple, or a list.
    Tuple(Vec<Type>),
    ListOf(Box<Type>),
    /// An object, or a map.
    Object(BTreeMap<Arc<str>, Type>),
    MapOf(Box<Type>),
    /// Of values without a common type, an error in Terraform.
    Nothing,
}

impl Type {
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null | Value::Unknown(_) => Self::Any,
            Value::Bool(_) => Self::Bool,
            Value::Number(..) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::List(items) => Self::Tuple(items.iter().map(Self::of).collect()),
            Value::Set(items) => Self::ListOf(Box::new(Self::of_all(items))),
            Value::Map(entries) => Self::Object(
                entries
                    .iter()
                    .map(|(key, value)| (Arc::clone(key), Self::of(value)))
                    .collect(),
            ),
        }
    }

    /// Returns the common type of `items`.
    pub fn of_all(items: &[Value]) -> Self {
        items
            .iter()
            .fold(Self::Any, |all, item| all.with(Self::of(item)))
    }

    /// Returns the common type of both.
    pub fn with(self, other: Self) -> Self {
        use Type::{Any, Bool, ListOf, MapOf, Nothing, Number, Object, Text, Tuple};
        match (self, other) {
            (Any, known) | (known, Any) => known,
            (a, b) if a == b => a,
            (Text, Bool | Number) | (Bool | Number, Text) => Text,
            (Tuple(a), Tuple(b)) if a.len() == b.len() => {
                Tuple(a.into_iter().zip(b).map(|(a, b)| a.with(b)).collect())
            }
            (Tuple(a), Tuple(b)) => ListOf(Box::new(a.into_iter().chain(b).fold(Any, Self::with))),
            (Tuple(items), ListOf(item)) | (ListOf(item), Tuple(items)) => {
                ListOf(Box::new(items.into_iter().fold(*item, Self::with)))
            }
            (ListOf(a), ListOf(b)) => ListOf(Box::new(a.with(*b))),
            (Object(a), Object(mut b)) if a.keys().eq(b.keys()) => Object(
                a.into_iter()
                    .map(|(key, a)| (Arc::clone(&key), a.with(b.remove(&key).unwrap_or(Any))))
                    .collect(),
            ),
            (Object(a), Object(b)) => MapOf(Box::new(
                a.into_values().chain(b.into_values()).fold(Any, Self::with),
            )),
            (Object(entries), MapOf(item)) | (MapOf(item), Object(entries)) => {
                MapOf(Box::new(entries.into_values().fold(*item, Self::with)))
            }
            (MapOf(a), MapOf(b)) => MapOf(Box::new(a.with(*b))),
            _ => Nothing,
        }
    }

    /// Converts a value to this type, which its own is a part of.
    pub fn convert(&self, value: Value) -> Result<Value, Why> {
        match (self, &value) {
            (Self::Text, Value::Bool(_) | Value::Number(..)) => to_text(value).map(Value::Text),
            (Self::Tuple(types), Value::List(items)) => {
                let converted: Result<Vec<Value>, Why> = items
                    .iter()
                    .zip(types)
                    .map(|(item, of)| of.convert(item.clone()))
                    .collect();
                converted.map(|items| Value::List(Arc::new(items)))
            }
            (Self::ListOf(of), Value::List(items)) => {
                let converted: Result<Vec<Value>, Why> =
                    items.iter().map(|item| of.convert(item.clone())).collect();
                converted.map(|items| Value::List(Arc::new(items)))
            }
            (Self::Object(_) | Self::MapOf(_), Value::Map(entries)) => {
                let converted: Result<BTreeMap<Arc<str>, Value>, Why> = entries
                    .iter()
                    .map(|(key, item)| {
                        Ok((
                            Arc::clone(key),
                            self.entry(key)
                                .map_or_else(|| Ok(item.clone()), |of| of.convert(item.clone()))?,
                        ))
                    })
                    .collect();
                converted.map(|entries| Value::Map(Arc::new(entries)))
            }
            _ => Ok(value),
        }
    }

    fn entry(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Object(types) => types.get(key),
            Self::MapOf(of) => Some(of),
            _ => None,
        }
    }
}

/// Says whether a common type could change the value: strings stay what they are.
pub fn may_change(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Number(..) => true,
        Value::List(items) => items.iter().any(may_change),
        Value::Map(entries) => entries.values().any(may_change),
        Value::Null | Value::Text(_) | Value::Set(_) | Value::Unknown(_) => false,
    }
}
