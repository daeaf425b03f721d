//! Terragrunt's own functions. Paths are absolute below [`TOP`]; what only a run can determine is
//! unknown.

use super::super::files::{Files, RepoPath, TOP};
use super::super::value::{Value, WhyKind};
use std::sync::Arc;

/// The file that makes a folder a unit.
pub const UNIT: &str = "terragrunt.hcl";

/// What the functions ask of the file in which they are called.
pub trait FunctionContext {
    fn files(&self) -> &Files;

    /// Returns what `get_terragrunt_dir` means.
    fn dir(&self) -> RepoPath;

    /// Returns the folder of the unit that is read, whichever of its files this one is.
    fn original_dir(&self) -> RepoPath;

    /// Returns the include that path functions called here refer to; `label` selects one of
    /// several.
    fn included_file(&self, label: Option<&str>) -> Option<RepoPath>;

    /// `read_terragrunt_config(path[, default])`.
    fn read_config(&self, path: &str, default: Option<&Value>) -> Value;

    /// `read_tfvars_file(path)`: the values as JSON text.
    fn read_tfvars(&self, path: &str) -> Value;

    /// Returns the values behind a text that `read_tfvars` gave.
    fn decoded(&self, json: &str) -> Option<Value>;
}

/// Calls a function of Terragrunt; `None` when it has none of that name.
pub(super) fn call(context: &dyn FunctionContext, name: &str, args: &[Value]) -> Option<Value> {
    Some(match name {
        "find_in_parent_folders" => find_in_parent_folders(context, args),
        "get_terragrunt_dir" => Value::text(context.dir().to_absolute()),
        "get_original_terragrunt_dir" => Value::text(context.original_dir().to_absolute()),
        "get_working_dir" => Value::text(context.dir().to_absolute()),
        "get_parent_terragrunt_dir" => Value::text(included_dir(context, args).to_absolute()),
        "path_relative_to_include" => {
            Value::text(context.dir().relative_from(&included_dir(context, args)))
        }
        "path_relative_from_include" => {
            Value::text(included_dir(context, args).relative_from(&context.dir()))
        }
        "get_repo_root" => Value::text(TOP),
        "get_path_to_repo_root" => Value::text(RepoPath::default().relative_from(&context.dir())),
        "get_path_from_repo_root" => Value::text(context.dir().display()),
        "read_terragrunt_config" => read_terragrunt_config(context, args),
        "get_env" => get_env(args),
        "get_terraform_commands_that_need_vars" => Value::List(Arc::new(
            [
                "apply", "console", "destroy", "import", "plan", "push", "refresh",
            ]
            .map(Value::text)
            .into(),
        )),
        "get_terraform_commands_that_need_input"
        | "get_terraform_commands_that_need_locking"
        | "get_terraform_commands_that_need_parallelism" => Value::List(Arc::new(
            ["apply", "import", "plan"].map(Value::text).into(),
        )),
        "sops_decrypt_file" => Value::unknown(
            WhyKind::UnreadableSource,
            format!("sops_decrypt_file {}", first(args)),
        ),
        "read_tfvars_file" => match args.first().and_then(Value::as_str) {
            Some(path) => context.read_tfvars(&path),
            None => Value::unknown(WhyKind::File, "read_tfvars_file"),
        },
        "jsondecode" => return context.decoded(&args.first()?.as_str()?),
        "get_platform"
        | "get_terraform_command"
        | "get_terraform_cli_args"
        | "run_cmd"
        | "get_default_retryable_errors"
        | "get_terragrunt_source_cli_flag" => Value::unknown(WhyKind::RunTime, name),
        _ if name.starts_with("get_aws_") => Value::unknown(WhyKind::Environment, name),
        _ => return None,
    })
}

fn first(args: &[Value]) -> String {
    args.first().and_then(Value::as_str).unwrap_or_default()
}

/// Looks for a file or folder in the folders above the unit's own.
fn find_in_parent_folders(context: &dyn FunctionContext, args: &[Value]) -> Value {
    let wanted = match args.first() {
        None => UNIT.to_owned(),
        Some(value) => match value.as_str() {
            Some(name) => name,
            None => {
                return value.why_unknown().map_or_else(
                    || Value::unknown(WhyKind::Invalid, "find_in_parent_folders of no name"),
                    |why| Value::Unknown(why.clone()),
                );
            }
        },
    };
    let above = std::iter::successors(context.dir().parent(), RepoPath::parent);
    let found = above
        .filter_map(|dir| dir.join(&wanted))
        .find(|path| exists(context, path));
    match (found, args.get(1)) {
        (Some(path), _) => Value::text(path.to_absolute()),
        (None, Some(fallback)) => fallback.clone(),
        (None, None) => Value::unknown(
            WhyKind::Missing,
            format!("{wanted} in the folders above {}", context.dir().display()),
        ),
    }
}

fn exists(context: &dyn FunctionContext, path: &RepoPath) -> bool {
    context.files().get(path).is_some() || context.files().below(path).next().is_some()
}

/// Returns the folder of the included file that the call refers to, the unit's own when it includes
/// none.
fn included_dir(context: &dyn FunctionContext, args: &[Value]) -> RepoPath {
    let label = args.first().and_then(Value::as_str);
    context
        .included_file(label.as_deref())
        .map_or_else(|| context.dir(), |file| file.parent().unwrap_or_default())
}

fn read_terragrunt_config(context: &dyn FunctionContext, args: &[Value]) -> Value {
    match args.first() {
        Some(path) => match (path.as_str(), path.why_unknown()) {
            (Some(path), _) => context.read_config(&path, args.get(1)),
            (None, Some(why)) => args
                .get(1)
                .cloned()
                .unwrap_or_else(|| Value::Unknown(why.clone())),
            (None, None) => Value::unknown(WhyKind::Invalid, "read_terragrunt_config of no path"),
        },
        None => Value::unknown(WhyKind::Invalid, "read_terragrunt_config of no path"),
    }
}

/// The default is the value where there is one; the environment of a run is not in the repo.
fn get_env(args: &[Value]) -> Value {
    args.get(1)
        .cloned()
        .unwrap_or_else(|| Value::unknown(WhyKind::Environment, first(args)))
}
