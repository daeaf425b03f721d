//! How registries and caches are asked: the settings of the command line, the docker config and
//! `pintle.toml`, combined.

use super::cache::{CacheOptions, Caches};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::remote::oci::{Client, Keychain, Options, RegistryOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Settings of the command line and the environment.
#[derive(Clone, Debug, Default)]
pub struct RegistrySettings {
    pub keychain: Option<Arc<Keychain>>,
    /// Lets credentials cross a network over plain http.
    pub allow_insecure: bool,
    /// Registry hosts that are asked at another address.
    pub endpoints: Vec<(String, Url)>,
    pub caches: Vec<(String, Url)>,
    /// Trusted besides the system's authorities, for every registry.
    pub ca_pem: Option<Vec<u8>>,
    pub timeout: Option<Duration>,
}

/// Clients for the registries and their caches. They keep tokens and rate limits from one pass to
/// the next.
#[derive(Clone)]
pub struct Registries {
    pub upstream: Client,
    pub caches: Caches,
}

impl Registries {
    /// The command line has precedence over the configuration. Fails if a certificate file cannot
    /// be read.
    pub fn new(settings: &RegistrySettings, config: &Config) -> Result<Self> {
        let mut registries: Vec<RegistryOptions> = Vec::new();
        for registry in &config.registries {
            let mut options = RegistryOptions::new(&*registry.host);
            options.endpoint = registry.endpoint.clone();
            options.plain_http = registry.plain_http;
            options.ca_pem = read_certificates(registry.ca_file.as_ref())?;
            options.max_concurrency = registry.max_concurrency.unwrap_or(options.max_concurrency);
            options.requests_per_second = registry
                .requests_per_second
                .unwrap_or(options.requests_per_second);
            let redirects = registry.redirects.iter().map(ToString::to_string);
            options.redirects_to.extend(redirects);
            registries.push(options);
        }
        for (host, endpoint) in &settings.endpoints {
            registries.retain(|known| known.host != *host);
            registries.push(RegistryOptions {
                endpoint: Some(endpoint.clone()),
                ca_pem: settings.ca_pem.clone(),
                ..RegistryOptions::new(host)
            });
        }
        let defaults = Options::default();
        let timeout = settings.timeout.unwrap_or(defaults.timeout);
        let options = Options {
            keychain: settings.keychain.clone(),
            allow_insecure: settings.allow_insecure,
            registries,
            timeout,
            ca_pem: settings.ca_pem.clone(),
            ..defaults
        };
        let caches = Caches::new(&options, cache_options(settings, config));
        Ok(Self {
            upstream: Client::new(options),
            caches,
        })
    }
}

fn cache_options(settings: &RegistrySettings, config: &Config) -> Vec<CacheOptions> {
    let own = settings
        .caches
        .iter()
        .map(|(host, url)| (host.clone(), url.clone()));
    let named = config
        .caches
        .iter()
        .map(|cache| (cache.registry.to_string(), cache.url.clone()));
    let named = named.filter(|(host, _)| !settings.caches.iter().any(|(own, _)| own == host));
    let cache = |(registry, endpoint)| CacheOptions {
        registry,
        endpoint,
        repository_prefix: None,
        ca_pem: None,
        username: None,
        password: None,
    };
    own.chain(named).map(cache).collect()
}

fn read_certificates(file: Option<&Arc<str>>) -> Result<Option<Vec<u8>>> {
    let read = |file: &Arc<str>| {
        std::fs::read(Path::new(&**file))
            .map_err(|e| Error::usage(format!("cannot read the certificates in {file}")).because(e))
    };
    file.map(read).transpose()
}
