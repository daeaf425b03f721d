//! What becomes of a changed workload, as Kubernetes' controllers do it, at once and to the end: a
//! new revision or an old one that is used again, its number, its pods. Sources:
//! `deployment_util.go` (SetNewReplicaSetAnnotations), `controller_history.go`,
//! `kubectl rollout undo` (rollback.go).

use super::kind::DemoKind;
use super::manifest::{
    DemoActor, DemoContainer, DemoWorkload, containers, hash, labelled, owned, pod, set_image,
    sets, template, time, workload,
};
use super::state::{ClusterState, key};
use serde_json::{Value, json};

const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const TEMPLATE_HASH: &str = "pod-template-hash";
const REVISION_HASH: &str = "controller-revision-hash";

pub(super) fn apply(state: &mut ClusterState, of: &DemoWorkload, hand: DemoActor<'_>) -> bool {
    namespace(state, &of.namespace, hand);
    let object = match state.get(of.kind, &of.namespace, &of.name).cloned() {
        None => workload(of, hand),
        Some(mut live) => {
            let now = containers(template(&mut live, of.kind));
            let differs = |one: &&DemoContainer| {
                now.iter().any(|live| {
                    (live.init, &live.name) == (one.init, &one.name) && live.image != one.image
                })
            };
            let changed: Vec<&DemoContainer> = of
                .containers
                .iter()
                .filter(|one| !of.ignored.contains(&one.name))
                .filter(differs)
                .collect();
            if changed.is_empty() {
                return false;
            }
            for container in changed {
                set_image(template(&mut live, of.kind), container);
                sets(&mut live, of.kind, container, hand);
            }
            newer(live)
        }
    };
    let object = state.put(of.kind, object);
    roll(state, of.kind, object, hand);
    true
}

pub(super) fn undo(
    state: &mut ClusterState,
    kind: DemoKind,
    namespace: &str,
    name: &str,
    hand: DemoActor<'_>,
) -> Result<(), String> {
    let mut live = state
        .get(kind, namespace, name)
        .cloned()
        .ok_or_else(|| "there is no such workload".to_owned())?;
    let mut past = revisions(state, kind, &live);
    past.pop();
    let before = past
        .pop()
        .ok_or_else(|| "no rollout history found".to_owned())?;
    let old = content(kind, &before);
    let now = containers(template(&mut live, kind));
    for container in containers(&old).iter().filter(|one| !now.contains(one)) {
        sets(&mut live, kind, container, hand);
    }
    *template(&mut live, kind) = old;
    let live = state.put(kind, newer(live));
    roll(state, kind, live, hand);
    Ok(())
}

fn namespace(state: &mut ClusterState, name: &str, hand: DemoActor<'_>) {
    if state.get(DemoKind::Namespace, "", name).is_none() {
        let labels = json!({ "kubernetes.io/metadata.name": name });
        let meta = json!({ "name": name, "creationTimestamp": time(hand), "labels": labels });
        state.put(
            DemoKind::Namespace,
            json!({ "metadata": meta, "status": { "phase": "Active" } }),
        );
    }
}

fn newer(mut object: Value) -> Value {
    let generation = object["metadata"]["generation"].as_i64().unwrap_or(0);
    object["metadata"]["generation"] = (generation + 1).into();
    object
}

fn roll(state: &mut ClusterState, kind: DemoKind, object: Value, hand: DemoActor<'_>) {
    match kind {
        DemoKind::Deployment => roll_deployment(state, object, hand),
        DemoKind::StatefulSet | DemoKind::DaemonSet => roll_set(state, kind, object, hand),
        // Nothing starts before its time.
        _ => {}
    }
}

/// ReplicaSets or ControllerRevisions of a workload, by number.
fn revisions(state: &ClusterState, kind: DemoKind, of: &Value) -> Vec<Value> {
    let mut all = state.of(
        if kind == DemoKind::Deployment {
            DemoKind::ReplicaSet
        } else {
            DemoKind::ControllerRevision
        },
        of,
    );
    all.sort_by_key(|revision| (number(kind, revision), key(revision)));
    all
}

