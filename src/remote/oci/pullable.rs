//! Whether a digest is an image that nodes can pull: its document is read, and the manifests that
//! an index names for the wanted platforms are asked for. What was proved once is not asked for
//! again. Never fetches a layer or a config.

use super::Client;
use super::error::OciError;
use super::registry::Place;
use super::shape::{Child, Shape, document_key};
use super::wire::DocumentKind;
use crate::model::digest::Digest;
use crate::model::platform::Platform;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An index may name an index.
const DEPTH: usize = 3;
/// An index that names more is not looked into: real ones name some dozens.
const NAMED: usize = 256;
/// So many indexes, and manifests without a platform, are fetched for one proof.
const FETCHED: usize = 16;
/// Where nothing is known of the nodes, one of so many images of an index has to be there.
const TRIED: usize = 4;
impl Client {
    /// Proves that a digest is an image that the cluster's nodes can pull: its bytes hash to it and
    /// parse, and what an index names for the platforms is there. Where the platforms are unknown
    /// (`None`), everything that the index has for linux/amd64 and linux/arm64 has to be there, or
    /// one image of another platform where it has neither.
    ///
    /// One GET for each index and each single manifest, one HEAD for each manifest of an index;
    /// none for what was proved before.
    pub async fn prove(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
        platforms: Option<&BTreeSet<Platform>>,
    ) -> Result<(), OciError> {
        let at = format!("{registry}/{repository}@{digest}");
        let refuse = |why: String| OciError::NotAnImage {
            at: at.clone(),
            why,
        };
        let images = match &*self.shape(registry, repository, digest).await? {
            Shape::Image => return Ok(()),
            Shape::Index { children, .. } => {
                self.images_of((registry, repository), children.clone(), &at)
                    .await?
            }
        };
        if images.is_empty() {
            return Err(refuse("the index names no image".to_owned()));
        }
        let usual = BTreeSet::from([
            Platform::new("linux", "amd64"),
            Platform::new("linux", "arm64"),
        ]);
        let wanted = platforms.unwrap_or(&usual);
        let is_wanted = |child: &&Child| {
            child
                .platform
                .as_ref()
                .is_none_or(|platform| wanted.contains(platform))
        };
        let matching: Vec<&Child> = images.iter().filter(is_wanted).collect();
        match (matching.as_slice(), platforms) {
            ([], Some(nodes)) => Err(refuse(format!(
                "the index has images for {} only, and the cluster's nodes are {}",
                join(images.iter().filter_map(|child| child.platform.as_ref())),
                join(nodes.iter())
            ))),
            ([], None) => self.prove_any((registry, repository), &images, &at).await,
            (matching, _) => {
                for child in matching {
                    self.prove_child((registry, repository), child, &at).await?;
                }
                Ok(())
            }
        }
    }

