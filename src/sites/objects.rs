//! Images of everything that is not a pod-owning resource: helm releases, manifests, ConfigMaps,
//! kustomizations, remote modules, data files.

use super::Use;
use super::finder::{Finder, Remark};
use super::occurrence::{Occurrence, Place, places};
use super::ownership;
use super::settings::{Arguments, RemoteModule};
use super::values::{self, Found, as_text, join};
use crate::model::workload::{Holder, WorkloadKind};
use crate::terraform::body::BodyView;
use crate::terraform::text::{Piece, Text};
use crate::terraform::value::{Value, Why, WhyKind};
use crate::terraform::yaml;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Arguments of modules that are images by their name alone: offered to the user, never taken for
/// granted.
const PLAIN: [&str; 10] = [
    "image",
    "container_image",
    "docker_image",
    "image_tag",
    "image_version",
    "container_image_tag",
    "image_repository",
    "image_name",
    "container_image_repository",
    "image_ref",
];

/// Returns the values of a text that may be YAML; nothing when it cannot hold an image.
pub fn documents(finder: &mut Finder<'_>, text: &Text, user: &Use) -> Vec<Value> {
    if !may_hold_images(text) {
        finder.keep_others(&Value::Text(text.clone()), &[]);
        return Vec::new();
    }
    read(finder, text, user)
}

fn may_hold_images(text: &Text) -> bool {
    text.pieces()
        .iter()
        .any(|piece| matches!(piece, Piece::Known { text, .. } if may_hold_image(text)))
}

fn read(finder: &mut Finder<'_>, text: &Text, user: &Use) -> Vec<Value> {
    let mut out = Vec::new();
    for document in yaml::documents(text) {
        if matches!(document.value, Value::Unknown(_)) {
            finder.keep_others(&Value::Text(text.clone()), &[]);
        }
        for repeated in &document.repeated {
            for found in values::images(&Value::Map(Arc::new(BTreeMap::from([(
                repeated.key.clone(),
                repeated.value.clone(),
            )])))) {
                finder.dead(
                    &found.image,
                    user,
                    "the key is a duplicate: the last one counts",
                );
            }
        }
        out.push(document.value);
    }
    out
}

/// Says whether a part of YAML may have a key that the search looks for: something with an image in
/// its name, or the parts of one. Most texts of ConfigMaps have none, and need not be parsed.
fn may_hold_image(text: &str) -> bool {
    let is_key = |(at, found): (usize, &str)| {
        let rest =
            text[at + found.len()..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        rest.is_empty() || rest.starts_with(':')
    };
    text.match_indices("mage").any(is_key) || text.contains("repository")
}

/// `helm_release`: `values` documents, later ones over earlier ones, then `set` in both its forms.
pub fn helm(finder: &mut Finder<'_>, release: &BodyView<'_>, user: &Use) {
    let mut user = user.clone();
    user.name = release.value("name").as_str().map(Into::into);
    user.namespace = namespace(&user.kind, Some(release.value("namespace")));
    let mut layers: Vec<Value> = Vec::new();
    match release.value("values") {
        Value::List(items) => {
            let known = || {
                items.iter().filter_map(|item| {
                    if let Value::Text(text) = item {
                        Some(text)
                    } else {
                        None
                    }
                })
            };
            let says_nothing =
                |item: &&Value| !matches!(item, Value::Text(text) if text.known_len() > 0);
            for other in items.iter().filter(says_nothing) {
                finder.unknown(release, "helm values", other.why_unknown());
            }
            // One document may change in another what that one alone is known to be: a `tag:`
            // beside nothing.
            match known().any(may_hold_images) {
                true => {
                    for document in known()
                        .flat_map(|text| read(finder, text, &user))
                        .collect::<Vec<_>>()
                    {
                        finder.unknown(release, "helm values", document.why_unknown());
                        layers.extend(
                            Some(document).filter(|document| matches!(document, Value::Map(_))),
                        );
                    }
                }
                false => {
                    known().for_each(|text| finder.keep_others(&Value::Text(text.clone()), &[]))
                }
            }
        }
        Value::Null => {}
        other => finder.unknown(release, "helm values", other.why_unknown()),
    }
    let of_values = layers
        .iter()
        .fold(Value::Null, |base, over| merge(&base, over));
    layers.extend(sets(finder, release));
    let merged = layers
        .iter()
        .fold(Value::Null, |base, over| merge(&base, over));
    let last = values::images(&merged);
    finder.overridden(&layers, &last, &user);
    finder.keep_others(&merged, &last);
    let before = values::images(&of_values);
    for found in last {
        let is_set = !before
            .iter()
            .any(|other| other.path == found.path && other.image == found.image);
        let ignored = finder.ignored(if is_set { "set" } else { "values" });
        finder.found(
            found,
            Use {
                ignored: Some(ignored),
                ..user.clone()
            },
            Vec::new(),
        );
    }
}

/// `set { name = "image.tag" value = … }` and `set = [{ name, value }]`: each as a tree of one
/// value.
fn sets(finder: &mut Finder<'_>, release: &BodyView<'_>) -> Vec<Value> {
    let blocks = release
        .blocks("set")
        .into_iter()
        .filter(|set| set.is_made() != Some(false));
    let mut pairs: Vec<(Value, Value)> = blocks
        .map(|set| (set.value("name"), set.value("value")))
        .collect();
    match release.value("set") {
        Value::List(items) | Value::Set(items) => {
            for item in items.iter() {
                if let Value::Map(map) = item {
                    let get = |key: &str| map.get(key).cloned().unwrap_or(Value::Null);
                    pairs.push((get("name"), get("value")));
                }
            }
        }
        other => finder.unknown(release, "helm values", other.why_unknown()),
    }
    for (name, _) in &pairs {
        finder.unknown(release, "helm values", name.why_unknown());
    }
    pairs
        .into_iter()
        .filter_map(|(name, value)| Some(tree(&name.as_str()?, value)))
        .collect()
}

/// `a.b\.c.d` → `{a: {"b.c": {d: value}}}` (helm's `--set`; lists by index are left out).
fn tree(path: &str, value: Value) -> Value {
    let mut keys = vec![String::new()];
    let mut letters = path.chars();
    while let Some(letter) = letters.next() {
        match (letter, keys.last_mut()) {
            ('\\', Some(key)) => key.extend(letters.next()),
            ('.', _) => keys.push(String::new()),
            (other, Some(key)) => key.push(other),
            (_, None) => {}
        }
    }
    keys.into_iter().rev().fold(value, |below, key| {
        Value::Map(Arc::new(BTreeMap::from([(key.into(), below)])))
    })
}

/// Helm's merge of values: maps are merged, everything else is replaced.
fn merge(base: &Value, over: &Value) -> Value {
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
        (base, Value::Null) => base.clone(),
        (_, over) => over.clone(),
    }
}

