//! Pull requests: found, opened, edited. Merging is in `merge`; branches are git's business.

use super::body::{AssigneesBody, CreatePullBody, EditPullBody, LabelsBody, ReviewersBody};
use super::http::Ask;
use super::page::Listed;
use super::people::WireAccount;
use super::place::Place;
use super::wire::{Lax, When, Wire, ids, link, number, state};
use super::{Account, Client};
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// So many pages of open pull requests are searched for one that is in the way.
const SEARCHED: u32 = 4;

/// A pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    /// Neither closed nor merged.
    pub open: bool,
    /// Whether the forge takes it for work in progress, because of its title: it merges none such.
    pub draft: bool,
    pub merged: bool,
    pub merged_at: Option<Timestamp>,
    pub merge_commit: Option<CommitId>,
    pub closed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The branch's name, also when the branch is gone.
    pub head_branch: String,
    /// The tip; of a closed one what it was last.
    pub head: Option<CommitId>,
    /// Whether the branch is in this repository, not in a fork.
    pub same_repo: bool,
    pub base_branch: String,
    pub author: Account,
    pub html_url: Url,
    /// How many comments it has, where the forge tells.
    pub comments: Option<u64>,
}

/// A pull request to be, between two branches of this repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPull {
    pub title: String,
    pub body: String,
    pub head: String,
    pub base: String,
    /// Ids.
    pub labels: Vec<u64>,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PullChange {
    pub title: Option<String>,
    pub body: Option<String>,
    /// `false` closes, `true` opens again.
    pub open: Option<bool>,
}

