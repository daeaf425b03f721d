//! Outside text (names, tags, notes, what a person wrote) made harmless for Markdown as Forgejo and
//! Gitea render it, so that it is seen as it is and does nothing: no markup, no HTML, no mention,
//! no reference to an issue or commit, no link, no emoji, no command. Never decides what is said.
//!
//! Two layers read a post. goldmark reads Markdown: what means something to it becomes an entity,
//! which holds in a paragraph, a table cell and inside of raw HTML alike (a backslash does not, and
//! `\(` begins a formula there). After it the forge looks for `@user`, `#12`, `:smile:`, addresses
//! and commit ids in the text as it is *seen*, where no escape helps: a zero-width space takes
//! these apart (`SPLIT`).

use super::{is_invisible, is_spelling};
use crate::model::one_line;
use unicode_segmentation::UnicodeSegmentation;
use url::Url;

/// A zero-width space, as an entity so that it can be seen in the source.
const SPLIT: &str = "&#8203;";

/// Returns text for a sentence, a list item or a table cell: one line, seen as it is. Safe anywhere
/// in a line and inside of HTML elements.
pub fn inline(text: &str) -> String {
    let text = one_line(text);
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 16);
    for (at, c) in chars.iter().enumerate() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '{' | '}' | '|' | '~' | '$' | '"' | '^' | '\'' => {
                entity(&mut out, *c)
            }
            '#' | '/' | '+' | '-' | '=' | ':' | '.' | ')' if opens(&chars[..at]) => {
                entity(&mut out, *c)
            }
            c => out.push(*c),
        }
        if splits(&chars, at) {
            out.push_str(SPLIT);
        }
    }
    out
}

/// Returns an inline code span. Text that has a `|` cannot be one, since a table takes it for the
/// end of its cell whatever is around it; nor text that begins or ends with a backtick and could
/// refer to an issue: the blank it needs inside makes `a/b#3` a reference where the post becomes a
/// commit's message. These become an element `code`.
pub fn code(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() {
        return String::new();
    }
    let edge = text.starts_with('`') || text.ends_with('`');
    if text.contains('|') || edge && text.contains(['#', '!']) {
        return format!("<code>{}</code>", inline(&text));
    }
    let ticks = "`".repeat(longest_run(&text, '`') + 1);
    let pad = if edge { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Returns a fenced code block, with the line ends of both fences. For the start of a line that is
/// not indented.
pub fn block(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || is_seen(*c))
        .collect();
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let end = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    format!("{fence}\n{text}{end}{fence}\n")
}

/// Returns a link, or only the text when `url` is no plain `http` or `https` address (another
/// scheme, a password in it).
///
/// The forge itself may note a reference where the address is an issue of its own: link to what
/// pintle chose, not to what a person wrote.
pub fn link(text: &str, url: &str) -> String {
    let shown = inline(text);
    let Some(url) = address(url) else {
        return shown;
    };
    let shown = if shown.is_empty() {
        inline(&url)
    } else {
        shown
    };
    format!("[{shown}](<{url}>)")
}

/// Returns the first `chars` characters as a person counts them, the last of them `…` when
/// something was left out.
pub fn cut(text: &str, chars: usize) -> String {
    match text.grapheme_indices(true).nth(chars) {
        None => text.to_owned(),
        Some(_) => {
            let end = text
                .grapheme_indices(true)
                .nth(chars.saturating_sub(1))
                .map_or(0, |(at, _)| at);
            format!("{}{}", &text[..end], if chars == 0 { "" } else { "…" })
        }
    }
}

/// Returns the text on one line, with single spaces and without what cannot be seen.
fn one_line(text: &str) -> String {
    one_line::one_line(text)
        .chars()
        .filter(|c| is_seen(*c))
        .collect::<String>()
        .trim()
        .to_owned()
}

fn is_seen(c: char) -> bool {
    !is_invisible(c) || is_spelling(c)
}

/// Says whether a mark after `before` could begin a block if the text began a line: a heading, a
/// list, a bar, a definition, a command.
fn opens(before: &[char]) -> bool {
    before
        .iter()
        .all(|c| c.is_ascii_digit() || "#/+-=:.)".contains(*c))
        && before.len() < 12
}

fn entity(out: &mut String, c: char) {
    out.push_str(&format!("&#{};", u32::from(c)));
}

/// Says whether the text has to be taken apart behind `at`.
fn splits(chars: &[char], at: usize) -> bool {
    let next = chars.get(at + 1).copied().unwrap_or(' ');
    let word = next.is_alphanumeric() || matches!(next, '_' | '-' | '.');
    match chars[at] {
        // Before the colon: Gitea takes `https:` alone for the beginning of the next address in its
        // line, wherever that is.
        _ if next == ':' && (chars.get(at + 2) == Some(&'/') || scheme(&chars[..=at])) => true,
        '@' => word,
        '#' | '!' => next.is_ascii_digit(),
        '[' => next == '[',
        ':' => shortcode(&chars[at + 1..]),
        '.' => ends_with_www(&chars[..at]),
        '-' => next.is_ascii_digit() && at > 0 && chars[at - 1].is_ascii_uppercase(),
        c => c.is_ascii_hexdigit() && in_commit(chars, at),
    }
}

/// `:smile:`, from behind its first colon.
fn shortcode(rest: &[char]) -> bool {
    let end = rest
        .iter()
        .position(|c| !(c.is_alphanumeric() || matches!(c, '-' | '+' | '_')));
    end.is_some_and(|end| end > 0 && rest[end] == ':')
}

/// `https`, `mailto` and the like, before a colon.
fn scheme(before: &[char]) -> bool {
    let word: String = before
        .iter()
        .rev()
        .take(6)
        .collect::<Vec<_>>()
        .into_iter()
        .rev()
        .collect::<String>()
        .to_ascii_lowercase();
    ["http", "https", "ftp", "mailto", "xmpp", "tel", "data"]
        .iter()
        .any(|scheme| word.ends_with(scheme))
}

fn ends_with_www(before: &[char]) -> bool {
    before.len() >= 3
        && before[before.len() - 3..]
            .iter()
            .all(|c| c.eq_ignore_ascii_case(&'w'))
}

/// Says whether `at` is the last of six hex digits within a word that could be a commit's id: seven
/// make a link.
fn in_commit(chars: &[char], at: usize) -> bool {
    let hex = |c: &char| c.is_ascii_digit() || ('a'..='f').contains(c);
    let start = at + 1 - chars[..=at].iter().rev().take_while(|c| hex(c)).count();
    let after = chars[at + 1..].iter().take_while(|c| hex(c)).count();
    after > 0 && start <= at && (at + 1 - start).is_multiple_of(6)
}

fn longest_run(text: &str, c: char) -> usize {
    text.split(|other| other != c)
        .map(|run| run.chars().count())
        .max()
        .unwrap_or_default()
}

/// Returns an address as it can stand between `<` and `>` of a link.
fn address(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let plain = matches!(parsed.scheme(), "http" | "https")
        && parsed.username().is_empty()
        && parsed.password().is_none();
    let escaped = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' | '>' | '(' | ')' | '[' | ']' | '|' | '\\' | '`' | '*' | '_' | '~' | '$' | '"'
        | '\'' | '{' | '}' | '^' => {
            format!("%{:02X}", u32::from(c))
        }
        c => c.to_string(),
    };
    plain.then(|| parsed.as_str().chars().map(escaped).collect())
}

#[cfg(test)]
mod tests;
