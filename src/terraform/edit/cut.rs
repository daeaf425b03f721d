//! Which bytes to take out of HCL so that elements of a list, attributes or blocks are gone and
//! what stays reads as it did. Comments that stand on lines of their own stay. Returns spans;
//! changes nothing.

use crate::terraform::hcl::Source;
use crate::terraform::span::Span;

/// A piece of a list between its brackets.
#[derive(Clone, Copy, Debug, PartialEq)]
struct ListToken {
    span: Span,
    kind: ListTokenKind,
    gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum ListTokenKind {
    Element,
    Comma,
    Comment,
}

/// Returns what to take out of a list (from `[` to `]`) so that the elements `gone` and their
/// commas are. A line that holds nothing else goes as a whole, with the comment that ends it.
pub fn elements(source: &Source, list: Span, elements: &[Span], gone: &[Span]) -> Vec<Span> {
    let mut tokens = tokens(source, list, elements, gone);
    commas(source, list, &mut tokens);
    let text = &source.bytes;
    let mut cuts: Vec<Span> = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let line = line(text, token.span);
        let count = tokens[at..]
            .iter()
            .take_while(|other| line.contains(Span::new(other.span.start, other.span.start)))
            .count()
            .max(1);
        let own = &tokens[at..at + count];
        cuts.extend(of_line(text, line, own));
        at += count;
    }
    cuts
}

/// Says whether a comment would be left in a list without elements.
pub fn leaves_comments(source: &Source, list: Span, elements: &[Span]) -> bool {
    let cuts = self::elements(source, list, elements, elements);
    let inside =
        |comment: Span| list.contains(comment) && !cuts.iter().any(|cut| cut.contains(comment));
    source.comments().iter().any(|comment| inside(comment.span))
}

fn tokens(source: &Source, list: Span, elements: &[Span], gone: &[Span]) -> Vec<ListToken> {
    let inside = Span::new(list.start + 1, list.end.saturating_sub(1));
    let mut tokens: Vec<ListToken> = elements
        .iter()
        .map(|span| ListToken {
            span: *span,
            kind: ListTokenKind::Element,
            gone: gone.contains(span),
        })
        .collect();
    let comments = source
        .comments()
        .iter()
        .filter(|comment| inside.contains(comment.span));
    let free = |span: Span| !elements.iter().any(|element| element.contains(span));
    tokens.extend(
        comments
            .filter(|comment| free(comment.span))
            .map(|comment| ListToken {
                span: comment.span,
                kind: ListTokenKind::Comment,
                gone: false,
            }),
    );
    let taken: Vec<Span> = tokens.iter().map(|token| token.span).collect();
    let commas = inside
        .range()
        .filter(|at| source.bytes.get(*at) == Some(&b','));
    let commas = commas
        .map(|at| Span::new(at, at + 1))
        .filter(|comma| !taken.iter().any(|token| token.contains(*comma)));
    tokens.extend(commas.map(|span| ListToken {
        span,
        kind: ListTokenKind::Comma,
        gone: false,
    }));
    tokens.sort_by_key(|token| token.span);
    tokens
}

/// The comma behind an element goes with it. Where the last elements go, the comma before them may
/// only stay when a line ends before `]`.
fn commas(source: &Source, list: Span, tokens: &mut [ListToken]) {
    let parts: Vec<usize> = (0..tokens.len())
        .filter(|index| tokens[*index].kind != ListTokenKind::Comment)
        .collect();
    for pair in parts.windows(2) {
        if tokens[pair[0]].gone
            && tokens[pair[0]].kind == ListTokenKind::Element
            && tokens[pair[1]].kind == ListTokenKind::Comma
        {
            tokens[pair[1]].gone = true;
        }
    }
    let trailing = parts
        .last()
        .is_some_and(|last| tokens[*last].kind == ListTokenKind::Comma);
    let Some(last) = parts
        .iter()
        .rev()
        .find(|index| !tokens[**index].gone)
        .copied()
    else {
        return;
    };
    if trailing || tokens[last].kind != ListTokenKind::Comma {
        return;
    }
    let rest = Span::new(tokens[last].span.end, list.end);
    let stays = source
        .bytes
        .get(rest.range())
        .is_some_and(|rest| rest.contains(&b'\n'));
    let kept = parts
        .iter()
        .rev()
        .map(|index| tokens[*index])
        .find(|token| token.kind == ListTokenKind::Element && !token.gone);
    let leads = kept
        .is_some_and(|kept| source.bytes[kept.span.end..tokens[last].span.start].contains(&b'\n'));
    tokens[last].gone = !stays || leads;
}

/// The line that a span begins on, without its end.
fn line(text: &[u8], span: Span) -> Span {
    Span::new(line_start(text, span.start), line_end(text, span.start))
}