    /// Returns the digests that the index with this digest names, in its order; none for a single
    /// manifest. At most one GET.
    pub async fn children(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Result<Vec<Digest>, OciError> {
        match &*self.shape(registry, repository, digest).await? {
            Shape::Image => Ok(Vec::new()),
            Shape::Index { all, .. } => Ok(all.clone()),
        }
    }

    /// Returns the platform of a manifest that the index names; `None` where it does not name it.
    /// At most one GET.
    pub async fn platform_in(
        &self,
        (registry, repository): (&str, &str),
        index: &Digest,
        manifest: &Digest,
    ) -> Result<Option<String>, OciError> {
        Ok(match &*self.shape(registry, repository, index).await? {
            Shape::Image => None,
            Shape::Index { children, .. } => children
                .iter()
                .find(|child| child.digest == *manifest)
                .map(Child::platform_name),
        })
    }

    async fn shape(
        &self,
        registry: &str,
        repository: &str,
        digest: &Digest,
    ) -> Result<Arc<Shape>, OciError> {
        let key = document_key(registry, repository, digest);
        if let Some(shape) = self.read().shapes.get(&key) {
            return Ok(shape.clone());
        }
        let manifest = self.manifest(registry, repository, digest).await?;
        let shape = Shape::parse(&manifest).map_err(|why| OciError::NotAnImage {
            at: format!("{registry}/{repository}@{digest}"),
            why,
        })?;
        let shape = Arc::new(shape);
        self.read().shapes.insert(key, shape.clone());
        Ok(shape)
    }

    /// Replaces the indexes among the children by what they name.
    async fn images_of(
        &self,
        (registry, repository): (&str, &str),
        children: Vec<Child>,
        at: &str,
    ) -> Result<Vec<Child>, OciError> {
        let refuse = |why: String| OciError::NotAnImage {
            at: at.to_owned(),
            why,
        };
        let mut images = Vec::new();
        let mut level = children;
        let mut fetched = 0;
        for _ in 0..DEPTH {
            let mut below = Vec::new();
            if level.len() > NAMED {
                return Err(refuse(format!("it names {} images", level.len())));
            }
            for child in level {
                // What has no platform may be anything.
                if child.kind != Some(DocumentKind::Index) && child.platform.is_some() {
                    images.push(child);
                    continue;
                }
                fetched += 1;
                if fetched > FETCHED {
                    return Err(refuse(format!("it names more than {FETCHED} indexes")));
                }
                let shape = self.shape(registry, repository, &child.digest).await;
                match shape.as_deref() {
                    Ok(Shape::Image) => images.push(child),
                    Ok(Shape::Index { children, .. }) => below.extend(children.iter().cloned()),
                    Err(OciError::NotAnImage { .. }) => {}
                    Err(OciError::NotFound { .. }) => return Err(gone(&child, at)),
                    Err(why) => return Err(why.clone()),
                }
            }
            if below.is_empty() {
                return Ok(images);
            }
            level = below;
        }
        Err(refuse(format!(
            "it is an index of indexes, more than {DEPTH} deep"
        )))
    }

    /// One image of a platform that nobody asked for is enough.
    async fn prove_any(
        &self,
        place: (&str, &str),
        images: &[Child],
        at: &str,
    ) -> Result<(), OciError> {
        let mut first = None;
        for child in images.iter().take(TRIED) {
            match self.prove_child(place, child, at).await {
                Ok(()) => return Ok(()),
                Err(why) => first = first.or(Some(why)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// One HEAD: the manifest is there, with the size that the index claims.
    async fn prove_child(
        &self,
        (registry, repository): (&str, &str),
        child: &Child,
        at: &str,
    ) -> Result<(), OciError> {
        let key = document_key(registry, repository, &child.digest);
        let is_known = {
            let read = self.read();
            read.present.contains(&key) || read.shapes.contains_key(&key)
        };
        if is_known {
            return Ok(());
        }
        let place = self.place(registry, repository, child.digest.as_str())?;
        match self.head_child(place, child).await {
            Ok(()) => {
                self.read().present.insert(key);
                Ok(())
            }
            Err(OciError::NotFound { .. }) => Err(gone(child, at)),
            Err(why) => Err(why),
        }
    }

    async fn head_child(&self, place: Place, child: &Child) -> Result<(), OciError> {
        let resolved = self.resolve(place.clone()).await?;
        if resolved.digest != child.digest {
            return Err(super::mismatch(
                &place,
                child.digest.as_str(),
                resolved.digest,
            ));
        }
        match resolved.length {
            Some(length) if length != child.size => Err(OciError::NotAnImage {
                at: place.to_string(),
                why: format!("it has {length} bytes, and its index claims {}", child.size),
            }),
            _ => Ok(()),
        }
    }
}

fn gone(child: &Child, at: &str) -> OciError {
    OciError::ChildGone {
        at: at.to_owned(),
        child: child.digest.to_string(),
        platform: child.platform_name(),
    }
}

/// `linux/amd64, linux/arm64`
fn join<'a>(platforms: impl Iterator<Item = &'a Platform>) -> String {
    let all: BTreeSet<String> = platforms.map(ToString::to_string).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
