//! The only maker of HTTP clients. Each is bound to one origin: a secret goes to that origin and to
//! nobody else, never in clear text over a network, and never to a proxy when the server is this
//! machine. No redirect is followed unless it stays at the origin, no address is sent as a
//! referrer, no answer is longer than it may be, and every request is counted by host. One TLS
//! implementation in the process: rustls with ring.

mod fault;

pub(super) use fault::Fault;

use crate::error::Error;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Method, RequestBuilder, Response, blocking};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use url::{Host, Origin, Url};

/// What every request names as its sender.
pub(super) const USER_AGENT: &str = concat!("pintle/", env!("CARGO_PKG_VERSION"));
/// How many redirects within the origin are followed, where any are.
#[cfg(feature = "github")]
const HOPS: usize = 3;

/// Requests since the process began, by host: `ghcr.io`, `registry.example.org:5000`.
static REQUESTS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
/// Requests that have ended since the process began, by host and status; without a status where no
/// answer came.
static ANSWERS: Mutex<BTreeMap<(String, Option<u16>), u64>> = Mutex::new(BTreeMap::new());

/// Why no client can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unset {
    NoCertificate,
    Tls,
}

/// Why a body could not be read to its end.
pub(super) enum BodyError {
    /// With what was read before.
    TooLarge(Bytes),
    Broken(reqwest::Error),
}

/// How one server is reached.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// An address at the origin: `https://forge.example.org/`.
    pub to: Url,
    /// Authorities to trust besides the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// Lets secrets cross a network over plain http.
    pub allow_insecure: bool,
    /// The longest wait for a connection.
    pub connect: Duration,
    /// The longest time for one request with its answer; for a blocking client the longest wait for
    /// an answer or for the next bytes of it.
    pub timeout: Duration,
}

/// A client for one origin. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub(super) struct OriginClient {
    reach: Arc<Reach>,
    client: Client,
    /// Sent with every request to the origin that names nobody else.
    secret: Option<HeaderValue>,
    /// Clients for the addresses that the server names: token realms, storage of blobs.
    others: Arc<Mutex<HashMap<Origin, Client>>>,
    /// Hosts that may see a secret besides the origin's own.
    trusted: Arc<Mutex<BTreeSet<String>>>,
}

impl Reach {
    pub(super) fn new(to: &Url, timeout: Duration) -> Self {
        Self {
            to: to.clone(),
            ca: None,
            allow_insecure: false,
            connect: timeout,
            timeout,
        }
    }

    /// Whether a secret may be sent there: encrypted, to this machine, or because it is allowed.
    pub(super) fn is_private(&self, url: &Url) -> bool {
        url.scheme() == "https" || is_loopback(url) || self.allow_insecure
    }

    /// Refuses a token that would cross a network in clear text; `server` is `the forge at …`.
    pub(super) fn check_private(&self, server: &str) -> Result<(), Error> {
        if self.is_private(&self.to) {
            return Ok(());
        }
        Err(Error::usage(format!(
            "the token for {server} would be sent without encryption"
        ))
        .hint("use https://, or allow it with --insecure-http"))
    }

    fn builder(&self, to: &Url) -> Result<ClientBuilder, Unset> {
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect)
            .timeout(self.timeout);
        if is_loopback(to) {
            builder = builder.no_proxy();
        }
        if let Some(pem) = &self.ca {
            let authorities = Certificate::from_pem_bundle(pem)
                .ok()
                .filter(|found| !found.is_empty());
            builder = builder.tls_certs_merge(authorities.ok_or(Unset::NoCertificate)?);
        }
        Ok(builder)
    }

    /// Makes the builder of a client that blocks, for git alone.
    pub(super) fn blocking(&self) -> Result<blocking::ClientBuilder, Unset> {
        Ok(blocking::ClientBuilder::from(self.builder(&self.to)?).timeout(self.timeout))
    }

    /// Makes a client for a library that sends its requests itself. It follows redirects within the
    /// origin, so the secret, which is in its default headers, stays there.
    #[cfg(feature = "github")]
    pub(super) fn lend(&self, secret: Option<HeaderValue>) -> Result<Client, Unset> {
        let mut headers = reqwest::header::HeaderMap::new();
        headers.extend(secret.map(|value| (AUTHORIZATION, value)));
        let same_origin = Policy::custom(|attempt| {
            let first = attempt.previous().first();
            let stays = first.is_some_and(|first| first.origin() == attempt.url().origin());
            if stays && attempt.previous().len() <= HOPS {
                attempt.follow()
            } else {
                attempt.stop()
            }
        });
        let builder = self.builder(&self.to)?.redirect(same_origin);
        let built = builder.default_headers(headers).build();
        built.map_err(|_| Unset::Tls)
    }
}

