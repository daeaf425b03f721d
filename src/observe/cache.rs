//! Asks the configured caches for the same tags as upstream: only the comparison shows whether an
//! answer is stale. Never sends the credentials of an upstream to a cache, and never uses the
//! answer of a cache in place of upstream's.

use super::registry::{PollProgress, ask_each};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{CacheAnswer, Seen, Upstream};
use crate::remote::oci::{Client, OciError, Options, RegistryOptions};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Where the cache of one registry is.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// The registry it stands for: `docker.io`.
    pub registry: String,
    /// http or https. Its path comes before `/v2/`.
    pub endpoint: Url,
    /// Comes between `/v2/` and the repository.
    pub repository_prefix: Option<String>,
    pub ca_pem: Option<Vec<u8>>,
    /// The cache's own, if it has any.
    pub username: Option<String>,
    pub password: Option<SecretString>,
}

/// The caches, by the registry they stand for.
#[derive(Clone)]
pub struct Caches {
    client: Client,
}

impl Caches {
    /// Takes time limits and the like from `how`. Its credentials and registries are upstream's and
    /// are not used.
    pub fn new(how: &Options, caches: Vec<CacheOptions>) -> Self {
        let registries = caches.into_iter().map(registry_options).collect();
        let options = Options {
            keychain: None,
            registries,
            ..how.clone()
        };
        Self {
            client: Client::for_caches(options),
        }
    }

    /// Returns the channels whose registry has a cache.
    pub fn covered_channels(&self, channels: &BTreeSet<Channel>) -> BTreeSet<Channel> {
        channels
            .iter()
            .filter(|channel| self.client.has_options_for(&channel.repository.registry))
            .cloned()
            .collect()
    }
}

fn registry_options(cache: CacheOptions) -> RegistryOptions {
    RegistryOptions {
        endpoint: Some(cache.endpoint),
        is_cache: true,
        repository_prefix: cache.repository_prefix,
        ca_pem: cache.ca_pem,
        username: cache.username,
        password: cache.password,
        redirects_to: Vec::new(),
        ..RegistryOptions::new(cache.registry)
    }
}

/// Asks the caches for those of the channels that they cover, and compares each answer with
/// upstream's.
pub async fn poll_caches(
    caches: &Caches,
    upstream: &BTreeMap<Channel, Seen<Upstream>>,
    channels: &BTreeSet<Channel>,
    progress: PollProgress<'_>,
) -> BTreeMap<Channel, CacheAnswer> {
    let unasked = Seen::NotAsked;
    let compared = |channel: &Channel, answer| {
        compare_answer(answer, upstream.get(channel).unwrap_or(&unasked))
    };
    ask_each(
        &caches.client,
        caches.covered_channels(channels),
        progress,
        compared,
    )
    .await
}

/// If both answer that there is no such tag, the cache is as fresh as upstream.
fn compare_answer(answer: Result<Digest, OciError>, upstream: &Seen<Upstream>) -> CacheAnswer {
    match (answer, upstream) {
        (Ok(serves), Seen::Known(Upstream::Digest(digest))) if serves == *digest => {
            CacheAnswer::Fresh
        }
        (Ok(serves), Seen::Known(_)) => CacheAnswer::Stale { serves },
        (Ok(serves), Seen::Unknown(_) | Seen::NotAsked) => CacheAnswer::Unproven { serves },
        (Err(OciError::NotFound { .. }), Seen::Known(Upstream::Missing)) => CacheAnswer::Fresh,
        (Err(why), seen) => match why.status() {
            Some(status @ (401 | 403 | 404)) if seen.known().is_some() => {
                CacheAnswer::Bypass { status }
            }
            _ => CacheAnswer::Unreachable(why.to_string()),
        },
    }
}

#[cfg(test)]
mod tests;
