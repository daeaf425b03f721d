//! Functions over objects and maps; values keep their origin.

use super::super::eval::support::*;
use super::super::value::{Entries, UNKNOWN_KEY, Value, Why, add_unknown_key, unknown_keys};
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
            .and_then(|args| args.known_map(0))
            .map(|map| list(map.keys().map(|key| Value::text(Arc::clone(key))).collect())),
        "values" => args
            .count(1, 1)
            .and_then(|args| args.map(0))
            .map(|map| list(values(&map))),
        "zipmap" => zipmap(args),
        "transpose" => transpose(args),
        "tomap" => tomap(args),
        _ => return None,
    })
}

/// The values; where some keys are unknown, their places too.
fn values(map: &Entries) -> Vec<Value> {
    let marker = unknown_keys(map).map(|why| Value::elements(&why));
    let all = map
        .values()
        .filter(|value| !matches!(value, Value::Unknown(_)) || marker.is_none());
    marker.clone().into_iter().chain(all.cloned()).collect()
}

fn object(entries: BTreeMap<Arc<str>, Value>) -> Value {
    Value::Map(Arc::new(entries))
}

fn merge(args: Args) -> Computed {
    let mut all = BTreeMap::new();
    for at in 0..args.0.len() {
        match args.value(at)? {
            Value::Null => {}
            Value::Unknown(why) => replace_any(&mut all, why),
            _ => {
                let map = args.map(at)?;
                if let Some(why) = unknown_keys(&map) {
                    replace_any(&mut all, &why);
                }
                all.extend(
                    map.iter()
                        .map(|(key, value)| (Arc::clone(key), value.clone())),
                );
            }
        }
    }
    Ok(object(all))
}

/// Entries whose keys are unknown may take the place of any that is there.
fn replace_any(all: &mut Entries, why: &Why) {
    all.values_mut()
        .for_each(|replaced| *replaced = replaced.unsure(why));
    add_unknown_key(all, why, Value::Unknown(why.clone()));
}

fn lookup(args: Args) -> Computed {
    let map = args.count(2, 3)?.map(0)?;
    let key = args.string(1)?;
    match (map.get(key.as_str()), args.0.get(2)) {
        (Some(value), _) => Ok(value.clone()),
        (None, _) if map.contains_key(UNKNOWN_KEY) => {
            Err(unknown_keys(&map).unwrap_or_else(|| limit("a map")))
        }
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
    for (key, values) in args.count(1, 1)?.known_map(0)?.iter() {
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
    let map = args.known_map(0)?;
    let values = unified(&map.values().cloned().collect::<Vec<_>>())?;
    Ok(object(map.keys().cloned().zip(values).collect()))
}
