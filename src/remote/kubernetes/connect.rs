//! Where the API server is and who asks it: a kubeconfig, or the service account of the pod that pintle runs in.

use crate::error::{Error, Result};
use crate::remote::address::is_loopback;
use kube::config::{Config, InClusterError, Kubeconfig, KubeconfigError};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

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

/// How the API server is asked.
#[derive(Clone, Debug)]
pub struct Told {
    /// Authorities to trust besides the system's, PEM; only where the kubeconfig names none of its own.
    pub ca: Option<Vec<u8>>,
    /// Lets credentials cross a network over plain http, or to a server whose certificate is not looked at.
    pub allow_insecure: bool,
    /// For one request, with its answer; a watch's answer begins within it.
    pub timeout: Duration,
}

impl Default for Told {
    fn default() -> Self {
        Self { ca: None, allow_insecure: false, timeout: Duration::from_secs(30) }
    }
}

pub(super) fn config(place: &Place, told: &Told) -> Result<Config> {
    let mut config = match place {
        Place::InCluster => Config::incluster().map_err(|why| outside_a_cluster(&why))?,
        Place::Kubeconfig { file, context } => {
            let named = || file.display().to_string();
            let mut kubeconfig = Kubeconfig::read_from(file).map_err(|why| unreadable(&named(), &why))?;
            if let Some(context) = context {
                kubeconfig.current_context = Some(context.clone());
            }
            let contexts: Vec<String> = kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
            if let Some(proxy) = proxied(&kubeconfig) {
                return Err(Error::usage(format!("the cluster {proxy} of the kubeconfig {} is reached through a proxy", named()))
                    .cause("pintle asks the API server directly")
                    .hint("take proxy-url out, and let pintle run where the API server can be reached"));
            }
            let config = Config::try_from(kubeconfig).map_err(|why| unusable(&named(), &contexts, &why))?;
            let url = Url::parse(&config.cluster_url.to_string());
            encrypted(&config, url.as_ref().is_ok_and(is_loopback) || told.allow_insecure)?;
            config
        }
    };
    // Taken from the environment, where it is meant for other things too.
    config.proxy_url = None;
    if let (None, Some(pem)) = (&config.root_cert, &told.ca) {
        config.root_cert = Some(authorities(pem)?);
    }
    config.connect_timeout = Some(told.timeout.min(Duration::from_secs(15)));
    Ok(config)
}

pub(super) fn client(config: &Config) -> Result<kube::Client> {
    // The cause may quote what it could not use.
    kube::Client::try_from(config.clone()).map_err(|_| {
        Error::usage(format!("the credentials for the API server {} cannot be used", config.cluster_url))
            .hint("do kubectl and this kubeconfig work together?")
    })
}

/// The cluster of the current context that has a proxy of its own.
fn proxied(kubeconfig: &Kubeconfig) -> Option<String> {
    let current = kubeconfig.contexts.iter().find(|context| Some(&context.name) == kubeconfig.current_context.as_ref())?;
    let name = &current.context.as_ref()?.cluster;
    let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == *name)?;
    cluster.cluster.as_ref()?.proxy_url.as_ref().filter(|proxy| !proxy.is_empty()).map(|_| name.clone())
}

/// Credentials go to a server that proved who it is, over a connection that nobody reads.
fn encrypted(config: &Config, allowed: bool) -> Result<()> {
    let what = match config.cluster_url.scheme_str() {
        _ if allowed => return Ok(()),
        Some("http") => "would be asked without encryption",
        _ if config.accept_invalid_certs => "would be asked without a look at its certificate (insecure-skip-tls-verify)",
        _ => return Ok(()),
    };
    Err(Error::usage(format!("the API server {} {what}", config.cluster_url))
        .hint("name its certificate authority in the kubeconfig, or allow it with --insecure-http"))
}

/// The system's authorities and these, as DER.
fn authorities(pem: &[u8]) -> Result<Vec<Vec<u8>>> {
    let wrong = || Error::usage("the certificate authorities' file holds no certificate in PEM");
    let own: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let own = own.ok().filter(|found| !found.is_empty()).ok_or_else(wrong)?;
    let systems = rustls_native_certs::load_native_certs().certs;
    Ok(systems.into_iter().chain(own).map(|certificate| certificate.to_vec()).collect())
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
        KubeconfigError::ReadConfig(why, _) => error.because(why),
        _ => error.cause("it is no kubeconfig in YAML"),
    }
}

fn unusable(file: &str, contexts: &[String], why: &KubeconfigError) -> Error {
    let error = Error::usage(format!("cannot use the kubeconfig {file}"));
    let known = format!("its contexts: {}; name one with --kube-context", contexts.join(", "));
    match why {
        KubeconfigError::CurrentContextNotSet => error.cause("it has no current context").hint(known),
        KubeconfigError::LoadContext(name) => error.cause(format!("it has no context {name}")).hint(known),
        KubeconfigError::LoadClusterOfContext(name) => error.cause(format!("it has no cluster {name}, which the context names")),
        KubeconfigError::MissingClusterUrl => error.cause("the cluster of the context has no server"),
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
