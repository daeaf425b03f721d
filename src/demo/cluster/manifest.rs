//! What somebody declares, and what objects look like: workloads as Terraform makes them, and what
//! the controllers and the kubelet make of them. Values only.

use super::kind::DemoKind;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// Something with containers, as somebody declares it: a deployment, stateful set, daemon set or
/// cron job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoWorkload {
    pub kind: DemoKind,
    pub namespace: String,
    pub name: String,
    pub containers: Vec<DemoContainer>,
    /// Containers that are made with their image, which is then left alone: `ignore_changes`.
    pub ignored: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoContainer {
    pub name: String,
    pub init: bool,
    pub image: String,
}

/// Who does something, when, and what a kubelet gets for an image: the digest of the manifest that
/// the registry serves.
#[derive(Clone, Copy)]
pub struct DemoActor<'a> {
    /// The field manager: `HashiCorp`, `kubectl`.
    pub manager: &'a str,
    pub at: Timestamp,
    pub pull: &'a dyn Fn(&str) -> Option<String>,
}

/// The letters of Kubernetes' hashes: no vowels, so no words.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A time as Kubernetes writes it: to the second.
pub(super) fn time(hand: DemoActor<'_>) -> String {
    hand.at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A hash of a value in Kubernetes' letters (FNV-1a, as its controllers use).
pub(super) fn hash(of: &str, length: usize) -> String {
    let mut hash = of.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut letter = || {
        let at = (hash % LETTERS.len() as u64) as usize;
        hash /= LETTERS.len() as u64;
        char::from(LETTERS[at])
    };
    (0..length).map(|_| letter()).collect()
}

/// A workload as it is declared.
pub(super) fn workload(of: &DemoWorkload, hand: DemoActor<'_>) -> Value {
    let labels = json!({ "app": of.name });
    let template = json!({ "metadata": { "labels": labels }, "spec": pod_spec(of) });
    let mut spec = match of.kind {
        DemoKind::CronJob => {
            json!({ "schedule": "@daily", "jobTemplate": { "spec": { "template": template } } })
        }
        _ => json!({ "selector": { "matchLabels": labels }, "template": template }),
    };
    if matches!(of.kind, DemoKind::Deployment | DemoKind::StatefulSet) {
        spec["replicas"] = 1.into();
    }
    if of.kind == DemoKind::StatefulSet {
        spec["serviceName"] = of.name.as_str().into();
    }
    let meta = json!({
        "namespace": of.namespace, "name": of.name, "generation": 1, "creationTimestamp": time(hand), "annotations": {},
        "managedFields": [managed(of, hand)],
    });
    json!({ "metadata": meta, "spec": spec, "status": {} })
}

fn pod_spec(of: &DemoWorkload) -> Value {
    let list = |init: bool| -> Vec<Value> {
        let some = of.containers.iter().filter(|one| one.init == init);
        some.map(|one| json!({ "name": one.name, "image": one.image, "imagePullPolicy": "IfNotPresent" })).collect()
    };
    let mut spec = json!({ "containers": list(false), "restartPolicy": "Always" });
    if of.containers.iter().any(|one| one.init) {
        spec["initContainers"] = list(true).into();
    }
    spec
}

/// The entry of whoever makes a workload: it set all of its containers.
fn managed(of: &DemoWorkload, hand: DemoActor<'_>) -> Value {
    let mut entry = entry(of.kind, hand);
    for container in &of.containers {
        *field(&mut entry, of.kind, container.init, &container.name) =
            json!({ ".": {}, "f:image": {}, "f:imagePullPolicy": {}, "f:name": {} });
    }
    entry
}

fn entry(kind: DemoKind, hand: DemoActor<'_>) -> Value {
    json!({
        "manager": hand.manager, "operation": "Update", "apiVersion": kind.version(), "time": time(hand), "fieldsType": "FieldsV1", "fieldsV1": {},
    })
}

/// Where an entry of `managedFields` has a container.
fn field<'a>(entry: &'a mut Value, kind: DemoKind, init: bool, container: &str) -> &'a mut Value {
    let spec = &mut entry["fieldsV1"]["f:spec"];
    let spec = if kind == DemoKind::CronJob {
        &mut spec["f:jobTemplate"]["f:spec"]
    } else {
        spec
    };
    let list = if init {
        "f:initContainers"
    } else {
        "f:containers"
    };
    let key = format!("k:{{\"name\":{}}}", Value::from(container));
    &mut spec["f:template"]["f:spec"][list][key]
}

