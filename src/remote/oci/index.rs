//! The manifests that an index names (OCI image-spec, "Image Index"; Docker's manifest list). Reads bytes that were hashed, asks nobody.

use super::error::OciError;
use super::{Client, Manifest};
use crate::model::digest::Digest;
use serde::Deserialize;

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

impl Client {
    /// Returns the digests that the index with this digest names, in its order; none for a single manifest. One GET.
    pub async fn children(&self, registry: &str, repository: &str, digest: &Digest) -> Result<Vec<Digest>, OciError> {
        let Manifest { bytes, .. } = self.manifest(registry, repository, digest).await?;
        let at = || format!("{registry}/{repository}@{digest}");
        let index: Index = serde_json::from_slice(&bytes).map_err(|why| OciError::Unreadable { at: at(), why: why.to_string() })?;
        Ok(index.manifests.iter().filter_map(|one| Digest::parse(&one.digest)).collect())
    }
}
