//! A block's body as one instance of its module sees it: attributes, nested blocks, `dynamic`
//! blocks, `count` and `for_each`. Evaluates what is asked for.

#[cfg(test)]
mod tests;

use super::eval;
use super::hcl::Source;
use super::instance::Instance;
use super::instance::repeat::{Bindings, MANY, times};
use super::module::{BodyLayer, Declared, WrittenAttribute, attr};
use super::sources::SourcePlace;
use super::span::Span;
use super::value::{Value, Why, WhyKind};
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Block, BlockLabel, Body};
use smallvec::{SmallVec, smallvec};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// A block in one instance of its module, for one key of its `count` or `for_each`.
#[derive(Clone, Debug)]
pub struct BodyView<'p> {
    instance: Instance<'p>,
    block: &'p Block,
    source: &'p Source,
    layers: SmallVec<[BodyLayer<'p>; 1]>,
    bindings: Bindings,
    key: Option<Rc<Value>>,
    instances: Option<u64>,
    /// Values of the attributes of a block of the top level, which several readers ask for.
    values: Option<Rc<RefCell<HashMap<*const Expression, Value>>>>,
}

/// An attribute of a view.
#[derive(Clone, Debug)]
pub struct Attr<'p> {
    view: BodyView<'p>,
    written: WrittenAttribute<'p>,
}

impl<'p> Attr<'p> {
    pub fn name(&self) -> &'p str {
        self.written.attribute.key.as_str()
    }

    /// Evaluates the attribute; once, where it is one of a block of the top level.
    pub fn value(&self) -> Value {
        let evaluate = || self.view.eval(self.expr(), self.source());
        let Some(values) = &self.view.values else {
            return evaluate();
        };
        let key = std::ptr::from_ref(self.expr());
        if let Some(known) = values.borrow().get(&key) {
            return known.clone();
        }
        let value = evaluate();
        values.borrow_mut().insert(key, value.clone());
        value
    }

    pub fn expr(&self) -> &'p Expression {
        self.written.expr()
    }

    pub fn source(&self) -> &'p Source {
        self.written.source
    }

    /// Returns the bytes of the attribute's name.
    pub fn key_span(&self) -> Span {
        SourcePlace::of(self.written.source, &self.written.attribute.key).span
    }

    /// Returns the line of the attribute's name, from 1.
    pub fn line(&self) -> usize {
        SourcePlace::of(self.written.source, &self.written.attribute.key).line
    }

    /// Returns the place of the value.
    pub fn place(&self) -> SourcePlace {
        self.written.place()
    }

    pub(super) fn view(&self) -> &BodyView<'p> {
        &self.view
    }
}

impl<'p> Instance<'p> {
    /// Returns one view for each instance of a block of the top level; one flagged view where there
    /// is none or the number is unknown.
    pub fn expand(&self, declared: &Declared<'p>) -> Vec<BodyView<'p>> {
        BodyView::expand(self, declared)
    }
}

impl<'p> BodyView<'p> {
    fn expand(instance: &Instance<'p>, declared: &Declared<'p>) -> Vec<Self> {
        let repeat = instance.repeat(&declared.layers);
        let is_sure = instance.is_repeat_sure(&declared.layers);
        let layers: SmallVec<[BodyLayer<'p>; 1]> = declared.layers.iter().copied().collect();
        repeat
            .bindings()
            .into_iter()
            .map(|(bindings, key, live)| Self {
                key: key.map(Rc::new),
                instances: times(instance.instances(), live.filter(|_| is_sure)),
                values: Some(Rc::default()),
                ..Self::bound(instance, declared, layers.clone(), bindings)
            })
            .collect()
    }

    fn bound(
        instance: &Instance<'p>,
        declared: &Declared<'p>,
        layers: SmallVec<[BodyLayer<'p>; 1]>,
        bindings: Bindings,
    ) -> Self {
        let (block, source) = (declared.block, declared.source);
        Self {
            instance: instance.clone(),
            block,
            source,
            layers,
            bindings,
            key: None,
            instances: Some(1),
            values: None,
        }
    }

    /// Returns the view of a block of the top level with these bindings.
    pub(super) fn of(instance: &Instance<'p>, declared: &Declared<'p>, bindings: Bindings) -> Self {
        Self::bound(
            instance,
            declared,
            declared.layers.iter().copied().collect(),
            bindings,
        )
    }

    pub fn instance(&self) -> &Instance<'p> {
        &self.instance
    }

    /// Returns the block's own name: `resource`, `container`, …; for a `dynamic` block that of the
    /// block it makes.
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

    /// Returns the block's own body, where no override file changes it.
    pub(super) fn only_body(&self) -> Option<&'p Body> {
        match &self.layers[..] {
            [layer] => Some(layer.body),
            _ => None,
        }
    }

    /// Returns the bytes of the whole block.
    pub fn span(&self) -> Span {
        SourcePlace::of(self.source, self.block).span
    }

    /// Returns the place of the whole block.
    pub fn place(&self) -> SourcePlace {
        SourcePlace::of(self.source, self.block)
    }

    /// Returns the line of the block's first word, from 1.
    pub fn line(&self) -> usize {
        SourcePlace::of(self.source, &self.block.ident).line
    }

    /// Returns how many of this there are: `None` where that is unknown, `Some(0)` where there are
    /// none (the view is there for its literals only).
    pub fn instances(&self) -> Option<u64> {
        self.instances
    }

