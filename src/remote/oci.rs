//! The thin registry client: what does a tag mean now (one HEAD), the bytes of a digest (one GET),
//! whether a digest is an image that nodes can pull, the labels of an image, and the tags of a
//! repository. Never writes, never turns a HEAD that was refused for good (401, 403, 429, 5xx) into
//! a GET, and never takes credentials along to another host.

mod auth;
mod credentials;
pub mod docker_config;
mod documents;
mod error;
mod keychain;
mod limits;
mod list_cache;
mod options;
mod pullable;
mod redirects;
mod registry;
mod shape;
mod storage;
mod tag_list;
mod wire;

pub use error::{ASKED_TO_WAIT, GIVES_FEW, OciError};
pub use keychain::Keychain;
pub use options::{Options, RegistryOptions};
pub use tag_list::{RepositoryTags, TagFilter};
pub use wire::{CONFIG_LIMIT, MANIFEST_LIMIT, Manifest};

use crate::model::digest::Digest;
use crate::model::reference::Channel;
use list_cache::ReadLists;
use registry::{Answer, Part, Place, Registry};
use reqwest::Method;
use shape::ReadDocuments;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::DocumentKind;

/// How often one question may be sent on to another host.
const HOPS: usize = 3;

/// What a HEAD or GET of a tag or digest says.
struct Resolved {
    digest: Digest,
    /// The size of the manifest in bytes, where the answer has it.
    length: Option<u64>,
    kind: Option<DocumentKind>,
}

/// What a registry has under a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredAs {
    Manifest,
    Index,
    Nothing,
}

/// Asks registries. Cheap to clone; clones share tokens, connections and patience.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    /// A cache is asked with HEAD alone, and sends nobody on: what it says is only compared.
    is_cache: bool,
    registries: Mutex<HashMap<String, Arc<Registry>>>,
    read: Mutex<ReadDocuments>,
    lists: Mutex<ReadLists>,
}

impl Client {
    pub fn new(options: Options) -> Self {
        Self::make(options, false)
    }

    /// Returns a client for caches, which are asked with HEAD alone.
    pub fn for_caches(options: Options) -> Self {
        Self::make(options, true)
    }

    fn make(options: Options, is_cache: bool) -> Self {
        crate::remote::install_tls();
        Self {
            inner: Arc::new(Inner {
                options,
                is_cache,
                registries: Mutex::default(),
                read: Mutex::default(),
                lists: Mutex::default(),
            }),
        }
    }

    /// Returns what a tag means now. One HEAD; a GET besides only where the HEAD names no digest,
    /// cannot be used (400, 405, 501), or answers 404 for the first time.
    pub async fn head(&self, channel: &Channel) -> Result<Digest, OciError> {
        let place = self.place(
            &channel.repository.registry,
            &channel.repository.path,
            &channel.tag,
        )?;
        Ok(self.resolve(place).await?.digest)
    }

