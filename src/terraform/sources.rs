//! The repo's Terraform and Terragrunt files: which there are, and the trees of those that say
//! values (`.hcl`, `.tfvars`), which are kept. The files of a module are parsed when they are asked
//! for, and belong to whoever asks. Evaluates nothing.

use super::files::{Entry, Files, RepoPath};
use super::hcl::{self, Source, SyntaxErrorKind};
use super::parallel::on_two_threads;
use super::span::Span;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::collections::BTreeMap;
use std::sync::Arc;

const ENCRYPTED: &str = "encrypted: its values are not known";

/// What the config says about where and how Terraform is run.
#[derive(Clone, Debug, Default)]
pub struct RunSettings {
    /// Globs over paths and folders that are not read at all.
    pub exclude: Vec<String>,
    /// Var-files that every run names: relative to the root, else to the repo's top folder.
    pub var_files: Vec<String>,
    pub environments: Vec<RootEnvironment>,
    /// Folders that are roots whatever they look like.
    pub roots: Vec<RepoPath>,
}

/// One way in which a root is applied.
#[derive(Clone, Debug, Default)]
pub struct RootEnvironment {
    pub root: RepoPath,
    pub name: String,
    /// Relative to the root, else to the repo's top folder; the last one wins.
    pub var_files: Vec<String>,
    pub workspace: Option<String>,
}

/// Something in the repo that could not be read or does not hold together. Never fatal: it is
/// reported and the rest goes on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadProblem {
    pub file: RepoPath,
    /// 1-based.
    pub line: Option<usize>,
    pub what: String,
}

impl ReadProblem {
    pub(super) fn new(file: &RepoPath, line: Option<usize>, what: impl Into<String>) -> Self {
        Self {
            file: file.clone(),
            line,
            what: what.into(),
        }
    }
}

/// The files, by folder; the parsed ones that every root may read.
#[derive(Debug, Default)]
pub struct Sources {
    parsed: BTreeMap<RepoPath, Source>,
    /// File names by folder, for every file that is not excluded.
    folders: BTreeMap<RepoPath, Vec<RepoPath>>,
    /// The texts of a module's files by folder, sorted by name; a folder whose files cannot be read
    /// has an empty list.
    modules: BTreeMap<RepoPath, Vec<ModuleFile>>,
    /// Files that are there and cannot be read, and why.
    unreadable: BTreeMap<RepoPath, String>,
    problems: Vec<ReadProblem>,
    /// Links to files that say values, and where they lead.
    links: BTreeMap<RepoPath, RepoPath>,
    /// Files that say what is run and are not read: another takes their place, or they are written
    /// in another way.
    unread: Vec<RepoPath>,
}

/// A file of a module, as it is written.
#[derive(Debug)]
pub(super) struct ModuleFile {
    path: RepoPath,
    pub bytes: Arc<[u8]>,
}

/// The parsed files of one module's folder.
#[derive(Debug, Default)]
pub(super) struct ModuleSources {
    pub sources: Vec<Source>,
    /// There is no file of the module beside these.
    pub complete: bool,
    pub problems: Vec<ReadProblem>,
}

impl Sources {
    /// Lists every file that is not excluded, and parses those that say values, on two threads.
    pub fn read(files: &Files, settings: &RunSettings) -> Self {
        let mut all = Self::default();
        let excluded = all.excluded(&settings.exclude);
        let mut values = Vec::new();
        let mut links = Vec::new();
        for (path, _) in files
            .iter()
            .filter(|(path, _)| !is_excluded(&excluded, path))
        {
            let folder = path.parent().unwrap_or_default();
            all.folders
                .entry(folder.clone())
                .or_default()
                .push(path.clone());
            let kind = FileKind::of(path.name());
            let Some((target, entry)) = files.follow(path) else {
                continue;
            };
            match (kind, entry) {
                (FileKind::Module, Entry::Text(bytes)) => {
                    all.modules.entry(folder).or_default().push(ModuleFile {
                        path: target.clone(),
                        bytes: bytes.clone(),
                    });
                }
                (FileKind::Values, Entry::Text(_)) if target != *path => links.push((path, target)),
                (FileKind::Values, Entry::Text(bytes)) => values.push((path, bytes)),
                (FileKind::Json, Entry::Text(bytes)) if hcl::is_encrypted(bytes).is_some() => {
                    all.refuse(path, None, ENCRYPTED.to_owned())
                }
                (
                    kind @ (FileKind::Module | FileKind::Values | FileKind::Json),
                    Entry::NotRead(why),
                ) => {
                    all.refuse(path, None, format!("not read: {why}"));
                    if matches!(kind, FileKind::Module) {
                        all.modules.entry(folder).or_default();
                    }
                }
                (FileKind::NotRead(what), _) => {
                    all.unread.push(path.clone());
                    all.problems.push(ReadProblem::new(path, None, what));
                }
                (FileKind::Json | FileKind::Other, _) | (_, Entry::Link(_)) => {}
            }
        }
        let parsed = on_two_threads(values.len(), |at| parse(values[at].0, values[at].1));
        for (link, target) in links {
            all.links.insert(link.clone(), target);
        }
        all.without_replaced();
        for ((path, _), parsed) in values.into_iter().zip(parsed) {
            match parsed {
                Ok(source) => {
                    all.parsed.insert(path.clone(), source);
                }
                Err((line, what)) => all.refuse(path, line, what),
            }
        }
        all
    }

