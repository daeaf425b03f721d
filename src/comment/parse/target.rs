//! Where the target of a command ends that is more than one plain word: in quotes, in code marks,
//! or a name that something in the repo has. Looks nothing up itself.

use super::super::quote;
use super::visible::Line;
use crate::model::ask::{OPTIONS, TargetName};

/// The pairs of quotes that keyboards and phones make.
pub(super) const QUOTES: [(char, char); 4] = [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’')];

/// How many words such as `for` a name without quotes may be followed by or hold: each is a place
/// where it could end.
const ENDS: usize = 4;

/// Reads the target behind the command's word, and returns where its text ends; `None` where the
/// words of the line are to be read one by one.
///
/// # Errors
/// A sentence: a quote that does not end, or a name that is too long.
pub(super) fn read_target(
    line: &Line,
    at: usize,
    is_name: &dyn Fn(&str) -> bool,
) -> Result<Option<(TargetName, usize)>, String> {
    let text = line.text.as_str();
    let Some(start) = text[at..].find(|c: char| !c.is_whitespace()) else {
        return Ok(None);
    };
    let start = at + start;
    let quoted = match code_at(line, start) {
        Some(found) => Some(found),
        None => quoted_at(text, start)?,
    };
    match quoted {
        Some((name, end)) => {
            let target = TargetName::new(name.trim()).ok_or_else(|| not_a_name(name))?;
            Ok(Some((target, end)))
        }
        None => Ok(name_at(text, start, is_name)),
    }
}

fn not_a_name(name: &str) -> String {
    if name.trim().is_empty() {
        "the target in quotes is empty".into()
    } else {
        format!("the target `{}` is too long", quote::cut(name, 60))
    }
}

/// A name in code marks. Code with an option in it is more than a target: its words count.
fn code_at(line: &Line, start: usize) -> Option<(&str, usize)> {
    let code = line.code.iter().find(|code| code.start == start)?;
    let name = &line.text[code.clone()];
    let has_option = name.split_whitespace().any(|word| OPTIONS.contains(&word));
    let is_word = !name.trim().contains(char::is_whitespace);
    let stands_alone = ends_word(&line.text[code.end..]);
    if has_option || !stands_alone || (is_word && TargetName::is_plain(name)) {
        return None;
    }
    let inner = QUOTES.iter().find_map(|(open, close)| {
        let inner = name.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inner.is_empty()).then_some(inner)
    });
    Some((inner.unwrap_or(name), code.end))
}

/// A name between quotes: up to the first closing one that ends a word, because names hold quotes
/// too (`main.tf#module.app["a b"].image`).
fn quoted_at(text: &str, start: usize) -> Result<Option<(&str, usize)>, String> {
    let quote = QUOTES
        .iter()
        .find_map(|(open, close)| Some((text[start..].strip_prefix(*open)?, *close)));
    let Some((inside, close)) = quote else {
        return Ok(None);
    };
    let end = inside
        .match_indices(close)
        .find(|(end, mark)| ends_word(&inside[end + mark.len()..]));
    let Some((end, mark)) = end else {
        return Err(format!("the target has no closing quote (`{close}`)"));
    };
    let after = text.len() - inside.len() + end + mark.len();
    Ok(Some((&inside[..end], after)))
}

/// A name without quotes that something has: the rest of the line, or what stands before an option.
/// One plain word is left to the grammar, which takes it whether something has that name or not.
fn name_at(
    text: &str,
    start: usize,
    is_name: &dyn Fn(&str) -> bool,
) -> Option<(TargetName, usize)> {
    let rest = &text[start..];
    let options = OPTIONS.iter().flat_map(|option| {
        let places = rest.match_indices(option);
        places.filter(|(at, word)| {
            *at > 0
                && rest[..*at].ends_with(char::is_whitespace)
                && ends_word(&rest[at + word.len()..])
        })
    });
    let mut ends: Vec<usize> = options.map(|(at, _)| at).collect();
    ends.sort_unstable();
    ends.truncate(ENDS);
    ends.push(rest.len());
    ends.into_iter().rev().find_map(|end| {
        let name = rest[..end].trim_end();
        let target = TargetName::new(name).filter(|_| !TargetName::is_plain(name))?;
        is_name(name).then_some((target, start + name.len()))
    })
}

fn ends_word(after: &str) -> bool {
    after.is_empty() || after.starts_with(char::is_whitespace)
}
