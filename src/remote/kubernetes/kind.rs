//! The kinds that are read, and where the API server has them.

use std::fmt;
use std::sync::Arc;

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
    CronJob,
    Job,
    ReplicaSet,
    ControllerRevision,
    Pod,
    Namespace,
    Node,
    Custom(Arc<Custom>),
}

/// A custom resource with an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Custom {
    pub group: Arc<str>,
    pub version: Arc<str>,
    /// As Kubernetes writes it: `Cluster`.
    pub kind: Arc<str>,
    pub plural: Arc<str>,
    /// The path of its image; `*` stands for every element.
    pub image: Vec<Arc<str>>,
}

impl Kind {
    /// The kinds that are read without being configured.
    pub const BUILT_IN: [Self; 10] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::CronJob,
        Self::Job,
        Self::ReplicaSet,
        Self::ControllerRevision,
        Self::Pod,
        Self::Namespace,
        Self::Node,
    ];

    /// Returns the kind as Kubernetes writes it: `StatefulSet`.
    pub fn name(&self) -> &str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
            Self::ReplicaSet => "ReplicaSet",
            Self::ControllerRevision => "ControllerRevision",
            Self::Pod => "Pod",
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Custom(custom) => &custom.kind,
        }
    }

    /// Returns the kind in lower case: `statefulset`.
    pub fn word(&self) -> Arc<str> {
        self.name().to_ascii_lowercase().into()
    }

    /// Returns group (empty for the core), version and plural.
    pub fn place(&self) -> (&str, &str, &str) {
        match self {
            Self::Deployment => ("apps", "v1", "deployments"),
            Self::StatefulSet => ("apps", "v1", "statefulsets"),
            Self::DaemonSet => ("apps", "v1", "daemonsets"),
            Self::CronJob => ("batch", "v1", "cronjobs"),
            Self::Job => ("batch", "v1", "jobs"),
            Self::ReplicaSet => ("apps", "v1", "replicasets"),
            Self::ControllerRevision => ("apps", "v1", "controllerrevisions"),
            Self::Pod => ("", "v1", "pods"),
            Self::Namespace => ("", "v1", "namespaces"),
            Self::Node => ("", "v1", "nodes"),
            Self::Custom(custom) => (&custom.group, &custom.version, &custom.plural),
        }
    }

    /// Returns the path of the list of all namespaces.
    pub(super) fn path(&self) -> String {
        match self.place() {
            ("", version, plural) => format!("/api/{version}/{plural}"),
            (group, version, plural) => format!("/apis/{group}/{version}/{plural}"),
        }
    }
}

impl fmt::Display for Kind {
    /// `statefulsets.apps`, as `kubectl` names a resource.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place() {
            ("", _, plural) => f.write_str(plural),
            (group, _, plural) => write!(f, "{plural}.{group}"),
        }
    }
}
