use super::assemble_cluster;
use crate::model::rollout::{Container, PodContainer, Rollout};
use crate::model::workload::{WorkloadKind, WorkloadRef};
use crate::pipeline::Seen;
use crate::pipeline::cluster::{Cluster, Workload};
use crate::remote::kubernetes::{Custom, Kind, Object, Objects, Owner};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A cluster to be; all built-in kinds can be read and are empty.
struct World(Objects);

impl World {
    fn new() -> Self {
        Self(Objects {
            kinds: Kind::BUILT_IN
                .into_iter()
                .map(|kind| (kind, Ok(Vec::new())))
                .collect(),
        })
    }

    fn with(mut self, kind: Kind, object: Object) -> Self {
        self.0
            .kinds
            .entry(kind)
            .or_insert(Ok(Vec::new()))
            .as_mut()
            .unwrap()
            .push(Arc::new(object));
        self
    }

    fn without(mut self, kind: Kind) -> Self {
        self.0.kinds.insert(kind, Err("no right".into()));
        self
    }

    fn known(&self) -> Cluster {
        match assemble_cluster(&self.0) {
            Seen::Known(cluster) => cluster,
            other => panic!("{other:?}"),
        }
    }

    fn workload(&self, kind: &str, name: &str) -> Workload {
        let known = self.known();
        known
            .workload(&WorkloadRef {
                kind: WorkloadKind::new(kind),
                namespace: "shop".into(),
                name: name.into(),
            })
            .cloned()
            .unwrap_or_else(|| panic!("{kind} {name} of {known:?}"))
    }

    fn names(&self) -> Vec<String> {
        self.known()
            .workloads
            .iter()
            .map(|one| format!("{}/{}", one.kind, one.name))
            .collect()
    }
}

/// An object whose uid is its name.
fn object(name: &str) -> Object {
    let rollout = Rollout {
        observed: true,
        complete: true,
        ..Rollout::default()
    };
    Object {
        namespace: "shop".into(),
        name: name.into(),
        uid: name.into(),
        rollout,
        ..Object::default()
    }
}

fn owned(object: Object, kind: &str, name: &str) -> Object {
    Object {
        controller: Some(Owner {
            kind: kind.into(),
            name: name.into(),
            uid: name.into(),
        }),
        ..object
    }
}

fn labelled(object: Object, label: &str, value: &str) -> Object {
    Object {
        labels: [(label.into(), value.into())].into(),
        ..object
    }
}

fn annotated(object: Object, annotation: &str, value: &str) -> Object {
    Object {
        annotations: [(annotation.into(), value.into())].into(),
        ..object
    }
}

fn running(object: Object, image: &str) -> Object {
    let container = Container {
        name: "app".into(),
        init: false,
        image: image.into(),
        pull_policy: None,
        writers: Vec::new(),
    };
    Object {
        containers: [container].into(),
        ..object
    }
}

fn ready(object: Object, ready: bool) -> Object {
    let status = PodContainer {
        name: "app".into(),
        digest: None,
        repository: None,
        ready,
        restarts: 0,
        exit: None,
        started: None,
        waiting: None,
    };
    Object {
        statuses: [status].into(),
        ..object
    }
}

fn set(name: &str, deployment: &str, hash: &str, number: i64) -> Object {
    let set = labelled(
        owned(
            running(object(name), &format!("app:{number}")),
            "Deployment",
            deployment,
        ),
        "pod-template-hash",
        hash,
    );
    Object {
        revision: Some(number),
        ..set
    }
}

fn pod(name: &str, kind: &str, owner: &str, label: &str, hash: &str) -> Object {
    ready(
        labelled(owned(object(name), kind, owner), label, hash),
        true,
    )
}

