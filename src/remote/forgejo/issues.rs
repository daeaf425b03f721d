//! Issues.

use super::http::Ask;
use super::labels::{Label, WireLabel};
use super::page::Listed;
use super::people::WireAccount;
use super::place::Place;
use super::wire::{Lax, Many, When, Wire, ids, link, number, state};
use super::{Account, Client};
use crate::error::Result;
use forgejo_api::structs::{CreateIssueOption, EditIssueOption};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use url::Url;

/// An issue; never a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub open: bool,
    pub author: Account,
    pub labels: Vec<Label>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub html_url: Url,
}

/// Which issues are meant; all conditions hold together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssueQuery {
    /// A label's name.
    pub label: Option<String>,
    /// Part of the title or body.
    pub text: Option<String>,
    /// Changed since.
    pub since: Option<Timestamp>,
    /// Open ones or closed ones; both by default.
    pub open: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIssue {
    pub title: String,
    pub body: String,
    /// Ids.
    pub labels: Vec<u64>,
}

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssueChange {
    pub title: Option<String>,
    pub body: Option<String>,
    /// `false` closes, `true` opens again.
    pub open: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIssue {
    number: Lax<u64>,
    title: Lax<String>,
    body: Lax<String>,
    state: Lax<String>,
    user: Lax<WireAccount>,
    labels: Many<WireLabel>,
    created_at: When,
    updated_at: When,
    html_url: Lax<Option<Url>>,
    pull_request: Lax<Option<serde_json::Value>>,
}

impl Wire for WireIssue {
    type Out = Issue;

    fn read(self, place: &Place) -> Option<Issue> {
        let (number, created_at) = (number(self.number)?, self.created_at.0?);
        if self.pull_request.is_some() {
            return None;
        }
        Some(Issue {
            number,
            title: self.title.0,
            body: self.body.0,
            open: *self.state == "open",
            author: self.user.0.account(),
            labels: self.labels.0.into_iter().filter_map(|label| label.0.read(place)).collect(),
            created_at,
            updated_at: self.updated_at.unwrap_or(created_at),
            html_url: link(self.html_url).unwrap_or_else(|| place.below(&["issues", &number.to_string()])),
        })
    }
}

impl IssueQuery {
    /// Forges ignore a label that they do not know, and their search is behind: all is checked again here.
    fn fits(&self, issue: &Issue) -> bool {
        let label = |name: &String| issue.labels.iter().any(|label| label.name == *name);
        let text = |text: &String| issue.title.contains(text) || issue.body.contains(text);
        self.label.as_ref().is_none_or(label)
            && self.text.as_ref().is_none_or(text)
            && self.since.is_none_or(|since| issue.updated_at >= since)
            && self.open.is_none_or(|open| issue.open == open)
    }
}

impl Client {
    /// Returns the issues that `author` opened, in at most so many pages of 50.
    pub async fn issues_of(&self, author: &Account, query: &IssueQuery, pages: u32) -> Result<Listed<Issue>> {
        let mut ask = Ask::get(self.path(["issues"]), format!("read the issues of {}", self.place()))
            .query("type", "issues")
            .query("state", query.open.map_or_else(|| "all".to_owned(), state))
            .query("created_by", author.login.clone());
        if let Some(label) = &query.label {
            ask = ask.query("labels", label.clone());
        }
        if let Some(since) = query.since {
            ask = ask.query("since", since.to_string());
        }
        let mut found = self.list::<WireIssue>(ask, pages).await?;
        found.items.retain(|issue| issue.author.id == author.id && query.fits(issue));
        Ok(found)
    }

    /// Returns an issue; `None` when there is none of that number, or it is a pull request.
    pub async fn issue(&self, number: u64) -> Result<Option<Issue>> {
        let reply = self.find::<WireAnyIssue>(Ask::get(self.numbered(number), self.the_issue("read", number))).await?;
        Ok(reply.flatten())
    }

    pub async fn open_issue(&self, new: &NewIssue) -> Result<Issue> {
        let ask = Ask::write(Method::POST, self.path(["issues"]), &creation(new), format!("open an issue in {}", self.place()))?;
        self.read::<WireIssue>(ask).await
    }

    pub async fn edit_issue(&self, number: u64, change: &IssueChange) -> Result<Issue> {
        let ask = Ask::write(Method::PATCH, self.numbered(number), &edition(change), self.the_issue("edit", number))?;
        self.read::<WireIssue>(ask).await
    }

    fn numbered(&self, number: u64) -> Vec<String> {
        self.path(["issues", &number.to_string()])
    }

    fn the_issue(&self, verb: &str, number: u64) -> String {
        format!("{verb} the issue #{number} of {}", self.place())
    }
}

/// An issue, or a pull request that is asked for as one.
#[derive(Default, Deserialize)]
struct WireAnyIssue(Lax<WireIssue>);

impl Wire for WireAnyIssue {
    type Out = Option<Issue>;

    fn read(self, place: &Place) -> Option<Option<Issue>> {
        if self.0.pull_request.is_some() {
            return Some(None);
        }
        self.0.0.read(place).map(Some)
    }
}

#[expect(deprecated, reason = "the type has no other constructor than all of its fields")]
fn creation(new: &NewIssue) -> CreateIssueOption {
    CreateIssueOption {
        assignee: None,
        assignees: None,
        body: Some(new.body.clone()),
        closed: None,
        due_date: None,
        labels: Some(ids(&new.labels)),
        milestone: None,
        r#ref: None,
        title: new.title.clone(),
    }
}

#[expect(deprecated, reason = "the type has no other constructor than all of its fields")]
fn edition(change: &IssueChange) -> EditIssueOption {
    EditIssueOption {
        assignee: None,
        assignees: None,
        body: change.body.clone(),
        due_date: None,
        milestone: None,
        r#ref: None,
        state: change.open.map(state),
        title: change.title.clone(),
        unset_due_date: None,
        updated_at: None,
    }
}
