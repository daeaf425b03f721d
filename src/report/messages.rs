//! What there is to report to people outside the forge, and who has not had it yet. A commit is
//! news once, for as long as it is newer than the last one that a receiver had; a condition is news
//! when it begins. Decides nothing about sites, and sends nothing.

use crate::config::Receiver;
use crate::model::message::MessageLevel;
use crate::model::one_line::one_line;
use crate::pipeline::answer::Notice;
use crate::pipeline::forge::PullState;
use crate::pipeline::message::{Message, MessageEntry, SentRecord, SentTo};
use crate::pipeline::{
    Action, Change, CommitId, Decision, Delivery, PinRecord, Plan, PullDone, Receipt, Seen,
    Snapshot, Verdict,
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// So many commits are recorded as sent: more than two replicas write between two looks.
const REMEMBERED: usize = 20;
/// What a person decided: it is no news that it holds.
const DECIDED: &[&str] = &["denied"];

/// All that a pass could report, whoever has had it.
pub struct ReportableNews<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    /// pintle's commits, newest first: those of this pass, and those of the history.
    commits: Vec<CommitNews>,
    /// How many of them this pass wrote.
    written: usize,
    conditions: Vec<MessageEntry>,
}

struct CommitNews {
    /// The commit of the followed branch with which it came.
    landed: CommitId,
    entry: MessageEntry,
}

impl<'a> ReportableNews<'a> {
    /// Gathers what a pass saw, decided and wrote.
    pub fn gather(snapshot: &'a Snapshot, plan: &'a Plan, receipt: &Receipt) -> Self {
        let mut commits = written_commits(snapshot, plan, receipt);
        let written = commits.len();
        let history = snapshot.history.known().into_iter();
        commits.extend(history.flat_map(|history| history.iter()).map(|record| {
            let entry = commit_entry(snapshot, &record.commit, &record.pin);
            CommitNews {
                landed: record.landed.clone(),
                entry,
            }
        }));
        Self {
            conditions: conditions(snapshot, plan, receipt),
            snapshot,
            plan,
            commits,
            written,
        }
    }

    /// Returns what each receiver has to be sent, and the record after it. A receiver of which
    /// nothing is recorded gets only what this pass wrote: what was there before is no news. In
    /// quiet hours all but errors stays news.
    pub fn messages(
        &self,
        receivers: &[&Receiver],
        repo: &Arc<str>,
        before: &SentRecord,
    ) -> (Vec<Message>, SentRecord) {
        let (mut messages, mut after) = (Vec::new(), SentRecord::default());
        for receiver in receivers {
            let (entries, sent) = self.entries_for(receiver, before.0.get(&receiver.name));
            after.0.insert(receiver.name.clone(), sent);
            messages.extend(make_message(receiver, repo, self.plan.at, entries));
        }
        (messages, after)
    }

    fn entries_for(
        &self,
        receiver: &Receiver,
        before: Option<&SentTo>,
    ) -> (Vec<MessageEntry>, SentTo) {
        let is_quiet = is_quiet(receiver, self.plan.at);
        let waits = |entry: &MessageEntry| is_quiet && entry.level < MessageLevel::Error;
        let fresh = if is_quiet {
            &[]
        } else {
            self.fresh_commits(before)
        };
        let mut entries: Vec<MessageEntry> = fresh.iter().map(|news| news.entry.clone()).collect();
        let mut sent = SentTo {
            commits: self.had_commits(fresh, before),
            ..before.cloned().unwrap_or_default()
        };
        // Another replica that looked later knows more of the conditions.
        if sent.seen <= self.plan.at {
            let known =
                |entry: &MessageEntry| before.is_none_or(|before| before.keys.contains(&entry.key));
            let begun = self.conditions.iter().filter(|entry| !known(entry));
            entries.extend(begun.filter(|entry| !waits(entry)).cloned());
            sent.keys.retain(|key| self.may_last(key));
            let had = self.conditions.iter();
            let had = had.filter(|entry| known(entry) || !waits(entry));
            sent.keys.extend(had.map(|entry| entry.key.clone()));
        }
        if before != Some(&sent) {
            sent.seen = sent.seen.max(self.plan.at);
        }
        entries.retain(|entry| entry.level >= receiver.level);
        (entries, sent)
    }