fn deployment() -> World {
    World::new()
        .with(
            Kind::Deployment,
            Object {
                revision: Some(3),
                replicas: Some(1),
                ..running(object("web"), "app:3")
            },
        )
        .with(
            Kind::ReplicaSet,
            annotated(
                set("web-a", "web", "a", 3),
                "deployment.kubernetes.io/revision-history",
                "1,x",
            ),
        )
        .with(Kind::ReplicaSet, set("web-b", "web", "b", 2))
        .with(
            Kind::ReplicaSet,
            Object {
                revision: None,
                ..set("web-c", "web", "c", 0)
            },
        )
        .with(
            Kind::Pod,
            pod("web-a-2", "ReplicaSet", "web-a", "pod-template-hash", "a"),
        )
        .with(
            Kind::Pod,
            pod("web-a-1", "ReplicaSet", "web-a", "pod-template-hash", "a"),
        )
        .with(
            Kind::Pod,
            Object {
                going: true,
                ..pod("web-b-1", "ReplicaSet", "web-b", "pod-template-hash", "b")
            },
        )
        .with(
            Kind::Pod,
            Object {
                ended: true,
                ..pod("web-a-0", "ReplicaSet", "web-a", "pod-template-hash", "a")
            },
        )
}

fn pods(workload: &Workload) -> Vec<&str> {
    workload.pods.iter().map(|pod| &*pod.name).collect()
}

#[test]
fn a_deployment_has_its_replica_sets_and_their_pods() {
    let world = deployment();
    let web = world.workload("deployment", "web");
    assert_eq!(
        world.names(),
        ["deployment/web"],
        "what belongs to it is no workload"
    );
    let revisions: Vec<_> = web
        .revisions
        .iter()
        .map(|one| {
            (
                one.number,
                &*one.name,
                &*one.hash,
                one.earlier.clone(),
                &*one.images["app"],
            )
        })
        .collect();
    assert_eq!(
        revisions,
        [
            (3, "web-a", "a", vec![1], "app:3"),
            (2, "web-b", "b", vec![], "app:2")
        ]
    );
    assert_eq!(pods(&web), ["web-a-1", "web-a-2"]);
    assert_eq!(web.pods[0].revision.as_deref(), Some("a"));
    assert_eq!(
        (web.rollout.observed, web.rollout.complete, web.replicas),
        (true, true, Some(1))
    );
}

#[test]
fn a_controllers_word_counts_when_its_revision_is_known() {
    // The Deployment was read after its new ReplicaSet was made, the ReplicaSets before.
    let behind = deployment().with(
        Kind::Deployment,
        Object {
            revision: Some(4),
            ..running(object("late"), "app:4")
        },
    );
    let behind = behind.with(Kind::ReplicaSet, set("late-a", "late", "a", 3));
    let late = behind.workload("deployment", "late").rollout;
    assert_eq!((late.observed, late.complete), (false, false));
    let unread = deployment()
        .without(Kind::ReplicaSet)
        .workload("deployment", "web");
    assert_eq!((unread.rollout.observed, unread.revisions.len()), (true, 0));
    assert_eq!(
        pods(&unread),
        ["web-a-1", "web-a-2"],
        "a ReplicaSet is named after its Deployment"
    );

    let revision = |name: &str, number| Object {
        revision: Some(number),
        ..owned(running(object(name), "db:1"), "StatefulSet", "db")
    };
    let stateful = |update: &str| {
        World::new()
            .with(
                Kind::StatefulSet,
                Object {
                    update_revision: Some(update.into()),
                    ..running(object("db"), "db:1")
                },
            )
            .with(Kind::ControllerRevision, revision("db-1", 1))
            .with(Kind::ControllerRevision, revision("db-2", 3))
            .with(
                Kind::Pod,
                pod(
                    "db-0",
                    "StatefulSet",
                    "db",
                    "controller-revision-hash",
                    "db-2",
                ),
            )
    };
    let db = stateful("db-2").workload("statefulset", "db");
    assert_eq!(
        (
            &*db.revisions[0].hash,
            db.pods[0].revision.as_deref(),
            db.rollout.observed
        ),
        ("db-2", Some("db-2"), true)
    );
    assert!(
        !stateful("db-9")
            .workload("statefulset", "db")
            .rollout
            .observed
    );
}

