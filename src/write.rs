//! The last step of the pass, and the only module that changes anything outside the process:
//! commits and one push, pull requests, replies, notices, the ledger. If it is killed at any point,
//! the next pass sees in git and the forge what is done, and does the rest.

pub mod commit;
mod dashboard;
mod lease;
pub mod ledger;
pub mod messages;
mod notice;
mod people;
mod pull_request;
mod reply;
pub mod setup;

pub use dashboard::write_dashboard;
pub use lease::{Revoked, WriteLease, Writing};
pub use messages::{Reachable, take_messages};

use crate::comment::reply::{Link, To};
use crate::error::{Error, Result};
use crate::pipeline::{Change, Delivery, Plan, Receipt, Seen, Snapshot, Written};
use crate::remote::forgejo::Client;
use crate::remote::git::{Clone, Identity, PushError};
use commit::CommitChain;
use std::sync::Arc;

/// Changes that were planned and are not written, and why.
pub type Refusals = Vec<(Arc<str>, String)>;

/// What is written, and what it was made from.
pub struct WriteInput<'a> {
    pub snapshot: &'a Snapshot,
    pub plan: &'a Plan,
    pub refused: &'a Refusals,
}

/// The result of writing a plan.
#[derive(Debug)]
pub enum WriteOutcome {
    /// Everything that could be written was written; `again` if another pass can write more now.
    Done { receipt: Receipt, again: bool },
    /// Somebody else pushed since the plan was made; nothing was written.
    TipMoved,
    /// The forge refused the push to the branch, with its reason; nothing was written.
    Refused(String),
}

/// Writes one plan, step by step.
struct PlanWriter<'a> {
    work: WriteInput<'a>,
    forge: Option<&'a Client>,
    author: Identity,
    receipt: Receipt,
    /// Where each written change is: its commit or its pull request.
    written: Vec<Link>,
}

/// Reacts to new comments, so that their authors see that pintle read them. A failed reaction stops
/// nothing: the reply will come.
pub async fn acknowledge(lease: &WriteLease, forge: Option<&Client>, snapshot: &Snapshot) {
    let (Some(client), Some(forge), Ok(_writing)) = (forge, snapshot.forge.known(), lease.begin())
    else {
        return;
    };
    for ask in forge.asks.iter().filter(|ask| !ask.acknowledged) {
        if let Err(error) = client.add_reaction(ask.comment.id, "eyes").await {
            tracing::warn!(%error, comment = ask.comment.id, "cannot mark a comment as seen");
        }
    }
}

/// Commits every direct change on top of the one before, and pushes the last commit onto the tip
/// that the plan was made from. Then writes the pull requests, the replies and the notices. What
/// the forge refuses is in [`Receipt::troubles`], and the next pass tries it again.
///
/// Before the push nothing is on the followed branch, after it everything is. The ledger is pushed
/// last: it holds only when digests were first seen.
pub async fn write(
    lease: &WriteLease,
    clone: &mut Clone,
    forge: Option<&Client>,
    work: WriteInput<'_>,
) -> Result<WriteOutcome> {
    let Some(tip) = work.plan.tip.clone() else {
        return Err(Error::failed("a plan made from a folder cannot be written")
            .hint("name a git remote with --remote"));
    };
    let _writing = lease.begin()?;
    let git = &work.snapshot.config.git;
    let author = Identity {
        name: git.author_name.to_string(),
        email: git.author_email.to_string(),
    };
    let receipt = Receipt {
        refused: work.refused.clone(),
        tip: Some(tip),
        ..Receipt::default()
    };
    let mut writer = PlanWriter {
        work,
        forge,
        author,
        receipt,
        written: Vec::new(),
    };
    if let Some(stopped) = tokio::task::block_in_place(|| writer.push_commits(clone))? {
        return Ok(stopped);
    }
    let proposals = writer.proposals().next().is_some();
    // A pull request is one commit on the tip. The tip moved, so pull requests are written in the
    // next pass.
    let moved = !writer.receipt.commits.is_empty();
    if !moved {
        writer.write_pull_requests(clone).await;
    }
    writer.post_replies().await;
    writer.post_notices().await;
    writer.close_mended_issues().await;
    tokio::task::block_in_place(|| writer.push_ledger(clone));
    let merged = writer
        .receipt
        .pull_results
        .iter()
        .any(|pull| pull.done == crate::pipeline::PullDone::Merged);
    let again = writer.work.plan.again
        || merged
        || moved && (proposals || !writer.work.plan.pull_steps.is_empty());
    Ok(WriteOutcome::Done {
        receipt: writer.receipt,
        again,
    })
}

