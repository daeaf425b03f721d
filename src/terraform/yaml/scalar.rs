//! One YAML scalar: which bytes of its value were written where. Never changes the value the parser
//! gave.

use crate::terraform::source_map::{Joined, settle};
use crate::terraform::text::{Form, Piece, Text};
use granit_parser::ScalarStyle;
use std::ops::Range;

/// A scalar as the parser gave it.
pub(super) struct Scalar<'a> {
    pub value: &'a str,
    pub style: ScalarStyle,
    /// Its bytes in the joined string, with quotes.
    pub range: Range<usize>,
}

/// A run of a scalar's value.
enum ScalarRun {
    Verbatim(Range<usize>),
    /// Text for which something else is written.
    Escape(Range<usize>, String),
    /// Text for which nothing is written at this place: a folded line end.
    Computed(String),
}

impl Scalar<'_> {
    /// Returns the bytes of the content, without quotes and without blanks and line ends behind it.
    pub fn content(&self, source: &str) -> Range<usize> {
        let Range { start, end } = self.range.clone();
        let quoted = matches!(
            self.style,
            ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
        );
        if quoted && end - start >= 2 {
            return start + 1..end - 1;
        }
        // The parser's place of a block scalar without text is its header.
        if self.form() == Form::YamlBlock && self.value.trim().is_empty() {
            return start..start;
        }
        let written = source.get(start..end).unwrap_or("");
        start..start + written.trim_end().len()
    }

    pub fn form(&self) -> Form {
        match self.style {
            ScalarStyle::Plain => Form::YamlPlain,
            ScalarStyle::SingleQuoted => Form::YamlSingle,
            ScalarStyle::DoubleQuoted => Form::YamlDouble,
            ScalarStyle::Literal | ScalarStyle::Folded => Form::YamlBlock,
        }
    }

    /// Returns the value with the origins of its bytes.
    pub fn text(&self, joined: &Joined) -> Text {
        let content = self.content(joined.as_str());
        let place = joined.place(&content);
        let form = self.form();
        if joined.as_str().get(content.clone()) == Some(self.value) {
            return settle(joined.cut(content), place.as_ref(), form);
        }
        match self.runs(joined.as_str(), &content) {
            Some(runs) => settle(
                runs.into_iter().flat_map(|run| pieces(joined, run)),
                place.as_ref(),
                form,
            ),
            None if joined
                .cut(content.clone())
                .any(|piece| matches!(piece, Piece::Unknown(_))) =>
            {
                settle(joined.cut(content), place.as_ref(), form)
            }
            None => settle(
                [Piece::Known {
                    text: self.value.into(),
                    origin: None,
                }],
                place.as_ref(),
                form,
            ),
        }
    }

    /// Lines the value up with what is written; `None` where that is uncertain.
    fn runs(&self, source: &str, content: &Range<usize>) -> Option<Vec<ScalarRun>> {
        source.get(content.clone())?;
        let mut line_up = LineUp {
            source,
            at: content.start,
            end: content.end,
            value: self.value,
            runs: Vec::new(),
        };
        let done = match self.style {
            ScalarStyle::Literal | ScalarStyle::Folded => line_up.block(),
            ScalarStyle::Plain | ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
                line_up.flow(self.style)
            }
        };
        (done.is_some() && line_up.value.is_empty()).then_some(line_up.runs)
    }
}

fn pieces(joined: &Joined, run: ScalarRun) -> Vec<Piece> {
    match run {
        ScalarRun::Verbatim(range) => joined.cut(range).collect(),
        ScalarRun::Computed(text) => vec![Piece::Known {
            text: text.into(),
            origin: None,
        }],
        ScalarRun::Escape(range, text) => {
            // Text as long as its place is read as written there, which `\_` and `\N`, two bytes
            // for two bytes, are not.
            let told = text.len() != range.len();
            let origin = match joined.cut_one(range) {
                Some(Piece::Known {
                    text,
                    origin: Some(origin),
                }) if told && text.len() == origin.span.len() => Some(origin),
                _ => None,
            };
            vec![Piece::Known {
                text: text.into(),
                origin,
            }]
        }
    }
}

/// Walks the written bytes and the rest of the value side by side.
struct LineUp<'a> {
    source: &'a str,
    at: usize,
    end: usize,
    value: &'a str,
    runs: Vec<ScalarRun>,
}

