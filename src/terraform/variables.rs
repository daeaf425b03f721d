//! What may set the variables of a root, in Terraform's order, and what each of them is set to.
//! Converts nothing.

#[cfg(test)]
mod tests;

use super::files::{Files, RepoPath};
use super::hcl::Source;
use super::module::WrittenAttribute;
use super::sources::{ReadProblem, SourcePlace, Sources};
use super::span::Span;
use super::terragrunt::{self, ExtraArgument, Inputs, TerragruntUnit};
use super::text::Piece;
use super::unnamed::UnnamedVarFile;
use super::value::Value;
use super::var_file;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What kind of thing sets a variable, strongest first (Terraform's "variable definition
/// precedence", and Terragrunt's `TF_VAR_…`).
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
    pub place: SourcePlace,
}

/// A variable of an instance: what it is, and what that overrides.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    pub name: String,
    /// Where the variable is declared.
    pub declared: SourcePlace,
    /// Converted to the variable's type.
    pub value: Value,
    /// What sets it; `None` when nothing does.
    pub setter: Option<(Setter, SourcePlace)>,
    /// Weaker values, strongest first: editing them changes nothing here.
    pub overridden: Vec<Given>,
    /// Stronger files that cannot be read and may set it.
    pub could_be_overridden_by: Vec<RepoPath>,
    /// Files that set it where they are passed with `-var-file`, and that nothing names.
    pub could_be_passed: Vec<RepoPath>,
}

/// Everything that may set the variables of one root, strongest first.
#[derive(Debug)]
pub struct Layers<'s> {
    files: &'s Files,
    sources: &'s Sources,
    layers: Vec<ValueLayer<'s>>,
    /// The var-files that nothing names and that this root could be given.
    unnamed: Vec<&'s UnnamedVarFile>,
}

#[derive(Debug)]
struct ValueLayer<'s> {
    setter: Setter,
    content: LayerContent<'s>,
}

#[derive(Debug)]
enum LayerContent<'s> {
    /// A var-file.
    Body(&'s Source),
    /// Values that are already there, and where they come from as a whole.
    Map(Value, SourcePlace),
    Inputs(Vec<Inputs>),
    /// May set anything.
    Unreadable(RepoPath),
}

/// What is known of a root when its variables are looked for.
pub(super) struct RootFiles<'r, 's> {
    pub files: &'s Files,
    pub sources: &'s Sources,
    pub dir: &'r RepoPath,
    /// The folder of the module, which differs from `dir` for a unit with a `source`.
    pub module: &'r RepoPath,
    /// Strongest last.
    pub var_files: &'r [String],
    pub unit: Option<&'r TerragruntUnit<'s>>,
    /// Var-files that nothing names and that the root could be given.
    pub unnamed: Vec<&'s UnnamedVarFile>,
}

impl<'s> Layers<'s> {
    pub(super) fn read(origin: &RootFiles<'_, 's>, problems: &mut Vec<ReadProblem>) -> Self {
        let mut new = Self {
            files: origin.files,
            sources: origin.sources,
            layers: Vec::new(),
            unnamed: origin.unnamed.clone(),
        };
        for path in origin.var_files.iter().rev() {
            let found = candidates([origin.dir, origin.module], path)
                .into_iter()
                .find(|file| origin.files.get(file).is_some());
            match found {
                Some(file) => new.push_file(Setter::VarFile, &file, origin, problems),
                None => {
                    let shown = RepoPath::from_absolute(path);
                    let shown = shown.map_or_else(|| path.clone(), |file| format!("/{file}"));
                    let what = format!("var-file {shown} of the settings is not in the repo");
                    problems.push(ReadProblem::new(origin.dir, None, what));
                }
            }
        }
        let arguments = origin
            .unit
            .map(TerragruntUnit::arguments)
            .unwrap_or_default();
        for argument in arguments.iter().rev() {
            new.push_argument(argument, origin, problems);
        }
        new.push_tfvars(origin, problems);
        for argument in arguments.into_iter().rev() {
            if let ExtraArgument::Env { name, value, place } = argument {
                new.push(
                    Setter::ExtraEnv,
                    LayerContent::Map(single(name, value), place),
                );
            }
        }
        if let Some(unit) = origin.unit {
            new.push_inputs(unit.inputs());
        }
        new
    }

