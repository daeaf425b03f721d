//! Functions over sets, and the one type that the elements of a list or set have.

use super::super::eval::support::*;
use super::super::value::{Number, Value, Why};
use super::Computed;
use super::arguments::Args;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most elements of a product.
const MAX_PRODUCT: usize = 100_000;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "toset" => args
            .count(1, 1)
            .and_then(|args| args.value(0))
            .and_then(to_set),
        "setunion" => fold(args, |all, other| {
            all.extend(other.iter().cloned());
            Ok(())
        }),
        "setintersection" => fold(args, |all, other| keep(all, other, true)),
        "setsubtract" => args
            .count(2, 2)
            .and_then(|args| fold(args, |all, other| keep(all, other, false))),
        "setproduct" => product(args),
        _ => return None,
    })
}

/// Returns the elements as values of one type: scalars become strings where one of them is a
/// string.
pub fn unified(items: &[Value]) -> Result<Vec<Value>, Why> {
    match Type::of_all(items) {
        Type::Nothing => Err(invalid("elements without a common type")),
        one => items.iter().map(|item| one.convert(item.clone())).collect(),
    }
}

/// Returns where `wanted` is in a list.
pub fn position(items: &[Value], wanted: &Value) -> Result<Option<usize>, Why> {
    let mut unknown = None;
    for (at, item) in items.iter().enumerate() {
        match equal(item, wanted, true) {
            Ok(true) => return unknown.map_or(Ok(Some(at)), Err),
            Ok(false) => {}
            Err(why) => unknown = Some(why),
        }
    }
    unknown.map_or(Ok(None), Err)
}

/// Makes a set: sorted as OpenTofu iterates it, without repeats.
pub fn to_set(value: &Value) -> Computed {
    match value {
        Value::Set(_) | Value::Null => Ok(value.clone()),
        other => set_of(&to_list(other)?),
    }
}

fn set_of(items: &[Value]) -> Computed {
    if let Some(why) = items.iter().find_map(unknown_in) {
        return Err(why.clone());
    }
    let mut all = unified(items)?;
    if all.iter().any(|item| compare(item, item).is_none()) {
        return set_of_collections(all);
    }
    all.sort_by(|a, b| compare(a, b).unwrap_or(Ordering::Equal));
    all.dedup_by(|a, b| compare(a, b) == Some(Ordering::Equal));
    Ok(Value::Set(Arc::new(all)))
}

/// Sorts by the text that OpenTofu hashes, which is how it iterates over sets of anything but
/// strings, numbers and bools.
fn set_of_collections(items: Vec<Value>) -> Computed {
    let mut all = BTreeMap::new();
    for item in items {
        let mut key = String::new();
        hashed(&item, &mut key)?;
        all.insert(key, item);
    }
    Ok(Value::Set(Arc::new(all.into_values().collect())))
}

/// Appends what go-cty's `makeSetHashBytes` gives; keys are written for objects too, where they are
/// the same for all.
fn hashed(value: &Value, out: &mut String) -> Result<(), Why> {
    match value {
        Value::Null => out.push('~'),
        Value::Bool(bool) => out.push(if *bool { 'T' } else { 'F' }),
        Value::Number(number, _) => out.push_str(&ten_digits(*number)?),
        Value::Text(text) => out.push_str(&go_quoted(&known(text)?)),
        Value::List(items) | Value::Set(items) => {
            out.push('<');
            for item in items.iter() {
                hashed(item, out)?;
                out.push(';');
            }
            out.push('>');
        }
        Value::Map(entries) => {
            out.push('<');
            for (key, item) in entries.iter() {
                out.push_str(&go_quoted(key));
                out.push(':');
                hashed(item, out)?;
                out.push(';');
            }
            out.push('>');
        }
        Value::Unknown(why) => return Err(why.clone()),
    }
    Ok(())
}

/// Writes a number as Go's `%.10g`, as far as that writes no exponent and drops no digit.
fn ten_digits(number: Number) -> Result<String, Why> {
    let printed = number::print(number)
        .filter(|printed| printed.bytes().filter(u8::is_ascii_digit).count() <= 10);
    let small = number::float(number).abs();
    printed
        .filter(|_| small == 0.0 || small >= 1e-4)
        .ok_or_else(|| limit("a set of such numbers"))
}

/// Quotes as Go's `%q`.
fn go_quoted(text: &str) -> String {
    format!("{text:?}").replace("\\'", "'")
}

fn fold(
    args: Args,
    mut step: impl FnMut(&mut Vec<Value>, &[Value]) -> Result<(), Why>,
) -> Computed {
    let mut all = args.count(1, usize::MAX)?.list(0)?.to_vec();
    for at in 1..args.0.len() {
        step(&mut all, &args.list(at)?)?;
    }
    set_of(&all)
}

fn keep(all: &mut Vec<Value>, other: &[Value], there: bool) -> Result<(), Why> {
    let mut kept = Vec::new();
    for item in all.drain(..) {
        if position(other, &item)?.is_some() == there {
            kept.push(item);
        }
    }
    *all = kept;
    Ok(())
}

/// Returns a list of lists, in order; of sets a set.
fn product(args: Args) -> Computed {
    let mut rows: Vec<Vec<Value>> = vec![Vec::new()];
    let mut ordered = true;
    for at in 0..args.count(2, usize::MAX)?.0.len() {
        ordered &= !matches!(args.value(at)?, Value::Set(_));
        let items = args.list(at)?;
        if rows.len().saturating_mul(items.len()) > MAX_PRODUCT {
            return Err(limit("a product this large"));
        }
        let extended = |row: &Vec<Value>, item: &Value| row.iter().chain([item]).cloned().collect();
        rows = rows
            .iter()
            .flat_map(|row| items.iter().map(move |item| extended(row, item)))
            .collect();
    }
    let rows: Vec<Value> = rows.into_iter().map(list).collect();
    if ordered {
        Ok(list(rows))
    } else {
        set_of(&rows)
    }
}
