//! One push, compare-and-swap: the server's ref must hold what the plan was made from. It is
//! compared with what the server lists, and the server compares again when it writes.

use super::clone::Clone;
use super::wire::{self, ADDRESS, Happened, Wire};
use crate::error::Error;
use crate::model::commit::CommitId;
use crate::model::one_line::one_line;
use git2::{ErrorClass, ErrorCode, Oid, PushOptions, RemoteCallbacks};
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// How far back a push is looked for whose answer was lost.
const LOST_WITHIN: usize = 1000;

/// A push that the server has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It said so.
    Confirmed,
    /// Its answer was lost, or it had the commit already: found by asking.
    Found,
}

/// Why a push was not done. Nothing was written on the server.
#[derive(Debug)]
pub enum PushError {
    /// The ref holds something else by now: observe and plan again. `None` when the ref is gone, or
    /// only the server knows.
    TipMoved {
        now: Option<CommitId>,
    },
    /// The server does not want it (protected branch, hook): its own sentence.
    Refused(String),
    /// The token or key is missing, wrong, or may not write.
    Auth(Error),
    /// The server could not be asked, or whether it has the commit could not be found out.
    Unreachable(Error),
    Other(Error),
}

impl PushError {
    /// Returns what a person reads when nothing else is to be done about it.
    pub fn into_error(self, clone: &Clone) -> Error {
        let remote = clone.remote();
        match self {
            Self::TipMoved { now } => {
                let now = now
                    .map(|now| format!("it is at {} now", now.short()))
                    .unwrap_or_else(|| "someone else pushed first".into());
                Error::outside(format!(
                    "the branch of {remote} got new commits during the pass"
                ))
                .cause(now)
                .hint("run it again")
            }
            Self::Refused(why) => Error::failed(format!("{remote} refuses the push"))
                .cause(why)
                .hint("is the branch protected, or does a hook refuse it?"),
            Self::Auth(error) | Self::Unreachable(error) | Self::Other(error) => error,
        }
    }
}

/// What the callbacks of one push saw.
#[derive(Default)]
struct Talk {
    /// What the server listed, when it was not what was expected: the zero id for "no such ref".
    found: Option<Oid>,
    /// Why the server did not take the ref.
    rejected: Option<String>,
    /// The ref's status arrived.
    answered: bool,
    said: Vec<u8>,
}

/// One ref's way from what it holds on the server to what it shall hold.
#[derive(Clone, Copy)]
pub(super) struct Step<'a> {
    /// The full name.
    pub to: &'a str,
    /// `None`: it must not exist.
    pub old: Option<&'a CommitId>,
    /// `None`: it is deleted.
    pub new: Option<&'a CommitId>,
    /// Whether `new` may lack what `old` holds.
    pub rewrite: bool,
}

impl Step<'_> {
    fn refspec(&self) -> String {
        let new = self.new.map(CommitId::as_str).unwrap_or_default();
        format!("{}{new}:{}", if self.rewrite { "+" } else { "" }, self.to)
    }
}

impl Clone {
    /// Moves the ref (full name) on the remote from `expected_old` (`None`: it must not exist) to
    /// `new`, with all commits between, in one push. Never rewrites: `new` stands on top of what
    /// the ref holds.
    pub fn push(
        &mut self,
        to: &str,
        expected_old: Option<&CommitId>,
        new: &CommitId,
    ) -> Result<Pushed, PushError> {
        match self.step(Step {
            to,
            old: expected_old,
            new: Some(new),
            rewrite: false,
        }) {
            Ok(pushed) => Ok(pushed),
            Err((error, true)) if self.has(to, new) => {
                tracing::info!(commit = %new, ?error, "the answer to the push was lost, but the server has it");
                Ok(Pushed::Found)
            }
            Err((error, _)) => Err(error),
        }
    }

    /// Pushes once. An error comes with whether the server may have done it all the same.
    pub(super) fn step(&mut self, step: Step<'_>) -> Result<Pushed, (PushError, bool)> {
        let wire = Arc::new(
            Wire::new(&self.remote, &self.access).map_err(|why| (PushError::Other(why), false))?,
        );
        let mut talk = Talk::default();
        let done = wire::carry(&wire, || self.talk(step, &mut talk)).and_then(|done| done);
        judge(done, &talk, wire.take(), step, self)
    }

