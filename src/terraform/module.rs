//! What one folder of `.tf` files declares, with its override files merged in. Evaluates nothing.

pub(super) mod reads;

use super::files::RepoPath;
use super::hcl::Source;
use super::sources::{ModuleSources, ReadProblem, SourcePlace};
use hcl_edit::expr::Expression;
use hcl_edit::structure::{Attribute, Block, Body};
use std::collections::{BTreeMap, HashMap};

pub use reads::Reads;

/// A body and the file it is in.
#[derive(Clone, Copy, Debug)]
pub struct BodyLayer<'s> {
    pub body: &'s Body,
    pub source: &'s Source,
}

/// An attribute and the file it is in.
#[derive(Clone, Copy, Debug)]
pub struct WrittenAttribute<'s> {
    pub attribute: &'s Attribute,
    pub source: &'s Source,
}

impl<'s> WrittenAttribute<'s> {
    pub fn expr(&self) -> &'s Expression {
        &self.attribute.value
    }

    /// Returns the place of the value.
    pub fn place(&self) -> SourcePlace {
        SourcePlace::of(self.source, self.expr())
    }
}

/// A block of the top level: itself, and the blocks of override files that change it.
#[derive(Clone, Debug)]
pub struct Declared<'s> {
    pub block: &'s Block,
    pub source: &'s Source,
    /// The block's own body first; a later layer is stronger.
    pub layers: Vec<BodyLayer<'s>>,
}

impl<'s> Declared<'s> {
    fn new(block: &'s Block, source: &'s Source) -> Self {
        Self {
            block,
            source,
            layers: vec![BodyLayer {
                body: &block.body,
                source,
            }],
        }
    }

    /// Returns the strongest attribute of that name.
    pub fn attr(&self, name: &str) -> Option<WrittenAttribute<'s>> {
        attr(&self.layers, name)
    }

    /// Returns a label, `""` when there is none.
    pub fn label(&self, index: usize) -> &'s str {
        self.block
            .labels
            .get(index)
            .map_or("", |label| label.as_str())
    }

    pub fn place(&self) -> SourcePlace {
        SourcePlace::of(self.source, &self.block.ident)
    }

    /// Returns the names of a call's attributes that are arguments of the module.
    pub(super) fn arguments(&self) -> impl Iterator<Item = &'s str> {
        let names = self
            .layers
            .iter()
            .flat_map(|layer| layer.body.attributes())
            .map(|attribute| attribute.key.as_str());
        names.filter(|name| is_argument(name))
    }
}

/// Says whether an attribute of a module call is an argument of the module.
pub(super) fn is_argument(name: &str) -> bool {
    !matches!(
        name,
        "source" | "version" | "count" | "for_each" | "providers" | "depends_on"
    )
}

/// Says whether the `source` of a module call names a folder of the repo: Terraform's rule.
pub(super) fn is_local(source: &str) -> bool {
    source.starts_with("./") || source.starts_with("../") || source == "." || source == ".."
}

/// Returns the attribute of the strongest layer that has it.
pub(super) fn attr<'s>(layers: &[BodyLayer<'s>], name: &str) -> Option<WrittenAttribute<'s>> {
    layers.iter().rev().find_map(|layer| {
        layer
            .body
            .get_attribute(name)
            .map(|attribute| WrittenAttribute {
                attribute,
                source: layer.source,
            })
    })
}

/// The declarations of a module's folder.
#[derive(Debug, Default)]
pub struct Declarations<'s> {
    pub dir: RepoPath,
    pub variables: BTreeMap<&'s str, Declared<'s>>,
    pub locals: BTreeMap<&'s str, WrittenAttribute<'s>>,
    /// Locals and variable defaults that an override file replaces: `local.x` or `var.x`, what is
    /// replaced, by what.
    pub replaced: Vec<(String, WrittenAttribute<'s>, WrittenAttribute<'s>)>,
    pub outputs: BTreeMap<&'s str, Declared<'s>>,
    /// `resource` and `data` blocks in the order of files and lines.
    pub resources: Vec<Declared<'s>>,
    pub calls: Vec<Declared<'s>>,
    pub reads: Reads,
    /// There is a `provider`, `backend` or `cloud` block: a root, not a module to call.
    pub configured: bool,
    /// The files that were read.
    files: Vec<&'s Source>,
    index: HashMap<(&'s str, &'s str, &'s str), usize>,
}

