//! Pieces that pintle's posts are put together from: sentences, links, tables and lists, and the
//! room they have. Everything handed in is outside text unless its type says otherwise, and comes
//! out harmless.

use super::quote;
use crate::model::commit::CommitId;
use sha2::{Digest as _, Sha256};
use url::Url;

/// Posts stay below this, in bytes: forges take 65,536 characters at least.
pub const LONGEST: usize = 60_000;

/// A sentence has so many characters at most.
const SENTENCE: usize = 400;

/// Returns a sentence for the middle of a line, without its full stop. What stands between
/// backticks in it is code.
pub fn said(text: &str) -> String {
    let text = short(text, SENTENCE);
    let text = mark_names(text.trim_end().trim_end_matches('.'));
    let text = text.as_str();
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return quote::inline(text);
    }
    let mut out = String::new();
    for (at, part) in parts.iter().enumerate() {
        let spaced = part.starts_with(char::is_whitespace) || (at % 2 == 1 && out.ends_with('`'));
        out.push_str(if spaced && !out.is_empty() && !out.ends_with(' ') {
            " "
        } else {
            ""
        });
        out.push_str(&if at % 2 == 1 {
            named(part)
        } else {
            quote::inline(part)
        });
        out.push_str(
            if part.ends_with(char::is_whitespace) && !out.ends_with(' ') {
                " "
            } else {
                ""
            },
        );
    }
    out.trim().to_owned()
}

/// Puts what people copy between backticks, where it does not stand so: digests, references of
/// images, site ids. As code a forge links nothing in it, and it can be copied as it is.
fn mark_names(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let marked = parts.iter().enumerate().map(|(at, part)| match at % 2 {
        1 => (*part).to_owned(),
        _ => part.split(' ').map(mark_word).collect::<Vec<_>>().join(" "),
    });
    marked.collect::<Vec<_>>().join("`")
}

fn mark_word(word: &str) -> String {
    let is_around = |c: char| ".,:;()[]“”\"'".contains(c);
    let start = word.len() - word.trim_start_matches(is_around).len();
    let name = word[start..].trim_end_matches(is_around);
    if is_copied(name) {
        let end = start + name.len();
        format!("{}`{name}`{}", &word[..start], &word[end..])
    } else {
        word.to_owned()
    }
}

/// Says whether people copy a word: `sha256:…`, `ghcr.io/app/server:1.2`, `main.tf#local.image`.
fn is_copied(word: &str) -> bool {
    let is_plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let is_digest = || word.contains("sha256:");
    let is_image = || {
        word.rsplit_once('/')
            .is_some_and(|(_, last)| last.contains(':') && !word.contains("://"))
    };
    let is_site = || {
        word.split_once('#').is_some_and(|(file, address)| {
            let is_file = file
                .rsplit('/')
                .next()
                .is_some_and(|name| name.contains('.'));
            is_file && address.contains(|c: char| !c.is_ascii_digit())
        })
    };
    is_plain && (is_digest() || is_image() || is_site())
}

/// Returns a whole sentence, from its first word to its full stop.
pub fn sentence(start: &str, text: &str) -> String {
    let said = said(text);
    let stop = if said.ends_with(['?', '!', '…', ':']) {
        ""
    } else {
        "."
    };
    format!("{start}{said}{stop}")
}

/// Returns a name as code, cut to a length that a name can have.
///
/// Where the post becomes a commit's message, a forge reads it as plain text, and `#12` or `@ana`
/// after a space, a bracket or a quote mean something there also in code: they are taken apart
/// then.
pub fn named(text: &str) -> String {
    let text = short(text, 300);
    let before = |c: char| c.is_whitespace() || matches!(c, '(' | '[' | '\'' | '"');
    let told = text.contains(before) && (text.contains(['#', '!', '@']) || text.contains("://"));
    if told {
        format!("<code>{}</code>", quote::inline(&text))
    } else {
        quote::code(&text)
    }
}

/// Returns the first `chars` characters; a character has eight bytes at most here, however many
/// marks are piled on it.
pub fn short(text: &str, chars: usize) -> String {
    let most = chars.saturating_mul(8);
    let end = if text.len() <= most {
        text.len()
    } else {
        (0..=most)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default()
    };
    let cut = quote::cut(&text[..end], chars);
    if end < text.len() && !cut.ends_with('…') {
        cut + "…"
    } else {
        cut
    }
}

/// Returns code that links somewhere; only the code when the address is none to link to.
pub fn code_link(text: &str, url: &str) -> String {
    match quote::link("x", url).strip_prefix("[x]") {
        Some(address) => format!("[{}]{address}", named(text)),
        None => named(text),
    }
}

/// Returns a link to a commit in the forge.
pub fn commit_link(commit: &CommitId, forge_url: &Url) -> String {
    code_link(
        commit.short(),
        &format!(
            "{}/commit/{commit}",
            forge_url.as_str().trim_end_matches('/')
        ),
    )
}

/// Returns a link where the address is one of the forge, and else the address as code: nobody but
/// the forge is linked to.
pub fn link_within(text: &str, address: &str, forge_url: &Url) -> String {
    let own = Url::parse(address).is_ok_and(|url| url.origin() == forge_url.origin());
    if own {
        quote::link(text, address)
    } else {
        named(address)
    }
}

/// Returns as many lines as fit into `room` bytes, then how many are left out. Each with its line
/// end.
pub fn lines(all: &[String], room: usize) -> String {
    let more = |left: usize| format!("- … and {left} more\n");
    let mut out = String::new();
    for (at, line) in all.iter().enumerate() {
        let last = at + 1 == all.len();
        let reserve = if last { 0 } else { more(all.len()).len() };
        if out.len() + line.len() + 1 + reserve > room {
            return out + &more(all.len() - at);
        }
        out += line;
        out.push('\n');
    }
    out
}

/// `a`, `a and b`, `a, b and c`
pub fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [all @ .., last] => format!("{} and {last}", all.join(", ")),
    }
}

/// `1 image`, `2 images`
pub fn count(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Returns 40 hex digits that stand for a text in a mark.
pub(super) fn short_hash(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
pub mod tests;
