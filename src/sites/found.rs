//! An image found in a tree of values, and the texts that a reference is put together from. Walks
//! no tree.

use super::occurrence::Place;
use crate::model::reference::Reference;
use crate::model::workload::Holder;
use crate::terraform::text::{Origin, Piece, Text};
use crate::terraform::value::{Value, Why, WhyKind, print_as_go};
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
    /// Literals that cannot take a pin whatever the image is (`tag: ""`), and why.
    pub blank: Vec<(Place, String)>,
    /// Literals that something beside them in the tree replaces, and what does.
    pub dead: Vec<(Place, String)>,
    /// Why no pin may be written, although a literal could carry one.
    pub refused: Option<String>,
}

impl Found {
    /// Says that the tree it was found in stands at a path.
    pub fn prefix(&mut self, path: &str) {
        self.path = format!("{path}.{}", self.path);
        if let Holder::Path(own) = &self.holder {
            self.holder = Holder::Path(format!("{path}.{own}").into());
        }
    }
}

pub type Map = BTreeMap<Arc<str>, Value>;

pub fn found(path: &str, image: Text) -> Found {
    Found {
        holder: Holder::Path(path.into()),
        path: path.into(),
        image,
        blank: Vec::new(),
        dead: Vec::new(),
        refused: None,
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
                origin: origin.clone().filter(is_whole_or_reread),
            }),
            None => text.push(Piece::Unknown(Why::new(WhyKind::Limit, "a number"))),
        },
        _ => {}
    }
    text
}

/// Says whether a number is all of its literal, or printed in another way than it is written.
fn is_whole_or_reread(origin: &Origin) -> bool {
    origin.span == origin.literal || origin.span.is_empty()
}

/// A value as a chart prints it: numbers as Go does.
pub fn as_printed(value: &Value) -> Text {
    match value {
        Value::Number(number, origin) => Text::from_piece(Piece::Known {
            text: print_as_go(*number).into(),
            origin: origin.clone().filter(is_whole_or_reread),
        }),
        other => as_text(other),
    }
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

pub fn chart(what: &str) -> Text {
    let mut text = Text::default();
    text.push(Piece::Unknown(Why::new(WhyKind::Invalid, what)));
    text
}

pub fn is_empty(text: &Text) -> bool {
    text.pieces().is_empty()
}

/// Says whether the known parts of the text, with a stand-in for the others, have a tag or a
/// digest.
pub fn has_tag(text: &Text) -> bool {
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
pub fn is_unknown(text: &Text) -> bool {
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
