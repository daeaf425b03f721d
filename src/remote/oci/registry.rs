//! One registry: where it is, how it wants to be asked, how much it bears. Never knows another
//! registry.

use super::auth::{self, Auth, Grant, Scheme, Token, TokenRequest};
use super::docker_config::Credentials;
use super::error::OciError;
use super::keychain::Keychain;
use super::limits::{Burden, Limits, Now};
use super::options::{Options, RegistryOptions};
use super::wire::{self, CONFIG_LIMIT, ERROR_LIMIT, LIST_LIMIT, MANIFEST_LIMIT, Reply};
use crate::model::digest::Digest;
use crate::remote::http::{self, BodyError, Fault, OriginClient, Reach, host_of};
use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_NONE_MATCH, LOCATION};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// More attempts after the first.
const RETRIES: usize = 2;
/// How often a request is sent again after a 429 that ends soon.
const WAITS: usize = 3;
const RETRY_DELAY: Duration = Duration::from_millis(200);
/// Redirects within the registry, where nothing but the path changes.
const REDIRECTS: usize = 3;
const TOKEN_LIMIT: usize = 256 << 10;

pub(super) struct Registry {
    pub(super) host: String,
    /// What failures name: the registry, or its cache.
    shown: String,
    /// The address that is really asked: `127.0.0.1:5000`.
    asked: String,
    /// Ends with a slash: `https://ghcr.io/`, `http://127.0.0.1:5000/docker.io/`.
    pub(super) base: Url,
    repository_prefix: Option<String>,
    pub(super) redirects_to: Vec<String>,
    pub(super) own_credentials: Option<Credentials>,
    pub(super) keychain: Option<Arc<Keychain>>,
    pub(super) http: OriginClient,
    auth: Auth,
    pub(super) limits: Limits,
    timeout: Duration,
    /// Whether a manifest may be somewhere else; a cache answers itself.
    pub(super) sends_on: bool,
    /// Whether it answers HEAD in a way that cannot be used.
    refuses_head: AtomicBool,
    /// Tags and digests that a GET has confirmed to be missing.
    missing: Mutex<HashSet<String>>,
}

/// What is asked for, and whom.
#[derive(Clone)]
pub(super) struct Place {
    pub registry: Arc<Registry>,
    pub repository: Arc<str>,
    pub part: Part,
    /// A tag or a digest; of the tags the end of the address: `list?n=1000`.
    pub reference: Arc<str>,
    /// Asks for nothing that still has this entity tag.
    pub unless: Option<HeaderValue>,
}

/// What of a repository is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Manifest,
    /// Small ones only: the config of an image.
    Config,
    /// A page of the list of tags.
    Tags,
}

impl Part {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Manifest => "manifests",
            Self::Config => "blobs",
            Self::Tags => "tags",
        }
    }

    fn accept(self) -> &'static str {
        match self {
            Self::Manifest => wire::ACCEPT,
            Self::Config => "*/*",
            Self::Tags => "application/json",
        }
    }

    fn limit(self) -> usize {
        match self {
            Self::Manifest => MANIFEST_LIMIT,
            Self::Config => CONFIG_LIMIT,
            Self::Tags => LIST_LIMIT,
        }
    }
}

pub(super) enum Answer {
    Reply(Reply),
    /// Another registry is to be asked.
    Elsewhere {
        host: String,
        /// Over http, on this machine.
        is_plain: bool,
        repository: String,
        reference: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.part == Part::Tags {
            return write!(f, "{}/{}", self.registry.host, self.repository);
        }
        let mark = if self.reference.contains(':') {
            '@'
        } else {
            ':'
        };
        write!(
            f,
            "{}/{}{mark}{}",
            self.registry.host, self.repository, self.reference
        )
    }
}

impl Place {
    fn key(&self) -> String {
        format!("{}\n{}", self.repository, self.reference)
    }

