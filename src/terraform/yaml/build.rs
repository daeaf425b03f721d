//! Parser events → values. Keeps its own stack, so depth costs memory and not the call stack;
//! bounds what aliases may blow up.

use super::resolve::{self, Meaning};
use super::scalar::Scalar;
use crate::terraform::source_map::Joined;
use crate::terraform::span::Span;
use crate::terraform::text::{Origin, Piece, Text};
use crate::terraform::value::{Number, UNKNOWN_KEY, Value, Why, WhyKind, print_as_go};
use granit_parser::{Event, ScalarStyle, Tag};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

/// A document of a YAML stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Maps, lists and scalars. Every plain scalar except null, `true` and `false` is a `Text`, as
    /// it is written: `tag: 1.10` is `1.10`. `Unknown(Invalid)` when the document is not YAML.
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
    /// Bytes of the later key in the text that was read; in the file when the text is the whole
    /// file.
    pub span: Span,
}

/// Whose rules to read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum YamlRules {
    /// `yamldecode`.
    Terraform,
    /// Values and manifests, which Helm and Kubernetes read: scalars stay as written, problems stay
    /// local.
    Lenient,
    /// The same for values of a chart, of which numbers are read as Helm does: a number that a
    /// template prints in another way than it is written is a `Number`, with the origin of how it
    /// is written.
    Helm,
}

/// How many nodes all aliases of a text may stand for.
const ALIASED_NODES: usize = 1_000_000;

/// A finished node.
struct Finished {
    value: Value,
    /// How many nodes it holds, itself included, aliases counted as what they stand for.
    nodes: usize,
    anchor: usize,
    span: Span,
    /// A plain `<<`.
    merge: bool,
    /// A scalar as it is written, for a key.
    key: Option<String>,
}

impl Finished {
    fn new(value: Value, span: Span) -> Self {
        Self {
            value,
            nodes: 1,
            anchor: 0,
            span,
            merge: false,
            key: None,
        }
    }
}

struct PendingKey {
    text: Arc<str>,
    span: Span,
    merge: bool,
}

/// A map or list that is not finished.
struct OpenNode {
    anchor: usize,
    nodes: usize,
    span: Span,
    inside: Collection,
}

enum Collection {
    List(Vec<Value>),
    Map {
        entries: BTreeMap<Arc<str>, Value>,
        key: Option<PendingKey>,
        merges: Vec<Value>,
    },
}

pub(super) struct Builder<'a> {
    joined: &'a Joined,
    rules: YamlRules,
    open: Vec<OpenNode>,
    anchors: HashMap<usize, (Value, usize)>,
    aliased: usize,
    root: Option<Value>,
    repeated: Vec<Repeated>,
    /// The document is refused: nothing more is built of it.
    refused: Option<Why>,
    started: bool,
    documents: Vec<Document>,
}

impl<'a> Builder<'a> {
    pub fn new(joined: &'a Joined, rules: YamlRules) -> Self {
        Self {
            joined,
            rules,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            root: None,
            repeated: Vec::new(),
            refused: None,
            started: false,
            documents: Vec::new(),
        }
    }

    pub fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        let span = Span::from(range);
        match event {
            Event::DocumentStart(..) => self.started = true,
            Event::DocumentEnd => self.end_document(),
            _ if self.refused.is_some() => {}
            Event::Scalar(value, style, anchor, tag) => {
                let scalar = Scalar {
                    value: &value,
                    style,
                    range: span.range(),
                };
                let node = self.scalar(&scalar, tag.as_deref());
                match (&node.value, self.rules) {
                    (Value::Unknown(why), YamlRules::Terraform) if why.kind == WhyKind::Invalid => {
                        self.refused = Some(why.clone())
                    }
                    _ => self.add(Finished { anchor, ..node }),
                }
            }
            Event::Alias(id) => self.alias(id, span),
            Event::UnresolvedAlias(name) => {
                self.refuse_or(format!("a YAML alias of nothing, *{name}"), span)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(anchor, span, tag, Collection::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(
                    anchor,
                    span,
                    tag,
                    Collection::Map {
                        entries: BTreeMap::new(),
                        key: None,
                        merges: Vec::new(),
                    },
                );
            }
            Event::SequenceEnd | Event::MappingEnd => self.end_collection(),
            _ => {}
        }
    }

    /// Gives the document that is being read up.
    pub fn fail(&mut self, why: Why) {
        self.refused.get_or_insert(why);
        self.started = true;
        self.end_document();
    }

    pub fn finish(mut self) -> Vec<Document> {
        if self.started {
            self.end_document();
        }
        self.documents
    }

    fn end_document(&mut self) {
        let value = match (self.refused.take(), self.root.take()) {
            (Some(why), _) => Value::Unknown(why),
            (None, root) => root.unwrap_or(Value::Null),
        };
        self.open.clear();
        self.anchors.clear();
        self.started = false;
        self.documents.push(Document {
            value,
            repeated: std::mem::take(&mut self.repeated),
        });
    }

