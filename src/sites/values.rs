//! Images in a tree of values: helm values, manifests, pod templates, kustomize lists. Knows the
//! shapes, not where a tree came from.

use crate::model::reference::Reference;
use crate::model::workload::Holder;
use crate::terraform::text::{Frame, Piece, Text};
use crate::terraform::value::{Value, Why, WhyKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An image found in a tree.
#[derive(Clone, Debug)]
pub struct Found {
    /// A container, or the dotted path: of the string, or of the map that holds its parts.
    pub holder: Holder,
    /// The dotted path in the tree: of the string, or of the map.
    pub path: String,
    pub image: Text,
    /// Strings that say nothing (`tag: ""`), and why that matters.
    pub blank: Vec<(Frame, String)>,
}

type Map = BTreeMap<Arc<str>, Value>;

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
        } else if is_image_key(key) {
            image_key(map, value, &below, out);
        } else {
            let before = out.len();
            parts_elsewhere(value, &below, out);
            if out.len() == before {
                walk(value, &below, out);
            }
        }
    }
}

/// `image`, `initImage`, `image_name` …: the keys charts and operators use for a whole reference or
/// a map of its parts.
fn is_image_key(key: &str) -> bool {
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
                    out.push(Found {
                        holder: Holder::Container { name, init },
                        path,
                        image: text,
                        blank: Vec::new(),
                    });
                }
            }
            Some(other) => image_key(map, other, &format!("{place}.image"), out),
            None => walk(item, &place, out),
        }
    }
}

fn image_key(map: &Map, value: &Value, path: &str, out: &mut Vec<Found>) {
    match value {
        Value::Text(_) | Value::Unknown(_) => {
            let image = as_text(value);
            let tag = ["imageTag", "image_tag", "tag"]
                .iter()
                .find_map(|key| map.get(*key))
                .map(as_text)
                .filter(|tag| !is_empty(tag));
            match (tag, has_tag(&image)) {
                (Some(tag), false) if plausible(&image, true) => {
                    out.push(found(path, join(&[(&image, ""), (&tag, ":")])))
                }
                _ if plausible(&image, false) || is_unknown(&image) => out.push(found(path, image)),
                _ => {}
            }
        }
        Value::Map(parts) if is_parts(parts) => out.extend(compose(parts, path)),
        other => walk(other, path, out),
    }
}

/// A map with repository and tag counts under any key (`controller: {repository, tag}`).
fn parts_elsewhere(value: &Value, path: &str, out: &mut Vec<Found>) {
    if let Value::Map(parts) = value
        && parts.contains_key("repository")
        && parts.contains_key("tag")
    {
        out.extend(compose(parts, path));
    }
}

fn is_parts(map: &Map) -> bool {
    let text = |key: &str| {
        matches!(
            map.get(key),
            Some(Value::Text(_) | Value::Number(..) | Value::Unknown(_))
        )
    };
    ["registry", "repository", "tag", "digest"]
        .iter()
        .any(|key| text(key))
}

/// Puts `{registry, repository, tag, digest}` together as the charts do; what is missing is the
/// chart's to choose.
fn compose(parts: &Map, path: &str) -> Option<Found> {
    let part = |key: &str| {
        parts
            .get(key)
            .filter(|value| !matches!(value, Value::Null))
            .map(as_text)
    };
    let filled = |key: &str| part(key).filter(|text| !is_empty(text));
    let (registry, tag, digest) = (filled("registry"), filled("tag"), filled("digest"));
    let repository =
        filled("repository").unwrap_or_else(|| chart("the chart chooses the repository"));
    let mut blank = Vec::new();
    if let Some(frame) = part("tag")
        .filter(is_empty)
        .and_then(|text| text.frames().last().cloned())
    {
        blank.push((frame, "it is empty: the chart chooses the tag".to_owned()));
    }
    // A scalar that only passes on what nobody knows has no byte of its own in the reference, and
    // still decides it.
    if let Some((why, frame)) = tag
        .as_ref()
        .filter(|text| text.pieces().len() == 1)
        .and_then(|text| Some((text.why_unknown()?, text.frames().first()?)))
    {
        blank.push((frame.clone(), format!("the tag is not known: {why}")));
    }
    let tag = tag.or_else(|| digest.is_none().then(|| chart("the chart chooses the tag")));
    let mut all: Vec<(&Text, &str)> = registry.iter().map(|text| (text, "")).collect();
    all.push((&repository, if all.is_empty() { "" } else { "/" }));
    all.extend(tag.iter().map(|text| (text, ":")));
    all.extend(digest.iter().map(|text| (text, "@")));
    Some(Found {
        blank,
        ..found(path, join(&all))
    })
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

pub fn found(path: &str, image: Text) -> Found {
    Found {
        holder: Holder::Path(path.into()),
        path: path.into(),
        image,
        blank: Vec::new(),
    }
}

/// A value as text: numbers as they are written, what is not known as an unknown piece.
pub fn as_text(value: &Value) -> Text {
    let mut text = Text::default();
    match value {
        Value::Text(known) => return known.clone(),
        Value::Unknown(why) => text.push(Piece::Unknown(why.clone())),
        Value::Number(number, origin) => match crate::terraform::value::number_text(*number) {
            Some(digits) => text.push(Piece::Known {
                text: digits.into(),
                origin: origin.clone().filter(|o| o.span == o.literal),
            }),
            None => text.push(Piece::Unknown(Why::new(WhyKind::Limit, "a number"))),
        },
        _ => {}
    }
    text
}

/// Joins parts, each with the separator that goes before it.
pub fn join(parts: &[(&Text, &str)]) -> Text {
    let mut out = Text::default();
    for (text, separator) in parts {
        out.append(&Text::computed(*separator));
        out.append(text);
    }
    match parts {
        [(only, "")] => (*only).clone(),
        _ => out,
    }
}

fn chart(what: &str) -> Text {
    let mut text = Text::default();
    text.push(Piece::Unknown(Why::new(WhyKind::Invalid, what)));
    text
}

fn is_empty(text: &Text) -> bool {
    text.pieces().is_empty()
}

/// Says whether the known parts of the text, with a stand-in for the others, have a tag or a
/// digest.
fn has_tag(text: &Text) -> bool {
    Reference::parse(&stand_in(text)).is_some_and(|r| r.tag.is_some() || r.digest.is_some())
}

/// Says whether the text may be an image: it reads as one, and has a tag or a digest unless it is
/// known to be an image.
pub fn plausible(text: &Text, known_to_be: bool) -> bool {
    says_something(text)
        && Reference::parse(&stand_in(text)).is_some()
        && (known_to_be || has_tag(text))
}

/// Says whether nothing is known of a text.
fn is_unknown(text: &Text) -> bool {
    text.why_unknown().is_some() && !says_something(text)
}

/// Says whether a part of a text is known that is more than a separator.
fn says_something(text: &Text) -> bool {
    text.pieces().iter().any(|piece| matches!(piece, Piece::Known { text, .. } if text.chars().any(char::is_alphanumeric)))
}

pub fn stand_in(text: &Text) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Known { text, .. } => text.to_string(),
        Piece::Unknown(_) => "x".to_owned(),
    };
    text.pieces().iter().map(piece).collect()
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
    let mut left = texts(tree);
    for found in images {
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
