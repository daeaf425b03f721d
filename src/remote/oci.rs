//! The thin registry client: what does a tag mean now (one HEAD), the bytes of a digest (one GET),
//! and the labels of an image. Never lists, never writes, never turns a refused HEAD into a GET,
//! never follows a registry to a host it is not known to use; only a blob is followed to wherever
//! it is stored, without credentials, because its bytes are hashed.

mod auth;
mod credentials;
pub mod docker_config;
mod documents;
mod error;
mod keychain;
mod limits;
mod options;
mod registry;
mod storage;
mod wire;

pub use error::OciError;
pub use keychain::Keychain;
pub use options::{Options, RegistryOptions};
pub use wire::{CONFIG_LIMIT, MANIFEST_LIMIT};

use crate::model::digest::Digest;
use crate::model::reference::Channel;
use bytes::Bytes;
use registry::{Answer, Part, Place, Registry};
use reqwest::Method;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How often one question may be sent on to another host.
const HOPS: usize = 3;

/// A manifest or index whose bytes hash to the digest it was asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub bytes: Bytes,
    pub media_type: String,
}

/// Asks registries. Cheap to clone; clones share tokens, connections and patience.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    registries: Mutex<HashMap<String, Arc<Registry>>>,
}

impl Client {
    pub fn new(options: Options) -> Self {
        crate::remote::install_tls();
        Self {
            inner: Arc::new(Inner {
                options,
                registries: Mutex::default(),
            }),
        }
    }

    /// Returns what a tag means now. One HEAD; a GET besides only when the registry answers the
    /// HEAD with 200 and names no digest.
    pub async fn head(&self, channel: &Channel) -> Result<Digest, OciError> {
        let place = self.place(
            &channel.repository.registry,
            &channel.repository.path,
            &channel.tag,
        )?;
        let reply = self.ask(Method::HEAD, place.clone()).await?;
        match place.digest(&reply)? {
            Some(digest) => Ok(digest),
            None => place.hashed(&self.ask(Method::GET, place.clone()).await?),
        }
    }

    /// Returns the manifest or index with this digest; its bytes were hashed.
    pub async fn manifest(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Result<Manifest, OciError> {
        let reply = self
            .bytes(self.place(registry, repository, digest.as_str())?, digest)
            .await?;
        Ok(Manifest {
            media_type: reply.media_type(),
            bytes: reply.body,
        })
    }

    /// Fetches what has a digest, and hashes it.
    async fn bytes(&self, place: Place, digest: &Digest) -> Result<wire::Reply, OciError> {
        let reply = self.ask(Method::GET, place.clone()).await?;
        let got = wire::sha256(&reply.body);
        if got != *digest {
            let at = place.to_string();
            return Err(OciError::Mismatch {
                host: place.registry.host.clone(),
                at,
                want: digest.clone(),
                got,
            });
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
        })
    }

    fn registry(&self, host: &str) -> Result<Arc<Registry>, OciError> {
        let mut known = self
            .inner
            .registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = known.get(host) {
            return Ok(registry.clone());
        }
        let options = self
            .options_of(host)
            .cloned()
            .unwrap_or_else(|| RegistryOptions::new(host));
        let registry = Arc::new(Registry::new(&self.inner.options, options)?);
        known.insert(host.to_owned(), registry.clone());
        Ok(registry)
    }

    /// Asks until a registry answers itself. Each hop is a registry of its own, with its own
    /// credentials or none.
    async fn ask(&self, method: Method, mut place: Place) -> Result<wire::Reply, OciError> {
        for _ in 0..HOPS {
            match place.registry.ask(&method, &place).await? {
                Answer::Reply(reply) => return Ok(reply),
                Answer::Elsewhere {
                    host,
                    repository,
                    reference,
                } => {
                    place = Place {
                        part: place.part,
                        ..self.place(&host, &repository, &reference)?
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
