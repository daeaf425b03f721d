//! Where else the text of a tag goes: a label, a chart's version or an argument would break with a
//! digest behind it, a validation would refuse it. The walk of each root notes what it sees
//! (`look`); which of it matters is known when all roots were walked (`other_readers`).

use super::find::Searched;
use super::finder::Finder;
use super::occurrence::{Occurrence, Place, places};
use super::pin::ways;
use super::values::as_text;
use super::workload::{self, Attribute};
use crate::model::reference::Reference;
use crate::terraform::body::{Attr, BodyView};
use crate::terraform::carry::Carriers;
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::instance::Instance;
use crate::terraform::module::Declared;
use crate::terraform::sources::SourcePlace;
use crate::terraform::span::Span;
use crate::terraform::text::{Origin, Piece, Text};
use crate::terraform::value::Value;
use crate::terraform::walk::RootWalk;
use hcl_edit::expr::Expression;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Arguments that steer Terraform and reach no resource.
const META: [&str; 4] = ["for_each", "count", "depends_on", "provider"];

/// The literals that would take a pin, or another tag.
#[derive(Default)]
struct Pinnable {
    /// Hold only a tag: nowhere else may they have more behind it.
    tags: BTreeSet<Place>,
    /// Hold a whole reference: as a whole they are one with a digest too. What is cut off their end
    /// is not.
    wholes: BTreeSet<Place>,
    /// The roots that use one of them.
    roots: BTreeSet<RootName>,
}

/// A root's folder and environment.
type RootName = (RepoPath, Option<Arc<str>>);

/// A part of a literal in a text that is no image.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct LiteralPart {
    place: Place,
    /// Not all of the literal, but its end.
    is_end: bool,
}

/// The file and line of something that reads a literal.
type ReaderLine = (RepoPath, usize);

/// What the walk of one root saw of literals outside of images, in its order.
#[derive(Default)]
pub struct Sightings {
    root: RootName,
    all: Vec<Sighting>,
}

enum Sighting {
    /// In a text of an attribute. An attribute whose texts are images for another root does not
    /// count.
    Text {
        part: LiteralPart,
        at: ReaderLine,
        attribute: Option<Attribute>,
    },
    /// The validation of a variable that would refuse the literal with a digest behind it.
    Validation { literal: Place, at: ReaderLine },
    /// Beside images: the attributes that are searched for images, and what their other texts hold.
    Beside {
        attributes: Vec<(ReaderLine, Vec<LiteralPart>)>,
        parts: Vec<LiteralPart>,
    },
}

/// Returns the literals that cannot take a pin for what else reads them, and a sentence that says
/// what.
pub fn find_other_readers(
    occurrences: &[Occurrence],
    consumed: &BTreeSet<Attribute>,
    sightings: &[Sightings],
) -> BTreeMap<Place, String> {
    let pinnable = Pinnable::of(occurrences, consumed);
    let mut all = BTreeMap::new();
    for sighting in sightings
        .iter()
        .filter(|one| pinnable.roots.contains(&one.root))
        .flat_map(|one| &one.all)
    {
        match sighting {
            Sighting::Text {
                part,
                at,
                attribute,
            } => {
                let is_image = attribute
                    .as_ref()
                    .is_some_and(|attribute| consumed.contains(attribute));
                if !is_image && pinnable.changes(part) {
                    all.entry(part.place.clone()).or_insert_with(|| outside(at));
                }
            }
            Sighting::Validation {
                literal,
                at: (file, line),
            } if pinnable.contains(literal) => {
                let why = || format!("the validation at {file}:{line} does not accept a digest");
                all.entry(literal.clone()).or_insert_with(why);
            }
            Sighting::Validation { .. } => {}
            Sighting::Beside { attributes, parts } => {
                let searched = attributes
                    .iter()
                    .find(|(_, parts)| parts.iter().any(|part| pinnable.changes(part)));
                let Some((at, _)) = searched else { continue };
                for part in parts.iter().filter(|part| pinnable.changes(part)) {
                    all.entry(part.place.clone()).or_insert_with(|| outside(at));
                }
            }
        }
    }
    all
}

fn outside((file, line): &ReaderLine) -> String {
    format!("it is also used outside an image: {file}:{line}")
}

