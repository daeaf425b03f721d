//! Every `.tf`, `.hcl` and `.tfvars` file of the repo, parsed once and kept for the whole pass. Evaluates nothing.

use super::files::{Entry, Files, RepoPath};
use super::hcl::{self, Source, SyntaxErrorKind};
use super::parallel::on_two_threads;
use super::span::Span;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const ENCRYPTED: &str = "encrypted: its values are not known";

/// What the config says about where and how Terraform is run.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Globs over paths and folders that are not read at all.
    pub exclude: Vec<String>,
    /// Var-files that every run names: relative to the root, else to the repo's top folder.
    pub var_files: Vec<String>,
    pub environments: Vec<Environment>,
    /// Folders that are roots whatever they look like.
    pub roots: Vec<RepoPath>,
}

/// One way in which a root is applied.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    pub root: RepoPath,
    pub name: String,
    /// Relative to the root, else to the repo's top folder; the last one wins.
    pub var_files: Vec<String>,
    pub workspace: Option<String>,
}

/// Something in the repo that could not be read or does not hold together. Never fatal: it is told and the rest goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: RepoPath,
    /// 1-based.
    pub line: Option<usize>,
    pub what: String,
}

impl Problem {
    pub(super) fn new(file: &RepoPath, line: Option<usize>, what: impl Into<String>) -> Self {
        Self { file: file.clone(), line, what: what.into() }
    }
}

/// The parsed files.
#[derive(Debug, Default)]
pub struct Sources {
    sources: BTreeMap<RepoPath, Source>,
    /// File names by folder, for every file that is not excluded.
    folders: BTreeMap<RepoPath, Vec<RepoPath>>,
    /// Files that are there and cannot be read, and why.
    unreadable: BTreeMap<RepoPath, String>,
    problems: Vec<Problem>,
}

impl Sources {
    /// Parses every Terraform and Terragrunt file that is not excluded, on two threads.
    pub fn read(files: &Files, settings: &Settings) -> Self {
        let mut all = Self::default();
        let excluded = all.excluded(&settings.exclude);
        let mut wanted = Vec::new();
        for (path, entry) in files.iter().filter(|(path, _)| !is_excluded(&excluded, path)) {
            let folder = path.parent().unwrap_or_default();
            all.folders.entry(folder).or_default().push(path.clone());
            match (Kind::of(path.name()), entry) {
                (Kind::Parsed, Entry::Text(bytes)) => wanted.push((path, bytes)),
                (Kind::Json, Entry::Text(bytes)) if hcl::is_encrypted(bytes).is_some() => all.refuse(path, None, ENCRYPTED.to_owned()),
                (Kind::Parsed | Kind::Json, Entry::NotRead(why)) => all.refuse(path, None, format!("not read: {why}")),
                (Kind::NotRead(what), _) => all.problems.push(Problem::new(path, None, what)),
                (Kind::Json | Kind::Other, _) => {}
            }
        }
        let parsed = on_two_threads(wanted.len(), |at| parse(wanted[at].0, wanted[at].1));
        for ((path, _), parsed) in wanted.into_iter().zip(parsed) {
            match parsed {
                Ok(source) => {
                    all.sources.insert(path.clone(), source);
                }
                Err((line, what)) => all.refuse(path, line, what),
            }
        }
        all.problems.sort();
        all
    }

    /// Frees the parsed files on two threads: it takes a third of the time of parsing them.
    pub fn release(mut self) {
        let middle = self.sources.keys().nth(self.sources.len() / 2).cloned().unwrap_or_default();
        let half = self.sources.split_off(&middle);
        let halves = [Mutex::new(half), Mutex::new(self.sources)];
        on_two_threads(2, |at| drop(halves[at].lock().map(|mut half| std::mem::take(&mut *half))));
    }

    /// Returns the parsed file.
    pub fn source(&self, path: &RepoPath) -> Option<&Source> {
        self.sources.get(path)
    }

    /// Returns all parsed files, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.sources.values()
    }

    /// Returns what could not be read, sorted by file.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns why a file of the repo cannot be read; `None` when it can or is not there.
    pub fn unreadable(&self, path: &RepoPath) -> Option<&str> {
        self.unreadable.get(path).map(String::as_str)
    }

    /// Returns the paths of the files directly in `folder`, sorted.
    pub(super) fn folder(&self, folder: &RepoPath) -> &[RepoPath] {
        self.folders.get(folder).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the folders that hold a file, sorted.
    pub(super) fn folders(&self) -> impl Iterator<Item = &RepoPath> {
        self.folders.keys()
    }

    fn excluded(&mut self, globs: &[String]) -> GlobSet {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            match Glob::new(glob) {
                Ok(glob) => {
                    set.add(glob);
                }
                Err(error) => self.problems.push(Problem::new(&RepoPath::default(), None, format!("exclude {glob:?} is no glob: {error}"))),
            }
        }
        set.build().unwrap_or_default()
    }

    fn refuse(&mut self, path: &RepoPath, line: Option<usize>, what: String) {
        self.problems.push(Problem::new(path, line, what.clone()));
        self.unreadable.insert(path.clone(), what);
    }
}

/// Says whether the path, or a folder it is in, is excluded. Terraform's and Terragrunt's own copies of modules always are.
fn is_excluded(globs: &GlobSet, path: &RepoPath) -> bool {
    if path.as_str().split('/').any(|part| matches!(part, ".terraform" | ".terragrunt-cache" | ".git")) {
        return true;
    }
    if globs.is_empty() {
        return false;
    }
    std::iter::successors(Some(path.clone()), RepoPath::parent).any(|part| !part.as_str().is_empty() && globs.is_match(part.as_str()))
}

enum Kind {
    Parsed,
    /// Values as JSON, which are decoded when a root asks for them.
    Json,
    NotRead(&'static str),
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        if name.ends_with(".tf.json") {
            return Self::NotRead("not read: terraform written as json");
        }
        if name.ends_with(".tofu") || name.ends_with(".tofu.json") {
            return Self::NotRead("not read: opentofu's own file");
        }
        match name {
            "terragrunt.hcl.json" => return Self::NotRead("not read: terragrunt written as json"),
            "terragrunt.stack.hcl" => return Self::NotRead("not read: terragrunt stack file"),
            _ => {}
        }
        let foreign = [".terraform.lock.hcl", ".tflint.hcl", ".pkr.hcl", ".nomad.hcl", "docker-bake.hcl", ".tftest.hcl"]
            .iter()
            .any(|end| name.ends_with(end));
        if name.ends_with(".tfvars.json") {
            return Self::Json;
        }
        if !foreign && [".tf", ".hcl", ".tfvars"].iter().any(|end| name.ends_with(end)) { Self::Parsed } else { Self::Other }
    }
}

type Parsed = Result<Source, (Option<usize>, String)>;

fn parse(path: &RepoPath, bytes: &Arc<[u8]>) -> Parsed {
    Source::parse(path.clone(), bytes.clone()).map_err(|error| match error.kind {
        SyntaxErrorKind::Encrypted(_) => (None, ENCRYPTED.to_owned()),
        _ => (Some(error.line), format!("does not parse: {}", error.message)),
    })
}

/// Where something stands: the file, its bytes, its first line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub file: RepoPath,
    pub span: Span,
    /// 1-based.
    pub line: usize,
}

impl Place {
    pub(super) fn of(source: &Source, node: &impl hcl_edit::Span) -> Self {
        let span = source.span(node.span().unwrap_or_default());
        Self { file: source.path.clone(), span, line: source.line(span.start) }
    }
}
