//! What an image says of itself: the labels in its config with the annotations of its manifests
//! (OCI image-spec, "Annotations"). All of it is outside text, out of bytes that were hashed. Never
//! reads a layer.

use super::Client;
use super::error::OciError;
use super::registry::{Part, Place};
use super::wire::CONFIG_LIMIT;
use crate::model::digest::Digest;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// An index may name an index.
const DEPTH: usize = 3;
/// Annotations that count as labels.
const KNOWN: &str = "org.opencontainers.image.";
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

#[derive(Deserialize)]
struct Config {
    config: Option<Inner>,
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
                    found.extend(self.config(registry, repository, &config).await?);
                    break;
                }
                (None, None) => break,
            }
        }
        Ok(found)
    }

    /// The labels of a config; what is no image has none.
    async fn config(
        &self,
        registry: &str,
        repository: &str,
        config: &Descriptor,
    ) -> Result<BTreeMap<String, String>, OciError> {
        let digest =
            Digest::parse(&config.digest).filter(|_| CONFIGS.contains(&config.media_type.as_str()));
        let Some(digest) = digest else {
            return Ok(BTreeMap::new());
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
        let config: Config = read(&bytes, || at)?;
        Ok(config
            .config
            .and_then(|inner| inner.labels)
            .map(texts)
            .unwrap_or_default())
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

/// The image that stands for all of an index. Attestations, which name no platform, are none
/// (BuildKit, "attestation storage").
fn child(manifests: &[Descriptor]) -> Option<Digest> {
    let is_image = |one: &&Descriptor| {
        let attests = one
            .annotations
            .as_ref()
            .is_some_and(|all| all.contains_key("vnd.docker.reference.type"));
        !attests
            && one
                .platform
                .as_ref()
                .is_none_or(|platform| platform.os != "unknown")
    };
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
