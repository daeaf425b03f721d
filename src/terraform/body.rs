//! A block's body as one instance of its module sees it: attributes, nested blocks, `dynamic` blocks, `count` and `for_each`. Evaluates what is asked for.

#[cfg(test)]
mod tests;

use super::eval;
use super::eval::support::to_int;
use super::hcl::Source;
use super::instance::Instance;
use super::module::{Declared, Layer, Written, attr};
use super::sources::Place;
use super::span::Span;
use super::value::{Number, Value, Why, WhyKind};
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, BlockLabel};
use std::rc::Rc;
use std::sync::Arc;

/// More instances than this of one block are counted as unknown.
const MANY: usize = 500;

/// `each`, `count` and the iterators of `dynamic` blocks, innermost first.
#[derive(Clone, Debug, Default)]
pub struct Bindings(Option<Rc<Bound>>);

#[derive(Debug)]
struct Bound {
    name: Arc<str>,
    key: Value,
    value: Value,
    outer: Bindings,
}

impl Bindings {
    fn bind(&self, name: &str, key: Value, value: Value) -> Self {
        Self(Some(Rc::new(Bound { name: name.into(), key, value, outer: self.clone() })))
    }

    /// Returns the key and the value bound to a name.
    pub(super) fn get(&self, name: &str) -> Option<(&Value, &Value)> {
        let mut at = self.0.as_ref();
        while let Some(bound) = at {
            if *bound.name == *name {
                return Some((&bound.key, &bound.value));
            }
            at = bound.outer.0.as_ref();
        }
        None
    }
}

/// How often a block stands for something.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Repeat {
    Once,
    /// `count`.
    Count(u64),
    /// `for_each`: keys and values.
    Each(Vec<(Value, Value)>),
    /// One of the two (`count` or `each`), of which nobody knows the number.
    Unknown(&'static str, Why),
}

impl Repeat {
    pub fn of(instance: &Instance<'_>, layers: &[Layer<'_>]) -> Self {
        let eval = |written: Written<'_>| instance.eval_in(written.expr(), written.source, &Bindings::default());
        if let Some(count) = attr(layers, "count") {
            return Self::count(&eval(count));
        }
        attr(layers, "for_each").map_or(Self::Once, |each| Self::each(&eval(each)))
    }

    fn count(value: &Value) -> Self {
        match to_int(value).map(u64::try_from) {
            Ok(Ok(count)) if count <= MANY as u64 => Self::Count(count),
            Ok(_) => Self::Unknown("count", Why::new(WhyKind::Limit, "count")),
            Err(why) => Self::Unknown("count", why),
        }
    }

    /// Terraform takes maps and sets of strings; a list is taken as a set.
    fn each(value: &Value) -> Self {
        let same = |items: &[Value]| items.iter().map(|item| (item.clone(), item.clone())).collect();
        let unknown = |items: &[Value]| items.iter().find_map(|item| item.why_unknown().cloned());
        let pairs: Vec<(Value, Value)> = match value {
            Value::Map(map) => map.iter().map(|(key, value)| (Value::text(key.clone()), value.clone())).collect(),
            Value::Set(items) | Value::List(items) => match unknown(items) {
                Some(why) => return Self::Unknown("each", why),
                None => same(items),
            },
            other => {
                let why = other.why_unknown().cloned().unwrap_or_else(|| Why::new(WhyKind::Invalid, "for_each of no map and no set"));
                return Self::Unknown("each", why);
            }
        };
        if pairs.len() > MANY { Self::Unknown("each", Why::new(WhyKind::Limit, "for_each")) } else { Self::Each(pairs) }
    }

    /// Returns the bindings of each instance, its key, and how many there are of it; one with unknown bindings for none or unknown many.
    pub fn bindings(&self) -> Vec<(Bindings, Option<Value>, Option<u64>)> {
        let none = Bindings::default();
        let number = |n: u64| Value::Number(Number::Int(i128::from(n)), None);
        let unknown =
            |name: &str, why: &Why, live| vec![(none.bind(name, Value::Unknown(why.clone()), Value::Unknown(why.clone())), None, live)];
        match self {
            Self::Once => vec![(none, None, Some(1))],
            Self::Count(0) => unknown("count", &Why::new(WhyKind::Invalid, "an instance of none"), Some(0)),
            Self::Count(n) => (0..*n).map(|n| (none.bind("count", number(n), Value::Null), Some(number(n)), Some(1))).collect(),
            Self::Each(pairs) if pairs.is_empty() => unknown("each", &Why::new(WhyKind::Invalid, "an instance of none"), Some(0)),
            Self::Each(pairs) => {
                pairs.iter().map(|(key, value)| (none.bind("each", key.clone(), value.clone()), Some(key.clone()), Some(1))).collect()
            }
            Self::Unknown(name, why) => unknown(name, why, None),
        }
    }

    /// Returns the bindings of the instance with that key, also when nobody knows which keys there are.
    pub fn select(&self, key: &Value) -> Option<Bindings> {
        match self {
            Self::Unknown("count", _) => Some(Bindings::default().bind("count", key.clone(), Value::Null)),
            Self::Unknown(name, why) => Some(Bindings::default().bind(name, key.clone(), Value::Unknown(why.clone()))),
            _ => self
                .bindings()
                .into_iter()
                .find(|(_, own, live)| *live != Some(0) && own.as_ref().is_some_and(|own| same_key(own, key)))
                .map(|found| found.0),
        }
    }
}

