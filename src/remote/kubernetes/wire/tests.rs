use super::super::object::{Object, Words};
use super::super::{Custom, Kind};
use super::{CustomWire, Page, Slim, Wire, pulled};
use serde_json::{Value, json};
use std::sync::Arc;

const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn slim(kind: Kind, object: &Value) -> Object {
    let wire: Wire = serde_json::from_str(&object.to_string()).unwrap();
    wire.slim(&kind, &mut Words::default())
}

fn images(object: &Object) -> Vec<(&str, bool, &str)> {
    object
        .containers
        .iter()
        .map(|one| (&*one.name, one.init, &*one.image))
        .collect()
}

/// As `kubectl get deployment -o json --show-managed-fields` prints one that Terraform made, Keel
/// moved and the controller follows.
fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": "web", "namespace": "shop", "uid": "6b6f", "resourceVersion": "812", "generation": 4,
            "creationTimestamp": "2026-03-01T10:00:00Z",
            "labels": {"app": "web", "app.kubernetes.io/instance": "shop", "keel.sh/policy": "force"},
            "annotations": {"deployment.kubernetes.io/revision": "3", "keel.sh/pollSchedule": "@every 1h", "secret.example.org/x": "y"},
            "managedFields": [
                {"manager": "HashiCorp", "operation": "Update", "apiVersion": "apps/v1", "time": "2026-03-01T10:00:00Z", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app": {}}}, "f:spec": {"f:replicas": {}, "f:template": {"f:spec": {
                    "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:name": {}}, "k:{\"name\":\"side\"}": {".": {}, "f:image": {}}},
                    "f:initContainers": {".": {}, "k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}}}}},
                {"manager": "keel", "operation": "Update", "apiVersion": "apps/v1", "time": "2026-04-01T10:00:00Z", "fieldsType": "FieldsV1",
                 "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}},
                {"manager": "kube-controller-manager", "operation": "Update", "apiVersion": "apps/v1", "time": "2026-04-01T10:00:09Z",
                 "fieldsType": "FieldsV1", "fieldsV1": {"f:status": {"f:replicas": {}}}, "subresource": "status"},
                {"manager": "keel", "operation": "Update", "time": "2026-02-01T10:00:00Z",
                 "fieldsV1": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {"f:image": {}}}}}}}}
            ]
        },
        "spec": {"replicas": 2, "progressDeadlineSeconds": 600, "selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"creationTimestamp": null, "labels": {"app": "web"}},
            "spec": {
                "containers": [{"name": "web", "image": "quay.io/team/app:latest", "imagePullPolicy": "Always", "env": [{"name": "PASSWORD", "value": "hidden"}]},
                               {"name": "side", "image": "side:1"}],
                "initContainers": [{"name": "web", "image": "init:1"}]}}},
        "status": {"observedGeneration": 4, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "conditions": [
            {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": "ok", "lastTransitionTime": "2026-03-01T10:00:09Z"},
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": "ok", "lastTransitionTime": "2026-03-01T10:00:09Z"}]}
    })
}

/// The same with one value changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut object = deployment();
    *object.pointer_mut(pointer).unwrap() = value;
    object
}

#[test]
fn a_deployment_keeps_its_images_and_who_set_them() {
    let web = slim(Kind::Deployment, &deployment());
    assert_eq!(
        (
            &*web.namespace,
            &*web.name,
            &*web.uid,
            web.revision,
            web.replicas
        ),
        ("shop", "web", "6b6f", Some(3), Some(2))
    );
    assert_eq!(
        images(&web),
        [
            ("web", false, "quay.io/team/app:latest"),
            ("side", false, "side:1"),
            ("web", true, "init:1")
        ]
    );
    let writers: Vec<Vec<String>> = web
        .containers
        .iter()
        .map(|one| {
            one.writers
                .iter()
                .map(|writer| format!("{} {}", writer.manager, writer.at.unwrap()))
                .collect()
        })
        .collect();
    let terraform = "HashiCorp 2026-03-01T10:00:00Z";
    assert_eq!(
        writers,
        [
            vec!["keel 2026-04-01T10:00:00Z", terraform],
            vec![terraform],
            vec![terraform]
        ]
    );
    assert_eq!(web.containers[0].pull_policy.as_deref(), Some("Always"));
    let (labels, annotations): (Vec<_>, Vec<_>) = (
        web.labels.iter().map(|(key, _)| &**key).collect(),
        web.annotations.iter().map(|(key, _)| &**key).collect(),
    );
    assert_eq!(labels, ["app.kubernetes.io/instance", "keel.sh/policy"]);
    assert_eq!(annotations, ["keel.sh/pollSchedule"]);
    assert!(!format!("{web:?}").contains("hidden"));
}

