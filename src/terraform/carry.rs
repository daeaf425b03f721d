//! Whether an attribute could hold one of the literals that are looked for, by the names it
//! mentions: most attributes need not be evaluated to know that they cannot. Says yes where it is
//! not sure.

use super::body::{Attr, BodyView};
use super::hcl::Source;
use super::sources::SourcePlace;
use super::text::{Origin, Piece, Text};
use super::value::Value;
use hcl_edit::expr::{Expression, ForExpr, FuncCall, Traversal, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, BlockLabel, Structure};
use hcl_edit::template::ForDirective;
use hcl_edit::visit::{self, Visit};
use hcl_edit::{Decorated, Spanned};
use std::collections::HashMap;

/// Functions that bring texts from outside of the expression.
const READERS: [&str; 2] = ["file", "templatefile"];

const VARIABLE: &str = "var";
const LOCAL: &str = "local";

/// Attributes that steer Terraform and reach nothing.
const STEERING: [&str; 2] = ["depends_on", "provider"];

/// Remembers for one root which names carry a literal that is looked for.
pub struct Carriers<'a> {
    is_wanted: &'a dyn Fn(&Origin) -> bool,
    /// By the number of the instance and `var` or `local`, then by name.
    known: HashMap<(usize, &'static str), HashMap<String, bool>>,
}

impl<'a> Carriers<'a> {
    pub fn new(is_wanted: &'a dyn Fn(&Origin) -> bool) -> Self {
        Self {
            is_wanted,
            known: HashMap::new(),
        }
    }

    /// Says whether the value of an attribute may hold a wanted literal; `own` says that those
    /// written in the attribute itself are wanted.
    pub fn may_hold(&mut self, attr: &Attr<'_>, own: bool) -> bool {
        let mut mentions = Mentions {
            carriers: self,
            view: attr.view(),
            source: attr.source(),
            bound: Vec::new(),
            own,
            found: false,
        };
        mentions.visit_expr(attr.expr());
        mentions.found
    }

    /// Says the same of everything in a view's block.
    pub fn may_be_in(&mut self, view: &BodyView<'_>, own: bool) -> bool {
        let Some(body) = view.only_body() else {
            return true;
        };
        let mut mentions = Mentions {
            carriers: self,
            view,
            source: view.source(),
            bound: Vec::new(),
            own,
            found: false,
        };
        mentions.visit_body(body);
        mentions.found
    }

    /// Says the same of everything in the nested blocks of a name, which need not be made to know
    /// that they hold nothing. `own` says whether literals written in those bytes are wanted.
    pub fn may_be_in_blocks(
        &mut self,
        view: &BodyView<'_>,
        name: &str,
        own: impl Fn(&SourcePlace) -> bool,
    ) -> bool {
        view.written_blocks(name).any(|(block, source)| {
            let own = own(&SourcePlace::of(source, block));
            let mut mentions = Mentions {
                carriers: self,
                view,
                source,
                bound: Vec::new(),
                own,
                found: false,
            };
            mentions.visit_block(block);
            mentions.found
        })
    }

    /// Says whether a variable or local of the view's module holds a wanted literal.
    fn carries(&mut self, view: &BodyView<'_>, kind: &'static str, name: &str) -> bool {
        let instance = view.instance();
        let key = (instance.number(), kind);
        if let Some(known) = self.known.get(&key).and_then(|names| names.get(name)) {
            return *known;
        }
        let value = if kind == VARIABLE {
            instance.variable(name)
        } else {
            instance.local(name)
        };
        let carries = self.holds(&value);
        self.known
            .entry(key)
            .or_default()
            .insert(name.to_owned(), carries);
        carries
    }

    fn holds(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => self.holds_text(text),
            Value::Number(_, Some(origin)) => (self.is_wanted)(origin),
            Value::List(items) | Value::Set(items) => items.iter().any(|item| self.holds(item)),
            Value::Map(entries) => entries.values().any(|item| self.holds(item)),
            _ => false,
        }
    }

    fn holds_text(&self, text: &Text) -> bool {
        text.pieces().iter().any(|piece| matches!(piece, Piece::Known { origin: Some(origin), .. } if (self.is_wanted)(origin)))
    }
}

/// Looks at each name of an expression until one carries what is looked for.
struct Mentions<'m, 'a, 'v, 'p> {
    carriers: &'m mut Carriers<'a>,
    view: &'v BodyView<'p>,
    source: &'v Source,
    /// The names that `for` and `dynamic` blocks bind around. What they are bound to is looked at,
    /// too.
    bound: Vec<String>,
    own: bool,
    found: bool,
}

