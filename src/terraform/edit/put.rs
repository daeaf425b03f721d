//! Puts an entry into an object that is written in HCL, in the style of what stands there. Returns
//! edits; changes nothing.

use super::Edit;
use super::cut::{line_end, line_start};
use crate::terraform::hcl::Source;
use crate::terraform::span::Span;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{Block, Body, Structure};

/// What is put: `"key" = "value"`, and a comment without its mark that ends its line, or stands
/// above it where that place is taken.
#[derive(Clone, Copy, Debug)]
pub struct NewEntry<'a> {
    pub key: &'a str,
    pub value: &'a str,
    pub comment: &'a str,
    pub why: &'a str,
}

/// Returns a span of hcl-edit's in bytes of the file, without blanks around.
pub fn place(source: &Source, node: &dyn hcl_edit::Span) -> Option<Span> {
    let range = node.span()?;
    let text = source.text.get(range.clone())?;
    let start = range.start + (text.len() - text.trim_start().len());
    let trimmed = text.trim();
    (!trimmed.is_empty()).then(|| source.span(start..start + trimmed.len()))
}

/// Returns an item's value by its key, written plainly.
pub fn item<'o>(object: &'o Object, key: &str) -> Option<(&'o ObjectKey, &'o Expression)> {
    object
        .iter()
        .find(|(own, _)| name(own) == Some(key))
        .map(|(own, value)| (own, value.expr()))
}

/// Returns the text of a key that is written plainly.
pub fn name(key: &ObjectKey) -> Option<&str> {
    match key {
        ObjectKey::Ident(ident) => Some(ident.as_str()),
        ObjectKey::Expression(Expression::String(text)) => Some(text),
        ObjectKey::Expression(Expression::Variable(name)) => Some(name.as_str()),
        ObjectKey::Expression(_) => None,
    }
}

/// Returns where a key stands.
pub fn key_place(source: &Source, key: &ObjectKey) -> Option<Span> {
    match key {
        ObjectKey::Ident(ident) => place(source, ident),
        ObjectKey::Expression(expression) => place(source, expression),
    }
}

/// Returns the edits after which an object has the entry; none of what else it has is touched.
///
/// # Errors
/// A sentence: the key has a value that is not a plain string, or the object has no place.
pub fn entry(source: &Source, object: &Object, new: NewEntry<'_>) -> Result<Vec<Edit>, String> {
    let Some((key, value)) = item(object, new.key) else {
        return add(source, object, new);
    };
    let at = key_place(source, key).ok_or("the key has no place")?;
    let (Expression::String(text), Some(span)) = (value, place(source, value)) else {
        return Err(format!("{} is not a plain string", new.key));
    };
    let mut edits = Vec::new();
    if text.as_str() != new.value {
        edits.push(edit(
            source,
            Span::new(span.start + 1, span.end - 1),
            new.value,
            new.why,
        ));
    }
    edits.extend(comment(source, at, new));
    Ok(edits)
}

fn edit(source: &Source, span: Span, put: &str, why: &str) -> Edit {
    let expect = source.bytes[span.range()].to_vec();
    Edit {
        file: source.path.clone(),
        span,
        expect,
        put: put.into(),
        why: why.into(),
    }
}

/// Puts the comment at the end of the line of `at`, or alone above it.
fn comment(source: &Source, at: Span, new: NewEntry<'_>) -> Option<Edit> {
    let text = &source.bytes;
    let end = line_end(text, at.start);
    let end = if end > 0 && text[..end].ends_with(b"\r") {
        end - 1
    } else {
        end
    };
    let around = source.comments_around(at.start);
    if around.iter().any(|comment| comment.plain() == new.comment) {
        return None;
    }
    let taken = source
        .comments()
        .iter()
        .any(|comment| comment.span.start < end && comment.span.end > at.start);
    let start = line_start(text, at.start);
    let blanks = text[start..]
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    let indent = String::from_utf8_lossy(&text[start..start + blanks]);
    Some(match taken {
        false => edit(
            source,
            Span::new(end, end),
            &format!(" # {}", new.comment),
            new.why,
        ),
        true => edit(
            source,
            Span::new(start, start),
            &format!("{indent}# {}{}", new.comment, newline(source, at.start)),
            new.why,
        ),
    })
}

/// How the line of `at` ends; how the first line does where that is the last.
pub fn newline(source: &Source, at: usize) -> &'static str {
    let text = &source.bytes;
    let end = Some(line_end(text, at))
        .filter(|end| *end < text.len())
        .unwrap_or_else(|| line_end(text, 0));
    if text[..end].ends_with(b"\r") {
        "\r\n"
    } else {
        "\n"
    }
}

