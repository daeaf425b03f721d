//! How one registry wants to be asked: anonymously, with basic auth, or with a token for each scope
//! (distribution spec, "Token Authentication"). Never sends a credential to anything but the
//! registry and the realm it declared, and no credential to a realm over plain http unless the
//! registry itself is reached so.

use super::docker_config::Credentials;
use super::error::OciError;
use crate::remote::http::is_loopback;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use moka::future::Cache;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};
use tokio::time::Instant;
use url::Url;

/// A token whose life is not told lives this long (distribution spec, "Token Response Fields").
const UNSAID: Duration = Duration::from_secs(60);
/// The longest life that is believed.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How long a scope that was given a new token for a refused one is not given another one.
const REFUSED: Duration = Duration::from_secs(60);

/// What one registry is known to want, and the tokens it gave.
pub(super) struct Auth {
    /// The first request goes alone: it learns for all how the registry wants to be asked.
    pub(super) meeting: OnceCell<()>,
    learned: RwLock<Option<Scheme>>,
    tokens: Cache<String, Arc<Token>>,
    /// When a scope was last given a new token for a refused one.
    renewed: Mutex<HashMap<String, Instant>>,
}

/// The challenge of a 401, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

/// What a request is sent with.
#[derive(Clone)]
pub(super) enum Grant {
    Anonymous,
    Basic(HeaderValue),
    Bearer { scope: String, token: Arc<Token> },
}

/// A bearer token, opaque.
pub(super) struct Token {
    header: HeaderValue,
    until: Instant,
}

/// A request for a token, ready to be sent to the realm.
pub(super) struct TokenRequest {
    pub url: Url,
    pub authorization: Option<HeaderValue>,
    /// A form to POST (OAuth2); a GET without.
    pub form: Option<SecretString>,
}

#[derive(Deserialize)]
struct TokenReply {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Auth {
    pub(super) fn new() -> Self {
        let tokens = Cache::builder().max_capacity(10_000).build();
        Self {
            meeting: OnceCell::new(),
            learned: RwLock::default(),
            tokens,
            renewed: Mutex::default(),
        }
    }

    pub(super) fn learned(&self) -> Option<Scheme> {
        self.learned
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn learn(&self, scheme: Scheme) {
        *self.learned.write().unwrap_or_else(PoisonError::into_inner) = Some(scheme);
    }

    /// Returns the scope's token; whoever comes first asks with `fetch`, the others wait for the
    /// same answer.
    pub(super) async fn token(
        &self,
        scope: &str,
        now: Instant,
        fetch: impl Future<Output = Result<Token, OciError>> + Send,
    ) -> Result<Arc<Token>, OciError> {
        if let Some(old) = self.tokens.get(scope).await
            && old.until <= now
        {
            self.retire(scope, &old).await;
        }
        let fetch = async { fetch.await.map(Arc::new) };
        self.tokens
            .try_get_with_by_ref(scope, fetch)
            .await
            .map_err(|why| OciError::clone(&why))
    }

    /// Forgets a token that is over, unless another task already has a new one.
    async fn retire(&self, scope: &str, old: &Arc<Token>) {
        let _renewed = self.renewed.lock().await;
        self.forget(scope, old).await;
    }

    /// Says whether asking again makes sense after the registry refused a token: another task has
    /// or fetches a new one, or this one is forgotten now. A scope is given a new token for a
    /// refused one once in a while only: what is private stays so with any number of tokens.
    pub(super) async fn renew(&self, scope: &str, refused: &Arc<Token>, now: Instant) -> bool {
        let mut renewed = self.renewed.lock().await;
        if self
            .tokens
            .get(scope)
            .await
            .is_none_or(|current| !Arc::ptr_eq(&current, refused))
        {
            return true;
        }
        if renewed
            .get(scope)
            .is_some_and(|at| now.saturating_duration_since(*at) < REFUSED)
        {
            return false;
        }
        renewed.insert(scope.to_owned(), now);
        self.forget(scope, refused).await;
        true
    }

    /// Forgets a token that the registry refused although it was new.
    pub(super) async fn discard(&self, scope: &str, refused: &Arc<Token>) {
        self.retire(scope, refused).await;
    }

    /// Remembers whether a token that was fetched because of a refusal opened anything: if not,
    /// another one will not either.
    pub(super) async fn tried_anew(&self, scope: &str, opened: bool, now: Instant) {
        let mut renewed = self.renewed.lock().await;
        match opened {
            true => renewed.remove(scope),
            false => renewed.insert(scope.to_owned(), now),
        };
    }

    async fn forget(&self, scope: &str, old: &Arc<Token>) {
        if self
            .tokens
            .get(scope)
            .await
            .is_some_and(|now| Arc::ptr_eq(&now, old))
        {
            self.tokens.invalidate(scope).await;
        }
    }
}

impl Grant {
    pub(super) fn header(&self) -> Option<&HeaderValue> {
        match self {
            Self::Anonymous => None,
            Self::Basic(header) => Some(header),
            Self::Bearer { token, .. } => Some(&token.header),
        }
    }
}

impl Token {
    /// Reads a realm's answer; `why` in the error is a sentence without the answer's text.
    pub(super) fn read(body: &[u8], now: Instant) -> Result<Self, &'static str> {
        let reply: TokenReply =
            serde_json::from_slice(body).map_err(|_| "its answer is not a token")?;
        let filled = |token: &String| !token.is_empty();
        let token = reply
            .token
            .filter(filled)
            .or(reply.access_token.filter(filled))
            .ok_or("its answer holds no token")?;
        let life = reply
            .expires_in
            .map_or(UNSAID, Duration::from_secs)
            .min(LONGEST);
        // A tenth is left for the way and for clocks that differ.
        let until = now + life.mul_f32(0.9);
        let header =
            sensitive(format!("Bearer {token}")).ok_or("its token does not fit into a header")?;
        Ok(Self { header, until })
    }
}

/// Returns the scope that reading a repository takes.
pub(super) fn pull_scope(repository: &str) -> String {
    format!("repository:{repository}:pull")
}

pub(super) fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    match credentials {
        Credentials::Password { username, password } => {
            let plain = SecretString::from(format!("{username}:{}", password.expose_secret()));
            sensitive(format!("Basic {}", STANDARD.encode(plain.expose_secret())))
        }
        Credentials::Identity { .. } => None,
    }
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Reads the challenges of a 401 and takes the one that can be answered, bearer before basic;
/// `None` when there is none.
pub(super) fn challenge(headers: &HeaderMap, registry: &Url) -> Result<Option<Scheme>, String> {
    let mut basic = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let text = value
            .to_str()
            .map_err(|_| "its challenge is not readable")?;
        for one in http_auth::parse_challenges(text).map_err(|_| "its challenge is not readable")? {
            if one.scheme.eq_ignore_ascii_case("bearer") {
                return bearer(&one, registry).map(Some);
            }
            if one.scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Scheme::Basic);
            }
        }
    }
    Ok(basic)
}

