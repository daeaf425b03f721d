//! Finds the lines and comments of HCL text, and heredocs without a line. Knows strings, templates
//! and heredocs well enough that no `#` inside one is a comment.

use super::super::span::Span;
use std::borrow::Cow;

const BOM: &str = "\u{feff}";

/// The beginnings of a file's lines.
#[derive(Debug)]
pub struct Lines {
    /// Length of the byte order mark: 0 or 3.
    pub offset: usize,
    /// Without the byte order mark; the first one is 0.
    starts: Vec<usize>,
}

impl Lines {
    /// Reads the lines of a file; returns its text without the byte order mark, too.
    pub fn of(text: &str) -> (Self, &str) {
        let rest = text.strip_prefix(BOM).unwrap_or(text);
        let after = rest
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        (
            Self {
                offset: text.len() - rest.len(),
                starts: std::iter::once(0).chain(after).collect(),
            },
            rest,
        )
    }

    /// Returns the line of a byte of the file, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        let offset = offset.saturating_sub(self.offset);
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    /// Returns where the line of a byte of the file begins, in bytes of the text without the byte
    /// order mark.
    pub fn start(&self, offset: usize) -> usize {
        self.starts.get(self.line(offset) - 1).copied().unwrap_or(0)
    }
}

/// A comment, from its first `#`, `//` or `/*` to its end, the line's end not included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HclComment {
    pub text: String,
    pub span: Span,
    /// Line of its first byte, counted from 1.
    pub line: usize,
    /// Line of its last byte.
    pub last_line: usize,
    /// Something stands before it on its line.
    pub trailing: bool,
}

impl HclComment {
    /// Returns what it says: without its marks and the blanks around.
    pub fn plain(&self) -> &str {
        self.text
            .trim_start_matches(['#', '/', '*'])
            .trim_end_matches(['*', '/'])
            .trim()
    }
}

/// Returns all comments of a file's text, in its order, whether or not the rest of it can be read.
pub fn of(text: &str) -> Vec<HclComment> {
    let (lines, text) = Lines::of(text);
    read(text, &lines)
}

/// Returns the comment that ends `line` and those alone on the lines directly above, top down.
pub fn around(comments: &[HclComment], line: usize) -> Vec<&HclComment> {
    let end = comments.partition_point(|comment| comment.line <= line);
    let mut found: Vec<&HclComment> = Vec::new();
    let mut above = line;
    for comment in comments[..end].iter().rev() {
        if comment.line == line && comment.trailing {
            found.push(comment);
        } else if !comment.trailing && comment.last_line + 1 == above {
            found.push(comment);
            above = comment.line;
        } else if comment.last_line + 1 < above {
            break;
        }
    }
    found.reverse();
    found
}

/// Returns all comments of `text`, which is without its byte order mark.
pub(super) fn read(text: &str, lines: &Lines) -> Vec<HclComment> {
    let mut lexer = Lexer::new(text);
    lexer.run();
    let comment = |(start, end): (usize, usize)| {
        let span = Span::new(start + lines.offset, end + lines.offset);
        HclComment {
            text: text[start..end].to_owned(),
            span,
            line: lines.line(span.start),
            last_line: lines.line(span.end.saturating_sub(1).max(span.start)),
            trailing: !text[lines.start(span.start)..start].trim().is_empty(),
        }
    };
    lexer.found.into_iter().map(comment).collect()
}

/// A comment, string or heredoc that stands in code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opaque {
    /// With its marks or quotes.
    pub range: std::ops::Range<usize>,
    pub is_comment: bool,
}

/// Returns the comments, strings and heredocs of a text without byte order mark, in its order; what
/// stands inside of templates belongs to them.
pub(super) fn opaque(text: &str) -> Vec<Opaque> {
    let mut lexer = Lexer::new(text);
    let mut all = Vec::new();
    let mut start = None;
    while lexer.at < lexer.bytes.len() {
        let (at, comments) = (lexer.at, lexer.found.len());
        lexer.step();
        let is_code = lexer.modes.len() == 1;
        match start {
            None if !is_code => start = Some(at),
            None if lexer.found.len() > comments => all.push(Opaque {
                range: at..lexer.at,
                is_comment: true,
            }),
            Some(from) if is_code => {
                let range = from..lexer.at;
                all.push(Opaque {
                    range,
                    is_comment: false,
                });
                start = None;
            }
            _ => {}
        }
    }
    all
}

/// Returns the text with `""` and blanks in place of each heredoc that ends on the line after its
/// start: hcl-edit reads on until that line occurs again.
pub(super) fn without_empty_heredocs(text: &str) -> Cow<'_, str> {
    let starts = text.match_indices('<').map(|(at, _)| &text[at..]);
    if !starts
        .filter(|rest| rest.starts_with("<<"))
        .any(|rest| empty_heredoc(rest).is_some())
    {
        return Cow::Borrowed(text);
    }
    let mut lexer = Lexer::new(text);
    lexer.run();
    let mut out = text.to_owned();
    for (start, end) in lexer.empty {
        out.replace_range(start..end, &format!("\"\"{}", " ".repeat(end - start - 2)));
    }
    Cow::Owned(out)
}

/// Returns the length of the heredoc without a line that `text` starts with.
fn empty_heredoc(text: &str) -> Option<usize> {
    let (first, rest) = text.split_once('\n')?;
    let name = heredoc_name(&first[2..])?;
    let second = rest.split('\n').next()?;
    let blank = second.len() - second.trim_start_matches([' ', '\t']).len();
    closes(&second[blank..], name).then(|| first.len() + 1 + blank + name.len())
}

