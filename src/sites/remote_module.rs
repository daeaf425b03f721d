//! Calls of modules whose text is not in the repo: the arguments that the config names are images;
//! those that look like ones are offered, never taken for granted.

use super::Use;
use super::chart_values;
use super::finder::{Finder, Remark};
use super::found::stand_in;
use super::occurrence::{Occurrence, places};
use super::settings::{Arguments, RemoteModule, SETS};
use super::values::{self, as_text, join};
use crate::model::workload::Holder;
use crate::terraform::files::RepoPath;
use crate::terraform::text::Text;
use crate::terraform::value::{Value, Why, WhyKind};
use crate::terraform::yaml;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A call of a module whose text is not in the repo: the arguments that the config names, else
/// those of plain names, which are only offered.
pub fn remote_module(
    finder: &mut Finder<'_>,
    source: &str,
    rules: &[RemoteModule],
    arguments: &BTreeMap<Arc<str>, Value>,
    user: &Use,
) {
    let mut own = rules
        .iter()
        .filter(|rule| rule.source.matches(source))
        .peekable();
    if own.peek().is_none() {
        offer_plain(finder, source, arguments, user);
    }
    for rule in own {
        take(finder, source, &rule.arguments, arguments, user);
    }
}

/// Takes the images in the arguments that the config names.
fn take(
    finder: &mut Finder<'_>,
    source: &str,
    rule: &Arguments,
    arguments: &BTreeMap<Arc<str>, Value>,
    user: &Use,
) {
    let part = |name: &Option<Arc<str>>| {
        name.as_ref().and_then(|name| {
            arguments
                .get(name)
                .map(|value| (name.clone(), as_text(value)))
        })
    };
    let one = |name: Arc<str>, image: Text, refused: Option<String>| Occurrence {
        user: Use {
            holder: Holder::Path(name),
            ..user.clone()
        },
        image,
        orphan: false,
        annotations: Vec::new(),
        blocks: Vec::new(),
        refused,
    };
    match rule {
        Arguments::Reference(name) => {
            let found = arguments
                .get(name)
                .map(|value| one(name.clone(), as_text(value), None));
            finder.occurrences.extend(found);
        }
        Arguments::Parts {
            registry,
            repository,
            tag,
            digest,
        } => {
            let (registry, repository, tag, digest) =
                (part(registry), part(repository), part(tag), part(digest));
            let Some(name) = digest
                .as_ref()
                .or(tag.as_ref())
                .or(repository.as_ref())
                .map(|(name, _)| name.clone())
            else {
                return;
            };
            let repository = repository
                .map(|(_, text)| text)
                .unwrap_or_else(|| unknown(&format!("the repository that {source} uses")));
            let mut all: Vec<(&Text, &str)> = registry.iter().map(|(_, text)| (text, "")).collect();
            all.push((&repository, if all.is_empty() { "" } else { "/" }));
            all.extend(tag.iter().map(|(_, text)| (text, ":")));
            all.extend(digest.iter().map(|(_, text)| (text, "@")));
            finder.occurrences.push(one(name, join(&all), None));
        }
        Arguments::Values(names) => {
            let given = names.iter().filter_map(|name| find_value(arguments, name));
            let merged = given.fold(Value::Null, add_values);
            for found in values::images(&merged) {
                finder.found(found, user.clone(), Vec::new());
            }
        }
    }
}

/// Returns an argument, or what is in one: `addon.values`.
fn find_value<'a>(arguments: &'a BTreeMap<Arc<str>, Value>, name: &str) -> Option<&'a Value> {
    let mut keys = name.split('.');
    let argument = arguments.get(keys.next()?)?;
    keys.try_fold(argument, values::get)
}

/// Puts an argument over the values before it: documents, a tree, or a list of paths and what is
/// set there.
fn add_values(base: Value, argument: &Value) -> Value {
    match argument {
        Value::List(items) | Value::Set(items) => items.iter().fold(base, add_layer),
        other => add_layer(base, other),
    }
}

fn add_layer(base: Value, item: &Value) -> Value {
    let path = values::get(item, "name").and_then(Value::as_str);
    if let (Some(path), Some(value)) = (path, values::get(item, "value")) {
        return chart_values::set(base, &path, &chart_values::as_set(value));
    }
    documents(item)
        .iter()
        .filter(|layer| matches!(layer, Value::Map(_)))
        .fold(base, |base, over| chart_values::merge(&base, over))
}

/// Offers the arguments that look like images to a person.
fn offer_plain(
    finder: &mut Finder<'_>,
    source: &str,
    arguments: &BTreeMap<Arc<str>, Value>,
    user: &Use,
) {
    for (name, value) in arguments
        .iter()
        .filter(|(name, value)| is_plain(name, value, arguments))
    {
        let why = beyond(finder, source, name);
        offer(finder, &as_text(value), name, user, &why);
    }
    for (name, value) in arguments {
        let own = BTreeMap::from([(name.clone(), value.clone())]);
        for found in values::images(&Value::Map(Arc::new(own))) {
            let why = beyond(finder, source, name);
            offer(finder, &found.image, &found.path, user, &why);
        }
    }
    let all = Value::Map(Arc::new(arguments.clone()));
    helm_values(finder, source, &all, "", user);
}

