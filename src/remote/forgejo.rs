//! The forge's client, for Forgejo and Gitea: one repository of one instance, read and written
//! through its web API under `/api/v1`. Never decides anything, never touches git, never sends the
//! token to another host or over an open line, never repeats a write blindly.
//!
//! No crate is used for the API: `forgejo-api` is 42,000 generated lines, and its client accepts no
//! certificate authorities and has no time limits. The bodies that are sent are in `body`.

mod body;
mod comments;
mod hooks;
mod http;
mod issues;
mod labels;
mod merge;
mod page;
mod people;
mod place;
mod pulls;
mod refusal;
mod releases;
mod repo;
mod reviews;
mod statuses;
mod version;
mod wire;

pub use comments::{Comment, Reaction};
pub use hooks::{Hook, NewHook};
pub use http::Options;
pub use issues::{Issue, NewIssue};
pub use labels::Label;
pub use merge::{MergeError, MergeHow};
pub use page::Listed;
pub use people::{Account, Permission, PermissionError};
pub use place::Place;
pub use pulls::{NewPull, OpenError, Pull, PullChange};
pub use releases::Release;
pub use repo::{Branch, MergeStyle, Protection, Repo};
pub use reviews::{Review, ReviewState};
pub use statuses::{NewStatus, PROOF, State, Status};
pub use version::Version;

use crate::error::Result;
use http::{Answered, Ask, Http, Reply};
use std::sync::Arc;

/// Asks a forge about one repository. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    place: Place,
    http: Http,
}

impl Client {
    /// Makes a client; asks nothing yet. Refuses a token that would cross a network in the clear.
    pub fn new(place: &Place, options: &Options) -> Result<Self> {
        crate::remote::install_tls();
        let http = Http::new(place, options)?;
        Ok(Self {
            inner: Arc::new(Inner {
                place: place.clone(),
                http,
            }),
        })
    }

    /// Returns a client for another repository of the same instance, on the same connections;
    /// `None` when the names are none.
    pub fn sibling(&self, owner: &str, repo: &str) -> Option<Self> {
        let place = self.place().sibling(owner, repo)?;
        Some(Self {
            inner: Arc::new(Inner {
                place,
                http: self.inner.http.clone(),
            }),
        })
    }

    pub fn place(&self) -> &Place {
        &self.inner.place
    }

    /// Starts the path of a question about the repository: `repos/<owner>/<repo>/…`.
    fn path<const N: usize>(&self, rest: [&str; N]) -> Vec<String> {
        let start = ["repos", self.place().owner(), self.place().repo()];
        start.into_iter().chain(rest).map(str::to_owned).collect()
    }

    /// Sends a question and returns whatever was answered.
    async fn ask(&self, ask: &Ask) -> Result<Reply> {
        self.inner.http.ask(ask).await
    }

    /// Sends a question whose answer may turn out too large.
    async fn ask_sized(&self, ask: &Ask) -> Result<Answered> {
        self.inner.http.ask_sized(ask).await
    }

    /// Sends a question; an answer that is no success is an error.
    async fn ask_successfully(&self, ask: Ask) -> Result<Reply> {
        let reply = self.ask(&ask).await?;
        self.successful(&ask, reply)
    }

    fn successful(&self, ask: &Ask, reply: Reply) -> Result<Reply> {
        match reply.status.is_success() {
            true => Ok(reply),
            false => Err(self.refusal(ask, &reply)),
        }
    }

    /// Reads one thing.
    async fn read<W: wire::Wire>(&self, ask: Ask) -> Result<W::Out> {
        let what = ask.what.clone();
        let reply = self.ask_successfully(ask).await?;
        self.decoded::<W>(&what, &reply)
    }

    /// Reads one thing that need not be there.
    async fn find<W: wire::Wire>(&self, ask: Ask) -> Result<Option<W::Out>> {
        let reply = self.ask(&ask).await?;
        match reply.status.as_u16() {
            404 => Ok(None),
            _ if reply.status.is_success() => self.decoded::<W>(&ask.what, &reply).map(Some),
            _ => Err(self.refusal(&ask, &reply)),
        }
    }

    /// Deletes something; what is gone is deleted.
    async fn gone(&self, ask: Ask) -> Result<()> {
        let reply = self.ask(&ask).await?;
        match reply.status.is_success() || reply.status.as_u16() == 404 {
            true => Ok(()),
            false => Err(self.refusal(&ask, &reply)),
        }
    }

    fn decoded<W: wire::Wire>(&self, what: &str, reply: &Reply) -> Result<W::Out> {
        let wire: W = serde_json::from_slice(&reply.body)
            .map_err(|why| self.unreadable(what, &why.to_string()))?;
        wire.read(self.place())
            .ok_or_else(|| self.unreadable(what, "it lacks what makes it what it should be"))
    }
}

#[cfg(test)]
mod tests;