fn number(kind: DemoKind, revision: &Value) -> i64 {
    match kind {
        DemoKind::Deployment => revision["metadata"]["annotations"][REVISION]
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0),
        _ => revision["revision"].as_i64().unwrap_or(0),
    }
}

/// The template that a revision is of, as its workload had it.
fn content(kind: DemoKind, revision: &Value) -> Value {
    let mut template = match kind {
        DemoKind::Deployment => revision["spec"]["template"].clone(),
        _ => revision["data"]["spec"]["template"].clone(),
    };
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(TEMPLATE_HASH);
    }
    if let Some(template) = template.as_object_mut() {
        template.remove("$patch");
    }
    template
}

fn roll_deployment(state: &mut ClusterState, mut object: Value, hand: DemoActor<'_>) {
    let wanted = template(&mut object, DemoKind::Deployment).clone();
    let all = revisions(state, DemoKind::Deployment, &object);
    let (known, others): (Vec<Value>, Vec<Value>) = all
        .into_iter()
        .partition(|set| content(DemoKind::Deployment, set) == wanted);
    let next = others
        .iter()
        .map(|set| number(DemoKind::Deployment, set))
        .max()
        .unwrap_or(0)
        + 1;
    let mut set = known
        .into_iter()
        .next()
        .unwrap_or_else(|| replica_set(&object, &wanted, hand));
    let had = number(DemoKind::Deployment, &set);
    let annotations = &mut set["metadata"]["annotations"];
    if had < next {
        if had > 0 {
            let earlier = annotations[HISTORY]
                .as_str()
                .map_or_else(|| had.to_string(), |earlier| format!("{earlier},{had}"));
            annotations[HISTORY] = earlier.into();
        }
        annotations[REVISION] = next.to_string().into();
    }
    let revision = annotations[REVISION].clone();
    set["spec"]["replicas"] = 1.into();
    set["status"] = json!({ "replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": set["metadata"]["generation"] });
    let set = state.put(DemoKind::ReplicaSet, set);
    for mut old in others {
        old["spec"]["replicas"] = 0.into();
        old["status"] =
            json!({ "replicas": 0, "observedGeneration": old["metadata"]["generation"] });
        let old = state.put(DemoKind::ReplicaSet, old);
        clear(state, &old);
    }
    clear(state, &set);
    let made = format!(
        "{}-{}",
        text(&set, "name"),
        hash(&format!("{}{}", text(&set, "name"), state.version()), 5)
    );
    let ready = runs(state, &set, &made, &set["spec"]["template"].clone(), hand);
    object["metadata"]["annotations"][REVISION] = revision;
    object["status"] = deployment_status(&object, i64::from(ready), hand);
    state.put(DemoKind::Deployment, object);
}

fn replica_set(of: &Value, template: &Value, hand: DemoActor<'_>) -> Value {
    let hash = hash(&template.to_string(), 10);
    let labelled = labelled(template, TEMPLATE_HASH, &hash);
    let name = format!("{}-{hash}", text(of, "name"));
    let labels = &labelled["metadata"]["labels"];
    let mut meta = owned(of, &name, labels, hand);
    meta["annotations"] = json!({ "deployment.kubernetes.io/desired-replicas": "1", "deployment.kubernetes.io/max-replicas": "2" });
    json!({ "metadata": meta, "spec": { "selector": { "matchLabels": labels }, "template": labelled } })
}

