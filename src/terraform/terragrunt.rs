//! One Terragrunt unit: its `terragrunt.hcl`, what that includes and reads, and what it hands to
//! Terraform. Runs nothing.

mod file;
mod functions;
mod inputs;
#[cfg(test)]
mod tests;

use super::files::{Files, RepoPath};
use super::hcl::Source;
use super::sources::{ReadProblem, SourcePlace, Sources};
use super::value::Value;
use file::{MergeStrategy, TerragruntFile, UnitMemory};
pub use functions::UNIT;
use hcl_edit::structure::Block;
pub use inputs::{ExtraArgument, Inputs, deep, merged};
use std::collections::BTreeSet;
use std::rc::Rc;

/// Where the module of a unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this folder of the repo.
    Local(RepoPath),
    /// In a registry or another repo: the text of `source`, with `?` for what is not known of it.
    Remote(String),
}

/// A unit. Built anew by each worker: it remembers what it evaluated.
#[derive(Debug)]
pub struct TerragruntUnit<'s> {
    shared: Rc<UnitMemory<'s>>,
    config: Rc<TerragruntFile<'s>>,
}

impl<'s> TerragruntUnit<'s> {
    /// Returns the unit of a folder; `None` when the folder has no `terragrunt.hcl` that parses.
    pub fn open(files: &'s Files, sources: &'s Sources, dir: &RepoPath) -> Option<Self> {
        let path = dir.join(UNIT)?;
        let source = sources.source(&path)?;
        let shared = Rc::new(UnitMemory::new(files, sources, path.clone()));
        let config = TerragruntFile::new(&shared, source, path, false);
        Some(Self { shared, config })
    }

    /// Returns the files this unit includes.
    pub fn includes(&self) -> Vec<RepoPath> {
        self.config
            .includes()
            .iter()
            .map(|include| include.path.clone())
            .collect()
    }

    /// Returns where `terraform { source }` points and where that is written; `None` when no file
    /// of the unit has it.
    pub fn source(&self) -> Option<(Location, SourcePlace)> {
        self.layers().into_iter().find_map(|(config, _)| {
            let (_, block) = config.blocks("terraform").next()?;
            let attribute = block.body.get_attribute("source")?;
            let place = SourcePlace::of(config.source, &attribute.value);
            Some((self.locate(&config.eval(&attribute.value)), place))
        })
    }

    /// Returns what `extra_arguments` adds to plan and apply; a later one is stronger.
    pub fn arguments(&self) -> Vec<ExtraArgument> {
        let mut named: Vec<(String, Rc<TerragruntFile<'s>>, &'s Block)> = Vec::new();
        for (config, _) in self.layers().into_iter().rev() {
            for block in config
                .blocks("terraform")
                .flat_map(|(_, block)| block.body.get_blocks("extra_arguments"))
            {
                let name = block
                    .labels
                    .first()
                    .map_or("", |label| label.as_str())
                    .to_owned();
                match named.iter_mut().find(|(other, _, _)| *other == name) {
                    Some(same) => *same = (name, config.clone(), block),
                    None => named.push((name, config.clone(), block)),
                }
            }
        }
        named
            .iter()
            .flat_map(|(_, config, block)| config.arguments(block))
            .collect()
    }

    /// Returns the `inputs` of each file of the unit, strongest first.
    pub fn inputs(&self) -> Vec<Inputs> {
        self.layers()
            .into_iter()
            .flat_map(|(config, strategy)| config.inputs(strategy == MergeStrategy::Deep))
            .collect()
    }

    pub fn dir(&self) -> RepoPath {
        self.config.dir()
    }

    /// Returns a note for each file that the unit writes and that may hold images: it is not in the
    /// repo, and not read.
    pub fn generated(&self) -> Vec<ReadProblem> {
        let note = |config: &Rc<TerragruntFile<'s>>, block: &'s Block| {
            let value = |name| {
                block
                    .body
                    .get_attribute(name)
                    .map(|attribute| config.eval(&attribute.value).shown())
            };
            let holds = value("contents").is_some_and(|contents| contents.contains("image"));
            let what = || {
                format!(
                    "not read: {}, which terragrunt generates",
                    value("path").unwrap_or_else(|| "a file".to_owned())
                )
            };
            holds.then(|| {
                ReadProblem::new(
                    &config.source.path,
                    Some(SourcePlace::of(config.source, &block.ident).line),
                    what(),
                )
            })
        };
        let blocks = |config: Rc<TerragruntFile<'s>>| {
            config
                .blocks("generate")
                .filter_map(|(_, block)| note(&config, block))
                .collect::<Vec<_>>()
        };
        self.layers()
            .into_iter()
            .flat_map(|(config, _)| blocks(config))
            .collect()
    }

    /// Returns what was found wrong so far.
    pub fn problems(&self) -> BTreeSet<ReadProblem> {
        self.shared.problems.borrow().clone()
    }

    pub fn file(&self) -> &'s Source {
        self.config.source
    }

    /// The unit's own file, then its includes: of two includes the later one is stronger
    /// (Terragrunt's `handleInclude`).
    fn layers(&self) -> Vec<(Rc<TerragruntFile<'s>>, MergeStrategy)> {
        self.config.layers()
    }

    fn locate(&self, source: &Value) -> Location {
        let Some(text) = source.as_str() else {
            return Location::Remote(source.shown());
        };
        let path = text.split('?').next().unwrap_or("");
        let local = match RepoPath::from_absolute(path) {
            Some(absolute) => Some(absolute),
            None if path.starts_with('.') => self.dir().join(path),
            None if path.contains(':') || path.starts_with('/') => None,
            None => self
                .dir()
                .join(path)
                .filter(|dir| !self.shared.sources.folder(dir).is_empty()),
        };
        local.map_or(Location::Remote(text), Location::Local)
    }
}
