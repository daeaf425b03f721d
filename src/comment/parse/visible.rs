//! The lines of a comment that a reader sees as plain text and that begin with a literal `/`. Knows
//! Markdown, no commands.

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use std::collections::BTreeSet;
use std::ops::Range;

/// One line as it is rendered.
pub(super) struct Line {
    /// In the source, from 1.
    pub number: usize,
    /// Where it starts in the source.
    start: usize,
    /// Its text without marks: inline code and emphasis are their text, an image is nothing.
    pub text: String,
    /// Where inline code stands in `text`, without its marks.
    pub code: Vec<Range<usize>>,
    /// What the line has besides text, with its place in `text`.
    pub aliens: Vec<(usize, Alien)>,
}

/// What is not plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alien {
    Html,
    Image,
    Link,
    Struck,
    Footnote,
}

/// Returns the lines; `source` has no carriage returns. What readers of Markdown understand
/// differently (formulas, lists of definitions, a header between lines of `---`) has to be a
/// visible line in each reading.
pub(super) fn lines(source: &str) -> Vec<Line> {
    let github = Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_GFM;
    let more = github | Options::ENABLE_MATH | Options::ENABLE_DEFINITION_LIST;
    let first = walk(source, 0, github);
    let formulas = formulas(source, &first.code);
    let mut lines = first.lines;
    lines.retain(|line| {
        !formulas.iter().any(|formula| formula.contains(&line.start))
            && !in_table(source, line.start)
    });
    let mut agree = |other: Vec<Line>| {
        let starts: BTreeSet<usize> = other.iter().map(|line| line.start).collect();
        lines.retain(|line| starts.contains(&line.start));
    };
    agree(walk(source, 0, more).lines);
    if let Some(body) = after_header(source) {
        agree(walk(source, body, github).lines);
        agree(walk(source, body, more).lines);
    }
    lines
}

/// Returns where the text starts behind a header of `---` lines, when the first line opens one.
fn after_header(source: &str) -> Option<usize> {
    let bar = |line: &str| line.trim().len() >= 3 && line.trim().bytes().all(|b| b == b'-');
    let mut at = 0;
    for (n, line) in source.split_inclusive('\n').enumerate() {
        at += line.len();
        match (n, bar(line)) {
            (0, false) => return None,
            (0, true) | (_, false) => {}
            (_, true) => return Some(at),
        }
    }
    None
}

/// Says whether the line at `start` stands right above or anywhere below a bar such as `|---|---|`
/// with no blank line between. goldmark makes a table of that even where the header has another
/// number of cells, and begins it within a paragraph.
fn in_table(source: &str, start: usize) -> bool {
    let bar = |line: &str| {
        line.contains('-')
            && line.contains(['|', ':'])
            && line.chars().all(|c| "|:- \t\n".contains(c))
    };
    let above = source[..start]
        .split_inclusive('\n')
        .rev()
        .take_while(|line| !line.trim().is_empty() || !line.ends_with('\n'));
    let below = source[start..].split_inclusive('\n').nth(1);
    above.chain(below).any(bar)
}

/// Returns the formulas that Gitea sees between lines that begin with `$$` and `$$`, or `\[` and
/// `\]`, across blank lines, up to the end when they are not closed. A mark within a code block
/// begins none.
fn formulas(source: &str, code: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut formulas, mut open, mut at) = (Vec::new(), None, 0);
    for line in source.split_inclusive('\n') {
        let text = line.trim_start_matches(' ');
        let ends = [("$$", "$$"), ("\\[", "\\]")]
            .into_iter()
            .find_map(|(begin, end)| text.strip_prefix(begin).map(|rest| (rest, end)));
        match (open, ends) {
            (Some((start, end)), _)
                if text.trim_end().starts_with(end)
                    && text.trim_matches(['$', '\\', ']', ' ', '\n']).is_empty() =>
            {
                formulas.push(start..at);
                open = None;
            }
            (None, Some((rest, end)))
                if !rest.contains(end) && !code.iter().any(|block| block.contains(&at)) =>
            {
                open = Some((at, end))
            }
            _ => {}
        }
        at += line.len();
    }
    formulas.extend(open.map(|(start, _)| start..source.len()));
    formulas
}

fn walk(source: &str, from: usize, options: Options) -> Walk<'_> {
    let mut walk = Walk {
        source,
        from,
        ..Walk::default()
    };
    for (event, range) in Parser::new_ext(&source[from..], options).into_offset_iter() {
        if matches!(event, Event::Start(Tag::CodeBlock(_))) {
            walk.code.push(from + range.start..from + range.end);
        }
        walk.event(event, range);
    }
    walk
}

#[derive(Default)]
struct Walk<'a> {
    source: &'a str,
    from: usize,
    lines: Vec<Line>,
    current: Option<Line>,
    /// Open blocks besides a paragraph; a paragraph inside of one does not count.
    blocks: usize,
    /// Open emphasis, links and the like.
    spans: usize,
    images: usize,
    /// Nothing of the line was read yet.
    fresh: bool,
    html: Html,
    /// Code blocks, in the source.
    code: Vec<Range<usize>>,
}

