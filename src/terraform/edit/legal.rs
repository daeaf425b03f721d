//! What may be put into a literal so that everything around it reads as before. Looks at one
//! literal, not at its file.

use super::{EditError, shown};
use crate::terraform::text::Form;
use crate::terraform::yaml;
use granit_parser::{Event, ScalarStyle};
use std::ops::Range;

/// Checks that `put` may replace the bytes `at` of a literal whose content is written as `content`
/// in `form`.
///
/// # Errors [`EditError::Illegal`] when the bytes would end the literal, be an escape or a
/// template, or (in plain YAML) turn a string into something else.
pub fn legal(form: Form, content: &[u8], at: Range<usize>, put: &[u8]) -> Result<(), EditError> {
    let refuse = |reason| {
        Err(EditError::Illegal {
            put: shown(put),
            place: place(form),
            reason,
        })
    };
    let Ok(text) = std::str::from_utf8(put) else {
        return refuse("it is not UTF-8");
    };
    let (Some(before), Some(after)) =
        (content.get(..at.start), content.get(at.end.max(at.start)..))
    else {
        return refuse("the place is outside of the literal");
    };
    if let Some(reason) = forbidden(form, text) {
        return refuse(reason);
    }
    if form != Form::Json && starts_template(before, put, after) {
        return refuse("it would begin a template");
    }
    if matches!(form, Form::Quoted | Form::Json | Form::YamlDouble)
        && before
            .iter()
            .rev()
            .take_while(|byte| **byte == b'\\')
            .count()
            % 2
            == 1
    {
        return refuse("a backslash precedes it");
    }
    match form {
        // Its indentation is not known.
        Form::YamlBlock if content.trim_ascii().is_empty() => refuse("the block scalar is empty"),
        Form::YamlBlock if matches!(before.last(), Some(b'\n' | b'\r')) => {
            refuse("it would be outside the block scalar")
        }
        Form::Raw if after.is_empty() && matches!(before.last(), None | Some(b'\n')) => {
            refuse("it would be on the line that ends the heredoc")
        }
        Form::YamlSingle if splits_quotes(before, after) => {
            refuse("it would split a doubled quote")
        }
        Form::YamlPlain => match plain(content, &[before, put, after].concat()) {
            Some(reason) => refuse(reason),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn place(form: Form) -> &'static str {
    match form {
        Form::Quoted => "in a quoted HCL string",
        Form::Raw => "in a heredoc or template",
        Form::YamlPlain => "in a plain YAML scalar",
        Form::YamlSingle => "in a single-quoted YAML scalar",
        Form::YamlDouble => "in a double-quoted YAML scalar",
        Form::YamlBlock => "in a YAML block scalar",
        Form::Json => "in a JSON string",
    }
}

fn forbidden(form: Form, put: &str) -> Option<&'static str> {
    let odd = |char: char| {
        char.is_control()
            || matches!(
                char,
                '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}'
            )
    };
    if put.contains(odd) {
        return Some("it has a line end or control character");
    }
    let (chars, reason): (&[char], _) = match form {
        Form::Quoted | Form::YamlDouble | Form::Json => {
            (&['"', '\\'], "it has a quote or a backslash")
        }
        Form::YamlSingle => (&['\''], "it has a quote"),
        Form::YamlPlain => (
            &[',', '[', ']', '{', '}', '\'', '"'],
            "it has a character that YAML may read as its own",
        ),
        Form::Raw => (&[], ""),
        Form::YamlBlock => {
            return put
                .starts_with([' ', '\t'])
                .then_some("it begins with a blank");
        }
    };
    put.contains(chars).then_some(reason)
}

/// Says whether a `${` or `%{` stands in the result that has a byte of `put`, or is joined by its
/// removal.
fn starts_template(before: &[u8], put: &[u8], after: &[u8]) -> bool {
    let last = before.last().copied().into_iter();
    let window: Vec<u8> = last
        .chain(put.iter().copied())
        .chain(after.first().copied())
        .collect();
    window.windows(2).any(|pair| matches!(pair, b"${" | b"%{"))
        // `$` before a `${…}` makes it text.
        || (matches!(put.last(), Some(b'$')) && after.starts_with(b"${"))
        || (matches!(put.last(), Some(b'%')) && after.starts_with(b"%{"))
}

fn splits_quotes(before: &[u8], after: &[u8]) -> bool {
    before
        .iter()
        .rev()
        .take_while(|byte| **byte == b'\'')
        .count()
        % 2
        == 1
        || after.iter().take_while(|byte| **byte == b'\'').count() % 2 == 1
}

/// Says why `after` cannot stand where the plain scalar `before` stands.
fn plain(before: &[u8], after: &[u8]) -> Option<&'static str> {
    let (Ok(before), Ok(after)) = (std::str::from_utf8(before), std::str::from_utf8(after)) else {
        return Some("it is not UTF-8");
    };
    if !is_one_plain_scalar(&crate::terraform::mask::mask(after)) {
        return Some("the result is not one plain scalar");
    }
    match (yaml::reads_as_text(before), yaml::reads_as_text(after)) {
        _ if yaml::reads_as_word(before) => Some("the text there is null, true or false"),
        (_, true) => None,
        (true, false) => Some("the result is no string any more"),
        (false, false) if is_canonical_integer(after) => None,
        (false, false) => Some("the result is a number that reads differently than it is written"),
    }
}

/// Reads `text` as the only entry of a flow list, the strictest place a plain scalar can have.
fn is_one_plain_scalar(text: &str) -> bool {
    let source = format!("[{text}]");
    let events: Result<Vec<_>, _> = yaml::parser(&source).collect();
    let Ok(events) = events else { return false };
    let mut scalars = events.iter().filter(|(event, _)| event.is_node());
    let list = scalars
        .next()
        .is_some_and(|(event, _)| matches!(event, Event::SequenceStart(..)));
    let same = |(event, span): &(Event<'_>, granit_parser::Span)| {
        matches!(event, Event::Scalar(_, ScalarStyle::Plain, 0, None))
            && span.slice(&source) == Some(text)
    };
    list && scalars.next().is_some_and(same) && scalars.next().is_none()
}

fn is_canonical_integer(text: &str) -> bool {
    text == "0"
        || (!text.starts_with('0')
            && text.len() < 16
            && text.bytes().all(|byte| byte.is_ascii_digit()))
}