impl Pinnable {
    fn of(occurrences: &[Occurrence], consumed: &BTreeSet<Attribute>) -> Self {
        let mut inside: BTreeMap<&RepoPath, Vec<Span>> = BTreeMap::new();
        for (file, span) in consumed {
            inside.entry(file).or_default().push(*span);
        }
        // Nothing can refer to what is written in the resource itself.
        let inline = |place: &Place| {
            inside
                .get(&place.file)
                .is_some_and(|spans| spans.iter().any(|span| span.contains(place.content)))
        };
        let mut new = Self::default();
        for occurrence in occurrences {
            let Some(ways) = ways(&occurrence.image) else {
                continue;
            };
            let root = || {
                let user = &occurrence.user;
                (user.root.clone(), user.environment.clone())
            };
            let pin = ways.literal.map(|(place, _)| place);
            // A tag apart from its digest is written too, where a policy chooses another.
            let tag = ways.written_tag.ok().map(|(place, _)| place);
            if let Some(tag) = tag.filter(|tag| pin.as_ref() != Some(tag) && !inline(tag)) {
                new.tags.insert(tag);
                new.roots.insert(root());
            }
            let Some(place) = pin else {
                continue;
            };
            let is_part = places(&occurrence.image).len() > 1 || !is_whole(&occurrence.image);
            // What is cut off a digest is another digest's afterwards, as before.
            let is_pinned = occurrence
                .image
                .known()
                .is_some_and(|all| all.contains('@'));
            if is_part || !(is_pinned || inline(&place)) {
                if is_part {
                    &mut new.tags
                } else {
                    &mut new.wholes
                }
                .insert(place);
                new.roots.insert(root());
            }
        }
        new
    }

    fn contains(&self, literal: &Place) -> bool {
        self.tags.contains(literal) || self.wholes.contains(literal)
    }

    /// Says whether one of the literals is written in those bytes of a file.
    fn is_in(&self, file: &RepoPath, span: Span) -> bool {
        let first = Place {
            file: file.clone(),
            content: Span::new(span.start, span.start),
        };
        let is_inside = |literal: &Place| literal.file == *file && span.contains(literal.content);
        [&self.tags, &self.wholes]
            .iter()
            .any(|literals| literals.range(&first..).next().is_some_and(is_inside))
    }

    /// Says whether a text with that part says something else when the literal is pinned, although
    /// it is no image.
    fn changes(&self, part: &LiteralPart) -> bool {
        self.tags.contains(&part.place) || (part.is_end && self.wholes.contains(&part.place))
    }
}

/// A literal that holds the whole reference stays a reference with a digest behind it, wherever it
/// goes.
fn is_whole(text: &Text) -> bool {
    matches!(places(text).as_slice(), [(_, origin)] if text.known().is_some_and(|all| all.len() == origin.literal.len()))
}

/// Notes what a root that has images reads of literals outside of them.
pub fn look(
    walk: &RootWalk<'_>,
    finder: &Finder<'_>,
    instances: &[(Instance<'_>, Vec<Searched<'_>>)],
) -> Sightings {
    let root = walk.root();
    let pinnable = Pinnable::of(&finder.occurrences, &finder.consumed);
    let mut sightings = Sightings {
        root: (
            root.dir.clone(),
            root.environment.as_deref().map(Into::into),
        ),
        all: Vec::new(),
    };
    if !pinnable.roots.is_empty() {
        let matters = |origin: &Origin| {
            let literal = Place::of(origin);
            pinnable.contains(&literal)
                || (!walk.is_own(&origin.file) && ends_like_a_tag(finder.files, &literal))
        };
        let carriers = Carriers::new(&matters);
        let search = RootSearch {
            walk,
            finder,
            pinnable: &pinnable,
            matters: &matters,
            carriers,
            all: Vec::new(),
            seen: HashSet::new(),
        };
        sightings.all = search.instances(instances);
    }
    sightings
}

/// Says whether a data source only hands on what it is given: whoever reads it is looked at.
fn hands_on(declared: &Declared<'_>) -> bool {
    let kinds = [
        "kubectl_file_documents",
        "kubectl_path_documents",
        "template_file",
    ];
    declared.block.ident.as_str() == "data" && kinds.contains(&declared.label(0))
}

struct RootSearch<'a, 'p> {
    walk: &'a RootWalk<'p>,
    finder: &'a Finder<'a>,
    /// The literals of this root alone.
    pinnable: &'a Pinnable,
    /// Says whether a literal matters to this root, or could to another one that reads the same
    /// file.
    matters: &'a dyn Fn(&Origin) -> bool,
    carriers: Carriers<'a>,
    all: Vec<Sighting>,
    /// What was noted already of texts.
    seen: HashSet<(LiteralPart, Option<Attribute>)>,
}

