//! The module calls of an instance: those that are followed, and those whose text is not in the repo.

use super::super::body::{BodyView, Repeat, times};
use super::super::eval;
use super::super::module::{Declared, Module};
use super::super::sources::Place;
use super::super::terragrunt::{Location, merged, shown};
use super::super::value::{Value, Why, WhyKind};
use super::{Called, DEPTH, INSTANCES, Instance, Node};
use std::cell::RefCell;
use std::rc::Rc;

/// The instances that one module call makes.
pub(super) enum Children {
    /// The module's text is not in the repo, or cannot be followed.
    Boundary(Why),
    Local {
        repeat: Repeat,
        items: Vec<(Option<Value>, usize)>,
    },
}

/// A value handed to a remote module.
#[derive(Clone, Debug)]
pub struct Argument {
    pub name: String,
    pub value: Value,
    /// Where the value is written.
    pub place: Place,
}

/// A call of a module whose text is not in the repo.
#[derive(Clone, Debug)]
pub struct RemoteCall {
    /// The call's label; `None` for a Terragrunt unit with a remote source.
    pub label: Option<String>,
    /// As it is written, with `?` for what is not known of it.
    pub source: String,
    pub place: Place,
    pub instances: Option<u64>,
    pub arguments: Vec<Argument>,
}

impl<'p> Instance<'p> {
    /// Returns the calls of modules whose text is not in the repo.
    pub fn remote_calls(&self) -> Vec<RemoteCall> {
        let own = self.node.call.is_none().then(|| self.remote_unit()).flatten();
        let calls = self.node.module.calls.iter().filter(|call| matches!(*self.children(call.label(0)), Children::Boundary(_)));
        own.into_iter().chain(calls.flat_map(|call| self.expand(call)).map(remote_call)).collect()
    }

    fn remote_unit(&self) -> Option<RemoteCall> {
        let unit = self.tree.unit.as_ref()?;
        let (Location::Remote(source), place) = unit.source()? else { return None };
        let inputs = unit.inputs();
        let names: Vec<String> =
            if let Value::Map(map) = merged(&inputs) { map.keys().map(ToString::to_string).collect() } else { Vec::new() };
        let arguments = names.into_iter().filter_map(|name| {
            let given = self.tree.layers.given(&name, self.tree.project.files).0.into_iter().next()?;
            Some(Argument { name, value: given.value, place: given.place })
        });
        Some(RemoteCall { label: None, source, place, instances: Some(1), arguments: arguments.collect() })
    }

    /// Returns the instances that a module call makes.
    pub(super) fn children(&self, name: &str) -> Rc<Children> {
        if let Some(slot) = self.node.children.borrow().get(name) {
            return slot.clone().unwrap_or_else(|| Rc::new(Children::Boundary(Why::new(WhyKind::Cycle, format!("module.{name}")))));
        }
        self.node.children.borrow_mut().insert(name.to_owned(), None);
        let children = Rc::new(match self.node.module.find("module", name, "") {
            Some(call) => self.call(name, call).unwrap_or_else(Children::Boundary),
            None => Children::Boundary(Why::new(WhyKind::NotDeclared, format!("module.{name}"))),
        });
        self.node.children.borrow_mut().insert(name.to_owned(), Some(children.clone()));
        children
    }

    fn call(&self, name: &str, call: &'p Declared<'p>) -> Result<Children, Why> {
        let module = self.called_module(name, call)?;
        let repeat = Repeat::of(self, &call.layers);
        let mut items = Vec::new();
        for (bindings, key, live) in repeat.bindings() {
            let node = Node {
                id: 0,
                address: address(&self.node.address, name, key.as_ref()),
                module,
                call: Some(Called { parent: self.node.id, declared: call, bindings }),
                depth: self.node.depth + 1,
                instances: times(self.node.instances, live),
                values: RefCell::default(),
                children: RefCell::default(),
            };
            let Some(id) = self.tree.add(node) else {
                self.tree.problem(&call.place(), format!("more than {INSTANCES} module instances; the rest is not looked at"));
                return Err(Why::new(WhyKind::Limit, format!("module.{name}")));
            };
            items.push((key, id));
        }
        Ok(Children::Local { repeat, items })
    }

    fn called_module(&self, name: &str, call: &'p Declared<'p>) -> Result<&'p Module<'p>, Why> {
        let what = format!("module.{name}");
        let source = call.attr("source").map_or(Value::Null, |written| self.eval(written.expr(), written.source));
        let Some(source) = source.as_str() else { return Err(Why::new(WhyKind::RemoteModule, what)) };
        if !is_local(&source) {
            return Err(Why::new(WhyKind::RemoteModule, what));
        }
        let place = call.place();
        let Some(dir) = self.dir().join(&source) else {
            self.tree.problem(&place, format!("{what}: its source {source} leaves the repo"));
            return Err(Why::new(WhyKind::RemoteModule, what));
        };
        let Some(module) = self.tree.project.module(&dir) else {
            self.tree.problem(&place, format!("{what}: there is no module in {dir}"));
            return Err(Why::new(WhyKind::File, what));
        };
        if self.node.depth >= DEPTH || self.ancestors().any(|node| node.module.dir == dir) {
            self.tree.problem(&place, format!("{what}: the module in {dir} calls itself"));
            return Err(Why::new(WhyKind::Cycle, what));
        }
        Ok(module)
    }

    /// This instance's node, then the one that calls it, up to the root.
    fn ancestors(&self) -> impl Iterator<Item = Rc<Node<'p>>> + '_ {
        std::iter::successors(Some(self.node.clone()), |node| node.call.as_ref().map(|call| self.tree.instance(call.parent).node))
    }
}

/// Terraform's rule for a module's `source`.
pub(in super::super) fn is_local(source: &str) -> bool {
    source.starts_with("./") || source.starts_with("../") || source == "." || source == ".."
}

/// Returns the names of a call's attributes that are arguments of the module.
pub(super) fn arguments_of<'p>(call: &Declared<'p>) -> Vec<&'p str> {
    let names = call.layers.iter().flat_map(|layer| layer.body.attributes()).map(|attribute| attribute.key.as_str());
    names.filter(|name| !matches!(*name, "source" | "version" | "count" | "for_each" | "providers" | "depends_on")).collect()
}

fn remote_call(view: BodyView<'_>) -> RemoteCall {
    let arguments = view
        .attrs()
        .into_iter()
        .filter(|attr| !matches!(attr.name(), "source" | "version" | "count" | "for_each" | "providers" | "depends_on"));
    RemoteCall {
        label: view.labels().first().map(|label| (*label).to_owned()),
        source: shown(&view.value("source")),
        place: Place::of(view.source(), &view.block().ident),
        instances: view.instances(),
        arguments: arguments.map(|attr| Argument { name: attr.name().to_owned(), value: attr.value(), place: attr.place() }).collect(),
    }
}

fn address(parent: &str, name: &str, key: Option<&Value>) -> String {
    let dot = if parent.is_empty() { "" } else { "." };
    let key = match key {
        Some(text @ Value::Text(_)) => format!("[{:?}]", shown(text)),
        Some(number) => format!("[{}]", eval::support::to_known(number).unwrap_or_default()),
        None => String::new(),
    };
    format!("{parent}{dot}module.{name}{key}")
}
