//! Comments of issues and pull requests, and the reactions to them. What a comment says is not
//! looked at here.

use super::body::{CommentBody, ReactionBody};
use super::http::Ask;
use super::page::Listed;
use super::people::WireAccount;
use super::place::Place;
use super::wire::{Lax, Many, When, Wire, link, number};
use super::{Account, Client};
use crate::error::Result;
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use url::Url;

/// So many pages of one issue's comments are read.
const OF_ONE: u32 = 40;

/// So much of a comment is kept, in bytes: twice what a comment with commands may have. Thousands
/// of larger ones would fill the memory.
const LONGEST_BODY: usize = 128 << 10;

/// A comment of an issue or pull request. Those of reviews and on lines of code are others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    /// The number of the issue or pull request.
    pub issue: u64,
    pub author: Account,
    pub body: String,
    pub created_at: Timestamp,
    /// Later than `created_at` when it was edited.
    pub updated_at: Timestamp,
    pub html_url: Url,
}

/// Who reacted, with what: `eyes`, `+1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    pub account: Account,
    pub content: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireComment {
    id: Lax<u64>,
    issue_url: Lax<String>,
    pull_request_url: Lax<String>,
    user: Lax<WireAccount>,
    body: Lax<String>,
    created_at: When,
    updated_at: When,
    html_url: Lax<Option<Url>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireReaction {
    user: Lax<WireAccount>,
    content: Lax<String>,
}

/// Go writes an empty list as null.
#[derive(Deserialize)]
struct WireReactions(Option<Many<WireReaction>>);

impl Wire for WireComment {
    type Out = Comment;

    fn read(self, place: &Place) -> Option<Comment> {
        let (id, created_at) = (number(self.id)?, self.created_at.0?);
        let page = self.html_url.as_ref().map(Url::as_str).unwrap_or_default();
        let pull =
            number_after(&self.pull_request_url, "pulls").or_else(|| number_after(page, "pulls"));
        let issue = pull
            .or_else(|| number_after(&self.issue_url, "issues"))
            .or_else(|| number_after(page, "issues"))?;
        let kind = if pull.is_some() { "pulls" } else { "issues" };
        Some(Comment {
            id,
            issue,
            author: self.user.0.account(),
            body: cut(self.body.0),
            created_at,
            updated_at: self.updated_at.unwrap_or(created_at),
            html_url: link(self.html_url).unwrap_or_else(|| {
                let mut url = place.below(&[kind, &issue.to_string()]);
                url.set_fragment(Some(&format!("issuecomment-{id}")));
                url
            }),
        })
    }
}

impl Wire for WireReactions {
    type Out = Vec<Reaction>;

    fn read(self, _: &Place) -> Option<Vec<Reaction>> {
        let read = |reaction: Lax<WireReaction>| Reaction {
            account: reaction.0.user.0.account(),
            content: reaction.0.content.0,
        };
        Some(self.0.unwrap_or_default().0.into_iter().map(read).collect())
    }
}

/// Cuts a text that is longer than anything that is read of a comment.
fn cut(mut body: String) -> String {
    if body.len() > LONGEST_BODY {
        body.truncate(body.floor_char_boundary(LONGEST_BODY));
        body.shrink_to_fit();
    }
    body
}

/// Reads the 12 of `https://forge.example.org/ops/infra/pulls/12#issuecomment-3` or of
/// `/ops/infra/pulls/12`.
fn number_after(address: &str, kind: &str) -> Option<u64> {
    let path = address.split(['#', '?']).next()?;
    let (before, number) = path.trim_end_matches('/').rsplit_once('/')?;
    before
        .ends_with(&format!("/{kind}"))
        .then(|| number.parse().ok())?
        .filter(|number| *number > 0)
}

impl Client {
    /// Returns the comments of the whole repository that were written or edited at or after a
    /// moment (to the second), oldest first, in at most so many pages of 50. Where there are more,
    /// the oldest are left out.
    pub async fn comments_since(&self, since: Timestamp, pages: u32) -> Result<Listed<Comment>> {
        let ask = Ask::get(
            self.path(["issues", "comments"]),
            format!("read the comments of {}", self.place()),
        );
        self.list_newest::<WireComment>(ask.query("since", since.to_string()), pages)
            .await
    }

    /// Returns the comments of one issue or pull request, oldest first.
    pub async fn comments_of(&self, issue: u64) -> Result<Listed<Comment>> {
        let path = self.path(["issues", &issue.to_string(), "comments"]);
        self.list::<WireComment>(
            Ask::get(
                path,
                format!("read the comments on #{issue} of {}", self.place()),
            ),
            OF_ONE,
        )
        .await
    }

    pub async fn post_comment(&self, issue: u64, body: &str) -> Result<Comment> {
        let path = self.path(["issues", &issue.to_string(), "comments"]);
        let body = CommentBody {
            body: body.to_owned(),
        };
        self.read::<WireComment>(Ask::write(
            Method::POST,
            path,
            &body,
            format!("comment on #{issue} of {}", self.place()),
        )?)
        .await
    }

    /// Deletes a comment; one that is gone is deleted.
    pub async fn delete_comment(&self, id: u64) -> Result<()> {
        self.gone(Ask::delete(self.one(id), self.the_comment("delete", id)))
            .await
    }

    /// Returns the reactions to a comment.
    pub async fn reactions(&self, comment: u64) -> Result<Vec<Reaction>> {
        let ask = Ask::get(
            self.reactions_path(comment),
            self.the_comment("read the reactions to", comment),
        );
        self.read::<WireReactions>(ask).await
    }

    /// Reacts to a comment with a word that the forge allows: `eyes`. A reaction that is there
    /// stays.
    pub async fn add_reaction(&self, comment: u64, content: &str) -> Result<()> {
        let body = ReactionBody {
            content: content.to_owned(),
        };
        let what = self.the_comment("react to", comment);
        self.ask_successfully(Ask::write(
            Method::POST,
            self.reactions_path(comment),
            &body,
            what,
        )?)
        .await
        .map(drop)
    }

    fn one(&self, id: u64) -> Vec<String> {
        self.path(["issues", "comments", &id.to_string()])
    }

    fn reactions_path(&self, id: u64) -> Vec<String> {
        self.path(["issues", "comments", &id.to_string(), "reactions"])
    }

    fn the_comment(&self, verb: &str, id: u64) -> String {
        format!("{verb} the comment {id} of {}", self.place())
    }
}
