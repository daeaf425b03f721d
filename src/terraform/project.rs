//! Walks the roots of a repo: the places where Terraform or Terragrunt is run. A folder that
//! nothing else names is parsed, walked and dropped by one worker; what several folders may use is
//! parsed before and kept meanwhile. Which folders are named is guessed from the text first and
//! checked in the end: after a wrong guess the walk starts over, so the result never depends on it.

#[cfg(test)]
pub(super) mod tests;

use super::files::{Files, RepoPath};
use super::library::Library;
use super::module::Declarations;
use super::parallel::on_two_threads;
use super::root::{Root, RootKind, RootModule};
use super::sources::{ModuleSources, ReadProblem, RunSettings, Sources};
use super::units::{self, UnitFolder};
use super::unnamed::{self, UnnamedVarFile};
use super::walk::RootWalk;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::str::from_utf8;

/// What the walks over all roots gave.
#[derive(Debug)]
pub struct Walked<T> {
    /// Sorted by folder, and in the order of the settings' environments.
    pub roots: Vec<(Root, T)>,
    /// What could not be read, besides what the walks report themselves.
    pub problems: BTreeSet<ReadProblem>,
    /// The files that were parsed.
    pub parsed: BTreeSet<RepoPath>,
    /// The files of Terraform's, Terragrunt's and Terramate's that are not read.
    pub unread: Vec<RepoPath>,
}

/// Calls `work` for every root, on two threads.
pub fn each_root<T: Send>(
    files: &Files,
    settings: &RunSettings,
    work: impl Fn(&RootWalk<'_>) -> T + Sync,
) -> Walked<T> {
    let sources = Sources::read(files, settings);
    let mut problems = sources.problems().to_vec();
    let units = units::read(files, &sources, &mut problems);
    let unit_modules = units::modules(&units, &sources, &mut problems);
    let passed = units
        .iter()
        .map(|unit| (&unit.dir, unit.var_files.as_slice()))
        .collect();
    let unnamed = unnamed::find(files, &sources, settings, &passed);
    let project = Project {
        files,
        settings,
        sources: &sources,
        units,
        unit_modules,
        unnamed,
    };
    let mut shared = project.guess_shared();
    loop {
        match project.walk(&shared, problems.clone(), &work) {
            Ok(walked) => return walked,
            Err(missed) => shared.extend(missed),
        }
    }
}

/// What is known of a repo before a module is parsed.
struct Project<'f> {
    files: &'f Files,
    settings: &'f RunSettings,
    sources: &'f Sources,
    units: Vec<UnitFolder>,
    /// By the unit's folder.
    unit_modules: BTreeMap<RepoPath, RootModule>,
    /// The var-files that nothing names.
    unnamed: Vec<UnnamedVarFile>,
}

/// What one folder gave that nothing else names.
struct FolderWalked<T> {
    roots: Vec<(Root, T)>,
    problems: Vec<ReadProblem>,
    parsed: Vec<RepoPath>,
    /// The folders its module calls.
    called: Vec<RepoPath>,
}