    /// Returns the commits that a receiver has not had. If none that it had is in the history any
    /// more, only those of this pass.
    fn fresh_commits(&self, before: Option<&SentTo>) -> &[CommitNews] {
        let end = match before {
            None => self.written,
            Some(sent) if sent.commits.is_empty() => self.commits.len(),
            Some(sent) => {
                let had = |news: &CommitNews| sent.commits.contains(&news.landed);
                let at = self.commits.iter().position(had);
                at.unwrap_or(self.written)
            }
        };
        &self.commits[..end]
    }

    /// Returns the newest commits that a receiver has had once it has these. For a new receiver all
    /// of the history counts; what this pass wrote stays news until quiet hours end.
    fn had_commits(&self, fresh: &[CommitNews], before: Option<&SentTo>) -> Vec<CommitId> {
        let earlier: Vec<CommitId> = match before {
            Some(sent) => sent.commits.clone(),
            None => {
                let history = self.commits[self.written..].iter();
                history.map(|news| news.landed.clone()).collect()
            }
        };
        let mut commits: Vec<CommitId> = fresh.iter().map(|news| news.landed.clone()).collect();
        commits.extend(earlier);
        let mut seen = BTreeSet::new();
        commits.retain(|commit| seen.insert(commit.clone()));
        commits.truncate(REMEMBERED);
        commits
    }

    /// Says whether a condition that this pass does not show may still last, because what decides
    /// it could not be read.
    fn may_last(&self, key: &str) -> bool {
        let mut words = key.split(' ');
        let (kind, about) = (words.next().unwrap_or_default(), words.next());
        let is_unknown = |decision: &Decision| {
            decision.verdict == Verdict::Unknown && Some(&*decision.site.0) == about
        };
        match kind {
            "pull-request" | "pipeline-failed" => {
                matches!(self.snapshot.forge, Seen::Unknown(_))
            }
            "not-rolled-back" | "pin-gone" => {
                matches!(self.snapshot.cluster, Seen::Unknown(_))
                    || self.plan.decisions.iter().any(is_unknown)
            }
            "blocked" => self.plan.decisions.iter().any(is_unknown),
            _ => false,
        }
    }
}

/// Says whether only errors are sent now.
fn is_quiet(receiver: &Receiver, at: Timestamp) -> bool {
    let quiet = receiver.quiet.as_ref();
    quiet.is_some_and(|quiet| quiet.end_after(at).is_some())
}

fn make_message(
    receiver: &Receiver,
    repo: &Arc<str>,
    at: Timestamp,
    mut entries: Vec<MessageEntry>,
) -> Option<Message> {
    // The sort keeps the order of equals: commits stay newest first.
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.level));
    let level = entries.first()?.level;
    let keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
    let hash = Sha256::digest(format!("{repo}\n{}", keys.join("\n")));
    Some(Message {
        to: receiver.clone(),
        id: hash.iter().take(16).map(|b| format!("{b:02x}")).collect(),
        at,
        repo: repo.clone(),
        level,
        entries,
    })
}

/// The commits of this pass that the history does not have yet, newest first.
fn written_commits(snapshot: &Snapshot, plan: &Plan, receipt: &Receipt) -> Vec<CommitNews> {
    let history = snapshot.history.known();
    let is_known = |commit: &CommitId| {
        history.is_some_and(|history| history.iter().any(|record| record.commit == *commit))
    };
    let pins = |name: &str| -> &[PinRecord] {
        let change = plan
            .changes
            .iter()
            .find(|change: &&Change| *change.name == *name && change.delivery == Delivery::Commit);
        change.map_or(&[], |change| &change.pins)
    };
    let new = receipt.commits.iter().rev();
    new.filter(|written| !is_known(&written.commit))
        .flat_map(|written| {
            pins(&written.name).iter().map(|pin| CommitNews {
                landed: written.commit.clone(),
                entry: commit_entry(snapshot, &written.commit, pin),
            })
        })
        .collect()
}

