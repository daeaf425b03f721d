//! A file that is being written, line by line, and the places of its literals.

/// Where a literal stands: the bytes of its content, without quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: String,
    pub start: usize,
    pub end: usize,
    /// 1-based.
    pub line: usize,
    pub literal: String,
}

pub struct Page {
    path: String,
    text: String,
    lines: usize,
}

impl Page {
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: String::new(),
            lines: 0,
        }
    }

    /// Appends whole lines; the last one may lack its end.
    pub fn text(&mut self, text: &str) {
        self.text.push_str(text);
        if !text.ends_with('\n') && !text.is_empty() {
            self.text.push('\n');
        }
        self.lines += text.lines().count();
    }

    /// Appends one line: `before`, the literal, `after`.
    pub fn literal(&mut self, before: &str, literal: &str, after: &str) -> Place {
        let start = self.text.len() + before.len();
        let place = Place {
            file: self.path.clone(),
            start,
            end: start + literal.len(),
            line: self.lines + 1,
            literal: literal.into(),
        };
        self.text(&format!("{before}{literal}{after}\n"));
        place
    }

    pub fn lines(&self) -> usize {
        self.lines
    }

    pub fn into_file(self) -> (String, Vec<u8>) {
        (self.path, self.text.into_bytes())
    }
}