/// Says whether two keys of instances are the same, wherever they are written.
pub(super) fn same_key(a: &Value, b: &Value) -> bool {
    match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a == b,
        (None, None) => matches!((to_int(a), to_int(b)), (Ok(a), Ok(b)) if a == b),
        _ => false,
    }
}

/// Multiplies numbers of instances; an unknown factor makes the product unknown unless the other is 0.
pub(super) fn times(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(0), _) | (_, Some(0)) => Some(0),
        (Some(a), Some(b)) => Some(a.saturating_mul(b)),
        _ => None,
    }
}

/// A block in one instance of its module, for one key of its `count` or `for_each`.
#[derive(Clone, Debug)]
pub struct BodyView<'p> {
    instance: Instance<'p>,
    block: &'p Block,
    source: &'p Source,
    layers: Rc<[Layer<'p>]>,
    bindings: Bindings,
    key: Option<Value>,
    instances: Option<u64>,
}

/// An attribute of a view.
#[derive(Clone, Debug)]
pub struct Attr<'p> {
    view: BodyView<'p>,
    written: Written<'p>,
}

impl<'p> Attr<'p> {
    pub fn name(&self) -> &'p str {
        self.written.attribute.key.as_str()
    }

    /// Evaluates the attribute.
    pub fn value(&self) -> Value {
        self.view.eval(self.expr(), self.source())
    }

    pub fn expr(&self) -> &'p Expression {
        self.written.expr()
    }

    pub fn source(&self) -> &'p Source {
        self.written.source
    }

    /// Returns the bytes of the attribute's name.
    pub fn key_span(&self) -> Span {
        Place::of(self.written.source, &self.written.attribute.key).span
    }

    /// Returns the line of the attribute's name, from 1.
    pub fn line(&self) -> usize {
        Place::of(self.written.source, &self.written.attribute.key).line
    }

    /// Returns the place of the value.
    pub fn place(&self) -> Place {
        self.written.place()
    }
}

impl<'p> BodyView<'p> {
    /// Returns one view for each instance of a block of the top level.
    pub(super) fn expand(instance: &Instance<'p>, declared: &Declared<'p>) -> Vec<Self> {
        let repeat = Repeat::of(instance, &declared.layers);
        let layers: Rc<[Layer<'p>]> = declared.layers.clone().into();
        repeat
            .bindings()
            .into_iter()
            .map(|(bindings, key, live)| Self {
                key,
                instances: times(instance.instances(), live),
                ..Self::bound(instance, declared, layers.clone(), bindings)
            })
            .collect()
    }

    pub(super) fn bound(instance: &Instance<'p>, declared: &Declared<'p>, layers: Rc<[Layer<'p>]>, bindings: Bindings) -> Self {
        Self { instance: instance.clone(), block: declared.block, source: declared.source, layers, bindings, key: None, instances: Some(1) }
    }

    pub fn instance(&self) -> &Instance<'p> {
        &self.instance
    }

    /// Returns the block's own name: `resource`, `container`, …; for a `dynamic` block that of the block it makes.
    pub fn ident(&self) -> &'p str {
        match self.block.ident.as_str() {
            "dynamic" => self.block.labels.first().map_or("", BlockLabel::as_str),
            other => other,
        }
    }

