//! Assembles objects into workloads. A pod, and a revision, belongs to the last workload in its
//! chain of controllers. Pure.

use crate::model::keel::{is_of_keel, keep_keel};
use crate::model::platform::Platform;
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Pod, Release, Revision, Rollout, Workload};
use crate::remote::kubernetes::{Kind, Object, Objects};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const HISTORY: &str = "deployment.kubernetes.io/revision-history";

pub(super) fn build_cluster(objects: &Objects) -> Cluster {
    let index = ObjectIndex::new(objects);
    let mut workloads: Vec<Workload> = objects
        .kinds
        .iter()
        .filter(|(kind, _)| {
            !matches!(
                kind,
                Kind::ControllerRevision | Kind::Namespace | Kind::Node
            )
        })
        .flat_map(|(kind, _)| {
            index
                .objects_of(kind)
                .filter(|object| index.is_workload(kind, object))
                .map(|object| index.build_workload(kind, object))
        })
        .collect();
    workloads
        .sort_by(|a, b| (&a.kind, &a.namespace, &a.name).cmp(&(&b.kind, &b.namespace, &b.name)));
    workloads.dedup_by(|other, one| is_same_object(one, other) && join_containers(one, other));
    // Without nodes only their platforms are unknown.
    let unread = objects
        .kinds
        .iter()
        .filter(|(kind, _)| **kind != Kind::Node)
        .filter_map(|(kind, read)| {
            Some((WorkloadKind::new(kind.name()), read.as_ref().err()?.clone()))
        })
        .collect();
    let namespaces = index
        .objects_of(&Kind::Namespace)
        .map(|object| (object.name.clone(), keel_keys(&object.labels)))
        .collect();
    let platforms = index
        .objects_of(&Kind::Node)
        .filter_map(|node| {
            Some(Platform::new(
                node.label("kubernetes.io/os")?,
                node.label("kubernetes.io/arch")?,
            ))
        })
        .collect();
    Cluster {
        workloads,
        unread,
        namespaces,
        platforms,
    }
}

/// A custom resource with several images is configured, and read, once for each image.
fn is_same_object(one: &Workload, other: &Workload) -> bool {
    let key = |of: &Workload| {
        (
            of.kind.clone(),
            of.namespace.clone(),
            of.name.clone(),
            of.created,
        )
    };
    key(one) == key(other)
}

fn join_containers(one: &mut Workload, other: &mut Workload) -> bool {
    for container in other.containers.drain(..) {
        if one.container(&container.name).is_none() {
            one.containers.push(container);
        }
    }
    true
}

struct ObjectIndex<'a> {
    objects: &'a Objects,
    /// Pods by the uid of their workload, without those being deleted.
    pods: HashMap<Arc<str>, Vec<&'a Object>>,
    /// Workloads of Kubernetes' own kinds by the uid of the controller that made them.
    made: HashMap<Arc<str>, Vec<&'a Object>>,
    /// ReplicaSets and ControllerRevisions by the uid of their workload.
    revisions: HashMap<Arc<str>, Vec<&'a Object>>,
}

impl<'a> ObjectIndex<'a> {
    fn new(objects: &'a Objects) -> Self {
        let mut index = Self {
            objects,
            pods: HashMap::new(),
            made: HashMap::new(),
            revisions: HashMap::new(),
        };
        let between: HashMap<&str, &Object> = [Kind::ReplicaSet, Kind::Job]
            .iter()
            .flat_map(|kind| index.objects_of(kind))
            .map(|object| (&*object.uid, object))
            .collect();
        let deployments: HashMap<_, _> = index
            .objects_of(&Kind::Deployment)
            .map(|object| ((&*object.namespace, &*object.name), &object.uid))
            .collect();
        for pod in index.objects_of(&Kind::Pod).filter(|pod| !pod.going) {
            let workload = match &pod.controller {
                None => Some(&pod.uid),
                Some(owner) => match between.get(&*owner.uid) {
                    Some(between) => Some(
                        between
                            .controller
                            .as_ref()
                            .map_or(&between.uid, |owner| &owner.uid),
                    ),
                    None => deployment_of(pod)
                        .and_then(|key| deployments.get(&key).copied())
                        .or(Some(&owner.uid)),
                },
            };
            index
                .pods
                .entry(workload.unwrap_or(&pod.uid).clone())
                .or_default()
                .push(pod);
        }
        for made in index
            .objects_of(&Kind::Deployment)
            .chain(index.objects_of(&Kind::StatefulSet))
            .chain(index.objects_of(&Kind::DaemonSet))
        {
            if let Some(owner) = &made.controller {
                index.made.entry(owner.uid.clone()).or_default().push(made);
            }
        }
        for revision in index
            .objects_of(&Kind::ReplicaSet)
            .chain(index.objects_of(&Kind::ControllerRevision))
        {
            if let Some(owner) = &revision.controller {
                index
                    .revisions
                    .entry(owner.uid.clone())
                    .or_default()
                    .push(revision);
            }
        }
        index
    }

