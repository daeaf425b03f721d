//! What tests and benches do to a registry beside what `pintle demo` does: who may pull, what goes
//! wrong, what was asked. In the product, so that unit tests, integration tests and benches share
//! one registry.

use super::fault::Fault;
use super::image::digest_of;
use super::state::{PullAccess, RequestCounts, RequestSeen, StoredContent};
use crate::demo::registry::DemoRegistry;
use crate::model::digest::Digest;

impl DemoRegistry {
    /// Points a tag at a digest, which may be one that is not there.
    pub fn tag(&self, host: &str, repository: &str, tag: &str, digest: &Digest) {
        let mut state = self.shared.state();
        let repository = state
            .host(host)
            .repositories
            .entry(repository.to_owned())
            .or_default();
        repository.tags.insert(tag.to_owned(), digest.to_string());
    }

    /// Puts a document as it is, and returns its digest.
    pub fn put_document(
        &self,
        host: &str,
        repository: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Digest {
        let digest = digest_of(&bytes);
        let mut state = self.shared.state();
        let repository = state
            .host(host)
            .repositories
            .entry(repository.to_owned())
            .or_default();
        let stored = StoredContent::new(media_type, bytes);
        repository.manifests.insert(digest.to_string(), stored);
        digest
    }

    pub fn untag(&self, host: &str, repository: &str, tag: &str) {
        self.shared
            .state()
            .host(host)
            .repositories
            .entry(repository.to_owned())
            .or_default()
            .tags
            .remove(tag);
    }

    /// Removes a manifest, as retention does; tags and indexes that name it stay.
    pub fn remove(&self, host: &str, repository: &str, digest: &Digest) {
        let mut state = self.shared.state();
        state
            .host(host)
            .repositories
            .entry(repository.to_owned())
            .or_default()
            .manifests
            .remove(digest.as_str());
    }

    /// Says who may pull; every host starts open.
    pub fn set_access(&self, host: &str, access: PullAccess) {
        self.shared.state().host(host).access = access;
    }

    pub fn add_user(&self, host: &str, name: &str, password: &str) {
        self.shared
            .state()
            .host(host)
            .users
            .insert(name.to_owned(), password.to_owned());
    }

    /// Lets only users pull a repository.
    pub fn make_private(&self, host: &str, repository: &str) {
        self.shared
            .state()
            .host(host)
            .private
            .insert(repository.to_owned());
    }

    /// Adds a fault; the first that fits a request is what happens.
    pub fn fail(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Lets a host answer so many more requests for manifests, and then 429 with
    /// `Retry-After: 3600`.
    pub fn set_quota(&self, host: &str, requests: usize) {
        let quotas = &mut self.shared.live().quotas;
        quotas.insert(host.to_owned(), requests);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// Makes every token that was given worthless.
    pub fn expire_tokens(&self) {
        self.shared.live().tokens.clear();
    }

    /// Returns what a host was asked since the last reset.
    pub fn counts(&self, host: &str) -> RequestCounts {
        self.shared
            .live()
            .counts
            .get(host)
            .cloned()
            .unwrap_or_default()
    }

    /// Returns the latest requests, oldest first.
    pub fn requests(&self) -> Vec<RequestSeen> {
        self.shared.live().requests.iter().cloned().collect()
    }

    pub fn reset_counts(&self) {
        let mut live = self.shared.live();
        live.counts.clear();
        live.requests.clear();
    }
}
