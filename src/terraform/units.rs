//! The folders with a `terragrunt.hcl`: where each one's module is, and what it includes. Evaluates
//! `source` and `include` only.

use super::files::{Files, RepoPath};
use super::parallel::on_two_threads;
use super::root::RootModule;
use super::sources::{ReadProblem, Sources};
use super::terragrunt::{ExtraArgument, Location, TerragruntUnit, UNIT};
use super::variables;
use std::collections::{BTreeMap, BTreeSet};

/// A folder with a `terragrunt.hcl`.
#[derive(Debug)]
pub(super) struct UnitFolder {
    pub dir: RepoPath,
    pub location: Option<Location>,
    includes: Vec<RepoPath>,
    /// What the paths of `extra_arguments` may mean.
    pub var_files: Vec<RepoPath>,
}

impl UnitFolder {
    /// Returns the other folder of the repo that the unit's module is in.
    pub fn source_folder(&self) -> Option<&RepoPath> {
        match &self.location {
            Some(Location::Local(dir)) => Some(dir).filter(|dir| **dir != self.dir),
            _ => None,
        }
    }
}

/// Reads the units of a repo, on two threads; sorted by folder.
pub(super) fn read(
    files: &Files,
    sources: &Sources,
    problems: &mut Vec<ReadProblem>,
) -> Vec<UnitFolder> {
    let has_unit = |dir: &&RepoPath| sources.folder(dir).iter().any(|path| path.name() == UNIT);
    let dirs: Vec<&RepoPath> = sources.folders().filter(has_unit).collect();
    let found = on_two_threads(dirs.len(), |at| {
        let unit = TerragruntUnit::open(files, sources, dirs[at]);
        let location = unit
            .as_ref()
            .and_then(TerragruntUnit::source)
            .map(|(location, _)| location);
        let includes = unit
            .as_ref()
            .map(TerragruntUnit::includes)
            .unwrap_or_default();
        let var_files = unit
            .as_ref()
            .map(|unit| var_files(unit, dirs[at], location.as_ref()))
            .unwrap_or_default();
        let mut problems = unit
            .as_ref()
            .map(TerragruntUnit::problems)
            .unwrap_or_default();
        problems.extend(unit.iter().flat_map(TerragruntUnit::generated));
        (
            UnitFolder {
                dir: dirs[at].clone(),
                location,
                includes,
                var_files,
            },
            problems,
        )
    });
    let (units, found): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    problems.extend(found.into_iter().flatten());
    units
}

/// Returns the files that a unit's `extra_arguments` may mean.
fn var_files(unit: &TerragruntUnit, dir: &RepoPath, location: Option<&Location>) -> Vec<RepoPath> {
    let module = match location {
        Some(Location::Local(module)) => module,
        _ => dir,
    };
    let arguments = unit.arguments();
    let paths = arguments.iter().filter_map(|argument| match argument {
        ExtraArgument::VarFile { path, .. } => path.as_str(),
        _ => None,
    });
    paths
        .flat_map(|path| variables::candidates([dir, module], &path))
        .collect()
}

/// Returns the modules that units run, by the unit's folder; a unit that is only there to be
/// included runs none.
pub(super) fn modules(
    units: &[UnitFolder],
    sources: &Sources,
    problems: &mut Vec<ReadProblem>,
) -> BTreeMap<RepoPath, RootModule> {
    let included: BTreeSet<&RepoPath> = units.iter().flat_map(|unit| &unit.includes).collect();
    let mut modules = BTreeMap::new();
    for unit in units {
        let own = sources.is_module(&unit.dir);
        let is_parent = unit
            .dir
            .join(UNIT)
            .is_some_and(|file| included.contains(&file));
        if !own && (is_parent || unit.location.is_none()) {
            continue;
        }
        if let Some(dir) = unit.source_folder().filter(|dir| !sources.is_module(dir)) {
            let what = format!("there is no module in {dir}, which is this unit's source");
            problems.push(ReadProblem::new(
                &unit.dir.join(UNIT).unwrap_or_default(),
                None,
                what,
            ));
        }
        let module = match (&unit.location, unit.source_folder()) {
            (_, Some(dir)) if own => RootModule::Overlaid(dir.clone()),
            (_, Some(dir)) => RootModule::Folder(dir.clone()),
            (Some(Location::Remote(_)), None) if !own => RootModule::Remote,
            (_, None) => RootModule::Folder(unit.dir.clone()),
        };
        modules.insert(unit.dir.clone(), module);
    }
    modules
}
