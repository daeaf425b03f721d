//! Terraform's functions, as far as their result follows from the text of the repo. The others are
//! `Unknown`, by name.

mod arguments;
mod collections;
mod dates;
mod encoding;
mod files;
mod format;
mod json;
mod lazy;
mod maps;
mod network;
mod numbers;
mod patterns;
mod sets;
mod strings;
mod writer;
mod yaml;

use super::eval::support::{invalid, list, to_list};
use super::eval::{Context, settle};
use super::value::{Value, Why, WhyKind};
use arguments::Args;
use hcl_edit::expr::{FuncArgs, FuncCall};

pub(super) use files::{glob_files, read_text, render_template, render_template_file};

type Computed = Result<Value, Why>;

/// Calls a function of an expression.
pub(super) fn call(context: &Context, call: &FuncCall) -> Value {
    let name = call.name.name.as_str();
    let namespace: Vec<&str> = call
        .name
        .namespace
        .iter()
        .map(|part| part.as_str())
        .collect();
    if let ["provider", _] = namespace[..]
        && matches!(
            name,
            "manifest_decode" | "manifest_decode_multi" | "manifest_encode"
        )
    {
        return settle(
            arguments(context, &call.args).and_then(|args| manifests(name, Args(&args))),
        );
    }
    if !matches!(namespace[..], [] | ["core"]) {
        return Value::unknown(
            WhyKind::Function,
            format!("function {}::{name}", namespace.join("::")),
        );
    }
    settle(match name {
        "try" => lazy::try_first(context, &call.args),
        "can" => lazy::can(context, &call.args),
        "coalesce" => lazy::coalesce(context, &call.args),
        _ => arguments(context, &call.args).and_then(|args| apply(context, name, &args)),
    })
}

/// The functions of the providers for Kubernetes, which need nothing but the text
/// (hashicorp/kubernetes 2.28, "functions").
fn manifests(name: &str, args: Args) -> Computed {
    match name {
        "manifest_decode" => yaml::decode(&args.count(1, 1)?.text(0)?),
        "manifest_encode" => yaml::encode(args.count(1, 1)?.value(0)?).map(Value::Text),
        _ => Ok(list(super::yaml::decode_all(&args.count(1, 1)?.text(0)?))),
    }
}

/// Evaluates the arguments; `f(list...)` gives the elements of the list.
fn arguments(context: &Context, args: &FuncArgs) -> Result<Vec<Value>, Why> {
    let mut values: Vec<Value> = args.iter().map(|arg| context.eval(arg)).collect();
    if args.expand_final() {
        let last = values
            .pop()
            .ok_or_else(|| invalid("an expansion of nothing"))?;
        values.extend(to_list(&last)?.iter().cloned());
    }
    Ok(values)
}

fn apply(context: &Context, name: &str, args: &[Value]) -> Computed {
    if let Some(value) = context.scope.call(name, args) {
        return Ok(value);
    }
    let args = Args(args);
    strings::call(name, args)
        .or_else(|| collections::call(name, args))
        .or_else(|| maps::call(name, args))
        .or_else(|| sets::call(name, args))
        .or_else(|| numbers::call(name, args))
        .or_else(|| encoding::call(name, args))
        .or_else(|| network::call(name, args))
        .or_else(|| dates::call(name, args))
        .or_else(|| files::call(context, name, args))
        .unwrap_or_else(|| Err(not_computed(name)))
}

fn not_computed(name: &str) -> Why {
    let kind = match name {
        "timestamp" | "plantimestamp" | "uuid" | "bcrypt" => WhyKind::RunTime,
        _ => WhyKind::Function,
    };
    Why::new(kind, format!("function {name}"))
}