    /// Returns the digest that the answer's header names; `None` without the header.
    pub(super) fn digest(&self, reply: &Reply) -> Result<Option<Digest>, OciError> {
        reply.digest().map_err(|header| OciError::BadDigest {
            host: self.registry.host.clone(),
            at: self.to_string(),
            header,
        })
    }

    /// Returns the digest of the answer's bytes, which its header has to agree with if there is
    /// one.
    pub(super) fn hashed(&self, reply: &Reply) -> Result<Digest, OciError> {
        let got = wire::sha256(&reply.body);
        match self.digest(reply)? {
            Some(want) if want != got => Err(OciError::Mismatch {
                host: self.registry.host.clone(),
                at: self.to_string(),
                want: want.to_string(),
                got,
            }),
            _ => Ok(got),
        }
    }
}

impl Registry {
    /// `sends_on` says whether redirects of manifests to other hosts are followed.
    pub(super) fn new(
        options: &Options,
        own: RegistryOptions,
        sends_on: bool,
    ) -> Result<Self, OciError> {
        let setup = |why: &str| OciError::Setup {
            host: own.host.clone(),
            why: why.to_owned(),
        };
        let base = base(&own).ok_or_else(|| {
            setup("its endpoint is not an http or https URL without credentials and query")
        })?;
        let asked = match own.endpoint {
            Some(_) => host_of(&base),
            None => own.host.clone(),
        };
        let shown = match own.is_cache {
            true => format!("the cache {asked}"),
            false => own.host.clone(),
        };
        let burden = Burden {
            concurrency: own.max_concurrency,
            per_second: own.requests_per_second,
            longest_wait: options.longest_wait,
        };
        let password = |(username, password)| Credentials::Password { username, password };
        Ok(Self {
            http: client(options, &own, &base).map_err(setup)?,
            limits: Limits::new(&shown, burden),
            host: own.host,
            shown,
            asked,
            base,
            repository_prefix: own.repository_prefix.filter(|prefix| !prefix.is_empty()),
            redirects_to: own.redirects_to,
            own_credentials: own.username.zip(own.password).map(password),
            keychain: options.keychain.clone(),
            auth: Auth::new(),
            timeout: options.timeout,
            sends_on,
            refuses_head: AtomicBool::new(false),
            missing: Mutex::default(),
        })
    }

    pub(super) fn refuses_head(&self) -> bool {
        self.refuses_head.load(Ordering::Relaxed)
    }

    /// Remembers that HEAD cannot be used here: 405, 400 or 501, or a 404 that a GET contradicts.
    pub(super) fn remember_refused_head(&self) {
        self.refuses_head.store(true, Ordering::Relaxed);
    }

    /// Says whether a GET has confirmed before that this is missing.
    pub(super) fn is_known_missing(&self, place: &Place) -> bool {
        self.missing().contains(&place.key())
    }

    /// Remembers whether this is missing.
    pub(super) fn remember_missing(&self, place: &Place, is_missing: bool) {
        if is_missing {
            self.missing().insert(place.key());
        } else {
            self.missing().remove(&place.key());
        }
    }

    fn missing(&self) -> MutexGuard<'_, HashSet<String>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a manifest. Everything but a 200 or a redirect to a known host is an error.
    pub(super) async fn ask(&self, method: &Method, place: &Place) -> Result<Answer, OciError> {
        let _slot = self.limits.slot().await;
        if !self.auth.meeting.initialized() {
            // Whoever comes first learns for all how the registry wants to be asked.
            let mut first = None;
            self.auth
                .meeting
                .get_or_init(async || first = Some(self.authorised(method, place).await))
                .await;
            if let Some(reply) = first {
                return self.judge(method, reply?, place).await;
            }
        }
        self.judge(method, self.authorised(method, place).await?, place)
            .await
    }

