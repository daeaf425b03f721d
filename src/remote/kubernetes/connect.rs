//! Where the API server is and who asks it: a kubeconfig, or the service account of the pod that
//! pintle runs in.

use super::plugin::{self, PluginError, PluginToken};
use crate::error::{Error, Result};
use crate::remote::http::{USER_AGENT as OURSELVES, count, is_loopback};
use kube::client::{AuthError, Body, ClientBuilder};
use kube::config::{AuthInfo, Config, InClusterError, Kubeconfig, KubeconfigError};
use reqwest::header::{AUTHORIZATION, HeaderValue, USER_AGENT};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tower::buffer::BufferLayer;
use tower::filter::AsyncFilterLayer;
use url::Url;

/// The longest wait for a credential plugin.
const PLUGIN_LIMIT: Duration = Duration::from_secs(60);
/// So many requests to the API server wait for their turn at most.
const WAITING: usize = 1_024;
/// Credentials that are refused are not read anew more often than this.
const ANEW: Duration = Duration::from_secs(30);

/// Where address and credentials are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Kubeconfig {
        file: PathBuf,
        /// `None`: its current context.
        context: Option<String>,
    },
    /// The service account's folder and the environment that the kubelet makes.
    InCluster,
}

/// `in-cluster`, `kubeconfig /etc/pintle/kubeconfig, context prod`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InCluster => f.write_str("in-cluster"),
            Self::Kubeconfig { file, context } => {
                write!(f, "kubeconfig {}", file.display())?;
                match context {
                    Some(context) => write!(f, ", context {context}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// How the API server is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Authorities to trust besides the system's, PEM; only where the kubeconfig names none of its
    /// own.
    pub ca: Option<Vec<u8>>,
    /// Lets credentials cross a network over plain http, or to a server whose certificate is not
    /// verified.
    pub allow_insecure: bool,
    /// For one request, with its answer; a watch's answer begins within it.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca: None,
            allow_insecure: false,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A connection for as long as pintle runs. What it was made of may change meanwhile: a certificate
/// ends, a plugin has other credentials to give, somebody writes the kubeconfig anew.
pub(super) struct Connection {
    place: Place,
    options: Options,
    client: Mutex<kube::Client>,
    /// When it was last made anew; locked while that is done.
    renewed: tokio::sync::Mutex<Option<Instant>>,
}

impl Connection {
    pub(super) fn new(client: kube::Client, place: Place, options: Options) -> Self {
        Self {
            place,
            options,
            client: Mutex::new(client),
            renewed: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn client(&self) -> kube::Client {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// For one request.
    pub(super) fn timeout(&self) -> Duration {
        self.options.timeout
    }

    /// Reads address and credentials anew, after these were refused. Does nothing while another
    /// task does it, or did so lately; what cannot be used changes nothing.
    pub(super) async fn renew(&self) {
        let Ok(mut renewed) = self.renewed.try_lock() else {
            return;
        };
        if renewed.is_some_and(|last| last.elapsed() < ANEW) {
            return;
        }
        let (place, options) = (self.place.clone(), self.options.clone());
        // A plugin is waited for.
        let made = tokio::task::spawn_blocking(move || {
            config(&place, &options).and_then(|config| client(&config))
        })
        .await;
        *renewed = Some(Instant::now());
        match made {
            Ok(Ok(client)) => *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the credentials for the API server could not be read anew")
            }
            Err(error) => {
                tracing::debug!(%error, "reading the credentials for the API server ended early")
            }
        }
    }
}

pub(super) fn config(place: &Place, options: &Options) -> Result<Config> {
    let mut config = match place {
        Place::InCluster => Config::incluster().map_err(|why| outside_a_cluster(&why))?,
        Place::Kubeconfig { file, context } => {
            let named = || file.display().to_string();
            let mut kubeconfig =
                Kubeconfig::read_from(file).map_err(|why| unreadable(&named(), &why))?;
            if let Some(context) = context {
                kubeconfig.current_context = Some(context.clone());
            }
            let contexts: Vec<String> = kubeconfig
                .contexts
                .iter()
                .map(|context| context.name.clone())
                .collect();
            if let Some(proxy) = proxied(&kubeconfig) {
                return Err(Error::usage(format!(
                    "the cluster {proxy} of the kubeconfig {} is reached through a proxy",
                    named()
                ))
                .cause("pintle asks the API server directly")
                .hint(
                    "take proxy-url out, and let pintle run where the API server can be reached",
                ));
            }
            let mut config =
                Config::try_from(kubeconfig).map_err(|why| unusable(&named(), &contexts, &why))?;
            if config.cluster_url.scheme().is_none() {
                return Err(
                    Error::usage(format!("cannot use the kubeconfig {}", named()))
                        .cause("the server of the cluster does not begin with https://")
                        .hint(format!("write https://{} there", host(&config))),
                );
            }
            trim(&mut config.auth_info);
            if let Some(plugin) = &mut config.auth_info.exec {
                plugin.drop_env = Some(own_variables());
            }
            let url = Url::parse(&config.cluster_url.to_string());
            encrypted(
                &config,
                url.as_ref().is_ok_and(is_loopback) || options.allow_insecure,
            )?;
            config
        }
    };
    // Taken from the environment, where it is meant for other things too.
    config.proxy_url = None;
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(OURSELVES)));
    if let (None, Some(pem)) = (&config.root_cert, &options.ca) {
        config.root_cert = Some(authorities(pem)?);
    }
    config.connect_timeout = Some(options.timeout.min(Duration::from_secs(15)));
    Ok(config)
}

/// The names of pintle's own variables: some hold secrets, and a plugin has no use for them.
fn own_variables() -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("PINTLE_")).collect()
}

/// Makes the client; a plugin is waited for, and ended when it takes too long.
pub(super) fn client(config: &Config) -> Result<kube::Client> {
    client_within(config, PLUGIN_LIMIT)
}

fn client_within(config: &Config, limit: Duration) -> Result<kube::Client> {
    let mut config = config.clone();
    let token = match config.auth_info.exec.take() {
        None => None,
        Some(plugin) => {
            let given = plugin::run(&plugin, limit).map_err(|why| unplugged(&config, why))?;
            given.identify(&mut config.auth_info);
            Some(PluginToken::new(plugin, limit, given))
        }
    };
    let url = Url::parse(&config.cluster_url.to_string()).ok();
    let shown = shown(&config);
    let made = ClientBuilder::try_from(config).map(|builder| {
        let each = move |request| prepare(request, url.clone(), token.clone());
        let shared = builder.with_layer(&BufferLayer::new(WAITING));
        shared.with_layer(&AsyncFilterLayer::new(each)).build()
    });
    made.map_err(|why| {
        let error = unusable_credentials(&shown);
        match without_credentials(&why) {
            Some(why) => error.cause(why).hint(FILES),
            // The cause may quote what it could not use.
            None => error.hint("do kubectl and this kubeconfig work together?"),
        }
    })
}

/// Counts a request, and gives it what the plugin gave.
async fn prepare(
    mut request: http::Request<Body>,
    url: Option<Url>,
    token: Option<PluginToken>,
) -> std::result::Result<http::Request<Body>, PluginError> {
    if let Some(url) = &url {
        count(url);
    }
    if let Some(token) = token
        && let Some(header) = token.header().await?
    {
        request.headers_mut().insert(AUTHORIZATION, header);
    }
    Ok(request)
}

const FILES: &str =
    "files that the kubeconfig names have to exist where pintle runs, and a plugin must not prompt";

fn unusable_credentials(server: &str) -> Error {
    Error::usage(format!(
        "the credentials for the API server {server} cannot be used"
    ))
}

fn unplugged(config: &Config, why: PluginError) -> Error {
    match why {
        PluginError::TooLong(_) => Error::outside(why.to_string())
            .hint("does it ask for something? a plugin must not prompt"),
        why => unusable_credentials(&shown(config))
            .cause(why.to_string())
            .hint(FILES),
    }
}

/// Why there are no credentials, where that is what an error is about. Never in its own words: they
/// hold the plugin's arguments, its environment and what it printed.
pub(super) fn without_credentials(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let causes = || std::iter::successors(Some(error), |error| error.source());
    if let Some(why) = causes().find_map(|error| error.downcast_ref::<PluginError>()) {
        return Some(why.to_string());
    }
    let why = causes().find_map(|error| error.downcast_ref::<AuthError>())?;
    Some(match why {
        AuthError::ReadTokenFile(why, file) => {
            format!("the token's file {} cannot be read: {why}", file.display())
        }
        AuthError::InvalidBearerToken(_) => "the token holds a character that no token has".into(),
        _ => "the kubeconfig gives no credentials".into(),
    })
}

/// kubectl takes a token with a line break at its end, as editors leave one; the client takes each
/// byte for a part of it.
fn trim(auth: &mut AuthInfo) {
    let given = match (&auth.token, &auth.token_file) {
        (Some(token), _) => Some(token.expose_secret().to_owned()),
        (None, Some(file)) => std::fs::read_to_string(file).ok(),
        (None, None) => None,
    };
    if let Some(token) = given.filter(|token| token.trim() != token) {
        auth.token = Some(token.trim().into());
    }
}

/// The address without what may be secret in it.
fn shown(config: &Config) -> String {
    format!(
        "{}://{}{}",
        config.cluster_url.scheme_str().unwrap_or_default(),
        host(config),
        config.cluster_url.path()
    )
}

fn host(config: &Config) -> String {
    let host = config.cluster_url.host().unwrap_or_default();
    config
        .cluster_url
        .port_u16()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The cluster of the current context that has a proxy of its own.
fn proxied(kubeconfig: &Kubeconfig) -> Option<String> {
    let current = kubeconfig
        .contexts
        .iter()
        .find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())?;
    let name = &current.context.as_ref()?.cluster;
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|cluster| cluster.name == *name)?;
    cluster
        .cluster
        .as_ref()?
        .proxy_url
        .as_ref()
        .filter(|proxy| !proxy.is_empty())
        .map(|_| name.clone())
}

