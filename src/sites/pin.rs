//! Where the pin of one reference would go: in the literal that holds its tag, or at the end of a
//! template that makes it.

use super::occurrence::{Place, Placed, placed};
use super::{PinPlace, TagPlace};
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::terraform::span::Span;
use crate::terraform::text::{Form, Frame, Origin, Text};

/// The ways to pin one reference, best first.
#[derive(Clone, Debug)]
pub struct Ways {
    pub reference: Reference,
    /// The literals that hold a part of the digest, else of the tag, else the repository's end.
    pub deciding: Vec<Place>,
    /// The literals that hold a part of the tag and nothing of the digest that decides.
    pub tag: Vec<Place>,
    /// The literal that can take the pin by itself, if there is one: it holds all of the tag, and
    /// the tag ends it.
    pub literal: Option<(Place, PinPlace)>,
    /// The templates whose whole result is the reference, innermost first.
    pub templates: Vec<(Place, PinPlace)>,
    /// The literal that holds the tag, and the tag in it; else why none does.
    pub written_tag: Result<(Place, TagPlace), String>,
    /// Why the literal cannot take it.
    pub obstacle: Option<String>,
    /// The same, where YAML takes what is written for something else.
    pub misread: Option<String>,
}

/// Byte ranges of the parts of a written reference.
struct Parts {
    /// The digest, else the tag, else the last byte of the name.
    deciding: (usize, usize),
    /// Where the digest's `@` stands.
    at: Option<usize>,
    prefix: &'static str,
}

/// Returns the ways to pin a wholly known text; `None` when it is not an image reference.
pub fn ways(text: &Text) -> Option<Ways> {
    let written = text.known()?;
    let reference = Reference::parse(&written)?;
    let parts = parts(&written, &reference);
    let mut deciding = within(text, parts.deciding);
    let mut tag = Vec::new();
    if let (Some(at), Some(_)) = (parts.at, &reference.tag) {
        tag = within(text, (reference.name.len() + 1, at));
        tag.retain(|place| !deciding.contains(place));
        // Of a template that was pinned at its end, what it takes its tag from decides as before.
        if text
            .frames()
            .iter()
            .any(|frame| deciding.contains(&Place::of_frame(frame)))
        {
            deciding.append(&mut tag);
        }
    }
    let misread =
        misread_number(text, parts.deciding).map(|((start, end), _)| misread(&written[start..end]));
    let literal = misread
        .clone()
        .map_or_else(|| in_literal(text, &written, &parts), Err);
    let obstacle = literal.as_ref().err().cloned();
    Some(Ways {
        written_tag: find_tag(text, &reference),
        reference,
        deciding,
        tag,
        literal: literal.ok(),
        templates: templates(text, &parts),
        obstacle,
        misread,
    })
}

/// Finds the bytes that are the tag.
fn find_tag(text: &Text, reference: &Reference) -> Result<(Place, TagPlace), String> {
    let tag = reference.tag.as_ref().ok_or("the image has no tag")?;
    let start = reference.name.len() + 1;
    let range = (start, start + tag.len());
    let pieces = placed(text);
    let mut holding = pieces
        .iter()
        .filter(|p| p.start < range.1 && range.0 < p.end);
    let first = holding.next();
    let (first, origin) = first
        .and_then(|first| Some((first, first.origin?)))
        .ok_or("the tag is computed")?;
    if !in_one(&pieces, range, origin) {
        return Err("the tag is made of several parts".into());
    }
    let start = origin.span.start + (range.0 - first.start);
    let place = TagPlace {
        file: origin.file.clone(),
        span: Span::new(start, start + tag.len()),
    };
    Ok((Place::of(origin), place))
}

/// Says whether a scalar stands for other text than is written.
fn is_misread(origin: &Origin, length: usize) -> bool {
    let is_other = origin.span == origin.literal && origin.span.len() != length;
    origin.span.is_empty() || (is_other && origin.form == Form::YamlPlain)
}

/// Says of a number in a text what YAML takes it for, where that is not what is written, and where
/// that is.
pub fn misread_in(text: &Text) -> Option<(String, Place)> {
    let whole = (0, text.known_len());
    let written = text.known()?;
    let (range, place) = misread_number(text, whole)?;
    Some((misread(&written[range.0..range.1]), place))
}

