//! What looks like an image and is not followed: references with a tag or digest under a key that
//! names an image, and in texts that are no YAML of anything that is read. Counted and named, so
//! that nothing is passed over in silence; decides nothing about any image.

use super::occurrence::places;
use super::{Unfollowed, values};
use crate::model::reference::Reference;
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::hcl::Source;
use crate::terraform::mask;
use crate::terraform::span::Span;
use crate::terraform::text::{Form, Origin, Text};
use crate::terraform::yaml;
use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{Block, Body, Structure};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys of which nothing is an image: programs, and what they are called with.
const NEVER: [&str; 6] = [
    "command",
    "args",
    "source",
    "description",
    "inline",
    "error_message",
];

/// Returns what looks like an image in a parsed file.
pub fn in_source(source: &Source) -> Vec<Unfollowed> {
    if !source.text.contains("mage") {
        return Vec::new();
    }
    let mut search = SourceSearch {
        source,
        inside: "".into(),
        is_image_resource: false,
        found: Vec::new(),
    };
    for structure in source.body.iter() {
        match structure {
            Structure::Block(block) => search.top(block),
            Structure::Attribute(attribute) => {
                search.expression(&attribute.value, attribute.key.as_str())
            }
        }
    }
    search.found
}

/// Returns what looks like an image in a file that is not parsed: `inside` says why.
pub fn in_file(files: &Files, file: &RepoPath, inside: &str) -> Vec<Unfollowed> {
    let bytes = files.bytes(file);
    let Some(text) = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()) else {
        return Vec::new();
    };
    in_text(text)
        .into_iter()
        .map(|(start, literal)| Unfollowed {
            file: file.clone(),
            span: Span::new(start, start + literal.len()),
            line: text[..start].matches('\n').count() + 1,
            literal: literal.to_owned(),
            inside: inside.into(),
        })
        .collect()
}

/// Returns those that no literal of the scan covers, sorted, each once. `followed` are the bytes of
/// the scan's literals by file.
pub fn left_over(
    mut found: Vec<Unfollowed>,
    followed: &BTreeMap<RepoPath, Vec<Span>>,
) -> Vec<Unfollowed> {
    let overlap = |a: Span, b: Span| a.start <= b.end && b.start <= a.end;
    found.retain(|one| {
        followed
            .get(&one.file)
            .is_none_or(|spans| spans.iter().all(|span| !overlap(*span, one.span)))
    });
    found.sort();
    found.dedup_by(|a, b| (&a.file, a.span) == (&b.file, b.span));
    found
}

struct SourceSearch<'s> {
    source: &'s Source,
    /// `docker_container`, `module.web`, `locals`.
    inside: Arc<str>,
    /// The type of the resource is an image's, and its `name` is one.
    is_image_resource: bool,
    found: Vec<Unfollowed>,
}

impl SourceSearch<'_> {
    fn top(&mut self, block: &Block) {
        let label = block.labels.first().map_or("", |label| label.as_str());
        let inside = match block.ident.as_str() {
            "resource" => label.to_owned(),
            "data" => format!("data.{label}"),
            "module" => format!("module.{label}"),
            other => other.to_owned(),
        };
        self.is_image_resource = block.ident.as_str() == "resource" && label.ends_with("_image");
        self.inside = inside.into();
        self.body(&block.body);
    }

    fn body(&mut self, body: &Body) {
        for structure in body.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    self.expression(&attribute.value, attribute.key.as_str())
                }
                Structure::Block(block) if block.ident.as_str() == "provisioner" => {}
                Structure::Block(block) => self.body(&block.body),
            }
        }
    }

    /// Looks at a value under a key.
    fn expression(&mut self, value: &Expression, key: &str) {
        if NEVER.contains(&key) {
            return;
        }
        match value {
            Expression::String(_) | Expression::StringTemplate(_) => self.string(value, key),
            Expression::HeredocTemplate(heredoc) => {
                if let Some(range) = heredoc.template.span() {
                    self.text(range);
                }
            }
            Expression::Array(items) => items.iter().for_each(|item| self.expression(item, key)),
            Expression::Object(object) => {
                self.parts(object);
                for (name, value) in object {
                    let name = match name {
                        ObjectKey::Ident(ident) => ident.as_str(),
                        ObjectKey::Expression(name) => name.as_str().unwrap_or(key),
                    };
                    self.expression(value.expr(), name);
                }
            }
            Expression::Parenthesis(inner) => self.expression(inner.inner(), key),
            Expression::Conditional(either) => {
                self.expression(&either.true_expr, key);
                self.expression(&either.false_expr, key);
            }
            Expression::FuncCall(call) => {
                call.args.iter().for_each(|arg| self.expression(arg, key))
            }
            Expression::ForExpr(each) => self.expression(&each.value_expr, key),
            _ => {}
        }
    }

    /// Takes an image that is written in two parts: `{ repository = "…", tag = "…" }`.
    fn parts(&mut self, object: &Object) {
        let part = |wanted: &str| {
            let of_name = |(name, _): &(&ObjectKey, _)| match name {
                ObjectKey::Ident(ident) => ident.as_str() == wanted,
                ObjectKey::Expression(name) => name.as_str() == Some(wanted),
            };
            let (_, value) = object.iter().find(of_name)?;
            let text = value.expr().as_str()?;
            Some((text.to_owned(), value.expr().span()?.start + 1))
        };
        if let (Some((repository, _)), Some((tag, start))) = (part("repository"), part("tag"))
            && is_reference(&format!("{repository}:{tag}"))
        {
            self.push(start, format!("{repository}:{tag}"), tag.len());
        }
    }

    fn string(&mut self, value: &Expression, key: &str) {
        let Some(range) = value.span().filter(|range| range.len() > 2) else {
            return;
        };
        let content = range.start + 1..range.end - 1;
        let Some(text) = self.source.text.get(content.clone()) else {
            return;
        };
        let is_key =
            key.to_ascii_lowercase().contains("image") || (self.is_image_resource && key == "name");
        if is_key && says_something(text) && is_reference(&mask::mask(text)) {
            self.push(content.start, text.to_owned(), text.len());
        } else if text.len() > 20 {
            self.text(content);
        }
    }

    /// Looks into a text of several lines, or JSON.
    fn text(&mut self, range: std::ops::Range<usize>) {
        let Some(text) = self.source.text.get(range.clone()) else {
            return;
        };
        for (start, literal) in in_text(text) {
            self.push(range.start + start, literal.to_owned(), literal.len());
        }
        for (start, length, image) in split_in_yaml(text) {
            self.push(range.start + start, image, length);
        }
    }

    /// `length` is that of what is written at `start`.
    fn push(&mut self, start: usize, literal: String, length: usize) {
        let span = self.source.span(start..start + length);
        self.found.push(Unfollowed {
            file: self.source.path.clone(),
            span,
            line: self.source.line(span.start),
            literal,
            inside: self.inside.clone(),
        });
    }
}