    /// Returns a parsed file that says values, or the one that a link leads to.
    pub fn source(&self, path: &RepoPath) -> Option<&Source> {
        self.parsed.get(self.links.get(path).unwrap_or(path))
    }

    /// Takes out the files that others take the place of: OpenTofu reads `main.tofu` and not
    /// `main.tf` beside it (OpenTofu docs, "Files and Directories").
    fn without_replaced(&mut self) {
        for files in self.modules.values_mut() {
            let stem =
                |file: &ModuleFile| file.path.as_str().strip_suffix(".tofu").map(str::to_owned);
            let stems: Vec<String> = files.iter().filter_map(stem).collect();
            files.retain(|file| {
                let by = file.path.as_str().strip_suffix(".tf");
                let is_replaced = by.is_some_and(|by| stems.iter().any(|stem| stem == by));
                if is_replaced {
                    let what = format!(
                        "not read: OpenTofu reads {}.tofu in its place; pintle does not check what Terraform would read",
                        file.path.name().trim_end_matches(".tf")
                    );
                    self.problems.push(ReadProblem::new(&file.path, None, what));
                    self.unread.push(file.path.clone());
                }
                !is_replaced
            });
        }
    }

    /// Returns the files that say what is run and are not read.
    pub(super) fn unread(&self) -> &[RepoPath] {
        &self.unread
    }

    /// Returns the paths of all parsed files that say values, sorted.
    pub(super) fn parsed(&self) -> impl Iterator<Item = &RepoPath> {
        self.parsed.keys()
    }

    /// Returns what could not be read.
    pub fn problems(&self) -> &[ReadProblem] {
        &self.problems
    }

    /// Returns why a file of the repo cannot be read; `None` when it can or is not there.
    pub fn unreadable(&self, path: &RepoPath) -> Option<&str> {
        self.unreadable.get(path).map(String::as_str)
    }

    /// Returns the paths of the files directly in `folder`, sorted.
    pub(super) fn folder(&self, folder: &RepoPath) -> &[RepoPath] {
        self.folders
            .get(folder)
            .map(Vec::as_slice)
            .unwrap_or_default()
    }

    /// Returns the folders that hold a file, sorted.
    pub(super) fn folders(&self) -> impl Iterator<Item = &RepoPath> {
        self.folders.keys()
    }

    /// Says whether a folder has files of a module.
    pub(super) fn is_module(&self, folder: &RepoPath) -> bool {
        self.modules.contains_key(folder)
    }

    /// Returns the folders that have files of a module, sorted, with these.
    pub(super) fn modules(&self) -> impl Iterator<Item = (&RepoPath, &[ModuleFile])> {
        self.modules
            .iter()
            .map(|(folder, files)| (folder, files.as_slice()))
    }

