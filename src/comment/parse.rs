//! A comment to its commands. A command is the first word of a visible line of plain text; the
//! whole comment is read before anything is done, and one wrong word is an error of the whole
//! comment. Looks nobody and nothing up.
//!
//! A line counts when it belongs to a paragraph that stands by itself: not in a quote (nor in the
//! line that lazily goes on with it), a list, a table, a heading, a footnote, code, a formula, a
//! link or emphasis, nor after raw HTML that is still open (`<details>`, `<!--`). The command has
//! to be in the source as it is seen: `/pin`, no escape or entity, at most three spaces before it.
//! Everything else is silence: an empty list.

mod grammar;
mod target;
mod visible;

use crate::model::ask::{Command, Misread};

/// The commands as they are written, each with what it does: for `/help`, hints and the guide.
pub const COMMANDS: &[(&str, &str)] = &[
    (
        "/pin [target] [to <tag|sha256:…>] [for <7d>|until <2026-12-01>] [because …]",
        "pins the image and holds it there",
    ),
    (
        "/unpin [target]",
        "removes the hold and follows the tag again",
    ),
    (
        "/rollback [target] [to <sha256:…|N>] [because …]",
        "rolls back to an earlier pin, or by N pins, and holds it",
    ),
    (
        "/hold [target] [for <7d>|until <2026-12-01>] [because …]",
        "freezes the image as it is",
    ),
    ("/resume [target]", "removes a hold"),
    (
        "/explain [target]",
        "shows what pintle knows of the image, and why it is or is not updated",
    ),
    (
        "/status [stack or target]",
        "shows what is pinned, waiting and held",
    ),
    ("/plan", "shows what pintle would do now"),
    ("/help", "lists the commands"),
];

/// Comments that are longer are not read; in bytes.
pub const LONGEST: usize = 64 * 1024;

/// The most commands of one comment.
pub const MOST: usize = 20;

/// Reads the commands of a comment's Markdown where nothing of the repo is known: a name that is
/// more than one plain word has to be in quotes.
///
/// # Errors
/// As [`parse_naming`].
pub fn parse(text: &str) -> Result<Vec<Command>, Misread> {
    parse_naming(text, &|_| false)
}

/// Reads the commands of a comment's Markdown, in order; none is a comment to pass over in silence.
/// `is_name` says whether something in the repo has exactly this name: such a name needs no quotes,
/// whatever it is made of.
///
/// # Errors
/// The first command that is wrong, or a comment that is too long or asks for too much.
pub fn parse_naming(text: &str, is_name: &dyn Fn(&str) -> bool) -> Result<Vec<Command>, Misread> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let whole = |line, what: String| Misread {
        line,
        command: None,
        what,
        hint: None,
    };
    let Some(first) = text.lines().position(may_command) else {
        return Ok(Vec::new());
    };
    if text.len() > LONGEST {
        return Err(whole(
            first + 1,
            format!(
                "a comment with commands may have {} KiB at most",
                LONGEST / 1024
            ),
        ));
    }
    let mut commands = Vec::new();
    for line in visible::lines(&text) {
        let Some(word) = word_of(&line.text) else {
            continue;
        };
        if commands.len() == MOST {
            return Err(whole(
                line.number,
                format!("one comment may have {MOST} commands at most"),
            ));
        }
        let command = grammar::command(word, &line, is_name);
        let misread = |what| Misread {
            line: line.number,
            command: Some(word),
            what,
            hint: Some(format!("write `{}`", usage(word))),
        };
        commands.push(command.map_err(misread)?);
    }
    Ok(commands)
}

/// Returns the command that a line begins with: its word exactly, alone or before something that is
/// no letter of it.
fn word_of(line: &str) -> Option<&'static str> {
    let end = line
        .find(|c: char| c.is_whitespace() || super::is_invisible(c))
        .unwrap_or(line.len());
    COMMANDS
        .iter()
        .map(|(usage, _)| first_word(usage))
        .find(|word| *word == &line[..end])
}

/// Says whether a line of the source may be a command, whatever surrounds it.
fn may_command(line: &str) -> bool {
    let text = line.trim_start_matches(' ');
    line.len() - text.len() <= 3
        && COMMANDS
            .iter()
            .any(|(usage, _)| text.starts_with(first_word(usage)))
}

fn usage(word: &str) -> &'static str {
    COMMANDS
        .iter()
        .map(|(usage, _)| *usage)
        .find(|usage| first_word(usage) == word)
        .unwrap_or_default()
}

fn first_word(usage: &str) -> &str {
    usage.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
