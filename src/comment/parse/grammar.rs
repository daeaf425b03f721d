//! The words of one line to a command. Every word has a meaning or is an error.

use super::super::{is_invisible, is_spelling};
use super::target::{QUOTES, read_target};
use super::visible::{Alien, Line};
use crate::model::ask::{Back, Command, End, Goal, OPTIONS, TargetName};
use crate::model::digest::Digest;
use crate::model::duration;
use crate::model::hold::parse_until;
use crate::model::policy::suggest;
use crate::model::reference::{Reference, Tag};
use std::sync::Arc;

/// The longest reason, in characters.
const REASON: usize = 200;

/// The most pins by which `/rollback` rolls back.
const PINS: u32 = 100;

/// The longest part of a word that an error repeats, in characters.
const SHOWN: usize = 60;

/// The options of a command that are words of their own; what is left out is its target.
#[derive(Default)]
struct CommandWords<'a> {
    target: Option<TargetName>,
    to: Option<&'a str>,
    end: Option<End>,
    because: Option<Arc<str>>,
}

/// Reads the line of a command; the error is a sentence.
pub(super) fn command(
    word: &str,
    line: &Line,
    is_name: &dyn Fn(&str) -> bool,
) -> Result<Command, String> {
    let options = options(word);
    let mut words = words(word, options, line, is_name)?;
    let target = words.target.take();
    Ok(match word {
        "/pin" => Command::Pin {
            target,
            to: words.to.map(goal).transpose()?,
            end: words.end,
            because: words.because,
        },
        "/unpin" => Command::Unpin { target },
        "/rollback" => Command::Rollback {
            target,
            to: words.to.map(back).transpose()?,
            because: words.because,
        },
        "/hold" => Command::Hold {
            target,
            end: words.end,
            because: words.because,
        },
        "/resume" => Command::Resume { target },
        "/explain" => Command::Explain { target },
        "/status" => Command::Status { target },
        "/plan" => Command::Plan,
        _ => Command::Help,
    })
}

fn options(word: &str) -> &'static [&'static str] {
    match word {
        "/pin" => &OPTIONS,
        "/rollback" => &["to", "because"],
        "/hold" => &["for", "until", "because"],
        _ => &[],
    }
}

fn words<'a>(
    command: &str,
    options: &[&str],
    line: &'a Line,
    is_name: &dyn Fn(&str) -> bool,
) -> Result<CommandWords<'a>, String> {
    let mut found = CommandWords::default();
    let mut rest = Rest {
        text: &line.text,
        at: command.len(),
    };
    let targets = !matches!(command, "/plan" | "/help");
    let named = if targets {
        read_target(line, rest.at, is_name)?
    } else {
        None
    };
    if let Some((target, end)) = named {
        no_invisible(target.as_str(), |_| false)?;
        found.target = Some(target);
        rest.at = end;
    }
    let reason_at = rest
        .clone()
        .find(|(_, word)| *word == "because" && options.contains(word))
        .map_or(usize::MAX, |(start, _)| start);
    plain(line, reason_at)?;
    let mut first = targets && found.target.is_none();
    while let Some((start, word)) = rest.next() {
        if start == reason_at {
            found.because = Some(reason(line, rest.at)?);
            return Ok(found);
        }
        if first && let Some(clean) = without_zero_width(word).filter(|clean| is_name(clean)) {
            found.target = Some(target(&clean)?);
            first = false;
            continue;
        }
        no_invisible(word, |_| false)?;
        match word {
            "to" | "for" | "until" if options.contains(&word) => {
                option(&mut found, word, rest.next().map(|(_, value)| value))?
            }
            _ if OPTIONS.contains(&word) => return Err(format!("it takes no `{word}`")),
            _ if first => found.target = Some(target(word)?),
            _ if !targets => {
                return Err(format!(
                    "it takes nothing after it, but there is `{}`",
                    shown(word)
                ));
            }
            _ if options.is_empty() => {
                return Err(format!(
                    "it takes one target, but there is also `{}`",
                    shown(word)
                ));
            }
            _ => {
                return Err(format!(
                    "`{}` is not a word of it{}",
                    shown(word),
                    suggest(word, options.iter().copied())
                ));
            }
        }
        first = false;
    }
    Ok(found)
}

/// Walks over the words of a line.
#[derive(Clone)]
struct Rest<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Rest<'a> {
    /// Where the word starts, and the word.
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let start = self.at + rest.find(|c: char| !c.is_whitespace())?;
        let word = &self.text[start..];
        let word = &word[..word.find(char::is_whitespace).unwrap_or(word.len())];
        self.at = start + word.len();
        Some((start, word))
    }
}

fn option<'a>(
    found: &mut CommandWords<'a>,
    word: &str,
    value: Option<&'a str>,
) -> Result<(), String> {
    let value = value
        .filter(|value| !OPTIONS.contains(value))
        .ok_or_else(|| format!("`{word}` has nothing after it"))?;
    no_invisible(value, |_| false)?;
    let twice = match word {
        "to" => found.to.replace(value).is_some(),
        _ => found.end.replace(end(word, value)?).is_some(),
    };
    match (twice, word) {
        (false, _) => Ok(()),
        (true, "to") => Err("it has `to` twice".into()),
        (true, _) => Err("it gives the duration twice: use one `for` or one `until`".into()),
    }
}

