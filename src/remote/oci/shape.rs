//! What a document is, as far as pulling goes: parsed as the OCI image-spec has it ("Image
//! Manifest", "Image Index"; Docker's manifest and manifest list), and kept by digest, since a
//! digest never changes. Asks nobody.

use super::wire::{DocumentKind, Manifest, document_kind};
use crate::model::digest::Digest;
use crate::model::platform::Platform;
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// So much of manifests is kept in memory.
const BYTES_KEPT: usize = 16 << 20;
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];
/// On a descriptor of BuildKit's attestations ("attestation storage").
const ATTESTS: &str = "vnd.docker.reference.type";

/// What a document is, as far as pulling it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The manifest of one image.
    Image,
    /// The images of an index, in its order; `all` are the digests of everything that it names.
    Index {
        children: Vec<Child>,
        all: Vec<Digest>,
    },
}

/// A manifest or index that an index names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    pub digest: Digest,
    /// In bytes, as the index claims.
    pub size: u64,
    pub kind: Option<DocumentKind>,
    pub platform: Option<Platform>,
}

/// Registry, repository, digest.
type DocumentKey = (String, String, Digest);

/// What was read, by digest.
#[derive(Default)]
pub(super) struct ReadDocuments {
    manifests: HashMap<DocumentKey, Manifest>,
    bytes: usize,
    pub shapes: HashMap<DocumentKey, Arc<Shape>>,
    /// Manifests that answered a HEAD.
    pub present: HashSet<DocumentKey>,
}

pub(super) fn document_key(registry: &str, repository: &str, digest: &Digest) -> DocumentKey {
    (registry.to_owned(), repository.to_owned(), digest.clone())
}

impl ReadDocuments {
    pub(super) fn find(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Option<Manifest> {
        self.manifests
            .get(&document_key(registry, repository, digest))
            .cloned()
    }

    pub(super) fn keep(
        &mut self,
        registry: &str,
        repository: &str,
        digest: &Digest,
        manifest: Manifest,
    ) {
        self.bytes += manifest.bytes.len();
        if self.bytes > BYTES_KEPT {
            self.manifests.clear();
            self.bytes = manifest.bytes.len();
        }
        self.manifests
            .insert(document_key(registry, repository, digest), manifest);
    }

    /// Drops what is known of a digest that is gone.
    pub(super) fn forget(&mut self, registry: &str, repository: &str, digest: &Digest) {
        let key = document_key(registry, repository, digest);
        self.manifests.remove(&key);
        self.shapes.remove(&key);
        self.present.remove(&key);
    }
}

impl Child {
    /// `linux/amd64`, or `no platform`.
    pub(super) fn platform_name(&self) -> String {
        self.platform
            .as_ref()
            .map_or_else(|| "no platform".to_owned(), ToString::to_string)
    }
}

impl Shape {
    /// Reads a document by its media type.
    ///
    /// # Errors
    /// A sentence why it is no image.
    pub(super) fn parse(manifest: &Manifest) -> Result<Self, String> {
        let Some(kind) = document_kind(&manifest.media_type) else {
            return Err(format!("its type is `{}`", manifest.media_type));
        };
        let value: Value = serde_json::from_slice(&manifest.bytes)
            .map_err(|why| format!("it cannot be read as JSON: {why}"))?;
        let has = |name: &str| value.get(name).is_some();
        // A document that reads as both is read as one by some and as the other by others
        // (CVE-2021-41190).
        if has("manifests") && (has("layers") || has("config")) {
            return Err("it is an index and a manifest at the same time".to_owned());
        }
        let own = value.get("mediaType").and_then(Value::as_str);
        if let Some(own) = own.filter(|own| document_kind(own) != Some(kind)) {
            return Err(format!("it calls itself `{own}`"));
        }
        match kind {
            DocumentKind::Index => parse_index(value),
            DocumentKind::Manifest => parse_manifest(value),
        }
    }
}

fn check_version(version: u32) -> Result<(), String> {
    match version {
        2 => Ok(()),
        other => Err(format!("its schema version is {other}")),
    }
}

fn parse_manifest(value: Value) -> Result<Shape, String> {
    let manifest: ImageManifest =
        serde_json::from_value(value).map_err(|why| format!("it is no manifest: {why}"))?;
    check_version(manifest.schema_version())?;
    let config = manifest.config().media_type().to_string();
    if !CONFIGS.contains(&config.as_str()) {
        return Err(format!(
            "its config is `{config}`, which is another kind of artifact"
        ));
    }
    if Digest::parse(manifest.config().digest().as_ref()).is_none() {
        return Err("its config has no sha256 digest".to_owned());
    }
    Ok(Shape::Image)
}

fn parse_index(value: Value) -> Result<Shape, String> {
    let index: ImageIndex =
        serde_json::from_value(value).map_err(|why| format!("it is no index: {why}"))?;
    check_version(index.schema_version())?;
    let named = index.manifests();
    Ok(Shape::Index {
        children: named.iter().filter_map(read_child).collect(),
        all: named
            .iter()
            .filter_map(|one| Digest::parse(one.digest().as_ref()))
            .collect(),
    })
}

/// Returns what may be an image; attestations and other artifacts are none.
fn read_child(one: &Descriptor) -> Option<Child> {
    let attests = one
        .annotations()
        .as_ref()
        .is_some_and(|all| all.contains_key(ATTESTS));
    let platform = one
        .platform()
        .as_ref()
        .map(|it| Platform::new(&it.os().to_string(), &it.architecture().to_string()));
    let is_none = platform
        .as_ref()
        .is_some_and(|it| *it == Platform::new("unknown", "unknown"));
    if attests || is_none {
        return None;
    }
    Some(Child {
        digest: Digest::parse(one.digest().as_ref())?,
        size: one.size(),
        kind: document_kind(one.media_type().as_ref()),
        platform,
    })
}
