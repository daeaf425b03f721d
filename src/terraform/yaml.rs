//! YAML → values that know where each scalar is written. Never writes YAML, and never changes what a parser read.
//!
//! Two readers: [`decode`] is Terraform's `yamldecode` and as strict; [`documents`] reads what goes to Helm or Kubernetes, several documents,
//! with parts nobody knows.

mod build;
mod comments;
mod resolve;
mod scalar;

pub use comments::{Comment, comments_around, trailing as trailing_comment};
pub(super) use resolve::whole;

use super::joined::Joined;
use super::span::Span;
use super::text::{Piece, Text};
use super::value::{Value, Why, WhyKind};
use build::{Builder, Reader};
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError};
use scalar::Scalar;
use std::sync::Arc;

/// What an unknown part is read as: a word that can stand in a key, a plain and a quoted scalar.
const STAND_IN: &str = "x";

/// A document of a YAML stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Maps, lists and scalars. Every plain scalar except null, `true` and `false` is a `Text`, as it is written: `tag: 1.10` is `1.10`.
    /// `Unknown(Invalid)` when the document is not YAML.
    pub value: Value,
    /// Keys that occur more than once in one map; the last one counts.
    pub repeated: Vec<Repeated>,
}

/// A key that occurs again.
#[derive(Clone, Debug, PartialEq)]
pub struct Repeated {
    pub key: Arc<str>,
    /// The earlier value, which does not count.
    pub value: Value,
    /// Bytes of the later key in the text that was read; in the file when the text is the whole file.
    pub span: Span,
}

/// Returns what Terraform's `yamldecode` gives for `text`: one document, YAML 1.1's booleans, numbers as numbers (with the origin of how they
/// are written), the last of repeated keys. `Unknown` when a part of the text is not known, with `Invalid` when Terraform would refuse it.
pub fn decode(text: &Text) -> Value {
    if let Some(why) = text.why_unknown() {
        return Value::Unknown(why.clone());
    }
    let joined = Joined::new(text, STAND_IN);
    let mut documents = read(&joined, Reader::Terraform);
    match documents.len() {
        0 => Value::Null,
        1 => documents.remove(0).value,
        _ => documents
            .into_iter()
            .map(|document| document.value)
            .find(|value| matches!(value, Value::Unknown(_)))
            .unwrap_or_else(|| Value::unknown(WhyKind::Invalid, "YAML with more than one document")),
    }
}

/// Returns every document of `text`. An unknown part is read as one word, and a scalar or key that touches it holds it; where that is not YAML,
/// an unknown part with a line for itself is left out.
pub fn documents(text: &Text) -> Vec<Document> {
    documents_of(&Joined::new(text, STAND_IN))
}

pub(super) fn documents_of(joined: &Joined) -> Vec<Document> {
    let broken = |documents: &[Document]| documents.iter().any(|document| matches!(document.value, Value::Unknown(_)));
    let first = read(joined, Reader::Lenient);
    if !broken(&first) {
        return first;
    }
    let second = read(&joined.without_lone_unknowns(), Reader::Lenient);
    if broken(&second) { first } else { second }
}

/// Returns a parser that gives no comments, and aliases of nothing as events.
pub(super) fn parser(source: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let mut options: Options = granit_parser::options! { emit_unresolved_aliases: true };
    options.set_emit_comments(false);
    Parser::new_from_str_with_options(source, options)
}

/// Returns where the content of a scalar is, without quotes and without the blanks a parser may count.
pub(super) fn content(source: &str, value: &str, style: ScalarStyle, range: std::ops::Range<usize>) -> Span {
    Scalar { value, style, range }.content(source).into()
}

/// Says whether a plain scalar is a string to Terraform and Helm.
pub(super) fn reads_as_text(plain: &str) -> bool {
    resolve::untagged(plain, ScalarStyle::Plain) == resolve::Meaning::Text
}

/// Says whether a plain scalar is null or a boolean.
pub(super) fn reads_as_word(plain: &str) -> bool {
    matches!(resolve::untagged(plain, ScalarStyle::Plain), resolve::Meaning::Null | resolve::Meaning::Bool(_))
}

fn read(joined: &Joined, reader: Reader) -> Vec<Document> {
    let mut parser = parser(joined.as_str());
    let mut builder = Builder::new(joined, reader);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.event(event, span.byte_range().unwrap_or_default()),
            Err(error) => {
                builder.fail(invalid(&error));
                if reader == Reader::Terraform || !matches!(parser.proceed_next_document(), Ok(true)) {
                    break;
                }
            }
        }
    }
    builder.finish()
}

fn invalid(error: &ScanError) -> Why {
    Why::new(WhyKind::Invalid, format!("text that is not YAML ({error})"))
}

/// Returns the text of a key: what is known of it, `${…}` for the rest.
fn key_text(text: &Text) -> String {
    let mut key = String::new();
    for piece in text.pieces() {
        match piece {
            Piece::Known { text, .. } => key.push_str(text),
            Piece::Unknown(_) => key.push_str("${…}"),
        }
    }
    key
}

#[cfg(test)]
mod tests;
