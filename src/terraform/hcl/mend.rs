//! Overwrites, at equal length, what HCL allows and hcl-edit refuses: the earlier of two entries of
//! an object with one key (the last one counts), and line ends inside the braces of a `for` (where
//! they mean nothing). Parses nothing, and is asked only where hcl-edit found an error.

use super::comments::{self, Opaque};
use std::collections::HashMap;
use std::ops::Range;

/// Returns the text with such bytes overwritten by blanks; `None` where there are none.
pub(super) fn mend(text: &str) -> Option<String> {
    let mut mender = Mender {
        bytes: text.as_bytes(),
        text,
        opaque: comments::opaque(text).into_iter().peekable(),
        at: 0,
        open: vec![Bracket::new(BracketKind::Body)],
        before: 0,
        blank: Vec::new(),
    };
    mender.run();
    if mender.blank.is_empty() {
        return None;
    }
    let mut out = text.as_bytes().to_vec();
    for (range, with_line_ends) in mender.blank {
        for byte in &mut out[range] {
            if with_line_ends || !matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(out).ok()
}

#[derive(Clone, Copy, PartialEq)]
enum BracketKind {
    /// Of a file or a block.
    Body,
    Object,
    /// The braces of a `for`.
    For,
    /// Parentheses or brackets.
    List,
}

/// An entry of an object.
struct ObjectEntry {
    key: String,
    range: Range<usize>,
}

struct Bracket {
    kind: BracketKind,
    entries: Vec<ObjectEntry>,
    /// The key of the entry that is read, and where it begins.
    current: Option<(String, usize)>,
    /// The next word may be a key.
    at_start: bool,
}

impl Bracket {
    fn new(kind: BracketKind) -> Self {
        Self {
            kind,
            entries: Vec::new(),
            current: None,
            at_start: true,
        }
    }

    fn end_entry(&mut self, end: usize) {
        if let Some((key, start)) = self.current.take() {
            let range = start..end;
            self.entries.push(ObjectEntry { key, range });
        }
        self.at_start = true;
    }
}

struct Mender<'t> {
    text: &'t str,
    bytes: &'t [u8],
    opaque: std::iter::Peekable<std::vec::IntoIter<Opaque>>,
    at: usize,
    open: Vec<Bracket>,
    /// The last byte that is neither blank nor comment.
    before: u8,
    /// What is overwritten, and whether line ends are too.
    blank: Vec<(Range<usize>, bool)>,
}

impl Mender<'_> {
    fn run(&mut self) {
        while self.at < self.bytes.len() {
            if let Some(opaque) = self.opaque.next_if(|next| next.range.start <= self.at) {
                self.pass(&opaque);
            } else {
                self.code();
            }
        }
    }

    /// Steps over a string, heredoc or comment.
    fn pass(&mut self, opaque: &Opaque) {
        let range = opaque.range.clone();
        if opaque.is_comment {
            if self.kind() == BracketKind::For {
                self.blank.push((range.clone(), true));
            }
        } else {
            let content = self.text.get(range.start + 1..range.end.saturating_sub(1));
            let is_quoted = self.bytes.get(range.start) == Some(&b'"');
            let key = content.filter(|_| is_quoted).map(str::to_owned);
            self.word(key, range.clone());
            self.before = b'"';
        }
        self.at = self.at.max(range.end);
    }

    fn kind(&self) -> BracketKind {
        self.open.last().map_or(BracketKind::Body, |open| open.kind)
    }

    fn code(&mut self) {
        let at = self.at;
        let byte = self.bytes[at];
        self.at += 1;
        match byte {
            b' ' | b'\t' | b'\r' => return,
            b'\n' => return self.line_end(at),
            b'{' => self.brace(),
            b'(' | b'[' => self.open.push(Bracket::new(BracketKind::List)),
            b'}' | b')' | b']' => self.close(at),
            b',' => {
                if let Some(open) = self
                    .open
                    .last_mut()
                    .filter(|open| open.kind == BracketKind::Object)
                {
                    open.end_entry(at + 1);
                }
            }
            _ if is_word(byte) => {
                let rest = &self.bytes[at..];
                let length = rest.iter().take_while(|byte| is_word(**byte)).count();
                self.at = at + length;
                let key = self.text.get(at..self.at).map(str::to_owned);
                // An object follows `in`, as in `for x in {…}`.
                self.before = if key.as_deref() == Some("in") {
                    b'='
                } else {
                    b'a'
                };
                self.word(key, at..at + length);
                return;
            }
            _ => {
                if let Some(open) = self.open.last_mut() {
                    open.at_start = false;
                }
            }
        }
        self.before = byte;
    }

    fn line_end(&mut self, at: usize) {
        match self.open.last_mut() {
            Some(open) if open.kind == BracketKind::For => {
                let start = if at > 0 && self.bytes[at - 1] == b'\r' {
                    at - 1
                } else {
                    at
                };
                self.blank.push((start..at + 1, true));
            }
            Some(open) => open.end_entry(at),
            None => {}
        }
    }

    /// An object stands where a value does; a block's body after a name or a label.
    fn brace(&mut self) {
        let is_body = matches!(self.before, b'a' | b'"');
        let rest = self.text.get(self.at..).unwrap_or_default().trim_start();
        let is_for = rest
            .strip_prefix("for")
            .is_some_and(|rest| rest.starts_with([' ', '\t', '\n', '\r']));
        let kind = match (is_body, is_for) {
            (true, _) => BracketKind::Body,
            (false, true) => BracketKind::For,
            (false, false) => BracketKind::Object,
        };
        self.open.push(Bracket::new(kind));
    }

    fn close(&mut self, at: usize) {
        if self.open.len() < 2 {
            return;
        }
        let Some(mut closed) = self.open.pop() else {
            return;
        };
        if closed.kind != BracketKind::Object {
            return;
        }
        closed.end_entry(at);
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (number, entry) in closed.entries.iter().enumerate() {
            last.insert(&entry.key, number);
        }
        for (number, entry) in closed.entries.iter().enumerate() {
            if last.get(entry.key.as_str()) != Some(&number) {
                self.blank.push((entry.range.clone(), false));
            }
        }
    }

    /// Takes a word or string as a key, where one may stand.
    fn word(&mut self, key: Option<String>, range: Range<usize>) {
        let rest = self.text.get(range.end..).unwrap_or_default();
        let rest = rest.trim_start_matches([' ', '\t']);
        let is_key = (rest.starts_with('=') && !rest.starts_with("==") && !rest.starts_with("=>"))
            || rest.starts_with(':');
        if let Some(open) = self.open.last_mut() {
            let starts = std::mem::take(&mut open.at_start);
            if starts && is_key && open.kind == BracketKind::Object {
                open.current = key.map(|key| (key, range.start));
            }
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte >= 0x80
}