fn misread(number: &str) -> String {
    format!("YAML reads it as the number {number}: quote it")
}

fn misread_number(text: &Text, within: (usize, usize)) -> Option<((usize, usize), Place)> {
    placed(text).iter().find_map(|p| {
        let is_inside = p.start < within.1 && within.0 < p.end;
        let origin = p.origin.filter(|_| is_inside)?;
        is_misread(origin, p.end - p.start).then(|| ((p.start, p.end), Place::of(origin)))
    })
}

/// Returns the literals that hold a part of the range.
fn within(text: &Text, range: (usize, usize)) -> Vec<Place> {
    let mut places: Vec<Place> = Vec::new();
    for origin in placed(text)
        .iter()
        .filter(|p| p.start < range.1 && range.0 < p.end)
        .filter_map(|piece| piece.origin)
    {
        if !places.contains(&Place::of(origin)) {
            places.push(Place::of(origin));
        }
    }
    places
}

fn parts(written: &str, reference: &Reference) -> Parts {
    let name = reference.name.len();
    let at = reference.digest.as_ref().and_then(|_| written.find('@'));
    match (at, &reference.tag) {
        (Some(at), _) => Parts {
            deciding: (at + 1, written.len()),
            at: Some(at),
            prefix: "@",
        },
        (None, Some(_)) => Parts {
            deciding: (name + 1, written.len()),
            at: None,
            prefix: "@",
        },
        (None, None) => Parts {
            deciding: (name - 1, name),
            at: None,
            prefix: ":latest@",
        },
    }
}

/// The literal that takes the pin without help: what decides lies at the end of one literal.
fn in_literal(text: &Text, written: &str, parts: &Parts) -> Result<(Place, PinPlace), String> {
    let pieces = placed(text);
    let origin = pieces
        .last()
        .and_then(|last| last.origin)
        .ok_or("the end of the reference is computed")?;
    if !in_one(&pieces, parts.deciding, origin) {
        return Err("the tag is made of several parts".into());
    }
    if origin.span.end != origin.literal.end {
        return Err("the tag is followed by other text in its literal".into());
    }
    let (from, prefix) = match parts.at {
        None => (written.len(), parts.prefix),
        Some(at) if in_one(&pieces, (at, written.len()), origin) => (at, "@"),
        Some(at) => (at + 1, ""),
    };
    let span = Span::new(origin.span.end - (written.len() - from), origin.span.end);
    Ok((
        Place::of(origin),
        PinPlace {
            span,
            expect: written[from..].into(),
            prefix: prefix.into(),
            form: origin.form,
        },
    ))
}

/// Says whether the range is one unbroken verbatim run of the literal of `origin`.
fn in_one(pieces: &[Placed<'_>], range: (usize, usize), origin: &Origin) -> bool {
    let run: Vec<_> = pieces
        .iter()
        .filter(|p| p.start < range.1 && range.0 < p.end)
        .collect();
    let verbatim = |p: &&Placed<'_>| {
        p.origin
            .is_some_and(|o| Place::of(o) == Place::of(origin) && o.span.len() == p.end - p.start)
    };
    let joined = run
        .windows(2)
        .all(|pair| pair[0].origin.map(|o| o.span.end) == pair[1].origin.map(|o| o.span.start));
    !run.is_empty() && run.iter().all(verbatim) && joined
}

/// Appending at a template's end is possible as long as the reference has no digest yet, and the
/// end is where the reference ends.
fn templates(text: &Text, parts: &Parts) -> Vec<(Place, PinPlace)> {
    if parts.at.is_some() {
        return Vec::new();
    }
    let frames = text
        .frames()
        .iter()
        .filter(|frame| !matches!(frame.form, Form::Raw | Form::YamlBlock));
    let pin = |frame: &Frame| PinPlace {
        span: Span::new(frame.content.end, frame.content.end),
        expect: String::new(),
        prefix: parts.prefix.into(),
        form: frame.form,
    };
    frames
        .map(|frame| (Place::of_frame(frame), pin(frame)))
        .collect()
}

impl PinPlace {
    /// Returns the bytes that stand in place of the span once `digest` is pinned.
    pub fn text(&self, digest: &Digest) -> String {
        format!("{}{digest}", self.prefix)
    }
}
