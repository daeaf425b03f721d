//! The functions whose arguments are evaluated one after another, as long as needed.

use super::super::eval::Context;
use super::super::eval::support::{Type, error_in, invalid};
use super::super::value::{Value, WhyKind};
use super::{Computed, arguments};
use hcl_edit::expr::FuncArgs;

/// Returns the first argument that is no error. One of which it is not known whether it is an error
/// ends the search.
pub fn try_first(context: &Context, args: &FuncArgs) -> Computed {
    if args.expand_final() {
        return arguments(context, args)?
            .into_iter()
            .next()
            .ok_or_else(|| invalid("try without an argument"));
    }
    for arg in args.iter() {
        let value = context.eval(arg);
        if error_in(&value).is_none() {
            return Ok(value);
        }
    }
    Err(invalid("try, of whose arguments each is an error,"))
}

pub fn can(context: &Context, args: &FuncArgs) -> Computed {
    let [arg] = args.iter().collect::<Vec<_>>()[..] else {
        return Err(invalid("can needs one argument"));
    };
    match context.eval(arg) {
        Value::Unknown(why) if !matches!(why.kind, WhyKind::Invalid | WhyKind::Missing) => Err(why),
        value => Ok(Value::Bool(error_in(&value).is_none())),
    }
}

/// Returns the first argument that is neither null nor an empty string.
pub fn coalesce(context: &Context, args: &FuncArgs) -> Computed {
    let mut values: Box<dyn Iterator<Item = Value>> = if args.expand_final() {
        Box::new(arguments(context, args)?.into_iter())
    } else {
        Box::new(args.iter().map(|arg| context.eval(arg)))
    };
    while let Some(value) = values.next() {
        match value {
            Value::Null => {}
            Value::Text(ref text) if text.pieces().is_empty() => {}
            Value::Text(ref text) if text.known_len() == 0 => {
                return Err(text
                    .why_unknown()
                    .cloned()
                    .unwrap_or_else(|| invalid("an empty string")));
            }
            Value::Unknown(why) => return Err(why),
            Value::Text(_) => return Ok(value),
            value => {
                return values
                    .fold(Type::of(&value), |all, other| all.with(Type::of(&other)))
                    .convert(value);
            }
        }
    }
    Err(invalid(
        "coalesce without an argument that is neither null nor empty",
    ))
}
