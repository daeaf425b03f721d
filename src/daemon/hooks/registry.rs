//! Webhooks of registries and of Diun: how each kind proves itself, and which images its body
//! names. A name only decides what is asked first: nothing else of a body is used. No kind of
//! registry signs a time, so a delivery that is repeated costs one more look and changes nothing.

use super::body::PushedImage;
use super::{SignatureCheck, carries_token};
use crate::error::{Error, Result};
use axum::http::{HeaderMap, header};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use sha2::Sha256;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// Who sends such a webhook. The words are those of the path: `/hooks/registry/harbor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum RegistrySender {
    /// The registry of the distribution project, and GitLab's.
    Distribution,
    DockerHub,
    Harbor,
    Quay,
    /// GitHub's container registry.
    Ghcr,
    /// Diun, which watches registries: `/hooks/diun`.
    Diun,
}

/// How a sender proves that a webhook is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderProof {
    /// The token in `Authorization`: as bearer token, as password, or alone.
    Token,
    /// A signature of the body with the token (HMAC-SHA256).
    Signature,
    /// A secret at the end of the path, because it can send nothing else.
    Path,
}

/// What a genuine webhook is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushedImages {
    /// Possibly none: the event was no push of a tag.
    Named(Vec<PushedImage>),
    /// The body is not understood.
    Unknown,
}

impl RegistrySender {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn proof(self) -> SenderProof {
        match self {
            Self::Distribution | Self::Harbor | Self::Diun => SenderProof::Token,
            Self::Ghcr => SenderProof::Signature,
            Self::DockerHub | Self::Quay => SenderProof::Path,
        }
    }

    /// Returns the path of its webhooks: `/hooks/registry/quay/<secret>`.
    pub fn path(self, token: &SecretString) -> Result<String> {
        let word = self.as_str();
        Ok(match self.proof() {
            _ if self == Self::Diun => "/hooks/diun".to_owned(),
            SenderProof::Token | SenderProof::Signature => format!("/hooks/registry/{word}"),
            SenderProof::Path => {
                let secret = self.path_mac(token)?.finalize().into_bytes();
                format!("/hooks/registry/{word}/{}", hex::encode(secret))
            }
        })
    }

    /// Says whether a request without a signature is genuine. Takes as long for any wrong proof.
    pub fn is_proved(self, token: &SecretString, headers: &HeaderMap, path: Option<&str>) -> bool {
        match (self.proof(), path) {
            (SenderProof::Token, None) => {
                carries_token(token, headers) || carries_bare_token(token, headers)
            }
            (SenderProof::Path, Some(path)) => {
                let mut claimed = [0; 32];
                hex::decode_to_slice(path, &mut claimed).is_ok()
                    && self
                        .path_mac(token)
                        .is_ok_and(|mac| mac.verify_slice(&claimed).is_ok())
            }
            _ => false,
        }
    }

    /// Returns the check of a signature, for a sender that signs.
    pub fn signature(
        self,
        token: &SecretString,
        headers: &HeaderMap,
    ) -> Option<Result<SignatureCheck>> {
        (self.proof() == SenderProof::Signature).then(|| SignatureCheck::begin(token, headers))
    }

    /// The secret in a path is derived from the token: who learns it, for instance from the log of
    /// a proxy, can imitate this sender and no other.
    fn path_mac(self, token: &SecretString) -> Result<Hmac<Sha256>> {
        let wrong = |_| Error::failed("the token of registries' webhooks cannot be used as a key");
        let mac =
            Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()).map_err(wrong)?;
        Ok(mac.chain_update(format!("pintle hook {}", self.as_str())))
    }

    /// Returns the images that the body of a genuine webhook names.
    pub fn pushed_images(self, headers: &HeaderMap, body: &[u8]) -> PushedImages {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return PushedImages::Unknown;
        };
        let found = match self {
            Self::Distribution => read_distribution(value),
            Self::DockerHub => read_docker_hub(value),
            Self::Harbor => read_harbor(value),
            Self::Quay => read_quay(value),
            Self::Ghcr => read_ghcr(headers, value),
            Self::Diun => read_diun(value),
        };
        found.map_or(PushedImages::Unknown, |images| {
            PushedImages::Named(images.into_iter().flatten().collect())
        })
    }
}

