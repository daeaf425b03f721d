//! Images in a tree of values: helm values, manifests, pod templates, kustomize lists. Knows the
//! shapes, not where a tree came from.

use super::occurrence::{Place, places};
use super::{chart_values, forms};
use crate::model::workload::Holder;
use crate::terraform::text::{Piece, Text};
use crate::terraform::value::{Value, Why};
use crate::terraform::yaml;
use std::collections::BTreeSet;

pub use super::found::{Found, Map, as_text, found, is_empty, is_unknown, join, plausible};

const CONTAINERS: [(&str, bool); 3] = [
    ("containers", false),
    ("initContainers", true),
    ("ephemeralContainers", false),
];

/// Returns the images of a tree in document order of their keys. A string under a key named `image`
/// counts with a tag or a digest only, since values files call many things an image; in a list of
/// containers it always counts.
pub fn images(tree: &Value) -> Vec<Found> {
    let mut out = Vec::new();
    walk(tree, "", &mut out);
    out
}

fn walk(value: &Value, path: &str, out: &mut Vec<Found>) {
    match value {
        Value::Map(map) => walk_map(map, path, out),
        Value::List(items) | Value::Set(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{path}[{index}]"), out);
            }
        }
        _ => {}
    }
}

fn walk_map(map: &Map, path: &str, out: &mut Vec<Found>) {
    for (key, value) in map {
        let below = if path.is_empty() {
            key.to_string()
        } else {
            format!("{path}.{key}")
        };
        if let Some((_, init)) = CONTAINERS.iter().find(|(name, _)| *name == &**key) {
            containers(value, &below, *init, out);
        } else if &**key == "images" && is_kustomize(value) {
            kustomize(value, &below, out);
        } else if let Some(given) = chart_values::of_application(key, value) {
            out.extend(of_chart(&given, &below));
        } else if let Some(given) = chart_values::of_helm_chart(key, map) {
            out.extend(of_chart(&given, path));
        } else if let (Value::List(items), true) =
            (value, &**key == "images" && path.ends_with("kustomize"))
        {
            kustomize_strings(items, &below, out);
        } else if is_image_key(key) {
            image_key(map, key, value, &below, out);
        } else if forms::is_lone_tag(map, key) {
            out.push(forms::lone_tag(value, &below));
        } else if let Value::Text(text) = value {
            inside_string(key, text, &below, out);
        } else if let Value::Map(parts) = value
            && forms::is_split_elsewhere(parts)
        {
            out.push(forms::compose(parts, &below));
            walk_below(parts, &below, out);
        } else {
            walk(value, &below, out);
        }
    }
}

/// The maps and lists of a map that is an image itself.
fn walk_below(parts: &Map, path: &str, out: &mut Vec<Found>) {
    for (key, value) in parts {
        if matches!(value, Value::Map(_) | Value::List(_)) && !is_image_key(key) {
            walk(value, &format!("{path}.{key}"), out);
        }
    }
}

/// The images of the values that an object hands to a chart.
fn of_chart(given: &chart_values::ChartValues, path: &str) -> Vec<Found> {
    let dot = if path.is_empty() { "" } else { "." };
    let mut last = Vec::new();
    if let Some(why) = &given.unknown {
        let all = Text::from_piece(Piece::Unknown(why.clone()));
        last.push(found(&format!("{path}{dot}{}", given.name), all));
    }
    walk(
        &given.merged,
        &format!("{path}{dot}{}", given.name),
        &mut last,
    );
    let mut kept: BTreeSet<Place> = BTreeSet::new();
    for found in &last {
        kept.extend(places(&found.image).into_iter().map(|(place, _)| place));
    }
    let mut gone: Vec<(Place, String)> = Vec::new();
    for found in given.layers.iter().flat_map(images) {
        let places = places(&found.image).into_iter().map(|(place, _)| place);
        gone.extend(
            places
                .filter(|place| !kept.contains(place))
                .map(|place| (place, "overridden by a later value of the chart".to_owned())),
        );
    }
    if let Some(first) = last.first_mut() {
        first.dead.extend(gone);
    }
    last
}

/// `kustomize.images` of an Argo CD application: `image`, or `name=image`.
fn kustomize_strings(items: &[Value], path: &str, out: &mut Vec<Found>) {
    for (index, item) in items.iter().enumerate() {
        let text = as_text(item);
        let after = text.known().and_then(|all| {
            let at = all.find('=').map_or(0, |at| at + 1);
            text.slice(at..all.len())
        });
        let image = after.unwrap_or(text);
        if plausible(&image, false) {
            out.push(found(&format!("{path}[{index}]"), image));
        }
    }
}

/// Keys whose strings are programs, or what they are called with.
const SCRIPTS: [&str; 4] = ["command", "args", "script", "scripts"];

