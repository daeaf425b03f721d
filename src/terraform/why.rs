//! Why a value is unknown: a kind, the thing it is about, and the sentence for people. Decides
//! nothing.

use std::fmt;
use std::sync::Arc;

/// Why a value is unknown from the text of the repo. The kinds are documented in
/// `docs/evaluation.md`.
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
    /// A variable that only var-files set which nothing loads or names.
    NotLoaded,
    /// Something that is null where a string needs it: a run has to set it. To `try` an error.
    NullInString,
    /// In a list: how many elements stand here, and which.
    Elements,
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
        Self {
            kind,
            what: what.into(),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match self.kind {
            WhyKind::VariableNotSet | WhyKind::NullInString => {
                write!(f, "{what} has no value in the repo")
            }
            WhyKind::UnreadableSource => {
                write!(f, "{what} may be set by a file that cannot be read")
            }
            WhyKind::NotLoaded => write!(f, "{what} only, which nothing loads"),
            WhyKind::KnownAfterApply => write!(f, "{what} is known only after apply"),
            WhyKind::RemoteModule => write!(
                f,
                "{what} comes from a module whose text is not in the repo"
            ),
            WhyKind::Dependency => write!(f, "{what} is an output of another Terragrunt unit"),
            WhyKind::Environment => write!(f, "{what} comes from the environment of the run"),
            WhyKind::Function => write!(f, "{what} is not computed"),
            WhyKind::File | WhyKind::Missing => write!(f, "{what} cannot be read"),
            WhyKind::NotDeclared => write!(f, "{what} is not declared"),
            WhyKind::Cycle => write!(f, "{what} depends on itself"),
            WhyKind::Invalid | WhyKind::Elements => write!(f, "{what}"),
            WhyKind::RunTime => write!(f, "{what} is known only when Terraform runs"),
            WhyKind::Limit => write!(f, "{what} is beyond what is evaluated"),
        }
    }
}
