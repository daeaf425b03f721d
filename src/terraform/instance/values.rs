//! The variables, locals and outputs of an instance: what they are, what that overrides, and what
//! nothing reads.

use super::super::eval::support::to_bool;
use super::super::eval::{self, Scope, Step};
use super::super::files::{Files, RepoPath};
use super::super::module::{Declared, WrittenAttribute};
use super::super::root::RootModule;
use super::super::sources::SourcePlace;
use super::super::types::TypeConstraint;
use super::super::value::{Value, WhyKind};
use super::super::variables::{Binding, Given, Setter};
use super::repeat::Bindings;
use super::{Instance, InstanceScope, NameKind};
use std::rc::Rc;

/// A local or a variable's default that decides nothing in the whole folder.
#[derive(Clone, Debug)]
pub struct Unread {
    /// `local.x` or `var.x`.
    pub name: String,
    pub value: Value,
    pub place: SourcePlace,
    /// The override file's literal that replaces it; `None` when nothing reads it.
    pub replaced_by: Option<SourcePlace>,
}

impl<'p> Instance<'p> {
    /// Returns what a variable is, and what that overrides; `None` when it is not declared.
    pub fn binding(&self, name: &str) -> Option<Rc<Binding>> {
        let (name, declared) = self.node.module.variables.get_key_value(name)?;
        if let Some(known) = self.node.bindings.borrow().get(name) {
            return Some(known.clone());
        }
        let binding = Rc::new(self.bind(name, declared));
        self.node
            .bindings
            .borrow_mut()
            .insert(name, binding.clone());
        Some(binding)
    }

    fn bind(&self, name: &str, declared: &Declared<'p>) -> Binding {
        let (mut given, unreadable) = self.given(name);
        let could_be_passed = match &self.node.call {
            Some(_) => Vec::new(),
            None => self.tree.layers.could_be_passed(name, &given),
        };
        if let Some(default) = declared.attr("default") {
            given.push(Given {
                value: self.eval(default.expr(), default.source),
                setter: Setter::Default,
                place: default.place(),
            });
        }
        let nullable = declared
            .attr("nullable")
            .is_none_or(|nullable| nullable.expr().as_bool() != Some(false));
        let of = self.type_of(declared);
        let what = format!("var.{name}");
        for one in &mut given {
            one.value = of.convert(&one.value, &what);
        }
        let at = given
            .iter()
            .position(|one| nullable || !matches!(one.value, Value::Null));
        let chosen = at.map(|at| given.remove(at));
        let value = match &chosen {
            Some(chosen) => chosen.value.clone(),
            None if !could_be_passed.is_empty() => Value::unknown(
                WhyKind::NotLoaded,
                format!("{what} is set by {}", in_words(&could_be_passed)),
            ),
            None if unreadable.is_empty() => Value::unknown(WhyKind::VariableNotSet, what),
            None => Value::unknown(WhyKind::UnreadableSource, what),
        };
        let setter = chosen.map(|chosen| (chosen.setter, chosen.place));
        let (name, declared) = (name.to_owned(), declared.place());
        Binding {
            name,
            declared,
            value,
            setter,
            overridden: given,
            could_be_overridden_by: unreadable,
            could_be_passed,
        }
    }

