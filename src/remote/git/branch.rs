//! pintle's own branches `pintle/…`: the only refs it ever rewrites or deletes, and only while they
//! hold what it expects. Never touches another branch, nor the one it follows, whatever its name.

use super::clone::Clone;
use super::failure::{Failure, local};
use super::fetch::OWN;
use super::push::{PushError, Pushed, Step};
use super::read;
use super::write::Identity;
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use gix::ObjectId;
use jiff::Timestamp;

/// A branch's short name and its tip.
pub type Tip = (String, CommitId);

/// A commit as the tip of a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub commit: CommitId,
    pub parents: Vec<CommitId>,
    pub author: Identity,
    pub committer: Identity,
    /// When it was committed; the zero of Unix time when that cannot be read.
    pub at: Timestamp,
    pub message: String,
}

impl Clone {
    /// Reads a commit.
    pub fn head(&self, commit: &CommitId) -> Result<Head> {
        head(&self.repo, read::id(commit)?).map_err(|failure| self.broken(failure))
    }

    /// Returns the branches `pintle/…` whose short names begin with `prefix`, sorted, as of the
    /// last fetch. The followed branch is none of them.
    pub fn branches_under(&self, prefix: &str) -> Vec<Tip> {
        let all = self
            .seen
            .branches
            .iter()
            .filter(|(name, _)| name.starts_with(prefix) && **name != self.seen.branch);
        all.map(|(name, id)| (name.clone(), read::name(*id)))
            .collect()
    }

    /// Moves a branch of pintle's own (full name) on the remote from `expected_old` (`None`: it
    /// must not exist) to `new`, whether or not `new` stands on top of it. What somebody else
    /// pushed since is never lost: it is not `expected_old`, and nothing is written.
    pub fn push_branch(
        &mut self,
        full_ref: &str,
        expected_old: Option<&CommitId>,
        new: &CommitId,
    ) -> std::result::Result<Pushed, PushError> {
        self.rewrite(Step {
            to: full_ref,
            old: expected_old,
            new: Some(new),
            rewrite: true,
        })
    }

    /// Deletes a branch of pintle's own (full name) on the remote while it holds `expected_old`.
    pub fn delete_branch(
        &mut self,
        full_ref: &str,
        expected_old: &CommitId,
    ) -> std::result::Result<Pushed, PushError> {
        self.rewrite(Step {
            to: full_ref,
            old: Some(expected_old),
            new: None,
            rewrite: true,
        })
    }

    fn rewrite(&mut self, step: Step<'_>) -> std::result::Result<Pushed, PushError> {
        let short = step.to.strip_prefix("refs/heads/").unwrap_or_default();
        let named = short.strip_prefix(OWN).is_some_and(|name| !name.is_empty());
        if !named || short == self.branch() {
            return Err(PushError::Other(Error::failed(format!(
                "{} is not a branch of pintle's own and is not rewritten",
                step.to
            ))));
        }
        match self.step(step) {
            Err((error, true)) => self.found(short.to_owned(), step, error),
            other => other.map_err(|(error, _)| error),
        }
    }

    /// Asks what became of a push whose answer was lost.
    fn found(
        &mut self,
        short: String,
        step: Step<'_>,
        error: PushError,
    ) -> std::result::Result<Pushed, PushError> {
        if let Err(why) = self.fetch() {
            tracing::warn!(%why, "cannot find out whether the push arrived");
            return Err(error);
        }
        let now = self.seen.branches.get(&short).map(|id| read::name(*id));
        if now.as_ref() == step.new {
            tracing::info!(
                branch = short,
                ?error,
                "the answer to the push was lost, but the server has done it"
            );
            return Ok(Pushed::Found);
        }
        Err(if now.as_ref() == step.old {
            error
        } else {
            PushError::TipMoved { now }
        })
    }
}

fn head(repo: &gix::Repository, id: ObjectId) -> std::result::Result<Head, Failure> {
    let commit = repo
        .find_commit(id)
        .map_err(local("cannot read a commit"))?;
    let decoded = commit.decode().map_err(local("cannot read a commit"))?;
    let committer = decoded.committer().ok();
    let seconds = committer
        .as_ref()
        .and_then(|committer| committer.time().ok())
        .map_or(0, |time| time.seconds);
    let identity = |one: Option<gix::actor::SignatureRef<'_>>| {
        let (name, email) = one
            .map(|one| (one.name.to_string(), one.email.to_string()))
            .unwrap_or_default();
        Identity { name, email }
    };
    Ok(Head {
        commit: read::name(id),
        parents: decoded.parents().map(read::name).collect(),
        author: identity(decoded.author().ok()),
        committer: identity(committer),
        at: Timestamp::from_second(seconds).unwrap_or_default(),
        message: decoded.message.to_string(),
    })
}

#[cfg(test)]
mod tests;
