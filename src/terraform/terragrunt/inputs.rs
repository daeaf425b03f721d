//! What a unit hands to Terraform: the parts of `extra_arguments`, and `inputs`. Reads values that
//! are evaluated already.

use super::super::sources::SourcePlace;
use super::super::text::Text;
use super::super::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing that `extra_arguments` adds, in the order in which Terraform gets them.
#[derive(Debug)]
pub enum ExtraArgument {
    VarFile {
        path: Value,
        required: bool,
        place: SourcePlace,
    },
    /// `-var name=value`.
    Var {
        name: String,
        value: Text,
        place: SourcePlace,
    },
    /// `TF_VAR_name` in `env_vars`.
    Env {
        name: String,
        value: Value,
        place: SourcePlace,
    },
}

/// The `inputs` of one file.
#[derive(Debug)]
pub struct Inputs {
    pub value: Value,
    pub place: SourcePlace,
    /// The file's maps and lists are merged with those of the files before it
    /// (`merge_strategy = "deep"`).
    pub deep: bool,
}

/// Merges `inputs` as Terragrunt does, `layers` strongest first; unknown layers add nothing.
pub fn merged(layers: &[Inputs]) -> Value {
    let mut out: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for layer in layers {
        let Value::Map(map) = &layer.value else {
            continue;
        };
        for (key, value) in map.iter() {
            let merged = match out.get(key) {
                Some(stronger) if layer.deep => deep(stronger, value),
                Some(_) => continue,
                None => value.clone(),
            };
            out.insert(key.clone(), merged);
        }
    }
    match layers
        .iter()
        .find(|layer| matches!(layer.value, Value::Unknown(_)))
    {
        Some(layer) if out.is_empty() => layer.value.clone(),
        _ => Value::Map(Arc::new(out)),
    }
}

/// Maps are merged key by key, lists are joined, of anything else the stronger one stays.
pub fn deep(stronger: &Value, weaker: &Value) -> Value {
    match (stronger, weaker) {
        (Value::Map(a), Value::Map(b)) => {
            let mut out = (**b).clone();
            for (key, value) in a.iter() {
                let value = out
                    .get(key)
                    .map_or_else(|| value.clone(), |weaker| deep(value, weaker));
                out.insert(key.clone(), value);
            }
            Value::Map(Arc::new(out))
        }
        (Value::List(a), Value::List(b)) => {
            Value::List(Arc::new(b.iter().chain(a.iter()).cloned().collect()))
        }
        _ => stronger.clone(),
    }
}

/// `-var-file=x`, `-var-file x`, `-var x=y`, `-var=x=y`, with one or two dashes.
pub(super) fn parse_arguments(items: &[Value], place: &SourcePlace, out: &mut Vec<ExtraArgument>) {
    let mut items = items.iter();
    while let Some(item) = items.next() {
        let (Value::Text(text), Some(known)) = (item, item.as_str()) else {
            continue;
        };
        let dashes = known.len() - known.trim_start_matches('-').len();
        let (option, rest) = match known.find('=') {
            Some(at) => (&known[dashes..at], text.slice(at + 1..known.len())),
            None => (&known[dashes..], None),
        };
        let value = || {
            rest.or_else(|| {
                items.next().and_then(|next| {
                    if let Value::Text(text) = next {
                        Some(text.clone())
                    } else {
                        None
                    }
                })
            })
        };
        match option {
            "var-file" => out.extend(value().map(|path| ExtraArgument::VarFile {
                path: Value::Text(path),
                required: true,
                place: place.clone(),
            })),
            "var" => out.extend(value().and_then(|text| assignment(&text, place))),
            _ => {}
        }
    }
}

fn assignment(text: &Text, place: &SourcePlace) -> Option<ExtraArgument> {
    let known = text.known()?;
    let at = known.find('=')?;
    Some(ExtraArgument::Var {
        name: known[..at].trim().to_owned(),
        value: text.slice(at + 1..known.len())?,
        place: place.clone(),
    })
}
