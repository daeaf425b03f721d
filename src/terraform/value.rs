//! Terraform's values as the evaluator sees them: not knowing is a value. Never guesses.

use super::text::{Origin, Text};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Why a value cannot be told from the text of the repo. The kinds are documented in `docs/evaluation.md`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Why {
    pub kind: WhyKind,
    /// Names the thing: `var.image_tag`, `data.http.x`, `function cidrhost`.
    pub what: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WhyKind {
    /// A variable that has no default and is set nowhere in the repo.
    VariableNotSet,
    /// A variable that an unreadable var-file may set and nothing else does.
    UnreadableSource,
    /// An attribute of a resource or data source that only an apply knows.
    KnownAfterApply,
    /// A module whose text is not in the repo.
    RemoteModule,
    /// A Terragrunt `dependency` output.
    Dependency,
    /// An environment variable of the machine that runs Terraform.
    Environment,
    /// A function pintle does not compute.
    Function,
    /// A file that was not read.
    File,
    /// A file that is not in the repo: to `try` an error, as it is in a run.
    Missing,
    /// A reference to something that is not declared.
    NotDeclared,
    /// A value that depends on itself.
    Cycle,
    /// The expression is an error in Terraform too (type, range, argument).
    Invalid,
    /// `terraform.workspace`, `path.root` outside a root, `timestamp()` and other facts of the run.
    RunTime,
    /// The evaluator's own bounds (depth, size) were reached.
    Limit,
}

impl Why {
    pub fn new(kind: WhyKind, what: impl Into<Arc<str>>) -> Self {
        Self { kind, what: what.into() }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match self.kind {
            WhyKind::VariableNotSet => write!(f, "{what} has no value in the repo"),
            WhyKind::UnreadableSource => write!(f, "{what} may be set by a file that cannot be read"),
            WhyKind::KnownAfterApply => write!(f, "{what} is known only after apply"),
            WhyKind::RemoteModule => write!(f, "{what} comes from a module whose text is not in the repo"),
            WhyKind::Dependency => write!(f, "{what} is an output of another Terragrunt unit"),
            WhyKind::Environment => write!(f, "{what} comes from the environment of the run"),
            WhyKind::Function => write!(f, "{what} is not computed"),
            WhyKind::File | WhyKind::Missing => write!(f, "{what} cannot be read"),
            WhyKind::NotDeclared => write!(f, "{what} is not declared"),
            WhyKind::Cycle => write!(f, "{what} depends on itself"),
            WhyKind::Invalid => write!(f, "{what}"),
            WhyKind::RunTime => write!(f, "{what} is known only when Terraform runs"),
            WhyKind::Limit => write!(f, "{what} is beyond what is evaluated"),
        }
    }
}

/// A number as Terraform prints it (arbitrary precision is kept as far as `f64`/`i128` go; beyond that the value is Unknown).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Number {
    Int(i128),
    Float(f64),
}

/// A value. Objects and maps are one kind (Terraform iterates both in key order), tuples and lists are one kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    /// `origin` is there for scalars of YAML files, where a tag may be written as a number, and something else in its place.
    Number(Number, Option<Origin>),
    Text(Text),
    List(Arc<Vec<Value>>),
    /// Sorted, without repeats.
    Set(Arc<Vec<Value>>),
    Map(Arc<BTreeMap<Arc<str>, Value>>),
    Unknown(Why),
}

impl Value {
    pub fn unknown(kind: WhyKind, what: impl Into<Arc<str>>) -> Self {
        Self::Unknown(Why::new(kind, what))
    }

    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(Text::computed(text))
    }

    /// Returns the string when it is one and known throughout.
    pub fn as_str(&self) -> Option<String> {
        match self {
            Self::Text(text) => text.known(),
            _ => None,
        }
    }

    /// Returns why the value itself (not something inside it) is not known, also for a text with an unknown part.
    pub fn why_unknown(&self) -> Option<&Why> {
        match self {
            Self::Unknown(why) => Some(why),
            Self::Text(text) => text.why_unknown(),
            _ => None,
        }
    }
}

/// Returns a number as Terraform's `tostring` writes it; `None` where that is not certain.
pub fn number_text(number: Number) -> Option<String> {
    match number {
        Number::Int(int) => Some(int.to_string()),
        Number::Float(float) if float.is_finite() && float.abs() < 1e15 => Some(float.to_string()),
        Number::Float(_) => None,
    }
}