impl LineUp<'_> {
    fn rest(&self) -> &str {
        &self.source[self.at..self.end]
    }

    /// Takes `length` written bytes that stand in the value as they are.
    fn verbatim(&mut self, length: usize) -> Option<()> {
        let range = self.at..self.at + length;
        self.value = self.value.strip_prefix(self.source.get(range.clone())?)?;
        self.at = range.end;
        match self.runs.last_mut() {
            Some(ScalarRun::Verbatim(last)) if last.end == range.start => last.end = range.end,
            _ if range.is_empty() => {}
            _ => self.runs.push(ScalarRun::Verbatim(range)),
        }
        Some(())
    }

    fn computed(&mut self, text: &str) -> Option<()> {
        self.value = self.value.strip_prefix(text)?;
        self.runs.push(ScalarRun::Computed(text.to_owned()));
        Some(())
    }

    /// Takes the next `length` written bytes as a way to write the next character of the value, or
    /// nothing of it.
    fn escape(&mut self, length: usize) -> Option<()> {
        (self.at + length <= self.end).then_some(())?;
        let char = self.value.chars().next()?;
        self.value = &self.value[char.len_utf8()..];
        self.runs.push(ScalarRun::Escape(
            self.at..self.at + length,
            char.to_string(),
        ));
        self.at += length;
        Some(())
    }

    /// Plain and quoted scalars: line ends are folded, quotes are doubled or escaped.
    fn flow(&mut self, style: ScalarStyle) -> Option<()> {
        while self.at < self.end {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            let next = rest.as_bytes()[0];
            if blank > 0 && rest[..blank].contains('\n') {
                self.fold(blank)?;
            } else if style == ScalarStyle::SingleQuoted && next == b'\'' {
                self.escape(2)?;
            } else if style == ScalarStyle::DoubleQuoted && next == b'\\' {
                self.backslash()?;
            } else {
                let plain = rest[blank..]
                    .find([' ', '\t', '\r', '\n', '\'', '\\'])
                    .unwrap_or(rest.len() - blank);
                let step = blank + plain.max(usize::from(blank == 0));
                self.verbatim(step)?;
            }
        }
        Some(())
    }

    /// One line end is a space, more are one less (YAML 1.2.2, 6.5).
    fn fold(&mut self, blank: usize) -> Option<()> {
        let breaks = self.rest()[..blank].matches('\n').count();
        self.at += blank;
        if breaks == 1 {
            return self.computed(" ");
        }
        (1..breaks).try_for_each(|_| self.computed("\n"))
    }

    /// An escape of a double-quoted scalar (YAML 1.2.2, 5.7).
    fn backslash(&mut self) -> Option<()> {
        let rest = self.rest();
        let length = match rest.as_bytes().get(1)? {
            b'x' => 4,
            b'u' => 6,
            b'U' => 10,
            b'\r' | b'\n' => {
                let after = rest[1..].trim_start_matches(['\r', '\n', ' ', '\t']);
                self.at = self.end - after.len();
                return Some(());
            }
            _ => 2,
        };
        self.escape(length)
    }

    /// Literal and folded block scalars: indentation goes, line ends stay, go, or become a space.
    fn block(&mut self) -> Option<()> {
        let line_start = self.source[..self.at].rfind('\n').map_or(0, |at| at + 1);
        let indent = self.at - line_start;
        let first = self.at;
        while self.at < self.end && !self.value.is_empty() {
            let line = self.rest().split('\n').next().unwrap_or("");
            let ended = line.len() < self.rest().len();
            let body = line.strip_suffix('\r').unwrap_or(line);
            let skipped = if self.at == first {
                0
            } else {
                leading_spaces(body).min(indent)
            };
            let line_length = line.len();
            let length = body.len() - skipped;
            let crlf = body.len() != line_length;
            self.at += skipped;
            self.verbatim(length)?;
            if !ended {
                break;
            }
            self.line_end(crlf)?;
        }
        // The line ends behind the content, as many as the header keeps.
        let ends = self.value;
        if ends.trim_matches('\n').is_empty() && !ends.is_empty() {
            self.computed(ends)
        } else {
            Some(())
        }
    }

    fn line_end(&mut self, crlf: bool) -> Option<()> {
        let written = if crlf { 2 } else { 1 };
        if self.value.starts_with('\n') && !crlf {
            return self.verbatim(1);
        }
        self.at += written;
        if self.value.starts_with('\n') {
            self.computed("\n")
        } else if self.value.starts_with(' ') {
            self.computed(" ")
        } else {
            Some(())
        }
    }
}

fn leading_spaces(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}
