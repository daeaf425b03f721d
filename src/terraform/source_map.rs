//! A text as the one string a parser can read, with the way back from its bytes to the pieces.
//! Knows no YAML.

use super::files::RepoPath;
use super::span::Span;
use super::text::{Form, Frame, Origin, Piece, Text};
use std::ops::Range;
use std::sync::Arc;

/// A piece and the bytes of the joined string it gave.
#[derive(Debug)]
struct JoinedPart {
    range: Range<usize>,
    piece: Piece,
}

/// The pieces of a text written one after the other. An unknown piece is written as a stand-in.
#[derive(Debug, Default)]
pub(super) struct Joined {
    string: String,
    parts: Vec<JoinedPart>,
    frames: Vec<Frame>,
}

/// Where a stretch of the joined string stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JoinedPlace {
    pub file: RepoPath,
    pub span: Span,
    /// How the file writes the text this is a stretch of.
    form: Form,
}

impl Joined {
    /// Writes every unknown piece of `text` as `stand_in`.
    pub fn new(text: &Text, stand_in: &str) -> Self {
        let mut joined = Self {
            frames: text.frames().to_vec(),
            ..Self::default()
        };
        for piece in text.pieces() {
            match piece {
                Piece::Known { text, .. } => joined.push(text, piece.clone()),
                Piece::Unknown(_) => joined.push(stand_in, piece.clone()),
            }
        }
        joined
    }

    /// Appends a piece that is read as `written`; for a known piece that is its text.
    fn push(&mut self, written: &str, piece: Piece) {
        let start = self.string.len();
        self.string.push_str(written);
        self.parts.push(JoinedPart {
            range: start..self.string.len(),
            piece,
        });
    }

    pub fn as_str(&self) -> &str {
        &self.string
    }

    /// Returns the same text with every unknown piece that has its line for itself read as blanks.
    pub fn without_lone_unknowns(&self) -> Self {
        let mut out = Self {
            frames: self.frames.clone(),
            ..Self::default()
        };
        for part in &self.parts {
            let written = &self.string[part.range.clone()];
            match &part.piece {
                Piece::Unknown(_) if !written.trim().is_empty() && self.is_lone(&part.range) => {
                    out.push(&" ".repeat(written.len()), part.piece.clone())
                }
                _ => out.push(written, part.piece.clone()),
            }
        }
        out
    }

    fn is_lone(&self, range: &Range<usize>) -> bool {
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r');
        let bytes = self.string.as_bytes();
        let before = bytes[..range.start].iter().rev().find(|byte| !blank(byte));
        let after = bytes[range.end..].iter().find(|byte| !blank(byte));
        matches!(before, None | Some(b'\n')) && matches!(after, None | Some(b'\n'))
    }

