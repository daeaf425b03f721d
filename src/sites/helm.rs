//! `helm_release` and what is like it: the values that a chart is given, in the order of the helm
//! provider (`getValues`), and the images in them.

use super::Use;
use super::chart_values::{as_set, merge, set};
use super::finder::{Finder, file_text};
use super::objects;
use super::occurrence::{Place, places};
use super::settings::SETS;
use super::unfollowed;
use super::values::{self, Found};
use crate::terraform::body::BodyView;
use crate::terraform::files::RepoPath;
use crate::terraform::text::{Piece, Text};
use crate::terraform::value::{Value, number_text};
use crate::terraform::yaml;
use std::collections::BTreeSet;

/// How many paths of values that are not known are named.
const NAMED: usize = 3;

/// Reads a release: the documents of `values`, later ones over earlier ones, then what is set by
/// path, in both its forms.
pub fn release(finder: &mut Finder<'_>, release: &BodyView<'_>, user: &Use) {
    let mut user = user.clone();
    user.name = release.value("name").as_str().map(Into::into);
    user.namespace = objects::namespace(&user.kind, Some(release.value("namespace")));
    let mut layers = chart_in_repo(finder, release, &user);
    layers.extend(documents(finder, release, &user, !layers.is_empty()));
    let of_values = layers
        .iter()
        .fold(Value::Null, |base, over| merge(&base, over));
    tell_unknown(finder, release, &of_values);
    let mut merged = of_values.clone();
    for (path, value) in sets(finder, release) {
        layers.push(set(Value::Null, &path, &value));
        merged = set(merged, &path, &value);
    }
    let mut last = values::images(&merged);
    refuse_other_registry(&merged, &mut last);
    finder.overridden(&layers, &last, &merged, &user);
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

/// Returns the own values of a chart that is a folder of the repo: they lie below all others. An
/// image that is written in one of its templates is not followed, since the text does not show
/// whether it is rendered.
fn chart_in_repo(finder: &mut Finder<'_>, release: &BodyView<'_>, user: &Use) -> Vec<Value> {
    let chart = release.value("chart").as_str();
    let is_named = |name: &str| !matches!(release.value(name), Value::Null);
    let Some(folder) = chart
        .filter(|_| !is_named("repository"))
        .and_then(|chart| RepoPath::from_absolute(&chart).or_else(|| finder.cwd.join(&chart)))
    else {
        return Vec::new();
    };
    let file = |name: &str| folder.join(name);
    if file("Chart.yaml").is_none_or(|path| finder.files.get(&path).is_none()) {
        return Vec::new();
    }
    templates(finder, &folder);
    let values = file("values.yaml").and_then(|path| file_text(finder.files, &path));
    let Some(text) = values else {
        return Vec::new();
    };
    let read = yaml::helm_documents(&text);
    let mut layers = objects::take(finder, &text, read, user);
    layers.retain(|layer| matches!(layer, Value::Map(_)));
    layers
}

/// Names the templates of a chart that have an image of their own.
fn templates(finder: &mut Finder<'_>, folder: &RepoPath) {
    let Some(templates) = folder.join("templates") else {
        return;
    };
    let files = finder.files;
    for (path, _) in files.below(&templates) {
        let found = unfollowed::in_file(files, path, "templates of a chart");
        if let Some(first) = found.first() {
            finder.tell(
                path,
                first.line,
                format!(
                    "images in templates of a chart in the repo are not followed: {}",
                    first.literal
                ),
            );
        }
    }
}

/// Returns the documents of `values`; `over_chart` says that values lie below.
fn documents(
    finder: &mut Finder<'_>,
    release: &BodyView<'_>,
    user: &Use,
    over_chart: bool,
) -> Vec<Value> {
    let items = match release.value("values") {
        Value::List(items) => items,
        Value::Null => return Vec::new(),
        other => {
            finder.unknown(release, "helm values", other.why_unknown());
            return Vec::new();
        }
    };
    let known = || {
        items.iter().filter_map(|item| {
            if let Value::Text(text) = item {
                Some(text)
            } else {
                None
            }
        })
    };
    let says_nothing = |item: &&Value| !matches!(item, Value::Text(text) if says_something(text));
    for other in items.iter().filter(says_nothing) {
        finder.unknown(release, "helm values", other.why_unknown());
    }
    let is_set = over_chart
        || SETS
            .iter()
            .any(|name| release.attr(name).is_some() || !release.blocks(name).is_empty());
    // One document may change in another what that one alone is known to be: a `tag:` beside
    // nothing.
    let may_matter = |text: &Text| objects::may_hold_images(text) || text.why_unknown().is_some();
    if !is_set && !known().any(may_matter) {
        known().for_each(|text| finder.keep_others(&Value::Text(text.clone()), &[]));
        return Vec::new();
    }
    let mut layers = Vec::new();
    for text in known().filter(|text| says_something(text)) {
        let read = yaml::helm_documents(text);
        for document in objects::take(finder, text, read, user) {
            finder.unknown(release, "helm values", document.why_unknown());
            layers.extend(Some(document).filter(|document| matches!(document, Value::Map(_))));
        }
    }
    layers
}

/// Says whether more is known of a text than blanks.
fn says_something(text: &Text) -> bool {
    let says =
        |piece: &Piece| matches!(piece, Piece::Known { text, .. } if !text.trim().is_empty());
    text.why_unknown().is_none() || text.pieces().iter().any(says)
}

/// `set { name = "image.tag" value = … }` and `set = [{ name, value }]`, and their kin: paths and
/// what is set there.
fn sets(finder: &mut Finder<'_>, release: &BodyView<'_>) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for kind in SETS {
        let blocks = release
            .blocks(kind)
            .into_iter()
            .filter(|set| set.is_made() != Some(false));
        let mut given: Vec<[Value; 3]> = blocks
            .map(|set| ["name", "value", "type"].map(|key| set.value(key)))
            .collect();
        match release.value(kind) {
            Value::List(items) | Value::Set(items) => {
                for item in items.iter() {
                    if let Value::Map(map) = item {
                        let get = |key: &str| map.get(key).cloned().unwrap_or(Value::Null);
                        given.push(["name", "value", "type"].map(get));
                    }
                }
            }
            other => finder.unknown(release, "helm values", other.why_unknown()),
        }
        for [name, value, is] in given {
            finder.unknown(release, "helm values", name.why_unknown());
            let is_plain = matches!(is.as_str().as_deref(), None | Some("" | "auto"));
            // The provider takes a string; a number is converted by Terraform.
            let value = match value {
                Value::Number(number, _) => number_text(number).map_or(value, Value::text),
                value if is_plain => as_set(&value),
                value => value,
            };
            all.extend(name.as_str().map(|name| (name, value)));
        }
    }
    all
}

