//! What goes over the wire: one request, and the answer with its headers read. Never follows,
//! retries or waits.

use crate::model::digest::Digest;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use sha2::{Digest as _, Sha256};

/// Manifests are small; distribution itself refuses larger ones (`maxManifestBodySize`).
pub const MANIFEST_LIMIT: usize = 4 << 20;
/// Configs hold names and values only; real ones have a few KiB.
pub const CONFIG_LIMIT: usize = 1 << 20;
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
    pub(super) fn digest(&self) -> Result<Option<Digest>, String> {
        let Some(header) = self.headers.get(DIGEST) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(header.as_bytes());
        Digest::parse(&text)
            .ok_or_else(|| text.chars().take(100).collect())
            .map(Some)
    }

    pub(super) fn media_type(&self) -> String {
        let text = self
            .headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    }
}

pub(super) fn sha256(bytes: &[u8]) -> Digest {
    let text = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    Digest::parse(&text).unwrap_or_else(|| unreachable!("64 hex digits"))
}