    /// Returns the index or key of `count` or `for_each`, or the key of a `dynamic` block's
    /// element.
    pub fn key(&self) -> Option<&Value> {
        self.key.as_deref()
    }

    /// Says whether a nested block is there: not where a `dynamic` block makes none, `None` where
    /// the number is unknown.
    pub fn is_made(&self) -> Option<bool> {
        match (
            self.block.ident.as_str() == "dynamic" && self.key.is_none(),
            self.instances,
        ) {
            (false, _) => Some(true),
            (true, Some(_)) => Some(false),
            (true, None) => None,
        }
    }

    /// Evaluates an expression that stands in this body.
    pub fn eval(&self, expr: &Expression, source: &Source) -> Value {
        self.instance.eval_in(expr, source, &self.bindings)
    }

    /// Returns the key and the value that `count`, `for_each` or a `dynamic` block around binds to
    /// a name.
    pub(super) fn bound_to(&self, name: &str) -> Option<(&Value, &Value)> {
        self.bindings.get(name)
    }

    pub fn attr(&self, name: &str) -> Option<Attr<'p>> {
        attr(&self.layers, name).map(|written| Attr {
            view: self.clone(),
            written,
        })
    }

    /// Returns the value of an attribute, `Null` when it is not there.
    pub fn value(&self, name: &str) -> Value {
        self.attr(name).map_or(Value::Null, |attr| attr.value())
    }

    /// Returns all attributes in the order in which they are written.
    pub fn attrs(&self) -> Vec<Attr<'p>> {
        let own = |layer: &BodyLayer<'p>| {
            let source = layer.source;
            layer
                .body
                .attributes()
                .map(move |attribute| WrittenAttribute { attribute, source })
        };
        if let [layer] = &self.layers[..] {
            return own(layer)
                .map(|written| Attr {
                    view: self.clone(),
                    written,
                })
                .collect();
        }
        let mut out: Vec<Attr<'p>> = Vec::new();
        for name in self
            .layers
            .iter()
            .flat_map(own)
            .map(|written| written.attribute.key.as_str())
        {
            if !out.iter().any(|attr| attr.name() == name) {
                out.extend(self.attr(name));
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

    /// Returns the nested blocks of that name, in the order in which they are written, `dynamic`
    /// ones expanded. Blocks of an override file replace all of that name, except for `lifecycle`,
    /// which is merged.
    pub fn blocks(&self, name: &str) -> Vec<BodyView<'p>> {
        if name == "lifecycle" {
            return self.lifecycle().into_iter().collect();
        }
        self.written_blocks(name)
            .flat_map(|(block, source)| self.nested(block, source))
            .collect()
    }

    /// Returns the nested blocks of that name as they are written, with their file.
    pub(super) fn written_blocks<'n>(
        &self,
        name: &'n str,
    ) -> impl Iterator<Item = (&'p Block, &'p Source)> + use<'n, 'p> {
        let of_name = move |layer: &BodyLayer<'p>| {
            layer
                .body
                .blocks()
                .filter(move |block| made_by(block) == name)
        };
        let layer = self
            .layers
            .iter()
            .rev()
            .find(|layer| of_name(layer).next().is_some())
            .copied();
        layer
            .into_iter()
            .flat_map(move |layer| of_name(&layer).map(move |block| (block, layer.source)))
    }

    fn lifecycle(&self) -> Option<Self> {
        let all = |layer: &BodyLayer<'p>| {
            layer
                .body
                .get_blocks("lifecycle")
                .map(|block| (block, layer.source))
                .collect::<Vec<_>>()
        };
        let found: Vec<_> = self.layers.iter().flat_map(all).collect();
        let (block, source) = *found.first()?;
        let layers = found
            .iter()
            .map(|(block, source)| BodyLayer {
                body: &block.body,
                source,
            })
            .collect();
        Some(Self {
            block,
            source,
            layers,
            key: None,
            values: None,
            ..self.clone()
        })
    }

    fn nested(&self, block: &'p Block, source: &'p Source) -> Vec<Self> {
        let view = |body, bindings, key, live| Self {
            instance: self.instance.clone(),
            block,
            source,
            layers: smallvec![BodyLayer { body, source }],
            bindings,
            key,
            instances: times(self.instances, live),
            values: None,
        };
        if block.ident.as_str() != "dynamic" {
            return vec![view(&block.body, self.bindings.clone(), None, Some(1))];
        }
        let Some(content) = block.body.get_blocks("content").next() else {
            return Vec::new();
        };
        let iterator = block
            .body
            .get_attribute("iterator")
            .and_then(|iterator| iterator.value.as_variable())
            .map_or(made_by(block), |name| name.as_str());
        let each = block
            .body
            .get_attribute("for_each")
            .map_or(Value::Null, |each| self.eval(&each.value, source));
        let unknown = |why: Why, live| {
            let bindings =
                self.bindings
                    .bind(iterator, Value::Unknown(why.clone()), Value::Unknown(why));
            vec![view(&content.body, bindings, None, live)]
        };
        match eval::pairs(&each) {
            Ok(pairs) if pairs.is_empty() => {
                unknown(Why::new(WhyKind::Invalid, "an element of none"), Some(0))
            }
            Ok(pairs) if pairs.len() <= MANY => pairs
                .into_iter()
                .map(|(key, value)| {
                    view(
                        &content.body,
                        self.bindings.bind(iterator, key.clone(), value),
                        Some(Rc::new(key)),
                        Some(1),
                    )
                })
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
