//! What goes over the wire: one request, and the answer with its headers read. Never follows,
//! retries or waits.

use crate::model::digest::Digest;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{AsHeaderName, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Manifests are small; distribution itself refuses larger ones (`maxManifestBodySize`).
pub const MANIFEST_LIMIT: usize = 4 << 20;
/// Configs hold names and values only; real ones have a few KiB.
pub const CONFIG_LIMIT: usize = 1 << 20;
/// A page of 1000 tags has at most 128 KiB; some registries list all tags at once.
pub(super) const LIST_LIMIT: usize = 4 << 20;
/// The error of a registry is a few lines of JSON.
pub(super) const ERROR_LIMIT: usize = 64 << 10;
const INDEXES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];
const MANIFESTS: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];
/// All that a tag can mean, in one header: docker-registry 2.8 answers 404 for what is not named
/// here.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
const DIGEST: &str = "docker-content-digest";

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    /// Returns the digest that the header names; `None` without the header. The error is the
    /// beginning of a header that names none.
    ///
    /// Two headers that differ name none: nobody could know which of them other programs believe.
    pub(super) fn digest(&self) -> Result<Option<Digest>, String> {
        let Some(text) = self.header(DIGEST) else {
            return Ok(None);
        };
        Digest::parse(&text)
            .ok_or_else(|| text.chars().take(100).collect())
            .map(Some)
    }

    /// Returns the value of a header; several values that differ, with commas between them.
    fn header(&self, name: impl AsHeaderName) -> Option<String> {
        let mut values: Vec<_> = self
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        values.dedup();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// Returns the length that the answer claims to have.
    pub(super) fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.trim().parse().ok()
    }

    /// Says whether the body is an error as the distribution spec has it ("Error Codes"), which
    /// only a registry writes.
    pub(super) fn is_registry_error(&self) -> bool {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Code>,
        }
        #[derive(Deserialize)]
        struct Code {
            #[serde(rename = "code")]
            _code: String,
        }
        serde_json::from_slice::<Errors>(&self.body).is_ok_and(|body| !body.errors.is_empty())
    }

    pub(super) fn media_type(&self) -> String {
        let text = self.header(CONTENT_TYPE).unwrap_or_default();
        if text.contains(',') {
            return text;
        }
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}

/// A manifest or index whose bytes hash to the digest it was asked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub bytes: Bytes,
    pub media_type: String,
}

impl Manifest {
    pub(super) fn of(reply: Reply) -> Self {
        Self {
            media_type: reply.media_type(),
            bytes: reply.body,
        }
    }
}

/// Which kind of document a media type names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentKind {
    Index,
    Manifest,
}

/// Returns the kind that a media type names; `None` for everything that is no image.
pub(super) fn document_kind(media_type: &str) -> Option<DocumentKind> {
    if INDEXES.contains(&media_type) {
        Some(DocumentKind::Index)
    } else if MANIFESTS.contains(&media_type) {
        Some(DocumentKind::Manifest)
    } else {
        None
    }
}

pub(super) fn sha256(bytes: &[u8]) -> Digest {
    let text = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    Digest::parse(&text).unwrap_or_else(|| unreachable!("64 hex digits"))
}
