//! One Terragrunt unit: its `terragrunt.hcl`, what that includes and reads, and what it hands to Terraform. Runs nothing.

mod config;
mod functions;
#[cfg(test)]
mod tests;

use super::files::{Files, RepoPath};
use super::hcl::Source;
use super::sources::{Place, Problem, Sources};
use super::text::{Piece, Text};
use super::value::{Value, WhyKind};
use config::{Config, Shared, Strategy};
pub(super) use functions::relative;
use hcl_edit::structure::Block;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// The repo's top folder as an absolute path, as `get_repo_root()` gives it. `file()` and its kin take paths below it.
pub const TOP: &str = "/repo";

/// The file that makes a folder a unit.
pub const UNIT: &str = "terragrunt.hcl";

/// Returns the path in the repo that an absolute path below [`TOP`] means; `None` for any other path.
pub fn from_top(path: &str) -> Option<RepoPath> {
    let rest = path.strip_prefix(TOP)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    RepoPath::default().join(rest.trim_start_matches('/'))
}

/// Returns the absolute path of a path in the repo.
pub(super) fn to_top(path: &RepoPath) -> String {
    if path.as_str().is_empty() { TOP.to_owned() } else { format!("{TOP}/{}", path.as_str()) }
}

/// Where the module of a unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this folder of the repo.
    Local(RepoPath),
    /// In a registry or another repo: the text of `source`, with `?` for what is not known of it.
    Remote(String),
}

/// One thing that `extra_arguments` adds, in the order in which Terraform gets them.
#[derive(Debug)]
pub enum Argument {
    VarFile {
        path: Value,
        required: bool,
        place: Place,
    },
    /// `-var name=value`.
    Var {
        name: String,
        value: Text,
        place: Place,
    },
    /// `TF_VAR_name` in `env_vars`.
    Env {
        name: String,
        value: Value,
        place: Place,
    },
}

/// The `inputs` of one file.
#[derive(Debug)]
pub struct Inputs {
    pub value: Value,
    pub place: Place,
    /// The file's maps and lists are merged with those of the files before it (`merge_strategy = "deep"`).
    pub deep: bool,
}

/// A unit. Built anew by each worker: it remembers what it evaluated.
#[derive(Debug)]
pub struct Unit<'s> {
    shared: Rc<Shared<'s>>,
    config: Rc<Config<'s>>,
}

impl<'s> Unit<'s> {
    /// Returns the unit of a folder; `None` when the folder has no `terragrunt.hcl` that parses.
    pub fn open(files: &'s Files, sources: &'s Sources, dir: &RepoPath) -> Option<Self> {
        let path = dir.join(UNIT)?;
        let source = sources.source(&path)?;
        let shared = Rc::new(Shared::new(files, sources, path.clone()));
        let config = Config::new(&shared, source, path, false);
        Some(Self { shared, config })
    }

    /// Returns the files this unit includes.
    pub fn includes(&self) -> Vec<RepoPath> {
        self.config.includes().iter().map(|include| include.path.clone()).collect()
    }

    /// Returns where `terraform { source }` points and where that is said; `None` when no file of the unit says it.
    pub fn source(&self) -> Option<(Location, Place)> {
        self.layers().into_iter().find_map(|(config, _)| {
            let (_, block) = config.blocks("terraform").next()?;
            let attribute = block.body.get_attribute("source")?;
            let place = Place::of(config.source, &attribute.value);
            Some((self.locate(&config.eval(&attribute.value)), place))
        })
    }

    /// Returns what `extra_arguments` adds to plan and apply; a later one is stronger.
    pub fn arguments(&self) -> Vec<Argument> {
        let mut named: Vec<(String, Rc<Config<'s>>, &'s Block)> = Vec::new();
        for (config, _) in self.layers().into_iter().rev() {
            for block in config.blocks("terraform").flat_map(|(_, block)| block.body.get_blocks("extra_arguments")) {
                let name = block.labels.first().map_or("", |label| label.as_str()).to_owned();
                match named.iter_mut().find(|(other, _, _)| *other == name) {
                    Some(same) => *same = (name, config.clone(), block),
                    None => named.push((name, config.clone(), block)),
                }
            }
        }
        named.iter().flat_map(|(_, config, block)| config.arguments(block)).collect()
    }

