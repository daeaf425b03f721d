//! How registries are asked: time limits, authorities, and what is special about single ones. Asks
//! nobody.

use super::keychain::Keychain;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How registries are asked.
#[derive(Clone, Debug)]
pub struct Options {
    pub keychain: Option<Arc<Keychain>>,
    /// Lets credentials cross a network over plain http.
    pub allow_insecure: bool,
    /// Registries that are not asked in the usual way (https, on the host's name, anonymously or as
    /// the docker config says).
    pub registries: Vec<RegistryOptions>,
    pub connect_timeout: Duration,
    /// For one whole request, with its body.
    pub timeout: Duration,
    /// Authorities to trust besides the system's, at every registry that names none of its own.
    pub ca_pem: Option<Vec<u8>>,
    /// A registry that asks to wait longer than this is not asked again in this pass.
    pub longest_wait: Duration,
}

/// What is special about one registry.
#[derive(Clone, Debug)]
pub struct RegistryOptions {
    /// As in an image's name: `docker.io`, `ghcr.io`, `host:5000`.
    pub host: String,
    /// Where it is really asked; a path stands before `/v2/`. By default the host over https.
    pub endpoint: Option<Url>,
    /// It is the cache of the registry: failures name its address.
    pub is_cache: bool,
    /// Stands before the repository, after `/v2/`: the name of a proxy project.
    pub repository_prefix: Option<String>,
    /// http instead of https, when there is no endpoint that says so.
    pub plain_http: bool,
    /// Authorities to trust besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    pub username: Option<String>,
    pub password: Option<SecretString>,
    pub max_concurrency: usize,
    pub requests_per_second: f64,
    /// Hosts that it may send a question on to; `.example.com` stands for every host below.
    pub redirects_to: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keychain: None,
            allow_insecure: false,
            registries: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(20),
            ca_pem: None,
            longest_wait: Duration::from_secs(10),
        }
    }
}

impl RegistryOptions {
    /// Returns what holds for a host that nothing is said about.
    pub fn new(host: impl Into<String>) -> Self {
        let host = host.into();
        let redirects_to = usual_redirects(&host)
            .iter()
            .map(|to| (*to).to_owned())
            .collect();
        Self {
            host,
            endpoint: None,
            is_cache: false,
            repository_prefix: None,
            plain_http: false,
            ca_pem: None,
            username: None,
            password: None,
            max_concurrency: 8,
            requests_per_second: 1000.0,
            redirects_to,
        }
    }
}

/// Registries that are known to answer with another's manifests: the community's registry of
/// Kubernetes sends each question to the nearest of Google's, and lscr.io sends them to the
/// registry the images are really at.
fn usual_redirects(host: &str) -> &'static [&'static str] {
    match host {
        "registry.k8s.io" => &[".pkg.dev"],
        "lscr.io" => &["ghcr.io"],
        _ => &[],
    }
}