pub(super) fn line_start(text: &[u8], at: usize) -> usize {
    let mark = if text.starts_with("\u{feff}".as_bytes()) {
        3
    } else {
        0
    };
    text[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(mark, |at| at + 1)
}

/// Where the line ends: its `\n`, or the end of the file.
pub(super) fn line_end(text: &[u8], at: usize) -> usize {
    text[at..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |more| at + more)
}

fn of_line(text: &[u8], line: Span, tokens: &[ListToken]) -> Vec<Span> {
    if tokens.iter().all(|token| !token.gone) {
        return Vec::new();
    }
    let parts = tokens
        .iter()
        .filter(|token| token.kind != ListTokenKind::Comment);
    let whole = tokens.iter().all(|token| line.contains(token.span))
        && parts.clone().all(|token| token.gone);
    if whole && is_blank_without(text, line, tokens) {
        return vec![Span::new(line.start, (line.end + 1).min(text.len()))];
    }
    runs(text, tokens)
        .into_iter()
        .map(|run| with_blanks(text, line, run))
        .collect()
}

fn is_blank_without(text: &[u8], line: Span, tokens: &[ListToken]) -> bool {
    let inside = |at: usize| {
        tokens
            .iter()
            .any(|token| token.span.start <= at && at < token.span.end)
    };
    line.range()
        .all(|at| inside(at) || text[at].is_ascii_whitespace())
}

/// Tokens that go and have nothing but blanks between them.
fn runs(text: &[u8], tokens: &[ListToken]) -> Vec<Span> {
    let mut runs: Vec<Span> = Vec::new();
    for token in tokens.iter().filter(|token| token.gone) {
        match runs.last_mut() {
            Some(run)
                if text[run.end..token.span.start]
                    .iter()
                    .all(u8::is_ascii_whitespace) =>
            {
                run.end = token.span.end
            }
            _ => runs.push(token.span),
        }
    }
    runs
}

/// Takes the blanks behind too when something follows, else those before.
fn with_blanks(text: &[u8], line: Span, run: Span) -> Span {
    let blank = |byte: &u8| matches!(*byte, b' ' | b'\t');
    let end = line.end.max(run.end);
    let behind = text[run.end..end]
        .iter()
        .take_while(|byte| blank(byte))
        .count();
    let before = text[line.start..run.start]
        .iter()
        .rev()
        .take_while(|byte| blank(byte))
        .count();
    let next = text
        .get(run.end + behind)
        .filter(|_| run.end + behind < end);
    let opens = run
        .start
        .checked_sub(before + 1)
        .and_then(|at| text.get(at))
        == Some(&b'[');
    match next {
        None | Some(b'\r') => Span::new(run.start - before, run.end),
        // A comma before was taken with the element.
        Some(b']') if !opens && (text[run.start] != b',' || behind > 0) => {
            Span::new(run.start - before, run.end)
        }
        Some(b']') => run,
        Some(_) if before == 0 && !opens && text[run.start] == b',' => run,
        Some(_) => Span::new(run.start, run.end + behind),
    }
}

/// Returns the whole lines of something that stands alone on them, with the comment that ends them;
/// `None` when it shares a line.
pub fn lines(source: &Source, span: Span) -> Option<Span> {
    let text = &source.bytes;
    let start = line_start(text, span.start);
    let end = line_end(text, span.end);
    let blank = |range: Span| text[range.range()].iter().all(u8::is_ascii_whitespace);
    let comment = source
        .comments()
        .iter()
        .find(|comment| comment.span.start >= span.end && comment.span.start < end)
        .map(|c| c.span);
    let free = match comment {
        None => blank(Span::new(span.end, end)),
        Some(comment) => {
            comment.end <= end
                && blank(Span::new(span.end, comment.start))
                && blank(Span::new(comment.end, end))
        }
    };
    (free && blank(Span::new(start, span.start)))
        .then(|| Span::new(start, (end + 1).min(text.len())))
}

/// Returns the whole lines of a block, and of the blank lines around it one less than there are.
pub fn block(source: &Source, span: Span) -> Option<Span> {
    let text = &source.bytes;
    let lines = lines(source, span)?;
    let before = lines
        .start
        .checked_sub(1)
        .map(|end| Span::new(line_start(text, end), lines.start));
    let after = Span::new(lines.end, (line_end(text, lines.end) + 1).min(text.len()));
    let words = |span: Span| {
        String::from_utf8_lossy(&text[span.range()])
            .trim()
            .to_owned()
    };
    let (above, below) = (before.map(words), words(after));
    match (above.as_deref(), below.as_str()) {
        (Some(""), "" | "}") => Some(Span::new(before?.start, lines.end)),
        (Some(above), "") if above.ends_with('{') => Some(Span::new(lines.start, after.end)),
        _ => Some(lines),
    }
}
