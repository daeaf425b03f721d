//! What an image says of itself: the labels in its config with the annotations of its manifests
//! (OCI image-spec, "Annotations"), when it was built, and for which platforms. All of it is
//! outside text, out of bytes that were hashed. Never reads a layer.

use super::Client;
use super::error::OciError;
use super::registry::{Part, Place};
use super::wire::CONFIG_LIMIT;
use crate::model::choice::TagBuild;
use crate::model::digest::Digest;
use crate::model::platform::Platform as OwnPlatform;
use crate::model::reference::{Channel, Repository};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An index may name an index.
const DEPTH: usize = 3;
/// Annotations that count as labels.
const KNOWN: &str = "org.opencontainers.image.";
/// When the image was built (OCI image-spec, "Pre-Defined Annotation Keys").
const CREATED: &str = "org.opencontainers.image.created";
const CONFIGS: [&str; 2] = [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
];

/// A manifest or an index; which it is shows in what it has.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    annotations: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Descriptor {
    #[serde(rename = "mediaType", default)]
    media_type: String,
    digest: String,
    #[serde(default)]
    size: u64,
    platform: Option<Platform>,
    annotations: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Default, Deserialize)]
struct Config {
    config: Option<Inner>,
    created: Option<String>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct Inner {
    #[serde(rename = "Labels")]
    labels: Option<BTreeMap<String, Value>>,
}

impl Client {
    /// Returns the labels of an image: of an index, those of its image for linux/amd64, or else of
    /// its first. Where a label `org.opencontainers.image.…` is missing, the annotation of that
    /// name counts.
    pub async fn labels(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Result<BTreeMap<String, String>, OciError> {
        let mut found = BTreeMap::new();
        let mut next = digest.clone();
        for _ in 0..DEPTH {
            let manifest = self.manifest(registry, repository, &next).await?;
            let at = || format!("{registry}/{repository}@{next}");
            let document: Document = read(&manifest.bytes, at)?;
            // The inner document speaks before the outer.
            let outer = std::mem::replace(&mut found, annotations(document.annotations));
            for (name, value) in outer {
                found.entry(name).or_insert(value);
            }
            match (child(&document.manifests), document.config) {
                (Some(child), _) => next = child,
                (None, Some(config)) => {
                    let config = self.config(registry, repository, &config).await?;
                    let labels = config.config.and_then(|inner| inner.labels);
                    found.extend(labels.map(texts).unwrap_or_default());
                    break;
                }
                (None, None) => break,
            }
        }
        Ok(found)
    }

    /// Returns when the image of a tag was built and for which platforms: of an index, when the
    /// child was built that stands for all. Two or three GETs, the last of which a registry does
    /// not count; one less where a manifest says when it was built.
    pub async fn find_build(&self, channel: &Channel) -> Result<TagBuild, OciError> {
        let repository = &channel.repository;
        let (registry, path) = (&*repository.registry, &*repository.path);
        let answer = self.get(self.place(registry, path, &channel.tag)?).await?;
        self.find_build_of(repository, &answer.digest).await
    }

    /// Returns the same of a digest. One GET less.
    pub async fn find_build_of(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<TagBuild, OciError> {
        let (registry, path) = (&*repository.registry, &*repository.path);
        let mut next = digest.clone();
        let mut build = TagBuild::default();
        for _ in 0..DEPTH {
            let manifest = self.manifest(registry, path, &next).await?;
            let at = || format!("{registry}/{path}@{next}");
            let document: Document = read(&manifest.bytes, at)?;
            let says = annotations(document.annotations).remove(CREATED);
            if !document.manifests.is_empty() && build.platforms.is_none() {
                build.platforms = Some(platforms(&document.manifests));
            }
            match (child(&document.manifests), document.config) {
                (Some(child), _) => next = child,
                (None, Some(config)) => {
                    if let (Some(created), Some(_)) = (&says, &build.platforms) {
                        build.created = created.parse().ok();
                        break;
                    }
                    let config = self.config(registry, path, &config).await?;
                    build.created = config.created.or(says).and_then(|text| text.parse().ok());
                    let is_known = !config.os.is_empty() && !config.architecture.is_empty();
                    let own = OwnPlatform::new(&config.os, &config.architecture);
                    build.platforms = build.platforms.or(is_known.then(|| BTreeSet::from([own])));
                    break;
                }
                (None, None) => break,
            }
        }
        Ok(build)
    }

    /// The config of an image; what is no image has an empty one.
    async fn config(
        &self,
        registry: &str,
        repository: &str,
        config: &Descriptor,
    ) -> Result<Config, OciError> {
        let digest =
            Digest::parse(&config.digest).filter(|_| CONFIGS.contains(&config.media_type.as_str()));
        let Some(digest) = digest else {
            return Ok(Config::default());
        };
        let place = Place {
            part: Part::Config,
            ..self.place(registry, repository, digest.as_str())?
        };
        let at = place.to_string();
        if config.size > CONFIG_LIMIT as u64 {
            return Err(OciError::TooLarge {
                at,
                limit: CONFIG_LIMIT,
            });
        }
        let bytes = self.bytes(place, &digest).await?.body;
        read(&bytes, || at)
    }
}

fn read<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    at: impl FnOnce() -> String,
) -> Result<T, OciError> {
    serde_json::from_slice(bytes).map_err(|why| OciError::Unreadable {
        at: at(),
        why: why.to_string(),
    })
}

/// Attestations, which name no platform, are no images (BuildKit, "attestation storage").
fn is_image(one: &&Descriptor) -> bool {
    let attests = one
        .annotations
        .as_ref()
        .is_some_and(|all| all.contains_key("vnd.docker.reference.type"));
    !attests
        && one
            .platform
            .as_ref()
            .is_none_or(|platform| platform.os != "unknown")
}

fn platforms(manifests: &[Descriptor]) -> BTreeSet<OwnPlatform> {
    let images = manifests.iter().filter(is_image);
    images
        .filter_map(|one| one.platform.as_ref())
        .map(|platform| OwnPlatform::new(&platform.os, &platform.architecture))
        .collect()
}

/// The image that stands for all of an index.
fn child(manifests: &[Descriptor]) -> Option<Digest> {
    let usual = |one: &&Descriptor| {
        one.platform
            .as_ref()
            .is_some_and(|platform| platform.os == "linux" && platform.architecture == "amd64")
    };
    let images = || manifests.iter().filter(is_image);
    Digest::parse(&images().find(usual).or_else(|| images().next())?.digest)
}

fn annotations(all: Option<BTreeMap<String, Value>>) -> BTreeMap<String, String> {
    let all = all.map(texts).unwrap_or_default();
    all.into_iter()
        .filter(|(name, _)| name.starts_with(KNOWN))
        .collect()
}

fn texts(all: BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let text = |(name, value)| match value {
        Value::String(text) => Some((name, text)),
        _ => None,
    };
    all.into_iter().filter_map(text).collect()
}

#[cfg(test)]
mod tests;
