//! Images made of nothing but a seed: real configs, layers, manifests and indexes with right
//! digests (OCI image-spec). The same each time.

use super::state::{StoredContent, StoredRepository};
use crate::model::digest::Digest;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// What an image is made from.
#[derive(Clone, Debug)]
pub struct DemoImage {
    pub repository: String,
    pub tag: String,
    /// `linux/amd64`, `linux/arm64/v8`. One gives a manifest, more give an index.
    pub platforms: Vec<String>,
    /// Another seed, other digests.
    pub seed: String,
    pub kind: ImageFormat,
    /// In each config, besides the seed.
    pub labels: BTreeMap<String, String>,
}

/// Whose media types the image has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    Oci,
    Docker,
}

pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

struct MediaTypes {
    index: &'static str,
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

impl ImageFormat {
    fn types(self) -> MediaTypes {
        match self {
            Self::Oci => MediaTypes {
                index: OCI_INDEX,
                manifest: OCI_MANIFEST,
                config: "application/vnd.oci.image.config.v1+json",
                layer: "application/vnd.oci.image.layer.v1.tar",
            },
            Self::Docker => MediaTypes {
                index: DOCKER_LIST,
                manifest: DOCKER_MANIFEST,
                config: "application/vnd.docker.container.image.v1+json",
                layer: "application/vnd.docker.image.rootfs.diff.tar",
            },
        }
    }
}

impl DemoImage {
    /// Returns an OCI index for amd64 and arm64.
    pub fn new(repository: &str, tag: &str, seed: &str) -> Self {
        let platforms = vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()];
        Self {
            repository: repository.to_owned(),
            tag: tag.to_owned(),
            platforms,
            seed: seed.to_owned(),
            kind: ImageFormat::Oci,
            labels: BTreeMap::new(),
        }
    }

    /// Returns the same image for one platform, which is a manifest without an index.
    pub fn single(self) -> Self {
        Self {
            platforms: vec!["linux/amd64".to_owned()],
            ..self
        }
    }

    pub fn docker(self) -> Self {
        Self {
            kind: ImageFormat::Docker,
            ..self
        }
    }

    /// Returns the same image with one more label.
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Puts everything into a repository and tags it.
    pub(super) fn put(&self, into: &mut StoredRepository) -> Digest {
        let types = self.kind.types();
        let mut children = Vec::new();
        for platform in &self.platforms {
            let (digest, size) = self.put_manifest(platform, &types, into);
            children.push(json!({
                "mediaType": types.manifest, "digest": digest.as_str(), "size": size, "platform": describe(platform),
            }));
        }
        let digest = match children.as_slice() {
            [only] => Digest::parse(only["digest"].as_str().unwrap_or_default()),
            _ => None,
        };
        let digest = digest.unwrap_or_else(|| {
            let index =
                json!({ "schemaVersion": 2, "mediaType": types.index, "manifests": children });
            store(
                &mut into.manifests,
                types.index,
                index.to_string().into_bytes(),
            )
        });
        into.tags.insert(self.tag.clone(), digest.to_string());
        digest
    }

    fn put_manifest(
        &self,
        platform: &str,
        types: &MediaTypes,
        into: &mut StoredRepository,
    ) -> (Digest, usize) {
        let layer = tar(&format!("{} {} {platform}\n", self.repository, self.seed));
        let layer_size = layer.len();
        let layer = store(&mut into.blobs, types.layer, layer);
        let mut config = describe(platform);
        config["created"] = json!("2026-01-01T00:00:00Z");
        config["config"] = json!({ "Cmd": ["/hello"], "Labels": { "seed": self.seed } });
        for (name, value) in &self.labels {
            config["config"]["Labels"][name] = json!(value);
        }
        config["rootfs"] = json!({ "type": "layers", "diff_ids": [layer.as_str()] });
        let config = config.to_string().into_bytes();
        let config_size = config.len();
        let config = store(&mut into.blobs, types.config, config);
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": { "mediaType": types.config, "digest": config.as_str(), "size": config_size },
            "layers": [{ "mediaType": types.layer, "digest": layer.as_str(), "size": layer_size }],
        });
        let manifest = manifest.to_string().into_bytes();
        let size = manifest.len();
        (store(&mut into.manifests, types.manifest, manifest), size)
    }
}

/// `linux/arm64/v8` → the platform object of an index.
fn describe(platform: &str) -> serde_json::Value {
    let mut parts = platform.split('/');
    let mut described = json!({ "os": parts.next().unwrap_or("linux"), "architecture": parts.next().unwrap_or("amd64") });
    if let Some(variant) = parts.next() {
        described["variant"] = json!(variant);
    }
    described
}

pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    let text = format!("sha256:{}", hex::encode(Sha256::digest(bytes)));
    Digest::parse(&text).unwrap_or_else(|| unreachable!("64 hex digits"))
}

fn store(into: &mut BTreeMap<String, StoredContent>, media_type: &str, bytes: Vec<u8>) -> Digest {
    let digest = digest_of(&bytes);
    into.insert(digest.to_string(), StoredContent::new(media_type, bytes));
    digest
}

/// A tar archive (POSIX ustar) of the one file `hello.txt`.
fn tar(text: &str) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"hello.txt");
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", text.len()).as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(text.as_bytes());
    let blocks = archive.len().div_ceil(512) + 2;
    archive.resize(blocks * 512, 0);
    archive
}
