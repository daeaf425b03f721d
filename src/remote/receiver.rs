//! Sends messages to people: to Slack-compatible webhooks, ntfy, and programs that take JSON. The
//! address is a secret as a token is: it is shown nowhere, and sent to nobody but its host. Never
//! decides whether a message is due, and never sends one again that may have arrived, unless its
//! receiver can tell by the id.

mod book;

pub use book::AddressBook;

use super::http::{self, Fault, OriginClient, Reach, host_of};
use crate::error::{Error, Result};
use crate::model::message::{MessageLevel, ReceiverKind};
use backon::{BackoffBuilder, ExponentialBuilder};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::Duration;
use url::Url;

/// No answer is read beyond this.
const LIMIT: usize = 64 << 10;
/// How often a message is sent again.
const AGAIN: usize = 3;
/// A receiver that asks to wait longer gets the message no more.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The header with the signature, as Flux has it: `sha256=<hex>`.
const SIGNATURE: &str = "x-signature";
/// The header with the id, by which a program can leave out what it has.
const ID: &str = "x-pintle-id";

/// Where a receiver is. Given by files or the environment, never by the repo.
#[derive(Clone)]
pub struct Address {
    /// For ntfy with the topic: `https://ntfy.example.org/pintle`.
    pub url: SecretString,
    /// Sent as a bearer token.
    pub token: Option<SecretString>,
    /// What JSON is signed with.
    pub secret: Option<SecretString>,
}

/// How receivers are reached.
#[derive(Clone, Debug)]
pub struct Options {
    /// Authorities to trust besides the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// Lets messages cross a network over plain http.
    pub allow_insecure: bool,
    /// For one request, with its answer.
    pub timeout: Duration,
    /// The wait before a message is sent again the first time; it grows fourfold.
    pub pause: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca: None,
            allow_insecure: false,
            timeout: Duration::from_secs(10),
            pause: Duration::from_secs(1),
        }
    }
}

/// One message in words and values.
#[derive(Clone, Debug)]
pub struct Post {
    pub id: String,
    pub level: MessageLevel,
    pub title: String,
    pub text: String,
    /// What a click opens.
    pub url: Option<Url>,
    /// All of it, for programs.
    pub values: Value,
}

/// One receiver. Not to be printed: its address is a secret.
#[derive(Clone)]
pub struct Client {
    http: OriginClient,
    name: String,
    kind: ReceiverKind,
    to: Url,
    /// Of ntfy.
    topic: String,
    secret: Option<SecretString>,
    pause: Duration,
    timeout: Duration,
}

/// Why one attempt did not succeed.
enum Undelivered {
    Sent(reqwest::Error),
    Status(StatusCode, Option<Duration>),
}

impl Client {
    /// Makes a client; sends nothing yet. Refuses an address that cannot be read, and one that
    /// would cross a network in the clear. No error shows the address.
    pub fn new(
        name: &str,
        kind: ReceiverKind,
        address: &Address,
        options: &Options,
    ) -> Result<Self> {
        crate::remote::install_tls();
        let (to, topic) = read_address(name, kind, &address.url)?;
        let server = format!("the receiver {name} at {}", host_of(&to));
        let reach = Reach {
            ca: options.ca.clone(),
            allow_insecure: options.allow_insecure,
            ..Reach::new(&to, options.timeout)
        };
        if !reach.is_private(&to) {
            return Err(Error::usage(format!(
                "messages for {server} would be sent without encryption"
            ))
            .hint("use https://, or allow it with --insecure-http"));
        }
        let token = address.token.as_ref().map(|token| {
            http::secret("Bearer", token).ok_or_else(|| {
                Error::usage(format!(
                    "the token for {server} holds a character that no token has"
                ))
            })
        });
        let http = OriginClient::new(reach, token.transpose()?).map_err(|why| why.of(&server))?;
        Ok(Self {
            http,
            name: name.to_owned(),
            kind,
            to,
            topic,
            secret: address.secret.clone(),
            pause: options.pause,
            timeout: options.timeout,
        })
    }

    /// Sends a message, again a few times where that may help and cannot send it twice.
    pub async fn deliver(&self, post: &Post) -> Result<()> {
        let mut pauses = ExponentialBuilder::new()
            .with_min_delay(self.pause)
            .with_factor(4.0)
            .with_max_times(AGAIN)
            .with_jitter()
            .build();
        let body = self.body(post)?;
        loop {
            let why = match self.send_once(post, &body).await {
                Ok(()) => return Ok(()),
                Err(why) => why,
            };
            let wait = self.wait_before_retry(&why);
            match wait.zip(pauses.next()) {
                Some((wait, pause)) if wait <= LONGEST_WAIT => {
                    tracing::debug!(receiver = self.name, "sending a message again");
                    tokio::time::sleep(pause.max(wait)).await;
                }
                _ => return Err(self.undelivered(why)),
            }
        }
    }

