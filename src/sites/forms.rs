//! The ways in which charts and operators write an image over several keys: one table. A way that
//! is not in it is never guessed.

use super::found::{
    Found, Map, as_printed, as_text, chart, found, has_tag, is_empty, is_unknown, join, plausible,
};
use super::occurrence::{Place, places};
use crate::terraform::text::Text;
use crate::terraform::value::Value;

/// Keys whose value is a digest with its algorithm, as it stands in a reference.
const DIGESTS: [&str; 2] = ["digest", "imageDigest"];
/// Keys whose value is the digits of a digest: grafana's `sha`.
const DIGITS: [&str; 3] = ["sha", "sha256", "hash"];
/// Keys of which a chart puts the value before or behind the tag.
const AFFIXES: [&str; 6] = [
    "tagSuffix",
    "tagPrefix",
    "suffix",
    "variant",
    "flavor",
    "flavour",
];
/// What makes a reference, for a map that is known to be an image.
const PARTS: [&str; 9] = [
    "registry",
    "repository",
    "image",
    "name",
    "tag",
    "version",
    "imageTag",
    "digest",
    "imageDigest",
];

/// Says whether the map under a key of an image is made of parts.
pub fn is_split(map: &Map) -> bool {
    let is_text = |key: &&str| {
        matches!(
            map.get(*key),
            Some(Value::Text(_) | Value::Number(..) | Value::Unknown(_))
        )
    };
    [
        "registry",
        "repository",
        "tag",
        "digest",
        "imageTag",
        "imageDigest",
    ]
    .iter()
    .any(is_text)
}

/// Says whether a map under any other key is made of parts, by those it has:
/// `controller: {repository, tag}`.
pub fn is_split_elsewhere(map: &Map) -> bool {
    let has = |key: &str| map.contains_key(key);
    let versioned = is_text(map, "image") && has("version");
    (has("repository") && (has("tag") || has("imageTag") || versioned))
        || (has("registry") && is_text(map, "image") && has("tag"))
}

fn is_text(map: &Map, key: &str) -> bool {
    matches!(map.get(key), Some(Value::Text(_)))
}

/// Says whether a tag stands there whose image the chart chooses: elastic's `imageTag` without
/// `image`.
pub fn is_lone_tag(map: &Map, key: &str) -> bool {
    let stem = match (
        key,
        key.strip_suffix("ImageTag"),
        key.strip_suffix("_image_tag"),
    ) {
        ("imageTag" | "image_tag", ..) => "image".to_owned(),
        (_, Some(stem), _) => format!("{stem}Image"),
        (_, _, Some(stem)) => format!("{stem}_image"),
        _ => return false,
    };
    !map.contains_key(stem.as_str())
        && !map.contains_key("repository")
        && matches!(map.get(key), Some(Value::Text(_) | Value::Number(..)))
}

pub fn lone_tag(tag: &Value, path: &str) -> Found {
    let repository = chart("the chart chooses the repository");
    found(path, join(&[(&repository, ""), (&as_printed(tag), ":")]))
}

/// A part of an image: what the map says under a key, unless it is null or empty.
fn filled(map: &Map, key: &str) -> Option<Text> {
    map.get(key)
        .filter(|value| {
            matches!(
                value,
                Value::Text(_) | Value::Number(..) | Value::Unknown(_)
            )
        })
        .map(as_printed)
        .filter(|text| !is_empty(text))
}