fn heredoc_name(after: &str) -> Option<&str> {
    let name = after
        .strip_prefix('-')
        .unwrap_or(after)
        .trim_end_matches('\r');
    (!name.is_empty() && name.chars().all(is_name)).then_some(name)
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

fn closes(line: &str, name: &str) -> bool {
    line.strip_prefix(name)
        .is_some_and(|after| !after.starts_with(is_name))
}

#[derive(Clone, Copy, PartialEq)]
enum Inside<'t> {
    Code,
    /// Inside `${ }` or `%{ }`, at this many braces deeper than its own.
    Sequence(usize),
    Quoted,
    Heredoc(&'t str),
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    modes: Vec<Inside<'t>>,
    found: Vec<(usize, usize)>,
    /// Heredocs without a line, from `<<` to the end of the closing name.
    empty: Vec<(usize, usize)>,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            modes: vec![Inside::Code],
            found: Vec::new(),
            empty: Vec::new(),
        }
    }

    fn run(&mut self) {
        while self.at < self.bytes.len() {
            self.step();
        }
    }

    /// Reads what is next.
    fn step(&mut self) {
        match self.modes.last().copied() {
            Some(Inside::Quoted) => self.quoted(),
            Some(Inside::Heredoc(end)) => self.heredoc(end),
            _ => self.code(),
        }
    }

    fn rest(&self) -> &'t [u8] {
        &self.bytes[self.at..]
    }

    /// Steps over this byte and all that follow up to one that may mean something.
    fn skip(&mut self, means: impl Fn(u8) -> bool) {
        let after = &self.bytes[self.at + 1..];
        self.at += 1 + after
            .iter()
            .position(|byte| means(*byte))
            .unwrap_or(after.len());
    }

    fn code(&mut self) {
        let rest = self.rest();
        match rest[0] {
            b'#' => self.line_comment(),
            b'/' if rest.starts_with(b"//") => self.line_comment(),
            b'/' if rest.starts_with(b"/*") => self.block_comment(),
            b'"' => self.enter(Inside::Quoted, 1),
            b'<' if rest.starts_with(b"<<") => self.heredoc_start(),
            b'{' => self.braces(true),
            b'}' => self.braces(false),
            _ => self.skip(|byte| matches!(byte, b'#' | b'/' | b'"' | b'<' | b'{' | b'}')),
        }
    }

    fn enter(&mut self, mode: Inside<'t>, skip: usize) {
        self.modes.push(mode);
        self.at += skip;
    }

    fn braces(&mut self, open: bool) {
        self.at += 1;
        match self.modes.last_mut() {
            Some(Inside::Sequence(depth)) if open => *depth += 1,
            Some(Inside::Sequence(0)) => {
                self.modes.pop();
            }
            Some(Inside::Sequence(depth)) => *depth -= 1,
            _ => {}
        }
    }

    fn line_comment(&mut self) {
        let rest = &self.text[self.at..];
        let line = rest.split('\n').next().unwrap_or(rest);
        let end = self.at + line.strip_suffix('\r').unwrap_or(line).len();
        self.found.push((self.at, end));
        self.at = end;
    }

    fn block_comment(&mut self) {
        let rest = &self.text[self.at..];
        let end = self.at + rest.find("*/").map_or(rest.len(), |at| at + 2);
        self.found.push((self.at, end));
        self.at = end;
    }

    /// Steps over an escaped or a real start of a template sequence; says whether there was one.
    fn sequence(&mut self) -> bool {
        let rest = self.rest();
        if rest.starts_with(b"$${") || rest.starts_with(b"%%{") {
            self.at += 3;
            true
        } else if rest.starts_with(b"${") || rest.starts_with(b"%{") {
            self.enter(Inside::Sequence(0), 2);
            true
        } else {
            false
        }
    }

    fn quoted(&mut self) {
        if self.sequence() {
            return;
        }
        match self.bytes[self.at] {
            b'\\' => self.at += 2,
            b'"' => {
                self.modes.pop();
                self.at += 1;
            }
            _ => self.skip(|byte| matches!(byte, b'\\' | b'"' | b'$' | b'%')),
        }
    }

    fn heredoc_start(&mut self) {
        let text: &'t str = self.text;
        let rest = &text[self.at..];
        let Some(name) = heredoc_name(rest[2..].split('\n').next().unwrap_or("")) else {
            self.at += 2;
            return;
        };
        if let Some(length) = empty_heredoc(rest) {
            self.empty.push((self.at, self.at + length));
            self.at += length;
            return;
        }
        let skip = rest.find('\n').map_or(rest.len(), |at| at + 1);
        self.enter(Inside::Heredoc(name), skip);
    }

    fn heredoc(&mut self, end: &str) {
        let at_line_start = self.at == 0 || self.bytes[self.at - 1] == b'\n';
        if at_line_start {
            let rest = &self.text[self.at..];
            let line = rest
                .split('\n')
                .next()
                .unwrap_or(rest)
                .trim_start_matches([' ', '\t']);
            let closes = line.strip_prefix(end).is_some_and(|after| {
                !after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '-')
            });
            if closes {
                self.modes.pop();
                self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len() + end.len();
                return;
            }
        }
        if self.sequence() {
            return;
        }
        match self.bytes.get(self.at) {
            Some(b'\n') => self.at += 1,
            _ => self.skip(|byte| matches!(byte, b'\n' | b'$' | b'%')),
        }
    }
}