impl Project<'_> {
    /// Returns the folders of modules that something else may name: the modules of units, and every
    /// folder that a string of a module's files could mean as a relative path.
    fn guess_shared(&self) -> BTreeSet<RepoPath> {
        let overlaid = self
            .units
            .iter()
            .filter_map(|unit| Some([unit.source_folder()?.clone(), unit.dir.clone()]));
        let mut shared: BTreeSet<RepoPath> = overlaid.flatten().collect();
        let modules: Vec<_> = self.sources.modules().collect();
        let named = on_two_threads(modules.len(), |at| {
            let (folder, files) = modules[at];
            let texts = files.iter().filter_map(|file| from_utf8(&file.bytes).ok());
            let paths: BTreeSet<&str> = texts.flat_map(relative_paths).collect();
            paths
                .into_iter()
                .filter_map(|path| folder.join(path))
                .collect::<Vec<_>>()
        });
        shared.extend(named.into_iter().flatten());
        shared.retain(|dir| self.sources.is_module(dir));
        shared
    }

    /// Walks all roots, with these folders kept.
    ///
    /// # Errors
    ///
    /// The folders that something named although they were not kept.
    fn walk<T: Send>(
        &self,
        shared: &BTreeSet<RepoPath>,
        mut problems: Vec<ReadProblem>,
        work: &(impl Fn(&RootWalk<'_>) -> T + Sync),
    ) -> Result<Walked<T>, BTreeSet<RepoPath>> {
        let kept = self.parse(shared);
        let library = self.library(&kept, &mut problems);
        let alone = self.folders_alone(shared);
        let mut folders = on_two_threads(alone.len(), |at| {
            self.walk_folder(&library, alone[at], work)
        });

        let called = self.called(&library, folders.iter().flat_map(|folder| &folder.called));
        let roots = self.kept_roots(&library, &called);
        let walked = on_two_threads(roots.len(), |at| {
            let module = library.of_root(&roots[at]);
            work(&RootWalk::open(&library, &roots[at], module, false))
        });

        let mut missed = library.missed();
        missed.extend(
            alone
                .iter()
                .filter(|dir| called.contains(**dir))
                .map(|dir| (*dir).clone()),
        );
        if !missed.is_empty() {
            return Err(missed);
        }
        let mut parsed: BTreeSet<RepoPath> = self.sources.parsed().cloned().collect();
        parsed.extend(
            kept.values()
                .flat_map(|module| &module.sources)
                .map(|source| source.path.clone()),
        );
        let mut all: Vec<(Root, T)> = roots.into_iter().zip(walked).collect();
        for folder in &mut folders {
            problems.append(&mut folder.problems);
            parsed.extend(take(&mut folder.parsed));
            all.append(&mut folder.roots);
        }
        all.sort_by(|(a, _), (b, _)| a.dir.cmp(&b.dir));
        problems.extend(self.without_module(&all));
        Ok(Walked {
            roots: all,
            problems: problems.into_iter().collect(),
            parsed,
            unread: self.sources.unread().to_vec(),
        })
    }

    fn parse(&self, folders: &BTreeSet<RepoPath>) -> BTreeMap<RepoPath, ModuleSources> {
        let folders: Vec<&RepoPath> = folders.iter().collect();
        let parsed = on_two_threads(folders.len(), |at| self.sources.parse_module(folders[at]));
        folders.into_iter().cloned().zip(parsed).collect()
    }

    fn library<'l>(
        &'l self,
        kept: &'l BTreeMap<RepoPath, ModuleSources>,
        problems: &mut Vec<ReadProblem>,
    ) -> Library<'l> {
        problems.extend(
            kept.values()
                .flat_map(|module| module.problems.iter().cloned()),
        );
        let mut library = Library::new(self.files, self.sources, &self.unnamed, kept, problems);
        for (unit, module) in &self.unit_modules {
            if let RootModule::Overlaid(dir) = module {
                library.overlay(unit, dir, kept);
            }
        }
        library
    }

    /// Returns the folders of modules that are not kept, the largest first: the two threads end at
    /// about the same time.
    fn folders_alone(&self, shared: &BTreeSet<RepoPath>) -> Vec<&RepoPath> {
        let mut alone: Vec<_> = self
            .sources
            .modules()
            .filter(|(dir, _)| !shared.contains(*dir))
            .collect();
        alone.sort_by_key(|(_, files)| {
            Reverse(files.iter().map(|file| file.bytes.len()).sum::<usize>())
        });
        alone.into_iter().map(|(dir, _)| dir).collect()
    }

    /// Parses a folder that nothing else names, walks its roots, and drops it.
    fn walk_folder<T>(
        &self,
        library: &Library<'_>,
        dir: &RepoPath,
        work: &impl Fn(&RootWalk<'_>) -> T,
    ) -> FolderWalked<T> {
        let mut sources = self.sources.parse_module(dir);
        let mut problems = take(&mut sources.problems);
        let module = Declarations::of_folder(dir, &sources, &mut problems);
        let roots = self.roots_of(dir, &module, false);
        let is_own = roots.len() == 1;
        let walked: Vec<T> = roots
            .iter()
            .map(|root| work(&RootWalk::open(library, root, &module, is_own)))
            .collect();
        FolderWalked {
            roots: roots.into_iter().zip(walked).collect(),
            problems,
            parsed: sources
                .sources
                .iter()
                .map(|source| source.path.clone())
                .collect(),
            called: module.called_folders().collect(),
        }
    }

    /// Returns the folders that a unit or a call of another folder names.
    fn called<'c>(
        &self,
        library: &Library<'_>,
        by_folders: impl Iterator<Item = &'c RepoPath>,
    ) -> BTreeSet<RepoPath> {
        let by_units = self
            .units
            .iter()
            .filter_map(|unit| unit.source_folder().cloned());
        let by_kept = library
            .modules()
            .flat_map(|(_, module)| module.called_folders());
        by_units.chain(by_kept).chain(by_folders.cloned()).collect()
    }

    /// Returns the roots whose module is kept, or not in the repo.
    fn kept_roots(&self, library: &Library<'_>, called: &BTreeSet<RepoPath>) -> Vec<Root> {
        let mut roots: Vec<Root> = library
            .modules()
            .flat_map(|(dir, module)| self.roots_of(dir, module, called.contains(dir)))
            .collect();
        for (dir, module) in self
            .unit_modules
            .iter()
            .filter(|(dir, _)| !self.sources.is_module(dir))
        {
            roots.extend(Root::in_environments(
                self.settings,
                dir,
                RootKind::Terragrunt,
                module,
            ));
        }
        roots
    }

    /// Returns the roots in a folder with a module.
    fn roots_of(&self, dir: &RepoPath, module: &Declarations<'_>, is_called: bool) -> Vec<Root> {
        let own = RootModule::Folder(dir.clone());
        let (kind, module) = match self.unit_modules.get(dir) {
            Some(module) => (RootKind::Terragrunt, module),
            None if self.forced().any(|forced| forced == dir) => (RootKind::Terraform, &own),
            None if is_called => return Vec::new(),
            None if self.is_root(dir, module) => (RootKind::Terraform, &own),
            None => (RootKind::Orphan, &own),
        };
        Root::in_environments(self.settings, dir, kind, module)
    }

    /// Decides whether a folder that nothing calls is where Terraform is run: by what its files
    /// say, never by a list of names but for `modules`.
    fn is_root(&self, dir: &RepoPath, module: &Declarations<'_>) -> bool {
        let evidence = |path: &RepoPath| {
            let name = path.name();
            name.ends_with(".tfvars")
                || name.ends_with(".tfvars.json")
                || name == ".terraform.lock.hcl"
        };
        if module.configured || self.sources.folder(dir).iter().any(evidence) {
            return true;
        }
        let is_kept_as_module = dir
            .as_str()
            .split('/')
            .any(|part| matches!(part, "modules" | "module"));
        !is_kept_as_module
            && module
                .variables
                .values()
                .all(|variable| variable.attr("default").is_some())
    }

    /// Returns the folders that the settings call roots.
    fn forced(&self) -> impl Iterator<Item = &RepoPath> {
        self.settings.roots.iter().chain(
            self.settings
                .environments
                .iter()
                .map(|environment| &environment.root),
        )
    }

    fn without_module<T>(&self, roots: &[(Root, T)]) -> Vec<ReadProblem> {
        let is_there = |dir: &RepoPath| roots.iter().any(|(root, _)| root.dir == *dir);
        let missing = self.forced().filter(|dir| !is_there(dir));
        missing
            .map(|dir| {
                ReadProblem::new(
                    dir,
                    None,
                    "the config calls this a root, but there is nothing to run",
                )
            })
            .collect()
    }
}

/// Returns every string of a text that begins like a relative path, up to its end or its first
/// `${`.
fn relative_paths(text: &str) -> impl Iterator<Item = &str> {
    let path = |at: usize| {
        let rest = &text[at + 1..];
        let end = rest.find(['"', '\n', '$'])?;
        Some(&rest[..end]).filter(|path| {
            path.starts_with("./") || path.starts_with("../") || *path == "." || *path == ".."
        })
    };
    let begins = text
        .as_bytes()
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| *pair == b"\".");
    begins.filter_map(move |(at, _)| path(at))
}
