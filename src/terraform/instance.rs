//! One module as it is called in one root: its variables, locals, outputs, resources and the modules it calls. Remembers what it evaluated.

mod calls;
mod reference;
mod tree;
#[cfg(test)]
mod tests;

use super::body::{Bindings, BodyView};
use super::eval;
use super::eval::support::to_bool;
use super::files::RepoPath;
use super::hcl::Source;
use super::module::{Declared, Module, Written};
use super::project::{Root, RootKind, RootModule};
use super::sources::Place;
use super::terragrunt::relative;
use super::types::Type;
use super::value::{Value, Why, WhyKind};
use super::variables::{Binding, Given, Setter};
use hcl_edit::expr::Expression;
use reference::View;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

pub(super) use calls::is_local;
pub use calls::{Argument, RemoteCall};
use calls::{Children, arguments_of};
pub(super) use tree::Tree;
pub use tree::Walk;

/// Module calls nested deeper than this are not followed.
const DEPTH: usize = 32;
/// A root of more instances than this is not walked to its end.
const INSTANCES: usize = 20_000;

/// A module in a root. Cheap to clone; lives on one thread.
#[derive(Clone)]
pub struct Instance<'p> {
    tree: Rc<Tree<'p>>,
    node: Rc<Node<'p>>,
}

/// What is remembered of an instance.
pub(super) struct Node<'p> {
    id: usize,
    address: String,
    module: &'p Module<'p>,
    call: Option<Called<'p>>,
    depth: usize,
    instances: Option<u64>,
    values: RefCell<HashMap<(Kind, String), Option<Value>>>,
    children: RefCell<HashMap<String, Option<Rc<Children>>>>,
}

#[derive(Clone)]
struct Called<'p> {
    parent: usize,
    declared: &'p Declared<'p>,
    bindings: Bindings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Variable,
    Local,
    Output,
}

impl Kind {
    fn what(self, name: &str) -> String {
        match self {
            Self::Variable => format!("var.{name}"),
            Self::Local => format!("local.{name}"),
            Self::Output => format!("output.{name}"),
        }
    }
}

/// A local or a variable's default that decides nothing in the whole folder.
#[derive(Clone, Debug)]
pub struct Unread {
    /// `local.x` or `var.x`.
    pub name: String,
    pub value: Value,
    pub place: Place,
    /// The override file's literal that replaces it; `None` when nothing reads it.
    pub replaced_by: Option<Place>,
}

impl fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Instance({} {:?})", self.tree.root.dir, self.node.address)
    }
}

