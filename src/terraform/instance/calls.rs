//! The module calls of an instance that are followed: each makes instances of a module that is in
//! the repo.

use super::super::eval::support::to_known;
use super::super::module::{Declarations, Declared, is_local};
use super::super::sources::{ReadProblem, SourcePlace};
use super::super::value::{Value, Why, WhyKind};
use super::repeat::times;
use super::{CalledFrom, Callee, INSTANCES, Instance, ModuleNode};
use std::rc::Rc;

/// Module calls nested deeper than this are not followed.
const DEPTH: usize = 32;

impl<'p> Instance<'p> {
    /// Returns the instances that this one's module calls make.
    pub(in super::super) fn called(&self) -> Vec<Instance<'p>> {
        let mut all = Vec::new();
        for call in &self.node.module.calls {
            if let Callee::Local { items, .. } = &*self.callee(call.label(0)) {
                all.extend(items.iter().map(|(_, id)| self.tree.instance(*id)));
            }
        }
        all
    }

    /// Returns what a module call makes.
    pub(super) fn callee(&self, name: &str) -> Rc<Callee> {
        if let Some(slot) = self.node.callees.borrow().get(name) {
            return slot.clone().unwrap_or_else(|| {
                Rc::new(Callee::Boundary(Why::new(
                    WhyKind::Cycle,
                    format!("module.{name}"),
                )))
            });
        }
        self.node.callees.borrow_mut().insert(name.to_owned(), None);
        let callee = Rc::new(match self.node.module.find("module", name, "") {
            Some(call) => self.call(name, call).unwrap_or_else(Callee::Boundary),
            None => Callee::Boundary(Why::new(WhyKind::NotDeclared, format!("module.{name}"))),
        });
        self.node
            .callees
            .borrow_mut()
            .insert(name.to_owned(), Some(callee.clone()));
        callee
    }

    fn call(&self, name: &str, call: &'p Declared<'p>) -> Result<Callee, Why> {
        let module = self.called_module(name, call)?;
        let repeat = self.repeat(&call.layers);
        let is_sure = self.is_repeat_sure(&call.layers);
        let mut items = Vec::new();
        for (bindings, key, live) in repeat.bindings() {
            let live = live.filter(|_| is_sure);
            let address = address(&self.node.address, name, key.as_ref());
            let from = CalledFrom {
                parent: self.node.id,
                declared: call,
                bindings,
            };
            let node = ModuleNode::new(
                address,
                module,
                Some(from),
                self.node.depth + 1,
                times(self.node.instances, live),
            );
            let Some(id) = self.tree.add(node) else {
                self.report(
                    &call.place(),
                    format!("more than {INSTANCES} module instances; the rest is not read"),
                );
                return Err(Why::new(WhyKind::Limit, format!("module.{name}")));
            };
            items.push((key, id));
        }
        Ok(Callee::Local { repeat, items })
    }

    fn called_module(
        &self,
        name: &str,
        call: &'p Declared<'p>,
    ) -> Result<&'p Declarations<'p>, Why> {
        let what = format!("module.{name}");
        let source = call.attr("source").map_or(Value::Null, |written| {
            self.eval(written.expr(), written.source)
        });
        let Some(source) = source.as_str() else {
            return Err(Why::new(WhyKind::RemoteModule, what));
        };
        if !is_local(&source) {
            return Err(Why::new(WhyKind::RemoteModule, what));
        }
        let place = call.place();
        let Some(dir) = self.dir().join(&source) else {
            self.report(
                &place,
                format!("{what}: its source {source} leaves the repo"),
            );
            return Err(Why::new(WhyKind::RemoteModule, what));
        };
        let Some(module) = self.tree.library.module(&dir) else {
            self.report(&place, format!("{what}: there is no module in {dir}"));
            return Err(Why::new(WhyKind::File, what));
        };
        if self.node.depth >= DEPTH || self.ancestors().any(|node| node.module.dir == dir) {
            self.report(&place, format!("{what}: the module in {dir} calls itself"));
            return Err(Why::new(WhyKind::Cycle, what));
        }
        Ok(module)
    }

    /// This instance's node, then the one that calls it, up to the root.
    fn ancestors(&self) -> impl Iterator<Item = Rc<ModuleNode<'p>>> + '_ {
        std::iter::successors(Some(self.node.clone()), |node| {
            node.call
                .as_ref()
                .map(|call| self.tree.instance(call.parent).node)
        })
    }

    fn report(&self, place: &SourcePlace, what: String) {
        self.tree
            .report(ReadProblem::new(&place.file, Some(place.line), what));
    }
}

fn address(parent: &str, name: &str, key: Option<&Value>) -> String {
    let dot = if parent.is_empty() { "" } else { "." };
    let key = match key {
        Some(text @ Value::Text(_)) => format!("[{:?}]", text.shown()),
        Some(number) => format!("[{}]", to_known(number).unwrap_or_default()),
        None => String::new(),
    };
    format!("{parent}{dot}module.{name}{key}")
}
