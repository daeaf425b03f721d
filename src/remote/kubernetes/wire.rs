//! Objects as the API server writes them, as far as they are read, and what is kept of them.
//! Kubernetes' own kinds share one shape; what a kind does not have stays empty.

use super::Kind;
use super::fields::{Fields, Managed, container_name, images, time, writers, writers_at};
use super::object::{Object, Owner, Words};
use crate::model::digest::Digest;
use crate::model::keel::is_of_keel;
use crate::model::rollout::{Condition, Container, Halt, PodContainer, Rollout, Waiting};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The labels that are kept, and all that start with `keel.sh/`.
const LABELS: [&str; 6] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "controller-revision-hash",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "pod-template-hash",
];
/// The annotations that are kept, and all that start with `keel.sh/`.
const ANNOTATIONS: [&str; 2] = [
    "deployment.kubernetes.io/revision-history",
    "meta.helm.sh/release-name",
];
const REVISION: &str = "deployment.kubernetes.io/revision";

/// What a list or a watch brings, one at a time.
pub(super) trait Slim: DeserializeOwned + Clone + Send + 'static {
    fn version(&self) -> Option<&str>;
    fn slim(self, kind: &Kind, words: &mut Words) -> Object;
}

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    #[serde(default)]
    pub metadata: PageMeta,
    #[serde(default = "Option::default")]
    pub items: Option<Vec<T>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMeta {
    pub resource_version: Option<String>,
    #[serde(rename = "continue")]
    pub rest: Option<String>,
}

/// An object of Kubernetes' own kinds.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Wire {
    metadata: Meta<Fields>,
    spec: Option<Spec>,
    status: Option<Status>,
    /// Of a ControllerRevision; other controllers than Kubernetes' own may keep anything in it.
    #[serde(default, deserialize_with = "lenient")]
    data: Option<Data>,
    revision: Option<i64>,
}

/// A custom resource.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct CustomWire {
    metadata: Meta<Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<F> {
    namespace: Option<String>,
    name: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    creation_timestamp: Option<String>,
    deletion_timestamp: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
    #[serde(default = "Option::default")]
    managed_fields: Option<Vec<Managed<F>>>,
}

#[derive(Clone, Debug, Deserialize)]
struct OwnerReference {
    kind: String,
    name: String,
    uid: String,
    controller: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    replicas: Option<i64>,
    template: Option<Template>,
    job_template: Option<JobTemplate>,
    containers: Option<Vec<ContainerSpec>>,
    init_containers: Option<Vec<ContainerSpec>>,
    node_name: Option<String>,
    paused: Option<bool>,
    update_strategy: Option<UpdateStrategy>,
}

/// Of a StatefulSet or DaemonSet.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateStrategy {
    #[serde(rename = "type")]
    of: Option<String>,
    rolling_update: Option<RollingUpdate>,
}