impl<'p> Instance<'p> {
    pub fn root(&self) -> &'p Root {
        self.tree.root
    }

    /// Returns `module.a.module.b["key"]`, `""` for the root module.
    pub fn address(&self) -> &str {
        &self.node.address
    }

    /// Returns the folder of the module.
    pub fn dir(&self) -> &'p RepoPath {
        if self.node.call.is_none() { self.tree.root.module_dir() } else { &self.node.module.dir }
    }

    pub fn module(&self) -> &'p Module<'p> {
        self.node.module
    }

    /// Returns where the module is called; `None` for the root module.
    pub fn called_at(&self) -> Option<Place> {
        self.node.call.as_ref().map(|call| call.declared.place())
    }

    /// Returns how many of this instance are live: `Some(0)` for `count = 0`, `None` when nobody knows.
    pub fn instances(&self) -> Option<u64> {
        self.node.instances
    }

    /// Says that nothing calls the module: its values are its defaults.
    pub fn is_orphan(&self) -> bool {
        self.tree.root.kind == RootKind::Orphan
    }

    /// Returns `resource`, `data` and `module` blocks.
    pub fn resources(&self) -> impl Iterator<Item = &'p Declared<'p>> + use<'p> {
        self.node.module.resources.iter().chain(&self.node.module.calls)
    }

    /// Returns one view for each instance of a block of the top level; one flagged view when there is none or nobody knows.
    pub fn expand(&self, declared: &Declared<'p>) -> Vec<BodyView<'p>> {
        BodyView::expand(self, declared)
    }

    /// Evaluates an expression of the module that stands outside `count` and `for_each`.
    pub fn eval(&self, expr: &Expression, source: &Source) -> Value {
        self.eval_in(expr, source, &Bindings::default())
    }

    pub(super) fn eval_in(&self, expr: &Expression, source: &Source, bindings: &Bindings) -> Value {
        eval::eval(expr, source, &View { instance: self, bindings })
    }

    /// Returns what a variable is, and what that overrides; `None` when it is not declared.
    pub fn binding(&self, name: &str) -> Option<Binding> {
        let declared = self.node.module.variables.get(name)?;
        let (mut given, unreadable) = self.given(name);
        if let Some(default) = declared.attr("default") {
            given.push(Given { value: self.eval(default.expr(), default.source), setter: Setter::Default, place: default.place() });
        }
        let nullable = declared.attr("nullable").is_none_or(|nullable| nullable.expr().as_bool() != Some(false));
        let of = self.type_of(declared);
        let what = format!("var.{name}");
        for one in &mut given {
            one.value = of.convert(&one.value, &what);
        }
        let at = given.iter().position(|one| nullable || !matches!(one.value, Value::Null));
        let chosen = at.map(|at| given.remove(at));
        let value = match &chosen {
            Some(chosen) => chosen.value.clone(),
            None if unreadable.is_empty() => Value::unknown(WhyKind::VariableNotSet, what),
            None => Value::unknown(WhyKind::UnreadableSource, what),
        };
        let setter = chosen.map(|chosen| (chosen.setter, chosen.place));
        Some(Binding {
            name: name.to_owned(),
            declared: declared.place(),
            value,
            setter,
            overridden: given,
            could_be_overridden_by: unreadable,
        })
    }

    /// Returns the validation of a variable that the value it has passes and `other` would not.
    pub fn refuses(&self, name: &str, other: &Value) -> Option<Place> {
        let declared = self.node.module.variables.get(name)?;
        let own = self.variable(name);
        let blocks = declared.layers.iter().flat_map(|layer| layer.body.get_blocks("validation").map(move |block| (block, layer.source)));
        let conditions = blocks.filter_map(|(block, source)| Some(Written { attribute: block.body.get_attribute("condition")?, source }));
        let outer = View { instance: self, bindings: &Bindings::default() };
        let passes = |written: &Written<'p>, value: &Value| {
            let scope = reference::Supposed { outer: &outer, name, value };
            match to_bool(&eval::eval(written.expr(), written.source, &scope)) {
                Ok(passes) => Some(passes),
                Err(why) => (why.kind == WhyKind::Invalid).then_some(false),
            }
        };
        let mut conditions = conditions.filter(|written| passes(written, &own) == Some(true) && passes(written, other) == Some(false));
        conditions.next().map(|written| written.place())
    }

    /// Returns the variables that have a validation, sorted by name.
    pub fn validated(&self) -> Vec<Binding> {
        let has = |declared: &Declared<'p>| declared.layers.iter().any(|layer| layer.body.has_blocks("validation"));
        let names = self.node.module.variables.iter().filter(|(_, declared)| has(declared)).map(|(name, _)| name);
        names.filter_map(|name| self.binding(name)).collect()
    }

    /// Returns all variables of the instance, sorted by name.
    pub fn variables(&self) -> Vec<Binding> {
        self.node.module.variables.keys().filter_map(|name| self.binding(name)).collect()
    }

    /// Returns the unreadable files that may set a variable.
    pub fn unreadable_overrides(&self, name: &str) -> Vec<RepoPath> {
        self.binding(name).map(|binding| binding.could_be_overridden_by).unwrap_or_default()
    }

    /// Returns the values that are given to this module under names it does not declare: they do nothing here.
    pub fn undeclared(&self) -> Vec<(String, Given)> {
        let declared = |name: &str| self.node.module.variables.contains_key(name);
        if self.tree.root.module == RootModule::Remote {
            return Vec::new();
        }
        let names: Vec<String> = match &self.node.call {
            Some(call) => arguments_of(call.declared).into_iter().map(str::to_owned).collect(),
            None => self.tree.layers.names(),
        };
        let given = |name: String| self.given(&name).0.into_iter().map(move |given| (name.clone(), given)).collect::<Vec<_>>();
        names.into_iter().filter(|name| !declared(name)).flat_map(given).collect()
    }

    /// Returns the locals and variables that nothing in the folder reads, and those an override file replaces.
    pub fn unread(&self) -> Vec<Unread> {
        let module = self.node.module;
        let new = |name: String, written: &Written<'p>, replaced_by| {
            let value = self.eval(written.expr(), written.source);
            Unread { name, value, place: written.place(), replaced_by }
        };
        let locals = module.locals.iter().filter(|(name, _)| !module.reads.local(name));
        let variables = module.variables.iter().filter(|(name, _)| !module.reads.variable(name));
        let defaults = variables.filter_map(|(name, declared)| Some((name, declared.attr("default")?)));
        let mut all: Vec<Unread> = locals.map(|(name, written)| new(format!("local.{name}"), written, None)).collect();
        all.extend(defaults.map(|(name, written)| new(format!("var.{name}"), &written, None)));
        all.extend(module.replaced.iter().map(|(name, old, by)| new(name.clone(), old, Some(by.place()))));
        all
    }

    /// Returns the values that something gives to a name, strongest first.
    fn given(&self, name: &str) -> (Vec<Given>, Vec<RepoPath>) {
        let Some(call) = &self.node.call else { return self.tree.layers.given(name, self.tree.project.files) };
        let argument = call.declared.attr(name).map(|written| {
            let value = self.tree.instance(call.parent).eval_in(written.expr(), written.source, &call.bindings);
            Given { value, setter: Setter::Call, place: written.place() }
        });
        (argument.into_iter().collect(), Vec::new())
    }

    fn type_of(&self, declared: &Declared<'p>) -> Type {
        let written = declared.attr("type");
        written.map_or(Type::Any, |written| Type::read(written.expr(), &|default| self.eval(default, written.source)))
    }

    fn variable(&self, name: &str) -> Value {
        self.remembered(Kind::Variable, name, || self.binding(name).map(|binding| binding.value))
    }

    fn local(&self, name: &str) -> Value {
        let written = self.node.module.locals.get(name);
        self.remembered(Kind::Local, name, || written.map(|written| self.eval(written.expr(), written.source)))
    }

    /// Returns what the module gives out.
    fn output(&self, name: &str) -> Value {
        let written = self.node.module.outputs.get(name).and_then(|output| output.attr("value"));
        self.remembered(Kind::Output, name, || written.map(|written| self.eval(written.expr(), written.source)))
    }

    /// Evaluates once; a value that asks for itself is a cycle.
    fn remembered(&self, kind: Kind, name: &str, evaluate: impl FnOnce() -> Option<Value>) -> Value {
        let key = (kind, name.to_owned());
        if let Some(slot) = self.node.values.borrow().get(&key) {
            return slot.clone().unwrap_or_else(|| Value::unknown(WhyKind::Cycle, kind.what(name)));
        }
        self.node.values.borrow_mut().insert(key.clone(), None);
        let value = evaluate().unwrap_or_else(|| Value::unknown(WhyKind::NotDeclared, kind.what(name)));
        self.node.values.borrow_mut().insert(key, Some(value.clone()));
        value
    }

    /// `path.module`, as Terraform prints it: relative to where it is run.
    fn path_module(&self) -> String {
        relative(self.tree.root.module_dir(), self.dir())
    }
}
