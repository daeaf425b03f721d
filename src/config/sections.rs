//! The sections of the configuration, checked. Types only.

use super::notice::Receiver;
use super::systems::{
    AlertConfig, Cache, ClusterConfig, ForgeConfig, Git, PipelineConfig, Registry,
};
use crate::model::hold::Hold;
use crate::model::pattern::{Glob, StackPattern, Words};
use crate::model::settings::Settings;
use crate::terraform::files::RepoPath;
use jiff::SignedDuration;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScanConfig {
    /// Paths that are not read.
    pub exclude: Vec<Glob>,
    /// Var-files that cannot be read and are known to set no image.
    pub without_images: Vec<Glob>,
    /// The directories that are roots; empty: found by looking.
    pub roots: Vec<Glob>,
    /// Given to every root, as with `-var-file`.
    pub var_files: Vec<VarFile>,
}

/// A file of variables: relative to the root directory it is given to, or from the top of the repo
/// when it starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarFile(pub(super) Arc<str>);

impl VarFile {
    /// Returns the path as a root is given it: relative to the root, or absolute for one that is
    /// written from the top of the repo, with `/` in front.
    pub fn run_path(&self) -> String {
        let from_top = self.0.strip_prefix('/').and_then(RepoPath::new);
        from_top.map_or_else(|| self.0.to_string(), |path| path.to_absolute())
    }
}

/// One of the ways a root is applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// The roots it is for.
    pub root: Glob,
    pub name: Arc<str>,
    pub var_files: Vec<VarFile>,
    pub workspace: Option<Arc<str>>,
}

/// Which arguments of a module, whose text is not in the repo, hold an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Module {
    /// Matched against the call's `source` as written.
    pub source: Glob,
    pub arguments: ModuleArguments,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleArguments {
    /// One argument holds the whole reference.
    Reference(Arc<str>),
    Parts {
        registry: Option<Arc<str>>,
        repository: Option<Arc<str>>,
        tag: Option<Arc<str>>,
        digest: Option<Arc<str>>,
    },
    /// They hold the values of a chart, weakest first.
    Values(Vec<Arc<str>>),
}

/// A place that holds an image though its kind does not say so.
#[derive(Clone, Debug, PartialEq)]
pub enum ExtraFile {
    /// Container environment values: `resource` matches `type.label`.
    Env { resource: Glob, env: Vec<Glob> },
    /// A value in a YAML or JSON file, by its dotted path; `*` stands for every element.
    File { file: Glob, path: Vec<Arc<str>> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    pub settings: Settings,
    /// `None`: any number of updates.
    pub budget: Option<Budget>,
    /// How many images are pinned for the first time in one go; `None`: all.
    pub adopt_batch: Option<usize>,
}

/// How many updates may be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub changes: usize,
    pub per: SignedDuration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it stands in the file, from 1.
    pub number: usize,
    pub matches: Match,
    pub settings: Settings,
    /// The reason, when the rule holds its sites.
    pub hold: Option<Arc<str>>,
}

/// All parts that are given must match; a part matches when one of its globs does. Workload parts
/// must match on the same use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    pub stack: Vec<StackPattern>,
    pub file: Vec<Glob>,
    pub image: Vec<Glob>,
    pub namespace: Vec<Glob>,
    pub name: Vec<Glob>,
    /// In lower case, as kinds are printed.
    pub kind: Vec<Glob>,
    pub container: Vec<Glob>,
}

/// Sites that are updated together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: Arc<str>,
    /// Matched against ids and aliases.
    pub sites: Vec<Glob>,
    pub stacks: Vec<StackPattern>,
    pub images: Vec<Glob>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HoldEntry {
    /// Where it stands in the file, from 1.
    pub number: usize,
    /// Matched against ids and aliases; one is enough. Empty: not asked for.
    pub site: Vec<Glob>,
    pub image: Option<Glob>,
    pub stack: Option<StackPattern>,
    pub hold: Hold,
}

/// The whole configuration; `default()` is what holds without a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub scan: ScanConfig,
    pub environments: Vec<Environment>,
    pub modules: Vec<Module>,
    pub extras: Vec<ExtraFile>,
    pub defaults: Defaults,
    /// In the order of the file: the first that speaks wins, for each setting on its own.
    pub rules: Vec<Rule>,
    pub groups: Vec<Group>,
    pub holds: Vec<HoldEntry>,
    /// Stacks that are never written.
    pub deny: Vec<StackPattern>,
    /// Looked for in the comments of a site.
    pub do_not_bump: Vec<Words>,
    pub registries: Vec<Registry>,
    pub caches: Vec<Cache>,
    pub git: Git,
    pub forge: ForgeConfig,
    pub pipeline: PipelineConfig,
    pub cluster: ClusterConfig,
    /// In the order of the file.
    pub alerts: Vec<AlertConfig>,
    pub receivers: Vec<Receiver>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scan: ScanConfig::default(),
            environments: Vec::new(),
            modules: Vec::new(),
            extras: Vec::new(),
            defaults: Defaults::default(),
            rules: Vec::new(),
            groups: Vec::new(),
            holds: Vec::new(),
            deny: Vec::new(),
            do_not_bump: do_not_bump(),
            registries: Vec::new(),
            caches: Vec::new(),
            git: Git::default(),
            forge: ForgeConfig::default(),
            pipeline: PipelineConfig::default(),
            cluster: ClusterConfig::default(),
            alerts: Vec::new(),
            receivers: Vec::new(),
        }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            budget: Some(Budget {
                changes: 5,
                per: SignedDuration::from_hours(6),
            }),
            adopt_batch: None,
        }
    }
}

impl Match {
    /// Says whether nothing is asked for, so that everything matches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What is looked for in comments where the file does not say it.
pub(super) fn do_not_bump() -> Vec<Words> {
    [
        "do not bump",
        "don't bump",
        "do not update",
        "do not upgrade",
    ]
    .iter()
    .filter_map(|text| Words::new(text).ok())
    .collect()
}
