//! pintle's own branches `pintle/…`: the only refs it ever rewrites or deletes, and only while they hold what it expects. Never touches another
//! branch, nor the one it follows, whatever its name.

use super::Clone;
use super::push::{PushError, Pushed, Step};
use super::read;
use crate::error::Error;
use crate::model::commit::CommitId;

/// What the short names of pintle's branches begin with.
pub(super) const OWN: &str = "pintle/";

/// A branch's short name and its tip.
pub type Tip = (String, CommitId);

impl Clone {
    /// Returns the branches `pintle/…` whose short names begin with `prefix`, sorted, as of the last fetch. The followed branch is none of them.
    pub fn branches_under(&self, prefix: &str) -> Vec<Tip> {
        let all = self.seen.branches.iter().filter(|(name, _)| name.starts_with(prefix) && **name != self.seen.branch);
        all.map(|(name, id)| (name.clone(), read::name(*id))).collect()
    }

    /// Moves a branch of pintle's own (full name) on the remote from `expected_old` (`None`: it must not exist) to `new`, whether or not `new`
    /// stands on top of it. What somebody else pushed since is never lost: it is not `expected_old`, and nothing is written.
    pub fn push_branch(&mut self, full_ref: &str, expected_old: Option<&CommitId>, new: &CommitId) -> Result<Pushed, PushError> {
        self.rewrite(Step { to: full_ref, old: expected_old, new: Some(new), rewrite: true })
    }

    /// Deletes a branch of pintle's own (full name) on the remote while it holds `expected_old`.
    pub fn delete_branch(&mut self, full_ref: &str, expected_old: &CommitId) -> Result<Pushed, PushError> {
        self.rewrite(Step { to: full_ref, old: Some(expected_old), new: None, rewrite: true })
    }

    fn rewrite(&mut self, step: Step<'_>) -> Result<Pushed, PushError> {
        let short = step.to.strip_prefix("refs/heads/").unwrap_or_default();
        let named = short.strip_prefix(OWN).is_some_and(|name| !name.is_empty());
        if !named || short == self.branch() {
            return Err(PushError::Other(Error::failed(format!("{} is not a branch of pintle's own and is not rewritten", step.to))));
        }
        match self.step(step) {
            Err((error, true)) => self.found(short.to_owned(), step, error),
            other => other.map_err(|(error, _)| error),
        }
    }

    /// Asks what became of a push whose answer was lost.
    fn found(&mut self, short: String, step: Step<'_>, error: PushError) -> Result<Pushed, PushError> {
        if let Err(why) = self.fetch() {
            tracing::warn!(%why, "cannot find out whether the push arrived");
            return Err(error);
        }
        let now = self.seen.branches.get(&short).map(|id| read::name(*id));
        if now.as_ref() == step.new {
            tracing::info!(branch = short, ?error, "the answer to the push was lost, but the server has done it");
            return Ok(Pushed::Found);
        }
        Err(if now.as_ref() == step.old { error } else { PushError::TipMoved { now } })
    }
}

#[cfg(test)]
mod tests;