impl RootSearch<'_, '_> {
    fn instances(mut self, instances: &[(Instance<'_>, Vec<Searched<'_>>)]) -> Vec<Sighting> {
        for (instance, searched) in instances {
            self.validations(instance);
            self.remote_modules(instance);
            let mut searched = searched.iter().peekable();
            for declared in instance
                .resources()
                .filter(|declared| declared.block.ident.as_str() != "module")
                .filter(|declared| !hands_on(declared))
            {
                let is_searched = searched
                    .peek()
                    .is_some_and(|next| std::ptr::eq(next.view.block(), declared.block));
                while let Some(next) =
                    searched.next_if(|next| std::ptr::eq(next.view.block(), declared.block))
                {
                    self.searched(next, declared.label(0));
                }
                if !is_searched {
                    instance
                        .expand(declared)
                        .iter()
                        .for_each(|view| self.resource(view, &mut Vec::new()));
                }
            }
        }
        self.all
    }

    /// Looks through a resource that was searched for images: all it says, then the texts that
    /// stand beside images.
    fn searched(&mut self, resource: &Searched<'_>, kind: &str) {
        let mut attributes = Vec::new();
        self.resource(&resource.view, &mut attributes);
        if attributes.is_empty() || workload::pod_owner(kind).is_some() {
            return;
        }
        let parts: Vec<LiteralPart> = resource
            .beside()
            .flat_map(|text| self.parts_outside(&text))
            .collect();
        if !parts.is_empty() {
            self.all.push(Sighting::Beside { attributes, parts });
        }
    }

    /// Looks at what modules are given whose text is not at hand, but for the arguments that are
    /// images by the config.
    fn remote_modules(&mut self, instance: &Instance<'_>) {
        for call in instance.remote_calls() {
            let modules = self.finder.settings.modules.iter();
            let rules: Vec<_> = modules
                .filter(|rule| rule.source.matches(&call.source))
                .collect();
            let is_image = |name: &str| {
                let mut names = rules.iter().flat_map(|rule| rule.arguments.names());
                names.any(|image| image == name)
            };
            for argument in call
                .arguments
                .iter()
                .filter(|argument| !is_image(&argument.name))
            {
                self.value(&argument.value, &argument.place, None);
            }
        }
    }

    /// Looks for variables whose validation lets no digest in.
    fn validations(&mut self, instance: &Instance<'_>) {
        for binding in instance.validated() {
            let mut literals = BTreeSet::new();
            each_text(&binding.value, &mut |text| {
                literals.extend(
                    pinned(text)
                        .filter(|origin| (self.matters)(origin))
                        .map(Place::of),
                )
            });
            for literal in literals {
                if let Some(at) =
                    instance.refuses(&binding.name, &with_digest(&binding.value, &literal))
                {
                    self.all.push(Sighting::Validation {
                        literal,
                        at: (at.file, at.line),
                    });
                }
            }
        }
    }

    fn resource(
        &mut self,
        view: &BodyView<'_>,
        searched: &mut Vec<(ReaderLine, Vec<LiteralPart>)>,
    ) {
        if self
            .carriers
            .may_be_in(view, are_wanted(self.walk, self.pinnable, &view.place()))
        {
            self.body(view, searched);
        }
    }

    /// Looks through what a block says; `searched` gets the attributes that have images in them and
    /// one of the literals.
    fn body(&mut self, view: &BodyView<'_>, searched: &mut Vec<(ReaderLine, Vec<LiteralPart>)>) {
        for attr in view.attrs() {
            if META.contains(&attr.name()) || is_constant(attr.expr()) {
                continue;
            }
            self.attribute(&attr, searched);
        }
        for name in view
            .block_names()
            .into_iter()
            .filter(|name| *name != "lifecycle")
        {
            let (walk, pinnable) = (self.walk, self.pinnable);
            if self
                .carriers
                .may_be_in_blocks(view, name, |place| are_wanted(walk, pinnable, place))
            {
                view.blocks(name)
                    .iter()
                    .for_each(|block| self.body(block, searched));
            }
        }
    }

    fn attribute(&mut self, attr: &Attr<'_>, searched: &mut Vec<(ReaderLine, Vec<LiteralPart>)>) {
        let place = attr.place();
        let is_own = self.walk.is_own(&place.file);
        if !self
            .carriers
            .may_hold(attr, are_wanted(self.walk, self.pinnable, &place))
        {
            return;
        }
        let value = attr.value();
        let attribute = (place.file.clone(), place.span);
        if !self.finder.consumed.contains(&attribute) {
            let attribute = (!is_own).then_some(attribute);
            return self.value(&value, &place, attribute);
        }
        let mut parts = Vec::new();
        each_text(&value, &mut |text| parts.extend(self.parts(text)));
        if !parts.is_empty() {
            searched.push(((place.file, place.line), parts));
        }
    }

