//! Functions over lists; elements keep their origin.

use super::super::eval::at;
use super::super::eval::support::*;
use super::super::value::{Number, Value, Why};
use super::Computed;
use super::arguments::Args;
use super::sets::{position, unified};
use std::cmp::Ordering;
use std::sync::Arc;
use unicode_segmentation::UnicodeSegmentation;

/// The longest list `range` makes, which is OpenTofu's bound too.
const MAX_RANGE: usize = 1024;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "concat" => concat(args),
        "length" => length(args),
        "element" => element(args),
        "flatten" => flatten(args),
        "compact" => compact(args),
        "distinct" => distinct(args),
        "contains" => contains(args),
        "index" => index(args),
        "coalescelist" => coalesce_list(args),
        "one" => one(args),
        "range" => range(args),
        "reverse" => reverse(args),
        "slice" => slice(args),
        "sort" => sort(args),
        "chunklist" => chunks(args),
        "matchkeys" => match_keys(args),
        "alltrue" => all_or_any(args, true),
        "anytrue" => all_or_any(args, false),
        "tolist" => to_list_of_one_type(args),
        _ => return None,
    })
}

fn concat(args: Args) -> Computed {
    let mut all = Vec::new();
    for at in 0..args.count(1, usize::MAX)?.0.len() {
        match args.value(at)? {
            Value::Set(_) => return Err(invalid("a set where a list is needed")),
            Value::Unknown(why) => all.push(Value::elements(why)),
            _ => all.extend(args.elements(at)?.iter().cloned()),
        }
    }
    Ok(list(all))
}

fn length(args: Args) -> Computed {
    Ok(count(match args.count(1, 1)?.value(0)? {
        Value::Text(text) => known(text)?.graphemes(true).count(),
        Value::Map(_) => args.known_map(0)?.len(),
        _ => args.list(0)?.len(),
    }))
}

fn element(args: Args) -> Computed {
    let items = args.count(2, 2)?.list(0)?;
    let index = args.int(1)?;
    if items.is_empty() {
        return Err(invalid("an element of an empty list"));
    }
    at(
        &Value::List(items.clone()),
        &int(index.rem_euclid(items.len() as i128)),
    )
}

fn flatten(args: Args) -> Computed {
    fn add(value: &Value, out: &mut Vec<Value>) -> Result<(), Why> {
        match value {
            Value::List(items) | Value::Set(items) => {
                items.iter().try_for_each(|item| add(item, out))
            }
            Value::Unknown(why) => {
                out.push(Value::elements(why));
                Ok(())
            }
            other => {
                out.push(other.clone());
                Ok(())
            }
        }
    }
    let mut out = Vec::new();
    args.count(1, 1)?
        .elements(0)?
        .iter()
        .try_for_each(|item| add(item, &mut out))?;
    Ok(list(out))
}

fn compact(args: Args) -> Computed {
    let mut out = Vec::new();
    for item in args.count(1, 1)?.elements(0)?.iter() {
        match item {
            Value::Null => {}
            Value::Unknown(why) => out.push(Value::elements(why)),
            other => {
                let text = to_text(other.clone())?;
                match (text.known_len(), text.why_unknown()) {
                    (0, Some(why)) => out.push(Value::elements(why)),
                    (0, None) => {}
                    _ => out.push(Value::Text(text)),
                }
            }
        }
    }
    Ok(list(out))
}

fn distinct(args: Args) -> Computed {
    let mut out: Vec<Value> = Vec::new();
    for item in unified(&args.count(1, 1)?.list(0)?)? {
        if position(&out, &item)?.is_none() {
            out.push(item);
        }
    }
    Ok(list(out))
}

fn contains(args: Args) -> Computed {
    let items = args.count(2, 2)?.list(0)?;
    Ok(Value::Bool(position(&items, args.value(1)?)?.is_some()))
}

fn index(args: Args) -> Computed {
    let items = args.count(2, 2)?.list(0)?;
    position(&items, args.value(1)?)?
        .map(count)
        .ok_or_else(|| invalid("an index of something that is not in the list"))
}

fn coalesce_list(args: Args) -> Computed {
    for at in 0..args.0.len() {
        if !matches!(args.value(at)?, Value::Null) && !args.list(at)?.is_empty() {
            return args.value(at).cloned();
        }
    }
    Err(invalid("coalescelist without a list that is not empty"))
}

