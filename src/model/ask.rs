//! What a person asks for in a comment: commands, before anybody looked up whether they may. Knows
//! no forge and no sites.

use super::digest::Digest;
use super::duration::show;
use super::hold::show_until;
use super::reference::Tag;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;

/// One command of a comment, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Pin and hold; without a goal at the digest that is pinned or served now.
    Pin {
        target: Option<TargetName>,
        to: Option<Goal>,
        end: Option<End>,
        because: Option<Arc<str>>,
    },
    /// Lift the hold and follow the channel again.
    Unpin {
        target: Option<TargetName>,
    },
    /// Go back, and hold.
    Rollback {
        target: Option<TargetName>,
        to: Option<Back>,
        because: Option<Arc<str>>,
    },
    /// Freeze without changing.
    Hold {
        target: Option<TargetName>,
        end: Option<End>,
        because: Option<Arc<str>>,
    },
    /// Lift a hold.
    Resume {
        target: Option<TargetName>,
    },
    Explain {
        target: Option<TargetName>,
    },
    Status {
        target: Option<TargetName>,
    },
    Plan,
    Help,
}

/// The words that end a target that is not in quotes.
pub const OPTIONS: [&str; 4] = ["to", "for", "until", "because"];

/// A stack, `namespace/name[:container]`, `kind/namespace/name`, an image repository, a site's key:
/// as typed, without the quotes around it. It may hold spaces: `stacks/my app`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TargetName(Arc<str>);

/// Where a `/pin` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    Tag(Tag),
    Digest(Digest),
}

/// Where a `/rollback` goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Back {
    Digest(Digest),
    /// So many pins back, at least one.
    Pins(u32),
}

/// When a hold ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Counted from when the comment was written.
    For(SignedDuration),
    Until(Timestamp),
}

/// What a person may do in the repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    None,
    Read,
    Write,
}

impl Command {
    /// Returns the command's word: `/pin`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pin { .. } => "/pin",
            Self::Unpin { .. } => "/unpin",
            Self::Rollback { .. } => "/rollback",
            Self::Hold { .. } => "/hold",
            Self::Resume { .. } => "/resume",
            Self::Explain { .. } => "/explain",
            Self::Status { .. } => "/status",
            Self::Plan => "/plan",
            Self::Help => "/help",
        }
    }

    /// Returns the least right that its author needs.
    pub fn needs(&self) -> Right {
        match self {
            Self::Pin { .. }
            | Self::Unpin { .. }
            | Self::Rollback { .. }
            | Self::Hold { .. }
            | Self::Resume { .. } => Right::Write,
            Self::Explain { .. } | Self::Status { .. } | Self::Plan | Self::Help => Right::Read,
        }
    }

    /// Returns what stands behind the target, with a space before it, as it can be typed again:
    /// ` to 1.29 for 7d because it leaks`.
    pub fn rest(&self) -> String {
        let (to, end, because) = match self {
            Self::Pin {
                to, end, because, ..
            } => (to.as_ref().map(ToString::to_string), *end, because.as_ref()),
            Self::Rollback { to, because, .. } => {
                (to.as_ref().map(ToString::to_string), None, because.as_ref())
            }
            Self::Hold { end, because, .. } => (None, *end, because.as_ref()),
            _ => (None, None, None),
        };
        let to = to.map(|to| format!(" to {to}"));
        let end = end.map(|end| match end {
            End::For(_) => format!(" {end}"),
            End::Until(at) => format!(" until {}", show_until(at)),
        });
        let because = because.map(|because| format!(" because {because}"));
        [to, end, because].into_iter().flatten().collect()
    }

    pub fn target(&self) -> Option<&TargetName> {
        match self {
            Self::Pin { target, .. }
            | Self::Unpin { target }
            | Self::Rollback { target, .. }
            | Self::Hold { target, .. }
            | Self::Resume { target }
            | Self::Explain { target }
            | Self::Status { target } => target.as_ref(),
            Self::Plan | Self::Help => None,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => write!(f, "{tag}"),
            Self::Digest(digest) => write!(f, "{digest}"),
        }
    }
}

impl fmt::Display for Back {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(digest) => write!(f, "{digest}"),
            Self::Pins(pins) => write!(f, "{pins}"),
        }
    }
}

impl TargetName {
    /// Returns the target when `text` is printable, on one line, and of a length that a name can
    /// have.
    pub fn new(text: &str) -> Option<Self> {
        let ok = !text.is_empty()
            && text.len() <= 512
            && text.trim() == text
            && !text
                .chars()
                .any(|c| c != ' ' && (c.is_whitespace() || c.is_control()));
        ok.then(|| Self(text.into()))
    }

    /// Says whether a text is read as a target without quotes around it, whatever the repo names:
    /// one word of what a stack, a workload, a repository or a site's key is made of.
    pub fn is_plain(text: &str) -> bool {
        let is_odd = |c: char| !c.is_alphanumeric() && !"._-/:@#+~=[]\"?".contains(c);
        let starts = text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_'));
        let is_option = OPTIONS
            .iter()
            .any(|option| option.eq_ignore_ascii_case(text));
        starts && !text.contains(is_odd) && !is_option
    }

    /// Returns the ways in which the target can be typed, the simplest first: as it is, in quotes,
    /// in code marks. Markdown takes some of its characters for marks in all but the last.
    pub fn typed_forms(&self) -> Vec<String> {
        let text = &*self.0;
        let plain = Self::is_plain(text).then(|| text.to_owned());
        let code = (!text.contains('`')).then(|| format!("`{text}`"));
        plain
            .into_iter()
            .chain([format!("\"{text}\"")])
            .chain(code)
            .collect()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl End {
    /// Returns the moment; `None` where the calendar ends before it.
    pub fn at(self, written: Timestamp) -> Option<Timestamp> {
        match self {
            Self::For(length) => written.checked_add(length).ok(),
            Self::Until(at) => Some(at),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::For(length) => write!(f, "for {}", show(*length)),
            Self::Until(at) => write!(f, "until {}", super::duration::show_time(*at)),
        }
    }
}

/// Why a comment with commands is not carried out: what is wrong with one of them.
///
/// `what` and `hint` repeat words of the comment: they are outside text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    /// The line of the comment, from 1.
    pub line: usize,
    /// `/pin`; `None` when the comment as a whole is wrong.
    pub command: Option<&'static str>,
    /// A sentence, lower case, without full stop.
    pub what: String,
    pub hint: Option<String>,
}

/// ``line 3: `/pin`: `soon` is not …``
impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if let Some(command) = self.command {
            write!(f, "`{command}`: ")?;
        }
        f.write_str(&self.what)
    }
}