#[derive(Clone, Debug, Deserialize)]
struct RollingUpdate {
    partition: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
struct JobTemplate {
    spec: Option<JobSpec>,
}

#[derive(Clone, Debug, Deserialize)]
struct JobSpec {
    template: Option<Template>,
}

#[derive(Clone, Debug, Deserialize)]
struct Template {
    spec: Option<PodSpec>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    containers: Option<Vec<ContainerSpec>>,
    init_containers: Option<Vec<ContainerSpec>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerSpec {
    name: String,
    image: Option<String>,
    image_pull_policy: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Data {
    spec: Option<DataSpec>,
}

#[derive(Clone, Debug, Deserialize)]
struct DataSpec {
    template: Option<Template>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    observed_generation: Option<i64>,
    replicas: Option<i64>,
    updated_replicas: Option<i64>,
    ready_replicas: Option<i64>,
    update_revision: Option<String>,
    desired_number_scheduled: Option<i64>,
    current_number_scheduled: Option<i64>,
    updated_number_scheduled: Option<i64>,
    number_ready: Option<i64>,
    conditions: Option<Vec<ConditionWire>>,
    phase: Option<String>,
    container_statuses: Option<Vec<ContainerStatus>>,
    init_container_statuses: Option<Vec<ContainerStatus>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConditionWire {
    #[serde(rename = "type")]
    of: String,
    status: String,
    reason: Option<String>,
    message: Option<String>,
    last_transition_time: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID")]
    image_id: Option<String>,
    ready: Option<bool>,
    restart_count: Option<u32>,
    state: Option<State>,
    last_state: Option<State>,
}

#[derive(Clone, Debug, Deserialize)]
struct State {
    running: Option<Running>,
    waiting: Option<WaitingWire>,
    terminated: Option<Terminated>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Terminated {
    exit_code: Option<i64>,
    reason: Option<String>,
}

impl Terminated {
    /// `OOMKilled`, `exit code 1`; `None` where it ended well.
    fn failure(&self) -> Option<String> {
        let code = self.exit_code.filter(|code| *code != 0)?;
        let named = self.reason.as_deref().filter(|reason| *reason != "Error");
        Some(named.map_or_else(|| format!("exit code {code}"), str::to_owned))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Running {
    started_at: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct WaitingWire {
    reason: Option<String>,
    message: Option<String>,
}

/// Returns the repository and the digest of a manifest that a kubelet's `imageID` names:
/// `repo@sha256:…`, with or without `docker-pullable://`. One without a repo (`sha256:…`,
/// `docker://sha256:…`) is the digest of the image's configuration, which no registry serves as a
/// manifest.
pub(super) fn pulled(image_id: &str) -> Option<(&str, Digest)> {
    let (repo, digest) = image_id.rsplit_once('@')?;
    let repo = repo.strip_prefix("docker-pullable://").unwrap_or(repo);
    Some((repo, Digest::parse(digest)?)).filter(|_| !repo.is_empty())
}

fn lenient<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Data>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

impl Slim for Wire {
    fn version(&self) -> Option<&str> {
        self.metadata.resource_version.as_deref()
    }

    fn slim(self, kind: &Kind, words: &mut Words) -> Object {
        let controlled = self.metadata.owner().is_some();
        let pod = *kind == Kind::Pod;
        let mut object = self.metadata.slim(words);
        if !pod || !controlled {
            object.containers = self.containers(
                matches!(kind, Kind::ReplicaSet | Kind::ControllerRevision),
                words,
            );
        }
        let scaled = matches!(kind, Kind::Deployment | Kind::StatefulSet)
            || (*kind == Kind::ReplicaSet && !controlled);
        if scaled {
            object.replicas = Some(
                self.spec
                    .as_ref()
                    .and_then(|spec| spec.replicas)
                    .unwrap_or(1)
                    .try_into()
                    .unwrap_or(0),
            );
        }
        object.revision = self.revision.or_else(|| {
            self.metadata
                .annotations
                .as_ref()?
                .get(REVISION)?
                .parse()
                .ok()
        });
        let status = self.status.unwrap_or_default();
        object.update_revision = status.update_revision.as_deref().map(|name| words.of(name));
        object.ended = pod && matches!(status.phase.as_deref(), Some("Failed" | "Succeeded"));
        if pod {
            object.lost = status.lost();
            object.unready = status.since("Ready", "False");
            let node = self
                .spec
                .as_ref()
                .and_then(|spec| spec.node_name.as_deref());
            object.node = node.map(|node| words.of(node));
        }
        object.statuses = status.containers(words);
        if scaled || *kind == Kind::DaemonSet {
            object.rollout = status.rollout(kind, self.metadata.generation, object.replicas, words);
            object.rollout.halt = self.spec.as_ref().and_then(Spec::halt);
        }
        object
    }
}

impl Spec {
    fn halt(&self) -> Option<Halt> {
        if self.paused == Some(true) {
            return Some(Halt::Paused);
        }
        let strategy = self.update_strategy.as_ref()?;
        if strategy.of.as_deref() == Some("OnDelete") {
            return Some(Halt::OnDelete);
        }
        let partition = strategy.rolling_update.as_ref()?.partition?;
        u32::try_from(partition)
            .ok()
            .filter(|partition| *partition > 0)
            .map(Halt::Partition)
    }
}

impl Wire {
    fn containers(&self, past: bool, words: &mut Words) -> Box<[Container]> {
        let Some((containers, init)) = self.pod() else {
            return Box::default();
        };
        let managed = self
            .metadata
            .managed_fields
            .as_deref()
            .filter(|_| !past)
            .unwrap_or_default();
        let all = containers
            .iter()
            .map(|one| (one, false))
            .chain(init.iter().map(|one| (one, true)));
        all.map(|(one, init)| Container {
            writers: writers(managed, &one.name, init, words),
            name: words.of(&one.name),
            init,
            image: words.of(one.image.as_deref().unwrap_or("")),
            pull_policy: one
                .image_pull_policy
                .as_deref()
                .filter(|_| !past)
                .map(|policy| words.of(policy)),
        })
        .collect()
    }

    /// Containers and init containers.
    fn pod(&self) -> Option<(&[ContainerSpec], &[ContainerSpec])> {
        fn both<'a>(
            of: &'a Option<Vec<ContainerSpec>>,
            init: &'a Option<Vec<ContainerSpec>>,
        ) -> (&'a [ContainerSpec], &'a [ContainerSpec]) {
            (
                of.as_deref().unwrap_or_default(),
                init.as_deref().unwrap_or_default(),
            )
        }
        let past = || self.data.as_ref()?.spec.as_ref()?.template.as_ref();
        let Some(spec) = &self.spec else {
            let pod = past()?.spec.as_ref()?;
            return Some(both(&pod.containers, &pod.init_containers));
        };
        let template = spec
            .template
            .as_ref()
            .or_else(|| spec.job_template.as_ref()?.spec.as_ref()?.template.as_ref());
        match template {
            Some(template) => template
                .spec
                .as_ref()
                .map(|pod| both(&pod.containers, &pod.init_containers)),
            None => Some(both(&spec.containers, &spec.init_containers)),
        }
    }
}

impl Slim for CustomWire {
    fn version(&self) -> Option<&str> {
        self.metadata.resource_version.as_deref()
    }

    fn slim(self, kind: &Kind, words: &mut Words) -> Object {
        let mut object = self.metadata.slim(words);
        let Kind::Custom(custom) = kind else {
            return object;
        };
        let mut found = Vec::new();
        let rest = Value::Object(self.rest);
        images(&rest, &custom.image, &mut Vec::new(), &mut found);
        let managed = self.metadata.managed_fields.as_deref().unwrap_or_default();
        let container = |(path, image): (Vec<Arc<str>>, String)| Container {
            writers: writers_at(managed, &path, words),
            name: words.of(container_name(&rest, &path).unwrap_or(&path.join("."))),
            init: path.iter().any(|part| &**part == "initContainers"),
            image: words.of(&image),
            pull_policy: None,
        };
        object.containers = found.into_iter().map(container).collect();
        object
    }
}

impl ContainerStatus {
    /// How its last run failed.
    fn failure(&self) -> Option<String> {
        let ended = |state: &Option<State>| state.as_ref()?.terminated.as_ref()?.failure();
        ended(&self.state).or_else(|| ended(&self.last_state))
    }
}

impl<F> Meta<F> {
    fn owner(&self) -> Option<&OwnerReference> {
        self.owner_references
            .iter()
            .flatten()
            .find(|owner| owner.controller == Some(true))
    }

    fn slim(&self, words: &mut Words) -> Object {
        let mut word = |text: &Option<String>| words.of(text.as_deref().unwrap_or(""));
        let (namespace, name, uid) = (word(&self.namespace), word(&self.name), word(&self.uid));
        Object {
            namespace,
            name,
            uid,
            created: time(self.creation_timestamp.as_deref()),
            going: self.deletion_timestamp.is_some(),
            controller: self.owner().map(|owner| Owner {
                kind: words.of(&owner.kind),
                name: words.of(&owner.name),
                uid: words.of(&owner.uid),
            }),
            labels: kept(self.labels.as_ref(), &LABELS, words),
            annotations: kept(self.annotations.as_ref(), &ANNOTATIONS, words),
            ..Object::default()
        }
    }
}

fn kept(
    all: Option<&BTreeMap<String, String>>,
    wanted: &[&str],
    words: &mut Words,
) -> Box<[(Arc<str>, Arc<str>)]> {
    let meant = all
        .into_iter()
        .flatten()
        .filter(|(key, _)| wanted.contains(&key.as_str()) || is_of_keel(key));
    meant
        .map(|(key, value)| (words.of(key), words.of(value)))
        .collect()
}

impl Status {
    fn containers(&self, words: &mut Words) -> Box<[PodContainer]> {
        let all = self
            .container_statuses
            .iter()
            .chain(&self.init_container_statuses)
            .flatten();
        all.map(|one| {
            let state = one.state.as_ref();
            let waiting = state.and_then(|state| state.waiting.as_ref());
            let pulled = one.image_id.as_deref().and_then(pulled);
            PodContainer {
                name: words.of(&one.name),
                repository: pulled.as_ref().map(|(repository, _)| words.of(repository)),
                digest: pulled.map(|(_, digest)| digest),
                ready: one.ready.unwrap_or(false),
                restarts: one.restart_count.unwrap_or(0),
                exit: one.failure().map(|failure| words.of(&failure)),
                started: time(
                    state.and_then(|state| state.running.as_ref()?.started_at.as_deref()),
                ),
                waiting: waiting.map(|waiting| Waiting {
                    reason: words.of(waiting.reason.as_deref().unwrap_or("")),
                    message: words.of(waiting.message.as_deref().unwrap_or("")),
                }),
            }
        })
        .collect()
    }

    fn rollout(
        &self,
        kind: &Kind,
        generation: Option<i64>,
        replicas: Option<u32>,
        words: &mut Words,
    ) -> Rollout {
        let observed = self.observed_generation.unwrap_or(0) >= generation.unwrap_or(0);
        let number = |number: Option<i64>| number.unwrap_or(0);
        let (wanted, ready, now, updated) = match kind {
            Kind::DaemonSet => {
                let now = number(self.current_number_scheduled);
                (
                    number(self.desired_number_scheduled),
                    number(self.number_ready),
                    now,
                    number(self.updated_number_scheduled),
                )
            }
            // It has one revision only.
            Kind::ReplicaSet => (
                replicas.unwrap_or(1).into(),
                number(self.ready_replicas),
                number(self.replicas),
                number(self.replicas),
            ),
            _ => (
                replicas.unwrap_or(1).into(),
                number(self.ready_replicas),
                number(self.replicas),
                number(self.updated_replicas),
            ),
        };
        let unavailable = match kind {
            Kind::Deployment => self.condition("Available", "False", words),
            _ => (ready < wanted).then(|| Condition {
                reason: words.of("NotReady"),
                message: words.of(&format!("{ready} of {wanted} pods are ready")),
                since: None,
            }),
        };
        let stuck = self
            .condition("Progressing", "False", words)
            .filter(|why| &*why.reason == "ProgressDeadlineExceeded");
        Rollout {
            observed,
            complete: observed && updated >= wanted && now == wanted && ready >= wanted,
            stuck,
            unavailable,
            halt: None,
            updated: updated.try_into().unwrap_or(0),
            wanted: wanted.try_into().unwrap_or(0),
        }
    }

    /// Since when a pod that was ready is not. Kubelet begins with `Ready` as false, no later than
    /// `Initialized` is true: only a later change is a loss.
    fn lost(&self) -> Option<Timestamp> {
        let begun = self.since("Initialized", "True")?;
        self.since("Ready", "False")
            .filter(|unready| *unready > begun)
    }

    fn since(&self, of: &str, status: &str) -> Option<Timestamp> {
        time(self.find(of, status)?.last_transition_time.as_deref())
    }

    fn find(&self, of: &str, status: &str) -> Option<&ConditionWire> {
        self.conditions
            .iter()
            .flatten()
            .find(|condition| condition.of == of && condition.status == status)
    }

    fn condition(&self, of: &str, status: &str, words: &mut Words) -> Option<Condition> {
        let found = self.find(of, status)?;
        Some(Condition {
            reason: words.of(found.reason.as_deref().unwrap_or("")),
            message: words.of(found.message.as_deref().unwrap_or("")),
            since: time(found.last_transition_time.as_deref()),
        })
    }
}

#[cfg(test)]
mod tests;
