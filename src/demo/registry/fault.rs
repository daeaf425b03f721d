//! Faults that a registry can be given. `pintle demo` gives none; the tests and benches do. Values
//! only.

use serde::{Deserialize, Serialize};

/// Something that goes wrong for the requests that fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub host: String,
    pub part: FaultPart,
    /// `None`: all.
    pub repository: Option<String>,
    /// A tag or digest; `None`: all.
    pub reference: Option<String>,
    /// How often it still happens; `None`: always.
    pub times: Option<u32>,
    pub kind: FaultKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultPart {
    Manifests,
    /// Of these, other bytes, redirects, statuses and drops.
    Blobs,
    Token,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultKind {
    /// Answers with a status and, where given, `Retry-After`.
    Status {
        code: u16,
        retry_after: Option<String>,
    },
    /// Answers HEAD with a status; GET is served.
    HeadStatus(u16),
    /// Sends half of a body and then nothing; to a HEAD, nothing at all.
    Slow,
    /// Sends this as the digest header.
    Digest(String),
    NoDigest,
    /// Sends other bytes than the digest says.
    OtherBytes,
    /// Takes no token.
    ExpiredToken,
    /// Sends on to this address; `{path}` in it is the request's path.
    Redirect(String),
    /// Closes the connection without an answer.
    Drop,
}

impl Fault {
    /// Returns a fault of all manifests of a host, always.
    pub fn of(host: &str, kind: FaultKind) -> Self {
        Self {
            host: host.to_owned(),
            part: FaultPart::Manifests,
            repository: None,
            reference: None,
            times: None,
            kind,
        }
    }

    pub fn repository(self, name: &str) -> Self {
        Self {
            repository: Some(name.to_owned()),
            ..self
        }
    }

    pub fn reference(self, tag_or_digest: &str) -> Self {
        Self {
            reference: Some(tag_or_digest.to_owned()),
            ..self
        }
    }

    pub fn times(self, times: u32) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }

    /// Moves the fault to the blobs.
    pub fn at_blobs(self) -> Self {
        Self {
            part: FaultPart::Blobs,
            ..self
        }
    }

    /// Moves the fault to the token endpoint.
    pub fn at_token(self) -> Self {
        Self {
            part: FaultPart::Token,
            ..self
        }
    }
}
