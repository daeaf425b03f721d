//! `pintle.toml`: what a user may say, checked once into types that cannot be wrong. Reads text, never a file; holds no secret.

mod check;
mod checked;
mod cluster;
mod complain;
mod forge;
mod outside;
mod scan;
mod wire;

pub use outside::{Alert, Cache, Cluster, Custom, Forge, Git, Keel, Pipeline, Registry};

use crate::error::Result;
use crate::model::hold::Hold;
use crate::model::pattern::{Glob, Words};
use crate::model::policy::Policy;
use crate::model::reference::Reference;
use crate::model::schedule::Schedule;
use crate::terraform::files::RepoPath;
use jiff::SignedDuration;
use std::sync::Arc;

/// The name of the file, at the top of the repo.
pub const FILE: &str = "pintle.toml";

/// The whole configuration; `default()` is what holds without a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub scan: Scan,
    pub environments: Vec<Environment>,
    pub modules: Vec<Module>,
    pub extras: Vec<Extra>,
    pub defaults: Defaults,
    /// In the order of the file: the first that speaks wins, for each setting on its own.
    pub rules: Vec<Rule>,
    pub groups: Vec<Group>,
    pub holds: Vec<HoldEntry>,
    /// Stacks that are never written.
    pub deny: Vec<Glob>,
    /// Looked for in the comments of a site.
    pub do_not_bump: Vec<Words>,
    pub registries: Vec<Registry>,
    pub caches: Vec<Cache>,
    pub git: Git,
    pub forge: Forge,
    pub pipeline: Pipeline,
    pub cluster: Cluster,
    /// In the order of the file.
    pub alerts: Vec<Alert>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scan {
    /// Paths that are not read.
    pub exclude: Vec<Glob>,
    /// Var-files that cannot be read and are known to set no image.
    pub without_images: Vec<Glob>,
    /// The directories that are roots; empty: found by looking.
    pub roots: Vec<Glob>,
    /// Given to every root, as with `-var-file`.
    pub var_files: Vec<VarFile>,
}

/// A file of variables: relative to the root directory it is given to, or from the top of the repo when it starts with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarFile(Arc<str>);

impl VarFile {
    /// Returns the file's path for one root; `None` when it leaves the repo.
    pub fn path(&self, root: &RepoPath) -> Option<RepoPath> {
        match self.0.strip_prefix('/') {
            Some(path) => RepoPath::new(path),
            None => root.join(&self.0),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
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
}

/// A place that holds an image though its kind does not say so.
#[derive(Clone, Debug, PartialEq)]
pub enum Extra {
    /// Container environment values: `resource` matches `type.label`.
    Env { resource: Glob, env: Vec<Glob> },
    /// A value in a YAML or JSON file, by its dotted path; `*` stands for every element.
    File { file: Glob, path: Vec<Arc<str>> },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Defaults {
    pub policy: Option<Policy>,
    pub modes: Modes,
    pub schedule: Option<Schedule>,
    pub settle: SignedDuration,
    pub automerge: Option<bool>,
    pub soak: SignedDuration,
    /// How long after a digest went live its failure is its own. Zero: never.
    pub watch: SignedDuration,
    pub auto_rollback: Option<bool>,
    pub drift: Option<Drift>,
    /// `None`: any number of moves.
    pub budget: Option<Budget>,
}

/// How many moves may be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub changes: usize,
    pub per: SignedDuration,
}

/// What is made of an image that somebody set in the cluster by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// It is said.
    Report,
    /// The repo takes it over.
    Adopt,
    /// The repo stays; the next apply takes it back.
    Overwrite,
}

/// How a change reaches the default branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    Commit,
    PullRequest,
    Off,
}

/// A mode for each kind of action; `None` leaves it to who speaks next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modes {
    /// First pins.
    pub adopt: Option<Mode>,
    /// Pins that follow their channel. `move` in the file.
    pub follow: Option<Mode>,
    /// Rollbacks that pintle makes by itself.
    pub rollback: Option<Mode>,
}