#[test]
fn a_daemon_sets_pods_carry_the_hash_of_the_revision() {
    let revision = labelled(
        owned(running(object("agent-7"), "agent:1"), "DaemonSet", "agent"),
        "controller-revision-hash",
        "7",
    );
    let world = World::new()
        .with(Kind::DaemonSet, running(object("agent"), "agent:1"))
        .with(
            Kind::ControllerRevision,
            Object {
                revision: Some(1),
                ..revision
            },
        )
        .with(
            Kind::Pod,
            pod(
                "agent-x",
                "DaemonSet",
                "agent",
                "controller-revision-hash",
                "7",
            ),
        );
    let agent = world.workload("daemonset", "agent");
    assert_eq!(
        (
            &*agent.revisions[0].hash,
            agent.pods[0].revision.as_deref(),
            agent.replicas
        ),
        ("7", Some("7"), None)
    );
}

#[test]
fn what_nobody_controls_is_a_workload_and_what_a_stranger_controls_names_it() {
    let world = World::new()
        .with(Kind::Pod, ready(running(object("alone"), "app:1"), false))
        .with(
            Kind::Pod,
            Object {
                going: true,
                ..running(object("leaving"), "app:1")
            },
        )
        .with(Kind::Pod, owned(object("db-1"), "Cluster", "db"))
        .with(Kind::ReplicaSet, running(object("bare"), "app:1"))
        .with(
            Kind::ReplicaSet,
            owned(running(object("canary"), "app:1"), "Rollout", "canary"),
        )
        .with(
            Kind::Job,
            owned(running(object("nightly-1"), "app:1"), "CronJob", "nightly"),
        )
        .with(Kind::CronJob, running(object("nightly"), "app:1"))
        .with(Kind::Job, running(object("once"), "app:1"))
        .with(
            Kind::Pod,
            Object {
                ended: true,
                ..pod("nightly-1-x", "Job", "nightly-1", "app", "x")
            },
        )
        .with(Kind::Pod, pod("once-x", "Job", "once", "app", "x"))
        .with(
            Kind::StatefulSet,
            owned(running(object("made"), "app:1"), "Prometheus", "main"),
        );
    assert_eq!(
        world.names(),
        [
            "cronjob/nightly",
            "job/once",
            "pod/alone",
            "replicaset/bare",
            "replicaset/canary",
            "statefulset/made"
        ]
    );
    let controller = |kind, name| {
        world
            .workload(kind, name)
            .controller
            .as_deref()
            .map(str::to_owned)
    };
    assert_eq!(
        controller("replicaset", "canary").as_deref(),
        Some("rollout/canary")
    );
    assert_eq!(
        controller("statefulset", "made").as_deref(),
        Some("prometheus/main")
    );
    assert_eq!(controller("pod", "alone"), None);
    assert_eq!(pods(&world.workload("cronjob", "nightly")), ["nightly-1-x"]);
    assert_eq!(
        (
            pods(&world.workload("job", "once")),
            world.workload("job", "once").rollout.complete
        ),
        (vec!["once-x"], false)
    );
    assert!(!world.workload("pod", "alone").rollout.complete);
    assert!(world.workload("cronjob", "nightly").rollout.complete);

    let custom = Kind::Custom(Arc::new(Custom {
        group: "g".into(),
        version: "v1".into(),
        kind: "Cluster".into(),
        plural: "clusters".into(),
        image: vec!["spec".into()],
    }));
    let made = world.with(
        Kind::StatefulSet,
        owned(running(object("db-rest"), "pg:16"), "Cluster", "db"),
    );
    let db = made
        .with(
            Kind::Pod,
            pod("db-rest-0", "StatefulSet", "db-rest", "app", "x"),
        )
        .with(custom, running(object("db"), "pg:16"));
    let db = db.workload("cluster", "db");
    assert_eq!(
        (pods(&db), db.containers.len(), db.rollout.observed),
        (vec!["db-1", "db-rest-0"], 1, true)
    );
}