/// Harbor sends what it is given as `Authorization`, which may be the token alone.
fn carries_bare_token(token: &SecretString, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()) else {
        return false;
    };
    let right = mac.clone().chain_update(token.expose_secret()).finalize();
    mac.chain_update(value.as_bytes())
        .verify(&right.into_bytes())
        .is_ok()
}

type NamedImages = Option<Vec<Option<PushedImage>>>;

/// A repository path and a tag; `None` for a manifest without a tag, whose index follows.
fn image(path: &str, tag: &str) -> Option<PushedImage> {
    let is_tag = !tag.is_empty() && !tag.starts_with("sha256:");
    let path = path.trim_matches('/').to_lowercase();
    (is_tag && !path.is_empty()).then(|| PushedImage {
        path: path.into(),
        tag: tag.into(),
    })
}

/// `host/path:tag`, or `path:tag`: the path without the host.
fn path_of(reference: &str) -> Option<(&str, &str)> {
    let (name, tag) = reference
        .rsplit_once(':')
        .filter(|(_, tag)| !tag.contains('/'))?;
    Some((without_host(name), tag))
}

/// The first part is a host if it has a dot or a port, or is `localhost`.
fn without_host(name: &str) -> &str {
    match name.split_once('/') {
        Some((host, path)) if host.contains(['.', ':']) || host == "localhost" => path,
        _ => name,
    }
}

#[derive(Deserialize)]
struct EventsBody {
    events: Vec<EventOf>,
}

#[derive(Deserialize)]
struct EventOf {
    action: String,
    target: Option<EventTarget>,
}

#[derive(Deserialize)]
struct EventTarget {
    repository: Option<String>,
    tag: Option<String>,
}

/// `notifications/event.go` of distribution. One push makes many events, and one of them has a tag.
fn read_distribution(value: Value) -> NamedImages {
    let body: EventsBody = serde_json::from_value(value).ok()?;
    let pushes = body.events.into_iter().filter(|one| one.action == "push");
    let images = pushes.map(|event| {
        let target = event.target?;
        image(&target.repository?, &target.tag?)
    });
    Some(images.collect())
}

#[derive(Deserialize)]
struct HubBody {
    push_data: HubPush,
    repository: HubRepository,
}

#[derive(Deserialize)]
struct HubPush {
    tag: String,
}

#[derive(Deserialize)]
struct HubRepository {
    repo_name: String,
}

/// <https://docs.docker.com/docker-hub/repos/manage/webhooks/>. The `callback_url` is not called.
fn read_docker_hub(value: Value) -> NamedImages {
    let body: HubBody = serde_json::from_value(value).ok()?;
    Some(vec![image(&body.repository.repo_name, &body.push_data.tag)])
}

#[derive(Deserialize)]
struct HarborBody {
    #[serde(rename = "type")]
    kind: String,
    /// In the old format, `data` in that of CloudEvents.
    #[serde(alias = "data")]
    event_data: HarborEvent,
}

#[derive(Deserialize)]
struct HarborEvent {
    #[serde(default)]
    resources: Vec<HarborResource>,
    repository: Option<HarborRepository>,
}

#[derive(Deserialize)]
struct HarborResource {
    resource_url: Option<String>,
    tag: Option<String>,
}

#[derive(Deserialize)]
struct HarborRepository {
    repo_full_name: Option<String>,
}

