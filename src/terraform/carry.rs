//! Whether an attribute could hold one of the literals that are looked for, told from the names it mentions: most attributes need not be evaluated
//! to know that they cannot. Says yes where it is not sure.

use super::body::{Attr, BodyView};
use super::hcl::Source;
use super::text::{Origin, Piece, Text};
use super::value::Value;
use hcl_edit::expr::{Expression, ForIntro, FuncCall, Traversal, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, BlockLabel, Structure};
use hcl_edit::template::ForTemplateExpr;
use hcl_edit::visit::{self, Visit};
use hcl_edit::{Decorated, Spanned};
use std::collections::HashMap;

/// Functions that bring texts from outside of the expression.
const READERS: [&str; 2] = ["file", "templatefile"];

/// Attributes that steer Terraform and reach nothing.
const STEERING: [&str; 2] = ["depends_on", "provider"];

/// Remembers for one root which names carry a literal that is looked for.
pub struct Carriers<'a> {
    is_wanted: &'a dyn Fn(&Origin) -> bool,
    /// By the number of the instance and the name: `var.x`, `local.x`.
    known: HashMap<(usize, String), bool>,
}

impl<'a> Carriers<'a> {
    pub fn new(is_wanted: &'a dyn Fn(&Origin) -> bool) -> Self {
        Self { is_wanted, known: HashMap::new() }
    }

    /// Says whether the value of an attribute may hold a wanted literal; `own` says that those written in the attribute itself are wanted.
    pub fn may_hold(&mut self, attr: &Attr<'_>, own: bool) -> bool {
        let mut loops = LoopNames::default();
        loops.visit_expr(attr.expr());
        let mut mentions = Mentions { carriers: self, view: attr.view(), source: attr.source(), loops: loops.0, own, found: false };
        mentions.visit_expr(attr.expr());
        mentions.found
    }

    /// Says the same of everything in a block of the top level: the blocks in it need not be made to know that they hold nothing.
    pub fn may_be_in(&mut self, view: &BodyView<'_>, own: bool) -> bool {
        let Some(body) = view.only_body() else { return true };
        let mut loops = LoopNames::default();
        loops.visit_body(body);
        let mut mentions = Mentions { carriers: self, view, source: view.source(), loops: loops.0, own, found: false };
        mentions.visit_body(body);
        mentions.found
    }

    /// Says whether a variable or local of the view's module holds a wanted literal.
    fn carries(&mut self, view: &BodyView<'_>, kind: &str, name: &str) -> bool {
        let instance = view.instance();
        let key = (instance.number(), format!("{kind}.{name}"));
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let value = if kind == "var" { instance.variable(name) } else { instance.local(name) };
        let carries = self.holds(&value);
        self.known.insert(key, carries);
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

/// The names that `for` and `dynamic` blocks bind inside of what is looked at. What they are bound to is looked at, too.
#[derive(Default)]
struct LoopNames(Vec<String>);

impl Visit for LoopNames {
    fn visit_block(&mut self, node: &Block) {
        if node.ident.as_str() == "dynamic" {
            let iterator = node.body.get_attribute("iterator").and_then(|iterator| iterator.value.as_variable()).map(|name| name.as_str());
            self.0.extend(iterator.or_else(|| node.labels.first().map(BlockLabel::as_str)).map(str::to_owned));
        }
        visit::visit_block(self, node);
    }

    fn visit_for_intro(&mut self, node: &ForIntro) {
        self.0.extend(node.key_var.iter().chain([&node.value_var]).map(|name| name.as_str().to_owned()));
        visit::visit_for_intro(self, node);
    }

    fn visit_for_template_expr(&mut self, node: &ForTemplateExpr) {
        self.0.extend(node.key_var.iter().chain([&node.value_var]).map(|name| name.as_str().to_owned()));
        visit::visit_for_template_expr(self, node);
    }
}

/// Looks at each name of an expression until one carries what is looked for.
struct Mentions<'m, 'a, 'v, 'p> {
    carriers: &'m mut Carriers<'a>,
    view: &'v BodyView<'p>,
    source: &'v Source,
    loops: Vec<String>,
    own: bool,
    found: bool,
}

impl Mentions<'_, '_, '_, '_> {
    /// Says whether a name may bring a wanted literal; `whole` is the expression of all that is taken from it.
    fn brings(&mut self, name: &str, traversal: &Traversal, whole: &Expression) -> bool {
        if self.loops.iter().any(|bound| bound == name) {
            // What it is bound to is mentioned too.
            return false;
        }
        let view = self.view;
        if let Some((key, value)) = view.bound_to(name) {
            return self.carriers.holds(key) || self.carriers.holds(value);
        }
        match (name, traversal.operators.first().map(|operator| operator.value())) {
            ("var" | "local", Some(TraversalOperator::GetAttr(attribute))) => self.carriers.carries(view, name, attribute.as_str()),
            ("var" | "local", _) => true,
            ("path" | "terraform" | "self" | "count" | "each", _) => false,
            _ if self.loops.is_empty() => {
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
        if node.ident.as_str() != "lifecycle" {
            self.visit_body(&node.body);
        }
    }

    fn visit_attr(&mut self, node: &Attribute) {
        let is_name = node.key.as_str() == "iterator" && matches!(node.value, Expression::Variable(_));
        if !is_name && !STEERING.contains(&node.key.as_str()) {
            self.visit_expr(&node.value);
        }
    }

    fn visit_expr(&mut self, node: &Expression) {
        match node {
            _ if self.found => {}
            // A name without anything behind it: a loop's, or what is no value.
            Expression::Variable(name) => self.found |= !self.loops.iter().any(|bound| bound == name.as_str()),
            Expression::Traversal(traversal) => {
                match &traversal.expr {
                    Expression::Variable(name) => self.found |= self.brings(name.as_str(), traversal, node),
                    inner => self.visit_expr(inner),
                }
                traversal.operators.iter().for_each(|operator| self.visit_traversal_operator(operator));
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
}
