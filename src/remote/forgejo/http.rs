//! How the forge is spoken to: time limits, certificates, the token, the size of an answer, and
//! reads that are asked again. Never follows a redirect to another host, never repeats a write,
//! never shows the token.

use super::place::{Place, host_of};
use crate::error::{Error, Result};
use crate::remote::http::{self, BodyError, Fault, OriginClient, Reach};
use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Serialize;
use std::time::Duration;
use url::Url;

/// No answer is read beyond this.
pub(super) const LIMIT: usize = 8 << 20;
/// A forge that asks to wait longer is not asked again.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The longest wait for a connection.
const LONGEST_CONNECT: Duration = Duration::from_secs(10);
/// How often a read is asked again.
const AGAIN: usize = 3;
/// How often a read is sent on within the same host: a renamed repository takes one.
const HOPS: usize = 3;

/// How a forge is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// An access token of pintle's own user; without it only what is public can be read.
    pub token: Option<SecretString>,
    /// Authorities to trust besides the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// Lets the token cross a network over plain http.
    pub allow_insecure: bool,
    /// For one whole request, with its answer.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            token: None,
            ca: None,
            allow_insecure: false,
            timeout: Duration::from_secs(30),
        }
    }
}

/// One question. Not to be printed: its body may hold a webhook's secret.
#[derive(Clone)]
pub(super) struct Ask {
    pub method: Method,
    /// Below `/api/v1/`, in segments that are encoded when it is sent.
    pub path: Vec<String>,
    pub query: Vec<(&'static str, String)>,
    pub body: Option<Bytes>,
    /// Ends the sentence `cannot …`.
    pub what: String,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

#[derive(Clone, Debug)]
pub(super) struct Http {
    client: OriginClient,
    api: Url,
    host: String,
    has_token: bool,
    timeout: Duration,
}

/// Why one attempt brought no answer.
enum Broken {
    Sent(reqwest::Error),
    /// With its first bytes.
    TooLarge(Bytes),
}

/// An answer, or the first bytes of one that is larger than what is read.
pub(super) enum Answered {
    Reply(Reply),
    TooLarge(Bytes),
}

impl Ask {
    pub(super) fn get(path: Vec<String>, what: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path,
            query: Vec::new(),
            body: None,
            what: what.into(),
        }
    }

    /// Makes a question that changes something.
    pub(super) fn write(
        method: Method,
        path: Vec<String>,
        body: &impl Serialize,
        what: impl Into<String>,
    ) -> Result<Self> {
        let what = what.into();
        let body = serde_json::to_vec(body)
            .map_err(|why| Error::failed(format!("cannot {what}")).because(why))?;
        Ok(Self {
            method,
            path,
            query: Vec::new(),
            body: Some(body.into()),
            what,
        })
    }

    pub(super) fn delete(path: Vec<String>, what: impl Into<String>) -> Self {
        Self {
            method: Method::DELETE,
            path,
            query: Vec::new(),
            body: None,
            what: what.into(),
        }
    }

    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    fn is_read(&self) -> bool {
        self.method == Method::GET
    }
}

impl Http {
    pub(super) fn new(place: &Place, options: &Options) -> Result<Self> {
        let host = place.host();
        let reach = Reach {
            ca: options.ca.clone(),
            allow_insecure: options.allow_insecure,
            connect: options.timeout.min(LONGEST_CONNECT),
            ..Reach::new(place.base(), options.timeout)
        };
        let token = options.token.as_ref().map(|token| {
            reach.check_private(&host)?;
            http::secret("token", token).ok_or_else(|| {
                Error::usage(format!(
                    "the token for {host} holds a character that no token has"
                ))
            })
        });
        let mut api = place.base().clone();
        if let Ok(mut path) = api.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1"]);
        }
        let token = token.transpose()?;
        let has_token = token.is_some();
        let client = OriginClient::new(reach, token)
            .map_err(|why| why.of(&format!("the forge at {host}")))?;
        Ok(Self {
            client,
            api,
            host,
            has_token,
            timeout: options.timeout,
        })
    }

    pub(super) fn has_token(&self) -> bool {
        self.has_token
    }

    /// Sends a question. A read is asked again a few times where that may help; what is answered in
    /// the end is returned whatever it is.
    pub(super) async fn ask(&self, ask: &Ask) -> Result<Reply> {
        match self.ask_sized(ask).await? {
            Answered::Reply(reply) => Ok(reply),
            Answered::TooLarge(start) => Err(self.broken(ask, Broken::TooLarge(start))),
        }
    }

