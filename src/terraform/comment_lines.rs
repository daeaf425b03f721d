//! The comments beside the lines of a file: where one stands, where one may go. Knows no directive,
//! and changes no byte itself.

use super::files::RepoPath;
use super::hcl;
use super::mask;
use super::span::Span;
use super::text::Form;
use super::yaml;
use std::ops::Range;

/// How a file writes its comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Hcl,
    Yaml,
}

/// The bytes that may change with one comment: its blanks before it and, where it ends its line,
/// the line's end; the whole line where it is alone. Without a comment yet, the end of a line or
/// the empty place before one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommentRegion {
    pub span: Span,
    /// Nothing else is on its lines.
    pub alone: bool,
}

/// A comment with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarginComment {
    /// With its marks.
    pub span: Span,
    /// 1-based.
    pub line: usize,
    pub trailing: bool,
    /// Without marks and the blanks around.
    pub text: String,
}

impl Language {
    /// Returns how comments stand beside a literal of that form; `None` where a comment would
    /// become part of a value, or there is no such thing.
    pub fn of(path: &RepoPath, text: &str, form: Form) -> Option<Self> {
        let extension = path
            .name()
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension);
        match (extension, form) {
            ("tf" | "hcl" | "tfvars" | "tofu", Form::Quoted) => Some(Self::Hcl),
            ("yaml" | "yml", Form::YamlPlain | Form::YamlSingle | Form::YamlDouble)
                if mask::holes(text).is_empty() =>
            {
                Some(Self::Yaml)
            }
            _ => None,
        }
    }

    /// Returns how the file itself writes comments, whatever stands in them.
    pub fn of_file(path: &RepoPath) -> Option<Self> {
        match path
            .name()
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
        {
            "tf" | "hcl" | "tfvars" | "tofu" => Some(Self::Hcl),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }

    /// Returns all comments, in the order of the file.
    pub fn comments(self, text: &str) -> Vec<MarginComment> {
        match self {
            Self::Hcl => hcl::comments::of(text)
                .iter()
                .map(|c| MarginComment {
                    span: c.span,
                    line: c.line,
                    trailing: c.trailing,
                    text: c.plain().to_owned(),
                })
                .collect(),
            Self::Yaml => yaml_comments(text),
        }
    }

    /// Returns the texts of the comments that belong to the line of a byte: the one that ends it
    /// and those alone directly above.
    pub fn around(self, text: &str, offset: usize) -> Vec<String> {
        match self {
            Self::Hcl => {
                let all = hcl::comments::of(text);
                hcl::comments::around(&all, line(text, offset))
                    .iter()
                    .map(|c| c.plain().to_owned())
                    .collect()
            }
            Self::Yaml => yaml::comments_around(text, offset)
                .into_iter()
                .map(|c| c.text)
                .collect(),
        }
    }

    /// Returns where a comment ends the line of the byte `offset`, or could; `None` where something
    /// goes on after the line.
    pub fn end_of_line(self, text: &str, offset: usize) -> Option<CommentRegion> {
        let at = line(text, offset);
        let last = self
            .comments(text)
            .into_iter()
            .rfind(|c| c.line == at && c.trailing && c.span.start >= offset);
        if let Some(region) = last
            .map(|comment| around_comment(text, comment.span))
            .filter(|region| ends_line(text, region.span))
        {
            return Some(region);
        }
        let range = line_range(text, offset);
        let code = range.start + text[range.clone()].trim_end().len();
        let region = CommentRegion {
            span: Span::new(code, range.end),
            alone: false,
        };
        // A plain scalar that ends the file: what is put behind it cannot be told from what is put
        // at its end.
        (code >= offset && !(self == Self::Yaml && region.span.is_empty())).then_some(region)
    }

    /// Returns the empty place before the line of the byte `offset`.
    pub fn above(self, text: &str, offset: usize) -> CommentRegion {
        let start = line_range(text, offset).start;
        CommentRegion {
            span: Span::new(start, start),
            alone: true,
        }
    }
}

