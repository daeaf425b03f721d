//! Takes the messages that are due: records in the ledger's commit that their receivers have them,
//! and hands them out only when that push succeeded. So one of several replicas sends a message,
//! and none after a restart. Sends nothing itself.

use super::ledger::push_files;
use super::{WriteInput, WriteLease};
use crate::config::Receiver;
use crate::error::{Error, Result};
use crate::pipeline::message::{FILE, Message, SentRecord};
use crate::pipeline::{Ledger, Receipt, ledger};
use crate::remote::git::{Clone, Identity, PushError, Put};
use crate::report::messages::ReportableNews;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How often the race may be lost before the messages are left to the next pass.
const TRIES: usize = 8;

/// Who can be reached, and the name of the repo in messages.
#[derive(Clone, Debug, Default)]
pub struct Reachable {
    /// The names of the receivers that have an address.
    pub names: BTreeSet<String>,
    /// `ops/infra`
    pub repo: Arc<str>,
}

/// Returns the messages that this process has to send. If their record cannot be written, none:
/// what is new stays new for the next pass.
pub fn take_messages(
    lease: &WriteLease,
    clone: &mut Clone,
    reachable: &Reachable,
    work: WriteInput<'_>,
    receipt: &Receipt,
) -> Vec<Message> {
    let all = work.snapshot.config.receivers.iter();
    let receivers: Vec<&Receiver> = all
        .filter(|receiver| reachable.names.contains(&*receiver.name))
        .collect();
    let Ok(_writing) = lease.begin() else {
        return Vec::new();
    };
    if receivers.is_empty() {
        return Vec::new();
    }
    let news = ReportableNews::gather(work.snapshot, work.plan, receipt);
    let git = &work.snapshot.config.git;
    let author = Identity {
        name: git.author_name.to_string(),
        email: git.author_email.to_string(),
    };
    let decide = |before: &SentRecord| news.messages(&receivers, &reachable.repo, before);
    match record_messages(clone, decide, &author, work.plan.at) {
        Ok(messages) => messages,
        Err(error) => {
            tracing::warn!(%error, "messages wait: that they are sent could not be recorded");
            Vec::new()
        }
    }
}

/// Decides on the record that the remote has, and pushes what follows. After a lost race it decides
/// again.
fn record_messages(
    clone: &mut Clone,
    decide: impl Fn(&SentRecord) -> (Vec<Message>, SentRecord),
    author: &Identity,
    at: Timestamp,
) -> Result<Vec<Message>> {
    let mut is_refused = false;
    for _ in 0..TRIES {
        let name = if is_refused || clone.own_ref(ledger::BRANCH).is_some() {
            ledger::BRANCH
        } else {
            ledger::REF
        };
        let before = read_record(clone, name)?;
        let (messages, after) = decide(&before.clone().unwrap_or_default());
        if before.as_ref() == Some(&after) {
            return Ok(messages);
        }
        match push_record(clone, name, &after, author, at)? {
            Ok(()) => return Ok(messages),
            Err(PushError::TipMoved { .. }) => {}
            Err(PushError::Refused(why)) if name == ledger::REF => {
                tracing::info!(why, "the server takes no refs of pintle's own");
                is_refused = true;
            }
            Err(other) => return Err(other.into_error(clone)),
        }
        clone.fetch()?;
    }
    Err(Error::outside("others wrote the ledger each time").hint("the next pass tries again"))
}

/// Returns the record; `None` if there is none yet.
fn read_record(clone: &Clone, name: &str) -> Result<Option<SentRecord>> {
    let Some(commit) = clone.own_ref(name) else {
        return Ok(None);
    };
    let Some(item) = clone.item(&commit, FILE)? else {
        return Ok(None);
    };
    let text = String::from_utf8(clone.bytes(&item)?)
        .map_err(|why| Error::failed(format!("{FILE} in {name} is not UTF-8")).because(why))?;
    SentRecord::parse(&text).map(Some)
}

fn push_record(
    clone: &mut Clone,
    name: &str,
    record: &SentRecord,
    author: &Identity,
    at: Timestamp,
) -> Result<std::result::Result<(), PushError>> {
    let mut files = vec![Put {
        path: FILE.into(),
        bytes: record.render().into_bytes(),
    }];
    // Who reads the ref expects the ledger in it.
    if clone.own_ref(name).is_none() {
        files.push(Put {
            path: ledger::FILE.into(),
            bytes: Ledger::default().render().into_bytes(),
        });
    }
    // Two replicas may write the same at the same second. Then both would have pushed the same
    // commit, and each would take itself for the one that sends.
    let who = fastrand::u64(..);
    let message = format!("pintle: messages sent\n\nby replica {who:016x}\n");
    push_files(clone, name, &files, &message, author, at)
}

#[cfg(test)]
mod tests;