    /// Returns the `inputs` of each file of the unit, strongest first.
    pub fn inputs(&self) -> Vec<Inputs> {
        self.layers().into_iter().flat_map(|(config, strategy)| config.inputs(strategy == Strategy::Deep)).collect()
    }

    pub fn dir(&self) -> RepoPath {
        self.config.dir()
    }

    /// Returns a note for each file that the unit writes and that may hold images: it is not in the repo, and not read.
    pub fn generated(&self) -> Vec<Problem> {
        let note = |config: &Rc<Config<'s>>, block: &'s Block| {
            let value = |name| block.body.get_attribute(name).map(|attribute| shown(&config.eval(&attribute.value)));
            let holds = value("contents").is_some_and(|contents| contents.contains("image"));
            let what = || format!("not read: {}, which terragrunt generates", value("path").unwrap_or_else(|| "a file".to_owned()));
            holds.then(|| Problem::new(&config.source.path, Some(Place::of(config.source, &block.ident).line), what()))
        };
        let blocks = |config: Rc<Config<'s>>| config.blocks("generate").filter_map(|(_, block)| note(&config, block)).collect::<Vec<_>>();
        self.layers().into_iter().flat_map(|(config, _)| blocks(config)).collect()
    }

    /// Returns what was found wrong so far.
    pub fn problems(&self) -> BTreeSet<Problem> {
        self.shared.problems.borrow().clone()
    }

    pub fn file(&self) -> &'s Source {
        self.config.source
    }

    /// The unit's own file, then its includes: of two includes the later one is stronger (Terragrunt's `handleInclude`).
    fn layers(&self) -> Vec<(Rc<Config<'s>>, Strategy)> {
        self.config.layers()
    }

    fn locate(&self, source: &Value) -> Location {
        let Some(text) = source.as_str() else {
            return Location::Remote(shown(source));
        };
        let path = text.split('?').next().unwrap_or("");
        let local = match from_top(path) {
            Some(absolute) => Some(absolute),
            None if path.starts_with('.') => self.dir().join(path),
            None if path.contains(':') || path.starts_with('/') => None,
            None => self.dir().join(path).filter(|dir| !self.shared.sources.folder(dir).is_empty()),
        };
        local.map_or(Location::Remote(text), Location::Local)
    }
}

/// Returns a text with `?` for each part that is not known.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => {
            text.pieces().iter().map(|piece| if let Piece::Known { text, .. } = piece { text.as_ref() } else { "?" }).collect()
        }
        _ => "?".to_owned(),
    }
}

/// Merges `inputs` as Terragrunt does, `layers` strongest first; unknown layers add nothing.
pub(super) fn merged(layers: &[Inputs]) -> Value {
    let mut out: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    for layer in layers {
        let Value::Map(map) = &layer.value else { continue };
        for (key, value) in map.iter() {
            let merged = match out.get(key) {
                Some(stronger) if layer.deep => deep(stronger, value),
                Some(_) => continue,
                None => value.clone(),
            };
            out.insert(key.clone(), merged);
        }
    }
    match layers.iter().find(|layer| matches!(layer.value, Value::Unknown(_))) {
        Some(layer) if out.is_empty() => layer.value.clone(),
        _ => Value::Map(Arc::new(out)),
    }
}

/// Maps are merged key by key, lists are joined, of anything else the stronger one stays.
pub(super) fn deep(stronger: &Value, weaker: &Value) -> Value {
    match (stronger, weaker) {
        (Value::Map(a), Value::Map(b)) => {
            let mut out = (**b).clone();
            for (key, value) in a.iter() {
                let value = out.get(key).map_or_else(|| value.clone(), |weaker| deep(value, weaker));
                out.insert(key.clone(), value);
            }
            Value::Map(Arc::new(out))
        }
        (Value::List(a), Value::List(b)) => Value::List(Arc::new(b.iter().chain(a.iter()).cloned().collect())),
        _ => stronger.clone(),
    }
}

fn cycle(what: String) -> Value {
    Value::unknown(WhyKind::Cycle, what)
}