    fn objects_of(&self, kind: &Kind) -> impl Iterator<Item = &'a Object> + use<'a> {
        self.objects
            .kinds
            .get(kind)
            .and_then(|read| read.as_ref().ok())
            .into_iter()
            .flatten()
            .map(|object| &**object)
    }

    /// An object whose controller is read too is a part of that controller.
    fn is_workload(&self, kind: &Kind, object: &Object) -> bool {
        match (kind, &object.controller) {
            (Kind::Pod, owner) => owner.is_none() && !object.going,
            (Kind::ReplicaSet | Kind::Job, Some(owner)) => !self
                .objects
                .kinds
                .keys()
                .any(|kind| kind.name() == &*owner.kind),
            _ => true,
        }
    }

    fn build_workload(&self, kind: &Kind, object: &'a Object) -> Workload {
        let revisions = self.sorted_revisions(kind, object);
        let batch = matches!(kind, Kind::Job | Kind::CronJob | Kind::Pod);
        // Those that an operator made of a custom resource, by itself or through a workload.
        let made = self
            .made
            .get(&object.uid)
            .into_iter()
            .flatten()
            .map(|made| &made.uid);
        let pods = std::iter::once(&object.uid)
            .chain(made)
            .filter_map(|uid| self.pods.get(uid))
            .flatten()
            .copied();
        let mut pods: Vec<&Object> = pods.filter(|pod| batch || !pod.ended).collect();
        pods.sort_by(|a, b| a.name.cmp(&b.name));
        Workload {
            kind: WorkloadKind::new(kind.name()),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            created: object.created,
            release: helm_release(object),
            controller: object
                .controller
                .as_ref()
                .map(|owner| format!("{}/{}", owner.kind.to_ascii_lowercase(), owner.name).into()),
            keel: keel_keys(object.labels.iter().chain(&object.annotations)),
            replicas: object.replicas,
            containers: object.containers.to_vec(),
            rollout: self.judge_rollout(kind, object, &revisions, &pods),
            revisions,
            pods: pods.into_iter().map(build_pod).collect(),
        }
    }

    /// Newest first.
    fn sorted_revisions(&self, kind: &Kind, object: &Object) -> Vec<Revision> {
        if !matches!(kind, Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet) {
            return Vec::new();
        }
        let mut revisions: Vec<Revision> = self
            .revisions
            .get(&object.uid)
            .into_iter()
            .flatten()
            .filter_map(|one| build_revision(kind, one))
            .collect();
        revisions.sort_by(|a, b| (Reverse(a.number), &a.name).cmp(&(Reverse(b.number), &b.name)));
        revisions
    }