/// Returns the references behind `image:`, `image =` or `"image":` in a text, with their offsets.
fn in_text(text: &str) -> Vec<(usize, &str)> {
    if !text.contains("mage") {
        return Vec::new();
    }
    let masked = mask::mask(text);
    let mut found = Vec::new();
    for (at, word) in masked.match_indices("mage") {
        let rest = &masked[at + word.len()..];
        let Some(behind) = value_behind(rest) else {
            continue;
        };
        let start = at + word.len() + behind;
        let length = masked[start..]
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ']' | '\\'))
            .unwrap_or(masked.len() - start);
        let is_comment = line_before(&masked, at)
            .trim_start()
            .starts_with(['#', '/']);
        if !is_comment && is_reference(&masked[start..start + length]) {
            found.extend(
                text.get(start..start + length)
                    .map(|literal| (start, literal)),
            );
        }
    }
    found
}

/// Returns the images of a text of YAML that are written in two parts: where the tag begins, its
/// length, and the image.
fn split_in_yaml(text: &str) -> Vec<(usize, usize, String)> {
    if !(text.contains("repository") && text.contains("tag")) {
        return Vec::new();
    }
    let masked = mask::mask(text);
    let span = Span::new(0, masked.len());
    let origin = Origin {
        file: RepoPath::default(),
        span,
        literal: span,
        form: Form::Raw,
    };
    let documents = yaml::helm_documents(&Text::written(masked, origin));
    let images = documents
        .iter()
        .flat_map(|document| values::images(&document.value));
    let split = images.filter_map(|found| {
        let image = found.image.known().filter(|image| is_reference(image))?;
        let places = places(&found.image);
        let (last, _) = places.last().filter(|_| places.len() > 1)?;
        Some((last.content.start, last.content.len(), image))
    });
    split.collect()
}

/// Returns where the value begins behind the rest of a key.
fn value_behind(rest: &str) -> Option<usize> {
    let after = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    let after = after.trim_start_matches(['"', '\'', '\\']);
    let after = after.trim_start_matches([' ', '\t']);
    let after = after.strip_prefix([':', '='])?;
    let after = after.trim_start_matches([' ', '\t']);
    let after = after.trim_start_matches(['"', '\'', '\\']);
    Some(rest.len() - after.len())
}

fn line_before(text: &str, at: usize) -> &str {
    &text[text[..at].rfind('\n').map_or(0, |end| end + 1)..at]
}

/// Says whether more is written in a template than what is put in, and separators.
fn says_something(text: &str) -> bool {
    let holes = mask::holes(text);
    let is_written = |at: usize| holes.iter().all(|hole| !hole.range().contains(&at));
    text.char_indices()
        .any(|(at, c)| c.is_alphanumeric() && is_written(at))
}

fn is_reference(text: &str) -> bool {
    Reference::parse(text).is_some_and(|reference| {
        (reference.tag.is_some() || reference.digest.is_some())
            && reference.name.chars().any(char::is_alphabetic)
    })
}