    pub fn labels(&self) -> Vec<&'p str> {
        self.block.labels.iter().map(BlockLabel::as_str).collect()
    }

    /// Returns the file of the block; an attribute may come from an override file.
    pub fn source(&self) -> &'p Source {
        self.source
    }

    pub fn block(&self) -> &'p Block {
        self.block
    }

    /// Returns the bytes of the whole block.
    pub fn span(&self) -> Span {
        Place::of(self.source, self.block).span
    }

    /// Returns the line of the block's first word, from 1.
    pub fn line(&self) -> usize {
        Place::of(self.source, &self.block.ident).line
    }

    /// Returns how many of this there are: `None` when nobody knows, `Some(0)` when there are none (the view is there for its literals only).
    pub fn instances(&self) -> Option<u64> {
        self.instances
    }

    /// Returns the index or key of `count` or `for_each`, or the key of a `dynamic` block's element.
    pub fn key(&self) -> Option<&Value> {
        self.key.as_ref()
    }

    /// Says whether a nested block is there: not where a `dynamic` block makes none, `None` where nobody knows how many.
    pub fn is_made(&self) -> Option<bool> {
        match (self.block.ident.as_str() == "dynamic" && self.key.is_none(), self.instances) {
            (false, _) => Some(true),
            (true, Some(_)) => Some(false),
            (true, None) => None,
        }
    }

    /// Evaluates an expression that stands in this body.
    pub fn eval(&self, expr: &Expression, source: &Source) -> Value {
        self.instance.eval_in(expr, source, &self.bindings)
    }

    pub fn attr(&self, name: &str) -> Option<Attr<'p>> {
        attr(&self.layers, name).map(|written| Attr { view: self.clone(), written })
    }

    /// Returns the value of an attribute, `Null` when it is not there.
    pub fn value(&self, name: &str) -> Value {
        self.attr(name).map_or(Value::Null, |attr| attr.value())
    }

    /// Returns all attributes in the order in which they are written.
    pub fn attrs(&self) -> Vec<Attr<'p>> {
        let mut out: Vec<Attr<'p>> = Vec::new();
        for attribute in self.layers.iter().flat_map(|layer| layer.body.attributes()) {
            if !out.iter().any(|attr| attr.name() == attribute.key.as_str()) {
                out.extend(self.attr(attribute.key.as_str()));
            }
        }
        out
    }

    /// Returns the names of the nested blocks, `dynamic` ones by what they make, each once.
    pub fn block_names(&self) -> Vec<&'p str> {
        let mut names = Vec::new();
        for block in self.layers.iter().flat_map(|layer| layer.body.blocks()) {
            let name = made_by(block);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns the nested blocks of that name, in the order in which they are written, `dynamic` ones expanded.
    /// Blocks of an override file replace all of that name, except for `lifecycle`, which is merged.
    pub fn blocks(&self, name: &str) -> Vec<BodyView<'p>> {
        let has = |layer: &&Layer<'p>| layer.body.blocks().any(|block| made_by(block) == name);
        if name == "lifecycle" {
            return self.lifecycle().into_iter().collect();
        }
        let Some(layer) = self.layers.iter().rev().find(has) else { return Vec::new() };
        layer.body.blocks().filter(|block| made_by(block) == name).flat_map(|block| self.nested(block, layer.source)).collect()
    }

    fn lifecycle(&self) -> Option<Self> {
        let all = |layer: &Layer<'p>| layer.body.get_blocks("lifecycle").map(|block| (block, layer.source)).collect::<Vec<_>>();
        let found: Vec<_> = self.layers.iter().flat_map(all).collect();
        let (block, source) = *found.first()?;
        let layers = found.iter().map(|(block, source)| Layer { body: &block.body, source }).collect();
        Some(Self { block, source, layers, key: None, ..self.clone() })
    }

    fn nested(&self, block: &'p Block, source: &'p Source) -> Vec<Self> {
        let view = |body, bindings, key, live| Self {
            instance: self.instance.clone(),
            block,
            source,
            layers: Rc::new([Layer { body, source }]),
            bindings,
            key,
            instances: times(self.instances, live),
        };
        if block.ident.as_str() != "dynamic" {
            return vec![view(&block.body, self.bindings.clone(), None, Some(1))];
        }
        let Some(content) = block.body.get_blocks("content").next() else { return Vec::new() };
        let iterator = block
            .body
            .get_attribute("iterator")
            .and_then(|iterator| iterator.value.as_variable())
            .map_or(made_by(block), |name| name.as_str());
        let each = block.body.get_attribute("for_each").map_or(Value::Null, |each| self.eval(&each.value, source));
        let unknown = |why: Why, live| {
            let bindings = self.bindings.bind(iterator, Value::Unknown(why.clone()), Value::Unknown(why));
            vec![view(&content.body, bindings, None, live)]
        };
        match eval::pairs(&each) {
            Ok(pairs) if pairs.is_empty() => unknown(Why::new(WhyKind::Invalid, "an element of none"), Some(0)),
            Ok(pairs) if pairs.len() <= MANY => pairs
                .into_iter()
                .map(|(key, value)| view(&content.body, self.bindings.bind(iterator, key.clone(), value), Some(key), Some(1)))
                .collect(),
            Ok(_) => unknown(Why::new(WhyKind::Limit, "for_each"), None),
            Err(why) => unknown(why, None),
        }
    }
}

/// Returns the name of the blocks that a block stands for.
fn made_by(block: &Block) -> &str {
    match (block.ident.as_str(), block.labels.first()) {
        ("dynamic", Some(made)) => made.as_str(),
        (other, _) => other,
    }
}
