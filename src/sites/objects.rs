//! Images of everything that is not a pod-owning resource: helm releases, manifests, ConfigMaps,
//! kustomizations, remote modules, data files.

use super::Use;
use super::finder::Finder;
use super::ownership;
use super::values::{self, as_text, join};
use crate::model::workload::WorkloadKind;
use crate::terraform::body::BodyView;
use crate::terraform::text::{Piece, Text};
use crate::terraform::value::Value;
use crate::terraform::yaml::{self, Document};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Returns the values of a text that may be YAML; nothing when it cannot hold an image.
pub fn documents(finder: &mut Finder<'_>, text: &Text, user: &Use) -> Vec<Value> {
    if !may_hold_images(text) {
        finder.keep_others(&Value::Text(text.clone()), &[]);
        return Vec::new();
    }
    read(finder, text, user)
}

pub fn may_hold_images(text: &Text) -> bool {
    text.pieces()
        .iter()
        .any(|piece| matches!(piece, Piece::Known { text, .. } if values::may_hold_image(text)))
}

fn read(finder: &mut Finder<'_>, text: &Text, user: &Use) -> Vec<Value> {
    take(finder, text, yaml::documents(text), user)
}

/// Returns the values of documents that were read from a text.
pub fn take(
    finder: &mut Finder<'_>,
    text: &Text,
    documents: Vec<Document>,
    user: &Use,
) -> Vec<Value> {
    let mut out = Vec::new();
    for document in documents {
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
pub fn namespace(kind: &WorkloadKind, value: Option<Value>) -> Option<Arc<str>> {
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
