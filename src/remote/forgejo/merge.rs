//! Merging a pull request, once, at the commit that was looked at. Never forces and never leaves a
//! merge for later.

use super::body::MergeBody;
use super::http::{Ask, Reply};
use super::{Client, MergeStyle};
use crate::error::Error;
use crate::model::commit::CommitId;
use backon::{BackoffBuilder, ExponentialBuilder};
use reqwest::Method;
use std::time::Duration;

/// How to merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeHow {
    pub style: MergeStyle,
    /// The tip that was looked at; nothing is merged when it is another one by now.
    pub head: CommitId,
    /// The forge's own where absent.
    pub title: Option<String>,
    pub message: Option<String>,
    pub delete_branch: bool,
    /// How long to ask again while the forge still computes whether it merges.
    pub patience: Duration,
}

/// Why a pull request was not merged.
#[derive(Debug)]
pub enum MergeError {
    /// It may merge later: still being computed, in conflict, statuses or approvals missing, the
    /// base moved.
    NotYet(String),
    /// The branch is not where it was looked at.
    HeadMoved,
    /// It is merged.
    Already,
    /// It will not merge so: no right, a style that is not allowed, a draft, closed.
    Refused(String),
    Failed(Error),
}

/// What an answer to a merge means.
enum Verdict {
    Merged,
    /// `Please try again later`: being computed, or in conflict; the forge does not say which.
    Later,
    Not(MergeError),
    /// The answer does not say whether it was done.
    Unsure,
}

impl Client {
    /// Merges a pull request. Whether it happened is looked up where an answer does not say.
    pub async fn merge(&self, number: u64, how: &MergeHow) -> std::result::Result<(), MergeError> {
        let path = self.path(["pulls", &number.to_string(), "merge"]);
        let ask = Ask::write(
            Method::POST,
            path,
            &body(how),
            self.the_pull("merge", number),
        )
        .map_err(MergeError::Failed)?;
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(200))
            .with_max_delay(Duration::from_secs(3))
            .without_max_times()
            .with_total_delay(Some(how.patience))
            .build();
        loop {
            let reply = match self.ask(&ask).await {
                Ok(reply) => reply,
                Err(error) => return self.settled(number, error).await,
            };
            match verdict(&reply, how.style) {
                Verdict::Merged => return Ok(()),
                Verdict::Not(error) => return Err(error),
                Verdict::Unsure => return self.settled(number, self.refusal(&ask, &reply)).await,
                Verdict::Later => match pauses.next() {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => {
                        return Err(MergeError::NotYet(
                            "it conflicts with its base, or the forge is still checking it"
                                .to_owned(),
                        ));
                    }
                },
            }
        }
    }

    /// Says whether it was merged after all.
    async fn settled(&self, number: u64, error: Error) -> std::result::Result<(), MergeError> {
        match self.pull(number).await {
            Ok(Some(pull)) if pull.merged => Ok(()),
            _ => Err(MergeError::Failed(error)),
        }
    }
}

/// Reads the answer by its status and words (Gitea and Forgejo, `MergePullRequest` in
/// `routers/api/v1/repo/pull.go`).
fn verdict(reply: &Reply, style: MergeStyle) -> Verdict {
    let message = reply.message();
    let lower = message.to_lowercase();
    let has = |words: &str| lower.contains(words);
    match reply.status.as_u16() {
        200..=299 => Verdict::Merged,
        405 if has("try again later") => Verdict::Later,
        405 if has("already merged") => Verdict::Not(MergeError::Already),
        // Older ones: `not allowed to merge [reason: Not all required status checks successful]`.
        405 if has("[reason: ") => Verdict::Not(MergeError::NotYet(message)),
        405 if has("not allowed")
            || has("work in progress")
            || has("wont sign")
            || has("won't sign") =>
        {
            Verdict::Not(MergeError::Refused(message))
        }
        405 => Verdict::Not(MergeError::NotYet(or(
            message,
            "the base branch's protection is not satisfied",
        ))),
        409 if has("head out of date") => Verdict::Not(MergeError::HeadMoved),
        409 if has("pushrejected") => Verdict::Not(MergeError::Refused(message)),
        409 if has("out of date") => {
            Verdict::Not(MergeError::NotYet("its base has new commits".to_owned()))
        }
        409 => Verdict::Not(MergeError::NotYet(or(
            message,
            "it conflicts with its base",
        ))),
        404 => Verdict::Not(MergeError::Refused("it is closed, or gone".to_owned())),
        // A branch that is behind its base is answered so.
        500 if style == MergeStyle::FastForwardOnly => Verdict::Not(MergeError::NotYet(or(
            message,
            "its base has new commits, and it is merged by fast-forward only",
        ))),
        _ => Verdict::Unsure,
    }
}

fn or(message: String, otherwise: &str) -> String {
    if message.is_empty() {
        otherwise.to_owned()
    } else {
        message
    }
}

fn body(how: &MergeHow) -> MergeBody {
    MergeBody {
        style: how.style.wire(),
        title: how.title.clone(),
        message: how.message.clone(),
        delete_branch_after_merge: how.delete_branch,
        force_merge: false,
        head_commit_id: how.head.to_string(),
        merge_when_checks_succeed: false,
    }
}

impl MergeError {
    /// Returns the error for a person.
    pub fn into_error(self, what: &str) -> Error {
        let error = |cause: String| Error::failed(format!("cannot merge {what}")).cause(cause);
        match self {
            Self::NotYet(why) | Self::Refused(why) => error(why),
            Self::HeadMoved => error("its branch got new commits meanwhile".to_owned()),
            Self::Already => error("it is merged already".to_owned()),
            Self::Failed(error) => error,
        }
    }
}

#[cfg(test)]
mod tests;
