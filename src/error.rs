//! What a person reads when something could not be done: a kind (which is the exit code), a
//! sentence that names the thing, its cause, a hint.

use std::fmt;

/// Who has to act, and with that the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// pintle could not do it: exit code 1.
    Failed,
    /// Wrong arguments or configuration: exit code 2.
    Usage,
    /// An outside system failed; trying again may help: exit code 3.
    Outside,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Outside => 3,
        }
    }

    /// Returns the word in logs and metrics: `outside`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "configuration",
            Self::Outside => "outside",
        }
    }
}

/// An error for a person. Sentences are lower case and without full stop; none holds a secret.
#[derive(Debug)]
pub struct Error {
    pub kind: Kind,
    /// Names the thing: `cannot read /x/pintle.toml`.
    pub what: String,
    /// From the outermost to the innermost cause.
    pub causes: Vec<String>,
    pub hint: Option<String>,
    /// A source excerpt to print below, where one helps.
    pub source: Option<Box<Excerpt>>,
}

/// A place in a text file, to be shown with its line.
#[derive(Debug)]
pub struct Excerpt {
    pub file: String,
    pub text: String,
    pub span: std::ops::Range<usize>,
    /// Stands beside the mark.
    pub label: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self {
            kind,
            what: what.into(),
            causes: Vec::new(),
            hint: None,
            source: None,
        }
    }

    pub fn failed(what: impl Into<String>) -> Self {
        Self::new(Kind::Failed, what)
    }

    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Kind::Usage, what)
    }

    pub fn outside(what: impl Into<String>) -> Self {
        Self::new(Kind::Outside, what)
    }

    /// Adds a cause and the causes below it.
    pub fn because(mut self, cause: impl std::error::Error) -> Self {
        let mut next: Option<&dyn std::error::Error> = Some(&cause);
        while let Some(error) = next {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = error.source();
        }
        self
    }

    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub fn at(mut self, excerpt: Excerpt) -> Self {
        self.source = Some(Box::new(excerpt));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.causes
            .iter()
            .try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}
