//! Messages to people outside the forge, and the record of what was sent: which commits and which
//! conditions each receiver has had; what the dashboard shows. The record is a small sorted file
//! beside the ledger, so that no restart and no second replica sends anything twice. Types, and the
//! text of the record; pure.
//!
//! ```text
//! # pintle messages 1
//! ops<tab>seen<tab>2026-11-12T08:30:00Z
//! ops<tab>commit<tab>5d41402abc4b2a76b9719d911017c592ae5f9a5c
//! ops<tab>entry<tab>blocked main.tf#local.image configuration-error
//! ```

use super::CommitId;
use crate::config::Receiver;
use crate::error::{Error, Result};
use crate::model::digest::Digest;
use crate::model::message::MessageLevel;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use url::Url;

/// The name of the file in the ledger's commit.
pub const FILE: &str = "messages.tsv";
const HEAD: &str = "# pintle messages 1";

/// One message to one receiver: all that is new since the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub to: Receiver,
    /// The same for the same news, so that a receiver can leave out what it has: 32 hex digits.
    pub id: String,
    /// When the pass looked.
    pub at: Timestamp,
    /// `ops/infra`, or the remote.
    pub repo: Arc<str>,
    /// The highest level of its entries.
    pub level: MessageLevel,
    /// At least one, the most important first.
    pub entries: Vec<MessageEntry>,
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageEntry {
    /// What it is about, for the record: `blocked main.tf#local.image unsure`.
    pub key: String,
    pub level: MessageLevel,
    /// A stable word: `rollback`, `blocked`, `pipeline-failed`. `docs/notices.md` has them all.
    pub kind: &'static str,
    /// A site's id.
    pub site: Option<String>,
    /// The channel as declared.
    pub image: Option<String>,
    pub from: Option<Digest>,
    pub to: Option<Digest>,
    /// The word of the trailer `Pintle-Cause`, or the code of the reason.
    pub cause: Option<&'static str>,
    pub commit: Option<CommitId>,
    /// Where people see it in the forge.
    pub url: Option<Url>,
    /// A sentence without its full stop.
    pub text: String,
}

/// What the dashboard issue is known to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownDashboard {
    /// The number of the issue.
    pub number: u64,
    /// Of the text that it shows, or is not to show while it is closed: 40 hex digits.
    pub hash: String,
}

/// What all receivers have had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentRecord(pub BTreeMap<Arc<str>, SentTo>);

/// What one receiver has had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentTo {
    /// When the pass looked that changed this last. A pass that looked before knows less.
    pub seen: Timestamp,
    /// The newest of pintle's commits that it has had, newest first; none where there was none.
    pub commits: Vec<CommitId>,
    /// The keys of the conditions that it has had and that last.
    pub keys: BTreeSet<String>,
}

impl SentRecord {
    /// Returns the file's text; the same record gives the same bytes.
    pub fn render(&self) -> String {
        let mut text = format!("{HEAD}\n");
        for (name, sent) in &self.0 {
            text += &format!("{name}\tseen\t{}\n", sent.seen);
            for commit in &sent.commits {
                text += &format!("{name}\tcommit\t{commit}\n");
            }
            for key in &sent.keys {
                text += &format!("{name}\tentry\t{key}\n");
            }
        }
        text
    }

    /// Reads the file's text. Fails on another format, and names the line that cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        if head != HEAD {
            return Err(Error::failed(format!(
                "the record of messages starts with {head:?} and not with {HEAD:?}"
            ))
            .hint("it was written by another version"));
        }
        let mut all: BTreeMap<Arc<str>, SentTo> = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            read_line(&mut all, line).ok_or_else(|| {
                Error::failed(format!(
                    "line {} of the record of messages cannot be read",
                    at + 2
                ))
            })?;
        }
        Ok(Self(all))
    }
}

fn read_line(all: &mut BTreeMap<Arc<str>, SentTo>, line: &str) -> Option<()> {
    let mut cells = line.splitn(3, '\t');
    let (name, what, value) = (cells.next()?, cells.next()?, cells.next()?);
    let sent = all.entry(name.into()).or_default();
    match what {
        "seen" => sent.seen = value.parse().ok()?,
        "commit" => sent.commits.push(CommitId::parse(value)?),
        "entry" => drop(sent.keys.insert(value.to_owned())),
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let id = |c: &str| CommitId::parse(&c.repeat(40)).unwrap();
        let sent = SentTo {
            seen: "2026-11-12T08:30:00.5Z".parse().unwrap(),
            commits: vec![id("b"), id("a")],
            keys: ["blocked a b", "pull-request 3"].map(str::to_owned).into(),
        };
        let record = SentRecord([("ops".into(), sent), ("phone".into(), SentTo::default())].into());
        assert_eq!(SentRecord::parse(&record.render()).unwrap(), record);
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_line() {
        assert!(SentRecord::parse("# other 1\n").is_err());
        let error = SentRecord::parse("# pintle messages 1\nops\tcommit\tzz\n").unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
