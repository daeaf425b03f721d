//! The modules that more than one folder of the repo may use: parsed once, and kept while the roots
//! are walked. A folder that nothing else names is not here; its root parses it, and drops it.

use super::files::{Files, RepoPath};
use super::module::Declarations;
use super::root::{Root, RootModule};
use super::sources::{ModuleSources, ReadProblem, Sources};
use super::unnamed::UnnamedVarFile;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// The shared modules, and the files that every root may read.
#[derive(Debug)]
pub struct Library<'s> {
    pub(super) files: &'s Files,
    pub(super) sources: &'s Sources,
    pub(super) unnamed: &'s [UnnamedVarFile],
    /// Of a root whose module's text is not in the repo.
    nothing: Declarations<'s>,
    modules: BTreeMap<RepoPath, Declarations<'s>>,
    /// By the unit's folder: its module with its own files copied over.
    overlaid: BTreeMap<RepoPath, Declarations<'s>>,
    /// Modules that were asked for and are not here, although the repo has them.
    missed: Mutex<BTreeSet<RepoPath>>,
}

impl<'s> Library<'s> {
    /// Reads what the parsed folders declare.
    pub fn new(
        files: &'s Files,
        sources: &'s Sources,
        unnamed: &'s [UnnamedVarFile],
        parsed: &'s BTreeMap<RepoPath, ModuleSources>,
        problems: &mut Vec<ReadProblem>,
    ) -> Self {
        let modules = parsed
            .iter()
            .map(|(dir, parsed)| (dir.clone(), Declarations::of_folder(dir, parsed, problems)))
            .collect();
        Self {
            files,
            sources,
            unnamed,
            nothing: Declarations::default(),
            modules,
            overlaid: BTreeMap::new(),
            missed: Mutex::default(),
        }
    }

    /// Adds the module of a unit whose own files are copied over those of the folder `dir`.
    pub fn overlay(
        &mut self,
        unit: &RepoPath,
        dir: &RepoPath,
        parsed: &'s BTreeMap<RepoPath, ModuleSources>,
    ) {
        let mut named = BTreeMap::new();
        for folder in [dir, unit]
            .into_iter()
            .filter_map(|folder| parsed.get(folder))
        {
            named.extend(
                folder
                    .sources
                    .iter()
                    .map(|source| (source.path.name(), source)),
            );
        }
        let files: Vec<_> = named.into_values().collect();
        // What is declared twice was already reported for the folders themselves.
        self.overlaid.insert(
            unit.clone(),
            Declarations::read(dir, &files, &mut Vec::new()),
        );
    }

    /// Returns the module in a folder. One that is in the repo and not here is remembered as
    /// missed.
    pub fn module(&self, dir: &RepoPath) -> Option<&Declarations<'s>> {
        let found = self.modules.get(dir);
        if found.is_none() && self.sources.is_module(dir) {
            self.missed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(dir.clone());
        }
        found
    }

    /// Returns all modules, sorted by folder.
    pub fn modules(&self) -> impl Iterator<Item = (&RepoPath, &Declarations<'s>)> {
        self.modules.iter()
    }

    /// Returns the module of a root that is kept here; an empty one where its text is not in the
    /// repo.
    pub fn of_root(&self, root: &Root) -> &Declarations<'s> {
        let module = match &root.module {
            RootModule::Folder(dir) => self.module(dir),
            RootModule::Overlaid(_) => self.overlaid.get(&root.dir),
            RootModule::Remote => None,
        };
        module.unwrap_or(&self.nothing)
    }

    /// Returns the modules that were asked for and are not here.
    pub fn missed(&self) -> BTreeSet<RepoPath> {
        self.missed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