    /// Returns what a digest is in the registry now; with the same requests as [`Client::head`].
    pub async fn find_stored(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Result<StoredAs, OciError> {
        let place = self.place(registry, repository, digest.as_str())?;
        match self.resolve(place).await {
            Ok(resolved) => Ok(match resolved.kind {
                Some(DocumentKind::Manifest) => StoredAs::Manifest,
                _ => StoredAs::Index,
            }),
            Err(OciError::NotFound { .. }) => {
                self.read().forget(registry, repository, digest);
                Ok(StoredAs::Nothing)
            }
            Err(why) => Err(why),
        }
    }

    async fn resolve(&self, place: Place) -> Result<Resolved, OciError> {
        let registry = place.registry.clone();
        if registry.refuses_head() {
            return self.get(place).await;
        }
        let answer = self.ask(Method::HEAD, place.clone()).await;
        match answer {
            Err(why) if self.inner.is_cache => Err(why),
            Ok(reply) => {
                registry.remember_missing(&place, false);
                match place.digest(&reply)? {
                    Some(digest) => Ok(Resolved {
                        length: reply.length(),
                        kind: wire::document_kind(&reply.media_type()),
                        digest,
                    }),
                    None => self.get(place).await,
                }
            }
            Err(OciError::NotFound { at }) if registry.is_known_missing(&place) => {
                Err(OciError::NotFound { at })
            }
            Err(
                OciError::NotFound { .. }
                | OciError::Status {
                    status: 400 | 404 | 405 | 501,
                    ..
                },
            ) => {
                let answer = self.get(place.clone()).await;
                match &answer {
                    Ok(_) => registry.remember_refused_head(),
                    Err(OciError::NotFound { .. }) => registry.remember_missing(&place, true),
                    Err(_) => {}
                }
                answer
            }
            Err(why) => Err(why),
        }
    }

    /// Returns the digest of what a tag or digest means, by its bytes. A registry counts it; the
    /// bytes are kept, so that the same manifest is not fetched again.
    async fn get(&self, place: Place) -> Result<Resolved, OciError> {
        let reply = self.ask(Method::GET, place.clone()).await?;
        let digest = place.hashed(&reply)?;
        if place.reference.contains(':') && *place.reference != *digest.as_str() {
            return Err(mismatch(&place, &place.reference, digest));
        }
        let manifest = Manifest::of(reply);
        let length = Some(manifest.bytes.len() as u64);
        let kind = wire::document_kind(&manifest.media_type);
        self.read()
            .keep(&place.registry.host, &place.repository, &digest, manifest);
        Ok(Resolved {
            digest,
            length,
            kind,
        })
    }

    /// Returns the manifest or index with this digest; its bytes were hashed. At most one GET.
    pub async fn manifest(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Result<Manifest, OciError> {
        if let Some(manifest) = self.read().find(registry, repository, digest) {
            return Ok(manifest);
        }
        let place = self.place(registry, repository, digest.as_str())?;
        let manifest = Manifest::of(self.bytes(place, digest).await?);
        self.read()
            .keep(registry, repository, digest, manifest.clone());
        Ok(manifest)
    }

    /// Fetches what has a digest, and hashes it.
    async fn bytes(&self, place: Place, digest: &Digest) -> Result<wire::Reply, OciError> {
        let reply = self.ask(Method::GET, place.clone()).await?;
        let got = wire::sha256(&reply.body);
        if got != *digest {
            return Err(mismatch(&place, digest.as_str(), got));
        }
        Ok(reply)
    }

    /// Returns how many questions at once one registry takes.
    pub fn concurrency(&self, registry: &str) -> usize {
        self.options_of(registry).map_or_else(
            || RegistryOptions::new(registry).max_concurrency,
            |options| options.max_concurrency,
        )
    }

    /// Returns about how many requests a registry allows at a time, where it has refused some.
    pub fn allowance(&self, registry: &str) -> Option<usize> {
        self.registry(registry).ok()?.limits.allowance()
    }

    /// Returns how many requests each registry still answers, where it says so: `docker.io`, 97.
    pub fn rate_limits_left(&self) -> BTreeMap<String, u64> {
        let known = &self.inner.registries;
        let known = known.lock().unwrap_or_else(PoisonError::into_inner);
        let left =
            |registry: &Arc<Registry>| Some((registry.host.clone(), registry.limits.left()?));
        known.values().filter_map(left).collect()
    }

    /// Says whether a registry has made anybody wait: what is asked there is asked one after the
    /// other, so that some questions have their answers in full.
    pub fn is_scarce(&self, registry: &str) -> bool {
        self.registry(registry)
            .is_ok_and(|registry| registry.limits.is_scarce())
    }

    /// Whether the options say anything about a registry.
    pub fn has_options_for(&self, registry: &str) -> bool {
        self.options_of(registry).is_some()
    }

    fn options_of(&self, registry: &str) -> Option<&RegistryOptions> {
        self.inner
            .options
            .registries
            .iter()
            .find(|options| options.host == registry)
    }

    fn place(&self, registry: &str, repository: &str, reference: &str) -> Result<Place, OciError> {
        let (repository, reference) = (repository.into(), reference.into());
        Ok(Place {
            registry: self.registry(registry)?,
            repository,
            part: Part::Manifest,
            reference,
            unless: None,
        })
    }

    fn registry(&self, host: &str) -> Result<Arc<Registry>, OciError> {
        self.registry_over(host, false)
    }

    /// Returns a registry; one that nothing is said about is asked over https, or over http where
    /// a redirect on this machine says so.
    fn registry_over(&self, host: &str, is_plain: bool) -> Result<Arc<Registry>, OciError> {
        let mut known = self
            .inner
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let key = if is_plain {
            format!("http://{host}")
        } else {
            host.to_owned()
        };
        if let Some(registry) = known.get(&key) {
            return Ok(registry.clone());
        }
        let options = self
            .options_of(host)
            .cloned()
            .unwrap_or_else(|| RegistryOptions {
                plain_http: is_plain,
                ..RegistryOptions::new(host)
            });
        let sends_on = !self.inner.is_cache;
        let registry = Arc::new(Registry::new(&self.inner.options, options, sends_on)?);
        known.insert(key, registry.clone());
        Ok(registry)
    }

    fn read(&self) -> MutexGuard<'_, ReadDocuments> {
        self.inner
            .read
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lists(&self) -> MutexGuard<'_, ReadLists> {
        self.inner
            .lists
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks until a registry answers itself. Each hop is a registry of its own, with its own
    /// credentials or none.
    async fn ask(&self, method: Method, mut place: Place) -> Result<wire::Reply, OciError> {
        for _ in 0..HOPS {
            match place.registry.ask(&method, &place).await? {
                Answer::Reply(reply) => return Ok(reply),
                Answer::Elsewhere {
                    host,
                    is_plain,
                    repository,
                    reference,
                } => {
                    place = Place {
                        registry: self.registry_over(&host, is_plain)?,
                        repository: repository.into(),
                        part: place.part,
                        reference: reference.into(),
                        unless: place.unless,
                    };
                }
            }
        }
        let (host, at) = (place.registry.host.clone(), place.to_string());
        Err(OciError::Redirect {
            host,
            at,
            to: "yet another host".to_owned(),
            why: "it is one redirect too many",
        })
    }
}

fn mismatch(place: &Place, want: &str, got: Digest) -> OciError {
    OciError::Mismatch {
        host: place.registry.host.clone(),
        at: place.to_string(),
        want: want.to_owned(),
        got,
    }
}

#[cfg(test)]
mod tests;
