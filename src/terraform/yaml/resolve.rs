//! What a YAML scalar means to Terraform: the rules of go-cty-yaml's `resolveScalar`, which are
//! YAML 1.1's with fewer numbers.

use crate::terraform::value::Number;
use granit_parser::ScalarStyle;

/// The meaning of a scalar. `Text` is the scalar's own value.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::terraform) enum Meaning {
    Null,
    Bool(bool),
    Number(Number),
    /// A date or time, as Terraform writes it (RFC 3339).
    Time(String),
    Text,
    /// An error in Terraform too, or beyond what a `Number` holds.
    Bad(String),
    TooBig,
}

/// Resolves an untagged scalar. Quoted and block scalars that are not empty are text; an empty
/// plain one is null.
pub(in crate::terraform) fn untagged(value: &str, style: ScalarStyle) -> Meaning {
    if matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted) {
        return Meaning::Text;
    }
    match value {
        "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Meaning::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Meaning::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Meaning::Bad("a YAML number that is not a number".to_owned()),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            Meaning::TooBig
        }
        _ => time(value)
            .map(Meaning::Time)
            .or_else(|| number(value))
            .unwrap_or(Meaning::Text),
    }
}

/// Resolves an untagged plain scalar as Helm's parser does (sigs.k8s.io/yaml, whose rules are YAML
/// 1.1's): `0123` is octal, `1_000` and `0b11` are numbers, a date is text.
pub(super) fn in_helm(value: &str) -> Meaning {
    let in_terraform = untagged(value, ScalarStyle::Plain);
    if matches!(in_terraform, Meaning::Null | Meaning::Bool(_)) {
        return in_terraform;
    }
    let begins = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.');
    if !value.starts_with(begins) || time(value).is_some() {
        return Meaning::Text;
    }
    let plain = value.replace('_', "");
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(&plain);
    let octal = unsigned.len() > 1
        && unsigned.starts_with('0')
        && unsigned.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if octal {
        return match i64::from_str_radix(&plain, 8) {
            Ok(int) => Meaning::Number(Number::Int(int.into())),
            Err(_) => Meaning::TooBig,
        };
    }
    prefixed(plain.strip_prefix('+').unwrap_or(&plain))
        .or_else(|| is_decimal(&plain).then(|| parse(&plain)))
        .unwrap_or(Meaning::Text)
}

/// Resolves a scalar with the core tag `!!tag`.
pub(super) fn tagged(tag: &str, value: &str, style: ScalarStyle) -> Meaning {
    let bad = || Meaning::Bad(format!("the YAML value {value:?} is not a !!{tag}"));
    match tag {
        "str" | "binary" => Meaning::Text,
        "null" => Meaning::Null,
        "bool" => match untagged(value, style) {
            Meaning::Bool(bool) => Meaning::Bool(bool),
            _ => bad(),
        },
        "int" | "float" => {
            let plain = value.replace('_', "");
            number(&plain)
                .or_else(|| prefixed(&plain))
                .unwrap_or_else(bad)
        }
        "timestamp" => time(value).map_or_else(bad, Meaning::Time),
        _ => Meaning::Bad(format!("the YAML tag !!{tag} is not supported")),
    }
}

/// A decimal number, `0x…` or `0o…`: YAML 1.2's core schema, in which `1_000` and `0b11` are text.
fn number(value: &str) -> Option<Meaning> {
    match value.get(..2) {
        Some("0x" | "0o") => prefixed(value),
        _ => is_decimal(value).then(|| parse(value)),
    }
}

fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|text| !text.is_empty() && digits(text))
}

/// `text` is a decimal number.
fn parse(text: &str) -> Meaning {
    if let Ok(int) = text.parse::<i128>() {
        return Meaning::Number(Number::Int(int));
    }
    match text.parse::<f64>() {
        Ok(float) if text.contains(['.', 'e', 'E']) && float.is_finite() => {
            Meaning::Number(whole(float))
        }
        _ => Meaning::TooBig,
    }
}

/// Terraform has one kind of number: `1.0` is `1`.
pub(in crate::terraform) fn whole(float: f64) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if float.fract() == 0.0 && float.abs() < EXACT {
        Number::Int(float as i128)
    } else {
        Number::Float(float)
    }
}

/// `0x`, `0o`, `0b` and the octal `0…`, as Go's `strconv.ParseInt` with base 0 reads them.
fn prefixed(value: &str) -> Option<Meaning> {
    let (negative, digits) = value
        .strip_prefix('-')
        .map_or((false, value), |rest| (true, rest));
    let (base, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, &digits[2..]),
        Some("0o" | "0O") => (8, &digits[2..]),
        Some("0b" | "0B") => (2, &digits[2..]),
        _ => return None,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = i128::from(u64::from_str_radix(digits, base).ok()?);
    Some(Meaning::Number(Number::Int(if negative {
        -number
    } else {
        number
    })))
}

/// `2006-1-2`, `2006-1-2 15:4:5.9`, `2006-1-2T15:4:5.9Z07:00`: the forms go-cty-yaml takes for a
/// time, written as RFC 3339 to the second.
fn time(value: &str) -> Option<String> {
    let bytes = value.as_bytes();
    if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let end = value.find(['T', 't', ' ']).unwrap_or(value.len());
    let (year, rest) = (&value[..4], &value[5..end]);
    let (month, day) = rest.split_once('-')?;
    let date = format!(
        "{year}-{:02}-{:02}",
        within(month, 1, 12)?,
        within(day, 1, 31)?
    );
    if within(day, 1, 31)? > days(year.parse().ok()?, within(month, 1, 12)?) {
        return None;
    }
    match value.as_bytes().get(end) {
        None => Some(format!("{date}T00:00:00Z")),
        Some(b' ') => Some(format!("{date}T{}Z", clock(&value[end + 1..])?)),
        Some(_) => {
            let zoned = &value[end + 1..];
            let at = zoned.find(['Z', '+', '-'])?;
            Some(format!(
                "{date}T{}{}",
                clock(&zoned[..at])?,
                zone(&zoned[at..])?
            ))
        }
    }
}

fn within(text: &str, low: u32, high: u32) -> Option<u32> {
    let number = text
        .parse()
        .ok()
        .filter(|_| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    (low..=high).contains(&number).then_some(number)
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn clock(text: &str) -> Option<String> {
    let whole = match text.split_once('.') {
        Some((whole, fraction))
            if !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            whole
        }
        Some(_) => return None,
        None => text,
    };
    let mut parts = whole.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let text = format!(
        "{:02}:{:02}:{:02}",
        within(hour, 0, 23)?,
        within(minute, 0, 59)?,
        within(second, 0, 59)?
    );
    parts.next().is_none().then_some(text)
}

fn zone(text: &str) -> Option<String> {
    if text == "Z" {
        return Some(text.to_owned());
    }
    let (hours, minutes) = text[1..].split_once(':')?;
    let well_formed = hours.len() == 2
        && minutes.len() == 2
        && within(hours, 0, 23).is_some()
        && within(minutes, 0, 59).is_some();
    well_formed.then(|| {
        if &text[1..] == "00:00" {
            "Z".to_owned()
        } else {
            text.to_owned()
        }
    })
}