/// An object of the cluster: `manifest` of `kubernetes_manifest`, a document of `yaml_body`;
/// `attribute` is the one it stands in.
pub fn object(finder: &mut Finder<'_>, object: &Value, user: &Use, attribute: &str) {
    let Value::Map(map) = object else { return };
    if let (Some("List"), Some(Value::List(items))) = (
        map.get("kind").and_then(Value::as_str).as_deref(),
        map.get("items"),
    ) {
        return items
            .iter()
            .for_each(|item| self::object(finder, item, user, attribute));
    }
    let meta = |key: &str| match map.get("metadata") {
        Some(Value::Map(metadata)) => metadata.get(key).cloned(),
        _ => None,
    };
    let text = |key: &str| meta(key).and_then(|value| value.as_str()).map(Into::into);
    let kind = map
        .get("kind")
        .and_then(Value::as_str)
        .map_or_else(|| user.kind.clone(), |kind| WorkloadKind::new(&kind));
    let user = Use {
        namespace: namespace(&kind, meta("namespace")),
        kind,
        name: text("name"),
        ..user.clone()
    };
    let annotations = meta("annotations")
        .map(|value| ownership::annotations(&value))
        .unwrap_or_default();
    finder.lost(object, &user);
    let images = values::images(object);
    finder.keep_others(object, &images);
    for found in images {
        let ignored = finder
            .ignored(&format!("{attribute}.{}", found.path))
            .then_some(true);
        finder.found(
            found,
            Use {
                ignored,
                ..user.clone()
            },
            annotations.clone(),
        );
    }
}

/// The namespace of an object. A workload that names none is put into `default`. A custom object
/// that names none may be cluster-scoped, like a `ClusterPolicy`, so its namespace is unknown.
fn namespace(kind: &WorkloadKind, value: Option<Value>) -> Option<Arc<str>> {
    match value {
        None | Some(Value::Null) if matches!(kind, WorkloadKind::Other(_)) => None,
        None | Some(Value::Null) => Some("default".into()),
        Some(value) => value.as_str().map(Into::into),
    }
}

/// `data` of a ConfigMap or Secret: each value that is YAML.
pub fn config_map(finder: &mut Finder<'_>, resource: &BodyView<'_>, user: &Use) {
    for attr in ["data", "string_data"] {
        let Value::Map(map) = resource.value(attr) else {
            continue;
        };
        for value in map.values() {
            let Value::Text(text) = value else { continue };
            for document in documents(finder, text, user) {
                let images = values::images(&document);
                finder.keep_others(&document, &images);
                for found in images {
                    finder.found(found, user.clone(), Vec::new());
                }
            }
        }
    }
}