/// Credentials go to a server that proved who it is, over a connection that nobody reads.
fn encrypted(config: &Config, allowed: bool) -> Result<()> {
    let what = match config.cluster_url.scheme_str() {
        _ if allowed => return Ok(()),
        Some("http") => "would be asked without encryption",
        _ if config.accept_invalid_certs => {
            "would be asked without a look at its certificate (insecure-skip-tls-verify)"
        }
        _ => return Ok(()),
    };
    Err(
        Error::usage(format!("the API server {} {what}", shown(config))).hint(
            "name its certificate authority in the kubeconfig, or allow it with --insecure-http",
        ),
    )
}

/// The system's authorities and these, as DER.
fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>> {
    let wrong = || Error::usage("the certificate authorities' file holds no certificate in PEM");
    let own: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let own = own
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(wrong)?;
    let systems = rustls_native_certs::load_native_certs().certs;
    Ok(systems
        .into_iter()
        .chain(own)
        .map(|certificate| certificate.to_vec())
        .collect())
}

fn outside_a_cluster(why: &InClusterError) -> Error {
    Error::usage("this is not a pod with a service account")
        .because(why)
        .hint("--in-cluster needs automountServiceAccountToken: true in the pod's spec; elsewhere name a kubeconfig: --kubeconfig FILE")
}