impl<'s> Declarations<'s> {
    /// Reads what the `.tf` files declare; `files` are in the order of their names.
    pub fn read(dir: &RepoPath, files: &[&'s Source], problems: &mut Vec<ReadProblem>) -> Self {
        let mut module = Self {
            dir: dir.clone(),
            files: files.to_vec(),
            ..Self::default()
        };
        let (overriding, plain): (Vec<&'s Source>, Vec<&'s Source>) = files
            .iter()
            .partition(|source| is_override(source.path.name()));
        for (source, replace) in plain
            .iter()
            .map(|s| (s, false))
            .chain(overriding.iter().map(|s| (s, true)))
        {
            for block in source.body.blocks() {
                module.add(block, source, replace, problems);
            }
            module.reads.add(&source.body);
        }
        module
    }

    /// Reads the module in a folder. Where a file of it cannot be read, nothing is called unread.
    pub(super) fn of_folder(
        dir: &RepoPath,
        parsed: &'s ModuleSources,
        problems: &mut Vec<ReadProblem>,
    ) -> Self {
        let mut module = Self::read(dir, &parsed.sources.iter().collect::<Vec<_>>(), problems);
        if !parsed.complete {
            module.reads.add_all();
        }
        module
    }

    /// Returns the module's files, in the order of their names.
    pub fn sources(&self) -> &[&'s Source] {
        &self.files
    }

    /// Returns one of the module's files.
    pub(super) fn file(&self, path: &RepoPath) -> Option<&'s Source> {
        self.files
            .iter()
            .find(|source| source.path == *path)
            .copied()
    }

    /// Returns the folders that the calls of this module name as their source, its own left out.
    pub(super) fn called_folders(&self) -> impl Iterator<Item = RepoPath> {
        let source = |call: &Declared<'s>| {
            let source = call
                .attr("source")?
                .expr()
                .as_str()
                .filter(|source| is_local(source))?;
            self.dir.join(source).filter(|dir| *dir != self.dir)
        };
        self.calls.iter().filter_map(source)
    }

    /// Returns the resource or data block.
    pub fn find(&self, kind: &str, first: &str, second: &str) -> Option<&Declared<'s>> {
        let list = if kind == "module" {
            &self.calls
        } else {
            &self.resources
        };
        self.index
            .get(&(kind, first, second))
            .and_then(|at| list.get(*at))
    }

    fn add(
        &mut self,
        block: &'s Block,
        source: &'s Source,
        replace: bool,
        problems: &mut Vec<ReadProblem>,
    ) {
        let declared = Declared::new(block, source);
        match (block.ident.as_str(), declared.label(0), declared.label(1)) {
            ("locals", _, _) => self.add_locals(block, source, problems),
            ("variable", name, _) => self.add_named(true, name, declared, replace, problems),
            ("output", name, _) => self.add_named(false, name, declared, replace, problems),
            (kind @ ("resource" | "data"), first, second) => {
                self.add_indexed((kind, first, second), declared, replace, problems)
            }
            ("module", name, _) => {
                self.add_indexed(("module", name, ""), declared, replace, problems)
            }
            ("provider", _, _) => self.configured = true,
            ("terraform", _, _) => {
                self.configured |=
                    block.body.has_blocks("backend") || block.body.has_blocks("cloud")
            }
            _ => {}
        }
    }

    fn add_locals(
        &mut self,
        block: &'s Block,
        source: &'s Source,
        problems: &mut Vec<ReadProblem>,
    ) {
        for attribute in block.body.attributes() {
            let (name, written) = (
                attribute.key.as_str(),
                WrittenAttribute { attribute, source },
            );
            match self.locals.get(name).copied() {
                Some(_) if !is_override(source.path.name()) => {
                    problems.push(twice(&written.place(), name))
                }
                before => {
                    self.locals.insert(name, written);
                    self.replaced
                        .extend(before.map(|before| (format!("local.{name}"), before, written)));
                }
            }
        }
    }

    fn add_named(
        &mut self,
        variable: bool,
        name: &'s str,
        declared: Declared<'s>,
        replace: bool,
        problems: &mut Vec<ReadProblem>,
    ) {
        let list = if variable {
            &mut self.variables
        } else {
            &mut self.outputs
        };
        let Some(before) = list.get_mut(name) else {
            list.insert(name, declared);
            return;
        };
        if !replace {
            problems.push(twice(&declared.place(), name));
            return;
        }
        if let (true, Some(old), Some(new)) =
            (variable, before.attr("default"), declared.attr("default"))
        {
            self.replaced.push((format!("var.{name}"), old, new));
        }
        before.layers.extend(declared.layers);
    }

    fn add_indexed(
        &mut self,
        key: (&'s str, &'s str, &'s str),
        declared: Declared<'s>,
        replace: bool,
        problems: &mut Vec<ReadProblem>,
    ) {
        let list = if key.0 == "module" {
            &mut self.calls
        } else {
            &mut self.resources
        };
        match self.index.get(&key).and_then(|at| list.get_mut(*at)) {
            Some(before) if replace => before.layers.extend(declared.layers),
            Some(_) => problems.push(twice(&declared.place(), key.1)),
            None => {
                self.index.insert(key, list.len());
                list.push(declared);
            }
        }
    }
}

/// Terraform's rule: `override.tf` and names that end in `_override.tf` are merged into the other
/// files, in the order of their names.
fn is_override(name: &str) -> bool {
    let stem = name
        .strip_suffix(".tf")
        .or_else(|| name.strip_suffix(".tofu"));
    stem.is_some_and(|stem| stem == "override" || stem.ends_with("_override"))
}

fn twice(place: &SourcePlace, name: &str) -> ReadProblem {
    ReadProblem::new(
        &place.file,
        Some(place.line),
        format!("{name} is declared twice; the first one counts"),
    )
}
