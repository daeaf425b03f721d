//! What goes over the wire: one request, and the answer with its headers read. Never follows, retries or waits.

use super::error::OciError;
use super::registry::Place;
use crate::model::digest::Digest;
use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use sha2::{Digest as _, Sha256};

/// All that a tag can mean, in one header: docker-registry 2.8 answers 404 for what is not named here.
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
    /// Returns the digest that the header names; `None` without the header.
    pub(super) fn digest(&self, place: &Place) -> Result<Option<Digest>, OciError> {
        let Some(header) = self.headers.get(DIGEST) else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(header.as_bytes());
        let bad = || {
            let header = text.chars().take(100).collect();
            OciError::BadDigest { host: place.registry.host.clone(), at: place.to_string(), header }
        };
        Digest::parse(&text).ok_or_else(bad).map(Some)
    }

    /// Returns the digest of the bytes, which a header has to agree with if there is one.
    pub(super) fn hashed(&self, place: &Place) -> Result<Digest, OciError> {
        let got = sha256(&self.body);
        match self.digest(place)? {
            Some(want) if want != got => Err(OciError::Mismatch { host: place.registry.host.clone(), at: place.to_string(), want, got }),
            _ => Ok(got),
        }
    }

    pub(super) fn media_type(&self) -> String {
        let text = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

pub(super) fn sha256(bytes: &[u8]) -> Digest {
    let text = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    Digest::parse(&text).unwrap_or_else(|| unreachable!("64 hex digits"))
}
