//! What GitHub, or an instance of GitHub Enterprise, says changed in a repository: its releases,
//! read through octocrab. Never writes, never follows to another host, never asks again while it
//! was told to wait.
//!
//! octocrab runs over our own reqwest client, so that certificates, proxies, time limits and TLS
//! are those of everything else here.

use super::http::{self, Fault, Reach, host_of};
use crate::error::{Error, Result as Checked};
use jiff::{SignedDuration, Timestamp};
use octocrab::Octocrab;
use octocrab::models::repos;
use reqwest::header::HeaderMap;
use secrecy::SecretString;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;
use url::Url;

/// One page: GitHub's own default.
pub const PAGE: u8 = 30;
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long it is left alone after a refusal that does not say how long ("at least one minute",
/// GitHub's best practices) …
const UNSAID: SignedDuration = SignedDuration::from_mins(1);
/// … and the longest that is believed.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub tag: String,
    pub name: String,
    pub body: String,
    pub published_at: Option<Timestamp>,
    pub url: Url,
    pub draft: bool,
    pub prerelease: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GithubError {
    #[error("{host} shows no repository {repository}")]
    NotFound { host: String, repository: String },
    /// The rate limit is used up, or was when it was asked before.
    #[error("{host} asked to wait until {until}")]
    Limited { host: String, until: Timestamp },
    #[error("{host} answered {status} for {repository}")]
    Status {
        host: String,
        repository: String,
        status: u16,
    },
    #[error("cannot ask {host}: {why}")]
    Failed { host: String, why: String },
}

/// Asks one instance. Cheap to clone; clones share connections and patience.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    api: Url,
    http: reqwest::Client,
    /// Made when it is first needed: it starts a task.
    crab: OnceCell<Octocrab>,
    closed_until: Mutex<Option<Timestamp>>,
}

impl GithubError {
    /// Whether asking again in another pass may help.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NotFound { .. } => false,
            Self::Status { status, .. } => *status >= 500,
            Self::Limited { .. } | Self::Failed { .. } => true,
        }
    }
}

impl Client {
    /// Makes a client; asks nothing yet. `ca` is trusted besides the system's authorities. Refuses
    /// a token that would cross a network in the clear.
    pub fn new(api: &Url, token: Option<&SecretString>, ca: Option<&[u8]>) -> Checked<Self> {
        Self::with_timeout(api, token, ca, TIMEOUT)
    }

    fn with_timeout(
        api: &Url,
        token: Option<&SecretString>,
        ca: Option<&[u8]>,
        timeout: Duration,
    ) -> Checked<Self> {
        crate::remote::install_tls();
        let mut api = api.clone();
        let bare = api.username().is_empty()
            && api.password().is_none()
            && api.query().is_none()
            && api.fragment().is_none();
        if !matches!(api.scheme(), "http" | "https") || !api.has_host() || !bare {
            return Err(Error::usage("the address of GitHub's API is not an http or https URL without credentials and query")
                .hint("github.com's is https://api.github.com, that of GitHub Enterprise https://github.example.org/api/v3"));
        }
        if !api.path().ends_with('/') {
            api.set_path(&format!("{}/", api.path()));
        }
        let http = client(&api, token, ca, timeout)?;
        Ok(Self {
            inner: Arc::new(Inner {
                api,
                http,
                crab: OnceCell::new(),
                closed_until: Mutex::default(),
            }),
        })
    }

    /// Says whether the repositories of a host (`github.com`, `github.example.org:8443`) are asked
    /// for here: those of the instance itself where the address is that of an Enterprise
    /// (`/api/v3`), else those of github.com.
    pub fn serves(&self, source: &str) -> bool {
        match self.inner.api.path().starts_with("/api/v3") {
            true => source == host_of(&self.inner.api),
            false => matches!(source, "github.com" | "www.github.com"),
        }
    }

    /// Returns the newest releases of a repository, newest first: at most a page of them. Drafts
    /// are visible to writers only.
    pub async fn releases(&self, owner: &str, repo: &str) -> Result<Vec<Release>, GithubError> {
        if let Some(until) = self.closed(Timestamp::now()) {
            return Err(GithubError::Limited {
                host: host_of(&self.inner.api),
                until,
            });
        }
        let crab = self
            .inner
            .crab
            .get_or_try_init(|| async { self.octocrab() })
            .await?;
        http::count(&self.inner.api);
        let page = crab
            .repos(owner, repo)
            .releases()
            .list()
            .per_page(PAGE)
            .send()
            .await;
        let page =
            page.map_err(|why| self.failed(&format!("{owner}/{repo}"), &why, Timestamp::now()))?;
        Ok(page.items.into_iter().map(release).collect())
    }

