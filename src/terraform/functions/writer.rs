//! Puts a text together from computed bytes and from pieces that keep their origin. Knows no
//! format.

use super::super::text::{Piece, Text};
use std::ops::Range;

/// A text that is being written.
#[derive(Default)]
pub struct TextWriter {
    text: Text,
    /// Computed bytes since the last piece.
    run: String,
}

impl TextWriter {
    /// Appends computed bytes.
    pub fn write(&mut self, computed: &str) {
        self.run.push_str(computed);
    }

    /// Returns the computed bytes at the end, to append to them.
    pub fn run(&mut self) -> &mut String {
        &mut self.run
    }

    pub fn piece(&mut self, piece: Piece) {
        if !self.run.is_empty() {
            self.text.push(Piece::Known {
                text: self.run.as_str().into(),
                origin: None,
            });
            self.run.clear();
        }
        self.text.push(piece);
    }

    /// Appends a part of a known piece.
    pub fn slice(&mut self, piece: &Piece, range: Range<usize>) {
        if let Some(part) = piece.slice(range.clone()).filter(|_| !range.is_empty()) {
            self.piece(part);
        }
    }

    /// Appends a whole text.
    pub fn append(&mut self, text: &Text) {
        text.pieces()
            .iter()
            .for_each(|piece| self.piece(piece.clone()));
    }

    /// Appends a text of which some characters are written in another way; `escape` writes those
    /// that `is_escaped`.
    pub fn escaped(
        &mut self,
        text: &Text,
        is_escaped: fn(char) -> bool,
        escape: fn(char, &mut String),
    ) {
        for piece in text.pieces() {
            let Piece::Known { text: content, .. } = piece else {
                self.piece(piece.clone());
                continue;
            };
            let mut start = 0;
            for (at, c) in content.char_indices().filter(|(_, c)| is_escaped(*c)) {
                self.slice(piece, start..at);
                escape(c, &mut self.run);
                start = at + c.len_utf8();
            }
            self.slice(piece, start..content.len());
        }
    }

    pub fn finish(mut self) -> Text {
        if !self.run.is_empty() {
            self.text.push(Piece::Known {
                text: self.run.into(),
                origin: None,
            });
        }
        self.text
    }
}

#[cfg(test)]
mod tests;