impl Walk<'_> {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text, range.start),
            Event::Code(text) => {
                self.push(&text);
                if let Some(line) = self.current.as_mut().filter(|_| self.images == 0) {
                    line.code
                        .push(line.text.len() - text.len()..line.text.len());
                }
            }
            Event::InlineMath(text) | Event::DisplayMath(text) => self.push(&text),
            Event::Html(text) => self.html.block.push_str(&text),
            Event::InlineHtml(text) => {
                self.alien(Alien::Html);
                self.html.read(&text);
            }
            Event::FootnoteReference(_) => self.alien(Alien::Footnote),
            Event::SoftBreak | Event::HardBreak => self.line(),
            Event::Rule | Event::TaskListMarker(_) => self.fresh = false,
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph => self.line(),
            Tag::Emphasis | Tag::Strong | Tag::Superscript | Tag::Subscript => self.span(None),
            Tag::Strikethrough => self.span(Some(Alien::Struck)),
            Tag::Link {
                link_type: LinkType::Autolink,
                ..
            } => self.span(None),
            Tag::Link { .. } => self.span(Some(Alien::Link)),
            Tag::Image { .. } => {
                self.span(Some(Alien::Image));
                self.images += 1;
            }
            _ => {
                self.close();
                self.blocks += 1;
            }
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.close(),
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::Strikethrough
            | TagEnd::Link => {
                self.spans = self.spans.saturating_sub(1);
            }
            TagEnd::Image => {
                self.spans = self.spans.saturating_sub(1);
                self.images = self.images.saturating_sub(1);
            }
            _ => {
                if tag == TagEnd::HtmlBlock {
                    let block = std::mem::take(&mut self.html.block);
                    self.html.read(&block);
                }
                self.blocks = self.blocks.saturating_sub(1);
            }
        }
    }

    fn text(&mut self, text: &str, start: usize) {
        let start = self.from + start;
        let alone = self.blocks == 0 && self.spans == 0 && !self.html.is_open();
        if self.fresh && alone && self.starts_line(start) {
            let number = self.source[..start].bytes().filter(|b| *b == b'\n').count() + 1;
            self.current = Some(Line {
                number,
                start,
                text: String::new(),
                code: Vec::new(),
                aliens: Vec::new(),
            });
        }
        self.push(text);
    }

    /// Says whether a literal `/` stands here with at most three spaces before it on its line: four
    /// would be code anywhere else.
    fn starts_line(&self, start: usize) -> bool {
        let line = self.source[..start].rfind('\n').map_or(0, |at| at + 1);
        let before = &self.source[line..start];
        let literal = self.source[start..]
            .strip_prefix('/')
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        literal && before.len() <= 3 && before.bytes().all(|b| b == b' ')
    }

    fn push(&mut self, text: &str) {
        self.fresh = false;
        if let Some(line) = self.current.as_mut().filter(|_| self.images == 0) {
            line.text.push_str(text);
        }
    }

    fn span(&mut self, alien: Option<Alien>) {
        self.fresh = false;
        self.spans += 1;
        if let Some(alien) = alien {
            self.alien(alien);
        }
    }

    fn alien(&mut self, alien: Alien) {
        self.fresh = false;
        if let Some(line) = &mut self.current {
            line.aliens.push((line.text.len(), alien));
        }
    }

    /// Begins a line.
    fn line(&mut self) {
        self.close();
        self.fresh = true;
    }

    fn close(&mut self) {
        self.fresh = false;
        self.lines.extend(self.current.take());
    }
}

/// The elements of raw HTML that are open. One that is never closed hides what follows from us:
/// better silence than a command in `<details>` or `<pre>`.
#[derive(Default)]
struct Html {
    open: Vec<String>,
    /// A comment or a tag does not end: a browser takes what follows for a part of it.
    lost: bool,
    /// The block that is being read, which comes line by line.
    block: String,
}

/// Elements without an end.
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
    "track", "wbr",
];

/// Elements in which no other tag counts.
const RAW: [&str; 9] = [
    "iframe", "noembed", "noframes", "noscript", "script", "style", "textarea", "title", "xmp",
];

impl Html {
    fn is_open(&self) -> bool {
        self.lost || !self.open.is_empty()
    }

    fn read(&mut self, mut html: &str) {
        while let Some(at) = html.find('<') {
            html = &html[at + 1..];
            if let Some(comment) = html.strip_prefix("!--") {
                let end = comment.split_once("-->");
                self.lost |= end.is_none();
                html = end.map_or("", |(_, rest)| rest);
                continue;
            }
            let (closing, tag) = html
                .strip_prefix('/')
                .map_or((false, html), |tag| (true, tag));
            let name = tag[..tag
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
                .unwrap_or(tag.len())]
                .to_ascii_lowercase();
            let known = name.starts_with(|c: char| c.is_ascii_alphabetic());
            if !known && !tag.starts_with(['!', '?']) && !closing {
                continue;
            }
            let end = after_tag(tag);
            self.lost |= end.is_none();
            html = end.unwrap_or_default();
            let raw = self
                .open
                .last()
                .is_some_and(|open| RAW.contains(&open.as_str()) && *open != name);
            if !known || raw || VOID.contains(&name.as_str()) {
                continue;
            }
            match (closing, self.open.iter().rposition(|open| *open == name)) {
                (false, _) => self.open.push(name),
                (true, Some(at)) => self.open.truncate(at),
                (true, None) => {}
            }
        }
    }
}

/// Returns what follows a tag's `>`, which counts outside of quotes only.
fn after_tag(tag: &str) -> Option<&str> {
    let mut quote = None;
    for (at, c) in tag.char_indices() {
        match quote {
            Some(open) if open == c => quote = None,
            Some(_) => {}
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == '>' => return Some(&tag[at + 1..]),
            None => {}
        }
    }
    None
}
