//! The thin registry client: what does a tag mean now (one HEAD), the bytes of a digest (one GET), and the labels of an image.
//! Never lists, never writes, never turns a refused HEAD into a GET, never follows a registry to a host it is not known to use; only a blob is
//! followed to wherever it is stored, without credentials, because its bytes are hashed.

mod auth;
pub mod docker_config;
mod error;
mod index;
mod labels;
mod limits;
mod registry;
mod storage;
mod wire;

pub use error::OciError;

use crate::model::digest::Digest;
use crate::model::reference::Channel;
use bytes::Bytes;
use docker_config::DockerConfig;
use registry::{Answer, Part, Place, Registry};
use reqwest::Method;
use secrecy::SecretString;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// Manifests are small; distribution itself refuses larger ones (`maxManifestBodySize`).
pub const MANIFEST_LIMIT: usize = 4 << 20;
/// Configs hold names and values only; real ones have a few KiB.
pub const CONFIG_LIMIT: usize = 1 << 20;
/// How often one question may be sent on to another host.
const HOPS: usize = 3;

/// How registries are asked.
#[derive(Clone, Debug)]
pub struct Options {
    pub docker_config: Option<DockerConfig>,
    /// Registries that are not asked in the usual way (https, on the host's name, anonymously or as the docker config says).
    pub registries: Vec<RegistryOptions>,
    pub connect_timeout: Duration,
    /// For one whole request, with its body.
    pub timeout: Duration,
    /// Authorities to trust besides the system's, at every registry that names none of its own.
    pub ca_pem: Option<Vec<u8>>,
    /// A registry that asks to wait longer than this is not asked again in this pass.
    pub longest_wait: Duration,
    pub user_agent: String,
}

/// What is special about one registry.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// As in an image's name: `docker.io`, `ghcr.io`, `host:5000`.
    pub host: String,
    /// Where it is really asked; a path stands before `/v2/`. By default the host over https.
    pub endpoint: Option<Url>,
    /// Stands before the repository, after `/v2/`: the name of a proxy project.
    pub repository_prefix: Option<String>,
    /// http instead of https, when there is no endpoint that says so.
    pub plain_http: bool,
    /// Authorities to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub max_concurrency: usize,
    pub requests_per_second: NonZeroU32,
    /// Hosts that it may send a question on to; `.example.com` stands for every host below.
    pub redirects_to: Vec<String>,
}

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

impl Default for Options {
    fn default() -> Self {
        Self {
            docker_config: None,
            registries: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            ca_pem: None,
            longest_wait: Duration::from_secs(10),
            user_agent: concat!("pintle/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl RegistryOptions {
    /// Returns what holds for a host that nothing is said about.
    pub fn new(host: impl Into<String>) -> Self {
        let host = host.into();
        let redirects_to = usual_redirects(&host).iter().map(|to| (*to).to_owned()).collect();
        Self {
            host,
            endpoint: None,
            repository_prefix: None,
            plain_http: false,
            ca_pem: None,
            username: None,
            password: None,
            max_concurrency: 8,
            requests_per_second: NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN),
            redirects_to,
        }
    }
}

/// Registries that are known to answer with another's manifests: the community's registry of Kubernetes sends each question to
/// the nearest of Google's, and lscr.io sends them to the registry the images are really at.
fn usual_redirects(host: &str) -> &'static [&'static str] {
    match host {
        "registry.k8s.io" => &[".pkg.dev"],
        "lscr.io" => &["ghcr.io"],
        _ => &[],
    }
}

impl Client {
    pub fn new(options: Options) -> Self {
        crate::remote::tls::install();
        Self { inner: Arc::new(Inner { options, registries: Mutex::default() }) }
    }

    /// Returns what a tag means now. One HEAD; a GET besides only when the registry answers the HEAD with 200 and names no digest.
    pub async fn head(&self, channel: &Channel) -> Result<Digest, OciError> {
        let place = self.place(&channel.registry, &channel.repository, &channel.tag)?;
        let reply = self.ask(Method::HEAD, place.clone()).await?;
        match place.digest(&reply)? {
            Some(digest) => Ok(digest),
            None => place.hashed(&self.ask(Method::GET, place.clone()).await?),
        }
    }

    /// Returns the manifest or index with this digest; its bytes were hashed.
    pub async fn manifest(&self, registry: &str, repository: &str, digest: &Digest) -> Result<Manifest, OciError> {
        let reply = self.bytes(self.place(registry, repository, digest.as_str())?, digest).await?;
        Ok(Manifest { media_type: reply.media_type(), bytes: reply.body })
    }

    /// Fetches what has a digest, and hashes it.
    async fn bytes(&self, place: Place, digest: &Digest) -> Result<wire::Reply, OciError> {
        let reply = self.ask(Method::GET, place.clone()).await?;
        let got = wire::sha256(&reply.body);
        if got != *digest {
            let at = place.to_string();
            return Err(OciError::Mismatch { host: place.registry.host.clone(), at, want: digest.clone(), got });
        }
        Ok(reply)
    }

    /// Returns how many questions at once one registry takes.
    pub fn concurrency(&self, registry: &str) -> usize {
        self.told(registry).map_or_else(|| RegistryOptions::new(registry).max_concurrency, |told| told.max_concurrency)
    }

    /// Whether the options say anything about a registry.
    pub fn is_told_about(&self, registry: &str) -> bool {
        self.told(registry).is_some()
    }

    fn told(&self, registry: &str) -> Option<&RegistryOptions> {
        self.inner.options.registries.iter().find(|told| told.host == registry)
    }

    fn place(&self, registry: &str, repository: &str, reference: &str) -> Result<Place, OciError> {
        let (repository, reference) = (repository.into(), reference.into());
        Ok(Place { registry: self.registry(registry)?, repository, part: Part::Manifest, reference })
    }

    fn registry(&self, host: &str) -> Result<Arc<Registry>, OciError> {
        let mut known = self.inner.registries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(registry) = known.get(host) {
            return Ok(registry.clone());
        }
        let told = self.told(host).cloned().unwrap_or_else(|| RegistryOptions::new(host));
        let registry = Arc::new(Registry::new(&self.inner.options, told)?);
        known.insert(host.to_owned(), registry.clone());
        Ok(registry)
    }

    /// Asks until a registry answers itself. Each hop is a registry of its own, with its own credentials or none.
    async fn ask(&self, method: Method, mut place: Place) -> Result<wire::Reply, OciError> {
        for _ in 0..HOPS {
            match place.registry.ask(&method, &place).await? {
                Answer::Reply(reply) => return Ok(reply),
                Answer::Elsewhere { host, repository, reference } => {
                    place = Place { part: place.part, ..self.place(&host, &repository, &reference)? };
                }
            }
        }
        let (host, at) = (place.registry.host.clone(), place.to_string());
        Err(OciError::Redirect { host, at, to: "yet another host".to_owned(), why: "it is one redirect too many" })
    }
}