    /// Returns everything that sets the variable, strongest first, and the unreadable files that
    /// are stronger than the first of it.
    pub(super) fn given(&self, name: &str) -> (Vec<Given>, Vec<RepoPath>) {
        let (mut given, mut unreadable) = (Vec::new(), Vec::new());
        for layer in &self.layers {
            let before = given.len();
            let mut add = |value: Value, place: &SourcePlace| {
                let place = self.written_at(&value).unwrap_or_else(|| place.clone());
                given.push(Given {
                    value,
                    setter: layer.setter,
                    place,
                });
            };
            match &layer.content {
                LayerContent::Body(source) => {
                    if let Some(attribute) = source.body.get_attribute(name) {
                        let written = WrittenAttribute { attribute, source };
                        add(
                            var_file::value(written.expr(), source, self.files),
                            &written.place(),
                        );
                    }
                }
                LayerContent::Map(Value::Map(map), place) => map
                    .get(name)
                    .into_iter()
                    .for_each(|value| add(value.clone(), place)),
                LayerContent::Map(..) => {}
                LayerContent::Inputs(inputs) => add_inputs(inputs, name, &mut add),
                LayerContent::Unreadable(_) => {}
            }
            if before == 0 {
                unreadable.extend(layer.may_set(name, given.is_empty()));
            }
        }
        unreadable.dedup();
        (given, unreadable)
    }

    /// Returns the files that set the variable where somebody passes them, and that nothing names.
    /// What is given already may come from one of them (`read_tfvars_file`).
    pub(super) fn could_be_passed(&self, name: &str, given: &[Given]) -> Vec<RepoPath> {
        self.unnamed
            .iter()
            .filter(|file| file.may_set(name))
            .filter(|file| given.iter().all(|one| one.place.file != file.path))
            .map(|file| file.path.clone())
            .collect()
    }

    /// Returns the var-files that nothing names and that the root could be given.
    pub(super) fn unnamed(&self) -> &[&'s UnnamedVarFile] {
        &self.unnamed
    }

    /// Returns where a string is written, when it is written in one place.
    fn written_at(&self, value: &Value) -> Option<SourcePlace> {
        let Value::Text(text) = value else {
            return None;
        };
        let origin = text.pieces().iter().find_map(|piece| match piece {
            Piece::Known { origin, .. } => origin.as_ref(),
            Piece::Unknown(_) => None,
        })?;
        let line = match self.sources.source(&origin.file) {
            Some(source) => source.line(origin.literal.start),
            None => {
                let before = self
                    .files
                    .bytes(&origin.file)?
                    .get(..origin.literal.start)?;
                before.iter().filter(|byte| **byte == b'\n').count() + 1
            }
        };
        Some(SourcePlace {
            file: origin.file.clone(),
            span: origin.literal,
            line,
        })
    }

    /// Returns the names that something sets, with the place that does.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.layers.iter().flat_map(ValueLayer::names).collect();
        names.sort();
        names.dedup();
        names
    }

    fn push(&mut self, setter: Setter, content: LayerContent<'s>) {
        self.layers.push(ValueLayer { setter, content });
    }

    fn push_file(
        &mut self,
        setter: Setter,
        file: &RepoPath,
        origin: &RootFiles<'_, 's>,
        problems: &mut Vec<ReadProblem>,
    ) {
        let content = match origin.sources.source(file) {
            Some(source) => LayerContent::Body(source),
            None if file.name().ends_with(".json") && origin.sources.unreadable(file).is_none() => {
                let place = SourcePlace {
                    file: file.clone(),
                    span: Span::default(),
                    line: 1,
                };
                match var_file::decode(file, origin.files) {
                    value @ Value::Map(_) => LayerContent::Map(value, place),
                    _ => LayerContent::Unreadable(file.clone()),
                }
            }
            None => LayerContent::Unreadable(file.clone()),
        };
        if matches!(content, LayerContent::Unreadable(_))
            && origin.sources.unreadable(file).is_none()
        {
            problems.push(ReadProblem::new(
                file,
                None,
                "not read as a var-file; it may set any variable",
            ));
        }
        self.push(setter, content);
    }

    fn push_argument(
        &mut self,
        argument: &ExtraArgument,
        origin: &RootFiles<'_, 's>,
        problems: &mut Vec<ReadProblem>,
    ) {
        match argument {
            ExtraArgument::Var { name, value, place } => self.push(
                Setter::ExtraArguments,
                LayerContent::Map(
                    single(name.clone(), Value::Text(value.clone())),
                    place.clone(),
                ),
            ),
            ExtraArgument::VarFile {
                path,
                required,
                place,
            } => {
                let found = path
                    .as_str()
                    .map(|path| candidates([origin.dir, origin.module], &path));
                let there = found
                    .iter()
                    .flatten()
                    .find(|file| origin.files.get(file).is_some());
                match (there, found.iter().flatten().next()) {
                    (Some(file), _) => {
                        self.push_file(Setter::ExtraArguments, file, origin, problems)
                    }
                    (None, _) if !required => {}
                    (None, Some(file)) => {
                        problems.push(ReadProblem::new(
                            &place.file,
                            Some(place.line),
                            format!("var-file {file} is not in the repo; it may set any variable"),
                        ));
                        self.push(
                            Setter::ExtraArguments,
                            LayerContent::Unreadable(file.clone()),
                        );
                    }
                    (None, None) => {
                        problems.push(ReadProblem::new(
                            &place.file,
                            Some(place.line),
                            format!(
                                "var-file {} is not known; it may set any variable",
                                path.shown()
                            ),
                        ));
                        self.push(
                            Setter::ExtraArguments,
                            LayerContent::Unreadable(place.file.clone()),
                        );
                    }
                }
            }
            ExtraArgument::Env { .. } => {}
        }
    }

    /// `*.auto.tfvars[.json]` in the order of their names, the last one strongest, then
    /// `terraform.tfvars.json`, then `terraform.tfvars`. A unit's own files are copied over those
    /// of its module.
    fn push_tfvars(&mut self, origin: &RootFiles<'_, 's>, problems: &mut Vec<ReadProblem>) {
        let mut named: BTreeMap<&str, &RepoPath> = BTreeMap::new();
        for dir in [origin.module, origin.dir] {
            named.extend(
                origin
                    .sources
                    .folder(dir)
                    .iter()
                    .map(|path| (path.name(), path)),
            );
        }
        let auto =
            |name: &str| name.ends_with(".auto.tfvars") || name.ends_with(".auto.tfvars.json");
        for (_, path) in named.iter().rev().filter(|(name, _)| auto(name)) {
            self.push_file(Setter::AutoTfvars, path, origin, problems);
        }
        for path in ["terraform.tfvars.json", "terraform.tfvars"]
            .iter()
            .filter_map(|name| named.get(name))
        {
            self.push_file(Setter::Tfvars, path, origin, problems);
        }
    }

    fn push_inputs(&mut self, inputs: Vec<Inputs>) {
        self.push(Setter::Inputs, LayerContent::Inputs(inputs));
    }
}

