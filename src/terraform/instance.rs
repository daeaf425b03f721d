//! One module as it is called in one root, and what was evaluated of it. Evaluates each name once;
//! what a name means is handed to it (`instance/names.rs`), since that needs the calls and
//! resources of instances in turn.

pub mod calls;
mod data;
pub mod names;
pub mod remote;
pub mod repeat;
mod sure;
pub mod values;
#[cfg(test)]
mod tests;

use super::eval::{self, Scope, Step};
use super::files::{Files, RepoPath};
use super::hcl::Source;
use super::library::Library;
use super::module::{BodyLayer, Declarations, Declared};
use super::root::{Root, RootKind};
use super::sources::{ReadProblem, SourcePlace};
use super::terragrunt::TerragruntUnit;
use super::value::{Value, Why, WhyKind};
use super::variables::{Binding, Layers};
use hcl_edit::expr::Expression;
use repeat::{Bindings, Repeat};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::rc::Rc;

/// A root of more instances than this is not walked to its end.
pub(super) const INSTANCES: usize = 20_000;

/// Returns the value of a name followed by the first steps of a traversal, and how many of these it
/// took.
pub(super) type Resolve = fn(&Instance<'_>, &Bindings, &str, &[Step<'_>]) -> (Value, usize);

/// A module in a root. Cheap to clone; lives on one thread.
#[derive(Clone)]
pub struct Instance<'p> {
    tree: Rc<ModuleTree<'p>>,
    node: Rc<ModuleNode<'p>>,
}

/// The module instances of one root. Built by the worker that walks the root, and gone with it.
pub(super) struct ModuleTree<'p> {
    pub library: &'p Library<'p>,
    pub root: &'p Root,
    pub unit: Option<TerragruntUnit<'p>>,
    pub layers: Layers<'p>,
    resolve: Resolve,
    nodes: RefCell<Vec<Rc<ModuleNode<'p>>>>,
    problems: RefCell<BTreeSet<ReadProblem>>,
    /// Attributes of resources that are being evaluated, by instance.
    busy: RefCell<HashSet<(usize, *const Expression)>>,
}

/// What is remembered of an instance.
struct ModuleNode<'p> {
    id: usize,
    address: String,
    module: &'p Declarations<'p>,
    call: Option<CalledFrom<'p>>,
    depth: usize,
    instances: Option<u64>,
    /// `None` while a value is evaluated.
    values: RefCell<HashMap<(NameKind, &'p str), Option<Value>>>,
    bindings: RefCell<HashMap<&'p str, Rc<Binding>>>,
    callees: RefCell<HashMap<String, Option<Rc<Callee>>>>,
}

#[derive(Clone)]
struct CalledFrom<'p> {
    parent: usize,
    declared: &'p Declared<'p>,
    bindings: Bindings,
}

/// What one module call makes.
enum Callee {
    /// The module's text is not in the repo, or cannot be followed.
    Boundary(Why),
    /// The instances with their keys, by number.
    Local {
        repeat: Repeat,
        items: Vec<(Option<Value>, usize)>,
    },
}

/// What a name of a module is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum NameKind {
    Variable,
    Local,
    Output,
}

impl NameKind {
    fn what(self, name: &str) -> String {
        match self {
            Self::Variable => format!("var.{name}"),
            Self::Local => format!("local.{name}"),
            Self::Output => format!("output.{name}"),
        }
    }
}

impl<'p> ModuleTree<'p> {
    /// Makes the tree of a root, with the instance of its module.
    pub fn new(
        library: &'p Library<'p>,
        root: &'p Root,
        module: &'p Declarations<'p>,
        unit: Option<TerragruntUnit<'p>>,
        layers: Layers<'p>,
        resolve: Resolve,
    ) -> Self {
        let (nodes, problems, busy) = (RefCell::default(), RefCell::default(), RefCell::default());
        let tree = Self {
            library,
            root,
            unit,
            layers,
            resolve,
            nodes,
            problems,
            busy,
        };
        tree.add(ModuleNode::new(String::new(), module, None, 0, Some(1)));
        tree
    }

    /// Adds a node; `None` when there are too many.
    fn add(&self, node: ModuleNode<'p>) -> Option<usize> {
        let mut nodes = self.nodes.borrow_mut();
        let id = nodes.len();
        if id >= INSTANCES {
            return None;
        }
        nodes.push(Rc::new(ModuleNode { id, ..node }));
        Some(id)
    }

