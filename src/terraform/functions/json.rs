//! JSON, as OpenTofu writes it, and read strictly with the place of every string.

use super::super::eval::support::*;
use super::super::span::Span;
use super::super::text::{Form, Frame, Origin, Piece, Text};
use super::super::value::{Value, Why};
use super::Outcome;
use super::encoding::append_escaped;
use super::strings::piece;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

/// Nesting beyond which JSON is not read.
const MAX_DEPTH: usize = 100;

/// Writes a value; strings inside keep their origin and their holes.
pub fn encode(value: &Value) -> Result<Text, Why> {
    let mut out = Text::default();
    write(value, &mut out)?;
    Ok(out)
}

fn write(value: &Value, out: &mut Text) -> Result<(), Why> {
    match value {
        Value::Null => out.append(&"null".into()),
        Value::Bool(_) | Value::Number(..) => out.append(&to_text(value.clone())?),
        Value::Text(text) => {
            out.append(&"\"".into());
            append_escaped(out, text, &escape);
            out.append(&"\"".into());
        }
        Value::List(items) | Value::Set(items) => {
            out.append(&"[".into());
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.append(&",".into());
                }
                write(item, out)?;
            }
            out.append(&"]".into());
        }
        Value::Map(entries) => {
            out.append(&"{".into());
            for (at, (key, item)) in entries.iter().enumerate() {
                let mut name = String::from(if at > 0 { ",\"" } else { "\"" });
                key.chars().for_each(|c| escape(c, &mut name));
                name.push_str("\":");
                out.append(&Text::computed(name));
                write(item, out)?;
            }
            out.append(&"}".into());
        }
        Value::Unknown(why) => return Err(why.clone()),
    }
    Ok(())
}

/// Appends a character as Go writes it inside a JSON string.
pub fn escape(c: char, out: &mut String) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        _ => out.push(c),
    }
}

/// Reads one JSON value.
pub fn decode(text: &Text) -> Outcome {
    let string = known(text)?;
    let mut reader = Reader { text, string: &string, at: 0 };
    reader.space();
    let value = reader.value(0)?;
    reader.space();
    if reader.at < string.len() { Err(bad()) } else { Ok(value) }
}

fn bad() -> Why {
    invalid("a string that is not JSON")
}

