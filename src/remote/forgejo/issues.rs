//! Issues: those of pintle's account, and new ones.

use super::body::{CreateIssueBody, EditIssueBody};
use super::http::Ask;
use super::page::Listed;
use super::people::WireAccount;
use super::place::Place;
use super::wire::{Lax, When, Wire, ids, number};
use super::{Account, Client};
use crate::error::Result;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;

/// An issue; never a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    pub number: u64,
    pub body: String,
    pub is_open: bool,
    pub author: Account,
    pub updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewIssue {
    pub title: String,
    pub body: String,
    /// Ids.
    pub labels: Vec<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireIssue {
    number: Lax<u64>,
    body: Lax<String>,
    state: Lax<String>,
    user: Lax<WireAccount>,
    created_at: When,
    updated_at: When,
    pull_request: Lax<Option<serde_json::Value>>,
}

impl Wire for WireIssue {
    type Out = Issue;

    fn read(self, _: &Place) -> Option<Issue> {
        let (number, created_at) = (number(self.number)?, self.created_at.0?);
        if self.pull_request.is_some() {
            return None;
        }
        Some(Issue {
            number,
            body: self.body.0,
            is_open: *self.state != "closed",
            author: self.user.0.account(),
            updated_at: self.updated_at.unwrap_or(created_at),
        })
    }
}

impl Client {
    /// Returns the issues, open and closed, that `author` opened, of those that changed at or after
    /// a moment, in at most so many pages of 50.
    pub async fn issues_of(
        &self,
        author: &Account,
        since: Option<Timestamp>,
        pages: u32,
    ) -> Result<Listed<Issue>> {
        let mut ask = Ask::get(
            self.path(["issues"]),
            format!("read the issues of {}", self.place()),
        )
        .query("type", "issues")
        .query("state", "all")
        .query("created_by", author.login.clone());
        if let Some(since) = since {
            ask = ask.query("since", since.to_string());
        }
        let mut found = self.list::<WireIssue>(ask, pages).await?;
        // The forge's search is behind, and an older one ignores what it does not know: all is
        // checked again here.
        found.items.retain(|issue| {
            issue.author.id == author.id && since.is_none_or(|since| issue.updated_at >= since)
        });
        Ok(found)
    }

    /// Returns the open issues that `author` opened, in at most so many pages of 50.
    pub async fn open_issues_of(&self, author: &Account, pages: u32) -> Result<Listed<Issue>> {
        let ask = Ask::get(
            self.path(["issues"]),
            format!("read the open issues of {}", self.place()),
        )
        .query("type", "issues")
        .query("state", "open")
        .query("created_by", author.login.clone());
        let mut found = self.list::<WireIssue>(ask, pages).await?;
        found.items.retain(|issue| issue.author.id == author.id);
        Ok(found)
    }

    /// Returns one issue; `None` if there is none of this number, or it is a pull request.
    pub async fn issue(&self, number: u64) -> Result<Option<Issue>> {
        let ask = Ask::get(
            self.path(["issues", &number.to_string()]),
            format!("read issue {number} of {}", self.place()),
        );
        let reply = self.ask(&ask).await?;
        if matches!(reply.status.as_u16(), 404 | 410) {
            return Ok(None);
        }
        let what = ask.what.clone();
        let reply = self.successful(&ask, reply)?;
        Ok(self.decoded::<WireIssue>(&what, &reply).ok())
    }

    /// Changes the text of an issue, or closes or opens it.
    pub async fn edit_issue(
        &self,
        number: u64,
        body: Option<String>,
        open: Option<bool>,
    ) -> Result<Issue> {
        let state = open.map(|open| if open { "open" } else { "closed" });
        let ask = Ask::write(
            Method::PATCH,
            self.path(["issues", &number.to_string()]),
            &EditIssueBody { body, state },
            format!("edit issue {number} of {}", self.place()),
        )?;
        self.read::<WireIssue>(ask).await
    }

    pub async fn open_issue(&self, new: &NewIssue) -> Result<Issue> {
        let ask = Ask::write(
            Method::POST,
            self.path(["issues"]),
            &creation(new),
            format!("open an issue in {}", self.place()),
        )?;
        self.read::<WireIssue>(ask).await
    }
}

fn creation(new: &NewIssue) -> CreateIssueBody {
    CreateIssueBody {
        title: new.title.clone(),
        body: new.body.clone(),
        labels: ids(&new.labels),
    }
}