    fn value(&mut self, value: &Value, at: &SourcePlace, attribute: Option<Attribute>) {
        let mut parts = Vec::new();
        each_text(value, &mut |text| parts.extend(self.parts_outside(text)));
        for part in parts {
            if self.seen.insert((part.clone(), attribute.clone())) {
                self.all.push(Sighting::Text {
                    part,
                    at: (at.file.clone(), at.line),
                    attribute: attribute.clone(),
                });
            }
        }
    }

    /// Returns the literals of which a text holds a part, unless it is an image as a whole.
    fn parts_outside(&self, text: &Text) -> Vec<LiteralPart> {
        let parts = self.parts(text);
        if parts.is_empty() || is_reference(text) {
            Vec::new()
        } else {
            parts
        }
    }

    /// Returns the literals of which a text holds a part.
    fn parts(&self, text: &Text) -> Vec<LiteralPart> {
        let part = |piece: &Piece| match piece {
            Piece::Known {
                origin: Some(origin),
                ..
            } => {
                let is_end = origin.span != origin.literal && origin.span.end == origin.literal.end;
                (self.matters)(origin).then(|| LiteralPart {
                    place: Place::of(origin),
                    is_end,
                })
            }
            _ => None,
        };
        text.pieces().iter().filter_map(part).collect()
    }
}

/// Says whether a literal could hold a tag at its end: no other takes a pin.
fn ends_like_a_tag(files: &Files, literal: &Place) -> bool {
    let content = files
        .bytes(&literal.file)
        .and_then(|bytes| bytes.get(literal.content.range()));
    content
        .and_then(<[u8]>::last)
        .is_some_and(|last| last.is_ascii_alphanumeric() || matches!(last, b'_' | b'.' | b'-'))
}

/// Says whether literals that are written in a place matter to the root, or could to another one
/// that reads the same file.
fn are_wanted(walk: &RootWalk<'_>, pinnable: &Pinnable, place: &SourcePlace) -> bool {
    !walk.is_own(&place.file) || pinnable.is_in(&place.file, place.span)
}

/// Returns where the literal is from at whose end a pin would stand in this text.
fn pinned(text: &Text) -> Option<&Origin> {
    let Some(Piece::Known {
        origin: Some(origin),
        ..
    }) = text.pieces().last()
    else {
        return None;
    };
    let ends =
        origin.span.end == origin.literal.end && text.known().is_some_and(|all| !all.contains('@'));
    ends.then_some(origin)
}

/// The value when the literal is pinned.
fn with_digest(value: &Value, literal: &Place) -> Value {
    match value {
        Value::Text(text) if places(text).iter().any(|(place, _)| place == literal) => {
            let mut text = text.clone();
            let is_whole = text
                .known()
                .and_then(|all| Reference::parse(&all))
                .is_some_and(|all| all.tag.is_none() && all.name.contains('/'));
            text.append(&Text::computed(format!(
                "{}@sha256:{}",
                if is_whole { ":latest" } else { "" },
                "0".repeat(64)
            )));
            Value::Text(text)
        }
        Value::List(items) => Value::List(Arc::new(
            items
                .iter()
                .map(|item| with_digest(item, literal))
                .collect(),
        )),
        Value::Set(items) => Value::Set(Arc::new(
            items
                .iter()
                .map(|item| with_digest(item, literal))
                .collect(),
        )),
        Value::Map(map) => Value::Map(Arc::new(
            map.iter()
                .map(|(key, item)| (key.clone(), with_digest(item, literal)))
                .collect(),
        )),
        other => other.clone(),
    }
}

/// Calls `look` for every string in a value, at any depth, and for every number that is written
/// somewhere.
pub fn each_text(value: &Value, look: &mut dyn FnMut(&Text)) {
    match value {
        Value::Text(text) => look(text),
        Value::Number(_, Some(_)) => look(&as_text(value)),
        Value::List(items) | Value::Set(items) => {
            items.iter().for_each(|item| each_text(item, look))
        }
        Value::Map(map) => map.values().for_each(|item| each_text(item, look)),
        _ => {}
    }
}

/// A whole reference elsewhere (an environment variable that names the same image) takes a digest
/// too.
fn is_reference(text: &Text) -> bool {
    text.known()
        .and_then(|all| Reference::parse(&all))
        .is_some_and(|reference| reference.tag.is_some())
}

fn is_constant(expr: &Expression) -> bool {
    matches!(
        expr,
        Expression::Null(_) | Expression::Bool(_) | Expression::Number(_) | Expression::String(_)
    )
}