/// Why a pull request was not opened.
#[derive(Debug)]
pub enum OpenError {
    /// One is open between these branches; its number where it was found.
    Exists(Option<u64>),
    /// There is nothing to merge.
    NoChanges,
    Failed(Error),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WirePull {
    number: Lax<u64>,
    title: Lax<String>,
    body: Lax<String>,
    state: Lax<String>,
    draft: Lax<bool>,
    merged: Lax<bool>,
    merged_at: When,
    merge_commit_sha: Lax<String>,
    closed_at: When,
    created_at: When,
    updated_at: When,
    head: Lax<WireEnd>,
    base: Lax<WireEnd>,
    user: Lax<WireAccount>,
    html_url: Lax<Option<Url>>,
    comments: Lax<Option<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireEnd {
    label: Lax<String>,
    #[serde(rename = "ref")]
    reference: Lax<String>,
    sha: Lax<String>,
    repo_id: Lax<i64>,
}

impl WireEnd {
    /// A branch that is gone is named by its label; its reference is `refs/pull/1/head` then.
    fn branch(&self) -> String {
        let reference = if self.reference.starts_with("refs/pull/") {
            &self.label
        } else {
            &self.reference
        };
        // A fork's label is `owner:branch`; a colon is in no branch's name.
        reference.rsplit(':').next().unwrap_or_default().to_owned()
    }
}

impl Wire for WirePull {
    type Out = Pull;

    fn read(self, place: &Place) -> Option<Pull> {
        let number = number(self.number)?;
        let created_at = self.created_at.0?;
        let base_branch = self.base.branch();
        Some(Pull {
            number,
            open: *self.state == "open" && !*self.merged,
            draft: *self.draft,
            merged: *self.merged,
            merged_at: self.merged_at.0,
            merge_commit: CommitId::parse(&self.merge_commit_sha).filter(|_| *self.merged),
            closed_at: self.closed_at.0,
            created_at,
            updated_at: self.updated_at.unwrap_or(created_at),
            head_branch: self.head.branch(),
            head: CommitId::parse(&self.head.sha),
            // The id of a repository that is gone is not known (-1), in either.
            same_repo: *self.head.repo_id > 0 && *self.head.repo_id == *self.base.repo_id,
            base_branch: Some(base_branch).filter(|name| !name.is_empty())?,
            author: self.user.0.account(),
            html_url: link(self.html_url)
                .unwrap_or_else(|| place.below(&["pulls", &number.to_string()])),
            comments: *self.comments,
            title: self.title.0,
            body: self.body.0,
        })
    }
}

impl Client {
    /// Returns the pull requests that `author` opened: all that are open, and those closed or
    /// merged that changed since a moment, each in at most so many pages of 50.
    pub async fn pulls_of(
        &self,
        author: &Account,
        since: Timestamp,
        pages: u32,
    ) -> Result<Listed<Pull>> {
        let what = format!("read the pull requests of {}", self.place());
        // Forgejo before 8 and Gitea before 1.23 do not know `poster`, and give everybody's.
        let ask = |state| {
            let ask = Ask::get(self.path(["pulls"]), what.clone()).query("state", state);
            ask.query("sort", "recentupdate")
                .query("poster", author.login.clone())
        };
        let mut open = self.list::<WirePull>(ask("open"), pages).await?;
        let older = |page: &[Pull]| page.iter().any(|pull| pull.updated_at < since);
        let closed = self
            .list_until::<WirePull>(ask("closed"), pages, older)
            .await?;
        open.complete &= closed.complete;
        open.items.extend(
            closed
                .items
                .into_iter()
                .filter(|pull| pull.updated_at >= since),
        );
        // One that was closed or changed meanwhile may be listed twice; the later reading is the
        // better one.
        let mut seen = BTreeSet::new();
        open.items.reverse();
        open.items
            .retain(|pull| pull.author.id == author.id && seen.insert(pull.number));
        open.items.sort_by_key(|pull| pull.number);
        Ok(open)
    }

    /// Returns a pull request; `None` when there is none of that number.
    pub async fn pull(&self, number: u64) -> Result<Option<Pull>> {
        let path = self.path(["pulls", &number.to_string()]);
        self.find::<WirePull>(Ask::get(path, self.the_pull("read", number)))
            .await
    }

    pub async fn open_pull(&self, new: &NewPull) -> std::result::Result<Pull, OpenError> {
        let what = format!(
            "open a pull request from {} to {} in {}",
            new.head,
            new.base,
            self.place()
        );
        let ask = Ask::write(Method::POST, self.path(["pulls"]), &creation(new), what)
            .map_err(OpenError::Failed)?;
        let reply = self.ask(&ask).await.map_err(OpenError::Failed)?;
        let message = reply.message().to_lowercase();
        match reply.status.as_u16() {
            200 | 201 => self
                .decoded::<WirePull>(&ask.what, &reply)
                .map_err(OpenError::Failed),
            409 if message.contains("already exists") => {
                Err(OpenError::Exists(self.in_the_way(new).await))
            }
            409 | 422 if message.contains("no changes") => Err(OpenError::NoChanges),
            _ => Err(OpenError::Failed(self.refusal(&ask, &reply))),
        }
    }

    /// Returns the open pull request between these branches; what the 409 names is the number in
    /// some versions only.
    async fn in_the_way(&self, new: &NewPull) -> Option<u64> {
        let ask = Ask::get(
            self.path(["pulls"]),
            "find the pull request that is in the way",
        );
        let fits = |pull: &Pull| {
            pull.same_repo && pull.head_branch == new.head && pull.base_branch == new.base
        };
        let found = self
            .list_until::<WirePull>(ask.query("state", "open"), SEARCHED, |page| {
                page.iter().any(fits)
            })
            .await
            .ok()?;
        found
            .items
            .iter()
            .find(|pull| fits(pull))
            .map(|pull| pull.number)
    }

    /// Changes title, body or state. Opening one again whose branch is gone, or whose branches have
    /// another one, is refused.
    pub async fn edit_pull(&self, number: u64, change: &PullChange) -> Result<Pull> {
        let path = self.path(["pulls", &number.to_string()]);
        self.read::<WirePull>(Ask::write(
            Method::PATCH,
            path,
            &edition(change),
            self.the_pull("edit", number),
        )?)
        .await
    }

    /// Assigns accounts to a pull request or issue, in the place of those that it has.
    pub async fn assign(&self, number: u64, accounts: &BTreeSet<Arc<str>>) -> Result<()> {
        let assignees = accounts.iter().map(|account| &**account).collect();
        let ask = Ask::write(
            Method::PATCH,
            self.path(["issues", &number.to_string()]),
            &AssigneesBody { assignees },
            format!("assign #{number} of {}", self.place()),
        )?;
        self.ask_successfully(ask).await.map(drop)
    }

    /// Asks accounts for a review of a pull request.
    pub async fn ask_for_review(&self, number: u64, accounts: &BTreeSet<Arc<str>>) -> Result<()> {
        let reviewers = accounts.iter().map(|account| &**account).collect();
        let ask = Ask::write(
            Method::POST,
            self.path(["pulls", &number.to_string(), "requested_reviewers"]),
            &ReviewersBody { reviewers },
            format!("ask for a review of #{number} of {}", self.place()),
        )?;
        self.ask_successfully(ask).await.map(drop)
    }

    /// Adds labels to a pull request or issue; one that it has stays.
    pub async fn add_labels(&self, number: u64, labels: &[u64]) -> Result<()> {
        let body = LabelsBody {
            labels: labels.to_vec(),
        };
        let path = self.path(["issues", &number.to_string(), "labels"]);
        self.ask_successfully(Ask::write(
            Method::POST,
            path,
            &body,
            format!("label #{number} of {}", self.place()),
        )?)
        .await
        .map(drop)
    }

    /// Takes a label from a pull request or issue; one that it has not is taken.
    pub async fn remove_label(&self, number: u64, label: u64) -> Result<()> {
        let path = self.path(["issues", &number.to_string(), "labels", &label.to_string()]);
        self.gone(Ask::delete(
            path,
            format!("take a label from #{number} of {}", self.place()),
        ))
        .await
    }

    pub(super) fn the_pull(&self, verb: &str, number: u64) -> String {
        format!("{verb} the pull request #{number} of {}", self.place())
    }
}

fn creation(new: &NewPull) -> CreatePullBody {
    CreatePullBody {
        base: new.base.clone(),
        head: new.head.clone(),
        title: new.title.clone(),
        body: new.body.clone(),
        labels: ids(&new.labels),
    }
}

fn edition(change: &PullChange) -> EditPullBody {
    EditPullBody {
        title: change.title.clone(),
        body: change.body.clone(),
        state: change.open.map(state),
    }
}
