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

    pub async fn close_issue(&self, number: u64) -> Result<()> {
        let body = EditIssueBody { state: "closed" };
        let ask = Ask::write(
            Method::PATCH,
            self.path(["issues", &number.to_string()]),
            &body,
            format!("close the issue #{number} of {}", self.place()),
        )?;
        self.ask_successfully(ask).await.map(drop)
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