    /// Asks, and once more when the registry wants to know (again) who asks.
    async fn authorised(&self, method: &Method, place: &Place) -> Result<Reply, OciError> {
        let grant = self.grant(place).await?;
        let reply = self.follow(method, place, &grant).await?;
        if reply.status != StatusCode::UNAUTHORIZED {
            return Ok(reply);
        }
        let scheme = auth::challenge(&reply.headers, &self.base);
        let scheme = scheme.map_err(|why| OciError::Challenge {
            host: self.host.clone(),
            why,
        })?;
        let again = match (grant, scheme) {
            (Grant::Anonymous, Some(scheme)) => {
                self.auth.learn(scheme);
                true
            }
            (Grant::Bearer { scope, token }, Some(scheme @ Scheme::Bearer { .. })) => {
                self.auth.learn(scheme);
                self.auth.renew(&scope, &token, Instant::now()).await
            }
            _ => false,
        };
        if !again {
            return Ok(reply);
        }
        let grant = self.grant(place).await?;
        if let Grant::Anonymous = grant {
            return Ok(reply);
        }
        let reply = self.follow(method, place, &grant).await?;
        let (grant, reply) = self.insist(method, place, grant, reply).await?;
        if let Grant::Bearer { scope, .. } = &grant {
            self.auth
                .tried_anew(
                    scope,
                    reply.status != StatusCode::UNAUTHORIZED,
                    Instant::now(),
                )
                .await;
        }
        Ok(reply)
    }

    /// Asks again when a registry refuses a token that is new: with the same one, since its servers
    /// may not all know it yet, and with another one.
    async fn insist(
        &self,
        method: &Method,
        place: &Place,
        grant: Grant,
        reply: Reply,
    ) -> Result<(Grant, Reply), OciError> {
        let refused = |reply: &Reply| {
            reply.status == StatusCode::UNAUTHORIZED && auth::is_invalid_token(&reply.headers)
        };
        let Grant::Bearer { scope, token } = &grant else {
            return Ok((grant, reply));
        };
        if !refused(&reply) {
            return Ok((grant, reply));
        }
        let reply = self.follow(method, place, &grant).await?;
        if !refused(&reply) {
            return Ok((grant, reply));
        }
        self.auth.discard(scope, token).await;
        let grant = self.grant(place).await?;
        let reply = self.follow(method, place, &grant).await?;
        Ok((grant, reply))
    }

    /// Returns what the next request is sent with, as far as the registry is known.
    async fn grant(&self, place: &Place) -> Result<Grant, OciError> {
        match self.learned() {
            None => Ok(Grant::Anonymous),
            Some(Scheme::Basic) => Ok(self
                .credentials_for_basic(place)
                .await?
                .and_then(|found| auth::basic(&found))
                .map_or(Grant::Anonymous, Grant::Basic)),
            Some(Scheme::Bearer { realm, service }) => {
                let scope = auth::pull_scope(&self.repository(place));
                let credentials = self.credentials_for_realm(&realm, place).await?;
                let request =
                    auth::token_request(&realm, service.as_deref(), &scope, credentials.as_ref());
                let token = self
                    .auth
                    .token(&scope, Instant::now(), self.fetch_token(request, &scope))
                    .await?;
                Ok(Grant::Bearer { scope, token })
            }
        }
    }