impl<'a> PlanWriter<'a> {
    fn direct_changes(&self) -> impl Iterator<Item = &'a Change> + use<'a> {
        self.work
            .plan
            .changes
            .iter()
            .filter(|change| change.delivery == Delivery::Commit)
    }

    fn proposals(
        &self,
    ) -> impl Iterator<Item = (&'a Change, &'a crate::pipeline::Proposal)> + use<'a> {
        self.work
            .plan
            .changes
            .iter()
            .filter_map(|change| Some((change, change.proposal.as_deref()?)))
    }

    /// Commits and pushes the direct changes. Returns `Some` if nothing was written and the write
    /// ends here.
    fn push_commits(&mut self, clone: &mut Clone) -> Result<Option<WriteOutcome>> {
        let Some(tip) = self.receipt.tip.clone() else {
            return Ok(None);
        };
        let changes: Vec<&Change> = self.direct_changes().collect();
        let mut chain = CommitChain::start(clone, &tip, &self.author, self.work.plan.at)
            .signing_off(self.work.snapshot.config.git.sign_off);
        let commits = changes
            .iter()
            .map(|change| chain.add_change(change))
            .collect::<Result<Vec<_>>>()?;
        let Some(last) = commits.last() else {
            return Ok(None);
        };
        match clone.push(&clone.branch_ref(), Some(&tip), last) {
            Ok(_) => {}
            Err(PushError::TipMoved { .. }) => return Ok(Some(WriteOutcome::TipMoved)),
            Err(PushError::Refused(why)) if self.work.snapshot.forge.known().is_some() => {
                return Ok(Some(WriteOutcome::Refused(why)));
            }
            Err(other) => return Err(other.into_error(clone)),
        }
        self.receipt.tip = Some(last.clone());
        for (change, commit) in changes.into_iter().zip(commits) {
            let subject = change.message.lines().next().unwrap_or_default().to_owned();
            tracing::info!(%commit, subject, "pushed");
            self.written.push(Link {
                change: change.name.clone(),
                to: To::Commit(commit.clone()),
            });
            self.receipt.commits.push(Written {
                commit,
                name: change.name.clone(),
                subject,
                pins: change.pins.len(),
                actions: change
                    .pins
                    .iter()
                    .map(|pin| (pin.action, pin.cause))
                    .collect(),
            });
        }
        Ok(None)
    }

    fn push_ledger(&self, clone: &mut Clone) {
        let before = match &self.work.snapshot.ledger {
            Seen::Known(ledger) => ledger.clone(),
            Seen::Unknown(_) | Seen::NotAsked => self.work.plan.ledger.clone(),
        };
        if let Err(error) = ledger::push_ledger(
            clone,
            &before,
            &self.work.plan.ledger,
            &self.author,
            self.work.plan.at,
        ) {
            tracing::warn!(%error, "what was first seen when could not be kept; settle times start again");
        }
    }

    /// Records and logs what the forge refused.
    fn note_trouble(&mut self, what: String, error: &Error) {
        tracing::debug!(%error, "{what}");
        let hint = error
            .hint
            .as_ref()
            .map_or(String::new(), |hint| format!(" ({hint})"));
        self.receipt.troubles.push(format!("{what}: {error}{hint}"));
    }
}
