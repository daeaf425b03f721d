//! Where a literal stands in its file, in words that do not depend on what else is there:
//! `local.image`, `kubernetes_deployment.web/container[app].image`, `server.image.tag` of a YAML
//! file. Reads structure only, evaluates nothing.

use super::SiteId;
use super::occurrence::{Occurrence, Place, places};
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::hcl::Source;
use crate::terraform::span::Span;
use crate::terraform::text::{Form, Origin, Piece, Text};
use crate::terraform::value::Value;
use crate::terraform::walk::RootWalk;
use crate::terraform::yaml;
use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{Block, Body, Structure};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// Blocks that every workload has once, and that tell nothing.
const PASSED_OVER: [&str; 5] = ["spec", "template", "job_template", "metadata", "content"];

/// Gives literals their ids.
pub struct SiteIds<'a> {
    /// What was read while the trees of the roots were at hand.
    known: BTreeMap<Place, String>,
    reader: AddressReader<'a>,
    /// The file that was asked about last and was not known, parsed again. Literals come sorted by
    /// file.
    last: Option<(RepoPath, Option<Rc<Source>>)>,
    /// How often each id was given.
    given: BTreeMap<String, usize>,
}

impl<'a> SiteIds<'a> {
    pub fn new(files: &'a Files, known: BTreeMap<Place, String>) -> Self {
        Self {
            known,
            reader: AddressReader::new(files),
            last: None,
            given: BTreeMap::new(),
        }
    }

    /// Returns the id of a literal. Two of one address (the arms of one conditional) are numbered
    /// in the order of the calls.
    pub fn id(&mut self, place: &Place, form: Form) -> SiteId {
        let address = self.known.get(place).cloned().unwrap_or_else(|| {
            let source = self.parse(&place.file);
            self.reader.address(source.as_deref(), place, form)
        });
        let id = format!("{}#{address}", place.file);
        let count = self.given.entry(id.clone()).or_default();
        *count += 1;
        SiteId(if *count == 1 {
            id.into()
        } else {
            format!("{id}~{count}").into()
        })
    }

    fn parse(&mut self, file: &RepoPath) -> Option<Rc<Source>> {
        if self.last.as_ref().is_none_or(|(last, _)| last != file) {
            let bytes = self.reader.files.bytes(file).filter(|_| is_hcl(file));
            let source = bytes.and_then(|bytes| Source::parse(file.clone(), bytes.clone()).ok());
            self.last = Some((file.clone(), source.map(Rc::new)));
        }
        self.last.as_ref().and_then(|(_, source)| source.clone())
    }
}

/// Reads the addresses of all literals that take part in images, while the trees of a root are at
/// hand.
pub fn read_addresses(
    walk: &RootWalk<'_>,
    files: &Files,
    occurrences: &[Occurrence],
) -> BTreeMap<Place, String> {
    let mut reader = AddressReader::new(files);
    let mut out = BTreeMap::new();
    for image in occurrences.iter().map(|one| &one.image) {
        let literals = places(image)
            .into_iter()
            .map(|(place, origin)| (place, origin.form));
        let frames = image
            .frames()
            .iter()
            .map(|frame| (Place::of_frame(frame), frame.form));
        for (place, form) in literals.chain(frames) {
            let source = walk.source(&place.file);
            if !out.contains_key(&place) && (source.is_some() || !is_hcl(&place.file)) {
                let address = reader.address(source, &place, form);
                out.insert(place, address);
            }
        }
    }
    out
}

fn is_hcl(file: &RepoPath) -> bool {
    [".tf", ".hcl", ".tfvars", ".tofu"]
        .iter()
        .any(|end| file.as_str().ends_with(end))
}

/// Reads addresses, and keeps what it read of documents.
struct AddressReader<'a> {
    files: &'a Files,
    /// The scalars of documents inside strings and of YAML files, by their bytes.
    documents: BTreeMap<(RepoPath, Span), BTreeMap<Span, String>>,
}