    fn talk(&self, step: Step<'_>, talk: &mut Talk) -> Result<(), git2::Error> {
        let expected = step
            .old
            .map_or(Ok(Oid::ZERO_SHA1), |old| Oid::from_str(old.as_str()))?;
        let repo = git2::Repository::open_bare(self.repo.path())?;
        let mut remote = repo.remote_anonymous(ADDRESS)?;
        let talk = RefCell::new(talk);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.push_negotiation(|updates| {
            let found = updates
                .first()
                .map_or(Oid::ZERO_SHA1, |update| update.src());
            if found != expected {
                talk.borrow_mut().found = Some(found);
                return Err(git2::Error::new(
                    ErrorCode::Modified,
                    ErrorClass::Reference,
                    "the ref has changed",
                ));
            }
            Ok(())
        });
        callbacks.push_update_reference(|_, status| {
            let mut talk = talk.borrow_mut();
            talk.answered = true;
            talk.rejected = status.map(str::to_owned);
            Ok(())
        });
        callbacks.sideband_progress(|bytes| {
            talk.borrow_mut().said.extend_from_slice(bytes);
            true
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks);
        remote.push(&[step.refspec()], Some(&mut options))
    }

    /// Says whether the ref on the remote holds `commit` or something on top of it.
    fn has(&mut self, to: &str, commit: &CommitId) -> bool {
        if let Err(why) = self.fetch() {
            tracing::warn!(%why, "cannot find out whether the push arrived");
            return false;
        }
        let now = if to == self.branch_ref() {
            Some(self.tip())
        } else {
            self.own_ref(to)
        };
        let past = now.map(|now| self.read_log(&now, LOST_WITHIN, Duration::from_secs(10)));
        past.is_some_and(|past| past.is_ok_and(|past| past.iter().any(|one| one.commit == *commit)))
    }
}

/// Says what became of the push; with an error, whether the server may have it all the same.
fn judge(
    done: Result<(), git2::Error>,
    talk: &Talk,
    happened: Happened,
    step: Step<'_>,
    clone: &Clone,
) -> Result<Pushed, (PushError, bool)> {
    if let Some(found) = talk.found {
        let now = CommitId::parse(&found.to_string()).filter(|_| !found.is_zero());
        return if now.as_ref() == step.new {
            Ok(Pushed::Found)
        } else {
            Err((PushError::TipMoved { now }, false))
        };
    }
    let said = spoken(&talk.said);
    if let Some(why) = &talk.rejected {
        return Err((rejection(why, &said, step.rewrite), false));
    }
    let why = match done {
        Ok(()) if talk.answered => return Ok(Pushed::Confirmed),
        Ok(()) => git2::Error::from_str("the server did not report the result of the push"),
        Err(why) => why,
    };
    let lost = happened.sent;
    Err((failure(&why, happened, &said, clone), lost))
}

fn failure(why: &git2::Error, happened: Happened, said: &str, clone: &Clone) -> PushError {
    if why.code() == ErrorCode::NotFastForward {
        return PushError::TipMoved { now: None };
    }
    if let Some(error) = happened.error {
        return match error.kind {
            _ if happened.denied => {
                PushError::Auth(error.hint("the token needs the right to write to the repository"))
            }
            crate::error::Kind::Outside => PushError::Unreachable(error),
            _ => PushError::Other(error),
        };
    }
    let stderr = happened.stderr.trim().replace('\n', "; ");
    let remote = clone.remote();
    let cause = [said, &stderr, why.message()]
        .into_iter()
        .find(|text| !text.is_empty())
        .unwrap_or_default()
        .to_owned();
    let error = |what: String| Error::outside(what).cause(cause.clone());
    let lower = cause.to_lowercase();
    if [
        "permission denied",
        "host key verification failed",
        "authentication",
        "not allowed",
    ]
    .iter()
    .any(|sign| lower.contains(sign))
    {
        return PushError::Auth(
            error(format!("{remote} refuses the push"))
                .hint("does the key or user have the right to write?"),
        );
    }
    if why.class() == ErrorClass::Net || why.class() == ErrorClass::Ssh {
        return PushError::Unreachable(
            error(format!("the push to {remote} was cut off")).hint("try again later"),
        );
    }
    PushError::Other(
        error(format!("cannot push to {remote}"))
            .hint("does the server have room, and is the repository sound?"),
    )
}

/// Reads a server's word against a ref, and what it printed beside: someone was faster, or it does
/// not want it.
fn rejection(why: &str, said: &str, rewrite: bool) -> PushError {
    /// A ref of the same name as a folder of this one; nobody was faster, and trying again is of no
    /// use.
    const IN_THE_WAY: &str = "cannot create";
    const MOVED: &[&str] = &[
        "cannot lock ref",
        "non-fast-forward",
        "fetch first",
        "stale info",
        "failed to update ref",
        "failed to lock",
        "failed to update",
        "reference already exists",
        "failed transaction",
        "incorrect old value provided",
    ];
    let lower = why.to_lowercase();
    // To a push that may rewrite, this is the server's setting and not somebody's commit.
    let unwanted = rewrite && lower.contains("non-fast-forward")
        || [why, said].iter().any(|text| text.contains(IN_THE_WAY));
    if !unwanted && MOVED.iter().any(|sign| lower.contains(sign)) {
        return PushError::TipMoved { now: None };
    }
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    };
    PushError::Refused(format!("{why}{said}"))
}

/// Returns what the server printed, in one line without control characters.
fn spoken(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let one: String = lines.collect::<Vec<_>>().join("; ");
    one_line(&one).chars().take(500).collect()
}

#[cfg(test)]
mod tests;