impl Modes {
    pub fn all(mode: Mode) -> Self {
        Self { adopt: Some(mode), follow: Some(mode), rollback: Some(mode) }
    }
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::PullRequest => "pull-request",
            Self::Off => "off",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Where it stands in the file, from 1.
    pub number: usize,
    pub matches: Match,
    pub policy: Option<Policy>,
    pub modes: Modes,
    pub schedule: Option<Schedule>,
    pub settle: Option<SignedDuration>,
    /// Whether pintle merges its own pull requests when their time has come.
    pub automerge: Option<bool>,
    /// How long a digest must have been known before its pull request is merged by pintle.
    pub soak: Option<SignedDuration>,
    pub watch: Option<SignedDuration>,
    pub auto_rollback: Option<bool>,
    pub drift: Option<Drift>,
    pub group: Option<Arc<str>>,
    /// The reason, when the rule holds its sites.
    pub hold: Option<Arc<str>>,
}

/// All parts that are given must match; a part matches when one of its globs does. Workload parts must match on the same use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    pub stack: Vec<Glob>,
    pub file: Vec<Glob>,
    pub image: Vec<Glob>,
    pub namespace: Vec<Glob>,
    pub name: Vec<Glob>,
    pub kind: Vec<Glob>,
    pub container: Vec<Glob>,
}

/// Sites that move together or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub name: Arc<str>,
    pub sites: Vec<Glob>,
    pub stacks: Vec<Glob>,
    pub images: Vec<Glob>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct HoldEntry {
    /// Where it stands in the file, from 1.
    pub number: usize,
    pub site: Option<Glob>,
    pub image: Option<Glob>,
    pub stack: Option<Glob>,
    pub hold: Hold,
}

impl Config {
    /// Reads the text of a configuration; `file` names it in errors.
    ///
    /// # Errors
    /// A [`crate::error::Kind::Usage`] error with the place in the text.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let complain = complain::Complain { file, text };
        let wire: wire::File = toml::from_str(text).map_err(|error| complain.toml(&error))?;
        check::config(wire).map_err(|wrong| complain.wrong(wrong))
    }

    /// Returns sentences about what is accepted but probably not meant.
    pub fn warnings(&self) -> Vec<String> {
        let rules = self.rules.iter().map(|rule| (format!("[[rule]] {}", rule.number), &rule.schedule));
        let all = std::iter::once(("[defaults]".into(), &self.defaults.schedule)).chain(rules);
        all.filter_map(|(place, schedule)| Some(format!("{place}: {}", schedule.as_ref()?.warning()?))).collect()
    }
}

/// Returns the JSON schema of the file.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(wire::File).to_value()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scan: Scan::default(),
            environments: Vec::new(),
            modules: Vec::new(),
            extras: Vec::new(),
            defaults: Defaults::default(),
            rules: Vec::new(),
            groups: Vec::new(),
            holds: Vec::new(),
            deny: Vec::new(),
            do_not_bump: check::do_not_bump(),
            registries: Vec::new(),
            caches: Vec::new(),
            git: Git::default(),
            forge: Forge::default(),
            pipeline: Pipeline::default(),
            cluster: Cluster::default(),
            alerts: Vec::new(),
        }
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            policy: None,
            modes: Modes::default(),
            schedule: None,
            settle: SignedDuration::from_mins(10),
            automerge: None,
            soak: SignedDuration::ZERO,
            watch: SignedDuration::from_mins(15),
            auto_rollback: None,
            drift: None,
            budget: Some(Budget { changes: 5, per: SignedDuration::from_hours(6) }),
        }
    }
}

impl Match {
    /// Says whether nothing is asked for, so that everything matches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Says whether one of the globs matches an image, however it is spelled: `alpine`, `docker.io/library/alpine`, with or without its tag.
pub fn image_matches(globs: &[Glob], image: &Reference) -> bool {
    image.spellings().iter().any(|spelling| globs.iter().any(|glob| glob.matches(spelling)))
}

#[cfg(test)]
mod tests;
