//! What uses an image: a kind of object, one object of the cluster, and the place in it. Names
//! only; knows no cluster and no Terraform.

use std::fmt;
use std::sync::Arc;

/// A kind of object, in lower case as pintle prints it. Kinds that mean something to the rules have
/// a variant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadKind {
    CronJob,
    DaemonSet,
    Deployment,
    /// A chart: in the cluster it becomes workloads of other kinds.
    HelmRelease,
    Job,
    /// An argument of a module whose text is not in the repo.
    Module,
    Pod,
    ReplicaSet,
    ReplicationController,
    StatefulSet,
    /// Any other, in lower case: `configmap`, `cluster`.
    Other(Arc<str>),
}

/// Each kind that has a variant, and its word.
const KINDS: [(WorkloadKind, &str); 10] = [
    (WorkloadKind::CronJob, "cronjob"),
    (WorkloadKind::DaemonSet, "daemonset"),
    (WorkloadKind::Deployment, "deployment"),
    (WorkloadKind::HelmRelease, "helm_release"),
    (WorkloadKind::Job, "job"),
    (WorkloadKind::Module, "module"),
    (WorkloadKind::Pod, "pod"),
    (WorkloadKind::ReplicaSet, "replicaset"),
    (WorkloadKind::ReplicationController, "replicationcontroller"),
    (WorkloadKind::StatefulSet, "statefulset"),
];

impl WorkloadKind {
    /// The kinds of the cluster that pintle looks at without being told to.
    pub const OBSERVED: [Self; 6] = [
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::CronJob,
        Self::Job,
        Self::Pod,
    ];

    /// Reads a kind in any case: `Deployment`, `deployment`, `postgresql`.
    pub fn new(word: &str) -> Self {
        let word = word.to_lowercase();
        let known = KINDS.into_iter().find(|(_, known)| *known == word);
        known.map_or_else(|| Self::Other(word.as_str().into()), |(kind, _)| kind)
    }

    /// Returns the kind in lower case: `statefulset`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::CronJob => "cronjob",
            Self::DaemonSet => "daemonset",
            Self::Deployment => "deployment",
            Self::HelmRelease => "helm_release",
            Self::Job => "job",
            Self::Module => "module",
            Self::Pod => "pod",
            Self::ReplicaSet => "replicaset",
            Self::ReplicationController => "replicationcontroller",
            Self::StatefulSet => "statefulset",
            Self::Other(word) => word,
        }
    }

    /// Says whether its controller keeps revisions that a rollout can be undone to.
    pub fn has_revisions(&self) -> bool {
        matches!(self, Self::Deployment | Self::StatefulSet | Self::DaemonSet)
    }

    /// Says whether it owns pods whose containers have names of their own.
    pub fn owns_containers(&self) -> bool {
        Self::OBSERVED.contains(self)
            || matches!(self, Self::ReplicaSet | Self::ReplicationController)
    }
}

impl fmt::Display for WorkloadKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One object of the cluster by name: `deployment/immich/server`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkloadRef {
    pub kind: WorkloadKind,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl fmt::Display for WorkloadRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.kind, self.namespace, self.name)
    }
}

/// What holds the image within an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Holder {
    /// A container, by the name that Kubernetes knows it by; `None` where the repo does not tell
    /// it.
    Container { name: Option<Arc<str>>, init: bool },
    /// A value by its path: `server.image` of a chart, `spec.imageName` of a custom resource, an
    /// argument of a module.
    Path(Arc<str>),
    /// An environment variable.
    Env(Arc<str>),
}

impl Holder {
    /// Returns the name or path; `None` for a container whose name is not known.
    pub fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::Container { name, .. } => name.as_ref(),
            Self::Path(name) | Self::Env(name) => Some(name),
        }
    }

    /// Returns the name where it is a container's.
    pub fn container(&self) -> Option<&Arc<str>> {
        match self {
            Self::Container { name, .. } => name.as_ref(),
            Self::Path(_) | Self::Env(_) => None,
        }
    }

    pub fn is_init(&self) -> bool {
        matches!(self, Self::Container { init: true, .. })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().map_or("?", |name| name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_in_any_case_and_printed_in_lower_case() {
        for (kind, word) in KINDS {
            assert_eq!(
                (WorkloadKind::new(word), kind.as_str()),
                (kind.clone(), word)
            );
            assert_eq!(WorkloadKind::new(&word.to_uppercase()), kind);
        }
        assert_eq!(
            WorkloadKind::new("Cluster"),
            WorkloadKind::Other("cluster".into())
        );
    }
}