/// YAML inside a string: `extraInitContainers: |`.
fn inside_string(key: &str, text: &Text, path: &str, out: &mut Vec<Found>) {
    if SCRIPTS.contains(&key) || !may_be_document(text) {
        return;
    }
    for document in yaml::helm_documents(text) {
        walk(&document.value, path, out);
    }
}

/// Says whether a string may be YAML of several lines with an image in it.
fn may_be_document(text: &Text) -> bool {
    let known = |says: &dyn Fn(&str) -> bool| {
        text.pieces()
            .iter()
            .any(|piece| matches!(piece, Piece::Known { text, .. } if says(text)))
    };
    known(&|text| text.contains('\n')) && known(&|text| may_hold_image(text))
}

/// Says whether a part of YAML may have a key that the search looks for: something with an image in
/// its name, or the parts of one. Most texts have none, and need not be parsed.
pub fn may_hold_image(text: &str) -> bool {
    let is_key = |(at, found): (usize, &str)| {
        let rest =
            text[at + found.len()..].trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
        let rest = rest.trim_start_matches(['"', '\'']).trim_start();
        rest.is_empty() || rest.starts_with(':')
    };
    text.match_indices("mage").any(is_key) || text.contains("repository")
}

/// `image`, `initImage`, `image_name` …: the keys charts and operators use for a whole reference or
/// a map of its parts.
pub fn is_image_key(key: &str) -> bool {
    matches!(key, "image" | "imageName") || key.ends_with("Image") || key.ends_with("_image")
}

fn containers(list: &Value, path: &str, init: bool, out: &mut Vec<Found>) {
    let Value::List(items) = list else {
        return walk(list, path, out);
    };
    for (index, item) in items.iter().enumerate() {
        let Value::Map(map) = item else { continue };
        let place = format!("{path}[{index}]");
        match map.get("image") {
            Some(image @ (Value::Text(_) | Value::Unknown(_))) => {
                let path = format!("{place}.image");
                let name = map.get("name").and_then(Value::as_str).map(Into::into);
                let text = as_text(image);
                if plausible(&text, true) || is_unknown(&text) {
                    let holder = Holder::Container { name, init };
                    out.push(Found {
                        holder,
                        ..found(&path, text)
                    });
                }
            }
            Some(other) => image_key(map, "image", other, &format!("{place}.image"), out),
            None => walk(item, &place, out),
        }
    }
}

/// The value of a key of that name: a reference with the parts beside it, or a map of its parts.
fn image_key(map: &Map, key: &str, value: &Value, path: &str, out: &mut Vec<Found>) {
    match value {
        Value::Text(_) | Value::Unknown(_) | Value::Number(..) => {
            out.extend(forms::beside(map, key, value, path))
        }
        Value::Map(parts) if forms::is_split(parts) => out.push(forms::compose(parts, path)),
        other => walk(other, path, out),
    }
}

fn is_kustomize(value: &Value) -> bool {
    let Value::List(items) = value else {
        return false;
    };
    let image = |item: &Value| matches!(item, Value::Map(map) if map.contains_key("name") && (map.contains_key("newTag") || map.contains_key("digest") || map.contains_key("newName")));
    !items.is_empty() && items.iter().any(image)
}

/// `images:` of a kustomization: `newName` or `name`, with `newTag` or `digest` (kustomize, field
/// `images`).
fn kustomize(list: &Value, path: &str, out: &mut Vec<Found>) {
    let Value::List(items) = list else { return };
    for (index, item) in items.iter().enumerate() {
        let Value::Map(map) = item else { continue };
        let part = |key: &str| map.get(key).map(as_text).filter(|text| !is_empty(text));
        let Some(name) = part("newName").or_else(|| part("name")) else {
            continue;
        };
        let tag = part("newTag");
        let digest = part("digest");
        let mut all = vec![(&name, "")];
        all.extend(tag.iter().map(|text| (text, ":")));
        all.extend(digest.iter().map(|text| (text, "@")));
        if all.len() > 1 {
            out.push(found(&format!("{path}[{index}]"), join(&all)));
        }
    }
}

/// Returns the value of a key, when the value is a map that has it.
pub fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Map(map) => map.get(key),
        _ => None,
    }
}