    async fn fetch_token(&self, request: TokenRequest, scope: &str) -> Result<Token, OciError> {
        let realm = request.url.host_str().unwrap_or_default().to_owned();
        let failed = |why: String| OciError::Token {
            host: self.host.clone(),
            realm: realm.clone(),
            scope: scope.to_owned(),
            why,
        };
        let built = || {
            let asked = match &request.form {
                None => self.http.request(Method::GET, request.url.clone()),
                Some(form) => {
                    let asked = self.http.request(Method::POST, request.url.clone());
                    asked
                        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                        .body(form.expose_secret().to_owned())
                }
            };
            with(asked, request.authorization.as_ref())
        };
        let reply = self.send(built, &realm, TOKEN_LIMIT, false).await?;
        match reply.status {
            StatusCode::OK => {
                Token::read(&reply.body, Instant::now()).map_err(|why| failed(why.to_owned()))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(self
                .limits
                .refusal(Instant::now())
                .unwrap_or_else(|| failed("it answered 429".to_owned()))),
            status => Err(failed(format!("it answered {}", status.as_u16()))),
        }
    }

    /// Sends one request, and on along redirects that stay on this registry; for a blob also along
    /// those to its storage.
    async fn follow(
        &self,
        method: &Method,
        place: &Place,
        grant: &Grant,
    ) -> Result<Reply, OciError> {
        let mut url = self.url(place)?;
        for _ in 0..REDIRECTS {
            let counted = *method == Method::GET && place.part == Part::Manifest;
            let built = || {
                let asked = self
                    .http
                    .request(method.clone(), url.clone())
                    .header(ACCEPT, place.part.accept());
                let asked = match &place.unless {
                    Some(etag) => asked.header(IF_NONE_MATCH, etag.clone()),
                    None => asked,
                };
                with(asked, grant.header())
            };
            let reply = self
                .send(built, &place.to_string(), place.part.limit(), counted)
                .await?;
            match location(&reply, &url) {
                Some(to) if to.origin() == url.origin() => url = to,
                Some(to) if place.part == Part::Config && !self.may_send_to(&to) => {
                    return self.stored(place, to).await;
                }
                _ => return Ok(reply),
            }
        }
        Err(self.redirected(place, &url, "it is one redirect too many"))
    }

    /// Sends a request, and again when the way there was broken.
    async fn send(
        &self,
        built: impl Fn() -> RequestBuilder,
        at: &str,
        limit: usize,
        counted: bool,
    ) -> Result<Reply, OciError> {
        let once = || async {
            self.limits.turn(counted).await?;
            let sent = Instant::now();
            let reply = self.exchange(built(), at, limit).await;
            if let Err(why @ (OciError::Unreachable { .. } | OciError::Timeout { .. })) = &reply {
                self.limits.failed(why, sent, Now::read());
            }
            let reply = reply?;
            self.limits.heard(reply.status, &reply.headers, Now::read());
            match reply.status.as_u16() {
                status @ 502..=504 => Err(OciError::Status {
                    host: self.shown.clone(),
                    at: at.to_owned(),
                    status,
                }),
                _ => Ok(reply),
            }
        };
        let pauses = ExponentialBuilder::default()
            .with_min_delay(RETRY_DELAY)
            .with_max_times(RETRIES)
            .with_jitter();
        for _ in 0..WAITS {
            let reply = once.retry(pauses).when(OciError::is_passing).await?;
            if reply.status != StatusCode::TOO_MANY_REQUESTS || !self.limits.opens_soon() {
                return Ok(reply);
            }
        }
        once().await
    }

    pub(super) async fn exchange(
        &self,
        request: RequestBuilder,
        at: &str,
        limit: usize,
    ) -> Result<Reply, OciError> {
        let sent = self.http.send(request).await;
        let mut response = sent.map_err(|why| self.broken(&why, at))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match status {
            StatusCode::OK => http::body(&mut response, limit).await,
            // What cannot be read is no error of a registry.
            StatusCode::NOT_FOUND => Ok(http::body(&mut response, ERROR_LIMIT)
                .await
                .unwrap_or_default()),
            _ => Ok(Bytes::new()),
        };
        let body = body.map_err(|why| match why {
            BodyError::TooLarge(_) => OciError::TooLarge {
                at: at.to_owned(),
                limit,
            },
            BodyError::Broken(why) => self.broken(&why, at),
        })?;
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    fn broken(&self, why: &reqwest::Error, at: &str) -> OciError {
        if why.is_timeout() && !why.is_connect() {
            return OciError::Timeout {
                host: self.shown.clone(),
                at: at.to_owned(),
                limit: self.timeout,
            };
        }
        let host = self.shown.clone();
        match Fault::of(why) {
            Fault::PlainHttp => OciError::PlainHttp {
                hint: match self.asked == self.host {
                    true => "set `plain_http`",
                    false => "set its address with http://",
                },
                host: self.asked.clone(),
            },
            Fault::Other(why) if !host.ends_with(&self.asked) => OciError::Unreachable {
                why: format!("{why} (asked at {})", self.asked),
                host,
            },
            fault => OciError::Unreachable {
                why: fault.cause(&self.asked),
                host,
            },
        }
    }

    async fn judge(
        &self,
        method: &Method,
        reply: Reply,
        place: &Place,
    ) -> Result<Answer, OciError> {
        let (host, at) = (self.shown.clone(), place.to_string());
        match reply.status.as_u16() {
            200 if place.part == Part::Manifest
                && wire::document_kind(&reply.media_type()).is_none() =>
            {
                let found = reply.media_type();
                Err(OciError::WrongType { host, at, found })
            }
            200 => Ok(Answer::Reply(reply)),
            304 if place.unless.is_some() => Ok(Answer::Reply(reply)),
            301 | 302 | 303 | 307 | 308 => self.follow_redirect(&reply, place),
            status @ (401 | 403) => {
                let credentials = self.evidence(place).await;
                Err(OciError::Denied {
                    host,
                    at,
                    status,
                    credentials,
                })
            }
            // A web server's page says nothing about images. The answer to a HEAD has no body: the
            // caller asks further.
            404 if reply.is_registry_error()
                || *method == Method::HEAD && reply.media_type() != "text/html" =>
            {
                Err(OciError::NotFound { at })
            }
            429 => Err(self
                .limits
                .refusal(Instant::now())
                .unwrap_or(OciError::Status {
                    host,
                    at,
                    status: 429,
                })),
            status => Err(OciError::Status { host, at, status }),
        }
    }

    /// How the registry wants to be asked, as far as it is known.
    pub(super) fn learned(&self) -> Option<Scheme> {
        self.auth.learned()
    }

    /// The repository as the registry that is really asked calls it.
    pub(super) fn repository(&self, place: &Place) -> String {
        match &self.repository_prefix {
            Some(prefix) => format!("{}/{}", prefix.trim_matches('/'), place.repository),
            None => place.repository.to_string(),
        }
    }

    pub(super) fn url(&self, place: &Place) -> Result<Url, OciError> {
        let path = format!(
            "v2/{}/{}/{}",
            self.repository(place),
            place.part.path(),
            place.reference
        );
        let setup = |_| OciError::Setup {
            host: self.host.clone(),
            why: format!("`{path}` is not a path"),
        };
        self.base.join(&path).map_err(setup)
    }
}

fn with(request: RequestBuilder, authorization: Option<&HeaderValue>) -> RequestBuilder {
    match authorization {
        Some(value) => request.header(AUTHORIZATION, value.clone()),
        None => request,
    }
}

/// Returns where a redirect leads.
pub(super) fn location(reply: &Reply, from: &Url) -> Option<Url> {
    let redirect = matches!(reply.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let text = reply
        .headers
        .get(LOCATION)
        .filter(|_| redirect)?
        .to_str()
        .ok()?;
    from.join(text).ok()
}

fn base(own: &RegistryOptions) -> Option<Url> {
    let mut url = match &own.endpoint {
        Some(endpoint) => endpoint.clone(),
        None => {
            let host = if own.host == "docker.io" {
                "registry-1.docker.io"
            } else {
                &own.host
            };
            let scheme = if own.plain_http { "http" } else { "https" };
            Url::parse(&format!("{scheme}://{host}/")).ok()?
        }
    };
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && bare).then_some(url)
}

fn client(
    options: &Options,
    own: &RegistryOptions,
    base: &Url,
) -> Result<OriginClient, &'static str> {
    let ca = own.ca_pem.as_ref().or(options.ca_pem.as_ref());
    let reach = Reach {
        ca: ca.cloned(),
        allow_insecure: options.allow_insecure,
        connect: options.connect_timeout,
        ..Reach::new(base, options.timeout)
    };
    OriginClient::new(reach, None).map_err(http::Unset::why)
}

#[cfg(test)]
mod tests;
