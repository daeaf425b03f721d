//! Functions over lists, sets and objects; elements keep their origin.

use super::super::eval::at;
use super::super::eval::support::*;
use super::super::value::{Value, Why};
use super::Outcome;
use super::arguments::Args;
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn call(name: &str, args: &[Value]) -> Option<Outcome> {
    let args = Args(args);
    Some(match name {
        "merge" => merge(args),
        "lookup" => lookup(args),
        "concat" => concat(args),
        "length" => length(args),
        "keys" => args.map(0).map(|map| list(map.keys().map(|key| Value::text(Arc::clone(key))).collect())),
        "values" => args.map(0).map(|map| list(map.values().cloned().collect())),
        "toset" => args.value(0).and_then(to_set),
        "element" => element(args),
        "flatten" => flatten(args),
        _ => return None,
    })
}

fn merge(args: Args) -> Outcome {
    let mut all = BTreeMap::new();
    for at in 0..args.0.len() {
        if matches!(args.value(at)?, Value::Null) {
            continue;
        }
        all.extend(args.map(at)?.iter().map(|(key, value)| (Arc::clone(key), value.clone())));
    }
    Ok(Value::Map(Arc::new(all)))
}

fn lookup(args: Args) -> Outcome {
    let map = args.count(2, 3)?.map(0)?;
    let key = args.string(1)?;
    match (map.get(key.as_str()), args.0.get(2)) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(invalid(format!("an object without the key {key}"))),
    }
}

fn concat(args: Args) -> Outcome {
    let mut all = Vec::new();
    for at in 0..args.0.len() {
        all.extend(args.list(at)?.iter().cloned());
    }
    Ok(list(all))
}

fn length(args: Args) -> Outcome {
    Ok(count(match args.count(1, 1)?.value(0)? {
        Value::Text(text) => known(text)?.chars().count(),
        Value::Map(entries) => entries.len(),
        _ => args.list(0)?.len(),
    }))
}

fn element(args: Args) -> Outcome {
    let items = args.count(2, 2)?.list(0)?;
    let index = args.int(1)?;
    if items.is_empty() {
        return Err(invalid("an element of an empty list"));
    }
    at(&Value::List(items.clone()), &int(index.rem_euclid(items.len() as i128)))
}

fn flatten(args: Args) -> Outcome {
    fn add(value: &Value, out: &mut Vec<Value>) -> Result<(), Why> {
        match value {
            Value::List(items) | Value::Set(items) => items.iter().try_for_each(|item| add(item, out)),
            other => {
                out.push(other.clone());
                Ok(())
            }
        }
    }
    let mut out = Vec::new();
    for item in args.list(0)?.iter() {
        if let Value::Unknown(why) = item {
            return Err(why.clone());
        }
        add(item, &mut out)?;
    }
    Ok(list(out))
}

/// Makes a set of strings, numbers or bools; the order of other sets is not told.
pub fn to_set(value: &Value) -> Outcome {
    let items = match value {
        Value::Set(_) => return Ok(value.clone()),
        Value::Null => return Ok(Value::Null),
        other => to_list(other)?,
    };
    let text = items.iter().any(|item| matches!(item, Value::Text(_)));
    let mut all: Vec<Value> = Vec::new();
    for item in items.iter() {
        if let Some(why) = unknown_in(item) {
            return Err(why.clone());
        }
        let scalar = matches!(item, Value::Bool(_) | Value::Number(..));
        all.push(if text && scalar { Value::Text(to_text(item.clone())?) } else { item.clone() });
    }
    if all.len() > 1 && all.iter().any(|item| compare(item, item).is_none()) {
        return Err(limit("a set of objects or lists"));
    }
    all.sort_by(|a, b| compare(a, b).unwrap_or(std::cmp::Ordering::Equal));
    all.dedup_by(|a, b| compare(a, b) == Some(std::cmp::Ordering::Equal));
    Ok(Value::Set(Arc::new(all)))
}