#[test]
fn heartbeats_change_nothing() {
    let web = slim(Kind::Deployment, &deployment());
    for (pointer, value) in [
        ("/metadata/resourceVersion", json!("900")),
        (
            "/metadata/managedFields/2/time",
            json!("2026-04-02T10:00:09Z"),
        ),
        ("/metadata/annotations/secret.example.org~1x", json!("z")),
        (
            "/status/conditions/1/message",
            json!("ReplicaSet \"web-1\" has successfully progressed."),
        ),
        ("/status/availableReplicas", json!(1)),
    ] {
        assert_eq!(
            slim(Kind::Deployment, &with(pointer, value)),
            web,
            "{pointer}"
        );
    }
}

#[test]
fn a_rollout_is_as_far_as_its_controller_says() {
    let failed = |of: &str, reason: &str| json!([{"type": of, "status": "False", "reason": reason, "message": "no", "lastTransitionTime": "2026-03-01T10:00:09Z"}]);
    let told = |object: &Value| {
        let rollout = slim(Kind::Deployment, object).rollout;
        let reason = |why: Option<super::Condition>| {
            why.map(|why| format!("{} {}", why.reason, why.since.unwrap()))
        };
        (
            rollout.observed,
            rollout.complete,
            reason(rollout.stuck),
            reason(rollout.unavailable),
        )
    };
    assert_eq!(told(&deployment()), (true, true, None, None));
    assert_eq!(
        told(&with("/metadata/generation", json!(5))),
        (false, false, None, None)
    );
    for (pointer, value) in [
        ("/status/updatedReplicas", 1),
        ("/status/readyReplicas", 1),
        ("/status/replicas", 3),
    ] {
        assert_eq!(
            told(&with(pointer, json!(value))),
            (true, false, None, None),
            "{pointer}"
        );
    }
    let since = "2026-03-01T10:00:09Z";
    let stuck = with(
        "/status/conditions",
        failed("Progressing", "ProgressDeadlineExceeded"),
    );
    assert_eq!(
        told(&stuck),
        (
            true,
            true,
            Some(format!("ProgressDeadlineExceeded {since}")),
            None
        )
    );
    let fails = with("/status/conditions", failed("Progressing", "FailedCreate"));
    assert_eq!(told(&fails), (true, true, None, None));
    let gone = with(
        "/status/conditions",
        failed("Available", "MinimumReplicasUnavailable"),
    );
    assert_eq!(
        told(&gone),
        (
            true,
            true,
            None,
            Some(format!("MinimumReplicasUnavailable {since}"))
        )
    );

    let daemon = |ready: i64| {
        json!({"metadata": {"name": "agent", "generation": 1}, "spec": {}, "status": {"observedGeneration": 1,
        "desiredNumberScheduled": 3, "currentNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": ready}})
    };
    let rollout = |ready| slim(Kind::DaemonSet, &daemon(ready)).rollout;
    assert_eq!((rollout(3).complete, rollout(3).unavailable), (true, None));
    assert_eq!(
        (
            rollout(1).complete,
            rollout(1).unavailable.map(|why| why.message.to_string())
        ),
        (false, Some("1 of 3 pods are ready".into()))
    );

    let parked = json!({"metadata": {"name": "db", "generation": 1}, "spec": {"replicas": 0}, "status": {"observedGeneration": 1, "replicas": 0}});
    let parked = slim(Kind::StatefulSet, &parked);
    assert_eq!(
        (
            parked.replicas,
            parked.rollout.complete,
            parked.rollout.unavailable
        ),
        (Some(0), true, None)
    );
}

