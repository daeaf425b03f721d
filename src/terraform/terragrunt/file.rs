//! One Terragrunt file in the context it is read in: as a unit, as an include of one, or by
//! `read_terragrunt_config`.

use super::super::eval;
use super::super::eval::{Scope, Step};
use super::super::files::{Files, RepoPath};
use super::super::hcl::Source;
use super::super::sources::{ReadProblem, SourcePlace, Sources};
use super::super::value::{Value, Why, WhyKind};
use super::super::var_file;
use super::functions::{self, FunctionContext, UNIT};
use super::inputs::{ExtraArgument, Inputs, merged, parse_arguments};
use hcl_edit::expr::Expression;
use hcl_edit::structure::Block;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// Deeper chains of locals and read files than this are not followed.
const DEPTH: usize = 60;

/// What all files of one unit share.
#[derive(Debug)]
pub(super) struct UnitMemory<'s> {
    pub files: &'s Files,
    pub sources: &'s Sources,
    /// The unit's own file.
    pub original: RepoPath,
    pub problems: RefCell<BTreeSet<ReadProblem>>,
    /// What `read_terragrunt_config` gave; `None` while it is being read.
    reads: RefCell<HashMap<RepoPath, Option<Value>>>,
    /// What `read_tfvars_file` read, by the JSON text it gave: `jsondecode` of that text keeps the
    /// places.
    decoded: RefCell<HashMap<String, Value>>,
    depth: Cell<usize>,
}

impl<'s> UnitMemory<'s> {
    pub fn new(files: &'s Files, sources: &'s Sources, original: RepoPath) -> Self {
        Self {
            files,
            sources,
            original,
            problems: RefCell::default(),
            reads: RefCell::default(),
            decoded: RefCell::default(),
            depth: Cell::new(0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MergeStrategy {
    None,
    Shallow,
    Deep,
}

#[derive(Debug)]
pub(super) struct Include<'s> {
    label: String,
    pub path: RepoPath,
    strategy: MergeStrategy,
    expose: bool,
    config: Rc<TerragruntFile<'s>>,
}

#[derive(Debug)]
pub(super) struct TerragruntFile<'s> {
    shared: Rc<UnitMemory<'s>>,
    pub source: &'s Source,
    /// The file in whose folder `get_terragrunt_dir` is: this one, or the one that includes it.
    config_path: RepoPath,
    included: bool,
    folder: RepoPath,
    locals: RefCell<HashMap<String, Option<Value>>>,
    includes: RefCell<Option<Rc<Vec<Include<'s>>>>>,
    including: Cell<bool>,
}

impl<'s> TerragruntFile<'s> {
    pub fn new(
        shared: &Rc<UnitMemory<'s>>,
        source: &'s Source,
        config_path: RepoPath,
        included: bool,
    ) -> Rc<Self> {
        let folder = source.path.parent().unwrap_or_default();
        Rc::new(Self {
            shared: shared.clone(),
            source,
            config_path,
            included,
            folder,
            locals: RefCell::default(),
            includes: RefCell::default(),
            including: Cell::new(false),
        })
    }

    /// Returns what `get_terragrunt_dir` means.
    pub fn dir(&self) -> RepoPath {
        self.config_path.parent().unwrap_or_default()
    }

    pub fn blocks<'a>(
        &self,
        ident: &'a str,
    ) -> impl Iterator<Item = (&'s Source, &'s Block)> + use<'a, 's> {
        let source = self.source;
        source
            .body
            .blocks()
            .filter(move |block| block.ident.as_str() == ident)
            .map(move |block| (source, block))
    }

    pub fn eval(&self, expr: &Expression) -> Value {
        if self.shared.depth.get() > DEPTH {
            return Value::unknown(WhyKind::Limit, self.source.path.display());
        }
        self.shared.depth.set(self.shared.depth.get() + 1);
        let value = eval::eval(expr, self.source, self);
        self.shared.depth.set(self.shared.depth.get() - 1);
        value
    }

    /// This file, then its includes from the strongest to the weakest.
    pub fn layers(self: &Rc<Self>) -> Vec<(Rc<Self>, MergeStrategy)> {
        let includes = self.includes();
        let merged = includes
            .iter()
            .rev()
            .filter(|include| include.strategy != MergeStrategy::None);
        std::iter::once((self.clone(), MergeStrategy::Shallow))
            .chain(merged.map(|include| (include.config.clone(), include.strategy)))
            .collect()
    }

    /// Returns the files this one includes. An included file includes nothing (Terragrunt allows
    /// one level).
    pub fn includes(&self) -> Rc<Vec<Include<'s>>> {
        if let Some(done) = &*self.includes.borrow() {
            return done.clone();
        }
        if self.included || self.including.replace(true) {
            return Rc::default();
        }
        let found = Rc::new(
            self.blocks("include")
                .filter_map(|(_, block)| self.include(block))
                .collect::<Vec<_>>(),
        );
        self.including.set(false);
        *self.includes.borrow_mut() = Some(found.clone());
        found
    }