    /// Returns the pieces of a stretch of the joined string. A stretch that touches an unknown
    /// piece holds that piece; an escape that is cut loses its origin.
    pub fn cut(&self, range: Range<usize>) -> impl Iterator<Item = Piece> + '_ {
        let first = self
            .parts
            .partition_point(|part| part.range.end <= range.start);
        let end = range.end;
        let touched = self.parts[first..]
            .iter()
            .take_while(move |part| part.range.start < end);
        touched
            .filter(|part| !part.range.is_empty())
            .map(move |part| self.cut_part(part, &range))
    }

    /// Returns the one piece of a stretch; `None` where it is made of several.
    pub fn cut_one(&self, range: Range<usize>) -> Option<Piece> {
        let mut pieces = self.cut(range);
        pieces.next().filter(|_| pieces.next().is_none())
    }

    fn cut_part(&self, part: &JoinedPart, range: &Range<usize>) -> Piece {
        let Piece::Known { text, origin } = &part.piece else {
            return part.piece.clone();
        };
        let (start, end) = (
            range.start.max(part.range.start),
            range.end.min(part.range.end),
        );
        if (start..end) == part.range {
            return part.piece.clone();
        }
        let cut: Arc<str> = self.string[start..end].into();
        let skip = start - part.range.start;
        let origin = origin
            .as_ref()
            .filter(|origin| origin.span.len() == text.len())
            .map(|origin| {
                let start = origin.span.start + skip;
                Origin {
                    span: Span::new(start, start + cut.len()),
                    ..origin.clone()
                }
            });
        Piece::Known { text: cut, origin }
    }

    /// Returns where a stretch stands in the file that writes the text out: inside one verbatim
    /// piece, or between two places of the string or file whose whole result the text is.
    pub fn place(&self, range: &Range<usize>) -> Option<JoinedPlace> {
        self.frames
            .iter()
            .rev()
            .find_map(|frame| self.place_in(frame, range))
            .or_else(|| self.place_in_part(range))
    }

    fn place_in_part(&self, range: &Range<usize>) -> Option<JoinedPlace> {
        let index = self
            .parts
            .partition_point(|part| part.range.end < range.end.max(range.start + 1));
        let part = self
            .parts
            .get(index)
            .filter(|part| part.range.start <= range.start && part.range != *range)?;
        let origin = verbatim(&part.piece)?;
        let start = origin.span.start + range.start - part.range.start;
        Some(JoinedPlace {
            file: origin.file.clone(),
            span: Span::new(start, start + range.len()),
            form: origin.form,
        })
    }

    fn place_in(&self, frame: &Frame, range: &Range<usize>) -> Option<JoinedPlace> {
        let (start, end) = (
            self.starts(frame, range.start)?,
            self.ends(frame, range.end)?,
        );
        (start <= end).then(|| JoinedPlace {
            file: frame.file.clone(),
            span: Span::new(start, end),
            form: frame.form,
        })
    }

    /// The place in `frame` of what begins at `at`.
    fn starts(&self, frame: &Frame, at: usize) -> Option<usize> {
        let index = self.parts.partition_point(|part| part.range.end <= at);
        if let Some(part) = self.parts.get(index)
            && let Some(origin) = inside(&part.piece, frame)
        {
            return offset(origin, part, at);
        }
        let before = self.parts[..index]
            .iter()
            .rev()
            .find(|part| !part.range.is_empty())
            .filter(|part| part.range.end == at);
        match before {
            Some(part) => Some(inside(&part.piece, frame)?.span.end),
            None => (at == 0).then_some(frame.content.start),
        }
    }

    /// The place in `frame` of what ends at `at`.
    fn ends(&self, frame: &Frame, at: usize) -> Option<usize> {
        let index = self.parts.partition_point(|part| part.range.end < at);
        if let Some(part) = self.parts.get(index)
            && let Some(origin) = inside(&part.piece, frame)
        {
            return offset(origin, part, at);
        }
        let after = self
            .parts
            .iter()
            .skip(index)
            .find(|part| part.range.start >= at && !part.range.is_empty());
        match after {
            Some(part) => Some(inside(&part.piece, frame)?.span.start),
            None => (at == self.string.len()).then_some(frame.content.end),
        }
    }
}

/// An unknown piece has no place of its own; a known one counts when it is a part of what `frame`
/// writes.
fn inside<'a>(piece: &'a Piece, frame: &Frame) -> Option<&'a Origin> {
    match piece {
        Piece::Known {
            origin: Some(origin),
            ..
        } if origin.file == frame.file && origin.literal == frame.content => Some(origin),
        _ => None,
    }
}

fn verbatim(piece: &Piece) -> Option<&Origin> {
    match piece {
        Piece::Known {
            text,
            origin: Some(origin),
        } if origin.span.len() == text.len() => Some(origin),
        _ => None,
    }
}

fn offset(origin: &Origin, part: &JoinedPart, at: usize) -> Option<usize> {
    if at == part.range.start {
        Some(origin.span.start)
    } else if at == part.range.end {
        Some(origin.span.end)
    } else {
        verbatim(&part.piece).map(|origin| origin.span.start + at - part.range.start)
    }
}

/// Says of `pieces` that stand at `place` that they are a part of the scalar there. A scalar of a
/// heredoc or a file is written as `form`; one inside a string that has rules of its own keeps
/// those.
pub(super) fn settle(
    pieces: impl IntoIterator<Item = Piece>,
    place: Option<&JoinedPlace>,
    form: Form,
) -> Text {
    let mut text = Text::default();
    for piece in pieces {
        text.push(match (piece, place) {
            (
                Piece::Known {
                    text,
                    origin: Some(origin),
                },
                Some(place),
            ) if belongs(&origin, place) => Piece::Known {
                text,
                origin: Some(Origin {
                    literal: place.span,
                    form: stricter(origin.form, form),
                    ..origin
                }),
            },
            (piece, _) => piece,
        });
    }
    if let [
        Piece::Known {
            origin: Some(origin),
            ..
        },
    ] = text.pieces()
        && origin.span == origin.literal
    {
        let frame = Frame {
            file: origin.file.clone(),
            content: origin.literal,
            form: origin.form,
        };
        text.push_frame(frame);
    }
    if let Some(place) = place {
        text.push_frame(Frame {
            file: place.file.clone(),
            content: place.span,
            form: stricter(place.form, form),
        });
    }
    text
}

fn stricter(outer: Form, inner: Form) -> Form {
    if outer == Form::Raw { inner } else { outer }
}

/// A literal inside a `${…}` of the scalar stays what it is.
fn belongs(origin: &Origin, place: &JoinedPlace) -> bool {
    origin.file == place.file && origin.literal.contains(place.span)
}
