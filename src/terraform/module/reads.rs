//! Which variables and locals a folder's files read, by name. Follows no values.

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::structure::{Block, Body};
use hcl_edit::visit::{Visit, visit_block, visit_expr, visit_traversal};
use std::collections::BTreeSet;

/// The names after `var.` and `local.`.
#[derive(Debug, Default)]
pub struct Reads {
    variables: BTreeSet<String>,
    locals: BTreeSet<String>,
    /// A bare `var` or `local`, or an index that is computed: nothing can be called unread.
    all: bool,
}

impl Reads {
    pub(super) fn add(&mut self, body: &Body) {
        self.visit_body(body);
    }

    /// Says that something which was not read may read anything.
    pub(super) fn add_all(&mut self) {
        self.all = true;
    }

    pub fn variable(&self, name: &str) -> bool {
        self.all || self.variables.contains(name)
    }

    pub fn local(&self, name: &str) -> bool {
        self.all || self.locals.contains(name)
    }
}

impl Visit for Reads {
    fn visit_block(&mut self, block: &Block) {
        // A variable's own validation is no use of it.
        if block.ident.as_str() != "variable" {
            visit_block(self, block);
        }
    }

    fn visit_expr(&mut self, expr: &Expression) {
        match expr {
            Expression::Variable(name) if matches!(name.as_str(), "var" | "local") => {
                self.all = true
            }
            other => visit_expr(self, other),
        }
    }

    fn visit_traversal(&mut self, traversal: &Traversal) {
        let Some(names) = traversal
            .expr
            .as_variable()
            .and_then(|name| match name.as_str() {
                "var" => Some(&mut self.variables),
                "local" => Some(&mut self.locals),
                _ => None,
            })
        else {
            return visit_traversal(self, traversal);
        };
        match traversal.operators.first().map(|operator| operator.value()) {
            Some(TraversalOperator::GetAttr(name)) => {
                names.insert(name.as_str().to_owned());
            }
            Some(TraversalOperator::Index(Expression::String(name))) => {
                names.insert(name.value().clone());
            }
            _ => self.all = true,
        }
        for operator in &traversal.operators {
            self.visit_traversal_operator(operator);
        }
    }
}