fn end(word: &str, value: &str) -> Result<End, String> {
    if word == "until" {
        return parse_until(value).map(End::Until).map_err(|_| {
            format!(
                "`{}` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`",
                shown(value)
            )
        });
    }
    let length = duration::parse(value).map_err(|_| {
        format!(
            "`{}` is not a length of time such as `45m`, `1h30m` or `7d`",
            shown(value)
        )
    })?;
    if length.as_secs() == 0 {
        Err(format!("`for {}` is zero", shown(value)))
    } else {
        Ok(End::For(length))
    }
}

/// A target that is one plain word.
fn target(word: &str) -> Result<TargetName, String> {
    if !TargetName::is_plain(word) {
        let is_option = OPTIONS
            .iter()
            .any(|option| option.eq_ignore_ascii_case(word));
        let hint = if is_option {
            suggest(word, OPTIONS)
        } else {
            String::new()
        };
        return Err(format!("`{}` is not a target{hint}", shown(word)));
    }
    TargetName::new(word).ok_or_else(|| format!("the target `{}` is too long", shown(word)))
}

fn goal(value: &str) -> Result<Goal, String> {
    if value.starts_with("sha256:") || is_hex(value, 64) {
        return digest(value).map(Goal::Digest);
    }
    if let Some(tag) = Tag::parse(value) {
        return Ok(Goal::Tag(tag));
    }
    let whole = value.contains([':', '/', '@']) && Reference::parse(value).is_some();
    let hint = if whole {
        ": after `to` comes the tag alone, or the digest alone"
    } else {
        ""
    };
    Err(format!(
        "`{}` is neither a tag nor a digest{hint}",
        shown(value)
    ))
}

fn back(value: &str) -> Result<Back, String> {
    let number = value.bytes().all(|b| b.is_ascii_digit());
    match value.parse() {
        Ok(pins @ 1..=PINS) if number => Ok(Back::Pins(pins)),
        _ if value.starts_with("sha256:") || is_hex(value, 64) => digest(value).map(Back::Digest),
        _ if number => Err(format!(
            "`{}` is not a number of pins from 1 to {PINS}",
            shown(value)
        )),
        _ => Err(format!(
            "`{}` is neither a digest nor a number of pins from 1 to {PINS}",
            shown(value)
        )),
    }
}

fn digest(value: &str) -> Result<Digest, String> {
    let hex = value.strip_prefix("sha256:");
    let short = hex.is_some_and(|hex| hex.len() < 64 && is_hex(hex, hex.len()));
    let why = match hex {
        None => "a digest begins with `sha256:`",
        Some(_) if short => "it is only a part of one: all 64 digits are needed",
        Some(_) => "it is `sha256:` and 64 digits from `0` to `9` and `a` to `f`",
    };
    Digest::parse(value).ok_or_else(|| format!("`{}` is not a digest: {why}", shown(value)))
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Returns the text from `at` to the end of the line, without one pair of quotes, each blank as one
/// space.
fn reason(line: &Line, at: usize) -> Result<Arc<str>, String> {
    let text: Vec<&str> = line.text[at..].split_whitespace().collect();
    let text = text.join(" ");
    let inner = QUOTES
        .iter()
        .find_map(|(open, close)| text.strip_prefix(*open)?.strip_suffix(*close));
    let text = inner.unwrap_or(&text).trim();
    no_invisible(text, is_spelling)?;
    if line
        .aliens
        .iter()
        .any(|(_, alien)| matches!(alien, Alien::Html | Alien::Image | Alien::Footnote))
    {
        return Err(
            "the reason has something that is not text (HTML, an image or a footnote)".into(),
        );
    }
    match text.chars().count() {
        0 => Err("`because` has nothing after it".into()),
        n if n > REASON => Err(format!(
            "the reason has {n} characters; it may have {REASON}"
        )),
        _ => Ok(text.into()),
    }
}

/// Checks that the line has nothing but text before `end`.
fn plain(line: &Line, end: usize) -> Result<(), String> {
    let Some((_, alien)) = line.aliens.iter().find(|(at, _)| *at < end) else {
        return Ok(());
    };
    let what = match alien {
        Alien::Html => "HTML",
        Alien::Image => "an image",
        Alien::Link => "a link",
        Alien::Struck => "text that is struck out",
        Alien::Footnote => "a footnote",
    };
    Err(format!(
        "its line has {what}; only text and inline code can be read"
    ))
}

/// Returns the word without the zero-width spaces that older posts of pintle had in names; `None`
/// where it has none.
fn without_zero_width(word: &str) -> Option<String> {
    word.contains(ZERO_WIDTH)
        .then(|| word.replace(ZERO_WIDTH, ""))
}

/// ZERO WIDTH SPACE.
const ZERO_WIDTH: char = '\u{200b}';

fn no_invisible(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), String> {
    match text.chars().find(|c| is_invisible(*c) && !allowed(*c)) {
        Some(c) => Err(format!(
            "its line has a character that cannot be seen (U+{:04X})",
            u32::from(c)
        )),
        None => Ok(()),
    }
}

fn shown(word: &str) -> String {
    super::super::quote::cut(word, SHOWN)
}
