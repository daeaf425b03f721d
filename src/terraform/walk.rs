//! One root, ready to be evaluated: its module instances, a caller before what it calls.

use super::files::RepoPath;
use super::hcl::Source;
use super::instance::{Instance, ModuleTree, names};
use super::library::Library;
use super::module::Declarations;
use super::root::Root;
use super::sources::{ReadProblem, is_module_file};
use super::terragrunt::TerragruntUnit;
use super::unnamed::UnnamedVarFile;
use super::variables::{Layers, RootFiles};
use std::rc::Rc;

/// A root on the thread that evaluates it.
pub struct RootWalk<'p> {
    tree: Rc<ModuleTree<'p>>,
    /// The folder whose module's files no other root reads.
    own: Option<&'p RepoPath>,
}

impl<'p> RootWalk<'p> {
    /// Opens a root. `own` says that nothing but this root reads the files of its module.
    pub(super) fn open(
        library: &'p Library<'p>,
        root: &'p Root,
        module: &'p Declarations<'p>,
        own: bool,
    ) -> Self {
        let unit = TerragruntUnit::open(library.files, library.sources, &root.dir);
        let mut problems = Vec::new();
        let files = RootFiles {
            files: library.files,
            sources: library.sources,
            dir: &root.dir,
            module: root.module_dir(),
            var_files: &root.var_files,
            unit: unit.as_ref(),
            unnamed: library
                .unnamed
                .iter()
                .filter(|file| root.may_be_given(file))
                .collect(),
        };
        let layers = Layers::read(&files, &mut problems);
        problems.extend(
            unit.as_ref()
                .map(TerragruntUnit::problems)
                .unwrap_or_default(),
        );
        let tree = ModuleTree::new(library, root, module, unit, layers, names::resolve);
        problems
            .into_iter()
            .for_each(|problem| tree.report(problem));
        Self {
            tree: Rc::new(tree),
            own: own.then_some(root.module_dir()),
        }
    }

    pub fn root(&self) -> &'p Root {
        self.tree.root
    }

    /// Returns the root module's instance and those of all modules it calls, a caller before what
    /// it calls.
    pub fn instances(&self) -> Vec<Instance<'p>> {
        let mut all = vec![self.tree.instance(0)];
        let mut at = 0;
        while let Some(instance) = all.get(at).cloned() {
            all.extend(instance.called());
            at += 1;
        }
        all
    }

    /// Returns a parsed file: one of the modules that this root uses, or one that sets values.
    pub fn source(&self, path: &RepoPath) -> Option<&'p Source> {
        self.tree
            .modules()
            .into_iter()
            .find_map(|module| module.file(path))
            .or_else(|| self.tree.library.sources.source(path))
    }

    /// Says whether only this root reads a file: one of its module, which no other folder names.
    pub fn is_own(&self, file: &RepoPath) -> bool {
        let Some(own) = self.own else { return false };
        let Some(rest) = file.as_str().strip_prefix(own.as_str()) else {
            return false;
        };
        let name = if own.as_str().is_empty() {
            Some(rest)
        } else {
            rest.strip_prefix('/')
        };
        name.is_some_and(|name| is_module_file(name) && !name.as_bytes().contains(&b'/'))
    }

    /// Returns the var-files that nothing names and that set a variable of the root module.
    pub fn unnamed_var_files(&self) -> Vec<RepoPath> {
        let module = self.tree.instance(0).module();
        let sets = |file: &&&UnnamedVarFile| module.variables.keys().any(|name| file.may_set(name));
        let files = self.tree.layers.unnamed().iter().filter(sets);
        files.map(|file| file.path.clone()).collect()
    }

    /// Returns what was found wrong so far, sorted.
    pub fn problems(&self) -> Vec<ReadProblem> {
        self.tree.problems()
    }
}
