//! The bare clone of one remote: made, opened, kept up to date, read. What is written and pushed is
//! in `write`, `push` and `branch`.

use super::access::Access;
use super::address::Remote;
use super::cache::Place;
use super::failure::{Failure, local};
use super::fetch::{self, Advertised};
use super::http;
use super::read::{self, Item};
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use std::path::Path;

/// A full bare clone, up to date as of its last fetch. While it lives no other process uses its
/// folder.
pub struct Clone {
    pub(super) repo: gix::Repository,
    pub(super) remote: Remote,
    pub(super) access: Access,
    pub(super) seen: Advertised,
    place: Place,
}

impl Clone {
    /// Opens the clone of `remote` below `cache` and fetches, or makes it. A clone that is broken
    /// or was left half-written is made anew.
    ///
    /// Waits for a while when another process uses the same clone; the same process must not open
    /// it twice.
    pub fn open_or_fetch(remote: &Remote, cache: &Path, access: &Access) -> Result<Self> {
        http::check(remote, access)?;
        crate::remote::install_tls();
        let place = Place::claim(cache, remote, access.lock_wait)?;
        match Self::reuse(&place, remote, access) {
            Ok(Some((repo, seen))) => return Ok(Self::new(repo, remote, access, seen, place)),
            Ok(None) => {}
            Err(Failure::Remote(error)) => return Err(error),
            Err(Failure::Local(why)) => {
                tracing::warn!(%remote, why, "the clone is broken and is made anew")
            }
        }
        let (repo, seen) = place.fill(|folder| {
            let repo = fetch::create(folder).map_err(Failure::into_error)?;
            let seen = fetch::fetch(&repo, remote, access).map_err(Failure::into_error)?;
            read::verify(&repo, seen.tip).map_err(Failure::into_error)?;
            Ok(seen)
        })?;
        let repo = fetch::open(&repo).map_err(Failure::into_error)?;
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

    /// Returns what a ref of pintle's own (`refs/pintle/…`, `refs/heads/pintle-ledger`) holds on
    /// the remote, as of the last fetch.
    pub fn own_ref(&self, name: &str) -> Option<CommitId> {
        self.seen.own.get(name).map(|id| read::name(*id))
    }

    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Returns all entries of a commit's tree, sorted by path.
    pub fn tree(&self, commit: &CommitId) -> Result<Vec<Item>> {
        read::tree(&self.repo, read::id(commit)?).map_err(|failure| self.broken(failure))
    }

    /// Returns the number of bytes of a file.
    pub fn size(&self, item: &Item) -> Result<u64> {
        let header = self.repo.find_header(item.id);
        header
            .map(|header| header.size())
            .map_err(|why| self.broken(local("cannot read a blob")(why)))
    }

    pub fn bytes(&self, item: &Item) -> Result<Vec<u8>> {
        let blob = self.repo.find_blob(item.id);
        blob.map(|mut blob| blob.take_data())
            .map_err(|why| self.broken(local("cannot read a blob")(why)))
    }

    /// Returns the entry at `path`; `None` when there is none or it is a folder.
    pub fn item(&self, commit: &CommitId, path: &str) -> Result<Option<Item>> {
        read::item(&self.repo, read::id(commit)?, path).map_err(|failure| self.broken(failure))
    }

    /// Returns a text file of a ref of pintle's own, as of the last fetch; `None` when there is no
    /// such ref.
    pub fn own_text(&self, name: &str, path: &str) -> Result<Option<String>> {
        let Some(commit) = self.own_ref(name) else {
            return Ok(None);
        };
        let item = self
            .item(&commit, path)?
            .ok_or_else(|| Error::failed(format!("{name} has no {path}")))?;
        let text = String::from_utf8(self.bytes(&item)?);
        text.map(Some)
            .map_err(|why| Error::failed(format!("{path} in {name} is not UTF-8")).because(why))
    }

    fn new(
        repo: gix::Repository,
        remote: &Remote,
        access: &Access,
        seen: Advertised,
        place: Place,
    ) -> Self {
        Self {
            repo,
            remote: remote.clone(),
            access: access.clone(),
            seen,
            place,
        }
    }

    fn reuse(
        place: &Place,
        remote: &Remote,
        access: &Access,
    ) -> std::result::Result<Option<(gix::Repository, Advertised)>, Failure> {
        if !place.usable() {
            return Ok(None);
        }
        let repo = fetch::open(place.folder())?;
        let seen = fetch::fetch(&repo, remote, access)?;
        if !access.whole.contains(&read::name(seen.tip)) {
            read::verify(&repo, seen.tip)?;
        }
        Ok(Some((repo, seen)))
    }

    /// Turns a failure into an error; when it came from the clone itself the next opening makes it
    /// anew.
    pub(super) fn broken(&self, failure: Failure) -> Error {
        if let Failure::Local(_) = failure {
            self.place.condemn();
        }
        failure.into_error()
    }
}