    /// Parses the files of a module's folder, on this thread.
    pub(super) fn parse_module(&self, folder: &RepoPath) -> ModuleSources {
        let files = self
            .modules
            .get(folder)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let is_foreign = |path: &RepoPath| {
            [".tf.json", ".tofu.json"]
                .iter()
                .any(|end| path.name().ends_with(end))
        };
        let is_unread = |path: &RepoPath| {
            is_foreign(path) || (is_module_file(path.name()) && self.unreadable(path).is_some())
        };
        let complete = !self.folder(folder).iter().any(is_unread);
        let mut module = ModuleSources {
            complete,
            ..ModuleSources::default()
        };
        for ModuleFile { path, bytes } in files {
            match parse(path, bytes) {
                Ok(source) => module.sources.push(source),
                Err((line, what)) => {
                    module.complete = false;
                    module.problems.push(ReadProblem::new(path, line, what));
                }
            }
        }
        module
    }

    fn excluded(&mut self, globs: &[String]) -> GlobSet {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            match Glob::new(glob) {
                Ok(glob) => {
                    set.add(glob);
                }
                Err(error) => {
                    self.problems.push(ReadProblem::new(
                        &RepoPath::default(),
                        None,
                        format!("exclude {glob:?} is no glob: {error}"),
                    ));
                }
            }
        }
        set.build().unwrap_or_default()
    }

    fn refuse(&mut self, path: &RepoPath, line: Option<usize>, what: String) {
        self.problems
            .push(ReadProblem::new(path, line, what.clone()));
        self.unreadable.insert(path.clone(), what);
    }
}

/// Says whether the path, or a folder it is in, is excluded. Terraform's and Terragrunt's own
/// copies of modules always are.
fn is_excluded(globs: &GlobSet, path: &RepoPath) -> bool {
    if path
        .as_str()
        .split('/')
        .any(|part| matches!(part, ".terraform" | ".terragrunt-cache" | ".git"))
    {
        return true;
    }
    if globs.is_empty() {
        return false;
    }
    std::iter::successors(Some(path.clone()), RepoPath::parent)
        .any(|part| !part.as_str().is_empty() && globs.is_match(part.as_str()))
}

enum FileKind {
    /// A file of a module.
    Module,
    /// A var-file, or a file of Terragrunt's.
    Values,
    /// Values as JSON, which are decoded when a root asks for them.
    Json,
    NotRead(&'static str),
    Other,
}

impl FileKind {
    fn of(name: &str) -> Self {
        if name.ends_with(".tf.json") {
            return Self::NotRead("not read: terraform written as json");
        }
        if name.ends_with(".tofu.json") {
            return Self::NotRead("not read: opentofu written as json");
        }
        if name.ends_with(".tm.hcl") {
            return Self::NotRead("not read: written for terramate, which makes terraform of it");
        }
        match name {
            "terragrunt.hcl.json" => return Self::NotRead("not read: terragrunt written as json"),
            "terragrunt.stack.hcl" => return Self::NotRead("not read: terragrunt stack file"),
            _ => {}
        }
        let foreign = [
            ".terraform.lock.hcl",
            ".tflint.hcl",
            ".pkr.hcl",
            ".nomad.hcl",
            "docker-bake.hcl",
            ".tftest.hcl",
        ];
        if foreign.iter().any(|end| name.ends_with(end)) {
            return Self::Other;
        }
        match name {
            _ if name.ends_with(".tfvars.json") => Self::Json,
            _ if is_module_file(name) => Self::Module,
            _ if name.ends_with(".hcl") || name.ends_with(".tfvars") => Self::Values,
            _ => Self::Other,
        }
    }
}

/// Says whether a file of that name belongs to the module of its folder.
pub(super) fn is_module_file(name: &str) -> bool {
    name.ends_with(".tf") || name.ends_with(".tofu")
}

fn parse(path: &RepoPath, bytes: &Arc<[u8]>) -> Result<Source, (Option<usize>, String)> {
    Source::parse(path.clone(), bytes.clone()).map_err(|error| match error.kind {
        SyntaxErrorKind::Encrypted(_) => (None, ENCRYPTED.to_owned()),
        _ => (
            Some(error.line),
            format!("does not parse: {}", error.message),
        ),
    })
}

/// Where something is written: the file, its bytes, its first line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourcePlace {
    pub file: RepoPath,
    pub span: Span,
    /// 1-based.
    pub line: usize,
}

impl SourcePlace {
    pub(super) fn of(source: &Source, node: &impl hcl_edit::Span) -> Self {
        let span = source.span(node.span().unwrap_or_default());
        Self {
            file: source.path.clone(),
            span,
            line: source.line(span.start),
        }
    }
}