impl<'a> AddressReader<'a> {
    fn new(files: &'a Files) -> Self {
        Self {
            files,
            documents: BTreeMap::new(),
        }
    }

    /// `source` is the file of the literal, where it is HCL that can be parsed.
    fn address(&mut self, source: Option<&Source>, place: &Place, form: Form) -> String {
        let Some(source) = source else {
            let whole = Span::new(
                0,
                self.files.bytes(&place.file).map_or(0, |bytes| bytes.len()),
            );
            return self
                .in_document(place, whole)
                .unwrap_or_else(|| self.key_of_line(place));
        };
        let found = in_body(
            source,
            &source.body,
            place.content.start.saturating_sub(source.offset()),
        );
        let mut address = found.path;
        let inside = found
            .string
            .filter(|string| !matches!(form, Form::Quoted | Form::Raw) && *string != place.content);
        if let Some(inside) = inside {
            let path = self
                .in_document(place, inside)
                .unwrap_or_else(|| self.key_of_line(place));
            address = format!("{address}:{path}");
        }
        address
    }

    /// The path of a scalar in the YAML (or JSON) that stands in these bytes of its file.
    fn in_document(&mut self, place: &Place, bytes: Span) -> Option<String> {
        let key = (place.file.clone(), bytes);
        if !self.documents.contains_key(&key) {
            let scalars = read_scalars(self.files, &place.file, bytes);
            self.documents.insert(key.clone(), scalars);
        }
        self.documents.get(&key)?.get(&place.content).cloned()
    }

    /// What stands before the literal on its line, where the file has no structure that can be
    /// read: `image`.
    fn key_of_line(&self, place: &Place) -> String {
        let bytes = self.files.bytes(&place.file).map_or(&[][..], |bytes| bytes);
        let before = bytes.get(..place.content.start).unwrap_or_default();
        let line = before
            .rsplit(|byte| *byte == b'\n')
            .next()
            .unwrap_or_default();
        let words = String::from_utf8_lossy(line);
        let words: Vec<&str> = words
            .split(|c: char| !(c.is_alphanumeric() || "_.-".contains(c)))
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() {
            "text".to_owned()
        } else {
            words.join(".").trim_start_matches("-.").to_owned()
        }
    }
}

/// Where a byte of an HCL file is.
#[derive(Default)]
struct AddressPart {
    path: String,
    /// The content of the string it is in, without quotes: in bytes of the file.
    string: Option<Span>,
}

/// `at` counts from the end of a byte order mark, as hcl-edit's spans do.
fn in_body(source: &Source, body: &Body, at: usize) -> AddressPart {
    let Some(structure) = body.iter().find(|structure| holds(*structure, at)) else {
        return AddressPart::default();
    };
    match structure {
        Structure::Attribute(attribute) => {
            let mut found = in_expression(source, &attribute.value, at);
            found.path = format!("{}{}", attribute.key.as_str(), found.path);
            found
        }
        Structure::Block(block) => {
            let labels: Vec<&str> = block.labels.iter().map(|label| label.as_str()).collect();
            let (head, slash) = match block.ident.as_str() {
                "resource" => (labels.join("."), "/"),
                "data" => (format!("data.{}", labels.join(".")), "/"),
                "locals" => ("local".to_owned(), "."),
                other => ([&[other][..], &labels].concat().join("."), "."),
            };
            let mut found = in_block(source, &block.body, at);
            found.path = if found.path.is_empty() {
                head
            } else {
                format!("{head}{slash}{}", found.path)
            };
            found
        }
    }
}