    /// Returns the validation of a variable that the value it has passes and `other` would not.
    pub fn refuses(&self, name: &str, other: &Value) -> Option<SourcePlace> {
        let declared = self.node.module.variables.get(name)?;
        let own = self.variable(name);
        let blocks = declared.layers.iter().flat_map(|layer| {
            layer
                .body
                .get_blocks("validation")
                .map(move |block| (block, layer.source))
        });
        let conditions = blocks.filter_map(|(block, source)| {
            Some(WrittenAttribute {
                attribute: block.body.get_attribute("condition")?,
                source,
            })
        });
        let outer = InstanceScope {
            instance: self,
            bindings: &Bindings::default(),
        };
        let passes = |written: &WrittenAttribute<'p>, value: &Value| {
            let scope = SupposedValue {
                outer: &outer,
                name,
                value,
            };
            match to_bool(&eval::eval(written.expr(), written.source, &scope)) {
                Ok(passes) => Some(passes),
                Err(why) => (why.kind == WhyKind::Invalid).then_some(false),
            }
        };
        let mut conditions = conditions.filter(|written| {
            passes(written, &own) == Some(true) && passes(written, other) == Some(false)
        });
        conditions.next().map(|written| written.place())
    }

    /// Returns the variables that have a validation, sorted by name.
    pub fn validated(&self) -> Vec<Rc<Binding>> {
        let has = |declared: &Declared<'p>| {
            declared
                .layers
                .iter()
                .any(|layer| layer.body.has_blocks("validation"))
        };
        let names = self
            .node
            .module
            .variables
            .iter()
            .filter(|(_, declared)| has(declared))
            .map(|(name, _)| name);
        names.filter_map(|name| self.binding(name)).collect()
    }

    /// Returns all variables of the instance, sorted by name.
    pub fn variables(&self) -> Vec<Rc<Binding>> {
        self.node
            .module
            .variables
            .keys()
            .filter_map(|name| self.binding(name))
            .collect()
    }

    /// Returns the unreadable files that may set a variable.
    pub fn unreadable_overrides(&self, name: &str) -> Vec<RepoPath> {
        self.binding(name)
            .map(|binding| binding.could_be_overridden_by.clone())
            .unwrap_or_default()
    }

    /// Returns the values that are given to this module under names it does not declare: they do
    /// nothing here.
    pub fn undeclared(&self) -> Vec<(String, Given)> {
        let declared = |name: &str| self.node.module.variables.contains_key(name);
        if self.tree.root.module == RootModule::Remote {
            return Vec::new();
        }
        let names: Vec<String> = match &self.node.call {
            Some(call) => call.declared.arguments().map(str::to_owned).collect(),
            None => self.tree.layers.names(),
        };
        let given = |name: String| {
            self.given(&name)
                .0
                .into_iter()
                .map(move |given| (name.clone(), given))
                .collect::<Vec<_>>()
        };
        names
            .into_iter()
            .filter(|name| !declared(name))
            .flat_map(given)
            .collect()
    }

    /// Returns the locals and variables that nothing in the folder reads, and those an override
    /// file replaces.
    pub fn unread(&self) -> Vec<Unread> {
        let module = self.node.module;
        let new = |name: String, written: &WrittenAttribute<'p>, replaced_by| {
            let value = self.eval(written.expr(), written.source);
            Unread {
                name,
                value,
                place: written.place(),
                replaced_by,
            }
        };
        let locals = module
            .locals
            .iter()
            .filter(|(name, _)| !module.reads.local(name));
        let variables = module
            .variables
            .iter()
            .filter(|(name, _)| !module.reads.variable(name));
        let defaults =
            variables.filter_map(|(name, declared)| Some((name, declared.attr("default")?)));
        let mut all: Vec<Unread> = locals
            .map(|(name, written)| new(format!("local.{name}"), written, None))
            .collect();
        all.extend(defaults.map(|(name, written)| new(format!("var.{name}"), &written, None)));
        all.extend(
            module
                .replaced
                .iter()
                .map(|(name, old, by)| new(name.clone(), old, Some(by.place()))),
        );
        all
    }

    /// Returns the values that something gives to a name, strongest first.
    fn given(&self, name: &str) -> (Vec<Given>, Vec<RepoPath>) {
        let Some(call) = &self.node.call else {
            return self.tree.layers.given(name);
        };
        let argument = call.declared.attr(name).map(|written| {
            let value = self.tree.instance(call.parent).eval_in(
                written.expr(),
                written.source,
                &call.bindings,
            );
            Given {
                value,
                setter: Setter::Call,
                place: written.place(),
            }
        });
        (argument.into_iter().collect(), Vec::new())
    }

    fn type_of(&self, declared: &Declared<'p>) -> TypeConstraint {
        let written = declared.attr("type");
        let read = |written: WrittenAttribute<'p>| {
            TypeConstraint::read(written.expr(), &|default| {
                self.eval(default, written.source)
            })
        };
        written.map_or(TypeConstraint::Any, read)
    }

    pub(in super::super) fn variable(&self, name: &str) -> Value {
        match self.node.module.variables.get_key_value(name) {
            Some((name, _)) => self.remembered(NameKind::Variable, name, || {
                self.binding(name)
                    .map_or(Value::Null, |binding| binding.value.clone())
            }),
            None => Value::unknown(WhyKind::NotDeclared, NameKind::Variable.what(name)),
        }
    }

    pub(in super::super) fn local(&self, name: &str) -> Value {
        match self.node.module.locals.get_key_value(name) {
            Some((name, written)) => self.remembered(NameKind::Local, name, || {
                self.eval(written.expr(), written.source)
            }),
            None => Value::unknown(WhyKind::NotDeclared, NameKind::Local.what(name)),
        }
    }

    /// Returns what the module gives out.
    pub(super) fn output(&self, name: &str) -> Value {
        let declared = self.node.module.outputs.get_key_value(name);
        match declared.and_then(|(name, output)| Some((name, output.attr("value")?))) {
            Some((name, written)) => self.remembered(NameKind::Output, name, || {
                self.eval(written.expr(), written.source)
            }),
            None => Value::unknown(WhyKind::NotDeclared, NameKind::Output.what(name)),
        }
    }

    /// `path.module`, as Terraform prints it: relative to where it is run.
    pub(super) fn path_module(&self) -> String {
        self.dir().relative_from(self.tree.root.module_dir())
    }
}

/// Returns the first files of a list, and how many more there are.
fn in_words(files: &[RepoPath]) -> String {
    match files {
        [one] => one.to_string(),
        [one, two] => format!("{one} and {two}"),
        [first, rest @ ..] => format!("{first} and {} more files", rest.len()),
        [] => String::new(),
    }
}

/// An instance's names, of which one variable has another value.
struct SupposedValue<'v> {
    outer: &'v dyn Scope,
    name: &'v str,
    value: &'v Value,
}

impl Scope for SupposedValue<'_> {
    fn resolve(&self, name: &str, steps: &[Step<'_>]) -> (Value, usize) {
        match (name, steps.first()) {
            ("var", Some(Step::Attr(variable))) if *variable == self.name => {
                (self.value.clone(), 1)
            }
            _ => self.outer.resolve(name, steps),
        }
    }

    fn files(&self) -> &Files {
        self.outer.files()
    }

    fn cwd(&self) -> &RepoPath {
        self.outer.cwd()
    }
}