fn deployment_status(of: &Value, ready: i64, hand: DemoActor<'_>) -> Value {
    let at = time(hand);
    let condition = |kind: &str, good: bool, reason: &str| {
        let status = if good { "True" } else { "False" };
        json!({ "type": kind, "status": status, "reason": reason, "message": "", "lastUpdateTime": at, "lastTransitionTime": at })
    };
    let (available, progress) = match ready {
        0 => ("MinimumReplicasUnavailable", "ReplicaSetUpdated"),
        _ => ("MinimumReplicasAvailable", "NewReplicaSetAvailable"),
    };
    let conditions = [
        condition("Available", ready > 0, available),
        condition("Progressing", true, progress),
    ];
    json!({
        "observedGeneration": of["metadata"]["generation"], "replicas": 1, "updatedReplicas": 1, "readyReplicas": ready, "availableReplicas": ready,
        "conditions": conditions,
    })
}

fn roll_set(state: &mut ClusterState, kind: DemoKind, mut object: Value, hand: DemoActor<'_>) {
    let wanted = template(&mut object, kind).clone();
    let all = revisions(state, kind, &object);
    let last = all.last().map_or(0, |revision| number(kind, revision));
    let known = all
        .into_iter()
        .find(|revision| content(kind, revision) == wanted);
    let mut revision = known.unwrap_or_else(|| controller_revision(kind, &object, &wanted, hand));
    if last == 0 || number(kind, &revision) < last {
        revision["revision"] = (last + 1).into();
    }
    let revision = state.put(DemoKind::ControllerRevision, revision);
    let (name, hash) = (
        text(&revision, "name"),
        text_in(&revision["metadata"]["labels"][hash_label(kind)]),
    );
    clear(state, &object);
    // The pods of a stateful set carry the revision's name, those of a daemon set its hash.
    let (pod, label) = match kind {
        DemoKind::StatefulSet => (format!("{}-0", text(&object, "name")), name.as_str()),
        _ => (
            format!(
                "{}-{}",
                text(&object, "name"),
                self::hash(&format!("{name}{}", state.version()), 5)
            ),
            hash.as_str(),
        ),
    };
    let ready = i64::from(runs(
        state,
        &object.clone(),
        &pod,
        &labelled(&wanted, REVISION_HASH, label),
        hand,
    ));
    let generation = &object["metadata"]["generation"];
    object["status"] = match kind {
        DemoKind::StatefulSet => json!({
            "observedGeneration": generation, "replicas": 1, "currentReplicas": 1, "updatedReplicas": 1, "readyReplicas": ready,
            "availableReplicas": ready, "currentRevision": name, "updateRevision": name,
        }),
        _ => json!({
            "observedGeneration": generation, "desiredNumberScheduled": 1, "currentNumberScheduled": 1, "updatedNumberScheduled": 1,
            "numberReady": ready, "numberAvailable": ready, "numberMisscheduled": 0,
        }),
    };
    state.put(kind, object);
}

fn controller_revision(kind: DemoKind, of: &Value, template: &Value, hand: DemoActor<'_>) -> Value {
    let hash = hash(&template.to_string(), 10);
    let name = format!("{}-{hash}", text(of, "name"));
    let mut labels = template["metadata"]["labels"].clone();
    labels[hash_label(kind)] = hash.as_str().into();
    let mut patch = template.clone();
    patch["$patch"] = "replace".into();
    json!({ "metadata": owned(of, &name, &labels, hand), "data": { "spec": { "template": patch } } })
}

/// Under which a ControllerRevision has its hash.
fn hash_label(kind: DemoKind) -> &'static str {
    if kind == DemoKind::StatefulSet {
        "controller.kubernetes.io/hash"
    } else {
        REVISION_HASH
    }
}

/// Ends the pods that something has.
fn clear(state: &mut ClusterState, of: &Value) {
    for pod in state.of(DemoKind::Pod, of) {
        state.remove(DemoKind::Pod, &pod);
    }
}

/// Starts a pod and says whether it is ready.
fn runs(
    state: &mut ClusterState,
    of: &Value,
    name: &str,
    template: &Value,
    hand: DemoActor<'_>,
) -> bool {
    let pod = state.put(DemoKind::Pod, pod(of, name, template, hand));
    pod["status"]["phase"] == "Running"
}

fn text(object: &Value, name: &str) -> String {
    text_in(&object["metadata"][name])
}

fn text_in(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
