//! Attributes, indexes and splats.

use super::super::value::{UNKNOWN_KEY, Value, Why, is_unknown_key, unknown_keys};
use super::convert::{self, invalid, list};
use super::{Context, Step, settle};
use hcl_edit::Decorated;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use smallvec::SmallVec;
use std::sync::Arc;

/// Keys and values.
type Pairs = Vec<(Value, Value)>;

type Operators<'e> = &'e [Decorated<TraversalOperator>];

impl Context<'_> {
    pub fn traversal(&self, traversal: &Traversal) -> Value {
        let operators = &traversal.operators[..];
        let Expression::Variable(name) = &traversal.expr else {
            return self.follow(self.eval(&traversal.expr), operators);
        };
        let plain = operators.iter().take_while(|op| !is_splat(op)).count();
        let steps: SmallVec<[Step<'_>; 4]> = operators[..plain]
            .iter()
            .filter_map(|op| self.step(op))
            .collect();
        let (value, taken) = self.scope.resolve(name.as_str(), &steps);
        let value = steps[taken.min(steps.len())..]
            .iter()
            .fold(value, |value, step| settle(take(value, step)));
        self.follow(value, &operators[plain..])
    }

    fn step<'e>(&self, operator: &'e TraversalOperator) -> Option<Step<'e>> {
        match operator {
            TraversalOperator::GetAttr(name) => Some(Step::Attr(name.as_str())),
            TraversalOperator::Index(expr) => Some(Step::Index(self.eval(expr))),
            TraversalOperator::LegacyIndex(index) => {
                Some(Step::Index(convert::int(*index.value())))
            }
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => None,
        }
    }

    fn follow(&self, value: Value, operators: Operators) -> Value {
        let Some((first, rest)) = operators.split_first() else {
            return value;
        };
        match first.value() {
            TraversalOperator::FullSplat(_) => self.splat(value, rest),
            TraversalOperator::AttrSplat(_) => {
                let inside = rest
                    .iter()
                    .take_while(|op| {
                        matches!(
                            op.value(),
                            TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_)
                        )
                    })
                    .count();
                let all = self.splat(value, &rest[..inside]);
                self.follow(all, &rest[inside..])
            }
            operator => match self.step(operator) {
                Some(step) => self.follow(settle(take(value, &step)), rest),
                None => value,
            },
        }
    }

    /// Follows `operators` in every element; a value that is no list is a list of itself, null is
    /// an empty one.
    fn splat(&self, value: Value, operators: Operators) -> Value {
        match value {
            Value::Null => list(Vec::new()),
            Value::Unknown(why) => Value::Unknown(why),
            Value::List(items) | Value::Set(items) => list(
                items
                    .iter()
                    .map(|item| self.follow(item.clone(), operators))
                    .collect(),
            ),
            single => list(vec![self.follow(single, operators)]),
        }
    }
}

fn is_splat(operator: &Decorated<TraversalOperator>) -> bool {
    matches!(
        operator.value(),
        TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_)
    )
}

/// Takes one step into a value.
///
/// # Errors
///
/// When the value or the index is not known, or there is nothing there.
pub fn take(value: Value, step: &Step<'_>) -> Result<Value, Why> {
    match (value, step) {
        (Value::Unknown(why), _) => Err(why),
        (Value::Map(entries), Step::Attr(name)) => entries.get(*name).cloned().ok_or_else(|| {
            unknown_keys(&entries)
                .unwrap_or_else(|| invalid(format!("an object without the attribute {name}")))
        }),
        (value, Step::Attr(name)) => Err(invalid(format!(
            "{} has no attribute {name}",
            convert::kind(&value)
        ))),
        (value, Step::Index(index)) => at(&value, index),
    }
}

/// Returns the element at `index`.
pub fn at(value: &Value, index: &Value) -> Result<Value, Why> {
    match value {
        Value::Unknown(why) => Err(why.clone()),
        Value::Map(entries) => {
            let key = convert::to_known(index)?;
            entries.get(key.as_str()).cloned().ok_or_else(|| {
                unknown_keys(entries)
                    .unwrap_or_else(|| invalid(format!("an object without the key {key}")))
            })
        }
        Value::List(items) => {
            let at = convert::to_int(index)?;
            let before = usize::try_from(at).map_or(0, |at| at.saturating_add(1));
            if let Some(Value::Unknown(why)) =
                items.iter().take(before).find(|item| item.is_elements())
            {
                return Err(why.clone());
            }
            let item = usize::try_from(at).ok().and_then(|at| items.get(at));
            item.cloned()
                .ok_or_else(|| invalid(format!("a list without an element {at}")))
        }
        other => Err(invalid(format!(
            "{} has no elements to index",
            convert::kind(other)
        ))),
    }
}

/// Returns pairs of key and value as `for` sees them, where all are known.
pub fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Why> {
    match pairs_and_rest(value)? {
        (pairs, None) => Ok(pairs),
        (_, Some(why)) => Err(why),
    }
}

/// Returns the pairs, and why there may be more. Where elements may stand whose number is unknown
/// there is a pair of such.
pub fn pairs_and_rest(value: &Value) -> Result<(Pairs, Option<Why>), Why> {
    match value {
        Value::List(items) | Value::Set(items) if items.iter().any(Value::is_elements) => {
            let mut counted = 0..;
            let mut unknown = None;
            let mut all = Vec::new();
            for item in items.iter() {
                if let Value::Unknown(why) = item.clone()
                    && item.is_elements()
                {
                    unknown = Some(Value::Unknown(why));
                }
                let key = unknown
                    .clone()
                    .unwrap_or_else(|| convert::count(counted.next().unwrap_or(0)));
                all.push((key, item.clone()));
            }
            Ok((all, unknown.and_then(|value| value.why_unknown().cloned())))
        }
        Value::Map(entries) if entries.contains_key(UNKNOWN_KEY) => {
            let why = unknown_keys(entries);
            let key = |key: &Arc<str>| match &why {
                Some(why) if is_unknown_key(key) => Value::Unknown(why.clone()),
                _ => Value::text(Arc::clone(key)),
            };
            let shown = entries.iter().filter(|(key, _)| ***key != *UNKNOWN_KEY);
            let mut all: Vec<(Value, Value)> = shown
                .map(|(name, item)| (key(name), item.clone()))
                .collect();
            if let Some(why) = &why {
                all.push((Value::Unknown(why.clone()), Value::Unknown(why.clone())));
            }
            Ok((all, why))
        }
        other => Ok((known_pairs(other)?, None)),
    }
}

fn known_pairs(value: &Value) -> Result<Vec<(Value, Value)>, Why> {
    match value {
        Value::Unknown(why) => Err(why.clone()),
        Value::List(items) => Ok(items
            .iter()
            .enumerate()
            .map(|(at, item)| (convert::count(at), item.clone()))
            .collect()),
        Value::Set(items) => Ok(items
            .iter()
            .map(|item| (item.clone(), item.clone()))
            .collect()),
        Value::Map(entries) => Ok(entries
            .iter()
            .map(|(key, item)| (Value::text(Arc::clone(key)), item.clone()))
            .collect()),
        other => Err(invalid(format!(
            "{} cannot be iterated over",
            convert::kind(other)
        ))),
    }
}
