//! Whether how often a block is made is sure: it is not where a variable takes part that a var-file
//! sets which nothing names. Follows names, evaluates nothing.

use super::super::module::{BodyLayer, attr, reads::Reads};
use super::Instance;
use hcl_edit::expr::Expression;
use hcl_edit::visit::Visit;
use std::collections::HashSet;

impl<'p> Instance<'p> {
    /// Says whether the `count` or `for_each` of a block is what the text says, whatever a run is
    /// given.
    pub(in super::super) fn is_repeat_sure(&self, layers: &[BodyLayer<'p>]) -> bool {
        if self.tree.layers.unnamed().is_empty() {
            return true;
        }
        let mut seen = HashSet::new();
        !["count", "for_each"]
            .iter()
            .filter_map(|name| attr(layers, name))
            .any(|written| self.reads_unsure(written.expr(), &mut seen))
    }

    /// `seen` holds the names that were followed: the number of the instance, `var` or `local`.
    fn reads_unsure(&self, expr: &Expression, seen: &mut HashSet<(usize, bool, &'p str)>) -> bool {
        let mut reads = Reads::default();
        reads.visit_expr(expr);
        let module = self.module();
        let variables: Vec<&'p str> = module.variables.keys().copied().collect();
        let locals: Vec<&'p str> = module.locals.keys().copied().collect();
        variables
            .into_iter()
            .filter(|name| reads.variable(name))
            .any(|name| seen.insert((self.number(), true, name)) && self.is_unsure(name, seen))
            || locals
                .into_iter()
                .filter(|name| reads.local(name))
                .any(|name| {
                    seen.insert((self.number(), false, name))
                        && module
                            .locals
                            .get(name)
                            .is_some_and(|written| self.reads_unsure(written.expr(), seen))
                })
    }

    fn is_unsure(&self, name: &str, seen: &mut HashSet<(usize, bool, &'p str)>) -> bool {
        match &self.node.call {
            None => self
                .binding(name)
                .is_some_and(|binding| !binding.could_be_passed.is_empty()),
            Some(call) => call.declared.attr(name).is_some_and(|written| {
                self.tree
                    .instance(call.parent)
                    .reads_unsure(written.expr(), seen)
            }),
        }
    }
}