impl OriginClient {
    pub(super) fn new(reach: Reach, secret: Option<HeaderValue>) -> Result<Self, Unset> {
        let client = reach.builder(&reach.to)?.build();
        Ok(Self {
            client: client.map_err(|_| Unset::Tls)?,
            reach: Arc::new(reach),
            secret,
            others: Arc::default(),
            trusted: Arc::default(),
        })
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Lets a host see a secret that a request carries: a token realm known for this registry.
    pub(super) fn trust(&self, host: &str) {
        let mut trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        trusted.insert(host.to_owned());
    }

    /// Sends a request. What it carries as `Authorization` is taken out again where the host may
    /// not see it; whoever makes requests is expected to know, this is the last gate.
    pub(super) async fn send(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let mut request = request.build()?;
        let url = request.url().clone();
        let own = url.origin() == self.reach.to.origin();
        let headers = request.headers_mut();
        if let (true, Some(secret)) = (own, &self.secret)
            && !headers.contains_key(AUTHORIZATION)
        {
            headers.insert(AUTHORIZATION, secret.clone());
        }
        if headers.contains_key(AUTHORIZATION) && !self.may_see(&url) {
            headers.remove(AUTHORIZATION);
            tracing::warn!(
                host = host_of(&url),
                "a secret for another host was not sent"
            );
        }
        count(&url);
        let client = match own {
            true => self.client.clone(),
            false => self.other(&url)?,
        };
        let answered = client.execute(request).await;
        count_answer(&url, answered.as_ref().ok());
        answered
    }

    fn may_see(&self, url: &Url) -> bool {
        let trusted = self.trusted.lock().unwrap_or_else(PoisonError::into_inner);
        let host = url.host_str().unwrap_or_default();
        let known = url.host_str() == self.reach.to.host_str() || trusted.contains(host);
        known && self.reach.is_private(url)
    }

    /// Returns the client for another origin: whether a proxy is used depends on it.
    fn other(&self, url: &Url) -> reqwest::Result<Client> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = others.get(&url.origin()) {
            return Ok(client.clone());
        }
        // The same authorities were read when the first client was made.
        let Ok(builder) = self.reach.builder(url) else {
            return Ok(self.client.clone());
        };
        let client = builder.build()?;
        others.insert(url.origin(), client.clone());
        Ok(client)
    }
}

/// Counts one request to a host.
pub(super) fn count(url: &Url) {
    let mut requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
    *requests.entry(host_of(url)).or_default() += 1;
}

/// Returns how many requests each host got since the process began.
pub fn requests_by_host() -> BTreeMap<String, u64> {
    REQUESTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Counts the end of one request to a host; `None`: no answer came.
pub(super) fn count_answer(url: &Url, answer: Option<&Response>) {
    let status = answer.map(|answer| answer.status().as_u16());
    add_answer(host_of(url), status);
}

/// The same, for a request that blocked.
pub(super) fn count_blocking_answer(url: &Url, answer: Option<&blocking::Response>) {
    let status = answer.map(|answer| answer.status().as_u16());
    add_answer(host_of(url), status);
}

fn add_answer(host: String, status: Option<u16>) {
    let mut answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    *answers.entry((host, status)).or_default() += 1;
}

/// Returns how many requests each host has answered with which status since the process began, and
/// how many it has not answered (`None`).
pub fn answers_by_host() -> BTreeMap<(String, Option<u16>), u64> {
    let answers = ANSWERS.lock().unwrap_or_else(PoisonError::into_inner);
    answers.clone()
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
        return Err(BodyError::TooLarge(Bytes::new()));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Broken)? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge(body.freeze()));
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

#[cfg(test)]
mod tests;