#[test]
fn releases_and_keels_labels() {
    let release = |object: Object| {
        let world = World::new().with(Kind::Deployment, object);
        world
            .workload("deployment", "web")
            .release
            .map(|release| (release.name.to_string(), release.helm))
    };
    let web = object("web");
    assert_eq!(release(web.clone()), None);
    assert_eq!(
        release(labelled(web.clone(), "app.kubernetes.io/instance", "shop")),
        Some(("shop".into(), false))
    );
    let annotated = annotated(
        labelled(web.clone(), "app.kubernetes.io/instance", "other"),
        "meta.helm.sh/release-name",
        "shop",
    );
    assert_eq!(release(annotated), Some(("shop".into(), true)));
    let both = [
        ("app.kubernetes.io/instance".into(), "shop".into()),
        ("app.kubernetes.io/managed-by".into(), "Helm".into()),
    ];
    assert_eq!(
        release(Object {
            labels: both.into(),
            ..web.clone()
        }),
        Some(("shop".into(), true))
    );

    let keel = Object {
        annotations: [("keel.sh/policy".into(), "never".into())].into(),
        ..labelled(web, "keel.sh/policy", "force")
    };
    let shop = labelled(
        Object {
            name: "shop".into(),
            ..Object::default()
        },
        "keel.sh/policy",
        "minor",
    );
    let world = World::new()
        .with(Kind::Deployment, keel)
        .with(Kind::Namespace, shop);
    let policy = |pairs: &BTreeMap<Arc<str>, Arc<str>>| pairs["keel.sh/policy"].to_string();
    assert_eq!(policy(&world.workload("deployment", "web").keel), "never");
    assert_eq!(policy(&world.known().namespaces["shop"]), "minor");
}

#[test]
fn a_kind_that_cannot_be_read_is_named_and_none_at_all_is_not_known() {
    let known = deployment()
        .without(Kind::Pod)
        .without(Kind::CronJob)
        .known();
    assert_eq!(
        known
            .unread
            .iter()
            .map(|(kind, why)| format!("{kind}: {why}"))
            .collect::<Vec<_>>(),
        ["cronjob: no right", "pod: no right"]
    );
    let nothing = Kind::BUILT_IN
        .into_iter()
        .fold(World::new(), World::without);
    assert_eq!(
        assemble_cluster(&nothing.0),
        Seen::Unknown("no right".into())
    );
    assert_eq!(
        assemble_cluster(&World::new().0),
        Seen::Known(Cluster::default())
    );
}

/// `[[cluster.custom]]` names one path; a kind with two images is named twice.
#[test]
fn a_custom_resource_with_two_images_is_one_workload() {
    let custom = |path: &str| {
        Kind::Custom(Arc::new(Custom {
            group: "g".into(),
            version: "v1".into(),
            kind: "Cluster".into(),
            plural: "clusters".into(),
            image: ["spec", path].map(Into::into).into(),
        }))
    };
    let at = |path: &str, image: &str| {
        let container = Container {
            name: path.into(),
            init: false,
            image: image.into(),
            pull_policy: None,
            writers: Vec::new(),
        };
        Object {
            containers: [container].into(),
            ..object("db")
        }
    };
    let world = World::new()
        .with(custom("imageName"), at("spec.imageName", "pg:16"))
        .with(custom("backup"), at("spec.backup", "barman:3"))
        .with(Kind::Pod, pod("db-1", "Cluster", "db", "app", "x"));
    assert_eq!(world.names(), ["cluster/db"]);
    let db = world.workload("cluster", "db");
    let images: Vec<_> = db
        .containers
        .iter()
        .map(|one| (&*one.name, &*one.image))
        .collect();
    assert_eq!(
        images,
        [("spec.backup", "barman:3"), ("spec.imageName", "pg:16")]
    );
    assert_eq!(pods(&db), ["db-1"]);
}

#[test]
fn the_platforms_are_those_of_the_nodes_and_unknown_without_a_right_to_nodes() {
    let node = |name: &str, architecture: &str| Object {
        name: name.into(),
        labels: [
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", architecture),
        ]
        .map(|(key, value)| (key.into(), value.into()))
        .into(),
        ..Object::default()
    };
    let known = World::new()
        .with(Kind::Node, node("a", "amd64"))
        .with(Kind::Node, node("b", "amd64"))
        .with(Kind::Node, node("c", "arm64"))
        .known();
    let texts: Vec<String> = known.platforms.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["linux/amd64", "linux/arm64"]);
    assert_eq!(known.workloads, []);
    // Installations from before have no such right, and nothing else waits for it.
    let known = deployment().without(Kind::Node).known();
    assert!(known.platforms.is_empty() && known.unread.is_empty());
}