/// `src/pkg/notifier/model/event.go` of Harbor. Only the first tag of an artifact is named.
fn read_harbor(value: Value) -> NamedImages {
    let body: HarborBody = serde_json::from_value(value).ok()?;
    let pushes = ["PUSH_ARTIFACT", "pushImage", "harbor.artifact.pushed"];
    if !pushes.contains(&body.kind.as_str()) {
        return Some(Vec::new());
    }
    let name = body
        .event_data
        .repository
        .and_then(|one| one.repo_full_name);
    let images = body.event_data.resources.iter().map(|resource| {
        let url = resource.resource_url.as_deref();
        let by_url = url
            .and_then(path_of)
            .filter(|(path, _)| !path.contains('@'));
        match (by_url, &name, &resource.tag) {
            (Some((path, tag)), ..) => image(path, tag),
            (None, Some(name), Some(tag)) => image(name, tag),
            _ => None,
        }
    });
    Some(images.collect())
}

#[derive(Deserialize)]
struct QuayBody {
    /// `quay.io/team/app`
    docker_url: String,
    /// Names, or in old versions a map from them to ids.
    updated_tags: Value,
}

/// `notifications/__init__.py` of Quay.
fn read_quay(value: Value) -> NamedImages {
    let body: QuayBody = serde_json::from_value(value).ok()?;
    let tags: Vec<String> = match body.updated_tags {
        Value::Array(tags) => tags
            .iter()
            .map(|tag| tag.as_str().map(str::to_owned))
            .collect::<Option<_>>()?,
        Value::Object(tags) => tags.keys().cloned().collect(),
        _ => return None,
    };
    let path = without_host(&body.docker_url);
    Some(tags.iter().map(|tag| image(path, tag)).collect())
}

#[derive(Deserialize)]
struct GithubBody {
    action: String,
    #[serde(alias = "registry_package")]
    package: GithubPackage,
}

#[derive(Deserialize)]
struct GithubPackage {
    name: String,
    package_type: String,
    owner: GithubOwner,
    package_version: Option<GithubVersion>,
}

#[derive(Deserialize)]
struct GithubOwner {
    login: String,
}

#[derive(Deserialize)]
struct GithubVersion {
    container_metadata: Option<GithubMetadata>,
}

#[derive(Deserialize)]
struct GithubMetadata {
    tag: Option<GithubTag>,
}

#[derive(Deserialize)]
struct GithubTag {
    #[serde(default)]
    name: String,
}

/// `package` of a hook of a repo, `registry_package` of a GitHub App; other events are no pushes.
fn read_ghcr(headers: &HeaderMap, value: Value) -> NamedImages {
    let event = headers.get("x-github-event").map(|event| event.as_bytes());
    if !matches!(event, Some(b"package" | b"registry_package")) {
        return Some(Vec::new());
    }
    let body: GithubBody = serde_json::from_value(value).ok()?;
    let kind = body.package.package_type.to_lowercase();
    let is_push = matches!(body.action.as_str(), "published" | "updated");
    if !is_push || !matches!(kind.as_str(), "container" | "docker") {
        return Some(Vec::new());
    }
    let path = format!("{}/{}", body.package.owner.login, body.package.name);
    let version = body.package.package_version;
    let tag = version.and_then(|version| version.container_metadata?.tag);
    // Without a tag it may be the manifest of one platform, or one that lost its tag.
    Some(vec![tag.and_then(|tag| image(&path, &tag.name))])
}

#[derive(Deserialize)]
struct DiunBody {
    status: String,
    /// With host and tag: `docker.io/library/redis:7`.
    image: String,
}

/// `internal/msg/client.go` of Diun.
fn read_diun(value: Value) -> NamedImages {
    let body: DiunBody = serde_json::from_value(value).ok()?;
    if !matches!(body.status.as_str(), "new" | "update") {
        return Some(Vec::new());
    }
    let (path, tag) = path_of(&body.image)?;
    Some(vec![image(path, tag)])
}

#[cfg(test)]
mod tests;