/// The text of a kubeconfig is never shown: it holds secrets.
fn unreadable(file: &str, why: &KubeconfigError) -> Error {
    let error = Error::usage(format!("cannot read the kubeconfig {file}"));
    match why {
        KubeconfigError::ReadConfig(why, _) => error
            .because(why)
            .hint("check --kubeconfig, or PINTLE_KUBECONFIG in the environment"),
        _ => error.cause("it is no kubeconfig in YAML"),
    }
}

fn unusable(file: &str, contexts: &[String], why: &KubeconfigError) -> Error {
    let error = Error::usage(format!("cannot use the kubeconfig {file}"));
    let known = format!(
        "its contexts: {}; name one with --kube-context",
        contexts.join(", ")
    );
    match why {
        KubeconfigError::CurrentContextNotSet => {
            error.cause("it has no current context").hint(known)
        }
        KubeconfigError::LoadContext(name) => {
            error.cause(format!("it has no context {name}")).hint(known)
        }
        KubeconfigError::LoadClusterOfContext(name) => {
            error.cause(format!("it has no cluster {name}, which the context names"))
        }
        KubeconfigError::MissingClusterUrl => {
            error.cause("the cluster of the context has no server")
        }
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            error.cause("its certificate authority cannot be read")
        }
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            error.cause("its client certificate cannot be read")
        }
        _ => error.cause("an address in it cannot be read"),
    }
}

#[cfg(test)]
mod tests;
