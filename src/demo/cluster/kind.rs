//! The kinds that the made-up cluster has, and where its API has them.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DemoKind {
    Namespace,
    Node,
    Pod,
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    ControllerRevision,
    CronJob,
    Job,
}

impl DemoKind {
    pub const ALL: [Self; 10] = [
        Self::Namespace,
        Self::Node,
        Self::Pod,
        Self::Deployment,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::ReplicaSet,
        Self::ControllerRevision,
        Self::CronJob,
        Self::Job,
    ];

    /// As Kubernetes writes it: `StatefulSet`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::ControllerRevision => "ControllerRevision",
            Self::CronJob => "CronJob",
            Self::Job => "Job",
        }
    }

    /// In lower case: `statefulset`.
    pub fn word(self) -> String {
        self.name().to_ascii_lowercase()
    }

    /// `apps/v1`; the core has no group.
    pub(super) fn version(self) -> &'static str {
        match self {
            Self::Namespace | Self::Node | Self::Pod => "v1",
            Self::CronJob | Self::Job => "batch/v1",
            Self::Deployment
            | Self::StatefulSet
            | Self::DaemonSet
            | Self::ReplicaSet
            | Self::ControllerRevision => "apps/v1",
        }
    }

    pub(super) fn plural(self) -> String {
        self.word() + "s"
    }

    /// `deployments.apps`, as messages name a resource.
    pub(super) fn resource(self) -> String {
        match self.version().split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural()),
            None => self.plural(),
        }
    }

    /// Returns the kind that a path begins with, and what comes after the plural: nothing for the
    /// list of all namespaces.
    pub(super) fn at(path: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|kind| {
            let version = kind.version();
            let api = if version.contains('/') {
                "/apis/"
            } else {
                "/api/"
            };
            let below = path
                .strip_prefix(api)?
                .strip_prefix(version)?
                .strip_prefix('/')?;
            let own = |below: &str| {
                let rest = below.strip_prefix(kind.plural().as_str())?;
                (rest.is_empty() || rest.starts_with('/')).then_some(rest.len())
            };
            let in_namespace = || {
                below
                    .strip_prefix("namespaces/")?
                    .split_once('/')
                    .map(|(_, rest)| rest)
            };
            let whole = own(below).map(|rest| &below[below.len() - rest..]);
            match kind {
                // `/api/v1/namespaces/x/pods` is about pods.
                Self::Namespace => whole.filter(|rest| rest.matches('/').count() < 2),
                _ => whole.or_else(|| in_namespace().filter(|below| own(below).is_some())),
            }
            .map(|rest| (kind, rest))
        })
    }
}