/// Returns what may change with the comment at `span`.
pub fn around_comment(text: &str, span: Span) -> CommentRegion {
    let before = line_range(text, span.start);
    let code = before.start + text[before.start..span.start].trim_end().len();
    let alone = code == before.start;
    let after = line_range(text, span.end.saturating_sub(1).max(span.start));
    let end = if text[span.end..after.end].trim().is_empty() {
        after.end
    } else {
        span.end
    };
    match alone && end == after.end {
        true => CommentRegion {
            span: Span::new(before.start, end),
            alone,
        },
        false => CommentRegion {
            span: Span::new(if alone { span.start } else { code }, end),
            alone: false,
        },
    }
}

/// Returns where in the text of a region its comment's words are, without marks and the blanks
/// around; `None` where there is no comment.
pub fn words(region: &str) -> Option<Range<usize>> {
    let body = region.trim();
    if !body.starts_with(['#', '/']) {
        return None;
    }
    let inner = body.trim_start_matches(['#', '/', '*']);
    let start = region.len() - region.trim_start().len() + body.len() - inner.len();
    let inner = inner.trim_end_matches(['*', '/']);
    let blank = inner.len() - inner.trim_start().len();
    let words = inner.trim();
    Some(start + blank..start + blank + words.len())
}

/// Says whether a comment of the region ends in a mark of its own, so that it may not hold that
/// mark.
pub fn is_block(region: &str) -> bool {
    region.trim_start().starts_with("/*")
}

/// Returns what is left of the text of a region when its comment goes.
pub fn without_comment(region: &str, alone: bool) -> String {
    if alone {
        return String::new();
    }
    let body = region.trim_start();
    let end = match body.starts_with("/*") {
        true => body.find("*/").map_or(body.len(), |at| at + 2),
        false => body.trim_end().len(),
    };
    body[end..].to_owned()
}

/// Returns the line of a byte, counted from 1.
pub fn line(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

/// Returns the bytes of the line that holds the byte `offset`, its line end included, a byte order
/// mark left out.
pub fn line_range(text: &str, offset: usize) -> Range<usize> {
    let bytes = text.as_bytes();
    let offset = offset.min(bytes.len());
    let start = bytes[..offset]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let end = bytes[offset..]
        .iter()
        .position(|byte| *byte == b'\n')
        .map_or(bytes.len(), |at| offset + at + 1);
    let mark = if start == 0 && text.starts_with('\u{feff}') {
        3
    } else {
        0
    };
    start + mark..end
}

/// Returns how the line that holds `offset` ends: as its own end, else as the line before, else
/// `\n`.
pub fn newline(text: &str, offset: usize) -> &'static str {
    let here = line_range(text, offset);
    let line = if text[here.clone()].ends_with('\n') {
        &text[here]
    } else {
        &text[..here.start]
    };
    if line.ends_with("\r\n") { "\r\n" } else { "\n" }
}

fn ends_line(text: &str, span: Span) -> bool {
    span.end == text.len() || text[span.range()].ends_with('\n')
}

fn yaml_comments(text: &str) -> Vec<MarginComment> {
    let mut out = Vec::new();
    let mut start = 0;
    for (index, raw) in text.split_inclusive('\n').enumerate() {
        let line = raw.trim_end_matches(['\n', '\r']);
        let trimmed = line.trim().trim_start_matches('\u{feff}');
        let alone = trimmed.starts_with('#').then(|| line.find('#')).flatten();
        if let Some(at) = alone.or_else(|| yaml::trailing_comment(line)) {
            let text = line[at + 1..].trim().to_owned();
            out.push(MarginComment {
                span: Span::new(start + at, start + line.len()),
                line: index + 1,
                trailing: alone.is_none(),
                text,
            });
        }
        start += raw.len();
    }
    out
}

#[cfg(test)]
mod tests;
