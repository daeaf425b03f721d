//! The git remote: a bare clone in a cache folder, read and written without a work tree or an index. Rewrites
//! nothing but pintle's own branches, and keeps nothing that could not be fetched again. All functions block.

mod address;
mod branch;
mod cache;
mod failure;
mod fetch;
mod http;
mod past;
mod push;
mod read;
mod wire;
mod write;

pub use address::Remote;
pub use branch::{Head, Tip};
pub use past::{Past, past_of};
pub use push::{PushError, Pushed};
pub use read::{Item, Kind, head_of};
pub use write::{Identity, Put, make_bare};

use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use cache::Place;
use failure::Failure;
use fetch::Advertised;
use secrecy::SecretString;
use std::path::Path;
use std::time::Duration;

/// How the remote is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// Sent as basic auth (any user) over http(s), and nowhere else.
    pub token: Option<SecretString>,
    /// More certificate authorities to trust: PEM.
    pub ca: Option<Vec<u8>>,
    /// Sends the token over plain http also to other hosts than this one.
    pub allow_insecure: bool,
    /// The longest wait for a connection, an answer or the next bytes of one.
    pub timeout: Duration,
    /// The branch to follow; `None` for the one that the remote's HEAD names.
    pub branch: Option<String>,
    /// The program that connects `ssh://` remotes.
    pub ssh: String,
    /// Commits that this process found whole before: when the branch is still at one of them, the clone is not searched for holes again.
    pub whole: Vec<CommitId>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            token: None,
            ca: None,
            allow_insecure: false,
            timeout: Duration::from_secs(60),
            branch: None,
            ssh: "ssh".into(),
            whole: Vec::new(),
        }
    }
}

/// A full bare clone, up to date as of its last fetch. While it lives no other process uses its folder.
pub struct Clone {
    repo: gix::Repository,
    remote: Remote,
    access: Access,
    seen: Advertised,
    place: Place,
}

impl Clone {
    /// Opens the clone of `remote` below `cache` and fetches, or makes it. A clone that is broken or was left half-written is made anew.
    ///
    /// Waits while another process uses the same clone; the same process must not open it twice.
    pub fn open_or_fetch(remote: &Remote, cache: &Path, access: &Access) -> Result<Self> {
        http::check(remote, access)?;
        super::tls::install();
        let place = Place::claim(cache, remote)?;
        match Self::reuse(&place, remote, access) {
            Ok(Some((repo, seen))) => return Ok(Self::new(repo, remote, access, seen, place)),
            Ok(None) => {}
            Err(Failure::Remote(error)) => return Err(error),
            Err(Failure::Local(why)) => tracing::warn!(%remote, why, "the clone is broken and is made anew"),
        }
        let (repo, seen) = place.fill(|folder| {
            let repo = fetch::create(folder, access).map_err(Failure::into_error)?;
            let seen = fetch::fetch(&repo, remote, access).map_err(Failure::into_error)?;
            read::verify(&repo, seen.tip).map_err(Failure::into_error)?;
            Ok(seen)
        })?;
        let repo = fetch::open(&repo, access).map_err(Failure::into_error)?;
        Ok(Self::new(repo, remote, access, seen, place))
    }

    /// Asks the remote again.
    pub fn fetch(&mut self) -> Result<()> {
        match fetch::fetch(&self.repo, &self.remote, &self.access) {
            Ok(seen) => self.seen = seen,
            Err(failure) => return Err(self.broken(failure)),
        }
        Ok(())
    }

    /// Returns the commit that the followed branch has on the remote, as of the last fetch.
    pub fn tip(&self) -> CommitId {
        read::name(self.seen.tip)
    }

    /// Returns the short name of the followed branch.
    pub fn branch(&self) -> &str {
        &self.seen.branch
    }

    /// Returns the full name of the followed branch.
    pub fn branch_ref(&self) -> String {
        format!("refs/heads/{}", self.seen.branch)
    }

    /// Returns what a ref of pintle's own (`refs/pintle/…`, `refs/heads/pintle-ledger`) holds on the remote, as of the last fetch.
    pub fn own_ref(&self, name: &str) -> Option<CommitId> {
        self.seen.own.get(name).map(|id| read::name(*id))
    }

    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    fn new(repo: gix::Repository, remote: &Remote, access: &Access, seen: Advertised, place: Place) -> Self {
        Self { repo, remote: remote.clone(), access: access.clone(), seen, place }
    }

    fn reuse(place: &Place, remote: &Remote, access: &Access) -> std::result::Result<Option<(gix::Repository, Advertised)>, Failure> {
        if !place.usable() {
            return Ok(None);
        }
        let repo = fetch::open(place.folder(), access)?;
        let seen = fetch::fetch(&repo, remote, access)?;
        if !access.whole.contains(&read::name(seen.tip)) {
            read::verify(&repo, seen.tip)?;
        }
        Ok(Some((repo, seen)))
    }

    /// Turns a failure into an error; when it came from the clone itself the next opening makes it anew.
    fn broken(&self, failure: Failure) -> Error {
        if let Failure::Local(_) = failure {
            self.place.condemn();
        }
        failure.into_error()
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