    fn octocrab(&self) -> Result<Octocrab, GithubError> {
        let built = Octocrab::builder().base_uri(self.inner.api.as_str());
        let built = built.and_then(|builder| builder.build_with_reqwest(self.inner.http.clone()));
        built.map_err(|why| GithubError::Failed {
            host: host_of(&self.inner.api),
            why: why.to_string(),
        })
    }

    fn closed(&self, now: Timestamp) -> Option<Timestamp> {
        self.inner
            .closed_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .filter(|until| now < *until)
    }

    /// Says what an error means, and remembers until when nothing more is to be asked.
    fn failed(&self, repository: &str, why: &octocrab::Error, now: Timestamp) -> GithubError {
        let (host, repository) = (host_of(&self.inner.api), repository.to_owned());
        let octocrab::Error::GitHub { source, .. } = why else {
            let why = innermost(&host, why);
            return GithubError::Failed { host, why };
        };
        if let Some(until) = limited(source.status_code.as_u16(), source.headers.as_ref(), now) {
            *self
                .inner
                .closed_until
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(until);
            return GithubError::Limited { host, until };
        }
        match source.status_code.as_u16() {
            404 | 451 => GithubError::NotFound { host, repository },
            status => GithubError::Status {
                host,
                repository,
                status,
            },
        }
    }
}

/// Returns until when a refusal asks to wait: `Retry-After`, else the time at which the limit is
/// full again (GitHub, "Rate limits for the REST API"). A 403 that says neither is about the
/// repository.
fn limited(status: u16, headers: Option<&HeaderMap>, now: Timestamp) -> Option<Timestamp> {
    let number = |name: &str| {
        headers?
            .get(name)?
            .to_str()
            .ok()?
            .trim()
            .parse::<i64>()
            .ok()
    };
    let asked = number("retry-after").map(SignedDuration::from_secs);
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let reset = number("x-ratelimit-reset")
        .and_then(|at| Timestamp::from_second(at).ok())
        .filter(|_| used_up);
    let wait = match status {
        403 | 429 => asked.or(reset.map(|reset| reset.duration_since(now))),
        _ => None,
    };
    let wait = wait.or((status == 429 || status == 403 && used_up).then_some(UNSAID))?;
    now.checked_add(wait.clamp(SignedDuration::from_secs(1), LONGEST))
        .ok()
}

fn release(wire: repos::Release) -> Release {
    Release {
        tag: wire.tag_name,
        name: wire.name.unwrap_or_default(),
        body: wire.body.unwrap_or_default(),
        published_at: wire
            .published_at
            .and_then(|at| Timestamp::from_second(at.timestamp()).ok()),
        url: wire.html_url,
        draft: wire.draft,
        prerelease: wire.prerelease,
    }
}

fn client(
    api: &Url,
    token: Option<&SecretString>,
    ca: Option<&[u8]>,
    timeout: Duration,
) -> Checked<reqwest::Client> {
    let host = host_of(api);
    let reach = Reach {
        ca: ca.map(<[u8]>::to_vec),
        ..Reach::new(api, timeout)
    };
    let token = token.map(|token| {
        if !reach.is_private(api) {
            return Err(Error::usage(format!(
                "the token for {host} would be sent without encryption"
            ))
            .hint("use https://"));
        }
        http::secret("Bearer", token).ok_or_else(|| {
            Error::usage(format!(
                "the token for {host} holds a character that no token has"
            ))
        })
    });
    reach.lend(token.transpose()?).map_err(|why| why.of(&host))
}

/// The last cause, which says most; without addresses.
fn innermost(host: &str, why: &octocrab::Error) -> String {
    let cause = Fault::of(why).cause(host);
    match why {
        octocrab::Error::Json { .. } | octocrab::Error::Serde { .. } => {
            format!("its answer cannot be read: {cause}")
        }
        _ => cause,
    }
}

#[cfg(test)]
mod tests;