/// Says in `managedFields` that somebody set a container's image: it is theirs alone now.
pub(super) fn sets(
    object: &mut Value,
    kind: DemoKind,
    container: &DemoContainer,
    hand: DemoActor<'_>,
) {
    let Some(entries) = object["metadata"]["managedFields"].as_array_mut() else {
        return;
    };
    for entry in entries.iter_mut() {
        if let Some(fields) = field(entry, kind, container.init, &container.name).as_object_mut() {
            fields.remove("f:image");
        }
    }
    let own = entries
        .iter()
        .position(|entry| entry["manager"] == hand.manager);
    let mut own = own.map_or_else(|| entry(kind, hand), |at| entries.remove(at));
    own["time"] = time(hand).into();
    field(&mut own, kind, container.init, &container.name)["f:image"] = json!({});
    entries.push(own);
}

/// The pod template of a workload.
pub(super) fn template(object: &mut Value, kind: DemoKind) -> &mut Value {
    match kind {
        DemoKind::CronJob => &mut object["spec"]["jobTemplate"]["spec"]["template"],
        _ => &mut object["spec"]["template"],
    }
}

/// The containers of a pod template, init containers last.
pub(super) fn containers(template: &Value) -> Vec<DemoContainer> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |name: &str, init: bool| -> Vec<DemoContainer> {
        let all = template["spec"][name].as_array().into_iter().flatten();
        all.map(|one| DemoContainer {
            name: text(&one["name"]),
            init,
            image: text(&one["image"]),
        })
        .collect()
    };
    [list("containers", false), list("initContainers", true)].concat()
}

/// Sets the image of a container in a pod template.
pub(super) fn set_image(template: &mut Value, container: &DemoContainer) {
    let list = if container.init {
        "initContainers"
    } else {
        "containers"
    };
    let all = template["spec"][list].as_array_mut().into_iter().flatten();
    for one in all.filter(|one| one["name"] == container.name.as_str()) {
        one["image"] = container.image.as_str().into();
    }
}

/// What belongs to a controller: its namespace, and a reference to it.
pub(super) fn owned(by: &Value, name: &str, labels: &Value, hand: DemoActor<'_>) -> Value {
    let owner = json!({
        "apiVersion": by["apiVersion"], "kind": by["kind"], "name": by["metadata"]["name"], "uid": by["metadata"]["uid"], "controller": true,
        "blockOwnerDeletion": true,
    });
    let namespace = &by["metadata"]["namespace"];
    json!({
        "namespace": namespace, "name": name, "generation": 1, "creationTimestamp": time(hand), "labels": labels, "annotations": {},
        "ownerReferences": [owner],
    })
}

/// A template with one more label.
pub(super) fn labelled(template: &Value, label: &str, value: &str) -> Value {
    let mut template = template.clone();
    template["metadata"]["labels"][label] = value.into();
    template
}

/// A pod whose containers run, or cannot be pulled.
pub(super) fn pod(by: &Value, name: &str, template: &Value, hand: DemoActor<'_>) -> Value {
    let mut statuses: Map<String, Value> = Map::new();
    let mut running = true;
    for container in containers(template) {
        let list = if container.init {
            "initContainerStatuses"
        } else {
            "containerStatuses"
        };
        let status = container_status(&container, hand);
        running &= status["ready"] == true;
        let all = statuses.entry(list).or_insert_with(|| json!([]));
        all.as_array_mut()
            .into_iter()
            .for_each(|all| all.push(status.clone()));
    }
    let mut status = Value::Object(statuses);
    status["phase"] = if running { "Running" } else { "Pending" }.into();
    status["startTime"] = time(hand).into();
    let meta = owned(by, name, &template["metadata"]["labels"], hand);
    json!({ "metadata": meta, "spec": template["spec"], "status": status })
}

fn container_status(container: &DemoContainer, hand: DemoActor<'_>) -> Value {
    let (name, image, at) = (&container.name, &container.image, time(hand));
    let Some(digest) = (hand.pull)(image) else {
        let state = json!({ "waiting": { "reason": "ImagePullBackOff", "message": format!("Back-off pulling image \"{image}\"") } });
        return json!({ "name": name, "image": image, "imageID": "", "ready": false, "restartCount": 0, "state": state });
    };
    let repository = image
        .split_once('@')
        .map_or(image.as_str(), |(image, _)| image);
    let end = repository
        .rfind(':')
        .filter(|colon| !repository[*colon..].contains('/'))
        .unwrap_or(repository.len());
    let state = match container.init {
        true => {
            json!({ "terminated": { "exitCode": 0, "reason": "Completed", "startedAt": at, "finishedAt": at } })
        }
        false => json!({ "running": { "startedAt": at } }),
    };
    let id = format!("{}@{digest}", &repository[..end]);
    json!({ "name": name, "image": image, "imageID": id, "ready": true, "restartCount": 0, "state": state })
}