#[test]
fn a_pod_tells_digests_and_what_it_waits_for() {
    let pod = json!({
        "metadata": {"name": "web-1-x", "namespace": "shop", "uid": "p", "labels": {"pod-template-hash": "1", "app": "web"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r", "controller": true, "blockOwnerDeletion": true}]},
        "spec": {"containers": [{"name": "web", "image": "quay.io/team/app:latest"}]},
        "status": {"phase": "Running",
            "containerStatuses": [{"name": "web", "image": "quay.io/team/app:latest", "imageID": format!("quay.io/team/app@sha256:{HEX}"), "ready": true,
                "restartCount": 2, "started": true, "state": {"running": {"startedAt": "2026-03-01T10:00:00Z"}}, "lastState": {"terminated": {"exitCode": 1}}}],
            "initContainerStatuses": [{"name": "first", "image": "init:1", "imageID": "", "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image \"init:1\""}}}]}
    });
    let slimmed = slim(Kind::Pod, &pod);
    assert_eq!(images(&slimmed), [], "its controller has them");
    let [web, first] = &slimmed.statuses[..] else {
        panic!("{slimmed:?}")
    };
    assert_eq!(
        (
            web.ready,
            web.restarts,
            web.digest.as_ref().unwrap().as_str()
        ),
        (true, 2, format!("sha256:{HEX}").as_str())
    );
    assert_eq!(web.started.unwrap().to_string(), "2026-03-01T10:00:00Z");
    assert_eq!(
        (&*first.waiting.as_ref().unwrap().reason, &first.digest),
        ("ImagePullBackOff", &None)
    );
    assert!(!slimmed.going && !slimmed.ended);

    let mut alone = pod.clone();
    alone["metadata"]["ownerReferences"] = json!([{"kind": "Node", "name": "n", "uid": "n"}]);
    alone["metadata"]["deletionTimestamp"] = json!("2026-03-01T10:00:00Z");
    alone["status"]["phase"] = json!("Failed");
    let alone = slim(Kind::Pod, &alone);
    assert_eq!(
        (
            images(&alone).len(),
            alone.going,
            alone.ended,
            alone.controller
        ),
        (1, true, true, None)
    );
    assert_eq!(
        slim(
            Kind::Pod,
            &json!({"metadata": {"name": "new", "namespace": "shop"}, "spec": {"containers": []}})
        )
        .statuses
        .len(),
        0
    );
}

/// The conditions as kubelet writes them, to the second.
#[test]
fn a_pod_has_lost_only_the_readiness_that_it_had() {
    let lost = |kind: Kind, conditions: Value| {
        slim(
            kind,
            &json!({"metadata": {"name": "db-0"}, "status": {"conditions": conditions}}),
        )
        .lost
    };
    let condition = |of: &str, status: &str, second: u32| {
        let at = format!("2026-03-01T10:00:{second:02}Z");
        json!({"type": of, "status": status, "lastTransitionTime": at, "lastProbeTime": null})
    };
    let both = |ready: Value, begun: Value| {
        lost(
            Kind::Pod,
            json!([condition("PodScheduled", "True", 0), ready, begun]),
        )
    };
    let at = |second: u32| Some(format!("2026-03-01T10:00:{second:02}Z").parse().unwrap());
    assert_eq!(
        both(
            condition("Ready", "False", 9),
            condition("Initialized", "True", 1)
        ),
        at(9)
    );
    for (what, ready, begun) in [
        (
            "it begins so",
            condition("Ready", "False", 1),
            condition("Initialized", "True", 1),
        ),
        (
            "its init containers took their time",
            condition("Ready", "False", 1),
            condition("Initialized", "True", 9),
        ),
        (
            "they have not ended",
            condition("Ready", "False", 1),
            condition("Initialized", "False", 1),
        ),
        (
            "it is ready",
            condition("Ready", "True", 9),
            condition("Initialized", "True", 1),
        ),
        (
            "nobody knows",
            condition("Ready", "Unknown", 9),
            condition("Initialized", "True", 1),
        ),
        (
            "no time",
            json!({"type": "Ready", "status": "False"}),
            condition("Initialized", "True", 1),
        ),
        (
            "no time that is one",
            json!({"type": "Ready", "status": "False", "lastTransitionTime": "today"}),
            condition("Initialized", "True", 1),
        ),
        (
            "not told",
            condition("ContainersReady", "False", 9),
            condition("Initialized", "True", 1),
        ),
    ] {
        assert_eq!(both(ready, begun), None, "{what}");
    }
    assert_eq!(lost(Kind::Pod, json!(null)), None);
    let other = json!([
        condition("Ready", "False", 9),
        condition("Initialized", "True", 1)
    ]);
    assert_eq!(lost(Kind::Deployment, other), None);
}

