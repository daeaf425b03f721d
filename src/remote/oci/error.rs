//! Why a registry gave no answer that counts: the facts, and a sentence for people. Never holds a
//! secret, a token or a URL with a query.

use crate::model::digest::Digest;
use jiff::Timestamp;
use std::time::Duration;

/// What is said of a registry that wants no request for a while.
pub const ASKED_TO_WAIT: &str = "asked to wait";

/// What is said of a registry that gives fewer requests than there are images.
pub const GIVES_FEW: &str = "requests at a time";

/// What went wrong with one question to one registry. `at` names what was asked for:
/// `ghcr.io/a/b:latest`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OciError {
    /// The registry itself said 404: tag, digest or repository is not there.
    #[error("{at} does not exist")]
    NotFound { at: String },
    /// 401 or 403, after the credentials there are were used.
    #[error("{host} answered {status} for {at}: it does not exist or {}", .credentials.why())]
    Denied {
        host: String,
        at: String,
        status: u16,
        credentials: Credentials,
    },
    /// 429, or a registry that was asked before and wants no request until then.
    #[error("registry {host} {} until {until}", ASKED_TO_WAIT)]
    Limited { host: String, until: Timestamp },
    /// The registry failed so often in a row that it is left alone for a while.
    #[error("{host} does not answer: {why}")]
    Down {
        host: String,
        why: String,
        until: Timestamp,
    },
    /// Any other status.
    #[error("{host} answered {status} for {at}")]
    Status {
        host: String,
        at: String,
        status: u16,
    },
    /// No connection, no certificate that is trusted, or a connection that broke.
    #[error("cannot reach {host}: {why}")]
    Unreachable { host: String, why: String },
    /// TLS was expected.
    #[error("{host} speaks plain http; {hint}")]
    PlainHttp { host: String, hint: &'static str },
    #[error("{host} did not answer within {limit:?} for {at}")]
    Timeout {
        host: String,
        at: String,
        limit: Duration,
    },
    /// 200, and yet no manifest: a page for signing in, an error in JSON.
    #[error("{host} answered {at} with {}, which is not an image manifest", type_name(.found))]
    WrongType {
        host: String,
        at: String,
        found: String,
    },
    /// The bytes are what the digest says, and yet nothing that a node could run.
    #[error("{at} is not a container image: {why}")]
    NotAnImage { at: String, why: String },
    /// A manifest that an index names is not there: retention deletes what has no tag.
    #[error("{at} is an index that names {child} for {platform}, which does not exist")]
    ChildGone {
        at: String,
        child: String,
        platform: String,
    },
    /// The registry gives fewer requests than there are images.
    #[error(
        "registry {host} allows about {allowance} {}; this image is asked for in a later pass",
        GIVES_FEW
    )]
    Deferred { host: String, allowance: usize },
    /// `Docker-Content-Digest` is not `sha256:` and 64 hex digits.
    #[error("{host} names `{header}` as digest of {at}, which is none")]
    BadDigest {
        host: String,
        at: String,
        header: String,
    },
    /// The bytes are not what the digest says.
    #[error("{host} sent bytes for {at} that hash to {got}, not to {want}")]
    Mismatch {
        host: String,
        at: String,
        want: String,
        got: Digest,
    },
    #[error("what {at} is answered with is larger than {limit} bytes")]
    TooLarge { at: String, limit: usize },
    /// The bytes are what the digest says, and yet no manifest or config.
    #[error("{at} cannot be read: {why}")]
    Unreadable { at: String, why: String },
    /// The tags of a repository could not be read to their end.
    #[error("the tags of {at} are unknown: {why}")]
    IncompleteList { at: String, why: String },
    /// A redirect that is not followed: to a host that is not known for this registry, to plain
    /// http, or one too many.
    #[error("{host} redirects {at} to {to}, which is not followed: {why}")]
    Redirect {
        host: String,
        at: String,
        to: String,
        why: &'static str,
    },
    /// The registry wants a kind of authentication that cannot be given.
    #[error("{host} wants to be asked in a way that is not supported: {why}")]
    Challenge { host: String, why: String },
    /// The token endpoint of a registry gave no token.
    #[error("{realm} gave no token for {scope} of {host}: {why}")]
    Token {
        host: String,
        realm: String,
        scope: String,
        why: String,
    },
    /// The client was told something that cannot be used: an endpoint, a certificate.
    #[error("cannot ask {host}: {why}")]
    Setup { host: String, why: String },
}

/// Which credentials were at hand when a registry refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials {
    None,
    Sent,
    /// The token realm is on another host, which gets no credentials of the registry.
    Withheld,
}

impl Credentials {
    fn why(self) -> &'static str {
        match self {
            Self::None => "needs credentials, and none are configured",
            Self::Withheld => {
                "needs credentials, and its token realm is on another host: add an entry for that host to the docker config"
            }
            Self::Sent => "the configured credentials may not read it",
        }
    }
}

/// ``type `text/html` ``, at most 60 characters of it.
fn type_name(found: &str) -> String {
    if found.is_empty() {
        return "no content type".to_owned();
    }
    let shown: String = found.chars().take(60).collect();
    format!("type `{shown}`")
}

impl OciError {
    /// Returns what is wrong with the registry, without what was asked for.
    pub fn cause(&self) -> String {
        match self {
            Self::Timeout { limit, .. } => format!("nothing came within {limit:?}"),
            Self::Unreachable { why, .. } => why.clone(),
            Self::PlainHttp { hint, .. } => format!("it speaks plain http; {hint}"),
            Self::Status { status, .. } => format!("it answered {status}"),
            other => other.to_string(),
        }
    }

    /// Returns the status that the registry answered with, where it answered with one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::NotFound { .. } => Some(404),
            Self::Denied { status, .. } | Self::Status { status, .. } => Some(*status),
            Self::Limited { .. } => Some(429),
            _ => None,
        }
    }

    /// Whether asking again in another pass may help: not where the registry has answered for good,
    /// or what is stored there is wrong.
    pub fn may_pass(&self) -> bool {
        !matches!(
            self,
            Self::NotFound { .. }
                | Self::Denied { .. }
                | Self::Mismatch { .. }
                | Self::TooLarge { .. }
                | Self::Unreadable { .. }
                | Self::NotAnImage { .. }
                | Self::ChildGone { .. }
        )
    }

    /// Whether the same question may be answered a moment later: the gateway's statuses and broken
    /// connections, nothing else.
    pub(super) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Status {
                    status: 502..=504,
                    ..
                }
        )
    }
}
