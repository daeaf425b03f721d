//! What may set the variables of a root, in Terraform's order, and what each of them is set to. Converts nothing.

#[cfg(test)]
mod tests;

use super::eval;
use super::files::{Files, RepoPath};
use super::hcl::Source;
use super::module::Written;
use super::scope::{Scope, Step};
use super::sources::{Place, Problem, Sources};
use super::span::Span;
use super::terragrunt::{self, Argument, Inputs, Unit, from_top};
use super::text::{Piece, Text};
use super::value::{Value, WhyKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of thing sets a variable, strongest first (Terraform's "variable definition precedence", and Terragrunt's `TF_VAR_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setter {
    /// An argument of the module call.
    Call,
    /// A var-file named in the settings or the environment.
    VarFile,
    /// A var-file or `-var` of Terragrunt's `extra_arguments`.
    ExtraArguments,
    AutoTfvars,
    Tfvars,
    /// `env_vars` of `extra_arguments`.
    ExtraEnv,
    /// Terragrunt's `inputs`.
    Inputs,
    /// The variable's own `default`.
    Default,
}

/// A value that something gives to a variable.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    pub value: Value,
    pub setter: Setter,
    /// Where the value is written.
    pub place: Place,
}

/// A variable of an instance: what it is, and what that overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub name: String,
    /// Where the variable is declared.
    pub declared: Place,
    /// Converted to the variable's type.
    pub value: Value,
    /// What sets it; `None` when nothing does.
    pub setter: Option<(Setter, Place)>,
    /// Weaker values, strongest first: editing them changes nothing here.
    pub overridden: Vec<Given>,
    /// Stronger files that cannot be read and may set it.
    pub could_be_overridden_by: Vec<RepoPath>,
}

/// Everything that may set the variables of one root, strongest first.
#[derive(Debug, Default)]
pub struct Layers<'s> {
    layers: Vec<Layer<'s>>,
}

#[derive(Debug)]
struct Layer<'s> {
    setter: Setter,
    content: Content<'s>,
}

#[derive(Debug)]
enum Content<'s> {
    /// A var-file.
    Body(&'s Source),
    /// Values that are already there, and where they come from as a whole.
    Map(Value, Place),
    Inputs(Vec<Inputs>),
    /// May set anything.
    Unreadable(RepoPath),
}

/// What is known of a root when its variables are looked for.
pub(super) struct Origin<'r, 's> {
    pub files: &'s Files,
    pub sources: &'s Sources,
    pub dir: &'r RepoPath,
    /// The folder of the module, which differs from `dir` for a unit with a `source`.
    pub module: &'r RepoPath,
    /// Strongest last.
    pub var_files: &'r [String],
    pub unit: Option<&'r Unit<'s>>,
}

impl<'s> Layers<'s> {
    pub(super) fn read(origin: &Origin<'_, 's>, problems: &mut Vec<Problem>) -> Self {
        let mut new = Self::default();
        for path in origin.var_files.iter().rev() {
            let found = candidates(origin, path).into_iter().find(|file| origin.files.get(file).is_some());
            match found {
                Some(file) => new.push_file(Setter::VarFile, &file, origin, problems),
                None => problems.push(Problem::new(origin.dir, None, format!("var-file {path} of the settings is not in the repo"))),
            }
        }
        let arguments = origin.unit.map(Unit::arguments).unwrap_or_default();
        for argument in arguments.iter().rev() {
            new.push_argument(argument, origin, problems);
        }
        new.push_tfvars(origin, problems);
        for argument in arguments.into_iter().rev() {
            if let Argument::Env { name, value, place } = argument {
                new.push(Setter::ExtraEnv, Content::Map(single(name, value), place));
            }
        }
        if let Some(unit) = origin.unit {
            new.push_inputs(unit.inputs());
        }
        new
    }

    /// Returns everything that sets the variable, strongest first, and the unreadable files that are stronger than the first of it.
    pub(super) fn given(&self, name: &str, files: &Files) -> (Vec<Given>, Vec<RepoPath>) {
        let (mut given, mut unreadable) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            let before = given.len();
            let mut add = |value: Value, place: &Place| {
                let place = written_at(&value, files).unwrap_or_else(|| place.clone());
                given.push(Given { value, setter: layer.setter, place });
            };
            match &layer.content {
                Content::Body(source) => {
                    if let Some(attribute) = source.body.get_attribute(name) {
                        let written = Written { attribute, source };
                        add(eval::eval(written.expr(), source, &Nothing::new(files)), &written.place());
                    }
                }
                Content::Map(Value::Map(map), place) => map.get(name).into_iter().for_each(|value| add(value.clone(), place)),
                Content::Map(..) => {}
                Content::Inputs(inputs) => add_inputs(inputs, name, &mut add),
                Content::Unreadable(_) => {}
            }
            if before == 0 {
                unreadable.extend(layer.may_set(name, given.is_empty()));
            }
        }
        unreadable.dedup();
        (given, unreadable)
    }

    /// Returns the names that something sets, with the place that does.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.layers.iter().flat_map(Layer::names).collect();
        names.sort();
        names.dedup();
        names
    }

    fn push(&mut self, setter: Setter, content: Content<'s>) {
        self.layers.push(Layer { setter, content });
    }

    fn push_file(&mut self, setter: Setter, file: &RepoPath, origin: &Origin<'_, 's>, problems: &mut Vec<Problem>) {
        let content = match origin.sources.source(file) {
            Some(source) => Content::Body(source),
            None if file.name().ends_with(".json") && origin.sources.unreadable(file).is_none() => {
                let place = Place { file: file.clone(), span: Span::default(), line: 1 };
                match decode(file, origin.files) {
                    value @ Value::Map(_) => Content::Map(value, place),
                    _ => Content::Unreadable(file.clone()),
                }
            }
            None => Content::Unreadable(file.clone()),
        };
        if matches!(content, Content::Unreadable(_)) && origin.sources.unreadable(file).is_none() {
            problems.push(Problem::new(file, None, "not read as a var-file; it may set any variable"));
        }
        self.push(setter, content);
    }

    fn push_argument(&mut self, argument: &Argument, origin: &Origin<'_, 's>, problems: &mut Vec<Problem>) {
        match argument {
            Argument::Var { name, value, place } => {
                self.push(Setter::ExtraArguments, Content::Map(single(name.clone(), Value::Text(value.clone())), place.clone()))
            }
            Argument::VarFile { path, required, place } => {
                let found = path.as_str().map(|path| candidates(origin, &path));
                let there = found.iter().flatten().find(|file| origin.files.get(file).is_some());
                match (there, found.iter().flatten().next()) {
                    (Some(file), _) => self.push_file(Setter::ExtraArguments, file, origin, problems),
                    (None, _) if !required => {}
                    (None, Some(file)) => {
                        problems.push(Problem::new(
                            &place.file,
                            Some(place.line),
                            format!("var-file {file} is not in the repo; it may set any variable"),
                        ));
                        self.push(Setter::ExtraArguments, Content::Unreadable(file.clone()));
                    }
                    (None, None) => {
                        problems.push(Problem::new(
                            &place.file,
                            Some(place.line),
                            format!("var-file {} is not known; it may set any variable", terragrunt::shown(path)),
                        ));
                        self.push(Setter::ExtraArguments, Content::Unreadable(place.file.clone()));
                    }
                }
            }
            Argument::Env { .. } => {}
        }
    }

    /// `*.auto.tfvars[.json]` in the order of their names, the last one strongest, then `terraform.tfvars.json`, then `terraform.tfvars`.
    /// A unit's own files are copied over those of its module.
    fn push_tfvars(&mut self, origin: &Origin<'_, 's>, problems: &mut Vec<Problem>) {
        let mut named: BTreeMap<&str, &RepoPath> = BTreeMap::new();
        for dir in [origin.module, origin.dir] {
            named.extend(origin.sources.folder(dir).iter().map(|path| (path.name(), path)));
        }
        let auto = |name: &str| name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json");
        for (_, path) in named.iter().rev().filter(|(name, _)| auto(name)) {
            self.push_file(Setter::AutoTfvars, path, origin, problems);
        }
        for path in ["terraform.tfvars.json", "terraform.tfvars"].iter().filter_map(|name| named.get(name)) {
            self.push_file(Setter::Tfvars, path, origin, problems);
        }
    }

    fn push_inputs(&mut self, inputs: Vec<Inputs>) {
        self.push(Setter::Inputs, Content::Inputs(inputs));
    }
}

impl Layer<'_> {
    /// Returns the files that cannot be read and may set a variable more strongly than what is known of this layer.
    fn may_set(&self, name: &str, nothing_known: bool) -> Vec<RepoPath> {
        let says = |inputs: &&Inputs| matches!(&inputs.value, Value::Map(map) if map.contains_key(name));
        match &self.content {
            Content::Unreadable(file) if nothing_known => vec![file.clone()],
            Content::Inputs(inputs) => {
                let stronger = inputs.iter().take_while(|inputs| !says(inputs));
                stronger.filter(|inputs| matches!(inputs.value, Value::Unknown(_))).map(|inputs| inputs.place.file.clone()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn names(&self) -> Vec<String> {
        let keys = |value: &Value| if let Value::Map(map) = value { map.keys().map(ToString::to_string).collect() } else { Vec::new() };
        match &self.content {
            Content::Body(source) => source.body.attributes().map(|attribute| attribute.key.as_str().to_owned()).collect(),
            Content::Map(value, _) => keys(value),
            Content::Inputs(inputs) => inputs.iter().flat_map(|inputs| keys(&inputs.value)).collect(),
            Content::Unreadable(_) => Vec::new(),
        }
    }
}

/// The strongest input, into which weaker ones are merged if their file is included deeply; then what is left of the weaker ones.
fn add_inputs(inputs: &[Inputs], name: &str, add: &mut dyn FnMut(Value, &Place)) {
    let mut found = inputs.iter().filter_map(|inputs| match &inputs.value {
        Value::Map(map) => map.get(name).map(|value| (value, inputs)),
        _ => None,
    });
    let Some((first, from)) = found.next() else { return };
    let (mut value, mut weaker) = (first.clone(), Vec::new());
    for (other, inputs) in found {
        match (inputs.deep, &value, other) {
            (true, Value::Map(_), Value::Map(_)) | (true, Value::List(_), Value::List(_)) => value = terragrunt::deep(&value, other),
            _ => weaker.push((other.clone(), &inputs.place)),
        }
    }
    add(value, &from.place);
    for (value, place) in weaker {
        add(value, place);
    }
}

/// Returns the files a var-file's path may mean: from the unit or root, from its module, from the repo's top folder.
fn candidates(origin: &Origin<'_, '_>, path: &str) -> Vec<RepoPath> {
    match from_top(path) {
        Some(file) => vec![file],
        None => [origin.dir, origin.module, &RepoPath::default()].into_iter().filter_map(|dir| dir.join(path)).collect(),
    }
}

fn single(name: String, value: Value) -> Value {
    Value::Map(Arc::new([(Arc::from(name), value)].into()))
}

/// Returns where a string is written, when it is written in one place.
fn written_at(value: &Value, files: &Files) -> Option<Place> {
    let Value::Text(text) = value else { return None };
    let origin = text.pieces().iter().find_map(|piece| match piece {
        Piece::Known { origin, .. } => origin.as_ref(),
        Piece::Unknown(_) => None,
    })?;
    let bytes = files.bytes(&origin.file)?;
    let line = bytes.get(..origin.literal.start)?.iter().filter(|byte| **byte == b'\n').count() + 1;
    Some(Place { file: origin.file.clone(), span: origin.literal, line })
}

/// Returns the values of a var-file: those of `read_tfvars_file`.
pub(super) fn read_file(file: &RepoPath, files: &Files, sources: &Sources) -> Value {
    match sources.source(file) {
        Some(source) => {
            let value = |attribute: &hcl_edit::structure::Attribute| {
                (Arc::from(attribute.key.as_str()), eval::eval(&attribute.value, source, &Nothing::new(files)))
            };
            Value::Map(Arc::new(source.body.attributes().map(value).collect()))
        }
        None if file.name().ends_with(".json") && sources.unreadable(file).is_none() => decode(file, files),
        None => Value::unknown(WhyKind::UnreadableSource, file.display()),
    }
}

/// Reads a JSON file as `jsondecode(file(…))` does, with the places of its strings.
fn decode(file: &RepoPath, files: &Files) -> Value {
    let Some(bytes) = files.bytes(file) else { return Value::unknown(WhyKind::File, file.display()) };
    let Ok(text) = Source::parse(RepoPath::default(), DECODE.as_bytes().into()) else { return Value::Null };
    let Ok(content) = std::str::from_utf8(bytes) else { return Value::unknown(WhyKind::File, file.display()) };
    let span = Span::new(0, bytes.len());
    let origin = super::text::Origin { file: file.clone(), span, literal: span, form: super::text::Form::Raw };
    let scope = Nothing { files, content: Value::Text(Text::written(content, origin)), cwd: RepoPath::default() };
    text.body.get_attribute("x").map_or(Value::Null, |attribute| eval::eval(&attribute.value, &text, &scope))
}

const DECODE: &str = "x = jsondecode(content)\n";

/// The scope of a var-file, in which nothing can be referred to.
struct Nothing<'f> {
    files: &'f Files,
    content: Value,
    cwd: RepoPath,
}

impl<'f> Nothing<'f> {
    fn new(files: &'f Files) -> Self {
        Self { files, content: Value::Null, cwd: RepoPath::default() }
    }
}

impl Scope for Nothing<'_> {
    fn resolve(&self, name: &str, _steps: &[Step]) -> (Value, usize) {
        match (name, &self.content) {
            ("content", content @ Value::Text(_)) => (content.clone(), 0),
            _ => (Value::unknown(WhyKind::NotDeclared, name), 0),
        }
    }

    fn files(&self) -> &Files {
        self.files
    }

    fn cwd(&self) -> &RepoPath {
        &self.cwd
    }
}