struct Reader<'t> {
    text: &'t Text,
    string: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        let rest = &self.string[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }

    fn peek(&self) -> Option<u8> {
        self.string.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, token: &str) -> Result<(), Why> {
        if !self.string[self.at..].starts_with(token) {
            return Err(bad());
        }
        self.at += token.len();
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Outcome {
        if depth > MAX_DEPTH {
            return Err(limit("JSON nested this deep"));
        }
        match self.peek().ok_or_else(bad)? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => {
                let range = self.quoted()?;
                self.unescaped(range).map(Value::Text)
            }
            b't' => self.expect("true").map(|()| Value::Bool(true)),
            b'f' => self.expect("false").map(|()| Value::Bool(false)),
            b'n' => self.expect("null").map(|()| Value::Null),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Outcome {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.expect("]").is_ok() {
            return Ok(list(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.expect("]").is_ok() {
                return Ok(list(items));
            }
            self.expect(",")?;
        }
    }

    fn object(&mut self, depth: usize) -> Outcome {
        let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        self.at += 1;
        self.space();
        if self.expect("}").is_ok() {
            return Ok(Value::Map(Arc::new(entries)));
        }
        loop {
            self.space();
            let range = self.quoted()?;
            let key = known(&self.unescaped(range)?)?;
            self.space();
            self.expect(":")?;
            self.space();
            entries.insert(key.into(), self.value(depth + 1)?);
            self.space();
            if self.expect("}").is_ok() {
                return Ok(Value::Map(Arc::new(entries)));
            }
            self.expect(",")?;
        }
    }

    /// Steps over a string and returns the range of its content.
    fn quoted(&mut self) -> Result<Range<usize>, Why> {
        self.expect("\"")?;
        let start = self.at;
        loop {
            match self.peek().ok_or_else(bad)? {
                b'"' => break,
                b'\\' => self.at += 2,
                0..=0x1f => return Err(bad()),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Ok(start..self.at - 1)
    }

    /// Returns a string's text: runs without escapes as they are written, and each escape as a piece of its own.
    fn unescaped(&self, range: Range<usize>) -> Result<Text, Why> {
        let mut parts = Vec::new();
        let (mut start, mut at) = (range.start, range.start);
        while let Some(found) = self.string[at..range.end].find('\\').map(|found| found + at) {
            parts.push((start..found, None));
            let (length, c) = unescape(&self.string[found..range.end])?;
            parts.push((found..found + length, Some(c.to_string())));
            (start, at) = (found + length, found + length);
        }
        parts.push((start..range.end, None));
        let literal = self.place(&range);
        let mut out = Text::default();
        for (part, escape) in parts {
            let cut = piece(self.text, part.clone())?;
            match (escape, cut.pieces()) {
                (Some(escape), [one]) => out.push(self.escape(one, literal.as_ref(), &escape, part.len())),
                (Some(escape), _) => out.push(Piece::Known { text: escape.into(), origin: None }),
                (None, pieces) => pieces.iter().for_each(|piece| out.push(self.within(piece.clone(), literal.as_ref()))),
            }
        }
        if let Some(literal) = literal {
            out.push_frame(Frame { file: literal.file, content: literal.span, form: literal.form });
        }
        Ok(out)
    }

    /// Returns where a string's content is, when it is in one piece of the text.
    fn place(&self, range: &Range<usize>) -> Option<Origin> {
        let around = piece(self.text, range.start.checked_sub(1)?..range.end + 1).ok()?;
        let [Piece::Known { origin: Some(origin), text }] = around.pieces() else { return None };
        if origin.span.len() != text.len() {
            return None;
        }
        let span = Span::new(origin.span.start + 1, origin.span.end - 1);
        let form = if origin.form == Form::Raw { Form::Json } else { origin.form };
        Some(Origin { file: origin.file.clone(), span, literal: span, form })
    }

    /// Says of a run without escapes that it is a part of the JSON string.
    fn within(&self, piece: Piece, literal: Option<&Origin>) -> Piece {
        match (piece, literal) {
            (Piece::Known { text, origin: Some(origin) }, Some(literal)) => {
                Piece::Known { text, origin: Some(Origin { literal: literal.literal, form: literal.form, ..origin }) }
            }
            (piece, _) => piece,
        }
    }

    fn escape(&self, piece: &Piece, literal: Option<&Origin>, meaning: &str, length: usize) -> Piece {
        let span = match piece {
            Piece::Known { origin: Some(origin), .. } if origin.span.len() == length => Some(origin.span),
            _ => None,
        };
        let origin = span.zip(literal).map(|(span, literal)| Origin { span, ..literal.clone() });
        Piece::Known { text: meaning.into(), origin }
    }

    fn number(&mut self) -> Outcome {
        let rest = &self.string[self.at..];
        let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(rest.len());
        let written = &rest[..end];
        let digits = written.strip_prefix('-').unwrap_or(written);
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
        if leading_zero || !digits.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad());
        }
        let parsed = number::parse(written).ok_or_else(|| limit("a number of more than 15 digits"))?;
        let origin = match piece(self.text, self.at..self.at + end)?.pieces() {
            [Piece::Known { origin: Some(origin), .. }]
                if origin.span.len() == end && number::print(parsed).as_deref() == Some(written) =>
            {
                Some(Origin { literal: origin.span, form: Form::Json, ..origin.clone() })
            }
            _ => None,
        };
        self.at += end;
        Ok(Value::Number(parsed, origin))
    }
}

/// Returns the length and meaning of the escape that `rest` starts with.
fn unescape(rest: &str) -> Result<(usize, char), Why> {
    let c = match rest.as_bytes().get(1).ok_or_else(bad)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unescape_unicode(rest),
        _ => return Err(bad()),
    };
    Ok((2, c))
}

fn unescape_unicode(rest: &str) -> Result<(usize, char), Why> {
    let unit = |from: usize| rest.get(from..from + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let first = unit(2).ok_or_else(bad)?;
    if let Some(c) = char::from_u32(first) {
        return Ok((6, c));
    }
    let second = rest.get(6..8).filter(|start| *start == "\\u").and_then(|_| unit(8));
    let pair = second.filter(|low| (0xdc00..0xe000).contains(low) && first < 0xdc00);
    let c = pair.and_then(|low| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00)));
    Ok(c.map_or((6, char::REPLACEMENT_CHARACTER), |c| (12, c)))
}