    fn include(&self, block: &'s Block) -> Option<Include<'s>> {
        let line = SourcePlace::of(self.source, &block.ident).line;
        let tell = |what: String| {
            self.shared.problems.borrow_mut().insert(ReadProblem::new(
                &self.source.path,
                Some(line),
                what,
            ));
            None
        };
        let Some(path) = block
            .body
            .get_attribute("path")
            .map(|path| self.eval(&path.value))
        else {
            return tell("include has no path".to_owned());
        };
        let Some(path) = path.as_str().and_then(|path| self.path(&path)) else {
            return tell(path.why_unknown().map_or_else(
                || "include leaves the repo".to_owned(),
                |why| format!("include is not followed: {why}"),
            ));
        };
        let Some(source) = self.shared.sources.source(&path) else {
            return tell(format!("included file {path} cannot be read"));
        };
        let text = |name| {
            block
                .body
                .get_attribute(name)
                .map(|attribute| self.eval(&attribute.value))
        };
        let strategy = match text("merge_strategy")
            .and_then(|value| value.as_str())
            .as_deref()
        {
            Some("no_merge") => MergeStrategy::None,
            Some("deep" | "deep_map_only") => MergeStrategy::Deep,
            _ => MergeStrategy::Shallow,
        };
        let expose = text("expose") == Some(Value::Bool(true));
        let label = block
            .labels
            .first()
            .map_or("", |label| label.as_str())
            .to_owned();
        let config = Self::new(&self.shared, source, self.config_path.clone(), true);
        Some(Include {
            label,
            path,
            strategy,
            expose,
            config,
        })
    }

    /// Returns the file of the repo that a path in this file means.
    pub fn path(&self, path: &str) -> Option<RepoPath> {
        RepoPath::from_absolute(path).or_else(|| self.dir().join(path))
    }

    pub fn local(&self, name: &str) -> Value {
        if let Some(slot) = self.locals.borrow().get(name) {
            return slot
                .clone()
                .unwrap_or_else(|| Value::unknown(WhyKind::Cycle, format!("local.{name}")));
        }
        let Some(attribute) = self
            .blocks("locals")
            .find_map(|(_, block)| block.body.get_attribute(name))
        else {
            return Value::unknown(WhyKind::NotDeclared, format!("local.{name}"));
        };
        self.locals.borrow_mut().insert(name.to_owned(), None);
        let value = self.eval(&attribute.value);
        self.locals
            .borrow_mut()
            .insert(name.to_owned(), Some(value.clone()));
        value
    }

    fn all_locals(&self) -> Value {
        let names = self
            .blocks("locals")
            .flat_map(|(_, block)| block.body.attributes());
        let all: BTreeMap<Arc<str>, Value> = names
            .map(|attribute| {
                (
                    attribute.key.as_str().into(),
                    self.local(attribute.key.as_str()),
                )
            })
            .collect();
        Value::Map(Arc::new(all))
    }

    /// Returns the inputs of this file, strongest first: the arguments of a `merge` one by one, so
    /// that an unknown one hides no other.
    pub fn inputs(&self, deep: bool) -> Vec<Inputs> {
        let Some(attribute) = self.source.body.get_attribute("inputs") else {
            return Vec::new();
        };
        let parts: Vec<&Expression> = match &attribute.value {
            Expression::FuncCall(call)
                if call.name.name.as_str() == "merge" && !call.args.expand_final() =>
            {
                call.args.iter().collect()
            }
            whole => vec![whole],
        };
        let inputs = |(index, expr): (usize, &&Expression)| Inputs {
            value: self.eval(expr),
            place: SourcePlace::of(self.source, *expr),
            deep: deep && index == 0,
        };
        parts.iter().rev().enumerate().map(inputs).collect()
    }

    /// Returns what other files see of this one.
    fn exported(self: &Rc<Self>) -> Value {
        let inputs: Vec<Inputs> = self
            .layers()
            .into_iter()
            .flat_map(|(config, strategy)| config.inputs(strategy == MergeStrategy::Deep))
            .collect();
        let all = [
            (Arc::from("locals"), self.all_locals()),
            (Arc::from("inputs"), merged(&inputs)),
        ];
        Value::Map(Arc::new(all.into()))
    }

    /// Reads one `extra_arguments` block, in the order in which Terragrunt hands its parts on.
    pub fn arguments(&self, block: &'s Block) -> Vec<ExtraArgument> {
        let value = |name: &str| {
            block.body.get_attribute(name).map(|attribute| {
                (
                    self.eval(&attribute.value),
                    SourcePlace::of(self.source, &attribute.value),
                )
            })
        };
        if let Some((Value::List(commands), _)) = value("commands") {
            let named: Option<Vec<String>> = commands.iter().map(Value::as_str).collect();
            if named
                .is_some_and(|names| !names.iter().any(|name| name == "plan" || name == "apply"))
            {
                return Vec::new();
            }
        }
        let mut out = Vec::new();
        if let Some((Value::List(items), place)) = value("arguments") {
            parse_arguments(&items, &place, &mut out);
        }
        for (name, required) in [("required_var_files", true), ("optional_var_files", false)] {
            match value(name) {
                Some((Value::List(items), place)) => {
                    out.extend(items.iter().map(|path| ExtraArgument::VarFile {
                        path: path.clone(),
                        required,
                        place: place.clone(),
                    }));
                }
                Some((path @ Value::Unknown(_), place)) => out.push(ExtraArgument::VarFile {
                    path,
                    required,
                    place,
                }),
                _ => {}
            }
        }
        if let Some((Value::Map(map), place)) = value("env_vars") {
            out.extend(map.iter().filter_map(|(name, value)| {
                Some(ExtraArgument::Env {
                    name: name.strip_prefix("TF_VAR_")?.to_owned(),
                    value: value.clone(),
                    place: place.clone(),
                })
            }));
        }
        out
    }

    /// `include.label.locals.x`, or `include.locals.x` for the include without a label.
    fn resolve_include(&self, steps: &[Step<'_>]) -> (Value, usize) {
        let includes = self.includes();
        let first = name(steps.first());
        let labelled = includes
            .iter()
            .find(|include| Some(include.label.as_str()) == first && !include.label.is_empty());
        let (include, used) = match labelled {
            Some(include) => (Some(include), 1),
            None => (includes.iter().find(|include| include.label.is_empty()), 0),
        };
        let what = format!("include.{}", first.unwrap_or(""));
        match include {
            Some(include) if include.expose => {
                match (name(steps.get(used)), name(steps.get(used + 1))) {
                    (Some("locals"), Some(local)) => (include.config.local(local), used + 2),
                    _ => (include.config.exported(), used),
                }
            }
            Some(_) => (
                Value::unknown(
                    WhyKind::NotDeclared,
                    format!("{what} is not exposed and so"),
                ),
                steps.len(),
            ),
            None => (Value::unknown(WhyKind::NotDeclared, what), steps.len()),
        }
    }

    /// `feature.x.value`: its default, as for `get_env`.
    fn resolve_feature(&self, steps: &[Step<'_>]) -> Value {
        let wanted = name(steps.first()).unwrap_or("");
        let default = self.blocks("feature").find(|(_, block)| {
            block
                .labels
                .first()
                .is_some_and(|label| label.as_str() == wanted)
        });
        match default.and_then(|(_, block)| block.body.get_attribute("default")) {
            Some(attribute) => self.eval(&attribute.value),
            None => Value::unknown(WhyKind::NotDeclared, format!("feature.{wanted}")),
        }
    }
}

impl Scope for TerragruntFile<'_> {
    fn resolve(&self, root: &str, steps: &[Step<'_>]) -> (Value, usize) {
        match (root, name(steps.first())) {
            ("local", Some(local)) => (self.local(local), 1),
            ("local", None) => (self.all_locals(), 0),
            ("include", _) => self.resolve_include(steps),
            ("feature", _) => (self.resolve_feature(steps), steps.len().min(2)),
            ("dependency", _) => (
                Value::Unknown(Why::new(WhyKind::Dependency, path_of(root, steps))),
                steps.len(),
            ),
            ("values", _) => (
                Value::Unknown(Why::new(WhyKind::RunTime, path_of(root, steps))),
                steps.len(),
            ),
            _ => (
                Value::Unknown(Why::new(WhyKind::NotDeclared, path_of(root, steps))),
                steps.len(),
            ),
        }
    }

    fn call(&self, name: &str, args: &[Value]) -> Option<Value> {
        functions::call(self, name, args)
    }

    fn files(&self) -> &Files {
        self.shared.files
    }

    fn cwd(&self) -> &RepoPath {
        &self.folder
    }
}

impl FunctionContext for TerragruntFile<'_> {
    fn files(&self) -> &Files {
        self.shared.files
    }

    fn dir(&self) -> RepoPath {
        self.dir()
    }

    fn original_dir(&self) -> RepoPath {
        self.shared.original.parent().unwrap_or_default()
    }

    fn included_file(&self, label: Option<&str>) -> Option<RepoPath> {
        if self.included {
            return Some(self.source.path.clone());
        }
        let includes = self.includes();
        let selected =
            label.and_then(|label| includes.iter().find(|include| include.label == label));
        selected
            .or_else(|| includes.first())
            .map(|include| include.path.clone())
    }

    fn read_config(&self, path: &str, default: Option<&Value>) -> Value {
        let missing = || {
            default
                .cloned()
                .unwrap_or_else(|| Value::unknown(WhyKind::Missing, path))
        };
        let Some(mut path) = self.path(path) else {
            return missing();
        };
        if !self.shared.sources.folder(&path).is_empty() {
            path = path.join(UNIT).unwrap_or(path);
        }
        if let Some(slot) = self.shared.reads.borrow().get(&path) {
            return slot.clone().unwrap_or_else(|| {
                Value::unknown(WhyKind::Cycle, format!("read_terragrunt_config of {path}"))
            });
        }
        let Some(source) = self.shared.sources.source(&path) else {
            let is_there = self.shared.files.get(&path).is_some();
            return if is_there {
                Value::unknown(WhyKind::File, path.display())
            } else {
                missing()
            };
        };
        self.shared.reads.borrow_mut().insert(path.clone(), None);
        let value = Self::new(&self.shared, source, path.clone(), false).exported();
        self.shared
            .reads
            .borrow_mut()
            .insert(path, Some(value.clone()));
        value
    }

    fn read_tfvars(&self, path: &str) -> Value {
        let Some(file) = self.path(path) else {
            return Value::unknown(WhyKind::File, path);
        };
        if self.shared.files.get(&file).is_none() {
            return Value::unknown(WhyKind::Missing, path);
        }
        let value = var_file::read(&file, self.shared.files, self.shared.sources);
        match eval::to_json(&value) {
            Ok(json) => {
                let json = json.to_string();
                self.shared.decoded.borrow_mut().insert(json.clone(), value);
                Value::text(json)
            }
            Err(why) => Value::Unknown(why),
        }
    }

    fn decoded(&self, json: &str) -> Option<Value> {
        self.shared.decoded.borrow().get(json).cloned()
    }
}

fn name<'e>(step: Option<&Step<'e>>) -> Option<&'e str> {
    match step {
        Some(Step::Attr(name)) => Some(name),
        _ => None,
    }
}

fn path_of(root: &str, steps: &[Step<'_>]) -> String {
    steps
        .iter()
        .take(4)
        .filter_map(|step| name(Some(step)))
        .fold(root.to_owned(), |path, name| path + "." + name)
}
