//! Which folders are roots. Decides by what the files say, never by a list of names but for `modules`.

use super::super::files::RepoPath;
use super::super::instance::is_local;
use super::super::module::Module;
use super::super::parallel::on_two_threads;
use super::super::sources::{Environment, Problem, Settings};
use super::super::terragrunt::{Location, UNIT, Unit};
use super::{Project, Root, RootKind, RootModule};
use std::collections::{BTreeMap, BTreeSet};

/// A folder with a `terragrunt.hcl`.
struct Found {
    dir: RepoPath,
    location: Option<Location>,
    includes: Vec<RepoPath>,
}

impl<'s> Project<'s> {
    pub(super) fn find_roots(&mut self, settings: &Settings) {
        let units = self.units();
        let included: BTreeSet<RepoPath> = units.iter().flat_map(|unit| unit.includes.iter().cloned()).collect();
        let mut called = self.called();
        called.extend(units.iter().filter_map(|unit| match &unit.location {
            Some(Location::Local(dir)) if *dir != unit.dir => Some(dir.clone()),
            _ => None,
        }));
        let mut found: BTreeMap<RepoPath, (RootKind, RootModule)> = BTreeMap::new();
        for unit in &units {
            let is_parent = unit.dir.join(UNIT).is_some_and(|file| included.contains(&file));
            if let Some(module) = self.unit_module(unit, is_parent) {
                found.insert(unit.dir.clone(), (RootKind::Terragrunt, module));
            }
        }
        let forced: BTreeSet<&RepoPath> =
            settings.roots.iter().chain(settings.environments.iter().map(|environment| &environment.root)).collect();
        for (dir, module) in self.modules.iter().filter(|(dir, _)| !units.iter().any(|unit| unit.dir == **dir)) {
            let kind = match (forced.contains(dir), called.contains(dir)) {
                (true, _) => RootKind::Terraform,
                (false, true) => continue,
                (false, false) if self.is_root(module) => RootKind::Terraform,
                (false, false) => RootKind::Orphan,
            };
            found.insert(dir.clone(), (kind, RootModule::Folder(dir.clone())));
        }
        let missing = forced.iter().filter(|dir| !found.contains_key(**dir));
        self.problems.extend(missing.map(|dir| Problem::new(dir, None, "the config calls this a root, but there is nothing to run")));
        self.roots = found.into_iter().flat_map(|(dir, (kind, module))| environments(settings, &dir, kind, &module)).collect();
    }

    /// Reads where each unit's module is and what it includes.
    fn units(&mut self) -> Vec<Found> {
        let has_unit = |dir: &&RepoPath| self.sources.folder(dir).iter().any(|path| path.name() == UNIT);
        let dirs: Vec<&RepoPath> = self.sources.folders().filter(has_unit).collect();
        let found = on_two_threads(dirs.len(), |at| {
            let unit = Unit::open(self.files, self.sources, dirs[at]);
            let location = unit.as_ref().and_then(Unit::source).map(|(location, _)| location);
            let includes = unit.as_ref().map(Unit::includes).unwrap_or_default();
            let mut problems = unit.as_ref().map(Unit::problems).unwrap_or_default();
            problems.extend(unit.iter().flat_map(Unit::generated));
            (Found { dir: dirs[at].clone(), location, includes }, problems)
        });
        let (units, problems): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        self.problems.extend(problems.into_iter().flatten());
        units
    }

    /// Returns the module a unit runs; `None` when it is only there to be included.
    fn unit_module(&mut self, unit: &Found, is_parent: bool) -> Option<RootModule> {
        let own = self.modules.contains_key(&unit.dir);
        if !own && (is_parent || unit.location.is_none()) {
            return None;
        }
        Some(match &unit.location {
            None => RootModule::Folder(unit.dir.clone()),
            Some(Location::Local(dir)) if *dir == unit.dir => RootModule::Folder(dir.clone()),
            Some(Location::Local(dir)) => {
                if !self.modules.contains_key(dir) {
                    let what = format!("there is no module in {dir}, which is this unit's source");
                    self.problems.insert(Problem::new(&unit.dir.join(UNIT).unwrap_or_default(), None, what));
                }
                if !own {
                    return Some(RootModule::Folder(dir.clone()));
                }
                self.overlay(&unit.dir, dir);
                RootModule::Overlaid(dir.clone())
            }
            Some(Location::Remote(_)) if own => RootModule::Folder(unit.dir.clone()),
            Some(Location::Remote(_)) => RootModule::Remote,
        })
    }

    fn overlay(&mut self, unit: &RepoPath, dir: &RepoPath) {
        let mut named = BTreeMap::new();
        for folder in [dir, unit] {
            named.extend(Module::files(self.sources, folder).into_iter().map(|source| (source.path.name(), source)));
        }
        let files: Vec<_> = named.into_values().collect();
        // What is declared twice was already said of the folders themselves.
        self.overlaid.insert(unit.clone(), Module::read(dir, &files, &mut Vec::new()));
    }

    /// Returns the folders that a module call of another folder names.
    fn called(&self) -> BTreeSet<RepoPath> {
        let calls = self.modules.values().flat_map(|module| module.calls.iter().map(move |call| (module, call)));
        let source = |(module, call): (&Module<'s>, &super::super::module::Declared<'s>)| {
            let source = call.attr("source")?.expr().as_str().filter(|source| is_local(source))?.to_owned();
            module.dir.join(&source).filter(|dir| *dir != module.dir)
        };
        calls.filter_map(source).collect()
    }

    /// Decides whether a folder that nothing calls is where Terraform is run.
    fn is_root(&self, module: &Module<'s>) -> bool {
        let evidence = |path: &RepoPath| {
            let name = path.name();
            name.ends_with(".tfvars") || name.ends_with(".tfvars.json") || name == ".terraform.lock.hcl"
        };
        if module.configured || self.sources.folder(&module.dir).iter().any(evidence) {
            return true;
        }
        let is_kept_as_module = module.dir.as_str().split('/').any(|part| matches!(part, "modules" | "module"));
        !is_kept_as_module && module.variables.values().all(|variable| variable.attr("default").is_some())
    }
}

fn environments(settings: &Settings, dir: &RepoPath, kind: RootKind, module: &RootModule) -> Vec<Root> {
    let root = |environment: Option<&Environment>| Root {
        dir: dir.clone(),
        environment: environment.map(|environment| environment.name.clone()),
        workspace: environment.and_then(|environment| environment.workspace.clone()),
        kind,
        module: module.clone(),
        var_files: if kind == RootKind::Orphan {
            Vec::new()
        } else {
            settings.var_files.iter().chain(environment.map(|environment| &environment.var_files).into_iter().flatten()).cloned().collect()
        },
    };
    let named: Vec<Root> =
        settings.environments.iter().filter(|environment| environment.root == *dir).map(|environment| root(Some(environment))).collect();
    if named.is_empty() { vec![root(None)] } else { named }
}