/// How the parts of one map go together.
enum RepositoryParts {
    /// Texts that are joined with `/`.
    Of(Vec<Text>),
    Chart,
    /// The keys that are there, which no known chart puts together.
    NotKnown(Vec<&'static str>),
}

fn repository(map: &Map) -> RepositoryParts {
    let part = |key: &str| filled(map, key);
    let has_host = |text: &Text| {
        text.known().is_some_and(|text| {
            text.split_once('/')
                .is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
        })
    };
    let is_path = |text: &Text| text.known().is_none_or(|text| text.contains('/'));
    let not_known = || {
        let there = PARTS.into_iter().filter(|key| filled(map, key).is_some());
        RepositoryParts::NotKnown(there.collect())
    };
    match (
        part("registry"),
        part("repository"),
        part("image"),
        part("name"),
    ) {
        (Some(_), Some(full), _, _) if has_host(&full) => not_known(),
        (Some(_), None, Some(full), _) if has_host(&full) => not_known(),
        (_, Some(_), Some(image), _) if is_path(&image) || has_tag(&image) => not_known(),
        (registry, Some(repository), Some(image), _) => {
            RepositoryParts::Of(registry.into_iter().chain([repository, image]).collect())
        }
        (Some(_), Some(repository), None, Some(name))
            if !is_path(&repository) && !is_path(&name) =>
        {
            not_known()
        }
        (registry, Some(repository), None, _) => {
            RepositoryParts::Of(registry.into_iter().chain([repository]).collect())
        }
        (registry, None, Some(image), _) => {
            RepositoryParts::Of(registry.into_iter().chain([image]).collect())
        }
        (None, None, None, Some(name)) if part("tag").is_some() => RepositoryParts::Of(vec![name]),
        (Some(_), None, None, Some(_)) => not_known(),
        (Some(registry), None, None, None) => {
            RepositoryParts::Of(vec![registry, chart("the chart chooses the repository")])
        }
        (None, None, None, _) => RepositoryParts::Chart,
    }
}

/// Puts the parts together as the charts do; what is missing is the chart's to choose.
pub fn compose(map: &Map, path: &str) -> Found {
    let names = match repository(map) {
        RepositoryParts::NotKnown(keys) => return not_known(map, &keys, path),
        RepositoryParts::Of(names) => names,
        RepositoryParts::Chart => vec![chart("the chart chooses the repository")],
    };
    let mut refused = refusal(map);
    let version = filled(map, "version").filter(|_| !map.contains_key("tag"));
    let is_with_version = filled(map, "repository").is_some() && filled(map, "image").is_some();
    let tag = filled(map, "tag").or_else(|| filled(map, "imageTag"));
    let tag = match (tag, version) {
        (None, Some(version)) if is_with_version => {
            refused.get_or_insert_with(|| {
                "a chart with the key version may add text to it".to_owned()
            });
            Some(version)
        }
        (None, Some(_)) => return not_known(map, &["repository", "version"], path),
        (tag, _) => tag,
    };
    let digest = DIGESTS.iter().find_map(|key| filled(map, key));
    let mut blank = empty(map);
    blank.extend(tag.iter().filter_map(unknown_tag));
    let tag = tag.or_else(|| digest.is_none().then(|| chart("the chart chooses the tag")));
    let mut all: Vec<(&Text, &str)> = names
        .iter()
        .enumerate()
        .map(|(at, text)| (text, if at == 0 { "" } else { "/" }))
        .collect();
    all.extend(tag.iter().map(|text| (text, ":")));
    all.extend(digest.iter().map(|text| (text, "@")));
    Found {
        blank,
        refused,
        ..found(path, join(&all))
    }
}

/// Why no pin may be written behind the tag, although the form is known.
fn refusal(map: &Map) -> Option<String> {
    let with = |keys: &[&'static str]| keys.iter().copied().find(|key| filled(map, key).is_some());
    let digits = with(&DIGITS)
        .map(|key| format!("the chart takes the digest from {key}, which holds digits only"));
    let affix = || with(&AFFIXES).map(|key| format!("the chart may add {key} to the tag"));
    digits.or_else(affix)
}

/// The tag that is written and says nothing.
fn empty(map: &Map) -> Vec<(Place, String)> {
    let tag = map.get("tag").map(as_text).filter(is_empty);
    let frame = tag.and_then(|text| text.frames().last().cloned());
    let place = frame.map(|frame| Place::of_frame(&frame));
    place
        .map(|place| (place, "it is empty: the chart chooses the tag".to_owned()))
        .into_iter()
        .collect()
}

/// A scalar that only passes on what is not known has no byte of its own in the reference, and
/// still decides it.
fn unknown_tag(tag: &Text) -> Option<(Place, String)> {
    if tag.pieces().len() != 1 {
        return None;
    }
    let (why, frame) = (tag.why_unknown()?, tag.frames().first()?);
    Some((
        Place::of_frame(frame),
        format!("the tag is not known: {why}"),
    ))
}

/// An image whose keys no known chart puts together.
fn not_known(map: &Map, keys: &[&str], path: &str) -> Found {
    let what = format!(
        "it is not known how the chart puts {} together",
        in_words(keys)
    );
    let literals = keys
        .iter()
        .filter_map(|key| filled(map, key))
        .flat_map(|text| {
            places(&text)
                .into_iter()
                .map(|(place, _)| place)
                .collect::<Vec<_>>()
        });
    Found {
        blank: literals.map(|place| (place, what.clone())).collect(),
        ..found(path, chart(&what))
    }
}

fn in_words(keys: &[&str]) -> String {
    match keys {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// A string under a key of an image, with the parts that stand beside it: `image` and `imageTag`,
/// `initImage` and `initImageTag`.
pub fn beside(map: &Map, key: &str, value: &Value, path: &str) -> Option<Found> {
    let image = as_printed(value);
    if key == "image" && filled(map, "repository").is_some() && !has_tag(&image) {
        return is_split_elsewhere(map).then(|| compose(map, path));
    }
    let registry = filled(map, "registry").filter(|_| key == "image");
    let tag = tag_keys(key).iter().find_map(|key| filled(map, key));
    let digest = filled(map, &format!("{key}Digest"))
        .or_else(|| filled(map, "digest").filter(|_| key == "image"));
    let is_alone = tag.is_none() && digest.is_none();
    if is_alone || has_tag(&image) {
        let is_image = plausible(&image, registry.is_some() && !is_alone) || is_unknown(&image);
        let all: Vec<(&Text, &str)> = match &registry {
            Some(registry) => vec![(registry, ""), (&image, "/")],
            None => vec![(&image, "")],
        };
        return is_image.then(|| found(path, join(&all)));
    }
    if !plausible(&image, true) {
        return is_unknown(&image).then(|| found(path, image));
    }
    if registry.is_some() {
        return Some(compose(map, path));
    }
    let mut all = vec![(&image, "")];
    all.extend(tag.iter().map(|text| (text, ":")));
    all.extend(digest.iter().map(|text| (text, "@")));
    Some(Found {
        refused: refusal(map).filter(|_| key == "image"),
        ..found(path, join(&all))
    })
}

/// The keys of the tag that belongs to an image's key.
fn tag_keys(key: &str) -> Vec<String> {
    match key {
        "image" => ["imageTag", "image_tag", "tag"].map(str::to_owned).to_vec(),
        "imageName" => ["imageTag", "imageVersion", "tag"]
            .map(str::to_owned)
            .to_vec(),
        _ => match (key.strip_suffix("Image"), key.strip_suffix("_image")) {
            (Some(stem), _) => vec![format!("{key}Tag"), format!("{stem}Tag")],
            (_, Some(stem)) => vec![format!("{key}_tag"), format!("{stem}_tag")],
            _ => Vec::new(),
        },
    }
}
