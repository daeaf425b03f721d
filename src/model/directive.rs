//! `# pintle: …`: what a comment beside an image asks for. A word that is not known is an error,
//! never passed over.

pub mod splice;

use super::duration;
use super::hold::{Hold, parse_until};
use super::pattern::TagPatterns;
use super::policy::{Policy, suggest};
use super::reference::Tag;
use super::schedule::Schedule;
use jiff::SignedDuration;
use std::ops::Range;
use std::sync::Arc;

/// One directive. What it leaves out is decided elsewhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directive {
    /// The container it is for, where a line holds several sites.
    pub container: Option<Arc<str>>,
    pub policy: Option<Policy>,
    /// Whether the policy takes the next minor (or major) version instead of the newest.
    pub step: Option<bool>,
    pub match_pre_release: Option<bool>,
    /// Tags that the policy never chooses.
    pub exclude: Option<TagPatterns>,
    /// The tag to follow, for a reference that has a digest only.
    pub channel: Option<Tag>,
    pub hold: Option<Hold>,
    pub schedule: Option<Schedule>,
    pub settle: Option<SignedDuration>,
    /// `keel hands off`: written by pintle beside Keel's own annotation; says nothing about the
    /// image.
    pub hands_off: bool,
}

const WORDS: [&str; 11] = [
    "never",
    "force",
    "hold",
    "policy=",
    "step=",
    "match_pre_release=",
    "exclude=",
    "channel=",
    "schedule=",
    "settle=",
    "keel hands off",
];

/// Words that people put in front of what they mean to do.
const MARKS: [&str; 6] = ["todo", "fixme", "note", "xxx", "hack", "nb"];

/// Reads the text of a comment (without its marks). `None` when it is no directive: only a comment
/// that starts with `pintle:` is one. Several directives are separated by `;`, the words of one by
/// spaces or commas.
///
/// # Errors A sentence: a directive with a word that is not known, or a comment that was meant as a
/// directive and is none (`Pintle: hold`, `pintle hold`, `TODO pintle: hold`), with the right
/// spelling.
pub fn parse(comment: &str) -> Option<Result<Vec<Directive>, String>> {
    let comment = comment.trim();
    match comment.strip_prefix("pintle:") {
        Some(rest) => Some(read(rest)),
        None => near_miss(comment).map(Err),
    }
}

fn read(rest: &str) -> Result<Vec<Directive>, String> {
    words(rest).and_then(|segments| segments.iter().map(|segment| one(segment)).collect())
}

/// Says what a comment should be that was meant as a directive. What begins with the word `pintle`
/// is; so is what has `pintle:` behind a mark such as `TODO`, or in front of words that are a
/// directive.
fn near_miss(comment: &str) -> Option<String> {
    let lower = comment.to_ascii_lowercase();
    let at = lower
        .match_indices("pintle")
        .map(|(at, _)| at)
        .find(|at| is_word_at(&lower, *at, "pintle".len()))?;
    let (before, after) = (&lower[..at], comment[at + "pintle".len()..].trim_start());
    let rest = after.strip_prefix(':').map(str::trim_start);
    let leads = before
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .all(|word| MARKS.contains(&word));
    let words = rest.unwrap_or(after);
    let is_directive = read(words).is_ok()
        || words
            .split([' ', ',', ';'])
            .next()
            .is_some_and(|word| WORDS.contains(&word));
    if !leads && (rest.is_none() || !is_directive) {
        return None;
    }
    let hint = match read(words) {
        Ok(_) => format!("write `pintle: {words}`"),
        Err(_) => "a directive is written `pintle: hold`; begin the comment with another word if it is none".to_owned(),
    };
    Some(format!(
        "the comment “{}” looks like a directive and is none: {hint}",
        shorten(comment)
    ))
}

fn is_word_at(text: &str, at: usize, length: usize) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | '@');
    !text[..at].ends_with(is_part) && !text[at + length..].starts_with(is_part)
}

/// A comment on one line, shortened.
fn shorten(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= 80 {
        words
    } else {
        words.chars().take(79).chain(['…']).collect()
    }
}

/// A word without its quotes, and the bytes it is written in.
struct Word {
    text: String,
    span: Range<usize>,
}

