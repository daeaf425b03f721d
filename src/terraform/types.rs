//! The `type` of a variable, and the conversion of a value to it. Keeps provenance: a converted
//! string is the same literal.

use super::eval::support::{to_bool, to_number, to_text};
use super::value::{Value, Why, WhyKind, unknown_keys};
use hcl_edit::expr::{Expression, FuncCall, Object};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A type constraint.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeConstraint {
    Any,
    String,
    Number,
    Bool,
    List(Box<TypeConstraint>),
    Set(Box<TypeConstraint>),
    Map(Box<TypeConstraint>),
    Tuple(Vec<TypeConstraint>),
    Object(BTreeMap<Arc<str>, AttributeConstraint>),
}

/// An attribute of an object type.
#[derive(Clone, Debug, PartialEq)]
pub struct AttributeConstraint {
    of: TypeConstraint,
    optional: bool,
    default: Option<Value>,
}

/// Types nested deeper than this are taken as `any`.
const DEPTH: usize = 32;

impl TypeConstraint {
    /// Reads a constraint; `default` evaluates the second argument of `optional`. What is no type
    /// is `any`.
    pub fn read(expr: &Expression, default: &dyn Fn(&Expression) -> Value) -> Self {
        Self::at(expr, default, 0)
    }

    fn at(expr: &Expression, default: &dyn Fn(&Expression) -> Value, depth: usize) -> Self {
        match expr {
            _ if depth > DEPTH => Self::Any,
            Expression::Variable(name) => Self::named(name.as_str()),
            // Terraform 0.11 wrote types in quotes.
            Expression::String(name) => Self::named(name.as_str()),
            Expression::Parenthesis(inner) => Self::at(inner.inner(), default, depth + 1),
            Expression::FuncCall(call) => Self::constructed(call, default, depth + 1),
            _ => Self::Any,
        }
    }

    fn named(name: &str) -> Self {
        match name {
            "string" => Self::String,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "list" => Self::List(Box::new(Self::Any)),
            "set" => Self::Set(Box::new(Self::Any)),
            "map" => Self::Map(Box::new(Self::Any)),
            _ => Self::Any,
        }
    }

    fn constructed(call: &FuncCall, default: &dyn Fn(&Expression) -> Value, depth: usize) -> Self {
        let first = call.args.get(0);
        let of = || Box::new(first.map_or(Self::Any, |expr| Self::at(expr, default, depth)));
        match (call.name.name.as_str(), first) {
            ("list", _) => Self::List(of()),
            ("set", _) => Self::Set(of()),
            ("map", _) => Self::Map(of()),
            ("tuple", Some(Expression::Array(types))) => Self::Tuple(
                types
                    .iter()
                    .map(|expr| Self::at(expr, default, depth))
                    .collect(),
            ),
            ("object", Some(Expression::Object(object))) => {
                Self::Object(attributes(object, default, depth))
            }
            _ => Self::Any,
        }
    }

    /// Converts a value as Terraform does; what cannot be converted is `Unknown(Invalid)` and names
    /// `what`.
    pub fn convert(&self, value: &Value, what: &str) -> Value {
        match (self, value) {
            (_, Value::Unknown(_) | Value::Null) | (Self::Any, _) => value.clone(),
            (Self::String, _) => or_invalid(to_text(value.clone()), what, Value::Text),
            (Self::Number, Value::Number(..)) => value.clone(),
            (Self::Number, _) => {
                or_invalid(to_number(value), what, |number| Value::Number(number, None))
            }
            (Self::Bool, _) => or_invalid(to_bool(value), what, Value::Bool),
            (Self::List(of), Value::List(items) | Value::Set(items)) => Value::List(Arc::new(
                items.iter().map(|item| of.convert(item, what)).collect(),
            )),
            (Self::Tuple(_), Value::List(items)) if items.iter().any(Value::is_elements) => {
                let unknown = items.iter().find(|item| item.is_elements());
                unknown.cloned().unwrap_or(Value::Null)
            }
            (Self::Set(of), Value::List(items) | Value::Set(items)) => {
                to_set(items.iter().map(|item| of.convert(item, what)).collect())
            }
            (Self::Tuple(types), Value::List(items)) if types.len() == items.len() => {
                Value::List(Arc::new(
                    types
                        .iter()
                        .zip(items.iter())
                        .map(|(of, item)| of.convert(item, what))
                        .collect(),
                ))
            }
            (Self::Map(of), Value::Map(map)) => Value::Map(Arc::new(
                map.iter()
                    .map(|(key, item)| (key.clone(), of.convert(item, what)))
                    .collect(),
            )),
            (Self::Object(types), Value::Map(map)) => to_object(types, map, what),
            _ => invalid(what),
        }
    }
}

