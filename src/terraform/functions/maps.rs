//! Functions over objects and maps; values keep their origin.

use super::super::eval::support::*;
use super::super::value::{Value, Why};
use super::Computed;
use super::arguments::Args;
use super::sets::unified;
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "merge" => merge(args),
        "lookup" => lookup(args),
        "keys" => args
            .count(1, 1)
            .and_then(|args| args.map(0))
            .map(|map| list(map.keys().map(|key| Value::text(Arc::clone(key))).collect())),
        "values" => args
            .count(1, 1)
            .and_then(|args| args.map(0))
            .map(|map| list(map.values().cloned().collect())),
        "zipmap" => zipmap(args),
        "transpose" => transpose(args),
        "tomap" => tomap(args),
        _ => return None,
    })
}

fn object(entries: BTreeMap<Arc<str>, Value>) -> Value {
    Value::Map(Arc::new(entries))
}

fn merge(args: Args) -> Computed {
    let mut all = BTreeMap::new();
    for at in 0..args.0.len() {
        if !matches!(args.value(at)?, Value::Null) {
            all.extend(
                args.map(at)?
                    .iter()
                    .map(|(key, value)| (Arc::clone(key), value.clone())),
            );
        }
    }
    Ok(object(all))
}

fn lookup(args: Args) -> Computed {
    let map = args.count(2, 3)?.map(0)?;
    let key = args.string(1)?;
    match (map.get(key.as_str()), args.0.get(2)) {
        (Some(value), _) => Ok(value.clone()),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(invalid(format!("an object without the key {key}"))),
    }
}

fn zipmap(args: Args) -> Computed {
    let (keys, values) = (args.count(2, 2)?.list(0)?, args.list(1)?);
    if keys.len() != values.len() {
        return Err(invalid("zipmap with lists of different lengths"));
    }
    let entries: Result<_, Why> = keys
        .iter()
        .zip(values.iter())
        .map(|(key, value)| Ok((to_known(key)?.into(), value.clone())))
        .collect();
    entries.map(object)
}

fn transpose(args: Args) -> Computed {
    let mut all: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, values) in args.count(1, 1)?.map(0)?.iter() {
        for value in to_list(values)?.iter() {
            all.entry(to_known(value)?.into())
                .or_default()
                .push(Value::text(Arc::clone(key)));
        }
    }
    Ok(object(
        all.into_iter()
            .map(|(key, values)| (key, list(values)))
            .collect(),
    ))
}

fn tomap(args: Args) -> Computed {
    if matches!(args.count(1, 1)?.value(0)?, Value::Null) {
        return Ok(Value::Null);
    }
    let map = args.map(0)?;
    let values = unified(&map.values().cloned().collect::<Vec<_>>())?;
    Ok(object(map.keys().cloned().zip(values).collect()))
}
