//! What a repository says changed: releases, tags, and the commits between two revisions. Needs no token where the repository is public.

use super::Client;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Many, When, Wire, link};
use crate::error::Result;
use crate::model::commit::CommitId;
use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

/// A page of a list.
const SIZE: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub tag: String,
    pub name: String,
    pub body: String,
    pub published_at: Option<Timestamp>,
    pub html_url: Url,
    pub draft: bool,
    pub prerelease: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    pub name: String,
    pub commit: CommitId,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    pub id: CommitId,
    /// The whole message.
    pub message: String,
    pub author: String,
    pub committed_at: Option<Timestamp>,
    pub html_url: Url,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireRelease {
    tag_name: Lax<String>,
    name: Lax<String>,
    body: Lax<String>,
    published_at: When,
    html_url: Lax<Option<Url>>,
    draft: Lax<bool>,
    prerelease: Lax<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireTag {
    name: Lax<String>,
    commit: Lax<WireMeta>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireMeta {
    sha: Lax<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireCompare {
    commits: Many<WireCommit>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireCommit {
    sha: Lax<String>,
    html_url: Lax<Option<Url>>,
    commit: Lax<WireText>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireText {
    message: Lax<String>,
    author: Lax<WireHand>,
    committer: Lax<WireHand>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireHand {
    name: Lax<String>,
    date: When,
}

impl Wire for WireRelease {
    type Out = Release;

    fn read(self, place: &Place) -> Option<Release> {
        let tag = Some(self.tag_name.0).filter(|tag| !tag.is_empty())?;
        Some(Release {
            html_url: link(self.html_url).unwrap_or_else(|| place.below(&["releases", "tag", &tag])),
            tag,
            name: self.name.0,
            body: self.body.0,
            published_at: self.published_at.0,
            draft: *self.draft,
            prerelease: *self.prerelease,
        })
    }
}

impl Wire for WireTag {
    type Out = Tag;

    fn read(self, _: &Place) -> Option<Tag> {
        Some(Tag { commit: CommitId::parse(&self.commit.sha)?, name: Some(self.name.0).filter(|name| !name.is_empty())? })
    }
}

impl Wire for WireCommit {
    type Out = Commit;

    fn read(self, place: &Place) -> Option<Commit> {
        let text = self.commit.0;
        Some(Commit {
            id: CommitId::parse(&self.sha)?,
            html_url: link(self.html_url).unwrap_or_else(|| place.below(&["commit", &self.sha])),
            message: text.message.0,
            author: text.author.0.name.0,
            committed_at: text.committer.0.date.0,
        })
    }
}

impl Wire for WireCompare {
    type Out = Vec<Commit>;

    fn read(self, place: &Place) -> Option<Vec<Commit>> {
        Some(self.commits.0.into_iter().filter_map(|commit| commit.0.read(place)).collect())
    }
}

impl Client {
    /// Returns the newest releases, at most so many; drafts are visible to writers only.
    pub async fn releases(&self, limit: usize) -> Result<Vec<Release>> {
        self.newest::<WireRelease>("releases", limit).await
    }

    /// Returns tags, at most so many, in the forge's order (newest first).
    pub async fn tags(&self, limit: usize) -> Result<Vec<Tag>> {
        self.newest::<WireTag>("tags", limit).await
    }

    /// Returns the commits that `to` has and `from` has not, in the forge's order (newest first); `None` when it does not know one of them.
    /// Each is a tag, branch or commit.
    pub async fn compare(&self, from: &str, to: &str) -> Result<Option<Vec<Commit>>> {
        let mut path = self.path(["compare"]);
        path.extend(format!("{from}...{to}").split('/').map(str::to_owned));
        let ask = Ask::get(path, format!("compare {from} and {to} of {}", self.place()));
        self.find::<WireCompare>(ask.query("files", "false").query("verification", "false")).await
    }

    async fn newest<W: Wire>(&self, kind: &str, limit: usize) -> Result<Vec<W::Out>> {
        let ask = Ask::get(self.path([kind]), format!("read the {kind} of {}", self.place()));
        let pages = u32::try_from(limit.div_ceil(SIZE)).unwrap_or(u32::MAX);
        let mut items = self.list::<W>(ask, pages).await?.items;
        items.truncate(limit);
        Ok(items)
    }
}