fn one(args: Args) -> Computed {
    match args.count(1, 1)?.value(0)? {
        Value::List(items) | Value::Set(items) => match &items[..] {
            [] => Ok(Value::Null),
            [item] => Ok(item.clone()),
            _ => Err(invalid("one of a list with more than one element")),
        },
        Value::Unknown(why) => Err(why.clone()),
        _ => Err(invalid("one of something that is no list")),
    }
}

fn range(args: Args) -> Computed {
    let zero = Number::Int(0);
    let (start, end) = if args.count(1, 3)?.0.len() == 1 {
        (zero, args.number(0)?)
    } else {
        (args.number(0)?, args.number(1)?)
    };
    let order = |a: Number, b: Number| {
        number::compare(a, b).ok_or_else(|| limit("a comparison this close"))
    };
    let step = match args.0.len() {
        3 => args.number(2)?,
        _ if order(end, start)? == Ordering::Less => Number::Int(-1),
        _ => Number::Int(1),
    };
    let direction = order(step, zero)?;
    if direction == Ordering::Equal {
        return Err(invalid("a range with a step of zero"));
    }
    let mut out = Vec::new();
    let mut at = start;
    while order(end, at)? == direction {
        if out.len() >= MAX_RANGE {
            return Err(invalid("a range of more than 1024 elements"));
        }
        out.push(Value::Number(at, None));
        at = number::add(at, step).ok_or_else(|| limit("a number of more than 15 digits"))?;
    }
    Ok(list(out))
}

fn reverse(args: Args) -> Computed {
    let mut items = args.count(1, 1)?.list(0)?.to_vec();
    items.reverse();
    Ok(list(items))
}

fn slice(args: Args) -> Computed {
    let items = args.count(3, 3)?.list(0)?;
    if matches!(args.value(0)?, Value::Set(_)) {
        return Err(invalid("a slice of a set"));
    }
    let place = |at: usize| args.int(at).map(usize::try_from);
    let (Ok(start), Ok(end)) = (place(1)?, place(2)?) else {
        return Err(invalid("a slice outside its list"));
    };
    items
        .get(start..end)
        .map(|part| list(part.to_vec()))
        .ok_or_else(|| invalid("a slice outside its list"))
}

fn sort(args: Args) -> Computed {
    let mut texts = Vec::new();
    for item in args.count(1, 1)?.list(0)?.iter() {
        if matches!(item, Value::Null) {
            return Err(invalid("null in a list to sort"));
        }
        texts.push((to_known(item)?, to_text(item.clone())?));
    }
    texts.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(list(
        texts
            .into_iter()
            .map(|(_, text)| Value::Text(text))
            .collect(),
    ))
}

fn chunks(args: Args) -> Computed {
    let items = args.count(2, 2)?.list(0)?;
    let size = usize::try_from(args.int(1)?).map_err(|_| invalid("a chunk of negative length"))?;
    if items.is_empty() {
        return Ok(list(Vec::new()));
    }
    let size = if size == 0 { items.len() } else { size };
    Ok(list(
        items.chunks(size).map(|part| list(part.to_vec())).collect(),
    ))
}

fn match_keys(args: Args) -> Computed {
    let (values, keys, wanted) = (args.count(3, 3)?.list(0)?, args.list(1)?, args.list(2)?);
    if values.len() != keys.len() {
        return Err(invalid("matchkeys with lists of different lengths"));
    }
    let mut out = Vec::new();
    for (value, key) in values.iter().zip(keys.iter()) {
        if position(&wanted, key)?.is_some() {
            out.push(value.clone());
        }
    }
    Ok(list(out))
}

/// Null counts as false. A part that is not known matters only when no other part decides.
fn all_or_any(args: Args, all: bool) -> Computed {
    let mut unknown = None;
    for item in args.count(1, 1)?.list(0)?.iter() {
        let item = match item {
            Value::Null => false,
            Value::Unknown(why) => {
                unknown = Some(why.clone());
                continue;
            }
            other => to_bool(other)?,
        };
        if item != all {
            return Ok(Value::Bool(!all));
        }
    }
    unknown.map_or(Ok(Value::Bool(all)), Err)
}

fn to_list_of_one_type(args: Args) -> Computed {
    match args.count(1, 1)?.value(0)? {
        Value::Null => Ok(Value::Null),
        Value::Set(items) => Ok(Value::List(Arc::clone(items))),
        _ => unified(&args.list(0)?).map(list),
    }
}
