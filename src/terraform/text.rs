//! A string value that remembers where each of its bytes was written. Knows no HCL and no images.

use super::files::RepoPath;
use super::span::Span;
use super::why::Why;
use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How the bytes of a literal are written in their file; says which bytes may be put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Between double quotes in HCL (also a part of a quoted template).
    Quoted,
    /// In an HCL heredoc, or in a file read by `file`/`templatefile`.
    Raw,
    /// A plain scalar in YAML (in a file or inside a heredoc).
    YamlPlain,
    YamlSingle,
    YamlDouble,
    /// Inside a `|` or `>` block scalar of YAML.
    YamlBlock,
    /// A JSON string.
    Json,
}

/// Where a piece of text was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub file: RepoPath,
    /// Bytes of this piece in `file`.
    pub span: Span,
    /// Content (without quotes) of the string, template or scalar the piece is a part of.
    pub literal: Span,
    pub form: Form,
}

/// A run of text with one origin.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// `origin` is `None` for text that was computed. With an origin whose span has the text's
    /// length the bytes are verbatim; an escape sequence is a piece of its own, whose span is
    /// longer than its text.
    Known {
        text: Arc<str>,
        origin: Option<Origin>,
    },
    /// A part that is unknown from the text of the repo. It may be empty or of any length.
    Unknown(Why),
}

/// A template expression whose whole result is (the end of) a text: appending at its end appends to
/// the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    pub file: RepoPath,
    /// Content of the string or template, without quotes.
    pub content: Span,
    pub form: Form,
}

/// A string value: pieces, and the literals and templates that produced exactly this value,
/// innermost first. Cheap to clone: values are handed on far more often than they are made.
#[derive(Clone, Default)]
pub struct Text {
    /// `None` for the empty text.
    parts: Option<Arc<TextParts>>,
}

/// Most texts are one piece of one literal: these need no memory of their own.
#[derive(Clone, Default)]
struct TextParts {
    pieces: SmallVec<[Piece; 1]>,
    frames: SmallVec<[Frame; 1]>,
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.pieces() == other.pieces() && self.frames() == other.frames()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("pieces", &self.pieces())
            .field("frames", &self.frames())
            .finish()
    }
}

impl Text {
    /// Returns computed text, which has no origin.
    pub fn computed(text: impl Into<Arc<str>>) -> Self {
        Self::from_piece(Piece::Known {
            text: text.into(),
            origin: None,
        })
    }

    /// Returns text written in one place, byte for byte.
    pub fn written(text: impl Into<Arc<str>>, origin: Origin) -> Self {
        let frame = Frame {
            file: origin.file.clone(),
            content: origin.literal,
            form: origin.form,
        };
        let mut new = Self::from_piece(Piece::Known {
            text: text.into(),
            origin: Some(origin),
        });
        new.push_frame(frame);
        new
    }

    /// Returns a text of one piece, which is no literal of its own.
    pub fn from_piece(piece: Piece) -> Self {
        let mut new = Self::default();
        new.push(piece);
        new
    }

    pub fn push(&mut self, piece: Piece) {
        if !matches!(&piece, Piece::Known { text, .. } if text.is_empty()) {
            self.parts_mut().pieces.push(piece);
        }
    }

    /// Appends the pieces of `other`; frames do not survive, since neither text is the whole any
    /// more.
    pub fn append(&mut self, other: &Text) {
        let parts = self.parts_mut();
        parts.pieces.extend(other.pieces().iter().cloned());
        parts.frames.clear();
    }

    /// Says that the whole text is the result of one more string or template.
    pub fn push_frame(&mut self, frame: Frame) {
        if self.frames().last() != Some(&frame) {
            self.parts_mut().frames.push(frame);
        }
    }

    fn parts_mut(&mut self) -> &mut TextParts {
        Arc::make_mut(self.parts.get_or_insert_default())
    }

    pub fn pieces(&self) -> &[Piece] {
        self.parts.as_ref().map_or(&[], |parts| &parts.pieces)
    }

    /// Returns the strings and templates whose whole result is this text, innermost first.
    pub fn frames(&self) -> &[Frame] {
        self.parts.as_ref().map_or(&[], |parts| &parts.frames)
    }

    /// Returns how many bytes are known.
    pub fn known_len(&self) -> usize {
        let length = |piece: &Piece| match piece {
            Piece::Known { text, .. } => text.len(),
            Piece::Unknown(_) => 0,
        };
        self.pieces().iter().map(length).sum()
    }

    /// Returns the text when all of it is known.
    pub fn known(&self) -> Option<String> {
        let mut all = String::new();
        for piece in self.pieces() {
            match piece {
                Piece::Known { text, .. } => all.push_str(text),
                Piece::Unknown(_) => return None,
            }
        }
        Some(all)
    }

    /// Returns the first reason for which a part is not known.
    pub fn why_unknown(&self) -> Option<&Why> {
        self.pieces().iter().find_map(|piece| match piece {
            Piece::Unknown(why) => Some(why),
            Piece::Known { .. } => None,
        })
    }

    /// Returns a part of a text that is known throughout, with the origins that remain exact;
    /// `None` out of range, inside a character, or when the text is not known throughout. The
    /// frames stay only for the whole range.
    pub fn slice(&self, range: Range<usize>) -> Option<Text> {
        let mut out = Text::default();
        let mut at = 0;
        for piece in self.pieces() {
            let Piece::Known { text, origin } = piece else {
                return None;
            };
            let (from, to) = (range.start.max(at), range.end.min(at + text.len()));
            if from < to {
                out.push(cut(text, origin.as_ref(), from - at..to - at)?);
            }
            at += text.len();
        }
        if range.start > range.end || range.end > at {
            return None;
        }
        if range == (0..at) {
            self.frames()
                .iter()
                .for_each(|frame| out.push_frame(frame.clone()));
        }
        Some(out)
    }
}

impl Piece {
    /// Returns a part of a known piece, with its origin where that remains exact; `None` out of
    /// range or inside a character.
    pub fn slice(&self, range: Range<usize>) -> Option<Piece> {
        match self {
            Self::Known { text, origin } => cut(text, origin.as_ref(), range),
            Self::Unknown(_) => None,
        }
    }
}

fn cut(text: &Arc<str>, origin: Option<&Origin>, range: Range<usize>) -> Option<Piece> {
    if range == (0..text.len()) {
        return Some(Piece::Known {
            text: text.clone(),
            origin: origin.cloned(),
        });
    }
    let part: Arc<str> = text.get(range.clone())?.into();
    let origin = origin
        .filter(|o| o.span.len() == text.len())
        .map(|o| Origin {
            span: Span::new(o.span.start + range.start, o.span.start + range.end),
            ..o.clone()
        });
    Some(Piece::Known { text: part, origin })
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::computed(text)
    }
}
