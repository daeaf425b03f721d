//! One image as one consumer sees it: the use, and the text of the reference with its pieces. What
//! the walkers hand to `decide`.

use super::Use;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use crate::terraform::text::{Frame, Origin, Piece, Text};
use std::sync::Arc;

/// An image in one place for one instance.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// Everything but `image`, which `decide` fills in.
    pub user: Use,
    /// The whole reference. A part that the text of the repo does not tell is an unknown piece.
    pub image: Text,
    /// Only modules that nothing calls lead here.
    pub orphan: bool,
    /// What the owning resource declares: `keel.sh/…`.
    pub annotations: Vec<(Arc<str>, Arc<str>)>,
    /// The first bytes of the blocks around the image, whose comments speak of it too: the
    /// container, the resource.
    pub blocks: Vec<(RepoPath, usize)>,
    /// Why no pin may be written, although the literal could carry one
    /// (`an argument of a remote module that the config does not name`).
    pub refused: Option<String>,
}

/// A literal by place: file and content span.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: RepoPath,
    pub content: Span,
}

impl Place {
    pub fn of(origin: &Origin) -> Self {
        Self {
            file: origin.file.clone(),
            content: origin.literal,
        }
    }

    pub fn of_frame(frame: &Frame) -> Self {
        Self {
            file: frame.file.clone(),
            content: frame.content,
        }
    }
}

/// A piece with its place in the whole text.
pub struct Placed<'a> {
    pub start: usize,
    pub end: usize,
    pub origin: Option<&'a Origin>,
}

/// Returns the pieces of a wholly known text with their ranges in it.
pub fn placed(text: &Text) -> Vec<Placed<'_>> {
    let mut at = 0;
    let mut out = Vec::new();
    for piece in text.pieces() {
        if let Piece::Known { text, origin } = piece {
            out.push(Placed {
                start: at,
                end: at + text.len(),
                origin: origin.as_ref(),
            });
            at += text.len();
        }
    }
    out
}

/// Returns every literal and template that takes part in the text, each once, in order of first
/// appearance.
pub fn places(text: &Text) -> Vec<(Place, &Origin)> {
    let mut out: Vec<(Place, &Origin)> = Vec::new();
    for piece in text.pieces() {
        if let Piece::Known {
            origin: Some(origin),
            ..
        } = piece
        {
            let place = Place::of(origin);
            if !out.iter().any(|(known, _)| *known == place) {
                out.push((place, origin));
            }
        }
    }
    out
}