fn add(source: &Source, object: &Object, new: NewEntry<'_>) -> Result<Vec<Edit>, String> {
    let span = place(source, object).ok_or("the object has no place")?;
    let (text, close) = (&source.bytes, span.end - 1);
    let items: Vec<Span> = object
        .iter()
        .filter_map(|(key, value)| join(key_place(source, key), place(source, value.expr())))
        .collect();
    let start = line_start(text, close);
    let alone = text[start..close].iter().all(u8::is_ascii_whitespace) && start > span.start;
    if alone {
        let indent = items
            .last()
            .and_then(|item| indent(text, item.start))
            .unwrap_or_else(|| deeper(&text[start..close]));
        let pad = items.last().map_or(0, |item| pad(text, *item, new.key));
        let line = format!(
            "{indent}\"{}\"{} = \"{}\" # {}{}",
            new.key,
            " ".repeat(pad),
            new.value,
            new.comment,
            newline(source, span.start)
        );
        return Ok(vec![edit(source, Span::new(start, start), &line, new.why)]);
    }
    let entry = format!("\"{}\" = \"{}\"", new.key, new.value);
    let mut edits = vec![match items.last() {
        Some(last) => {
            let comma = text[last.end..close]
                .iter()
                .position(|byte| !byte.is_ascii_whitespace())
                .filter(|at| text[last.end + at] == b',');
            let at = comma.map_or(last.end, |at| last.end + at + 1);
            edit(
                source,
                Span::new(at, at),
                &format!("{} {entry}", if comma.is_some() { "" } else { "," }),
                new.why,
            )
        }
        None => edit(
            source,
            Span::new(span.start + 1, close),
            &format!(" {entry} "),
            new.why,
        ),
    }];
    // The comment is looked for beside the key, which is put on this line.
    let line = items.last().map_or(span.start, |last| last.end);
    edits.extend(comment(source, Span::new(line, line), new));
    Ok(edits)
}

fn join(first: Option<Span>, last: Option<Span>) -> Option<Span> {
    Some(Span::new(first?.start, last?.end))
}

/// The blanks before something that begins its line.
fn indent(text: &[u8], at: usize) -> Option<String> {
    let blanks = &text[line_start(text, at)..at];
    blanks
        .iter()
        .all(u8::is_ascii_whitespace)
        .then(|| String::from_utf8_lossy(blanks).into_owned())
}

/// One step more than these blanks.
fn deeper(blanks: &[u8]) -> String {
    let blanks = String::from_utf8_lossy(blanks);
    let step = if blanks.contains('\t') { "\t" } else { "  " };
    format!("{blanks}{step}")
}

/// How many blanks put the `=` under the one of the line above.
fn pad(text: &[u8], above: Span, key: &str) -> usize {
    let written = &text[above.range()];
    let end = written
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(written.len());
    let sign = written
        .iter()
        .position(|byte| *byte == b'=')
        .filter(|at| *at < end && written.len() == end);
    sign.map_or(0, |sign| sign.saturating_sub(key.len() + 3))
}

/// Returns the edits after which a block has an attribute of that name with the entry as its only
/// one, as the last thing in it.
///
/// # Errors
/// A sentence: the block has no place.
pub fn object(
    source: &Source,
    block: &Block,
    attribute: &str,
    new: NewEntry<'_>,
) -> Result<Vec<Edit>, String> {
    let text = &source.bytes;
    let span = place(source, block).ok_or("the block has no place")?;
    let close = span.end - 1;
    let outer_line = line_start(text, span.start);
    let outer = indent(text, span.start).unwrap_or_else(|| {
        let blanks = text[outer_line..]
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        String::from_utf8_lossy(&text[outer_line..outer_line + blanks]).into_owned()
    });
    let first = first(source, &block.body);
    let inner = first
        .and_then(|at| indent(text, at))
        .unwrap_or_else(|| deeper(outer.as_bytes()));
    let step = inner
        .strip_prefix(&outer)
        .filter(|step| !step.is_empty())
        .unwrap_or("  ");
    let n = newline(source, span.start);
    let lines = format!(
        "{inner}{attribute} = {{{n}{inner}{step}\"{}\" = \"{}\" # {}{n}{inner}}}{n}",
        new.key, new.value, new.comment
    );
    let start = line_start(text, close);
    if text[start..close].iter().all(u8::is_ascii_whitespace) && start > span.start {
        return Ok(vec![edit(source, Span::new(start, start), &lines, new.why)]);
    }
    // All on one line: `metadata { name = "x" }`.
    let open = first.unwrap_or(close);
    let blanks = |at: usize| {
        text[..at]
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count()
    };
    let before = Span::new(open - blanks(open), open);
    let last = Span::new(close - blanks(close), close);
    if first.is_none() || text[before.start..close].contains(&b'\n') {
        return Err(format!("{attribute} would share its line with other code"));
    }
    let kept = String::from_utf8_lossy(&text[open..last.start]);
    Ok(vec![edit(
        source,
        Span::new(before.start, close),
        &format!("{n}{inner}{kept}{n}{lines}{outer}"),
        new.why,
    )])
}

fn first(source: &Source, body: &Body) -> Option<usize> {
    match body.iter().next()? {
        Structure::Attribute(attribute) => place(source, &attribute.key).map(|span| span.start),
        Structure::Block(block) => place(source, block).map(|span| span.start),
    }
}
