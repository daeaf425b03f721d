//! What all clients of the forge, the registries, GitHub and the Alertmanager have in common: no
//! redirect unless one says so, no address told to others, authorities of their own, no proxy to
//! this machine, and no answer longer than it may be. One TLS implementation in the process: rustls
//! with ring.

use crate::error::Error;
use bytes::{Bytes, BytesMut};
use reqwest::header::HeaderValue;
use reqwest::{Certificate, Client, ClientBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

/// Why no client can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unset {
    NoCertificate,
    Tls,
}

/// Why a body could not be read to its end.
pub(super) enum BodyError {
    TooLarge,
    Broken(reqwest::Error),
}

/// Makes a client for one server. `ca` is PEM: authorities to trust besides the system's.
pub(super) fn client(
    to: &Url,
    ca: Option<&[u8]>,
    tune: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, Unset> {
    let mut builder = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("pintle/", env!("CARGO_PKG_VERSION")));
    if is_loopback(to) {
        builder = builder.no_proxy();
    }
    if let Some(pem) = ca {
        let authorities = Certificate::from_pem_bundle(pem)
            .ok()
            .filter(|found| !found.is_empty());
        builder = builder.tls_certs_merge(authorities.ok_or(Unset::NoCertificate)?);
    }
    tune(builder).build().map_err(|_| Unset::Tls)
}

/// Returns `word` and the token as the value of a header that is not shown; `None` when it holds a
/// character that no token has.
pub(super) fn secret(word: &str, token: &SecretString) -> Option<HeaderValue> {
    let mut value =
        HeaderValue::try_from(format!("{word} {}", token.expose_secret().trim())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn body(response: &mut Response, limit: usize) -> Result<Bytes, BodyError> {
    if response
        .content_length()
        .is_some_and(|length| length > limit as u64)
    {
        return Err(BodyError::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

impl Unset {
    /// Says it of a server: `the forge at forge.example.org`.
    pub(super) fn of(self, server: &str) -> Error {
        let error = Error::failed(format!("cannot set up https for {server}"));
        match self {
            Self::NoCertificate => error.cause(self.why()),
            Self::Tls => error
                .cause(self.why())
                .hint("are the system's root certificates there?"),
        }
    }

    pub(super) fn why(self) -> &'static str {
        match self {
            Self::NoCertificate => "the file of authorities holds no certificate in PEM",
            Self::Tls => "the TLS configuration cannot be built",
        }
    }
}

/// Makes ring the process-wide TLS provider; every place that builds a client calls it, only the
/// first call does something.
pub fn install_tls() {
    // It fails when a provider is already there, and then there is nothing to do.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Returns `host`, or `host:port` where the port is not the scheme's own.
pub(super) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Says whether what is sent there stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}
