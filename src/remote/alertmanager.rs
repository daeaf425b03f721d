//! Which alerts fire, as an Alertmanager's API v2 tells. Never silences, posts or changes anything;
//! never sends the token to another host or over an open line.

use super::http::{self, BodyError, Fault, OriginClient, Reach, host_of};
use crate::error::{Error, Result};
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// No answer is read beyond this: some ten thousand alerts.
const LIMIT: usize = 16 << 20;
/// How often it is asked again where that may help.
const AGAIN: usize = 2;

/// How an Alertmanager is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Sent as a bearer token. Alertmanager itself knows none; what stands before it, and Mimir,
    /// may.
    pub token: Option<SecretString>,
    /// Where the token was read. It is read there anew for each question: a service account's lives
    /// an hour. While it cannot be, the one from the start is sent.
    pub token_file: Option<PathBuf>,
    /// Authorities to trust besides the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// Lets the token cross a network over plain http.
    pub allow_insecure: bool,
    /// For one request, with its answer.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            token_file: None,
            ca: None,
            allow_insecure: false,
            timeout: Duration::from_secs(10),
        }
    }
}

/// An alert that fires and that nothing holds back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    pub fingerprint: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub started: Timestamp,
}

/// Asks one Alertmanager. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: OriginClient,
    /// Of the list of alerts.
    alerts: Url,
    token_file: Option<PathBuf>,
    host: String,
    timeout: Duration,
}

/// Why one attempt brought no answer.
enum Broken {
    Sent(reqwest::Error),
    TooLarge,
    Status(StatusCode, Option<String>),
}

/// What is needed of `gettableAlert` (Alertmanager's `api/v2/openapi.yaml`); the fields without an
/// `Option` are required there.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    fingerprint: String,
    labels: BTreeMap<String, String>,
    annotations: Option<BTreeMap<String, String>>,
    starts_at: Timestamp,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    state: Option<String>,
}

impl Client {
    /// Makes a client for the address under which Alertmanager's pages are
    /// (`https://alertmanager.example.org`, with a path where it lives below one); asks nothing
    /// yet. Refuses an address with credentials in it, and a token that would cross a network in
    /// the clear.
    pub fn new(base: &str, options: &Options) -> Result<Self> {
        crate::remote::install_tls();
        let base = checked(base)?;
        let host = host_of(&base);
        let mut alerts = base.clone();
        if let Ok(mut path) = alerts.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v2", "alerts"]);
        }
        alerts.query_pairs_mut().extend_pairs([
            ("active", "true"),
            ("silenced", "false"),
            ("inhibited", "false"),
        ]);
        let (http, token_file) = (http(&base, &host, options)?, options.token_file.clone());
        Ok(Self {
            http,
            alerts,
            token_file,
            host,
            timeout: options.timeout,
        })
    }

    /// Returns the alerts that fire, are not silenced and not inhibited, in no order.
    pub async fn firing(&self) -> Result<Vec<Firing>> {
        let pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_times(AGAIN)
            .with_jitter();
        let asked = (|| self.once()).retry(pauses).when(Broken::may_pass).await;
        let body = asked.map_err(|why| self.broken(why))?;
        let wire: Vec<Wire> = serde_json::from_slice(&body).map_err(|why| {
            Error::failed(format!(
                "the answer of the Alertmanager at {} cannot be read",
                self.host
            ))
            .because(why)
            .hint("is this the address of an Alertmanager?")
        })?;
        Ok(wire.into_iter().filter_map(Wire::read).collect())
    }

    async fn once(&self) -> std::result::Result<Bytes, Broken> {
        let mut request = self
            .http
            .request(Method::GET, self.alerts.clone())
            .header(ACCEPT, "application/json");
        if let Some(token) = self.fresh() {
            request = request.header(AUTHORIZATION, token);
        }
        let mut response = self.http.send(request).await.map_err(Broken::Sent)?;
        if response.status() == StatusCode::OK {
            return Ok(http::body(&mut response, LIMIT).await?);
        }
        let to = response
            .headers()
            .get(LOCATION)
            .and_then(|to| self.alerts.join(to.to_str().ok()?).ok());
        Err(Broken::Status(
            response.status(),
            to.filter(|_| response.status().is_redirection())
                .map(|to| leads_to(&to)),
        ))
    }

    fn fresh(&self) -> Option<HeaderValue> {
        let token = SecretString::from(std::fs::read_to_string(self.token_file.as_ref()?).ok()?);
        http::secret("Bearer", &token).filter(|_| !token.expose_secret().trim().is_empty())
    }

    fn broken(&self, why: Broken) -> Error {
        let host = &self.host;
        let answered = |status: StatusCode| {
            Error::outside(format!("the Alertmanager at {host} answered {status}"))
        };
        match why {
            Broken::TooLarge => Error::failed(format!(
                "the Alertmanager at {host} answered with more than {} MiB",
                LIMIT >> 20
            )),
            Broken::Sent(why) if why.is_timeout() => Error::outside(format!(
                "the Alertmanager at {host} did not answer within {} s",
                self.timeout.as_secs_f32().ceil()
            )),
            Broken::Sent(why) if why.is_connect() => {
                let fault = Fault::of(&why);
                Error::outside(format!("cannot reach the Alertmanager at {host}"))
                    .cause(fault.cause(host))
                    .hint(fault.hint("--alertmanager"))
            }
            Broken::Sent(why) => {
                Error::outside(format!("the Alertmanager at {host} broke off its answer"))
                    .because(why.without_url())
            }
            Broken::Status(status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN), _) => {
                answered(status)
                    .hint("give a token that may read its alerts: --alertmanager-token-file")
            }
            Broken::Status(status, Some(to)) => answered(status)
                .cause(format!("it leads to {to}"))
                .hint("name that address instead"),
            Broken::Status(status @ StatusCode::NOT_FOUND, None) => answered(status)
                .hint("the address is the one under which its pages are, without /api/v2"),
            Broken::Status(status, None) => answered(status),
        }
    }
}

