//! The releases of a repository. Needs no token where the repository is public.

use super::Client;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, When, Wire, link};
use crate::error::Result;
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

impl Wire for WireRelease {
    type Out = Release;

    fn read(self, place: &Place) -> Option<Release> {
        let tag = Some(self.tag_name.0).filter(|tag| !tag.is_empty())?;
        Some(Release {
            html_url: link(self.html_url)
                .unwrap_or_else(|| place.below(&["releases", "tag", &tag])),
            tag,
            name: self.name.0,
            body: self.body.0,
            published_at: self.published_at.0,
            draft: *self.draft,
            prerelease: *self.prerelease,
        })
    }
}

impl Client {
    /// Returns the newest releases, at most so many; drafts are visible to writers only.
    pub async fn releases(&self, limit: usize) -> Result<Vec<Release>> {
        let ask = Ask::get(
            self.path(["releases"]),
            format!("read the releases of {}", self.place()),
        );
        let pages = u32::try_from(limit.div_ceil(SIZE)).unwrap_or(u32::MAX);
        let mut items = self.list::<WireRelease>(ask, pages).await?.items;
        items.truncate(limit);
        Ok(items)
    }
}