/// The same below a resource, where blocks that every workload has are passed over and others are
/// known by their name.
fn in_block(source: &Source, body: &Body, at: usize) -> AddressPart {
    let Some(structure) = body.iter().find(|structure| holds(*structure, at)) else {
        return AddressPart::default();
    };
    let Structure::Block(block) = structure else {
        return in_body(source, body, at);
    };
    let mut found = in_block(source, &block.body, at);
    let part = block_part(body, block);
    found.path = match (part.is_empty(), found.path.is_empty()) {
        (true, _) => found.path,
        (false, true) => part,
        (false, false) => format!("{part}.{}", found.path),
    };
    found
}

/// `container[app]`; the number of its kind where it has no name and there are several; nothing for
/// what is passed over.
fn block_part(body: &Body, block: &Block) -> String {
    let word = |block: &Block| match (block.ident.as_str(), block.labels.first()) {
        ("dynamic", Some(label)) => label.as_str().to_owned(),
        (ident, _) => ident.to_owned(),
    };
    let own = word(block);
    if PASSED_OVER.contains(&own.as_str()) {
        return String::new();
    }
    let named = if block.ident.as_str() == "dynamic" {
        block.body.get_blocks("content").next()
    } else {
        Some(block)
    };
    if let Some(name) = named.and_then(|block| plain_name(&block.body.get_attribute("name")?.value))
    {
        return format!("{own}[{name}]");
    }
    let alike: Vec<&Block> = body.blocks().filter(|other| word(other) == own).collect();
    match alike.iter().position(|other| std::ptr::eq(*other, block)) {
        Some(number) if alike.len() > 1 => format!("{own}[{number}]"),
        _ => own,
    }
}

fn plain_name(value: &Expression) -> Option<&str> {
    match value {
        Expression::String(text) => Some(text.as_str()),
        _ => None,
    }
}

fn in_expression(source: &Source, value: &Expression, at: usize) -> AddressPart {
    match value {
        Expression::Object(object) => in_object(source, object, at),
        Expression::Array(items) => {
            let hit = items.iter().enumerate().find(|(_, item)| holds(*item, at));
            hit.map_or_else(AddressPart::default, |(number, item)| {
                let name = match item {
                    Expression::Object(object) => name_of(object),
                    _ => None,
                };
                prefixed(
                    format!("[{}]", name.unwrap_or_else(|| number.to_string())),
                    in_expression(source, item, at),
                )
            })
        }
        Expression::Parenthesis(inner) => in_expression(source, inner.inner(), at),
        Expression::FuncCall(call) => {
            let inner = call.args.iter().find(|arg| holds(*arg, at));
            inner.map_or_else(AddressPart::default, |arg| in_expression(source, arg, at))
        }
        Expression::Conditional(parts) => {
            let arms = [&parts.true_expr, &parts.false_expr];
            arms.into_iter()
                .find(|arm| holds(*arm, at))
                .map_or_else(AddressPart::default, |arm| in_expression(source, arm, at))
        }
        Expression::String(_) | Expression::StringTemplate(_) => AddressPart {
            string: value.span().map(|span| within_quotes(source, span)),
            ..AddressPart::default()
        },
        Expression::HeredocTemplate(heredoc) => AddressPart {
            string: heredoc.template.span().map(|span| source.span(span)),
            ..AddressPart::default()
        },
        _ => AddressPart::default(),
    }
}

fn in_object(source: &Source, object: &Object, at: usize) -> AddressPart {
    let hit = object.iter().find(|(_, value)| holds(value.expr(), at));
    hit.map_or_else(AddressPart::default, |(key, value)| {
        let part = match key {
            ObjectKey::Ident(ident) => format!(".{}", ident.as_str()),
            ObjectKey::Expression(expression) => match key_text(expression) {
                Some(text) if is_word(text) => format!(".{text}"),
                Some(text) => format!("[\"{text}\"]"),
                None => source
                    .text
                    .get(expression.span().unwrap_or_default())
                    .map_or_else(String::new, |text| format!("[{}]", text.trim())),
            },
        };
        prefixed(part, in_expression(source, value.expr(), at))
    })
}

