//! What changed between two digests of an image, as its source tells. Types only; all text in it
//! comes from outside.

use jiff::Timestamp;
use url::Url;

/// What lies between two revisions of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notes {
    /// `org.opencontainers.image.source`, where it is an address.
    pub source: Url,
    /// `org.opencontainers.image.version`, or else the revision, of the old image.
    pub from: Option<String>,
    /// The same of the new one.
    pub to: Option<String>,
    /// Where the source shows the difference.
    pub compare: Option<Url>,
    /// Releases, newest first; empty where there are none.
    pub releases: Vec<NotedRelease>,
    /// There are more than are listed, or a text was cut.
    pub cut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedRelease {
    pub title: String,
    pub at: Option<Timestamp>,
    pub url: Option<Url>,
    /// Markdown as its authors wrote it, cut to a bounded length.
    pub text: String,
}