/// `data "kustomization_build"`: the kustomization in the folder it names;
/// `data "kustomization_overlay"`: its `images` blocks.
pub fn kustomization(finder: &mut Finder<'_>, data: &BodyView<'_>, user: &Use) {
    let user = Use {
        namespace: None,
        name: None,
        ..user.clone()
    };
    for (index, block) in data.blocks("images").iter().enumerate() {
        let part =
            |key: &str| Some(as_text(&block.value(key))).filter(|text| !text.pieces().is_empty());
        let Some(name) = part("new_name").or_else(|| part("name")) else {
            continue;
        };
        let (tag, digest) = (part("new_tag"), part("digest"));
        let mut all = vec![(&name, "")];
        all.extend(tag.iter().map(|text| (text, ":")));
        all.extend(digest.iter().map(|text| (text, "@")));
        finder.found(
            values::found(&format!("images[{index}]"), join(&all)),
            user.clone(),
            Vec::new(),
        );
    }
    let Some(path) = data.value("path").as_str() else {
        return;
    };
    let Some((text, file)) = ["kustomization.yaml", "kustomization.yml", "Kustomization"]
        .iter()
        .find_map(|name| finder.read(&format!("{path}/{name}")))
    else {
        return;
    };
    for document in documents(finder, &text, &user) {
        let namespace = match &document {
            Value::Map(map) => map.get("namespace").and_then(Value::as_str).map(Into::into),
            _ => None,
        };
        for found in values::images(&document) {
            finder.found(
                found,
                Use {
                    namespace: namespace.clone(),
                    file: file.clone(),
                    ..user.clone()
                },
                Vec::new(),
            );
        }
    }
}

/// A call of a module whose text is not in the repo: the arguments that the config names, else
/// those of plain names, which are only offered.
pub fn remote_module(
    finder: &mut Finder<'_>,
    source: &str,
    rules: &[RemoteModule],
    arguments: &BTreeMap<Arc<str>, Value>,
    user: &Use,
) {
    let rule = rules.iter().find(|rule| rule.source.matches(source));
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
    match rule.map(|rule| &rule.arguments) {
        Some(Arguments::Reference(name)) => {
            let found = arguments
                .get(name)
                .map(|value| one(name.clone(), as_text(value), None));
            finder.occurrences.extend(found);
        }
        Some(Arguments::Parts {
            registry,
            repository,
            tag,
            digest,
        }) => {
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
        None => {
            for name in PLAIN.iter().filter(|name| arguments.contains_key(**name)) {
                finder.offered(
                    &as_text(&arguments[*name]),
                    name,
                    user,
                    &beyond(source, name),
                );
            }
            for (name, value) in arguments
                .iter()
                .filter(|(_, value)| matches!(value, Value::Map(_) | Value::List(_)))
            {
                for found in values::images(&Value::Map(Arc::new(BTreeMap::from([(
                    name.clone(),
                    value.clone(),
                )])))) {
                    finder.offered(&found.image, &found.path, user, &beyond(source, name));
                }
            }
        }
    }
}

/// Why the argument of a module whose text is not at hand takes no pin.
fn beyond(source: &str, name: &str) -> String {
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

/// Follows `spec.containers[*].image`: keys, and `*` for every element.
pub fn at_path<'v>(value: &'v Value, path: &[Arc<str>]) -> Vec<(&'v Value, Option<&'v Value>)> {
    fn follow<'v>(
        value: &'v Value,
        parent: Option<&'v Value>,
        path: &[Arc<str>],
        out: &mut Vec<(&'v Value, Option<&'v Value>)>,
    ) {
        let Some((key, rest)) = path.split_first() else {
            return out.push((value, parent));
        };
        match (value, &**key) {
            (Value::List(items), "*") => items
                .iter()
                .for_each(|item| follow(item, Some(value), rest, out)),
            (Value::Map(map), "*") => map
                .values()
                .for_each(|item| follow(item, Some(value), rest, out)),
            (Value::Map(map), key) => map
                .get(key)
                .into_iter()
                .for_each(|item| follow(item, Some(value), rest, out)),
            (Value::List(items), key) => key
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get(index))
                .into_iter()
                .for_each(|item| follow(item, Some(value), rest, out)),
            _ => {}
        }
    }
    let mut out = Vec::new();
    follow(value, None, path, &mut out);
    out
}

impl Finder<'_> {
    /// Says of the literals of earlier layers that a later one replaces them.
    fn overridden(&mut self, layers: &[Value], last: &[Found], user: &Use) {
        let kept: BTreeSet<Place> = last
            .iter()
            .flat_map(|found| places(&found.image))
            .map(|(place, _)| place)
            .collect();
        for found in layers.iter().flat_map(values::images) {
            let gone = places(&found.image)
                .into_iter()
                .any(|(place, _)| !kept.contains(&place));
            let tag = last.iter().any(|now| now.holder == found.holder);
            if gone && tag {
                self.dead_except(
                    &found.image,
                    user,
                    "overridden by a later value of the release",
                    &kept,
                );
            }
        }
    }

    fn offered(&mut self, text: &Text, name: &str, user: &Use, why: &str) {
        for (place, _) in places(text) {
            let user = Use {
                holder: Holder::Path(name.into()),
                image: text.known().map(Into::into),
                ..user.clone()
            };
            self.remarks.push(Remark::unpinnable(place, why, user));
        }
    }
}