/// Returns every string in a value, at any depth.
pub fn texts(value: &Value) -> Vec<Text> {
    match value {
        Value::Text(text) => vec![text.clone()],
        Value::Number(..) => Some(as_text(value))
            .filter(|text| text.why_unknown().is_none())
            .into_iter()
            .collect(),
        Value::List(items) | Value::Set(items) => items.iter().flat_map(texts).collect(),
        Value::Map(map) => map.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Returns the strings of a tree that no image of it is made from.
pub fn beside(tree: &Value, images: &[Found]) -> Vec<Text> {
    let mut left: Vec<Text> = texts(tree)
        .into_iter()
        .flat_map(
            |text| match images.iter().any(|found| is_inside(&found.image, &text)) {
                true => inner_texts(text),
                false => vec![text],
            },
        )
        .collect();
    for found in images {
        if let Some(at) = left
            .iter()
            .position(|text| is_behind_name(text, &found.image))
        {
            left.remove(at);
            continue;
        }
        if let Some(at) = left
            .iter()
            .position(|text| text.pieces() == found.image.pieces())
        {
            left.remove(at);
            continue;
        }
        let part = |text: &Text| {
            !text.pieces().is_empty()
                && found
                    .image
                    .pieces()
                    .windows(text.pieces().len())
                    .any(|run| run == text.pieces())
        };
        let mut parts: Vec<Text> = Vec::new();
        left.retain(|text| {
            let taken = part(text) && !parts.iter().any(|other| other.pieces() == text.pieces());
            if taken {
                parts.push(text.clone());
            }
            !taken
        });
    }
    left
}

/// Says whether a text is `name=image`.
fn is_behind_name(text: &Text, image: &Text) -> bool {
    let (all, image) = (text.known(), image.known());
    let before = all
        .zip(image)
        .and_then(|(all, image)| all.strip_suffix(&image).map(str::to_owned));
    before.is_some_and(|before| before.ends_with('='))
}

/// Says whether a part of an image is written in a larger text.
fn is_inside(image: &Text, text: &Text) -> bool {
    let origins = |text: &Text| {
        let origin = |piece: &Piece| match piece {
            Piece::Known { origin, .. } => origin.clone(),
            Piece::Unknown(_) => None,
        };
        text.pieces().iter().filter_map(origin).collect::<Vec<_>>()
    };
    let outer = origins(text);
    text.pieces() != image.pieces()
        && origins(image).iter().any(|one| {
            outer
                .iter()
                .any(|other| other.file == one.file && other.span.contains(one.span))
        })
}

/// The strings of the YAML that a string is, where it is searched as such; else itself.
fn inner_texts(text: Text) -> Vec<Text> {
    let may_be = |piece: &Piece| matches!(piece, Piece::Known { text, .. } if text.contains(':'));
    if !text.pieces().iter().any(may_be) || text.known_len() < 8 {
        return vec![text];
    }
    let documents = yaml::helm_documents(&text);
    let is_tree = |value: &Value| matches!(value, Value::Map(_) | Value::List(_));
    if documents.is_empty() || !documents.iter().all(|document| is_tree(&document.value)) {
        return vec![text];
    }
    documents
        .iter()
        .flat_map(|document| texts(&document.value))
        .flat_map(inner_texts)
        .collect()
}

/// The kinds that own pods.
const OWNERS: [&str; 9] = [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Pod",
    "PodTemplate",
];

/// Returns the first key on the way to an object's containers of whose value nothing is known.
pub fn lost(object: &Value) -> Option<(&'static str, &Why)> {
    const WAY: [&str; 5] = [
        "spec",
        "jobTemplate",
        "template",
        "initContainers",
        "containers",
    ];
    fn follow(value: &Value) -> Option<(&'static str, &Why)> {
        WAY.iter().find_map(|key| match get(value, key)? {
            Value::Unknown(why) => Some((*key, why)),
            below => follow(below),
        })
    }
    let kind = get(object, "kind").and_then(Value::as_str)?;
    OWNERS
        .contains(&kind.as_str())
        .then(|| follow(object))
        .flatten()
}

/// Calls `look` for every value of which nothing is known, with its dotted path.
pub fn each_unknown<'v>(value: &'v Value, path: &str, look: &mut dyn FnMut(&str, &'v Why)) {
    match value {
        Value::Unknown(why) => look(path, why),
        Value::Text(text) if text.known_len() == 0 => {
            if let Some(why) = text.why_unknown() {
                look(path, why);
            }
        }
        Value::List(items) | Value::Set(items) => {
            for (index, item) in items.iter().enumerate() {
                each_unknown(item, &format!("{path}[{index}]"), look);
            }
        }
        Value::Map(map) => {
            let dot = if path.is_empty() { "" } else { "." };
            for (key, item) in map.iter() {
                each_unknown(item, &format!("{path}{dot}{key}"), look);
            }
        }
        _ => {}
    }
}

/// Says whether the tree has a null at a dotted path, or on the way there.
pub fn is_null_at(tree: &Value, path: &str) -> bool {
    let mut at = tree;
    for key in path.split('.') {
        match get(at, key) {
            Some(Value::Null) => return true,
            Some(below) => at = below,
            None => return false,
        }
    }
    false
}
