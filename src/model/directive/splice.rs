//! A hold put into the text of a directive, and taken out of it: the other words stay byte for
//! byte. Knows no comment marks and no files.

use super::{Directive, Word, words};
use crate::model::hold::{Hold, show_until};
use std::ops::Range;

/// Which part of a directive the hold goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplicePlace<'a> {
    /// The words between two `;`, counted from 0. A hold that stands there is replaced.
    Segment(usize),
    /// New words at the end, for the container where one is named.
    New(Option<&'a str>),
}

const PREFIX: &str = "pintle:";

/// Returns a hold's words as [`super::parse`] reads them back:
/// `hold until=2026-12-01 by=ana because="…"`. The hold has to be
/// [tidied](Hold::tidied).
pub fn hold_words(hold: &Hold) -> String {
    let until = hold
        .until
        .map(|until| format!(" until={}", show_until(until)));
    let by = hold.by.as_ref().map(|by| {
        format!(
            " by={}",
            if by.chars().all(is_plain) {
                by.to_string()
            } else {
                quoted(by)
            }
        )
    });
    let because = hold
        .because
        .as_ref()
        .map(|because| format!(" because={}", quoted(because)));
    std::iter::once("hold".to_owned())
        .chain(until)
        .chain(by)
        .chain(because)
        .collect()
}

/// Returns a whole directive of nothing but a hold.
pub fn directive(container: Option<&str>, hold: &Hold) -> String {
    let name = container
        .map(|name| format!("{name}: "))
        .unwrap_or_default();
    format!("{PREFIX} {name}{}", hold_words(hold))
}

/// Says whether `name` can stand before the words of its container.
pub fn can_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_plain)
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || "-_.".contains(c)
}

/// Quotes are put side by side where a text has both kinds: `"it's "'"x"'`.
fn quoted(text: &str) -> String {
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    let runs = text
        .split_inclusive('"')
        .flat_map(|run| match run.strip_suffix('"') {
            Some(before) => [
                Some(before)
                    .filter(|before| !before.is_empty())
                    .map(|before| format!("\"{before}\"")),
                Some("'\"'".into()),
            ],
            None => [Some(format!("\"{run}\"")), None],
        });
    runs.flatten().collect()
}

/// Returns `comment` (which starts with `pintle:`) with the hold in it; `None` when it cannot be
/// read, or has no such place.
pub fn with_hold(comment: &str, place: SplicePlace<'_>, hold: &Hold) -> Option<String> {
    let segments = read(comment)?;
    let index = match place {
        SplicePlace::Segment(index) => index,
        SplicePlace::New(container) => {
            let end = segments.last()?.last()?.span.end;
            let name = container
                .map(|name| format!("{name}: "))
                .unwrap_or_default();
            return Some(spliced(
                comment,
                vec![(end..end, format!("; {name}{}", hold_words(hold)))],
            ));
        }
    };
    let segment = segments.get(index)?;
    let Some(first) = segment.iter().position(|word| word.text == "hold") else {
        let end = segment.last()?.span.end;
        return Some(spliced(
            comment,
            vec![(end..end, format!(", {}", hold_words(hold)))],
        ));
    };
    let others = (first + 1..segment.len()).filter(|at| is_hold(&segment[*at]));
    let mut splices = vec![(segment[first].span.clone(), hold_words(hold))];
    splices.extend(others.map(|at| {
        (
            segment[at - 1].span.end..segment[at].span.end,
            String::new(),
        )
    }));
    Some(spliced(comment, splices))
}

/// Returns `comment` without the hold of one of its parts; empty when nothing else is in it, `None`
/// when there is no such hold.
pub fn without_hold(comment: &str, index: usize) -> Option<String> {
    let segments = read(comment)?;
    let segment = segments.get(index)?;
    if !segment.iter().any(|word| word.text == "hold") {
        return None;
    }
    let named = usize::from(segment.first()?.text.ends_with(':'));
    if segment[named..].iter().any(|word| !is_hold(word)) {
        return Some(without_words(comment, segment, named));
    }
    let (first, last) = (segment.first()?.span.start, segment.last()?.span.end);
    let before = index
        .checked_sub(1)
        .and_then(|before| segments[before].last());
    let after = segments.get(index + 1).and_then(|after| after.first());
    Some(match (before, after) {
        (Some(before), _) => spliced(comment, vec![(before.span.end..last, String::new())]),
        (None, Some(after)) => spliced(comment, vec![(first..after.span.start, String::new())]),
        (None, None) => String::new(),
    })
}

/// Returns where a directive stands among those of its comment: the first for that container with
/// that hold.
pub fn segment_of(comment: &str, wanted: &Directive) -> Option<usize> {
    let all = super::parse(comment)?.ok()?;
    all.iter()
        .position(|one| one.container == wanted.container && one.hold == wanted.hold)
}

/// Takes each word of the hold out, with what stands between it and the word before; with what
/// follows where it is the first.
fn without_words(comment: &str, segment: &[Word], named: usize) -> String {
    let mut splices = Vec::new();
    for (at, word) in segment
        .iter()
        .enumerate()
        .skip(named)
        .filter(|(_, word)| is_hold(word))
    {
        let first = segment[named..at].iter().all(is_hold);
        let range = match segment.get(at + 1) {
            Some(next) if first => word.span.start..next.span.start,
            _ => segment[at - 1].span.end..word.span.end,
        };
        splices.push((range, String::new()));
    }
    spliced(comment, splices)
}

fn is_hold(word: &Word) -> bool {
    word.text == "hold"
        || word
            .text
            .split_once('=')
            .is_some_and(|(key, _)| matches!(key, "until" | "by" | "because"))
}

/// Returns the words of a directive that can be read, with their places in `comment`.
fn read(comment: &str) -> Option<Vec<Vec<Word>>> {
    super::parse(comment)?.ok()?;
    let rest = comment.trim_start().strip_prefix(PREFIX)?;
    let base = comment.len() - rest.len();
    let moved = |word: Word| Word {
        span: word.span.start + base..word.span.end + base,
        ..word
    };
    Some(
        words(rest)
            .ok()?
            .into_iter()
            .map(|segment| segment.into_iter().map(moved).collect())
            .collect(),
    )
}

fn spliced(text: &str, splices: Vec<(Range<usize>, String)>) -> String {
    let mut out = text.to_owned();
    for (range, put) in splices.into_iter().rev() {
        out.replace_range(range, &put);
    }
    out
}

#[cfg(test)]
mod tests;