/// The `name` of an object of a list.
fn name_of(object: &Object) -> Option<String> {
    let named = object.iter().find(|(key, _)| match key {
        ObjectKey::Ident(ident) => ident.as_str() == "name",
        ObjectKey::Expression(expression) => key_text(expression) == Some("name"),
    });
    named
        .and_then(|(_, value)| plain_name(value.expr()))
        .map(str::to_owned)
}

fn key_text(key: &Expression) -> Option<&str> {
    match key {
        Expression::String(text) => Some(text.as_str()),
        Expression::Variable(name) => Some(name.as_str()),
        _ => None,
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn prefixed(part: String, below: AddressPart) -> AddressPart {
    AddressPart {
        path: format!("{part}{}", below.path),
        ..below
    }
}

fn within_quotes(source: &Source, span: std::ops::Range<usize>) -> Span {
    let span = source.span(span);
    Span::new(
        span.start + 1,
        span.end.saturating_sub(1).max(span.start + 1),
    )
}

fn holds(node: &impl hcl_edit::Span, at: usize) -> bool {
    node.span()
        .is_some_and(|span| span.start <= at && at <= span.end)
}

/// Returns the path of every scalar of the YAML in these bytes.
fn read_scalars(files: &Files, file: &RepoPath, bytes: Span) -> BTreeMap<Span, String> {
    let text = files
        .bytes(file)
        .and_then(|all| std::str::from_utf8(all.get(bytes.range())?).ok());
    let Some(text) = text else {
        return BTreeMap::new();
    };
    let origin = Origin {
        file: file.clone(),
        span: bytes,
        literal: bytes,
        form: Form::Raw,
    };
    let documents = yaml::documents(&Text::written(text, origin));
    let mut out = BTreeMap::new();
    let many = documents.len() > 1;
    for (number, document) in documents.iter().enumerate() {
        let head = if many {
            document_name(&document.value).unwrap_or_else(|| format!("[{number}]"))
        } else {
            String::new()
        };
        collect_scalars(&document.value, &head, &mut out);
    }
    out
}

/// `deployment/web` of a manifest.
fn document_name(document: &Value) -> Option<String> {
    let Value::Map(map) = document else {
        return None;
    };
    let Some(Value::Map(metadata)) = map.get("metadata") else {
        return None;
    };
    Some(format!(
        "{}/{}",
        map.get("kind")?.as_str()?.to_lowercase(),
        metadata.get("name")?.as_str()?
    ))
}

fn collect_scalars(value: &Value, path: &str, out: &mut BTreeMap<Span, String>) {
    match value {
        Value::Map(map) => {
            for (key, below) in map.iter() {
                let dot = if path.is_empty() { "" } else { "." };
                collect_scalars(below, &format!("{path}{dot}{key}"), out);
            }
        }
        Value::List(items) | Value::Set(items) => {
            for (number, item) in items.iter().enumerate() {
                let name = match item {
                    Value::Map(map) => map.get("name").and_then(Value::as_str),
                    _ => None,
                };
                collect_scalars(
                    item,
                    &format!("{path}[{}]", name.unwrap_or_else(|| number.to_string())),
                    out,
                );
            }
        }
        Value::Text(text) => {
            for piece in text.pieces() {
                if let Piece::Known {
                    origin: Some(origin),
                    ..
                } = piece
                {
                    out.entry(origin.literal).or_insert_with(|| path.to_owned());
                }
            }
        }
        Value::Number(_, Some(origin)) => {
            out.entry(origin.literal).or_insert_with(|| path.to_owned());
        }
        _ => {}
    }
}

/// What names a site besides its id: one for each use of which all is known, sorted.
pub fn aliases(uses: &[super::Use]) -> Vec<Arc<str>> {
    let all: std::collections::BTreeSet<String> =
        uses.iter().filter_map(super::Use::alias).collect();
    all.into_iter().map(Into::into).collect()
}
