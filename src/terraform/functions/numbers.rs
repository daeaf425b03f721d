//! Functions over numbers, and conversions of scalars.

use super::super::eval::support::*;
use super::super::value::{Number, Value, Why};
use super::Computed;
use super::arguments::Args;
use std::cmp::Ordering;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "abs" => one(args, |number| {
            if number::float(number) < 0.0 {
                number::negate(number)
            } else {
                Some(number)
            }
        }),
        "ceil" => one(args, |number| number::whole(number, f64::ceil)),
        "floor" => one(args, |number| number::whole(number, f64::floor)),
        "signum" => one(args, |number| {
            number::compare(number, Number::Int(0)).map(|ordering| Number::Int(ordering as i128))
        }),
        "max" => extreme(args, Ordering::Greater),
        "min" => extreme(args, Ordering::Less),
        "pow" => pow(args),
        "log" => log(args),
        "parseint" => parse_int(args),
        "sum" => sum(args),
        "tostring" => converted(args, |value| to_text(value.clone()).map(Value::Text)),
        "tonumber" => converted(args, to_number_value),
        "tobool" => converted(args, to_bool_value),
        "sensitive" | "nonsensitive" => args.count(1, 1).and_then(|args| args.value(0)).cloned(),
        _ => return None,
    })
}

fn long() -> Why {
    limit("a number of more than 15 digits")
}

fn number(number: Option<Number>) -> Computed {
    number
        .map(|number| Value::Number(number, None))
        .ok_or_else(long)
}

fn one(args: Args, compute: impl FnOnce(Number) -> Option<Number>) -> Computed {
    number(compute(args.count(1, 1)?.number(0)?))
}

fn extreme(args: Args, wanted: Ordering) -> Computed {
    let mut best = args.count(1, usize::MAX)?.number(0)?;
    for at in 1..args.0.len() {
        let other = args.number(at)?;
        if number::compare(other, best).ok_or_else(long)? == wanted {
            best = other;
        }
    }
    number(Some(best))
}

/// Computes with floats, as OpenTofu does here.
fn pow(args: Args) -> Computed {
    let (base, exponent) = (args.count(2, 2)?.number(0)?, args.number(1)?);
    let result = number::float(base).powf(number::float(exponent));
    if result.fract() != 0.0 || result.abs() > 9e15 {
        return Err(long());
    }
    number(number::from_f64(result))
}

fn log(args: Args) -> Computed {
    let (value, base) = (
        number::float(args.count(2, 2)?.number(0)?),
        number::float(args.number(1)?),
    );
    let result = value.ln() / base.ln();
    if result.fract() != 0.0 || result.abs() > 9e15 {
        return Err(long());
    }
    number(number::from_f64(result))
}

fn parse_int(args: Args) -> Computed {
    let (text, base) = (args.count(2, 2)?.string(0)?, args.int(1)?);
    let base = u32::try_from(base)
        .ok()
        .filter(|base| (2..=62).contains(base))
        .ok_or_else(|| invalid("a base outside 2 to 62"))?;
    if base > 36 {
        return Err(limit("a base above 36"));
    }
    let parsed = i128::from_str_radix(&text, base)
        .map_err(|_| invalid("a string that is no number in its base"))?;
    number(Some(Number::Int(parsed)))
}

fn sum(args: Args) -> Computed {
    let items = args.count(1, 1)?.list(0)?;
    let Some((first, rest)) = items.split_first() else {
        return Err(invalid("a sum of an empty list"));
    };
    let mut sum = to_number(first)?;
    for item in rest {
        sum = number::add(sum, to_number(item)?).ok_or_else(long)?;
    }
    number(Some(sum))
}

fn converted(args: Args, convert: impl FnOnce(&Value) -> Computed) -> Computed {
    match args.count(1, 1)?.value(0)? {
        Value::Null => Ok(Value::Null),
        Value::Unknown(why) => Err(why.clone()),
        other => convert(other),
    }
}

fn to_number_value(value: &Value) -> Computed {
    Ok(match value {
        Value::Number(..) => value.clone(),
        other => Value::Number(to_number(other)?, None),
    })
}

fn to_bool_value(value: &Value) -> Computed {
    to_bool(value).map(Value::Bool)
}
