//! What an expression may refer to. The evaluator asks; modules, Terragrunt and `for` loops answer.

use super::files::{Files, RepoPath};
use super::value::Value;
use std::sync::Arc;

/// One step of a traversal after its first name, up to the first splat.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Attr(Arc<str>),
    Index(Value),
}

/// The names an expression sees.
pub trait Scope {
    /// Returns the value of `name` followed by the first `n` of `steps`, and that `n`: a scope takes as many steps as it needs to stay lazy
    /// (`local` takes one, a resource reference all). A name it does not know is `Unknown(NotDeclared)`.
    fn resolve(&self, name: &str, steps: &[Step]) -> (Value, usize);

    /// Calls a function that only this scope knows (Terragrunt's); asked before the built-in ones.
    fn call(&self, _name: &str, _args: &[Value]) -> Option<Value> {
        None
    }

    fn files(&self) -> &Files;

    /// The folder that relative paths of `file()` and its kin start from: where Terraform is run.
    fn cwd(&self) -> &RepoPath;
}
