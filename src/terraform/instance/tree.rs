//! The module instances of one root. Built by the worker that walks the root, and gone with it.

use super::super::project::{Project, Root, RootModule};
use super::super::sources::{Place, Problem};
use super::super::terragrunt::Unit;
use super::super::variables::{Layers, Origin};
use super::{Children, INSTANCES, Instance, Node};
use hcl_edit::expr::Expression;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

pub(in super::super) struct Tree<'p> {
    pub(super) project: &'p Project<'p>,
    pub(super) root: &'p Root,
    pub(super) unit: Option<Unit<'p>>,
    pub(super) layers: Layers<'p>,
    nodes: RefCell<Vec<Rc<Node<'p>>>>,
    problems: RefCell<BTreeSet<Problem>>,
    /// Attributes of resources that are being evaluated, by instance.
    pub(super) busy: RefCell<HashSet<(usize, *const Expression)>>,
}

impl<'p> Tree<'p> {
    /// Adds a node; `None` when there are too many.
    pub(super) fn add(&self, node: Node<'p>) -> Option<usize> {
        let mut nodes = self.nodes.borrow_mut();
        let id = nodes.len();
        if id >= INSTANCES {
            return None;
        }
        nodes.push(Rc::new(Node { id, ..node }));
        Some(id)
    }

    pub(super) fn instance(self: &Rc<Self>, id: usize) -> Instance<'p> {
        Instance { tree: self.clone(), node: self.nodes.borrow()[id].clone() }
    }

    pub(super) fn problem(&self, place: &Place, what: String) {
        self.problems.borrow_mut().insert(Problem::new(&place.file, Some(place.line), what));
    }
}

/// One root, ready to be evaluated.
pub struct Walk<'p> {
    tree: Rc<Tree<'p>>,
}

impl<'p> Walk<'p> {
    pub(in super::super) fn new(project: &'p Project<'p>, root: &'p Root) -> Self {
        let unit = Unit::open(project.files, project.sources, &root.dir);
        let mut problems = Vec::new();
        let origin = Origin {
            files: project.files,
            sources: project.sources,
            dir: &root.dir,
            module: root.module_dir(),
            var_files: &root.var_files,
            unit: unit.as_ref(),
        };
        let layers = Layers::read(&origin, &mut problems);
        problems.extend(unit.as_ref().map(Unit::problems).unwrap_or_default());
        let tree = Tree {
            project,
            root,
            unit,
            layers,
            nodes: RefCell::default(),
            problems: RefCell::new(problems.into_iter().collect()),
            busy: RefCell::default(),
        };
        let module = match &root.module {
            RootModule::Folder(dir) => project.module(dir),
            RootModule::Overlaid(_) => project.overlaid(&root.dir),
            RootModule::Remote => None,
        };
        tree.nodes.borrow_mut().push(Rc::new(Node {
            id: 0,
            address: String::new(),
            module: module.unwrap_or(&project.none),
            call: None,
            depth: 0,
            instances: Some(1),
            values: RefCell::default(),
            children: RefCell::default(),
        }));
        Self { tree: Rc::new(tree) }
    }

    pub fn root(&self) -> &'p Root {
        self.tree.root
    }

    /// Returns the root module's instance and those of all modules it calls, a caller before what it calls.
    pub fn instances(&self) -> Vec<Instance<'p>> {
        let mut all = vec![self.tree.instance(0)];
        let mut at = 0;
        while let Some(instance) = all.get(at).cloned() {
            for call in &instance.node.module.calls {
                if let Children::Local { items, .. } = &*instance.children(call.label(0)) {
                    all.extend(items.iter().map(|(_, id)| self.tree.instance(*id)));
                }
            }
            at += 1;
        }
        all
    }

    /// Returns what was found wrong so far, sorted.
    pub fn problems(&self) -> Vec<Problem> {
        self.tree.problems.borrow().iter().cloned().collect()
    }
}