    /// Returns an instance by its number; 0 is the root module's.
    pub fn instance(self: &Rc<Self>, id: usize) -> Instance<'p> {
        Instance {
            tree: self.clone(),
            node: self.nodes.borrow()[id].clone(),
        }
    }

    /// Returns the modules of the instances found so far.
    pub fn modules(&self) -> Vec<&'p Declarations<'p>> {
        self.nodes.borrow().iter().map(|node| node.module).collect()
    }

    pub fn report(&self, problem: ReadProblem) {
        self.problems.borrow_mut().insert(problem);
    }

    /// Returns what was found wrong so far, sorted.
    pub fn problems(&self) -> Vec<ReadProblem> {
        self.problems.borrow().iter().cloned().collect()
    }
}

impl<'p> ModuleNode<'p> {
    fn new(
        address: String,
        module: &'p Declarations<'p>,
        call: Option<CalledFrom<'p>>,
        depth: usize,
        instances: Option<u64>,
    ) -> Self {
        let (values, bindings, callees) =
            (RefCell::default(), RefCell::default(), RefCell::default());
        Self {
            id: 0,
            address,
            module,
            call,
            depth,
            instances,
            values,
            bindings,
            callees,
        }
    }
}

impl fmt::Debug for Instance<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Instance({} {:?})",
            self.tree.root.dir, self.node.address
        )
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

    /// Returns the number of the instance in its root; 0 is the root module's.
    pub(super) fn number(&self) -> usize {
        self.node.id
    }

    /// Returns the folder of the module.
    pub fn dir(&self) -> &'p RepoPath {
        if self.node.call.is_none() {
            self.tree.root.module_dir()
        } else {
            &self.node.module.dir
        }
    }

    pub fn module(&self) -> &'p Declarations<'p> {
        self.node.module
    }

    /// Returns where the module is called; `None` for the root module.
    pub fn called_at(&self) -> Option<SourcePlace> {
        self.node.call.as_ref().map(|call| call.declared.place())
    }

    /// Returns how many of this instance are live: `Some(0)` for `count = 0`, `None` where that is
    /// unknown.
    pub fn instances(&self) -> Option<u64> {
        self.node.instances
    }

    /// Says that nothing calls the module: its values are its defaults.
    pub fn is_orphan(&self) -> bool {
        self.tree.root.kind == RootKind::Orphan
    }

    /// Returns `resource`, `data` and `module` blocks.
    pub fn resources(&self) -> impl Iterator<Item = &'p Declared<'p>> + use<'p> {
        self.node
            .module
            .resources
            .iter()
            .chain(&self.node.module.calls)
    }

    /// Evaluates an expression of the module that stands outside `count` and `for_each`.
    pub fn eval(&self, expr: &Expression, source: &Source) -> Value {
        self.eval_in(expr, source, &Bindings::default())
    }

    pub(super) fn eval_in(&self, expr: &Expression, source: &Source, bindings: &Bindings) -> Value {
        eval::eval(
            expr,
            source,
            &InstanceScope {
                instance: self,
                bindings,
            },
        )
    }

    /// Returns the repetition of a block of the top level.
    pub(super) fn repeat(&self, layers: &[BodyLayer<'p>]) -> Repeat {
        Repeat::of(layers, |written| {
            self.eval_in(written.expr(), written.source, &Bindings::default())
        })
    }

    /// Evaluates once; a value that asks for itself is a cycle.
    fn remembered(&self, kind: NameKind, name: &'p str, evaluate: impl FnOnce() -> Value) -> Value {
        if let Some(slot) = self.node.values.borrow().get(&(kind, name)) {
            return slot
                .clone()
                .unwrap_or_else(|| Value::unknown(WhyKind::Cycle, kind.what(name)));
        }
        self.node.values.borrow_mut().insert((kind, name), None);
        let value = evaluate();
        self.node
            .values
            .borrow_mut()
            .insert((kind, name), Some(value.clone()));
        value
    }
}

/// The files that an instance may read, and no names.
impl Scope for Instance<'_> {
    fn resolve(&self, name: &str, steps: &[Step<'_>]) -> (Value, usize) {
        (Value::unknown(WhyKind::NotDeclared, name), steps.len())
    }

    fn files(&self) -> &Files {
        self.tree.library.files
    }

    fn cwd(&self) -> &RepoPath {
        self.tree.root.module_dir()
    }
}

/// An instance's names, with those of `count`, `for_each` and `dynamic` around the expression.
struct InstanceScope<'v, 'p> {
    instance: &'v Instance<'p>,
    bindings: &'v Bindings,
}

impl Scope for InstanceScope<'_, '_> {
    fn resolve(&self, name: &str, steps: &[Step<'_>]) -> (Value, usize) {
        (self.instance.tree.resolve)(self.instance, self.bindings, name, steps)
    }

    fn files(&self) -> &Files {
        self.instance.tree.library.files
    }

    fn cwd(&self) -> &RepoPath {
        self.instance.tree.root.module_dir()
    }
}
