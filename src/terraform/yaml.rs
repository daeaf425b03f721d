//! YAML → values that know where each scalar is written. Never writes YAML, and never changes what
//! a parser read.
//!
//! Two readers: [`decode`] is Terraform's `yamldecode` and as strict; [`documents`] reads what goes
//! to Helm or Kubernetes, several documents, with unknown parts.

mod build;
mod comments;
mod resolve;
mod scalar;

pub use build::{Document, Repeated};
pub use comments::{YamlComment, comments_around, trailing as trailing_comment};
pub(super) use resolve::whole;

use super::source_map::Joined;
use super::span::Span;
use super::text::Text;
use super::value::{Value, Why, WhyKind};
use build::{Builder, YamlRules};
use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError};
use scalar::Scalar;

/// What an unknown part is read as: a word that can stand in a key, a plain and a quoted scalar.
const STAND_IN: &str = "x";

/// Returns what Terraform's `yamldecode` gives for `text`: one document, YAML 1.1's booleans,
/// numbers as numbers (with the origin of how they are written), the last of repeated keys.
/// `Unknown(Invalid)` when Terraform would refuse it. A part of the text that is not known makes
/// unknown the scalar it stands in; where that is not YAML, all is unknown.
pub fn decode(text: &Text) -> Value {
    if text.known_len() == 0
        && let Some(why) = text.why_unknown()
    {
        return Value::Unknown(why.clone());
    }
    let joined = Joined::new(text, STAND_IN);
    let mut documents = read(&joined, YamlRules::Terraform);
    let is_refused = |document: &Document| matches!(document.value, Value::Unknown(_));
    if let Some(why) = text.why_unknown()
        && documents.iter().any(is_refused)
    {
        documents = read(&joined.without_lone_unknowns(), YamlRules::Terraform);
        if documents.len() != 1 || documents.iter().any(is_refused) {
            return Value::Unknown(why.clone());
        }
    }
    match documents.len() {
        0 => Value::Null,
        1 => documents.remove(0).value,
        _ => documents
            .into_iter()
            .map(|document| document.value)
            .find(|value| matches!(value, Value::Unknown(_)))
            .unwrap_or_else(|| {
                Value::unknown(WhyKind::Invalid, "YAML with more than one document")
            }),
    }
}

/// Returns every document that `yamldecode` gives for the documents of `text`, those that are null
/// left out.
pub fn decode_all(text: &Text) -> Vec<Value> {
    let joined = Joined::new(text, STAND_IN);
    let documents = read(&joined, YamlRules::Terraform);
    let values = documents.into_iter().map(|document| document.value);
    values.filter(|value| *value != Value::Null).collect()
}

/// Returns every document of `text`. An unknown part is read as one word, and a scalar or key that
/// touches it holds it; where that is not YAML, an unknown part with a line for itself is left out.
pub fn documents(text: &Text) -> Vec<Document> {
    read_documents(text, YamlRules::Lenient)
}

/// Returns the same of values for a chart, whose numbers are what Helm takes them for: `tag: 1.10`
/// is the number 1.1.
pub fn helm_documents(text: &Text) -> Vec<Document> {
    read_documents(text, YamlRules::Helm)
}

fn read_documents(text: &Text, rules: YamlRules) -> Vec<Document> {
    let joined = Joined::new(text, STAND_IN);
    let broken = |documents: &[Document]| {
        documents
            .iter()
            .any(|document| matches!(document.value, Value::Unknown(_)))
    };
    let first = read(&joined, rules);
    if !broken(&first) {
        return first;
    }
    let second = read(&joined.without_lone_unknowns(), rules);
    if broken(&second) { first } else { second }
}

/// Returns a parser that gives no comments, and aliases of nothing as events.
pub(super) fn parser(source: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let mut options: Options = granit_parser::options! { emit_unresolved_aliases: true };
    options.set_emit_comments(false);
    Parser::new_from_str_with_options(source, options)
}

/// Returns where the content of a scalar is, without quotes and without the blanks a parser may
/// count.
pub(super) fn content(
    source: &str,
    value: &str,
    style: ScalarStyle,
    range: std::ops::Range<usize>,
) -> Span {
    Scalar {
        value,
        style,
        range,
    }
    .content(source)
    .into()
}

/// Says whether a plain scalar is a string to Terraform and Helm.
pub(super) fn reads_as_text(plain: &str) -> bool {
    resolve::untagged(plain, ScalarStyle::Plain) == resolve::Meaning::Text
}

/// Says whether a plain scalar is null or a boolean.
pub(super) fn reads_as_word(plain: &str) -> bool {
    matches!(
        resolve::untagged(plain, ScalarStyle::Plain),
        resolve::Meaning::Null | resolve::Meaning::Bool(_)
    )
}

fn read(joined: &Joined, rules: YamlRules) -> Vec<Document> {
    let mut parser = parser(joined.as_str());
    let mut builder = Builder::new(joined, rules);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => builder.event(event, span.byte_range().unwrap_or_default()),
            Err(error) => {
                builder.fail(invalid(&error));
                if rules == YamlRules::Terraform
                    || !matches!(parser.proceed_next_document(), Ok(true))
                {
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

#[cfg(test)]
mod tests;