    /// The same; an answer that is too large is no error.
    pub(super) async fn ask_sized(&self, ask: &Ask) -> Result<Answered> {
        let answered = |outcome: std::result::Result<Reply, Broken>| match outcome {
            Ok(reply) => Ok(Answered::Reply(reply)),
            Err(Broken::TooLarge(start)) => Ok(Answered::TooLarge(start)),
            Err(why) => Err(self.broken(ask, why)),
        };
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(2))
            .with_max_times(if ask.is_read() { AGAIN } else { 0 })
            .with_jitter()
            .build();
        loop {
            let outcome = self.once(ask).await;
            let wait = match &outcome {
                Err(Broken::Sent(why)) if !why.is_timeout() => Duration::ZERO,
                Ok(reply) if matches!(reply.status.as_u16(), 429 | 502 | 503 | 504) => {
                    reply.wait().unwrap_or_default()
                }
                _ => return answered(outcome),
            };
            match pauses.next() {
                Some(pause) if wait <= LONGEST_WAIT => {
                    tracing::debug!(host = %self.host, what = %ask.what, "asking the forge again");
                    tokio::time::sleep(pause.max(wait)).await;
                }
                _ => return answered(outcome),
            }
        }
    }

    async fn once(&self, ask: &Ask) -> std::result::Result<Reply, Broken> {
        let mut url = self.url(ask);
        let mut reply = self.send(ask, &url).await?;
        for _ in 0..HOPS {
            match reply
                .location(&url)
                .filter(|to| ask.is_read() && to.origin() == url.origin())
            {
                Some(to) => url = to,
                None => break,
            }
            reply = self.send(ask, &url).await?;
        }
        Ok(reply)
    }

    async fn send(&self, ask: &Ask, url: &Url) -> std::result::Result<Reply, Broken> {
        let mut request = self
            .client
            .request(ask.method.clone(), url.clone())
            .header(ACCEPT, "application/json");
        if let Some(body) = &ask.body {
            request = request
                .header(CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let mut response = self.client.send(request).await.map_err(Broken::Sent)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok(Reply {
            status,
            headers,
            body: http::body(&mut response, LIMIT).await?,
        })
    }

    fn url(&self, ask: &Ask) -> Url {
        let mut url = self.api.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&ask.path);
        }
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        url
    }

    fn broken(&self, ask: &Ask, why: Broken) -> Error {
        let host = &self.host;
        let unsure = |error: Error| match ask.is_read() {
            true => error,
            false => error.cause(format!(
                "it was asked to {}, and may have done it",
                ask.what
            )),
        };
        match why {
            Broken::TooLarge(_) => Error::failed(format!("cannot {}", ask.what))
                .cause(format!(
                    "{host} answered with more than {} MiB",
                    LIMIT >> 20
                ))
                .hint("is this the address of a forge?"),
            Broken::Sent(why) if why.is_connect() => {
                let fault = Fault::of(&why);
                Error::outside(format!("cannot reach the forge at {host}"))
                    .cause(fault.cause(host))
                    .hint(fault.hint("--forge"))
            }
            Broken::Sent(why) if why.is_timeout() => {
                let error = Error::outside(format!(
                    "the forge at {host} did not answer within {} s",
                    self.timeout.as_secs_f32().ceil()
                ));
                unsure(error).hint("try again later")
            }
            Broken::Sent(why) => unsure(
                Error::outside(format!("the forge at {host} broke off its answer"))
                    .because(why.without_url()),
            )
            .hint("try again later"),
        }
    }
}

impl Reply {
    /// Returns the time that the forge asks to wait; dates are not sent by the known ones, and are
    /// not read.
    pub(super) fn wait(&self) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?;
        text.trim().parse().ok().map(Duration::from_secs)
    }

    /// Returns where a redirect leads.
    pub(super) fn location(&self, from: &Url) -> Option<Url> {
        let redirect = matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308);
        from.join(
            self.headers
                .get(LOCATION)
                .filter(|_| redirect)?
                .to_str()
                .ok()?,
        )
        .ok()
    }

    /// Returns where a redirect leads that was not followed, without what may be secret in it.
    pub(super) fn leads_to(&self, from: &Url) -> Option<String> {
        let to = self.location(from)?;
        Some(format!("{}://{}{}", to.scheme(), host_of(&to), to.path()))
    }
}

impl From<BodyError> for Broken {
    fn from(why: BodyError) -> Self {
        match why {
            BodyError::TooLarge(start) => Self::TooLarge(start),
            BodyError::Broken(why) => Self::Sent(why),
        }
    }
}
