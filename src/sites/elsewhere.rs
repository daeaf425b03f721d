//! Where else the text of a tag goes: a label, a chart's version or an argument would break with a digest behind it, a validation would refuse it.

use super::find::Finder;
use super::occurrence::{Place, places};
use super::pin::ways;
use super::scan::Gathered;
use super::settings::Settings;
use super::values::texts;
use super::workload;
use crate::model::reference::Reference;
use crate::terraform::body::BodyView;
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::instance::{Instance, Walk};
use crate::terraform::project::Project;
use crate::terraform::span::Span;
use crate::terraform::text::{Piece, Text};
use crate::terraform::value::Value;
use hcl_edit::expr::Expression;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Arguments that steer Terraform and reach no resource.
const META: [&str; 4] = ["for_each", "count", "depends_on", "provider"];

/// The literals that would take a pin.
#[derive(Default)]
struct Wanted {
    /// Hold only a tag: nowhere else may they have more behind it.
    tags: BTreeSet<Place>,
    /// Hold a whole reference: as a whole they are one with a digest too. What is cut off their end is not.
    wholes: BTreeSet<Place>,
}

/// Returns the literals that cannot take a pin for what else reads them, and a sentence that says what.
pub fn elsewhere(project: &Project<'_>, found: &Gathered, files: &Files, settings: &Settings) -> BTreeMap<Place, String> {
    let (wanted, dirs) = wanted(found);
    if wanted.tags.is_empty() && wanted.wholes.is_empty() {
        return BTreeMap::new();
    }
    let each = project.each_root(|walk| {
        let root = walk.root();
        let mut search = Search { wanted: &wanted, found, files, settings, out: BTreeMap::new() };
        if dirs.contains(&(root.dir.clone(), root.environment.as_deref().map(Into::into))) {
            search.instances(&walk);
        }
        search.out
    });
    let mut all = BTreeMap::new();
    for (place, at) in each.into_iter().flatten() {
        all.entry(place).or_insert(at);
    }
    all
}

/// A root's folder and environment.
type Dir = (RepoPath, Option<Arc<str>>);

fn wanted(found: &Gathered) -> (Wanted, BTreeSet<Dir>) {
    let mut inside: BTreeMap<&RepoPath, Vec<Span>> = BTreeMap::new();
    for (file, span) in &found.consumed {
        inside.entry(file).or_default().push(*span);
    }
    // Nothing can refer to what is written in the resource itself.
    let inline = |place: &Place| inside.get(&place.file).is_some_and(|spans| spans.iter().any(|span| span.contains(place.content)));
    let (mut wanted, mut dirs) = (Wanted::default(), BTreeSet::new());
    for occurrence in &found.occurrences {
        let Some((place, _)) = ways(&occurrence.image).and_then(|ways| ways.literal) else { continue };
        let is_part = places(&occurrence.image).len() > 1 || !is_whole(&occurrence.image);
        // What is cut off a digest is another digest's afterwards, as before.
        let is_pinned = occurrence.image.known().is_some_and(|all| all.contains('@'));
        if is_part || !(is_pinned || inline(&place)) {
            if is_part { &mut wanted.tags } else { &mut wanted.wholes }.insert(place);
            dirs.insert((occurrence.user.root.clone(), occurrence.user.environment.clone()));
        }
    }
    (wanted, dirs)
}

/// A literal that holds the whole reference stays a reference with a digest behind it, wherever it goes.
fn is_whole(text: &Text) -> bool {
    matches!(places(text).as_slice(), [(_, origin)] if text.known().is_some_and(|all| all.len() == origin.literal.len()))
}

impl Wanted {
    /// Returns the literals that a text would change with when they are pinned, although it is no image.
    fn in_text<'t>(&'t self, text: &'t Text) -> impl Iterator<Item = Place> + 't {
        let place = |piece: &Piece| match piece {
            Piece::Known { origin: Some(origin), .. } => {
                let place = Place::of(origin);
                let is_end = origin.span != origin.literal && origin.span.end == origin.literal.end;
                (self.tags.contains(&place) || (is_end && self.wholes.contains(&place))).then_some(place)
            }
            _ => None,
        };
        text.pieces().iter().filter_map(place)
    }

    /// Returns the literal at whose end a pin would stand in this text.
    fn pinned(&self, text: &Text) -> Option<Place> {
        let Some(Piece::Known { origin: Some(origin), .. }) = text.pieces().last() else { return None };
        let place = Place::of(origin);
        let ends = origin.span.end == origin.literal.end && text.known().is_some_and(|all| !all.contains('@'));
        (ends && (self.tags.contains(&place) || self.wholes.contains(&place))).then_some(place)
    }
}