impl ValueLayer<'_> {
    /// Returns the files that cannot be read and may set a variable more strongly than what is
    /// known of this layer.
    fn may_set(&self, name: &str, nothing_known: bool) -> Vec<RepoPath> {
        let says =
            |inputs: &&Inputs| matches!(&inputs.value, Value::Map(map) if map.contains_key(name));
        match &self.content {
            LayerContent::Unreadable(file) if nothing_known => vec![file.clone()],
            LayerContent::Inputs(inputs) => {
                let stronger = inputs.iter().take_while(|inputs| !says(inputs));
                stronger
                    .filter(|inputs| matches!(inputs.value, Value::Unknown(_)))
                    .map(|inputs| inputs.place.file.clone())
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn names(&self) -> Vec<String> {
        let keys = |value: &Value| {
            if let Value::Map(map) = value {
                map.keys().map(ToString::to_string).collect()
            } else {
                Vec::new()
            }
        };
        match &self.content {
            LayerContent::Body(source) => source
                .body
                .attributes()
                .map(|attribute| attribute.key.as_str().to_owned())
                .collect(),
            LayerContent::Map(value, _) => keys(value),
            LayerContent::Inputs(inputs) => inputs
                .iter()
                .flat_map(|inputs| keys(&inputs.value))
                .collect(),
            LayerContent::Unreadable(_) => Vec::new(),
        }
    }
}

/// The strongest input, into which weaker ones are merged if their file is included deeply; then
/// what is left of the weaker ones.
fn add_inputs(inputs: &[Inputs], name: &str, add: &mut dyn FnMut(Value, &SourcePlace)) {
    let mut found = inputs.iter().filter_map(|inputs| match &inputs.value {
        Value::Map(map) => map.get(name).map(|value| (value, inputs)),
        _ => None,
    });
    let Some((first, from)) = found.next() else {
        return;
    };
    let (mut value, mut weaker) = (first.clone(), Vec::new());
    for (other, inputs) in found {
        match (inputs.deep, &value, other) {
            (true, Value::Map(_), Value::Map(_)) | (true, Value::List(_), Value::List(_)) => {
                value = terragrunt::deep(&value, other)
            }
            _ => weaker.push((other.clone(), &inputs.place)),
        }
    }
    add(value, &from.place);
    for (value, place) in weaker {
        add(value, place);
    }
}

/// Returns the files a var-file's path may mean: from the unit or root, from its module, from the
/// repo's top folder.
pub(super) fn candidates(folders: [&RepoPath; 2], path: &str) -> Vec<RepoPath> {
    let [dir, module] = folders;
    match RepoPath::from_absolute(path) {
        Some(file) => vec![file],
        None => [dir, module, &RepoPath::default()]
            .into_iter()
            .filter_map(|dir| dir.join(path))
            .collect(),
    }
}

fn single(name: String, value: Value) -> Value {
    Value::Map(Arc::new([(Arc::from(name), value)].into()))
}
