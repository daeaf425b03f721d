//! The last step of the pass, and the only module that changes anything outside the process: commits, one push, the ledger.

pub mod commit;
pub mod ledger;

use crate::error::{Error, Result};
use crate::pipeline::{Plan, Receipt, Seen, Snapshot, Written};
use crate::remote::git::{Clone, Identity, PushError};

/// The right to write. Only a command whose job is to write makes one.
#[derive(Debug)]
pub struct WriteLease(());

impl WriteLease {
    /// Takes the right for one run of `sync`.
    pub fn for_sync() -> Self {
        Self(())
    }
}

/// What became of a plan.
#[derive(Debug)]
pub enum Outcome {
    Done(Receipt),
    /// Somebody else pushed since the plan was made; nothing was written.
    TipMoved,
}

/// Commits every change on top of the one before it, and pushes the last one onto the tip that the plan was made from. Blocking.
///
/// Nothing is on the remote before the push, and all of it is afterwards. The ledger is pushed last: it only remembers.
pub fn write(_lease: &WriteLease, clone: &mut Clone, snapshot: &Snapshot, plan: &Plan) -> Result<Outcome> {
    let Some(tip) = &plan.tip else {
        return Err(Error::failed("a plan made from a folder cannot be written").hint("name a git remote with --remote"));
    };
    let who = Identity { name: snapshot.config.git.author_name.to_string(), email: snapshot.config.git.author_email.to_string() };
    let mut commits = Vec::new();
    let mut last = tip.clone();
    for change in &plan.changes {
        last = commit::commit(clone, &last, change, &who, plan.at)?;
        let subject = change.message.lines().next().unwrap_or_default().to_owned();
        commits.push(Written { commit: last.clone(), name: change.name.clone(), subject, pins: change.pins.len() });
    }
    if !commits.is_empty() {
        match clone.push(&clone.branch_ref(), Some(tip), &last) {
            Ok(_) => {}
            Err(PushError::TipMoved { .. }) => return Ok(Outcome::TipMoved),
            Err(other) => return Err(other.into_error(clone)),
        }
    }
    let before = match &snapshot.ledger {
        Seen::Known(ledger) => ledger.clone(),
        Seen::Unknown(_) | Seen::NotAsked => plan.ledger.clone(),
    };
    if let Err(error) = ledger::ledger(clone, &before, &plan.ledger, &who, plan.at) {
        tracing::warn!(%error, "what was first seen when could not be kept; settle times start again");
    }
    Ok(Outcome::Done(Receipt { commits, tip: Some(last), ..Receipt::default() }))
}