/// Splits at `;`, spaces and commas outside quotes; quotes are taken off.
fn words(text: &str) -> Result<Vec<Vec<Word>>, String> {
    let (mut segments, mut word, mut quote) = (vec![Vec::new()], None::<Word>, None);
    for (at, c) in text.char_indices() {
        let separates = quote.is_none() && (c == ';' || c == ',' || c.is_whitespace());
        if separates {
            segments
                .last_mut()
                .into_iter()
                .for_each(|segment: &mut Vec<Word>| segment.extend(word.take()));
            if c == ';' {
                segments.push(Vec::new());
            }
            continue;
        }
        let now = word.get_or_insert_with(|| Word {
            text: String::new(),
            span: at..at,
        });
        now.span.end = at + c.len_utf8();
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            _ => now.text.push(c),
        }
    }
    if quote.is_some() {
        return Err("the directive has a quote that does not end".into());
    }
    segments
        .last_mut()
        .into_iter()
        .for_each(|segment| segment.extend(word.take()));
    Ok(segments)
}

fn one(words: &[Word]) -> Result<Directive, String> {
    let mut new = Directive::default();
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let mut words = words.as_slice();
    if let [first, rest @ ..] = words
        && let Some(name) = first.strip_suffix(':')
    {
        new.container = Some(name.into());
        words = rest;
    }
    if words.is_empty() {
        return Err("the directive has no content".into());
    }
    if words == ["keel", "hands", "off"] {
        new.hands_off = true;
        return Ok(new);
    }
    for word in words {
        match word.split_once('=') {
            Some((key, value)) => option(&mut new, key, value)?,
            None => bare(&mut new, word)?,
        }
    }
    Ok(new)
}

fn bare(new: &mut Directive, word: &str) -> Result<(), String> {
    match word {
        "hold" => set(&mut new.hold, Hold::default(), "hold"),
        _ => match Policy::parse(word) {
            Ok(policy) => set(&mut new.policy, policy, "policy"),
            Err(_) => Err(format!(
                "the directive has the unknown word `{word}`{}",
                suggest(word, WORDS)
            )),
        },
    }
}

fn option(new: &mut Directive, key: &str, value: &str) -> Result<(), String> {
    if value.is_empty() {
        return Err(format!("the directive's `{key}=` has no value"));
    }
    match (key, &mut new.hold) {
        ("policy", _) => set(&mut new.policy, Policy::parse(value)?, key),
        ("step", _) => set(&mut new.step, yes_or_no(key, value)?, key),
        ("match_pre_release", _) => set(&mut new.match_pre_release, yes_or_no(key, value)?, key),
        ("exclude", _) => {
            let patterns = TagPatterns(vec![TagPatterns::parse(value)?]);
            set(&mut new.exclude, patterns, key)
        }
        ("channel", _) => set(&mut new.channel, channel(value)?, key),
        ("schedule", _) => set(&mut new.schedule, Schedule::parse(value)?, key),
        ("settle", _) => set(&mut new.settle, duration::parse(value)?, key),
        ("until", Some(hold)) => set(&mut hold.until, parse_until(value)?, key),
        ("by", Some(hold)) => set(&mut hold.by, value.into(), key),
        ("because", Some(hold)) => set(&mut hold.because, value.into(), key),
        ("until" | "by" | "because", None) => {
            Err(format!("the directive's `{key}=` needs `hold` before it"))
        }
        _ => Err(format!(
            "the directive has the unknown word `{key}=`{}",
            suggest(&format!("{key}="), OPTIONS)
        )),
    }
}

const OPTIONS: [&str; 10] = [
    "policy=",
    "step=",
    "match_pre_release=",
    "exclude=",
    "channel=",
    "schedule=",
    "settle=",
    "until=",
    "by=",
    "because=",
];

fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    value
        .parse()
        .map_err(|_| format!("`{key}={value}` is neither `{key}=true` nor `{key}=false`"))
}

fn channel(tag: &str) -> Result<Tag, String> {
    Tag::parse(tag).ok_or_else(|| format!("`{tag}` is not a tag"))
}

fn set<T>(place: &mut Option<T>, value: T, what: &str) -> Result<(), String> {
    if place.is_some() {
        return Err(format!("the directive has `{what}` twice"));
    }
    *place = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests;