/// Says whether an argument is an image by its name alone, in any spelling: `validator_image`,
/// `exporterImage`, `image_tag`; a `validator_tag` where there is a `validator_image`.
fn is_plain(name: &str, value: &Value, arguments: &BTreeMap<Arc<str>, Value>) -> bool {
    let name = snake(name);
    let text = stand_in(&as_text(value));
    // The image of a machine has a bare name.
    let is_machine = name.ends_with("_image") && !text.contains(['/', ':']);
    if is_machine && !matches!(&*name, "container_image" | "docker_image") {
        return false;
    }
    let ends = [
        "image",
        "image_tag",
        "image_version",
        "image_repository",
        "image_name",
        "image_ref",
        "image_digest",
    ];
    let is_end = |end: &&str| {
        name.strip_suffix(*end)
            .is_some_and(|before| before.is_empty() || before.ends_with('_'))
    };
    let is_beside = || {
        name.strip_suffix("_tag").is_some_and(|stem| {
            arguments
                .keys()
                .any(|other| snake(other) == format!("{stem}_image"))
        })
    };
    ends.iter().any(is_end) || is_beside()
}

/// `exporterImage` → `exporter_image`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
        out.extend(c.to_lowercase());
    }
    out.replace('-', "_")
}

/// The values of a chart that a module is given, as `helm_release` has them: `values`, a list of
/// documents, and `set`, a list of paths and what is set there.
fn helm_values(finder: &mut Finder<'_>, source: &str, value: &Value, path: &str, user: &Use) {
    let Value::Map(map) = value else { return };
    for (key, value) in map.iter() {
        let dot = if path.is_empty() { "" } else { "." };
        let below = format!("{path}{dot}{key}");
        let trees: Vec<Value> = match (&**key, value) {
            ("values", Value::List(items)) => items.iter().flat_map(documents).collect(),
            ("values", Value::Text(_)) => documents(value),
            (key, Value::List(items) | Value::Set(items)) if SETS.contains(&key) => {
                let set = |item: &Value| {
                    let name = values::get(item, "name")?.as_str()?;
                    Some(chart_values::set(
                        Value::Null,
                        &name,
                        values::get(item, "value")?,
                    ))
                };
                items.iter().filter_map(set).collect()
            }
            _ => {
                helm_values(finder, source, value, &below, user);
                continue;
            }
        };
        for found in trees.iter().flat_map(values::images) {
            let why = beyond(finder, source, &below);
            let path = format!("{below}.{}", found.path);
            offer(finder, &found.image, &path, user, &why);
        }
    }
}

fn documents(value: &Value) -> Vec<Value> {
    match value {
        Value::Text(text) => yaml::helm_documents(text)
            .into_iter()
            .map(|document| document.value)
            .collect(),
        other => vec![other.clone()],
    }
}

/// Returns the folder of the repo that has the path which a source names in another repo.
fn own_folder(finder: &Finder<'_>, source: &str) -> Option<RepoPath> {
    let path = source.rsplit_once("//")?.1.split('?').next()?;
    let folder = RepoPath::new(path).filter(|folder| !folder.as_str().is_empty())?;
    let has_module = |(path, _): (&RepoPath, _)| path.name().ends_with(".tf");
    let is_there = !source.starts_with('.') && finder.files.below(&folder).any(has_module);
    is_there.then_some(folder)
}

/// Why the argument of a module whose text is not at hand takes no pin.
fn beyond(finder: &Finder<'_>, source: &str, name: &str) -> String {
    if let Some(folder) = own_folder(finder, source) {
        return format!(
            "it is the argument {name} of the module {source}, which is fetched from there although the repo has a folder {folder}: source it by path, or name it in a [[module]] entry"
        );
    }
    match source.starts_with('.') {
        true => format!(
            "it is the argument {name} of the module {source}, which is outside of what was read: scan the top folder"
        ),
        false => format!(
            "it is the argument {name} of the module {source}, whose text is not in the repo: name it in a [[module]] entry"
        ),
    }
}

fn unknown(what: &str) -> Text {
    as_text(&Value::Unknown(Why::new(WhyKind::RemoteModule, what)))
}

fn offer(finder: &mut Finder<'_>, text: &Text, name: &str, user: &Use, why: &str) {
    for (place, _) in places(text) {
        let user = Use {
            holder: Holder::Path(name.into()),
            image: text.known().map(Into::into),
            ..user.clone()
        };
        finder.remarks.push(Remark::unpinnable(place, why, user));
    }
}