fn commit_entry(snapshot: &Snapshot, commit: &CommitId, pin: &PinRecord) -> MessageEntry {
    let digest = |digest: &Option<crate::model::digest::Digest>| {
        digest
            .as_ref()
            .map_or("nothing".to_owned(), |digest| digest.short().to_owned())
    };
    let (from, to, image) = (digest(&pin.from), digest(&pin.to), &pin.image);
    let what = match pin.action {
        Action::Rollback => format!("rolled back {image} from {from} to {to}"),
        Action::Update => format!("updated {image} from {from} to {to}"),
        Action::Bump => {
            let tag = pin
                .from_tag
                .as_ref()
                .map_or("another tag", |tag| tag.as_str());
            format!("bumped {image} from {tag} to {to}")
        }
        Action::Adopt => format!("pinned {image} to {to} for the first time"),
        Action::Pin => format!("pinned {image} to {to} and held it"),
        Action::Unpin => format!("removed the hold of {image} and pinned {to}"),
        Action::Hold => format!("held {image} at {to}"),
        Action::Resume => format!("removed the hold of {image}"),
        Action::Lift => format!("removed the expired hold of {image}"),
    };
    let evidence = pin
        .evidence
        .as_ref()
        .map_or(String::new(), |evidence| format!(": {evidence}"));
    let asked = pin
        .asked
        .as_ref()
        .map_or(String::new(), |asked| format!(" for {}", asked.by));
    let text = format!(
        "{what}{asked} ({}{evidence}) in commit {} of {}",
        pin.cause.as_str(),
        commit.short(),
        pin.site,
    );
    MessageEntry {
        key: key(&["commit", commit.as_str(), &pin.site]),
        level: match pin.action {
            Action::Rollback => MessageLevel::Warning,
            _ => MessageLevel::Info,
        },
        kind: pin.action.into(),
        site: Some(pin.site.clone()),
        image: Some(pin.image.clone()),
        from: pin.from.clone(),
        to: pin.to.clone(),
        cause: Some(pin.cause.as_str()),
        commit: Some(commit.clone()),
        url: forge_page(snapshot, &format!("commit/{commit}")),
        text: one_line(&text),
    }
}

/// What lasts until something changes.
fn conditions(snapshot: &Snapshot, plan: &Plan, receipt: &Receipt) -> Vec<MessageEntry> {
    let blocked = plan.decisions.iter().filter_map(blocked_entry);
    let unmatched = plan.unmatched.iter().map(|one| MessageEntry {
        text: one_line(&one.to_string()),
        ..bare_entry(
            key(&["unmatched", &one.entry]),
            MessageLevel::Warning,
            "unmatched",
        )
    });
    let notices = plan
        .notices
        .iter()
        .map(|notice| notice_entry(snapshot, notice));
    let mut all: Vec<MessageEntry> = notices
        .chain(blocked)
        .chain(unmatched)
        .chain(pull_entries(snapshot, receipt))
        .collect();
    let mut seen = BTreeSet::new();
    all.retain(|entry| seen.insert(entry.key.clone()));
    all
}

fn blocked_entry(decision: &Decision) -> Option<MessageEntry> {
    if decision.verdict != Verdict::Blocked {
        return None;
    }
    let reason = decision.reasons.first()?;
    if DECIDED.contains(&reason.code()) {
        return None;
    }
    let site = decision.site.to_string();
    Some(
        MessageEntry {
            from: decision.from.clone(),
            to: decision.to.clone(),
            cause: Some(reason.code()),
            text: one_line(&format!("{site} is blocked: {reason}")),
            ..bare_entry(
                key(&["blocked", &site, reason.code()]),
                MessageLevel::Warning,
                "blocked",
            )
        }
        .with_site(site),
    )
}

