//! What the body of a genuine webhook names: the branch that was pushed to, the image that was
//! pushed. It can only spare requests: a body that is not understood wakes the loop like one that
//! was never read, and nothing of it is believed.

use crate::observe::FollowedBranch;
use serde::Deserialize;
use std::sync::Arc;

/// An image that was pushed to the forge's own registry, or to another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PushedImage {
    /// `team/app`, in lower case.
    pub path: Arc<str>,
    pub tag: Arc<str>,
}

/// What a package event is about.
pub(super) enum PushedPackage {
    Image(PushedImage),
    /// A package of another kind, or the manifest of one platform: the event of its tag follows.
    Other,
    /// The body is not understood.
    Unknown,
}

/// <https://forgejo.org/docs/latest/user/webhooks/>
#[derive(Deserialize)]
struct PushBody {
    #[serde(rename = "ref")]
    reference: String,
    repository: Option<RepositoryBody>,
}

#[derive(Deserialize)]
struct RepositoryBody {
    full_name: Option<String>,
}

/// `PackagePayload` in `modules/structs/hook.go` of Gitea.
#[derive(Deserialize)]
struct PackageBody {
    package: PackageOf,
}

#[derive(Deserialize)]
struct PackageOf {
    #[serde(rename = "type")]
    kind: String,
    /// Lower case; may hold a `/`.
    name: String,
    /// A tag, or the digest of a manifest that an index names.
    version: String,
    owner: OwnerBody,
}

#[derive(Deserialize)]
struct OwnerBody {
    login: String,
}

/// Says whether a push may be one to the followed branch. Other branches matter by their pull
/// requests only, which have events of their own.
pub(super) fn is_followed(body: &[u8], followed: &FollowedBranch) -> bool {
    let Ok(push) = serde_json::from_slice::<PushBody>(body) else {
        return true;
    };
    let name = push.repository.and_then(|repository| repository.full_name);
    let is_elsewhere = followed
        .repository
        .as_ref()
        .zip(name)
        .is_some_and(|(own, name)| !own.eq_ignore_ascii_case(&name));
    let is_other = match push.reference.strip_prefix("refs/heads/") {
        Some(branch) => followed.branch.as_ref().is_some_and(|own| **own != *branch),
        None => push.reference.starts_with("refs/"),
    };
    !is_elsewhere && !is_other
}

/// Returns what a package event is about.
pub(super) fn read_package(body: &[u8]) -> PushedPackage {
    let Ok(PackageBody { package }) = serde_json::from_slice(body) else {
        return PushedPackage::Unknown;
    };
    if package.kind != "container" || package.version.starts_with("sha256:") {
        return PushedPackage::Other;
    }
    let path = format!("{}/{}", package.owner.login, package.name).to_lowercase();
    PushedPackage::Image(PushedImage {
        path: path.into(),
        tag: package.version.into(),
    })
}

#[cfg(test)]
mod tests;
