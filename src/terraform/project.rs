//! From the repo's files to its roots: where Terraform or Terragrunt is run, and the module each root is. Evaluates only Terragrunt's `source` and `include`.

mod roots;
#[cfg(test)]
pub(super) mod tests;

use super::files::{Files, RepoPath};
use super::instance::Walk;
use super::module::Module;
use super::parallel::on_two_threads;
use super::sources::{Problem, Settings, Sources};
use std::collections::{BTreeMap, BTreeSet};

/// What kind of place a root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RootKind {
    Terragrunt,
    Terraform,
    /// A module that nothing calls, evaluated with its defaults.
    Orphan,
}

/// The module that a root runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootModule {
    Folder(RepoPath),
    /// The folder named by a unit's `source`, with the unit's own files copied over it.
    Overlaid(RepoPath),
    /// The text is not in the repo.
    Remote,
}

/// A folder in which Terraform or Terragrunt is run, in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    pub dir: RepoPath,
    pub environment: Option<String>,
    pub workspace: Option<String>,
    pub kind: RootKind,
    pub module: RootModule,
    /// Those of the settings, then those of the environment: the last one is strongest.
    pub(super) var_files: Vec<String>,
}

impl Root {
    /// Returns the folder of the root module: where Terraform is run.
    pub fn module_dir(&self) -> &RepoPath {
        match &self.module {
            RootModule::Folder(dir) | RootModule::Overlaid(dir) => dir,
            RootModule::Remote => &self.dir,
        }
    }
}

/// The roots and modules of a repo.
#[derive(Debug)]
pub struct Project<'s> {
    pub(super) files: &'s Files,
    pub(super) sources: &'s Sources,
    pub(super) none: Module<'s>,
    modules: BTreeMap<RepoPath, Module<'s>>,
    /// By the unit's folder: its module with its own files copied over.
    overlaid: BTreeMap<RepoPath, Module<'s>>,
    roots: Vec<Root>,
    problems: BTreeSet<Problem>,
}

impl<'s> Project<'s> {
    /// Finds the modules and roots.
    pub fn new(files: &'s Files, sources: &'s Sources, settings: &Settings) -> Self {
        let mut problems = Vec::new();
        let has_tf = |dir: &&RepoPath| sources.folder(dir).iter().any(|path| path.name().ends_with(".tf"));
        let read = |dir: &RepoPath, problems: &mut Vec<Problem>| (dir.clone(), Module::of_folder(sources, dir, problems));
        let modules = sources.folders().filter(has_tf).map(|dir| read(dir, &mut problems)).collect();
        let problems = sources.problems().iter().cloned().chain(problems).collect();
        let mut new = Self { files, sources, none: Module::default(), modules, overlaid: BTreeMap::new(), roots: Vec::new(), problems };
        new.find_roots(settings);
        new
    }

    /// Returns the roots, sorted by folder and in the order of the settings' environments.
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Returns what could not be read, sorted by file. A walk may find more.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter()
    }

    /// Returns the module in a folder.
    pub fn module(&self, dir: &RepoPath) -> Option<&Module<'s>> {
        self.modules.get(dir)
    }

    /// Returns all modules, sorted by folder.
    pub fn modules(&self) -> impl Iterator<Item = &Module<'s>> {
        self.modules.values()
    }

    pub(super) fn overlaid(&self, unit: &RepoPath) -> Option<&Module<'s>> {
        self.overlaid.get(unit)
    }

    /// Makes a root ready for evaluation, on this thread.
    pub fn walk<'p>(&'p self, root: &'p Root) -> Walk<'p> {
        Walk::new(self, root)
    }

    /// Calls `work` for every root, on two threads, and returns the results in the order of [`Self::roots`].
    pub fn each_root<T: Send>(&self, work: impl Fn(Walk<'_>) -> T + Sync) -> Vec<T> {
        on_two_threads(self.roots.len(), |at| work(self.walk(&self.roots[at])))
    }
}
