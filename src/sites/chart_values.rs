//! The values that a chart is given: merged as Helm does, set by path as `--set` does, and the
//! objects of Argo CD and K3s that hold them. Knows no images.

use super::found::Map;
use crate::terraform::value::{Value, Why};
use crate::terraform::yaml;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest list that a path may ask for (helm, `strvals.MaxIndex`).
const MAX_INDEX: usize = 65_536;

/// What an object hands to a chart.
pub struct ChartValues {
    /// The key that holds the values, for people.
    pub name: &'static str,
    /// Each part by itself, weakest first.
    pub layers: Vec<Value>,
    pub merged: Value,
    /// Why nothing is known of a part.
    pub unknown: Option<Why>,
}

impl ChartValues {
    fn of(name: &'static str, base: Vec<Value>, sets: Vec<(String, Value)>) -> Self {
        let unknown = base.iter().find_map(|layer| layer.why_unknown().cloned());
        let known = |layer: &&Value| !matches!(layer, Value::Unknown(_));
        let mut merged = base
            .iter()
            .filter(known)
            .fold(Value::Null, |all, over| merge(&all, over));
        let mut layers = base;
        for (path, value) in sets {
            layers.push(set(Value::Null, &path, &value));
            merged = set(merged, &path, &value);
        }
        Self {
            name,
            layers,
            merged,
            unknown,
        }
    }
}

/// Helm's merge of values: maps are merged, everything else is replaced. A null stays one: it
/// deletes the key, the chart's own default with it.
pub fn merge(base: &Value, over: &Value) -> Value {
    match (base, over) {
        (Value::Map(base), Value::Map(over)) => {
            let mut out = (**base).clone();
            for (key, value) in over.iter() {
                let merged = out
                    .get(key)
                    .map_or_else(|| value.clone(), |before| merge(before, value));
                out.insert(key.clone(), merged);
            }
            Value::Map(Arc::new(out))
        }
        (_, over) => over.clone(),
    }
}

/// A step of a path.
enum PathStep {
    Key(String),
    Index(usize),
}

/// Sets what is at a path of helm's `--set`: `a.b\\.c[0].d`. A path that is none sets nothing.
pub fn set(base: Value, path: &str, value: &Value) -> Value {
    match steps(path) {
        Some(steps) => set_at(base, &steps, value),
        None => base,
    }
}

fn steps(path: &str) -> Option<Vec<PathStep>> {
    let mut out = Vec::new();
    let mut key = String::new();
    let mut letters = path.chars();
    let mut is_open = true;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => key.extend(letters.next()),
            '.' => {
                if is_open {
                    out.push(PathStep::Key(std::mem::take(&mut key)));
                }
                is_open = true;
            }
            '[' => {
                if is_open {
                    out.push(PathStep::Key(std::mem::take(&mut key)));
                }
                is_open = false;
                let digits: String = letters.by_ref().take_while(|c| *c != ']').collect();
                let index = digits.parse().ok().filter(|index| *index <= MAX_INDEX)?;
                out.push(PathStep::Index(index));
            }
            other => key.push(other),
        }
    }
    if is_open {
        out.push(PathStep::Key(key));
    }
    Some(out)
}

fn set_at(base: Value, steps: &[PathStep], value: &Value) -> Value {
    let Some((first, rest)) = steps.split_first() else {
        return value.clone();
    };
    match first {
        PathStep::Key(key) => {
            let mut map = match base {
                Value::Map(map) => (*map).clone(),
                _ => BTreeMap::new(),
            };
            let below = map.remove(key.as_str()).unwrap_or(Value::Null);
            map.insert(key.as_str().into(), set_at(below, rest, value));
            Value::Map(Arc::new(map))
        }
        PathStep::Index(index) => {
            let mut items = match base {
                Value::List(items) => items.to_vec(),
                _ => Vec::new(),
            };
            if items.len() <= *index {
                items.resize(index + 1, Value::Null);
            }
            let below = std::mem::replace(&mut items[*index], Value::Null);
            items[*index] = set_at(below, rest, value);
            Value::List(Arc::new(items))
        }
    }
}

/// What a string of `--set` is: `null` deletes.
pub fn as_set(value: &Value) -> Value {
    match value.as_str().as_deref() {
        Some("null") => Value::Null,
        _ => value.clone(),
    }
}

/// The `helm` of an Argo CD application's source: `valuesObject`, else the string `values`; then
/// `parameters` (argo-cd docs, "Helm").
pub fn of_application(key: &str, value: &Value) -> Option<ChartValues> {
    let Value::Map(map) = value else { return None };
    if key != "helm"
        || !["values", "valuesObject", "parameters"]
            .iter()
            .any(|key| map.contains_key(*key))
    {
        return None;
    }
    let (name, base) = match (map.get("valuesObject"), map.get("values")) {
        (Some(object @ Value::Map(_)), _) => ("valuesObject", vec![object.clone()]),
        (_, Some(values)) => ("values", in_string(values)),
        _ => ("parameters", Vec::new()),
    };
    let mut sets = Vec::new();
    if let Some(Value::List(parameters)) = map.get("parameters") {
        for parameter in parameters.iter() {
            if let Value::Map(parameter) = parameter
                && let Some(name) = parameter.get("name").and_then(Value::as_str)
            {
                let value = parameter.get("value").cloned().unwrap_or(Value::Null);
                sets.push((name, as_set(&value)));
            }
        }
    }
    Some(ChartValues::of(name, base, sets))
}

/// The values of K3s' `HelmChart` and `HelmChartConfig`: `spec.valuesContent`, and `spec.set` (K3s
/// docs, "Helm").
pub fn of_helm_chart(key: &str, map: &Map) -> Option<ChartValues> {
    let content = map
        .get("valuesContent")
        .filter(|_| key == "valuesContent")?;
    let mut sets = Vec::new();
    if let Some(Value::Map(all)) = map.get("set") {
        sets.extend(
            all.iter()
                .map(|(path, value)| (path.to_string(), as_set(value))),
        );
    }
    Some(ChartValues::of("valuesContent", in_string(content), sets))
}

/// The documents of a string of YAML; a map is what it is.
fn in_string(values: &Value) -> Vec<Value> {
    match values {
        Value::Text(text) if text.known_len() == 0 => match text.why_unknown() {
            Some(why) => vec![Value::Unknown(why.clone())],
            None => Vec::new(),
        },
        Value::Text(text) => yaml::helm_documents(text)
            .into_iter()
            .map(|document| document.value)
            .filter(|document| matches!(document, Value::Map(_)))
            .collect(),
        Value::Map(_) | Value::Unknown(_) => vec![values.clone()],
        _ => Vec::new(),
    }
}