    /// Terraform refuses the document; a lenient reader has one value less.
    fn refuse_or(&mut self, what: String, span: Span) {
        let why = Why::new(WhyKind::Invalid, what);
        match self.rules {
            YamlRules::Terraform => self.refused = Some(why),
            YamlRules::Lenient | YamlRules::Helm => {
                self.add(Finished::new(Value::Unknown(why), span))
            }
        }
    }

    fn start(&mut self, anchor: usize, span: Span, tag: Option<Cow<'_, Tag>>, inside: Collection) {
        let right = if matches!(inside, Collection::List(_)) {
            "seq"
        } else {
            "map"
        };
        if let Some(tag) = tag
            && self.rules == YamlRules::Terraform
            && tag.core_suffix() != Some(right)
        {
            self.refused = Some(Why::new(
                WhyKind::Invalid,
                format!("the YAML tag {}", tag.original()),
            ));
        }
        self.open.push(OpenNode {
            anchor,
            nodes: 1,
            span,
            inside,
        });
    }

    fn end_collection(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let value = match open.inside {
            Collection::List(items) => Value::List(Arc::new(items)),
            Collection::Map {
                mut entries,
                merges,
                ..
            } => {
                for merged in merges {
                    merge_below(&mut entries, &merged);
                }
                Value::Map(Arc::new(entries))
            }
        };
        self.add(Finished {
            nodes: open.nodes,
            anchor: open.anchor,
            ..Finished::new(value, open.span)
        });
    }

    fn alias(&mut self, id: usize, span: Span) {
        let Some((value, nodes)) = self.anchors.get(&id).cloned() else {
            return self.refuse_or("a YAML alias inside its own anchor".to_owned(), span);
        };
        self.aliased = self.aliased.saturating_add(nodes);
        if self.aliased > ALIASED_NODES {
            self.refused = Some(Why::new(
                WhyKind::Limit,
                "YAML whose aliases expand too far",
            ));
            return;
        }
        self.add(Finished {
            nodes,
            ..Finished::new(value, span)
        });
    }

    fn add(&mut self, node: Finished) {
        if node.anchor > 0 {
            self.anchors
                .insert(node.anchor, (node.value.clone(), node.nodes));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node.value);
            return;
        };
        open.nodes = open.nodes.saturating_add(node.nodes);
        match &mut open.inside {
            Collection::List(items) => items.push(node.value),
            Collection::Map { key: Some(_), .. } => self.entry(node),
            Collection::Map { key, .. } => match key_of(self.rules, &node) {
                Ok(new) => *key = Some(new),
                Err(what) => self.refused = Some(Why::new(WhyKind::Invalid, what)),
            },
        }
    }

    /// Adds the value of the key that waits for one.
    fn entry(&mut self, node: Finished) {
        let Some(OpenNode {
            inside:
                Collection::Map {
                    entries,
                    key,
                    merges,
                },
            ..
        }) = self.open.last_mut()
        else {
            return;
        };
        let Some(PendingKey { text, span, merge }) = key.take() else {
            return;
        };
        match (merge, self.rules) {
            (false, _) => {
                if let Some(value) = entries.insert(text.clone(), node.value) {
                    self.repeated.push(Repeated {
                        key: text,
                        value,
                        span,
                    });
                }
            }
            (true, YamlRules::Lenient | YamlRules::Helm) => merges.push(node.value),
            // go-cty-yaml merges one map, at this place: what comes later wins, whichever it is.
            (true, YamlRules::Terraform) => match node.value {
                Value::Map(map) => {
                    entries.extend(map.iter().map(|(key, value)| (key.clone(), value.clone())))
                }
                _ => {
                    self.refused = Some(Why::new(
                        WhyKind::Invalid,
                        "a YAML merge of what is not a map",
                    ))
                }
            },
        }
    }

    fn scalar(&self, scalar: &Scalar<'_>, tag: Option<&Tag>) -> Finished {
        let written = scalar.content(self.joined.as_str());
        let span = Span::from(written.clone());
        let mut node = Finished::new(Value::Null, span);
        let plain = scalar.style == ScalarStyle::Plain;
        node.merge = tag.is_none() && scalar.value == "<<" && plain;
        // The parser gives `~` for a value that is not written.
        let source = if scalar.range.is_empty() && plain {
            ""
        } else {
            scalar.value
        };
        let core = tag.map(|tag| tag.core_suffix());
        let meaning = match (self.rules, core) {
            (YamlRules::Lenient | YamlRules::Helm, None) if !plain => Meaning::Text,
            (YamlRules::Helm, None) => resolve::in_helm(source),
            (_, None) => resolve::untagged(source, scalar.style),
            (_, Some(Some(tag))) => resolve::tagged(tag, source, scalar.style),
            (YamlRules::Terraform, Some(None)) => {
                Meaning::Bad("a YAML tag that is not supported".to_owned())
            }
            (YamlRules::Lenient | YamlRules::Helm, Some(None)) => Meaning::Text,
        };
        let whole = || scalar.text(self.joined);
        if self.rules == YamlRules::Terraform
            && let Some((value, key)) = unknown_scalar(&whole(), plain)
        {
            return Finished {
                value,
                key: Some(key),
                ..node
            };
        }
        node.value = match self.rules {
            YamlRules::Terraform => terraform_value(meaning, whole),
            YamlRules::Lenient => lenient_value(&meaning, source, whole),
            YamlRules::Helm => helm_value(&meaning, source, whole),
        };
        node.key = match (&node.value, self.rules) {
            (Value::Unknown(_), YamlRules::Terraform) => None,
            (Value::Text(text), _) => Some(key_text(text)),
            (_, YamlRules::Lenient | YamlRules::Helm) => Some(source.to_owned()),
            (Value::Bool(bool), _) => Some(bool.to_string()),
            (Value::Number(Number::Int(int), _), _) => Some(int.to_string()),
            (Value::Number(Number::Float(float), _), _) => Some(float.to_string()),
            _ => None,
        };
        node
    }
}