impl Mentions<'_, '_, '_, '_> {
    fn is_bound(&self, name: &str) -> bool {
        self.bound.iter().any(|bound| bound == name)
    }

    /// Looks at something in which these names are bound.
    fn within<'n>(&mut self, names: impl Iterator<Item = &'n str>, look: impl FnOnce(&mut Self)) {
        let outer = self.bound.len();
        self.bound.extend(names.map(str::to_owned));
        look(self);
        self.bound.truncate(outer);
    }

    /// Says whether a name may bring a wanted literal; `whole` is the expression of all that is
    /// taken from it.
    fn brings(&mut self, name: &str, traversal: &Traversal, whole: &Expression) -> bool {
        if self.is_bound(name) {
            return false;
        }
        let view = self.view;
        if let Some((key, value)) = view.bound_to(name) {
            return self.carriers.holds(key) || self.carriers.holds(value);
        }
        match (
            name,
            traversal.operators.first().map(|operator| operator.value()),
        ) {
            (VARIABLE, Some(TraversalOperator::GetAttr(attribute))) => {
                self.carriers.carries(view, VARIABLE, attribute.as_str())
            }
            (LOCAL, Some(TraversalOperator::GetAttr(attribute))) => {
                self.carriers.carries(view, LOCAL, attribute.as_str())
            }
            (VARIABLE | LOCAL, _) => true,
            ("path" | "terraform" | "self" | "count" | "each", _) => false,
            _ if self.bound.is_empty() => {
                let value = view.eval(whole, self.source);
                self.carriers.holds(&value)
            }
            _ => true,
        }
    }
}

impl Visit for Mentions<'_, '_, '_, '_> {
    fn visit_structure(&mut self, node: &Structure) {
        if !self.found {
            visit::visit_structure(self, node);
        }
    }

    fn visit_block(&mut self, node: &Block) {
        match node.ident.as_str() {
            "lifecycle" => {}
            "dynamic" => {
                let iterator = node
                    .body
                    .get_attribute("iterator")
                    .and_then(|iterator| iterator.value.as_variable());
                let name = iterator
                    .map(|name| name.as_str())
                    .or_else(|| node.labels.first().map(BlockLabel::as_str));
                node.body
                    .attributes()
                    .for_each(|attribute| self.visit_attr(attribute));
                self.within(name.into_iter(), |inside| {
                    node.body
                        .blocks()
                        .for_each(|block| inside.visit_block(block))
                });
            }
            _ => self.visit_body(&node.body),
        }
    }

    fn visit_attr(&mut self, node: &Attribute) {
        let is_name =
            node.key.as_str() == "iterator" && matches!(node.value, Expression::Variable(_));
        if !is_name && !STEERING.contains(&node.key.as_str()) {
            self.visit_expr(&node.value);
        }
    }

    fn visit_expr(&mut self, node: &Expression) {
        match node {
            _ if self.found => {}
            // A name without anything behind it: a loop's, or what is no value.
            Expression::Variable(name) => self.found |= !self.is_bound(name.as_str()),
            Expression::Traversal(traversal) => {
                match &traversal.expr {
                    Expression::Variable(name) => {
                        self.found |= self.brings(name.as_str(), traversal, node)
                    }
                    inner => self.visit_expr(inner),
                }
                traversal
                    .operators
                    .iter()
                    .for_each(|operator| self.visit_traversal_operator(operator));
            }
            node => visit::visit_expr(self, node),
        }
    }

    fn visit_string(&mut self, _node: &Decorated<String>) {
        self.found |= self.own;
    }

    fn visit_literal(&mut self, _node: &Spanned<String>) {
        self.found |= self.own;
    }

    fn visit_func_call(&mut self, node: &FuncCall) {
        self.found |= READERS.contains(&node.name.name.as_str());
        visit::visit_func_call(self, node);
    }

    fn visit_for_expr(&mut self, node: &ForExpr) {
        let names = node
            .intro
            .key_var
            .iter()
            .chain([&node.intro.value_var])
            .map(|name| name.as_str());
        self.visit_expr(&node.intro.collection_expr);
        self.within(names, |inside| {
            node.key_expr.iter().for_each(|key| inside.visit_expr(key));
            inside.visit_expr(&node.value_expr);
            node.cond
                .iter()
                .for_each(|cond| inside.visit_for_cond(cond));
        });
    }

    fn visit_for_directive(&mut self, node: &ForDirective) {
        let names = node
            .for_expr
            .key_var
            .iter()
            .chain([&node.for_expr.value_var])
            .map(|name| name.as_str());
        self.visit_expr(&node.for_expr.collection_expr);
        self.within(names, |inside| {
            inside.visit_template(&node.for_expr.template)
        });
    }
}