fn bearer(challenge: &http_auth::ChallengeRef<'_>, registry: &Url) -> Result<Scheme, String> {
    let param = |name: &str| {
        let found = challenge
            .params
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.to_unescaped())
    };
    let realm = param("realm").ok_or("its challenge names no realm")?;
    let realm = Url::parse(&realm).map_err(|_| "the realm of its challenge is no URL")?;
    check_realm(&realm, registry)?;
    Ok(Scheme::Bearer {
        realm,
        service: param("service"),
    })
}

/// Whether a token realm may see a registry's credentials: it is on the same host, or is known to
/// be the registry's.
pub(super) fn is_realm_of(realm: &Url, registry: &Url) -> bool {
    let (realm, registry) = (realm.host_str(), registry.host_str());
    realm == registry
        || matches!(
            (registry, realm),
            (Some("registry-1.docker.io"), Some("auth.docker.io"))
                | (Some("registry.gitlab.com"), Some("gitlab.com"))
                | (Some("docker.elastic.co"), Some("docker-auth.elastic.co"))
        )
}

/// Whether a registry says that the token it was sent is none of its own. What is private it
/// refuses in other words.
pub(super) fn is_invalid_token(headers: &HeaderMap) -> bool {
    let challenges = headers.get_all(WWW_AUTHENTICATE).into_iter();
    let texts = challenges.filter_map(|value| value.to_str().ok());
    let mut parsed = texts.filter_map(|text| http_auth::parse_challenges(text).ok());
    parsed.any(|all| {
        let mut params = all.iter().flat_map(|one| &one.params);
        params.any(|(key, value)| {
            key.eq_ignore_ascii_case("error") && value.to_unescaped() == "invalid_token"
        })
    })
}

/// A realm is https, or as plain as the registry is and then on its host or on loopback.
fn check_realm(realm: &Url, registry: &Url) -> Result<(), String> {
    let name = realm.host_str().unwrap_or_default();
    let near = registry.scheme() == "http"
        && (realm.host_str() == registry.host_str() || is_loopback(realm));
    let fine = realm.scheme() == "https" || realm.scheme() == "http" && near;
    if !fine || name.is_empty() {
        return Err(format!(
            "its token realm on `{name}` is reached over {}",
            realm.scheme()
        ));
    }
    if !realm.username().is_empty() || realm.password().is_some() {
        return Err(format!("its token realm on `{name}` holds credentials"));
    }
    Ok(())
}

/// Builds the request for a token: GET with basic auth or nothing, or the OAuth2 POST for an
/// identity token.
pub(super) fn token_request(
    realm: &Url,
    service: Option<&str>,
    scope: &str,
    credentials: Option<&Credentials>,
) -> TokenRequest {
    let mut url = realm.clone();
    if let Some(Credentials::Identity { token }) = credentials {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token")
            .append_pair("client_id", "pintle")
            .append_pair("scope", scope);
        form.extend_pairs(service.map(|service| ("service", service)));
        form.append_pair("refresh_token", token.expose_secret());
        return TokenRequest {
            url,
            authorization: None,
            form: Some(form.finish().into()),
        };
    }
    url.query_pairs_mut()
        .extend_pairs(service.map(|service| ("service", service)))
        .append_pair("scope", scope);
    TokenRequest {
        url,
        authorization: credentials.and_then(basic),
        form: None,
    }
}

#[cfg(test)]
mod tests;