/// Names the values of which nothing is known: they may hold images.
fn tell_unknown(finder: &mut Finder<'_>, release: &BodyView<'_>, merged: &Value) {
    let mut unknown: Vec<(String, &crate::terraform::value::Why)> = Vec::new();
    values::each_unknown(merged, "", &mut |path, why| {
        unknown.push((path.to_owned(), why));
    });
    let Some((_, why)) = unknown.first() else {
        return;
    };
    let mut named: Vec<&str> = unknown
        .iter()
        .take(NAMED)
        .map(|(path, _)| path.as_str())
        .collect();
    let more = match unknown.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.dedup();
    let what = format!("helm values at {}{more}", named.join(", "));
    finder.unknown(release, &what, Some(why));
}

/// Paths at which charts take a registry for all their images from.
const REGISTRIES: [&[&str]; 3] = [
    &["global", "imageRegistry"],
    &["global", "image", "registry"],
    &["global", "registry"],
];

/// A registry for all images of a chart, as Bitnami's have one, takes the place of each one's own.
fn refuse_other_registry(merged: &Value, images: &mut [Found]) {
    let at = |path: &&&[&str]| {
        let found = path
            .iter()
            .try_fold(merged, |value, key| values::get(value, key));
        found.is_some_and(|value| !values::is_empty(&values::as_text(value)))
    };
    let Some(path) = REGISTRIES.iter().find(at) else {
        return;
    };
    for found in images {
        found.refused.get_or_insert_with(|| {
            format!("{} may take the place of its registry", path.join("."))
        });
    }
}

impl Finder<'_> {
    /// Says of the literals of earlier layers that a later one replaces them.
    fn overridden(&mut self, layers: &[Value], last: &[Found], merged: &Value, user: &Use) {
        let kept: BTreeSet<Place> = last
            .iter()
            .flat_map(|found| places(&found.image))
            .map(|(place, _)| place)
            .collect();
        let is_listed = |text: &Text| last.iter().any(|now| now.image == *text);
        for found in layers.iter().flat_map(values::images) {
            let gone = places(&found.image)
                .into_iter()
                .any(|(place, _)| !kept.contains(&place));
            let is_replaced = last.iter().any(|now| now.holder == found.holder)
                || values::is_null_at(merged, &found.path);
            if gone && is_replaced && !is_listed(&found.image) {
                self.dead_except(
                    &found.image,
                    user,
                    "overridden by a later value of the release",
                    &kept,
                );
            }
        }
    }
}