/// Returns the value of a scalar of which a part is unknown, and what it is as a key; `None` where
/// all is known. A plain scalar of which nothing is known may be of any type.
fn unknown_scalar(text: &Text, plain: bool) -> Option<(Value, String)> {
    let why = text.why_unknown()?;
    let key = key_text(text);
    if plain && text.known_len() == 0 {
        Some((Value::Unknown(why.clone()), key))
    } else {
        Some((Value::Text(text.clone()), key))
    }
}

fn terraform_value(meaning: Meaning, text: impl Fn() -> Text) -> Value {
    match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(bool) => Value::Bool(bool),
        Meaning::Number(number) => Value::Number(number, origin(&text())),
        Meaning::Time(time) => Value::text(time),
        Meaning::Text => Value::Text(text()),
        Meaning::Bad(what) => Value::unknown(WhyKind::Invalid, what),
        Meaning::TooBig => Value::unknown(WhyKind::Limit, "a YAML number"),
    }
}

/// Only null, `true` and `false` mean something else than their text; the rest is text, as it is
/// written.
fn lenient_value(meaning: &Meaning, source: &str, text: impl Fn() -> Text) -> Value {
    match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(bool)
            if matches!(
                source,
                "true" | "True" | "TRUE" | "false" | "False" | "FALSE"
            ) =>
        {
            Value::Bool(*bool)
        }
        _ => Value::Text(text()),
    }
}

/// A number keeps its own text where a template prints it as it is written.
fn helm_value(meaning: &Meaning, source: &str, text: impl Fn() -> Text) -> Value {
    match meaning {
        Meaning::Null => Value::Null,
        Meaning::Bool(bool) => Value::Bool(*bool),
        Meaning::Number(number) if print_as_go(*number) != source => {
            // None of the bytes is said to stand in what is printed.
            let origin = origin(&text()).map(|origin| Origin {
                span: Span::new(origin.span.start, origin.span.start),
                ..origin
            });
            Value::Number(*number, origin)
        }
        _ => Value::Text(text()),
    }
}

fn origin(text: &Text) -> Option<Origin> {
    match text.pieces() {
        [Piece::Known { origin, .. }] => origin.clone(),
        _ => None,
    }
}

fn key_of(rules: YamlRules, node: &Finished) -> Result<PendingKey, String> {
    let text = match (&node.key, rules) {
        (Some(text), _) => text.as_str(),
        (None, YamlRules::Lenient | YamlRules::Helm) => "?",
        (None, YamlRules::Terraform) => return Err("a YAML key that is not a string".to_owned()),
    };
    Ok(PendingKey {
        text: text.into(),
        span: node.span,
        merge: node.merge,
    })
}

/// Adds what `merged` has and `entries` has not: a map, or a list of maps of which the first counts
/// (YAML 1.1's merge key).
fn merge_below(entries: &mut BTreeMap<Arc<str>, Value>, merged: &Value) {
    match merged {
        Value::Map(map) => {
            for (key, value) in map.iter() {
                entries.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        Value::List(maps) => maps
            .iter()
            .filter(|map| matches!(map, Value::Map(_)))
            .for_each(|map| merge_below(entries, map)),
        _ => {}
    }
}

/// Returns the text of a key: what is known of it, `${…}` for the rest.
fn key_text(text: &Text) -> String {
    let mut key = String::new();
    for piece in text.pieces() {
        match piece {
            Piece::Known { text, .. } => key.push_str(text),
            Piece::Unknown(_) => key.push_str(UNKNOWN_KEY),
        }
    }
    key
}