/// The value when the literal is pinned.
fn with_digest(value: &Value, literal: &Place) -> Value {
    match value {
        Value::Text(text) if places(text).iter().any(|(place, _)| place == literal) => {
            let mut text = text.clone();
            let is_whole =
                text.known().and_then(|all| Reference::parse(&all)).is_some_and(|all| all.tag.is_none() && all.name.contains('/'));
            text.append(&Text::computed(format!("{}@sha256:{}", if is_whole { ":latest" } else { "" }, "0".repeat(64))));
            Value::Text(text)
        }
        Value::List(items) => Value::List(Arc::new(items.iter().map(|item| with_digest(item, literal)).collect())),
        Value::Set(items) => Value::Set(Arc::new(items.iter().map(|item| with_digest(item, literal)).collect())),
        Value::Map(map) => Value::Map(Arc::new(map.iter().map(|(key, item)| (key.clone(), with_digest(item, literal))).collect())),
        other => other.clone(),
    }
}

struct Search<'a> {
    wanted: &'a Wanted,
    found: &'a Gathered,
    files: &'a Files,
    settings: &'a Settings,
    out: BTreeMap<Place, String>,
}

impl Search<'_> {
    fn instances(&mut self, walk: &Walk<'_>) {
        for instance in walk.instances() {
            self.validations(&instance);
            self.remote_modules(&instance);
            for declared in instance.resources().filter(|declared| declared.block.ident.as_str() != "module") {
                for view in instance.expand(declared) {
                    let searched = self.body(&view);
                    if let (Some(at), None) = (searched, workload::kind(declared.label(0))) {
                        let beside = Finder::new(self.files, self.settings).beside(&view, declared.label(0));
                        beside.iter().for_each(|text| self.text(text, &|| at.clone()));
                    }
                }
            }
        }
    }

    /// Looks at what modules are given whose text is not at hand, but for the arguments that are images by the config.
    fn remote_modules(&mut self, instance: &Instance<'_>) {
        for call in instance.remote_calls() {
            let rule = self.settings.modules.iter().find(|rule| rule.source.matches(&call.source));
            let is_image = |name: &str| rule.is_some_and(|rule| rule.arguments.names().any(|image| image == name));
            for argument in call.arguments.iter().filter(|argument| !is_image(&argument.name)) {
                let at = || format!("{}:{}", argument.place.file, argument.place.line);
                texts(&argument.value).iter().for_each(|text| self.text(text, &at));
            }
        }
    }

    /// Looks for variables whose validation lets no digest in.
    fn validations(&mut self, instance: &Instance<'_>) {
        for binding in instance.validated() {
            let places: BTreeSet<Place> = texts(&binding.value).iter().flat_map(|text| self.wanted.pinned(text)).collect();
            for literal in places {
                if let Some(at) = instance.refuses(&binding.name, &with_digest(&binding.value, &literal)) {
                    let why = || format!("the validation at {}:{} does not let a digest stand in it", at.file, at.line);
                    self.out.entry(literal).or_insert_with(why);
                }
            }
        }
    }

    /// Looks through what a block says; returns the place of a value that has images in it and one of the literals.
    fn body(&mut self, view: &BodyView<'_>) -> Option<String> {
        let mut searched = None;
        for attr in view.attrs() {
            if META.contains(&attr.name()) || is_constant(attr.expr()) {
                continue;
            }
            let place = attr.place();
            let at = || format!("{}:{}", place.file, place.line);
            let texts = texts(&attr.value());
            if !self.found.consumed.contains(&(attr.source().path.clone(), place.span)) {
                texts.iter().for_each(|text| self.text(text, &at));
            } else if texts.iter().any(|text| self.wanted.in_text(text).next().is_some()) {
                searched.get_or_insert_with(at);
            }
        }
        for name in view.block_names().into_iter().filter(|name| *name != "lifecycle") {
            for block in view.blocks(name) {
                let below = self.body(&block);
                searched = searched.or(below);
            }
        }
        searched
    }

    fn text(&mut self, text: &Text, at: &dyn Fn() -> String) {
        if text.known().is_some_and(|all| is_reference(&all)) {
            return;
        }
        for place in self.wanted.in_text(text) {
            self.out.entry(place).or_insert_with(|| format!("it is also used outside an image: {}", at()));
        }
    }
}

/// A whole reference elsewhere (an environment variable that names the same image) takes a digest too.
fn is_reference(text: &str) -> bool {
    Reference::parse(text).is_some_and(|reference| reference.tag.is_some())
}

fn is_constant(expr: &Expression) -> bool {
    matches!(expr, Expression::Null(_) | Expression::Bool(_) | Expression::Number(_) | Expression::String(_))
}