fn attributes(
    object: &Object,
    default: &dyn Fn(&Expression) -> Value,
    depth: usize,
) -> BTreeMap<Arc<str>, AttributeConstraint> {
    let name = |key: &hcl_edit::expr::ObjectKey| {
        key.as_ident()
            .map(|name| name.as_str().to_owned())
            .or_else(|| key.as_expr().and_then(key_text))
    };
    object
        .iter()
        .filter_map(|(key, value)| {
            let attribute = match value.expr() {
                Expression::FuncCall(call) if call.name.name.as_str() == "optional" => {
                    let of = call.args.get(0).map_or(TypeConstraint::Any, |expr| {
                        TypeConstraint::at(expr, default, depth)
                    });
                    let default = call
                        .args
                        .get(1)
                        .map(|expr| of.convert(&default(expr), "the default"));
                    AttributeConstraint {
                        of,
                        optional: true,
                        default,
                    }
                }
                expr => AttributeConstraint {
                    of: TypeConstraint::at(expr, default, depth),
                    optional: false,
                    default: None,
                },
            };
            Some((name(key)?.into(), attribute))
        })
        .collect()
}

/// Returns the text of a key that is a plain name or string.
fn key_text(expr: &Expression) -> Option<String> {
    expr.as_str()
        .map(str::to_owned)
        .or_else(|| expr.as_variable().map(|name| name.as_str().to_owned()))
}

fn or_invalid<T>(result: Result<T, Why>, what: &str, wrap: impl Fn(T) -> Value) -> Value {
    match result {
        Ok(value) => wrap(value),
        Err(why) if why.kind == WhyKind::Invalid => invalid(what),
        Err(why) => Value::Unknown(why),
    }
}

/// Terraform orders sets of strings by their text; other sets keep the order they were written in.
fn to_set(items: Vec<Value>) -> Value {
    let mut keyed: Vec<(Option<String>, Value)> = Vec::new();
    for item in items {
        let key = item.as_str();
        let seen = keyed.iter().any(|(other, value)| {
            if key.is_some() {
                *other == key
            } else {
                *value == item
            }
        });
        if !seen || item.why_unknown().is_some() {
            keyed.push((key, item));
        }
    }
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Set(Arc::new(
        keyed.into_iter().map(|(_, value)| value).collect(),
    ))
}

fn to_object(
    types: &BTreeMap<Arc<str>, AttributeConstraint>,
    map: &BTreeMap<Arc<str>, Value>,
    what: &str,
) -> Value {
    let mut out = BTreeMap::new();
    for (name, attribute) in types {
        let what = format!("{what}.{name}");
        let given = map
            .get(name)
            .filter(|value| !(attribute.optional && matches!(value, Value::Null)));
        let value = match (given, &attribute.default) {
            (Some(value), _) => attribute.of.convert(value, &what),
            (None, _) if unknown_keys(map).is_some() => {
                unknown_keys(map).map_or(Value::Null, Value::Unknown)
            }
            (None, Some(default)) => default.clone(),
            (None, None) if attribute.optional => Value::Null,
            (None, None) => Value::Unknown(Why::new(
                WhyKind::Invalid,
                format!("{what} is required and not set"),
            )),
        };
        out.insert(name.clone(), value);
    }
    Value::Map(Arc::new(out))
}

fn invalid(what: &str) -> Value {
    Value::unknown(
        WhyKind::Invalid,
        format!("{what} is of another type than declared"),
    )
}
