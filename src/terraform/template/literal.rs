//! The literal parts of a template: which bytes they stand for, before and after trimming.

use super::super::text::Form;
use std::borrow::Cow;
use std::ops::Range;

/// A literal as runs of bytes, each verbatim or one escape sequence.
pub struct TemplateLiteral<'t> {
    runs: Vec<(Range<usize>, Cow<'t, str>)>,
}

impl<'t> TemplateLiteral<'t> {
    /// Reads bytes `range` of `text`; `None` for an escape sequence HCL does not know.
    pub fn read(text: &'t str, range: Range<usize>, form: Form) -> Option<Self> {
        let mut runs = Vec::new();
        let (mut start, mut at) = (range.start, range.start);
        while at < range.end {
            let rest = text.get(at..range.end)?;
            let Some((length, meaning)) = escape(rest, form)? else {
                at += rest.chars().next()?.len_utf8();
                continue;
            };
            if start < at {
                runs.push((start..at, Cow::Borrowed(&text[start..at])));
            }
            runs.push((at..at + length, meaning));
            at += length;
            start = at;
        }
        if start < at {
            runs.push((start..at, Cow::Borrowed(&text[start..at])));
        }
        Some(Self { runs })
    }

    pub fn runs(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.runs
            .iter()
            .map(|(range, text)| (range.clone(), text.as_ref()))
    }

    pub fn trim_start(&mut self) {
        self.drop_start(usize::MAX);
    }

    pub fn trim_end(&mut self) {
        while let Some((range, text)) = self.runs.last_mut() {
            let kept = text.trim_end().len();
            if kept == text.len() {
                return;
            }
            if kept > 0 {
                *range = range.start..range.start + kept;
                shorten(text, 0..kept);
                return;
            }
            self.runs.pop();
        }
    }

    /// Says whether the line holds white space only, up to its end.
    pub fn is_blank_line(&self) -> bool {
        self.ends_line() && self.runs.iter().all(|(_, text)| text.trim().is_empty())
    }

    pub fn ends_line(&self) -> bool {
        self.runs
            .last()
            .is_some_and(|(_, text)| text.ends_with('\n'))
    }

    /// Counts the white space characters at the start.
    pub fn indent(&self) -> usize {
        let mut count = 0;
        for (_, text) in &self.runs {
            let spaces = text.chars().take_while(|c| c.is_whitespace()).count();
            count += spaces;
            if spaces < text.chars().count() {
                break;
            }
        }
        count
    }

    pub fn dedent(&mut self, count: usize) {
        self.drop_start(count);
    }

    fn drop_start(&mut self, mut count: usize) {
        while count > 0 && !self.runs.is_empty() {
            let (range, text) = &mut self.runs[0];
            let gone: usize = text
                .chars()
                .take_while(|c| c.is_whitespace())
                .take(count)
                .map(char::len_utf8)
                .sum();
            count -= text[..gone].chars().count();
            if gone == text.len() {
                self.runs.remove(0);
                continue;
            }
            *range = range.start + gone..range.end;
            shorten(text, gone..text.len());
            return;
        }
    }
}

/// Keeps a part of a verbatim run; escape sequences are one character and are never cut.
fn shorten(text: &mut Cow<str>, keep: Range<usize>) {
    match text {
        Cow::Borrowed(whole) => *whole = &whole[keep],
        Cow::Owned(whole) => *whole = whole[keep].to_owned(),
    }
}

/// Returns the length and meaning of the escape sequence that `rest` starts with; `None` for a bad
/// one.
#[allow(clippy::option_option)]
fn escape(rest: &str, form: Form) -> Option<Option<(usize, Cow<'static, str>)>> {
    if rest.starts_with("$${") {
        return Some(Some((3, "${".into())));
    }
    if rest.starts_with("%%{") {
        return Some(Some((3, "%{".into())));
    }
    if form != Form::Quoted || !rest.starts_with('\\') {
        return Some(None);
    }
    let plain = |text: &'static str| Some(Some((2, Cow::Borrowed(text))));
    match rest.as_bytes().get(1)? {
        b'n' => plain("\n"),
        b'r' => plain("\r"),
        b't' => plain("\t"),
        b'"' => plain("\""),
        b'\\' => plain("\\"),
        b'u' => unicode(rest, 6),
        b'U' => unicode(rest, 10),
        _ => None,
    }
}

#[allow(clippy::option_option)]
fn unicode(rest: &str, length: usize) -> Option<Option<(usize, Cow<'static, str>)>> {
    let code = u32::from_str_radix(rest.get(2..length)?, 16).ok()?;
    Some(Some((
        length,
        Cow::Owned(char::from_u32(code)?.to_string()),
    )))
}