#[test]
fn an_image_id_names_a_manifest_only_with_its_repository() {
    let digest = format!("sha256:{HEX}");
    for (id, is) in [
        (
            format!("quay.io/team/app@{digest}"),
            Some("quay.io/team/app"),
        ),
        (
            format!("docker-pullable://quay.io/team/app@{digest}"),
            Some("quay.io/team/app"),
        ),
        (
            format!("registry.example.org:5000/app@{digest}"),
            Some("registry.example.org:5000/app"),
        ),
        (digest.clone(), None),
        (format!("docker://{digest}"), None),
        (format!("@{digest}"), None),
        ("quay.io/team/app@sha256:short".into(), None),
        (String::new(), None),
    ] {
        let found = pulled(&id).map(|(repository, found)| (repository, found.to_string()));
        assert_eq!(
            found,
            is.map(|repository| (repository, digest.clone())),
            "{id}"
        );
    }
}

#[test]
fn revisions_have_their_images_wherever_they_stand() {
    let data = json!({"spec": {"template": {"$patch": "replace", "metadata": {}, "spec": {"containers": [{"name": "db", "image": "db:16"}]}}}});
    let revision = json!({"metadata": {"name": "db-5d4", "namespace": "shop", "labels": {"controller.kubernetes.io/hash": "5d4"}}, "data": data, "revision": 7});
    let slimmed = slim(Kind::ControllerRevision, &revision);
    assert_eq!(
        (images(&slimmed), slimmed.revision),
        (vec![("db", false, "db:16")], Some(7))
    );
    for odd in [
        json!({"spec": "text"}),
        json!([1]),
        json!(null),
        json!({"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}}),
    ] {
        let odd = json!({"metadata": {"name": "odd"}, "data": odd, "revision": 1});
        assert_eq!(
            images(&slim(Kind::ControllerRevision, &odd)),
            [],
            "another controller keeps what it likes"
        );
    }
    let mut set = deployment();
    set["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] = json!("1,4");
    set["metadata"]["ownerReferences"] =
        json!([{"kind": "Deployment", "name": "web", "uid": "6b6f", "controller": true}]);
    let set = slim(Kind::ReplicaSet, &set);
    assert_eq!(
        (
            set.annotation("deployment.kubernetes.io/revision-history")
                .map(|text| &**text),
            set.replicas
        ),
        (Some("1,4"), None)
    );
    assert_eq!(
        set.rollout,
        Default::default(),
        "a ReplicaSet that is scaled is no change"
    );
    assert!(
        set.containers
            .iter()
            .all(|one| one.writers.is_empty() && one.pull_policy.is_none())
    );
}

#[test]
fn jobs_by_the_clock_have_their_template_deeper() {
    let template = json!({"spec": {"containers": [{"name": "backup", "image": "backup:1"}], "restartPolicy": "Never"}});
    let fields = json!({"f:spec": {"f:jobTemplate": {"f:spec": {"f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"backup\"}": {"f:image": {}}}}}}}}});
    let nightly = json!({"metadata": {"name": "nightly", "managedFields": [{"manager": "Terraform", "fieldsV1": fields}]},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"metadata": {}, "spec": {"template": template}}}, "status": {"lastScheduleTime": "2026-03-01T03:00:00Z"}});
    let nightly = slim(Kind::CronJob, &nightly);
    assert_eq!(images(&nightly), [("backup", false, "backup:1")]);
    assert_eq!(&*nightly.containers[0].writers[0].manager, "Terraform");
    let once =
        json!({"metadata": {"name": "once"}, "spec": {"template": template, "completions": 1}});
    assert_eq!(
        images(&slim(Kind::Job, &once)),
        [("backup", false, "backup:1")]
    );
}

