//! Hidden marks at the top of pintle's own posts: what a post answers or tells of. They say nothing
//! about who wrote a post: whoever reads them checks the author first.

use crate::model::commit::CommitId;
use std::fmt;

/// One mark, rendered as `<!-- pintle:answer 123 -->`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Marker {
    /// The id of the comment that the post answers.
    Answer(u64),
    /// The commit that was left where it is: its branch was changed by somebody else.
    Left(CommitId),
    /// The commit whose pipeline the post tells of.
    Pipeline(CommitId),
    /// What was not rolled back: the hash of site, cause and digest, in lower-case hex.
    NotBack(String),
    /// A pin that is gone from its registry: the hash of site and digest, in lower-case hex.
    Rotten(String),
    /// The dashboard issue: the hash of the text that it shows, in lower-case hex.
    Dashboard(String),
    /// The hash of the title that pintle gave a pull request, in lower-case hex.
    Title(String),
    /// The hash of the sentences that pintle wrote into a pull request, in lower-case hex.
    Text(String),
    /// pintle closed the pull request itself.
    Withdrawn,
    /// What pintle proposes after an approval: the hash of the pins, in lower-case hex.
    Changed(String),
}

impl Marker {
    /// Returns the mark as a line of its own, without its end.
    pub fn render(&self) -> String {
        self.to_string()
    }

    /// Returns the marks of a post: lines at its top that are a mark and nothing else. A mark of a
    /// kind not known here is passed over, so that a newer pintle's posts can be read; the first
    /// other line ends it.
    pub fn all(text: &str) -> Vec<Self> {
        let lines = text
            .split('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        lines.map_while(inside).filter_map(read).collect()
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answer(id) => write!(f, "<!-- pintle:answer {id} -->"),
            Self::Left(commit) => write!(f, "<!-- pintle:left {commit} -->"),
            Self::Pipeline(commit) => write!(f, "<!-- pintle:pipeline {commit} -->"),
            Self::NotBack(hash) => write!(f, "<!-- pintle:notback {hash} -->"),
            Self::Rotten(hash) => write!(f, "<!-- pintle:rotten {hash} -->"),
            Self::Dashboard(hash) => write!(f, "<!-- pintle:dashboard {hash} -->"),
            Self::Title(hash) => write!(f, "<!-- pintle:title {hash} -->"),
            Self::Text(hash) => write!(f, "<!-- pintle:text {hash} -->"),
            Self::Changed(hash) => write!(f, "<!-- pintle:changed {hash} -->"),
            Self::Withdrawn => write!(f, "<!-- pintle:closed withdrawn -->"),
        }
    }
}

/// Returns kind and value of a line that has the form of a mark.
fn inside(line: &str) -> Option<(&str, &str)> {
    let (kind, value) = line
        .strip_prefix("<!-- pintle:")?
        .strip_suffix(" -->")?
        .split_once(' ')?;
    let word = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    (word(kind) && word(value)).then_some((kind, value))
}

fn read((kind, value): (&str, &str)) -> Option<Marker> {
    match kind {
        "answer" => value
            .parse()
            .ok()
            .filter(|id: &u64| id.to_string() == value)
            .map(Marker::Answer),
        "left" => CommitId::parse(value).map(Marker::Left),
        "pipeline" => CommitId::parse(value).map(Marker::Pipeline),
        "notback" => hash(value).map(Marker::NotBack),
        "rotten" => hash(value).map(Marker::Rotten),
        "dashboard" => hash(value).map(Marker::Dashboard),
        "title" => hash(value).map(Marker::Title),
        "text" => hash(value).map(Marker::Text),
        "changed" => hash(value).map(Marker::Changed),
        "closed" => (value == "withdrawn").then_some(Marker::Withdrawn),
        _ => None,
    }
}

fn hash(value: &str) -> Option<String> {
    let is_hash = value.len() == 40 && value.bytes().all(|b| b.is_ascii_hexdigit());
    is_hash.then(|| value.to_owned())
}

#[cfg(test)]
mod tests;
