//! Var-files that nothing loads and nothing names: somebody may pass them with `-var-file`. Says
//! which there are and which roots they could be meant for; never reads a value of them.

use super::files::{Files, RepoPath};
use super::sources::{RunSettings, Sources};
use super::value::Value;
use super::var_file;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A var-file that no run loads by itself, and that neither the settings nor Terragrunt name.
#[derive(Clone, Debug)]
pub struct UnnamedVarFile {
    pub path: RepoPath,
    /// The nearest folder around it that has a root in it: these roots may be given the file.
    scope: RepoPath,
    /// The variables it sets; `None` where it cannot be read, and may set any.
    names: Option<BTreeSet<Arc<str>>>,
}

impl UnnamedVarFile {
    pub fn may_set(&self, variable: &str) -> bool {
        self.names
            .as_ref()
            .is_none_or(|names| names.contains(variable))
    }

    /// Says whether a root in this folder could be given the file.
    pub(super) fn may_be_for(&self, dir: &RepoPath) -> bool {
        is_at_or_below(dir, &self.scope)
    }
}

/// Returns the var-files that nothing names, sorted by path. `units` are Terragrunt's folders, each
/// with the files that its `extra_arguments` may mean.
pub(super) fn find(
    files: &Files,
    sources: &Sources,
    settings: &RunSettings,
    units: &BTreeMap<&RepoPath, &[RepoPath]>,
) -> Vec<UnnamedVarFile> {
    let mut runs: BTreeSet<&RepoPath> = sources.modules().map(|(dir, _)| dir).collect();
    runs.extend(units.keys());
    let mut named = named(settings, &runs);
    named.extend(units.values().flat_map(|files| files.iter().cloned()));
    let is_loaded = |path: &RepoPath| {
        named.contains(path)
            || (is_automatic(path.name()) && path.parent().is_some_and(|dir| runs.contains(&dir)))
    };
    let var_files = sources
        .folders()
        .flat_map(|dir| sources.folder(dir))
        .filter(|path| is_var_file(path.name()) && !is_loaded(path));
    let unnamed = var_files.filter_map(|path| {
        Some(UnnamedVarFile {
            path: path.clone(),
            scope: scope(path, &runs)?,
            names: match var_file::read(path, files, sources) {
                Value::Map(values) => Some(values.keys().cloned().collect()),
                _ => None,
            },
        })
    });
    let mut all: Vec<_> = unnamed.collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn is_var_file(name: &str) -> bool {
    name.ends_with(".tfvars") || name.ends_with(".tfvars.json")
}

/// Says whether a run loads a file of that name by itself, from the folder it is run in.
fn is_automatic(name: &str) -> bool {
    let plain = name.strip_suffix(".json").unwrap_or(name);
    plain == "terraform.tfvars" || plain.ends_with(".auto.tfvars")
}

/// Returns the paths that the settings could mean.
fn named(settings: &RunSettings, runs: &BTreeSet<&RepoPath>) -> BTreeSet<RepoPath> {
    let top = RepoPath::default();
    let mut all: BTreeSet<RepoPath> = BTreeSet::new();
    for path in &settings.var_files {
        let dirs = runs.iter().copied().chain([&top]);
        all.extend(dirs.filter_map(|dir| dir.join(path)));
    }
    for one in &settings.environments {
        for path in &one.var_files {
            all.extend(
                [&one.root, &top]
                    .into_iter()
                    .filter_map(|dir| dir.join(path)),
            );
        }
    }
    all
}

fn scope(path: &RepoPath, runs: &BTreeSet<&RepoPath>) -> Option<RepoPath> {
    std::iter::successors(path.parent(), RepoPath::parent)
        .find(|dir| runs.iter().any(|run| is_at_or_below(run, dir)))
}

fn is_at_or_below(path: &RepoPath, dir: &RepoPath) -> bool {
    let rest = path.as_str().strip_prefix(dir.as_str());
    dir.as_str().is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
