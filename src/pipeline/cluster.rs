//! What runs in the cluster, and which alerts fire, as of one look. Types only.

pub use crate::model::rollout::{
    Condition, Container, Halt, PodContainer, Rollout, Waiting, Writer,
};

use crate::model::platform::Platform;
use crate::model::workload::{WorkloadKind, WorkloadRef};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The cluster as of one look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cluster {
    /// Sorted by kind, namespace and name.
    pub workloads: Vec<Workload>,
    /// Kinds that could not be read, and why: a sentence each.
    /// What hangs on such a kind is not known; everything else is.
    pub unread: BTreeMap<WorkloadKind, String>,
    /// The labels `keel.sh/…` of namespaces, by name; all namespaces that there are.
    pub namespaces: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Arc<str>>>,
    /// The platforms of its nodes; empty where they could not be read.
    pub platforms: BTreeSet<Platform>,
}

impl Cluster {
    /// Says whether both have the same workloads with the same specs and revisions. Pods come and
    /// go without that, and rollouts go on.
    pub fn has_same_specs(&self, other: &Self) -> bool {
        self.unread == other.unread
            && self.namespaces == other.namespaces
            && self.workloads.len() == other.workloads.len()
            && self
                .workloads
                .iter()
                .zip(&other.workloads)
                .all(|(one, other)| one.has_same_spec(other))
    }
}

/// Something that has containers, or (custom resources) an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: WorkloadKind,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    pub created: Option<Timestamp>,
    /// The Helm release it belongs to: `meta.helm.sh/release-name`, else the label
    /// `app.kubernetes.io/instance`.
    pub release: Option<Release>,
    /// The controller it belongs to, where that is none of the kinds looked at: `cluster/db`.
    pub controller: Option<Arc<str>>,
    /// The annotations `keel.sh/…`.
    pub keel: BTreeMap<Arc<str>, Arc<str>>,
    /// How many pods are wanted; `None` for kinds without a number (daemon sets, cron jobs, jobs,
    /// custom resources).
    pub replicas: Option<u32>,
    /// Of its pod template, in the order of the spec: containers, then init containers.
    pub containers: Vec<Container>,
    /// Newest (highest number) first; the first is the one in use. Empty for kinds without
    /// revisions, and where they could not be read.
    pub revisions: Vec<Revision>,
    pub rollout: Rollout,
    /// Those that it has now, without those being deleted; sorted by name.
    pub pods: Vec<Pod>,
}

impl Workload {
    fn has_same_spec(&self, other: &Self) -> bool {
        let spec = |one: &Self| {
            (
                one.kind.clone(),
                one.namespace.clone(),
                one.name.clone(),
                one.created,
                one.replicas,
            )
        };
        spec(self) == spec(other)
            && self.release == other.release
            && self.controller == other.controller
            && self.keel == other.keel
            && self.containers == other.containers
            && self.revisions == other.revisions
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    pub name: Arc<str>,
    /// Whether Helm itself manages it (`app.kubernetes.io/managed-by: Helm`, or its annotation).
    pub helm: bool,
}

/// A ReplicaSet of a Deployment, or a ControllerRevision of a StatefulSet or DaemonSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    pub name: Arc<str>,
    /// The value of its pods' label `pod-template-hash` or `controller-revision-hash`.
    pub hash: Arc<str>,
    pub number: i64,
    /// The numbers it had before it came into use again
    /// (`deployment.kubernetes.io/revision-history`); only Deployments tell.
    pub earlier: Vec<i64>,
    pub created: Option<Timestamp>,
    /// By container name, init containers too.
    pub images: BTreeMap<Arc<str>, Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    pub name: Arc<str>,
    /// The hash of the revision it is of.
    pub revision: Option<Arc<str>>,
    pub created: Option<Timestamp>,
    /// Since when it is not ready, where it was before.
    pub lost: Option<Timestamp>,
    /// Since when it is not ready, whether it ever was or not.
    pub unready: Option<Timestamp>,
    /// The node that it is on; `None` while no node takes it.
    pub node: Option<Arc<str>>,
    pub containers: Vec<PodContainer>,
}

/// An alert that fires, as Alertmanager's API tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub fingerprint: Arc<str>,
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    pub started: Timestamp,
    /// `annotations.summary`, else `annotations.description`.
    pub summary: Option<Arc<str>>,
}

impl Cluster {
    pub fn workload(&self, named: &WorkloadRef) -> Option<&Workload> {
        let key = |other: &Workload| {
            (&other.kind, &other.namespace, &other.name).cmp(&(
                &named.kind,
                &named.namespace,
                &named.name,
            ))
        };
        let found = self.workloads.binary_search_by(key);
        self.workloads.get(found.ok()?)
    }
}

impl Workload {
    pub fn reference(&self) -> WorkloadRef {
        self.reference_as(self.kind.clone(), self.name.clone())
    }

    /// Another object of the same namespace.
    pub fn reference_as(&self, kind: WorkloadKind, name: Arc<str>) -> WorkloadRef {
        WorkloadRef {
            kind,
            namespace: self.namespace.clone(),
            name,
        }
    }

    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers
            .iter()
            .find(|container| &*container.name == name)
    }
}