#[test]
fn a_custom_resource_has_its_images_at_the_path() {
    let custom = |path: &str| {
        let image = path.split('.').map(Arc::from).collect();
        Kind::Custom(Arc::new(Custom {
            group: "g".into(),
            version: "v1".into(),
            kind: "Cluster".into(),
            plural: "clusters".into(),
            image,
        }))
    };
    let fields = json!({"f:spec": {"f:imageName": {}, "f:parts": {}}, "f:status": {}});
    let object = json!({"apiVersion": "g/v1", "kind": "Cluster", "metadata": {"name": "db", "namespace": "shop", "managedFields": [
            {"manager": "Terraform", "time": "2026-03-01T10:00:00Z", "fieldsV1": fields}, {"manager": "operator", "fieldsV1": {"f:status": {}}}]},
        "spec": {"imageName": "ghcr.io/pg:16", "parts": [{"image": "a:1"}, {}, {"image": "b:1"}],
            "template": {"spec": {"containers": [{"name": "web", "image": "c:1"}, {"image": "d:1"}], "initContainers": [{"name": "init", "image": "e:1"}]}}},
        "status": {"phase": "ok"}});
    let read = |path: &str| {
        let wire: CustomWire = serde_json::from_str(&object.to_string()).unwrap();
        wire.slim(&custom(path), &mut Words::default())
    };
    let one = read("spec.imageName");
    assert_eq!(
        (&*one.name, images(&one)),
        ("db", vec![("spec.imageName", false, "ghcr.io/pg:16")])
    );
    assert_eq!(
        one.containers[0]
            .writers
            .iter()
            .map(|writer| &*writer.manager)
            .collect::<Vec<_>>(),
        ["Terraform"]
    );
    let several = read("spec.parts.*.image");
    assert_eq!(
        images(&several),
        [
            ("spec.parts.0.image", false, "a:1"),
            ("spec.parts.2.image", false, "b:1")
        ]
    );
    assert_eq!(
        several.containers[0].writers.len(),
        1,
        "who sets the list sets what is in it"
    );
    for nothing in ["spec.none", "spec.imageName.more", "spec.parts"] {
        assert_eq!(images(&read(nothing)), [], "{nothing}");
    }
    let pod = |list: &str| {
        images(&read(&format!("spec.template.spec.{list}.*.image")))
            .iter()
            .map(|(name, init, _)| format!("{name} {init}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        pod("containers"),
        ["web false", "spec.template.spec.containers.1.image false"]
    );
    assert_eq!(pod("initContainers"), ["init true"]);
}

#[test]
fn a_list_is_read_by_pages_and_may_be_empty() {
    let page: Page<Wire> = serde_json::from_str(
        r#"{"kind":"PodList","metadata":{"resourceVersion":"5","continue":"abc"},"items":null}"#,
    )
    .unwrap();
    assert_eq!(
        (
            page.metadata.resource_version.as_deref(),
            page.metadata.rest.as_deref()
        ),
        (Some("5"), Some("abc"))
    );
    assert!(page.items.is_none());
}
