//! Terragrunt's own functions. Paths are absolute below [`TOP`](super::TOP); what only a run can tell is unknown.

use super::super::files::RepoPath;
use super::super::value::{Value, WhyKind};
use super::config::Config;
use super::{TOP, UNIT, to_top};
use std::sync::Arc;

/// Calls a function of Terragrunt; `None` when it has none of that name.
pub(super) fn call(config: &Config<'_>, name: &str, args: &[Value]) -> Option<Value> {
    Some(match name {
        "find_in_parent_folders" => find_in_parent_folders(config, args),
        "get_terragrunt_dir" => Value::text(to_top(&config.dir())),
        "get_original_terragrunt_dir" => Value::text(to_top(&config.shared.original.parent().unwrap_or_default())),
        "get_working_dir" => Value::text(to_top(&config.dir())),
        "get_parent_terragrunt_dir" => Value::text(to_top(&included_dir(config, args))),
        "path_relative_to_include" => Value::text(relative(&included_dir(config, args), &config.dir())),
        "path_relative_from_include" => Value::text(relative(&config.dir(), &included_dir(config, args))),
        "get_repo_root" => Value::text(TOP),
        "get_path_to_repo_root" => Value::text(relative(&config.dir(), &RepoPath::default())),
        "get_path_from_repo_root" => Value::text(config.dir().display()),
        "read_terragrunt_config" => read_terragrunt_config(config, args),
        "get_env" => get_env(args),
        "get_terraform_commands_that_need_vars" => {
            Value::List(Arc::new(["apply", "console", "destroy", "import", "plan", "push", "refresh"].map(Value::text).into()))
        }
        "get_terraform_commands_that_need_input"
        | "get_terraform_commands_that_need_locking"
        | "get_terraform_commands_that_need_parallelism" => Value::List(Arc::new(["apply", "import", "plan"].map(Value::text).into())),
        "sops_decrypt_file" => Value::unknown(WhyKind::UnreadableSource, format!("sops_decrypt_file {}", first(args))),
        "read_tfvars_file" => match args.first().and_then(Value::as_str) {
            Some(path) => config.read_tfvars(&path),
            None => Value::unknown(WhyKind::File, "read_tfvars_file"),
        },
        "jsondecode" => return config.decoded(&args.first()?.as_str()?),
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
fn find_in_parent_folders(config: &Config<'_>, args: &[Value]) -> Value {
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
    let above = std::iter::successors(config.dir().parent(), RepoPath::parent);
    let found = above.filter_map(|dir| dir.join(&wanted)).find(|path| exists(config, path));
    match (found, args.get(1)) {
        (Some(path), _) => Value::text(to_top(&path)),
        (None, Some(fallback)) => fallback.clone(),
        (None, None) => Value::unknown(WhyKind::Missing, format!("{wanted} in the folders above {}", config.dir().display())),
    }
}

fn exists(config: &Config<'_>, path: &RepoPath) -> bool {
    config.shared.files.get(path).is_some() || config.shared.files.below(path).next().is_some()
}

/// Returns the folder of the included file that the call speaks of, the unit's own when it includes none.
fn included_dir(config: &Config<'_>, args: &[Value]) -> RepoPath {
    let label = args.first().and_then(Value::as_str);
    config.included_file(label.as_deref()).map_or_else(|| config.dir(), |file| file.parent().unwrap_or_default())
}

fn read_terragrunt_config(config: &Config<'_>, args: &[Value]) -> Value {
    match args.first() {
        Some(path) => match (path.as_str(), path.why_unknown()) {
            (Some(path), _) => config.read(&path, args.get(1)),
            (None, Some(why)) => args.get(1).cloned().unwrap_or_else(|| Value::Unknown(why.clone())),
            (None, None) => Value::unknown(WhyKind::Invalid, "read_terragrunt_config of no path"),
        },
        None => Value::unknown(WhyKind::Invalid, "read_terragrunt_config of no path"),
    }
}

/// The default stands for the value where there is one; the environment of a run is not in the repo.
fn get_env(args: &[Value]) -> Value {
    args.get(1).cloned().unwrap_or_else(|| Value::unknown(WhyKind::Environment, first(args)))
}

/// Returns the path from one folder to another as Go's `filepath.Rel` writes it.
pub(in super::super) fn relative(from: &RepoPath, to: &RepoPath) -> String {
    let parts = |path: &RepoPath| path.as_str().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(from), parts(to));
    let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".to_owned(), from.len() - same);
    let path: Vec<String> = up.chain(to[same..].iter().cloned()).collect();
    if path.is_empty() { ".".to_owned() } else { path.join("/") }
}
