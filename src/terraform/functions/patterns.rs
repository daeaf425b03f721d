//! `replace` and the functions over regular expressions. Go's syntax and Rust's differ in corners;
//! a pattern in one of them is not evaluated.

use super::super::eval::support::*;
use super::super::text::Text;
use super::super::value::{Value, Why};
use super::Computed;
use super::arguments::Args;
use super::strings::piece;
use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Compiles a pattern for one text.
///
/// # Errors
///
/// When the pattern is none, or Go reads it in another way.
fn compile(pattern: &str, text: &str) -> Result<Regex, Why> {
    let unicode = [
        "\\d", "\\D", "\\w", "\\W", "\\s", "\\S", "\\b", "\\B", "(?i",
    ];
    let differs = [
        "&&", "--", "~~", "{,", "\\<", "\\>", "(?<", "(?x", "\\u", "\\U", "\\R",
    ];
    let classes = pattern.match_indices('[').collect::<Vec<_>>();
    let nested = classes.windows(2).any(|pair| {
        !pattern[pair[0].0..pair[1].0].contains(']') && !pattern[pair[1].0..].starts_with("[:")
    });
    let wide = !(text.is_ascii() && pattern.is_ascii())
        && unicode.iter().any(|class| pattern.contains(class));
    if nested || wide || differs.iter().any(|syntax| pattern.contains(syntax)) {
        return Err(limit("a regular expression of this kind"));
    }
    Regex::new(pattern).map_err(|_| invalid("a regular expression with a syntax error"))
}

/// Replaces a plain text, or what a pattern between slashes finds.
pub fn replace(args: Args) -> Computed {
    let text = args.count(3, 3)?.text(0)?;
    let (string, search, with) = (known(&text)?, args.string(1)?, args.text(2)?);
    let pattern = search
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'));
    match pattern {
        Some(pattern) => replace_pattern(&text, &string, pattern, &with),
        None => replace_plain(&text, &string, &search, &with),
    }
}

fn replace_plain(text: &Text, string: &str, search: &str, with: &Text) -> Computed {
    let mut out = Text::default();
    let mut start = 0;
    for (at, found) in string.match_indices(search) {
        out.append(&piece(text, start..at)?);
        out.append(with);
        start = at + found.len();
    }
    if start == 0 && string.match_indices(search).next().is_none() {
        return Ok(Value::Text(text.clone()));
    }
    out.append(&piece(text, start..string.len())?);
    Ok(Value::Text(out))
}

fn replace_pattern(text: &Text, string: &str, pattern: &str, with: &Text) -> Computed {
    let regex = compile(pattern, string)?;
    let template = known(with)?;
    let mut out = Text::default();
    let mut start = 0;
    let mut any = false;
    for found in regex.captures_iter(string) {
        let Some(all) = found.get(0) else { continue };
        any = true;
        out.append(&piece(text, start..all.start())?);
        expand(&mut out, text, &found, with, &template)?;
        start = all.end();
    }
    if !any {
        return Ok(Value::Text(text.clone()));
    }
    out.append(&piece(text, start..string.len())?);
    Ok(Value::Text(out))
}

/// Appends a replacement, in which `$1`, `${1}` and `${name}` stand for groups and `$$` for a
/// dollar sign.
fn expand(
    out: &mut Text,
    text: &Text,
    found: &Captures,
    with: &Text,
    template: &str,
) -> Result<(), Why> {
    let mut at = 0;
    while let Some(dollar) = template[at..].find('$').map(|found| found + at) {
        out.append(&piece(with, at..dollar)?);
        let rest = &template[dollar + 1..];
        if rest.starts_with('$') {
            out.append(&piece(with, dollar..dollar + 1)?);
            at = dollar + 2;
            continue;
        }
        let Some((name, length)) = group_name(rest) else {
            out.append(&piece(with, dollar..dollar + 1)?);
            at = dollar + 1;
            continue;
        };
        let group = name
            .parse()
            .map_or_else(|_| found.name(name), |index: usize| found.get(index));
        if let Some(group) = group {
            out.append(&piece(text, group.range())?);
        }
        at = dollar + 1 + length;
    }
    out.append(&piece(with, at..template.len())?);
    Ok(())
}

/// Returns the name after a dollar sign, and how long it is with its braces.
fn group_name(rest: &str) -> Option<(&str, usize)> {
    let word = |text: &str| {
        text.find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(text.len())
    };
    if let Some(inner) = rest.strip_prefix('{') {
        let length = word(inner);
        return (length > 0 && inner[length..].starts_with('}'))
            .then(|| (&inner[..length], length + 2));
    }
    let length = word(rest);
    (length > 0).then(|| (&rest[..length], length))
}

pub fn regex(args: Args) -> Computed {
    let (pattern, text) = (args.count(2, 2)?.string(0)?, args.text(1)?);
    let string = known(&text)?;
    let regex = compile(&pattern, &string)?;
    let found = regex
        .captures(&string)
        .ok_or_else(|| invalid("a regular expression that finds nothing"))?;
    groups(&regex, &text, &found)
}

pub fn regex_all(args: Args) -> Computed {
    let (pattern, text) = (args.count(2, 2)?.string(0)?, args.text(1)?);
    let string = known(&text)?;
    let regex = compile(&pattern, &string)?;
    let all: Result<Vec<Value>, Why> = regex
        .captures_iter(&string)
        .map(|found| groups(&regex, &text, &found))
        .collect();
    all.map(list)
}

/// Returns the whole match without groups, a list of unnamed groups, or an object of named ones.
fn groups(regex: &Regex, text: &Text, found: &Captures) -> Computed {
    let group = |at: usize| match found.get(at) {
        Some(group) => piece(text, group.range()).map(Value::Text),
        None => Ok(Value::Null),
    };
    let count = regex.captures_len() - 1;
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    if count == 0 {
        return group(0);
    }
    if names.is_empty() {
        return (1..=count).map(group).collect::<Result<_, _>>().map(list);
    }
    if names.len() != count {
        return Err(invalid(
            "a regular expression with named and unnamed groups",
        ));
    }
    let entries: Result<BTreeMap<Arc<str>, Value>, Why> = names
        .iter()
        .enumerate()
        .map(|(at, name)| Ok((Arc::from(*name), group(at + 1)?)))
        .collect();
    entries.map(|entries| Value::Map(Arc::new(entries)))
}