impl From<BodyError> for Broken {
    fn from(why: BodyError) -> Self {
        match why {
            BodyError::TooLarge(_) => Self::TooLarge,
            BodyError::Broken(why) => Self::Sent(why),
        }
    }
}

impl Broken {
    /// Whether asking again at once may help.
    fn may_pass(&self) -> bool {
        match self {
            Self::Sent(why) => !why.is_timeout(),
            Self::Status(status, _) => matches!(status.as_u16(), 502..=504),
            Self::TooLarge => false,
        }
    }
}

impl Wire {
    /// `None` for one that is held back: older versions and others that speak this API do not look
    /// at every part of the query.
    fn read(self) -> Option<Firing> {
        let suppressed = self
            .status
            .and_then(|status| status.state)
            .is_some_and(|state| state == "suppressed");
        let Self {
            fingerprint,
            labels,
            annotations,
            starts_at: started,
            ..
        } = self;
        (!suppressed).then(|| Firing {
            fingerprint,
            labels,
            annotations: annotations.unwrap_or_default(),
            started,
        })
    }
}

/// The text is shown in no error: it may hold a secret.
fn checked(base: &str) -> Result<Url> {
    let hint = "give it as a browser shows it: https://alertmanager.example.org";
    let url = Url::parse(base.trim()).map_err(|why| {
        Error::usage("the address of the Alertmanager cannot be read")
            .because(why)
            .hint(hint)
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::usage(format!(
            "an Alertmanager is asked over https, not {}",
            url.scheme()
        ))
        .hint(hint));
    }
    let host = host_of(&url);
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::usage(format!("the address of the Alertmanager at {host} has a user or password in it"))
            .hint("leave it out and give a token with --alertmanager-token-file; addresses end up in logs"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::usage(format!(
            "the address of the Alertmanager at {host} has a `?` or `#` part"
        ))
        .hint(hint));
    }
    Ok(url)
}

fn http(base: &Url, host: &str, options: &Options) -> Result<OriginClient> {
    let server = format!("the Alertmanager at {host}");
    let reach = Reach {
        ca: options.ca.clone(),
        allow_insecure: options.allow_insecure,
        ..Reach::new(base, options.timeout)
    };
    let token = options.token.as_ref().map(|token| {
        reach.check_private(&server)?;
        http::secret("Bearer", token).ok_or_else(|| {
            Error::usage(format!(
                "the token for {server} holds a character that no token has"
            ))
        })
    });
    OriginClient::new(reach, token.transpose()?).map_err(|why| why.of(&server))
}

/// Where a redirect leads, without what may be secret in it.
fn leads_to(to: &Url) -> String {
    format!("{}://{}{}", to.scheme(), host_of(to), to.path())
}

#[cfg(test)]
mod tests;
