//! How often a block is repeated, and the names that are bound for each time. Evaluates nothing
//! itself.

use super::super::eval::support::to_int;
use super::super::module::{BodyLayer, WrittenAttribute, attr};
use super::super::value::{Number, Value, Why, WhyKind, unknown_keys};
use std::rc::Rc;
use std::sync::Arc;

/// More instances than this of one block are counted as unknown.
pub(in super::super) const MANY: usize = 500;

/// `each`, `count` and the iterators of `dynamic` blocks, innermost first.
#[derive(Clone, Debug, Default)]
pub struct Bindings(Option<Rc<BoundName>>);

#[derive(Debug)]
struct BoundName {
    name: Arc<str>,
    key: Value,
    value: Value,
    outer: Bindings,
}

impl Bindings {
    pub(in super::super) fn bind(&self, name: &str, key: Value, value: Value) -> Self {
        Self(Some(Rc::new(BoundName {
            name: name.into(),
            key,
            value,
            outer: self.clone(),
        })))
    }

    /// Returns the key and the value bound to a name.
    pub(in super::super) fn get(&self, name: &str) -> Option<(&Value, &Value)> {
        let mut at = self.0.as_ref();
        while let Some(bound) = at {
            if *bound.name == *name {
                return Some((&bound.key, &bound.value));
            }
            at = bound.outer.0.as_ref();
        }
        None
    }
}

/// How often a block is repeated.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Repeat {
    Once,
    /// `count`.
    Count(u64),
    /// `for_each`: keys and values.
    Each(Vec<(Value, Value)>),
    /// One of the two (`count` or `each`), whose number is unknown.
    Unknown(&'static str, Why),
}

impl Repeat {
    /// Reads `count` or `for_each` of a block; `eval` evaluates its attribute.
    pub fn of(layers: &[BodyLayer<'_>], eval: impl Fn(WrittenAttribute<'_>) -> Value) -> Self {
        if let Some(count) = attr(layers, "count") {
            return Self::count(&eval(count));
        }
        attr(layers, "for_each").map_or(Self::Once, |each| Self::each(&eval(each)))
    }

    fn count(value: &Value) -> Self {
        match to_int(value).map(u64::try_from) {
            Ok(Ok(count)) if count <= MANY as u64 => Self::Count(count),
            Ok(_) => Self::Unknown("count", Why::new(WhyKind::Limit, "count")),
            Err(why) => Self::Unknown("count", why),
        }
    }

    /// Terraform takes maps and sets of strings; a list is taken as a set.
    fn each(value: &Value) -> Self {
        let same = |items: &[Value]| {
            items
                .iter()
                .map(|item| (item.clone(), item.clone()))
                .collect()
        };
        let unknown = |items: &[Value]| items.iter().find_map(|item| item.why_unknown().cloned());
        if let Value::Map(map) = value
            && let Some(why) = unknown_keys(map)
        {
            return Self::Unknown("each", why);
        }
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(map) => map
                .iter()
                .map(|(key, value)| (Value::text(key.clone()), value.clone()))
                .collect(),
            Value::Set(items) | Value::List(items) => match unknown(items) {
                Some(why) => return Self::Unknown("each", why),
                None => same(items),
            },
            other => {
                let why = other
                    .why_unknown()
                    .cloned()
                    .unwrap_or_else(|| Why::new(WhyKind::Invalid, "for_each of no map and no set"));
                return Self::Unknown("each", why);
            }
        };
        if pairs.len() > MANY {
            Self::Unknown("each", Why::new(WhyKind::Limit, "for_each"))
        } else {
            Self::Each(pairs)
        }
    }

    /// Returns the bindings of each instance, its key, and how many there are of it; one with
    /// unknown bindings for none or unknown many.
    pub fn bindings(&self) -> Vec<(Bindings, Option<Value>, Option<u64>)> {
        let none = Bindings::default();
        let number = |n: u64| Value::Number(Number::Int(i128::from(n)), None);
        let unknown = |name: &str, why: &Why, live| {
            vec![(
                none.bind(
                    name,
                    Value::Unknown(why.clone()),
                    Value::Unknown(why.clone()),
                ),
                None,
                live,
            )]
        };
        match self {
            Self::Once => vec![(none, None, Some(1))],
            Self::Count(0) => unknown(
                "count",
                &Why::new(WhyKind::Invalid, "an instance of none"),
                Some(0),
            ),
            Self::Count(n) => (0..*n)
                .map(|n| {
                    (
                        none.bind("count", number(n), Value::Null),
                        Some(number(n)),
                        Some(1),
                    )
                })
                .collect(),
            Self::Each(pairs) if pairs.is_empty() => unknown(
                "each",
                &Why::new(WhyKind::Invalid, "an instance of none"),
                Some(0),
            ),
            Self::Each(pairs) => pairs
                .iter()
                .map(|(key, value)| {
                    (
                        none.bind("each", key.clone(), value.clone()),
                        Some(key.clone()),
                        Some(1),
                    )
                })
                .collect(),
            Self::Unknown(name, why) => unknown(name, why, None),
        }
    }

    /// Returns the bindings of the instance with that key, also where it is unknown which keys
    /// there are.
    pub fn select(&self, key: &Value) -> Option<Bindings> {
        match self {
            Self::Unknown("count", _) => {
                Some(Bindings::default().bind("count", key.clone(), Value::Null))
            }
            Self::Unknown(name, why) => {
                Some(Bindings::default().bind(name, key.clone(), Value::Unknown(why.clone())))
            }
            _ => self
                .bindings()
                .into_iter()
                .find(|(_, own, live)| {
                    *live != Some(0) && own.as_ref().is_some_and(|own| same_key(own, key))
                })
                .map(|found| found.0),
        }
    }
}

/// Says whether two keys of instances are the same, wherever they are written.
pub(in super::super) fn same_key(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a == b,
        (None, None) => matches!((to_int(a), to_int(b)), (Ok(a), Ok(b)) if a == b),
        _ => false,
    }
}

/// Multiplies numbers of instances; an unknown factor makes the product unknown unless the other is
/// 0.
pub(in super::super) fn times(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(0), _) | (_, Some(0)) => Some(0),
        (Some(a), Some(b)) => Some(a.saturating_mul(b)),
        _ => None,
    }
}