fn notice_entry(snapshot: &Snapshot, notice: &Notice) -> MessageEntry {
    match notice {
        Notice::Pipeline {
            commit,
            subject,
            pull,
            failed,
            ..
        } => {
            let what = if failed.is_empty() {
                "did not start or has not ended in time"
            } else {
                "failed"
            };
            let by = pull.map_or(String::new(), |number| format!(" (pull request #{number})"));
            MessageEntry {
                commit: Some(commit.clone()),
                url: forge_page(snapshot, &format!("commit/{commit}")),
                text: one_line(&format!(
                    "the pipeline of {} {what}: {subject}{by}",
                    commit.short()
                )),
                ..bare_entry(
                    key(&["pipeline-failed", commit.as_str()]),
                    MessageLevel::Error,
                    "pipeline-failed",
                )
            }
        }
        Notice::NotRolledBack {
            site,
            image,
            cause,
            evidence,
            from,
            to,
            why,
        } => MessageEntry {
            image: Some(image.clone()),
            from: Some(from.clone()),
            to: to.clone(),
            cause: Some(cause.as_str()),
            text: one_line(&format!(
                "{image} is not rolled back from {} ({}: {evidence}): {why}",
                from.short(),
                cause.as_str()
            )),
            ..bare_entry(
                key(&["not-rolled-back", &site.0, cause.as_str(), from.as_str()]),
                MessageLevel::Error,
                "not-rolled-back",
            )
        }
        .with_site(site.to_string()),
        Notice::Rotten {
            site,
            image,
            digest,
            now,
        } => MessageEntry {
            image: Some(image.clone()),
            from: Some(digest.clone()),
            to: now.clone(),
            text: one_line(&format!(
                "the registry no longer has {} of {image}, which {site} pins",
                digest.short()
            )),
            ..bare_entry(
                key(&["pin-gone", &site.0, digest.as_str()]),
                MessageLevel::Warning,
                "pin-gone",
            )
        }
        .with_site(site.to_string()),
    }
}

/// pintle's open pull requests: those that the pass saw, and those that it opened.
fn pull_entries(snapshot: &Snapshot, receipt: &Receipt) -> Vec<MessageEntry> {
    let gone: BTreeSet<u64> = receipt
        .pull_results
        .iter()
        .filter(|pull| matches!(pull.done, PullDone::Closed | PullDone::Merged))
        .map(|pull| pull.number)
        .collect();
    let opened = receipt
        .pull_results
        .iter()
        .filter(|pull| pull.done == PullDone::Opened)
        .map(|pull| (pull.number, &pull.name, pull.url.clone()));
    let seen = snapshot.forge.known().into_iter();
    let open = seen
        .flat_map(|forge| &forge.pulls)
        .filter(|pull| pull.state == PullState::Open)
        .map(|pull| (pull.number, &pull.name, Some(pull.url.clone())));
    open.chain(opened)
        .filter(|(number, ..)| !gone.contains(number))
        .map(|(number, name, url)| MessageEntry {
            url,
            text: one_line(&format!(
                "pull request #{number} proposes changes of {name}"
            )),
            ..bare_entry(
                key(&["pull-request", &number.to_string()]),
                MessageLevel::Info,
                "pull-request",
            )
        })
        .collect()
}

fn bare_entry(key: String, level: MessageLevel, kind: &'static str) -> MessageEntry {
    MessageEntry {
        key,
        level,
        kind,
        site: None,
        image: None,
        from: None,
        to: None,
        cause: None,
        commit: None,
        url: None,
        text: String::new(),
    }
}

impl MessageEntry {
    fn with_site(self, site: String) -> Self {
        Self {
            site: Some(site),
            ..self
        }
    }
}

/// A key is one line, and its first two words are its kind and what it is about.
fn key(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| one_line(word)).collect();
    words.join(" ")
}

/// Returns a page below the repo's in the forge, if there is one.
fn forge_page(snapshot: &Snapshot, path: &str) -> Option<Url> {
    let url = &snapshot.forge.known()?.url;
    Url::parse(&format!("{}/{path}", url.as_str().trim_end_matches('/'))).ok()
}

#[cfg(test)]
mod tests;