    /// The status of a controller counts only if its revision is known: each kind is read on its
    /// own, and one may be a moment older.
    fn judge_rollout(
        &self,
        kind: &Kind,
        object: &Object,
        revisions: &[Revision],
        pods: &[&Object],
    ) -> Rollout {
        let ready = || {
            pods.iter()
                .flat_map(|pod| &pod.statuses)
                .all(|status| status.ready)
        };
        let told = &object.rollout;
        let agrees = match kind {
            Kind::Deployment => self.newest_agrees(&Kind::ReplicaSet, revisions, |newest| {
                object.revision == Some(newest.number)
            }),
            Kind::StatefulSet => {
                let newest =
                    |newest: &Revision| object.update_revision.as_ref() == Some(&newest.name);
                self.newest_agrees(&Kind::ControllerRevision, revisions, newest)
            }
            Kind::DaemonSet | Kind::ReplicaSet => true,
            Kind::CronJob => {
                return Rollout {
                    observed: true,
                    complete: true,
                    ..Rollout::default()
                };
            }
            Kind::Job => {
                return Rollout {
                    observed: true,
                    complete: pods.iter().all(|pod| pod.ended),
                    ..Rollout::default()
                };
            }
            _ => {
                return Rollout {
                    observed: true,
                    complete: ready(),
                    ..Rollout::default()
                };
            }
        };
        Rollout {
            observed: told.observed && agrees,
            complete: told.complete && agrees,
            stuck: told.stuck.clone(),
            unavailable: told.unavailable.clone(),
            halt: told.halt,
            updated: told.updated,
            wanted: told.wanted,
        }
    }

    fn newest_agrees(
        &self,
        kind: &Kind,
        revisions: &[Revision],
        newest: impl Fn(&Revision) -> bool,
    ) -> bool {
        match self.objects.kinds.get(kind) {
            Some(Ok(_)) => revisions.first().is_some_and(newest),
            _ => true,
        }
    }
}

/// Returns the Deployment of a pod whose ReplicaSet is unknown, from the ReplicaSet's name: the
/// Deployment's name and a hash.
fn deployment_of(pod: &Object) -> Option<(&str, &str)> {
    let owner = pod
        .controller
        .as_ref()
        .filter(|owner| &*owner.kind == Kind::ReplicaSet.name())?;
    let name = owner
        .name
        .strip_suffix(&**pod.label("pod-template-hash")?)?
        .strip_suffix('-')?;
    Some((&*pod.namespace, name))
}

fn build_revision(kind: &Kind, object: &Object) -> Option<Revision> {
    let hash = match kind {
        Kind::Deployment => object.label("pod-template-hash")?.clone(),
        Kind::DaemonSet => object.label("controller-revision-hash")?.clone(),
        // The pods of a StatefulSet carry the revision's name.
        _ => object.name.clone(),
    };
    let earlier = object
        .annotation(HISTORY)
        .into_iter()
        .flat_map(|history| history.split(','))
        .filter_map(|number| number.parse().ok());
    Some(Revision {
        name: object.name.clone(),
        hash,
        number: object.revision?,
        earlier: earlier.collect(),
        created: object.created,
        images: object
            .containers
            .iter()
            .map(|container| (container.name.clone(), container.image.clone()))
            .collect(),
    })
}

fn helm_release(object: &Object) -> Option<Release> {
    let annotated = object.annotation("meta.helm.sh/release-name");
    let name = annotated
        .or_else(|| object.label("app.kubernetes.io/instance"))?
        .clone();
    let managed = object
        .label("app.kubernetes.io/managed-by")
        .is_some_and(|by| &**by == "Helm");
    Some(Release {
        name,
        helm: annotated.is_some() || managed,
    })
}

/// Keel reads labels too. An annotation has precedence.
fn keel_keys<'a>(
    pairs: impl IntoIterator<Item = &'a (Arc<str>, Arc<str>)>,
) -> BTreeMap<Arc<str>, Arc<str>> {
    let own: BTreeMap<_, _> = pairs
        .into_iter()
        .filter(|(key, _)| is_of_keel(key))
        .cloned()
        .collect();
    keep_keel(own.into_iter()).into_iter().collect()
}

fn build_pod(from: &Object) -> Pod {
    Pod {
        name: from.name.clone(),
        revision: from
            .label("pod-template-hash")
            .or_else(|| from.label("controller-revision-hash"))
            .cloned(),
        created: from.created,
        lost: from.lost,
        unready: from.unready,
        node: from.node.clone(),
        containers: from.statuses.to_vec(),
    }
}
