//! The settings about the systems around the repo: registries, caches, git, forge, CI, cluster,
//! alerts. Their addresses and credentials are given by flags, but for those of registries and
//! caches.

use crate::model::pattern::Glob;
use jiff::SignedDuration;
use std::sync::Arc;
use url::Url;

#[derive(Clone, Debug, PartialEq)]
pub struct Registry {
    /// As in image references, in normal form: `docker.io`, `ghcr.io`, `registry.example.com:5000`.
    pub host: Arc<str>,
    /// Asked instead of `https://host`; a path in it stands before `/v2/`.
    pub endpoint: Option<Url>,
    pub plain_http: bool,
    /// A PEM file, relative to the working directory.
    pub ca_file: Option<Arc<str>>,
    pub max_concurrency: Option<usize>,
    pub requests_per_second: Option<f64>,
    /// Hosts that it may send manifests' requests on to, besides public ones over https.
    pub redirects: Vec<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// The registry it stands before.
    pub registry: Arc<str>,
    /// May have a path, which is put before the repository: `https://cache.example.com/ghcr`.
    pub url: Url,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Git {
    /// `None`: the remote's default branch.
    pub branch: Option<Arc<str>>,
    pub author_name: Arc<str>,
    pub author_email: Arc<str>,
    /// Whether commits end with a `Signed-off-by` of their author.
    pub sign_off: bool,
    /// What every subject begins with: `chore(deps):`.
    pub subject_prefix: Option<Arc<str>>,
}

/// How pintle behaves in the forge. Its address and token are given by flags, not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgeConfig {
    /// No more pull requests than this are open at a time; those people asked for do not count.
    pub max_pull_requests: usize,
    /// Put on every pull request and issue of pintle's.
    pub labels: Vec<Arc<str>>,
    /// How pintle merges: `merge`, `rebase`, `rebase-merge`, `squash`, `fast-forward-only`; without
    /// it as the repo does by default.
    pub merge_style: Option<Arc<str>>,
    /// When the branch of an open pull request is rebased.
    pub rebase: RebaseMode,
    /// Accounts, by numeric id, that may command where their right cannot be looked up, or is told
    /// as less than it is.
    pub commanders: Vec<u64>,
    /// Whether pull requests tell what changed in their images.
    pub release_notes: bool,
    /// Hosts (`host` or `host:port`) of Forgejo or Gitea that are asked for releases over https,
    /// besides the forge itself.
    pub sources: Vec<Arc<str>>,
    /// Commands in comments older than this are not carried out.
    pub command_age: SignedDuration,
    /// Whether one issue shows what waits, is held and is blocked.
    pub dashboard: bool,
}

/// When the branch of an open pull request is put on the newest commit of the followed branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RebaseMode {
    /// Only where it could not be merged as it is: its files changed, the branch takes no branch
    /// that is behind, or pintle is about to merge it.
    #[default]
    WhenNeeded,
    /// After each commit of somebody else.
    Always,
}

/// What pintle expects of CI after a push.
#[derive(Clone, Debug, PartialEq)]
pub struct PipelineConfig {
    /// Whether updates wait while the statuses of the last change have not ended.
    pub wait: bool,
    /// How long a status may take to come and to end.
    pub timeout: SignedDuration,
    /// Globs of the contexts that count; empty: all.
    pub contexts: Vec<Glob>,
}

/// What is read in the cluster, and what is made of it. Its address and credentials are told by
/// flags, not here.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// The roots that are applied to this cluster; none named is all.
    pub roots: Vec<Glob>,
    /// The environments that are; none named is all. What has no environment is not asked for one.
    pub environments: Vec<Glob>,
    pub keel: KeelConfig,
    /// Field managers that apply Terraform.
    pub terraform: Vec<Glob>,
    pub graces: Graces,
    pub custom: Vec<Custom>,
}

/// How long a new digest may fail before it counts as failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graces {
    /// Too few pods are ready.
    pub ready: SignedDuration,
    /// A container that restarted three times is not ready.
    pub crash: SignedDuration,
    /// A part of the configuration, such as a Secret, is missing.
    pub config: SignedDuration,
    /// The kubelet tries again: a pull that fails without a known cause, a container that crashes
    /// after each start.
    pub retry: SignedDuration,
    /// The container cannot be started, or a pod of a StatefulSet or DaemonSet never becomes ready.
    pub start: SignedDuration,
}

impl Graces {
    /// Returns the longest of them.
    pub fn longest(&self) -> SignedDuration {
        let all = [self.ready, self.crash, self.config, self.retry, self.start];
        all.into_iter().max().unwrap_or_default()
    }
}

impl Default for Graces {
    fn default() -> Self {
        Self {
            ready: SignedDuration::from_mins(2),
            crash: SignedDuration::from_mins(1),
            config: SignedDuration::from_mins(2),
            retry: SignedDuration::from_mins(5),
            start: SignedDuration::from_mins(10),
        }
    }
}

/// Whether KeelConfig runs in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeelConfig {
    /// Look.
    Auto,
    Yes,
    No,
}

/// A further kind that has an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Custom {
    pub group: Arc<str>,
    pub version: Arc<str>,
    /// As Kubernetes writes it: `ClusterConfig`.
    pub kind: Arc<str>,
    pub plural: Arc<str>,
    /// The path of its image.
    pub image: Vec<Arc<str>>,
}

/// Which alerts are about which workload.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertConfig {
    /// Where it stands in the file, from 1.
    pub number: usize,
    /// All of them must match.
    pub matches: Vec<(Arc<str>, Glob)>,
    /// Names of labels.
    pub namespace: Arc<str>,
    pub workload: Vec<Arc<str>>,
    pub pod: Arc<str>,
}

impl Default for ForgeConfig {
    fn default() -> Self {
        Self {
            max_pull_requests: 10,
            labels: vec!["pintle".into()],
            merge_style: None,
            rebase: RebaseMode::WhenNeeded,
            commanders: Vec::new(),
            release_notes: true,
            sources: vec!["codeberg.org".into()],
            command_age: SignedDuration::from_hours(24),
            dashboard: false,
        }
    }
}

impl Default for PipelineConfig {
    fn default() -> Self {
        Self {
            wait: true,
            timeout: SignedDuration::from_mins(30),
            contexts: Vec::new(),
        }
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            roots: Vec::new(),
            environments: Vec::new(),
            keel: KeelConfig::Auto,
            terraform: terraform_managers(),
            graces: Graces::default(),
            custom: Vec::new(),
        }
    }
}

impl Default for Git {
    fn default() -> Self {
        Self {
            branch: None,
            author_name: "pintle".into(),
            author_email: "pintle@localhost".into(),
            sign_off: false,
            subject_prefix: None,
        }
    }
}

/// The field managers of the Terraform providers for Kubernetes: `hashicorp/kubernetes` names
/// itself so in its user agent, and `kubernetes_manifest` in its server-side apply; `kubectl` and
/// `helm` are other providers' own.
fn terraform_managers() -> Vec<Glob> {
    [
        "Terraform",
        "terraform*",
        "HashiCorp",
        "OpenTofu*",
        "opentofu*",
    ]
    .iter()
    .filter_map(|glob| Glob::name(glob).ok())
    .collect()
}
