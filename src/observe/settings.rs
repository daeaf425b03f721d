//! Settings from outside the repo: where the repo, the forge, GitHub and the cluster are, and how
//! each is asked. Values only.

use super::registries::RegistrySettings;
use crate::remote::git::{Access, Remote};
use crate::remote::{forgejo, kubernetes};
use jiff::Timestamp;
use secrecy::SecretString;
use std::path::PathBuf;
use url::Url;

/// How many commits back the history is read by default: a few years of a busy repo.
pub const COMMITS: usize = 5_000;

/// Where the repo is.
#[derive(Clone, Debug)]
pub enum RepoOrigin {
    /// A folder, read as it is.
    Folder(PathBuf),
    /// A remote, through a bare clone below `cache`.
    Remote {
        remote: Remote,
        cache: PathBuf,
        access: Box<Access>,
    },
}

/// What a session needs to know from outside the repo.
#[derive(Clone)]
pub struct SessionSettings {
    pub origin: RepoOrigin,
    /// Name and text of a configuration that is used instead of the repo's.
    pub config: Option<(String, String)>,
    pub registries: RegistrySettings,
    /// The forge, where one is named.
    pub forge: Option<ForgeAccess>,
    /// GitHub, where it may be asked what changed in an image; only a build with the feature
    /// `github` asks.
    pub github: Option<GithubAccess>,
    /// The cluster, where one is named.
    pub cluster: Option<ClusterAccess>,
    /// How many commits back the history is read.
    pub commits: usize,
    pub clock: fn() -> Timestamp,
}

/// Where the forge is, and how it is asked.
#[derive(Clone)]
pub struct ForgeAccess {
    pub place: forgejo::Place,
    pub options: forgejo::Options,
}

/// Where GitHub's API is, and who asks.
#[derive(Clone)]
pub struct GithubAccess {
    pub api: Url,
    /// Without it little may be asked, and only what is public.
    pub token: Option<SecretString>,
}

/// Where the cluster's API server is, and how it is asked.
#[derive(Clone)]
pub struct ClusterAccess {
    pub place: kubernetes::Place,
    pub options: kubernetes::Options,
}