    async fn send_once(&self, post: &Post, body: &[u8]) -> std::result::Result<(), Undelivered> {
        let mut request = self
            .http
            .request(Method::POST, self.to.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_vec());
        if self.kind == ReceiverKind::Webhook {
            request = request.header(ID, &post.id);
            if let Some(signature) = self.sign(body) {
                request = request.header(SIGNATURE, signature);
            }
        }
        let mut response = self.http.send(request).await.map_err(Undelivered::Sent)?;
        let status = response.status();
        if status.is_success() {
            // What it says is not needed, and the connection can be used again.
            drop(http::body(&mut response, LIMIT).await);
            return Ok(());
        }
        let seconds = response.headers().get(RETRY_AFTER);
        let seconds = seconds.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Err(Undelivered::Status(
            status,
            seconds.map(Duration::from_secs),
        ))
    }

    fn sign(&self, body: &[u8]) -> Option<String> {
        let secret = self.secret.as_ref()?;
        let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
        let code = mac.chain_update(body).finalize().into_bytes();
        Some(format!("sha256={}", hex::encode(code)))
    }

    fn body(&self, post: &Post) -> Result<Vec<u8>> {
        let value = match self.kind {
            ReceiverKind::Slack => json!({ "text": post.text }),
            ReceiverKind::Ntfy => json!({
                "topic": self.topic,
                "title": post.title,
                "message": post.text,
                "priority": match post.level {
                    MessageLevel::Info => 3,
                    MessageLevel::Warning => 4,
                    MessageLevel::Error => 5,
                },
                "tags": [match post.level {
                    MessageLevel::Info => "information_source",
                    MessageLevel::Warning => "warning",
                    MessageLevel::Error => "rotating_light",
                }],
                "click": post.url.as_ref().map(Url::as_str),
            }),
            ReceiverKind::Webhook => {
                let mut values = post.values.clone();
                if let Some(object) = values.as_object_mut() {
                    object.insert("text".into(), post.text.clone().into());
                }
                values
            }
        };
        serde_json::to_vec(&value)
            .map_err(|why| Error::failed("a message cannot be written as JSON").because(why))
    }

    /// Returns how long the receiver wants to be left alone before the message is sent again;
    /// `None` if it must not be.
    fn wait_before_retry(&self, why: &Undelivered) -> Option<Duration> {
        let knows_ids = self.kind == ReceiverKind::Webhook;
        match why {
            Undelivered::Sent(why) => (why.is_connect() || knows_ids).then_some(Duration::ZERO),
            Undelivered::Status(status, wait) => {
                matches!(status.as_u16(), 408 | 429 | 500..=599).then_some(wait.unwrap_or_default())
            }
        }
    }

    fn undelivered(&self, why: Undelivered) -> Error {
        let host = host_of(&self.to);
        let receiver = format!("the receiver {} at {host}", self.name);
        match why {
            Undelivered::Sent(why) if why.is_connect() => {
                let fault = Fault::of(&why);
                Error::outside(format!("cannot reach {receiver}"))
                    .cause(fault.cause(&host))
                    .hint(fault.hint("its address"))
            }
            Undelivered::Sent(why) if why.is_timeout() => Error::outside(format!(
                "{receiver} did not answer within {} s",
                self.timeout.as_secs_f32().ceil()
            ))
            .hint("the message may have arrived"),
            Undelivered::Sent(why) => Error::outside(format!("{receiver} broke off its answer"))
                .because(why.without_url()),
            Undelivered::Status(status, _) => {
                let error = Error::outside(format!("{receiver} answered {status}"));
                match status.as_u16() {
                    300..=399 => error.hint("it leads to another address; give that one"),
                    401 | 403 => error.hint("check its token"),
                    404 | 410 => error.hint("check its address; it may have been revoked"),
                    _ => error,
                }
            }
        }
    }
}

/// Returns what is asked, and the topic. No error shows the text: it is a secret.
fn read_address(name: &str, kind: ReceiverKind, text: &SecretString) -> Result<(Url, String)> {
    let wrong = |why: &str| {
        Error::usage(format!("the address of the receiver {name} cannot be used")).cause(why)
    };
    let mut url = Url::parse(text.expose_secret().trim()).map_err(|why| wrong(&why.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("it starts with neither https:// nor http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("it has a user or a password in it").hint("give a token instead"));
    }
    if kind != ReceiverKind::Ntfy {
        return Ok((url, String::new()));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    match path.rsplit_once('/') {
        Some((base, topic)) if !topic.is_empty() => {
            let topic = topic.to_owned();
            url.set_path(&format!("{base}/"));
            Ok((url, topic))
        }
        _ => Err(wrong("it names no topic").hint("write it as https://ntfy.example.org/topic")),
    }
}

#[cfg(test)]
mod tests;
