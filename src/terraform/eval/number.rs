//! Numbers as Terraform computes and prints them: exact decimals, or nothing. Never rounds
//! silently.
//!
//! Terraform computes in binary, with 512 bits. An `i128` or an `f64` of at most 15 digits stands
//! for the number that prints so; a longer `f64` is known to be near only, may be rounded to a
//! whole number and is never printed. `1 - 0.9` is no exact decimal there, so it is none here.

use super::super::value::Number;

const EXACT_DIGITS: usize = 15;

/// A number as `mantissa / 10^scale`.
#[derive(Clone, Copy)]
struct Decimal {
    mantissa: i128,
    scale: u32,
}

/// Reads a number the way Terraform converts a string to one; `None` when it is none, or too long
/// to be kept exactly.
pub fn parse(text: &str) -> Option<Number> {
    let (digits, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let unsigned = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if unsigned.is_empty() && fraction.is_empty()
        || !all_digits(unsigned)
        || !all_digits(fraction)
        || digits.ends_with('.')
    {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    if scale >= 0 {
        number(Decimal {
            mantissa,
            scale: scale.unsigned_abs(),
        })
    } else {
        Some(Number::Int(
            mantissa.checked_mul(10i128.checked_pow(scale.unsigned_abs())?)?,
        ))
    }
}

/// Prints a number as Terraform turns it into a string; `None` when it is not known exactly.
pub fn print(number: Number) -> Option<String> {
    match number {
        Number::Int(int) => Some(int.to_string()),
        Number::Float(float) if is_exact(float) => Some(if float == 0.0 {
            "0".to_owned()
        } else {
            float.to_string()
        }),
        Number::Float(_) => None,
    }
}

/// Returns the whole number that `number` is.
pub fn int(number: Number) -> Option<i128> {
    match number {
        Number::Int(int) => Some(int),
        Number::Float(float) if is_exact(float) && float.fract() == 0.0 && float.abs() < 1e15 => {
            Some(float as i128)
        }
        Number::Float(_) => None,
    }
}

pub fn float(number: Number) -> f64 {
    match number {
        Number::Int(int) => int as f64,
        Number::Float(float) => float,
    }
}

fn is_exact(float: f64) -> bool {
    let digits = float.abs().to_string();
    float.is_finite()
        && digits
            .trim_start_matches(['0', '.'])
            .trim_end_matches('0')
            .bytes()
            .filter(u8::is_ascii_digit)
            .count()
            <= EXACT_DIGITS
}

pub fn from_f64(float: f64) -> Option<Number> {
    if !float.is_finite() {
        return None;
    }
    parse(&float.to_string()).or(Some(Number::Float(float)))
}

pub fn add(a: Number, b: Number) -> Option<Number> {
    let (a, b) = binary(a, b)?;
    number(Decimal {
        mantissa: a.mantissa.checked_add(b.mantissa)?,
        scale: a.scale,
    })
}

pub fn subtract(a: Number, b: Number) -> Option<Number> {
    add(a, negate(b)?)
}

pub fn negate(a: Number) -> Option<Number> {
    match a {
        Number::Int(int) => int.checked_neg().map(Number::Int),
        Number::Float(float) => Some(Number::Float(-float)),
    }
}

pub fn multiply(a: Number, b: Number) -> Option<Number> {
    let (a, b) = (decimal(a).filter(is_binary)?, decimal(b).filter(is_binary)?);
    number(Decimal {
        mantissa: a.mantissa.checked_mul(b.mantissa)?,
        scale: a.scale.checked_add(b.scale)?,
    })
}

/// Divides; `None` for a divisor of zero too.
pub fn divide(a: Number, b: Number) -> Option<Number> {
    let (a, b) = binary(a, b)?;
    if b.mantissa == 0 {
        return None;
    }
    for scale in 0..=EXACT_DIGITS as u32 {
        let scaled = a.mantissa.checked_mul(10i128.checked_pow(scale)?)?;
        if scaled % b.mantissa == 0 {
            return number(Decimal {
                mantissa: scaled / b.mantissa,
                scale,
            });
        }
    }
    let near = a.mantissa as f64 / b.mantissa as f64;
    (!is_exact(near)).then_some(Number::Float(near))
}

pub fn remainder(a: Number, b: Number) -> Option<Number> {
    let (a, b) = binary(a, b)?;
    number(Decimal {
        mantissa: a.mantissa.checked_rem(b.mantissa)?,
        scale: a.scale,
    })
}

/// Compares two numbers; `None` when they are too near for what is known of them.
pub fn compare(a: Number, b: Number) -> Option<std::cmp::Ordering> {
    if let Some((a, b)) = align(a, b) {
        return Some(a.mantissa.cmp(&b.mantissa));
    }
    let (a, b) = (float(a), float(b));
    if (a - b).abs() <= a.abs().max(b.abs()) * 1e-12 {
        None
    } else {
        a.partial_cmp(&b)
    }
}

/// Rounds with `round`, which must be `floor`, `ceil` or `trunc`.
pub fn whole(a: Number, round: fn(f64) -> f64) -> Option<Number> {
    match a {
        Number::Int(_) => Some(a),
        Number::Float(float) if float.abs() >= 1e15 => None,
        Number::Float(float) if !is_exact(float) && (float - float.round()).abs() < 1e-6 => None,
        Number::Float(float) => Some(Number::Int(round(float) as i128)),
    }
}

fn decimal(number: Number) -> Option<Decimal> {
    match number {
        Number::Int(int) => Some(Decimal {
            mantissa: int,
            scale: 0,
        }),
        Number::Float(float) if is_exact(float) => {
            let text = float.to_string();
            let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
            Some(Decimal {
                mantissa: format!("{whole}{fraction}").parse().ok()?,
                scale: u32::try_from(fraction.len()).ok()?,
            })
        }
        Number::Float(_) => None,
    }
}

/// Aligns two numbers that Terraform holds exactly in binary, so that one operation rounds its
/// result once, to the number that is printed.
fn binary(a: Number, b: Number) -> Option<(Decimal, Decimal)> {
    let both =
        decimal(a).is_some_and(|a| is_binary(&a)) && decimal(b).is_some_and(|b| is_binary(&b));
    if both { align(a, b) } else { None }
}

fn is_binary(decimal: &Decimal) -> bool {
    5i128
        .checked_pow(decimal.scale)
        .is_some_and(|fives| decimal.mantissa % fives == 0)
}

fn align(a: Number, b: Number) -> Option<(Decimal, Decimal)> {
    let (a, b) = (decimal(a)?, decimal(b)?);
    let scale = a.scale.max(b.scale);
    let to = |d: Decimal| {
        Some(Decimal {
            mantissa: d
                .mantissa
                .checked_mul(10i128.checked_pow(scale - d.scale)?)?,
            scale,
        })
    };
    Some((to(a)?, to(b)?))
}

/// Returns the number in its one form: whole numbers are `Int`.
fn number(mut decimal: Decimal) -> Option<Number> {
    while decimal.scale > 0 && decimal.mantissa % 10 == 0 {
        decimal = Decimal {
            mantissa: decimal.mantissa / 10,
            scale: decimal.scale - 1,
        };
    }
    if decimal.scale == 0 {
        return Some(Number::Int(decimal.mantissa));
    }
    let float: f64 = format!("{}e-{}", decimal.mantissa, decimal.scale)
        .parse()
        .ok()?;
    (decimal.mantissa.unsigned_abs() < 10u128.pow(EXACT_DIGITS as u32))
        .then_some(Number::Float(float))
}
