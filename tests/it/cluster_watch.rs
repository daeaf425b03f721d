//! What pintle reads in a real cluster: workloads with their revisions, pods and who set them; with
//! the rights of `deploy/rbac.yaml` and no others; and what it takes for true while the wire is
//! cut, slow or dumb, the API server is started anew, or has forgotten what the watches follow.

use std::collections::BTreeSet;
use std::time::Duration;

use pintle::model::workload::{WorkloadKind, WorkloadRef};
use pintle::observe::cluster::assemble_cluster;
use pintle::pipeline::Seen;
use pintle::pipeline::cluster::{Cluster, Workload};
use pintle::remote::kubernetes::{Client, Keeper, Kind, Options, Place, Watches};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::support::daemon::Daemon;
use crate::support::kube::Kube;
use crate::support::kube::ci::MANAGER;
use crate::support::kube::kubelet::Behaviour;
use crate::support::kube::world::{Stack, World};
use crate::support::tcp_proxy::{TcpProxy, Wire};

const STACKS: [Stack; 3] = [
    ("deployment", "web", "quay.io/team/app:latest"),
    ("statefulset", "db", "quay.io/team/db:16"),
    ("daemonset", "agent", "quay.io/team/agent:v1"),
];
/// What does not come in this time does not come.
const DEADLINE: Duration = Duration::from_secs(90);

fn built_in() -> BTreeSet<Kind> {
    Kind::BUILT_IN.into()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime of its own")
}

/// A client with what a kubeconfig says. It belongs to the runtime that it is first used in.
fn client(kubeconfig: &Value, told: &Options) -> Client {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, kubeconfig.to_string()).expect("its own folder");
    Client::new(
        &Place::Kubeconfig {
            file,
            context: None,
        },
        told,
    )
    .expect("a kubeconfig")
}

/// The cluster as pintle's user sees it, read once.
fn seen(kube: &Kube) -> Cluster {
    let place = Place::Kubeconfig {
        file: kube.kubeconfig(),
        context: Some("test".into()),
    };
    let client = Client::new(&place, &Options::default()).expect("a kubeconfig");
    let objects = runtime()
        .block_on(client.objects(&built_in()))
        .expect("it connects");
    known(assemble_cluster(&objects))
}

fn known(seen: Seen<Cluster>) -> Cluster {
    match seen {
        Seen::Known(cluster) => cluster,
        other => panic!("not known: {other:?}"),
    }
}

fn named(kind: &str, namespace: &str, name: &str) -> WorkloadRef {
    WorkloadRef {
        kind: WorkloadKind::new(kind),
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn of<'a>(cluster: &'a Cluster, kind: &str, world: &World, name: &str) -> &'a Workload {
    cluster
        .workload(&named(kind, &world.stage.namespace, name))
        .unwrap_or_else(|| panic!("{kind} {name} of {:?}", cluster.workloads))
}

/// Watches of one cluster, kept by a task.
struct Kept {
    watches: Watches,
    keeper: JoinHandle<pintle::error::Result<()>>,
    runtime: Runtime,
}

impl Kept {
    fn start(client: &Client) -> Kept {
        let runtime = runtime();
        let (watches, keeper): (Watches, Keeper) = {
            let _entered = runtime.enter();
            client.watch().expect("it connects")
        };
        watches.want(&built_in(), None);
        let keeper = runtime.spawn(keeper.run());
        Kept {
            watches,
            keeper,
            runtime,
        }
    }

    fn seen(&self) -> Seen<Cluster> {
        assemble_cluster(&self.runtime.block_on(self.watches.objects()))
    }

    /// Waits for a change after which the cluster is as it should be.
    fn until<T>(&self, found: impl Fn(&Seen<Cluster>) -> Option<T>) -> T {
        self.runtime.block_on(async {
            let looked = async {
                loop {
                    if let Some(found) = found(&assemble_cluster(&self.watches.objects().await)) {
                        return found;
                    }
                    self.watches.changed().await;
                }
            };
            tokio::time::timeout(DEADLINE, looked)
                .await
                .expect("a change comes that brings it about")
        })
    }

    fn ends(self) {
        assert!(!self.keeper.is_finished(), "nothing ends a watch");
        self.keeper.abort();
    }
}

/// The image in the spec of the Deployment `web`.
fn image(seen: &Seen<Cluster>, namespace: &str) -> Option<String> {
    let Seen::Known(cluster) = seen else {
        return None;
    };
    Some(
        cluster
            .workload(&named("deployment", namespace, "web"))?
            .container("web")?
            .image
            .to_string(),
    )
}

fn set_image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}})
}

#[test]
fn workloads_have_their_revisions_their_pods_and_who_set_them() {
    let mut world = World::of(&STACKS, "");
    let digests = STACKS.map(|(_, _, image)| world.line.registries.put(image, "first"));
    world.stage.ci.apply();
    STACKS
        .iter()
        .for_each(|(kind, name, _)| world.stage.rolled_out(&format!("{kind}/{name}")));
    let first = seen(&world.stage.kube);
    assert_eq!(first.unread, Default::default());
    assert!(
        first
            .namespaces
            .contains_key(world.stage.namespace.as_str())
    );
    for ((kind, name, image), digest) in STACKS.iter().zip(&digests) {
        let workload = of(&first, kind, &world, name);
        let container = workload.container(name).expect("it has its container");
        assert_eq!((&*container.image, container.init), (*image, false));
        assert_eq!(&*container.writers[0].manager, MANAGER);
        assert!(container.writers[0].at.is_some() && workload.created.is_some());
        assert_eq!(workload.replicas, (*kind != "daemonset").then_some(1));
        assert!(
            workload.rollout.observed && workload.rollout.complete,
            "{kind}: {:?}",
            workload.rollout
        );
        let [revision] = &workload.revisions[..] else {
            panic!("one revision of {workload:?}")
        };
        assert_eq!(
            (
                revision.number,
                revision.images.get(*name).map(|image| &**image)
            ),
            (1, Some(*image))
        );
        let [pod] = &workload.pods[..] else {
            panic!("one pod of {workload:?}")
        };
        assert_eq!(pod.revision.as_ref(), Some(&revision.hash), "{kind}");
        let status = &pod.containers[0];
        assert_eq!(
            (
                status.digest.as_ref().map(|digest| digest.as_str()),
                status.ready
            ),
            (Some(digest.as_str()), true)
        );
        assert!(status.started.is_some() && status.waiting.is_none());
    }
    assert_eq!(
        first
            .workloads
            .iter()
            .filter(|one| *one.namespace == *world.stage.namespace)
            .count(),
        3,
        "nothing else is a workload"
    );

    // An undo: the old revision is the newest again, and who did it is told.
    let pinned = STACKS
        .map(|(_, _, image)| format!("{image}@{}", world.line.registries.put(image, "second")));
    for ((kind, name, _), pin) in STACKS.iter().zip(&pinned) {
        let stack = (*kind, *name, pin.as_str());
        let (path, text) = (
            crate::support::line::path(name),
            crate::support::kube::world::text(&world.stage.namespace, &stack),
        );
        world
            .line
            .remote
            .commit("Pin", &[(path.as_str(), text.as_bytes())]);
    }
    world.stage.ci.apply();
    for (kind, name, _) in &STACKS {
        let workload = format!("{kind}/{name}");
        world.stage.rolled_out(&workload);
        world.stage.undo(&workload);
        world.stage.rolled_out(&workload);
    }
    let undone = seen(&world.stage.kube);
    for ((kind, name, image), pin) in STACKS.iter().zip(&pinned) {
        let workload = of(&undone, kind, &world, name);
        let numbers: Vec<_> = workload
            .revisions
            .iter()
            .map(|one| {
                (
                    one.number,
                    one.earlier.clone(),
                    one.images[*name].to_string(),
                )
            })
            .collect();
        let earlier = if *kind == "deployment" {
            vec![1]
        } else {
            vec![]
        };
        assert_eq!(
            numbers,
            [(3, earlier, (*image).to_owned()), (2, vec![], pin.clone())],
            "{kind}"
        );
        assert_eq!(
            &*workload.container(name).expect("it is there").image,
            *image
        );
        assert!(workload.rollout.complete, "{kind}: {:?}", workload.rollout);
    }
    let writer = &of(&undone, "deployment", &world, "web").containers[0].writers[0].manager;
    assert!(writer.starts_with("kubectl"), "{writer}");
}

#[test]
fn what_hangs_and_what_runs_by_the_clock_is_told_too() {
    let world = World::of(&STACKS[..1], "");
    let first = world.line.registries.put(STACKS[0].2, "first");
    let (stage, namespace) = (&world.stage, world.stage.namespace.clone());
    stage.kubelet.lets(&first, Behaviour::Crashes);
    stage.ci.apply();
    stage.waits_with("deployment/web", "CrashLoopBackOff");
    let api = stage.kube.api("test");
    let template = json!({"metadata": {"labels": {"app": "batch"}}, "spec": {"restartPolicy": "Never", "containers": [
        {"name": "batch", "image": STACKS[0].2, "imagePullPolicy": "Always"}], "initContainers": [{"name": "first", "image": "quay.io/team/none:1"}]}});
    let meta = |name: &str, labels: Value| json!({"name": name, "labels": labels, "annotations": {"keel.sh/policy": "force", "a.example.org/b": "c"}});
    api.post(&format!("/apis/batch/v1/namespaces/{namespace}/cronjobs"), &json!({"metadata": meta("nightly", json!({
        "app.kubernetes.io/instance": "shop", "app.kubernetes.io/managed-by": "Helm"})), "spec": {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": template}}}}));
    api.post(
        &format!("/apis/batch/v1/namespaces/{namespace}/jobs"),
        &json!({"metadata": meta("once", json!({})), "spec": {"template": template}}),
    );
    api.post(
        &format!("/api/v1/namespaces/{namespace}/pods"),
        &json!({"metadata": meta("alone", json!({})), "spec": template["spec"]}),
    );
    stage.waits_with("pod/batch", "PodInitializing");
    stage.kubectl(&["create", "job", "--from=cronjob/nightly", "tonight"]);

    let cluster = seen(&stage.kube);
    let web = of(&cluster, "deployment", &world, "web");
    assert!(web.rollout.observed && !web.rollout.complete);
    assert_eq!(
        &*web
            .rollout
            .unavailable
            .as_ref()
            .expect("too few are ready")
            .reason,
        "MinimumReplicasUnavailable"
    );
    let status = &web.pods[0].containers[0];
    assert_eq!(
        (
            &*status.waiting.as_ref().expect("it waits").reason,
            status.restarts,
            status.ready
        ),
        ("CrashLoopBackOff", 3, false)
    );
    let nightly = of(&cluster, "cronjob", &world, "nightly");
    let release = nightly
        .release
        .as_ref()
        .map(|release| (&*release.name, release.helm));
    assert_eq!((release, nightly.keel.len()), (Some(("shop", true)), 1));
    for workload in [
        nightly,
        of(&cluster, "job", &world, "once"),
        of(&cluster, "pod", &world, "alone"),
    ] {
        let containers: Vec<_> = workload
            .containers
            .iter()
            .map(|one| (&*one.name, one.init, one.pull_policy.as_deref()))
            .collect();
        assert_eq!(
            containers,
            [
                ("batch", false, Some("Always")),
                ("first", true, Some("IfNotPresent"))
            ],
            "{}",
            workload.kind
        );
        assert_eq!(
            &*workload.containers[0].writers[0].manager, "test",
            "{}",
            workload.kind
        );
    }
    assert!(
        cluster
            .workload(&named("job", &namespace, "tonight"))
            .is_none(),
        "it belongs to the cron job"
    );
    assert_eq!(of(&cluster, "job", &world, "once").pods.len(), 1);
}

#[test]
fn the_rights_are_those_that_are_used_and_nothing_can_be_written() {
    let kube = Kube::shared();
    let pintle = kube.pintle();
    for kind in Kind::BUILT_IN {
        let (group, version, plural) = kind.place();
        let base = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        assert_eq!(
            pintle
                .try_get(&format!("{base}/{plural}?limit=1"))
                .map(|(status, _)| status),
            Some(200),
            "{kind}"
        );
    }
    // Everything but what every account may do: to ask about itself, and to read what the server
    // is.
    let may = kube.kubectl(&[
        "auth",
        "can-i",
        "--list",
        "--no-headers",
        &format!("--as={}", crate::support::kube::PINTLE),
    ]);
    let rights = may
        .lines()
        .filter(|line| !line.contains("selfsubject") && !line.starts_with(' '));
    let mut rights: Vec<(&str, &str)> = rights
        .map(|line| {
            (
                line.split_whitespace().next().expect("a resource"),
                &line[line.rfind('[').expect("verbs")..],
            )
        })
        .collect();
    rights.sort_unstable();
    let mut used: Vec<(String, &str)> = Kind::BUILT_IN
        .iter()
        .map(|kind| (kind.to_string(), "[list watch]"))
        .collect();
    used.sort();
    assert_eq!(
        rights,
        used.iter()
            .map(|(kind, verbs)| (kind.as_str(), *verbs))
            .collect::<Vec<_>>()
    );
}

#[test]
fn a_kind_that_may_not_be_read_is_not_known_and_the_others_are() {
    let world = World::of(&STACKS[..1], "");
    world.stage.ci.apply();
    world.stage.rolled_out("deployment/web");
    let (kube, namespace) = (&world.stage.kube, &world.stage.namespace);
    kube.kubectl(&["create", "serviceaccount", "half", "-n", namespace]);
    kube.kubectl(&[
        "create",
        "clusterrole",
        namespace,
        "--verb=list,watch",
        "--resource=deployments,replicasets,namespaces",
    ]);
    kube.kubectl(&[
        "create",
        "clusterrolebinding",
        namespace,
        &format!("--clusterrole={namespace}"),
        &format!("--serviceaccount={namespace}:half"),
    ]);
    let token = kube.kubectl(&["create", "token", "half", "-n", namespace]);
    let kubeconfig = kube.kubeconfig_for(&kube.url(), token.trim());
    let half = || client(&kubeconfig, &Options::default());
    let once = known(assemble_cluster(
        &runtime()
            .block_on(half().objects(&built_in()))
            .expect("it connects"),
    ));
    let kept = Kept::start(&half());
    for cluster in [once, known(kept.seen())] {
        let unread: Vec<&str> = cluster.unread.keys().map(|kind| kind.as_str()).collect();
        let unread: std::collections::BTreeSet<&str> = unread.into_iter().collect();
        assert_eq!(
            unread,
            [
                "controllerrevision",
                "cronjob",
                "daemonset",
                "job",
                "pod",
                "statefulset"
            ]
            .into()
        );
        assert!(
            cluster.unread[&WorkloadKind::Pod]
                .starts_with("the pods may not be read: pods is forbidden: User"),
            "{:?}",
            cluster.unread
        );
        let web = of(&cluster, "deployment", &world, "web");
        assert_eq!((web.revisions.len(), web.pods.len()), (1, 0));
    }
    kept.ends();

    // Nobody's token: nothing is known of anything.
    let nobody = client(
        &kube.kubeconfig_for(&kube.url(), "wrong"),
        &Options::default(),
    );
    let Seen::Unknown(why) = assemble_cluster(
        &runtime()
            .block_on(nobody.objects(&built_in()))
            .expect("it connects"),
    ) else {
        panic!("known")
    };
    assert_eq!(
        why,
        "the deployments.apps could not be read: 401 Unauthorized"
    );
    kube.kubectl(&["delete", "clusterrole,clusterrolebinding", namespace]);
}

#[test]
fn a_change_in_the_cluster_wakes_a_run_and_moves_nothing_upstream() {
    let world = World::of(&STACKS[..1], "");
    world.stage.ci.apply();
    world.stage.rolled_out("deployment/web");
    let args = [
        "--every",
        "1h",
        "--listen",
        "off",
        "--log-format",
        "json",
        "-v",
    ];
    let mut run = Daemon::start(world.pintle("run", &args));
    assert_eq!(run.pass().0, "start");
    world
        .stage
        .patch("deployment/web", &json!({"spec": {"replicas": 2}}));
    assert_eq!(run.pass().0, "cluster");
    run.stop();
}

/// A fetch would fail: the remote is gone meanwhile.
#[test]
fn pods_that_come_and_go_ask_nobody_and_a_new_image_looks_into_the_repo() {
    let world = World::of(&STACKS[..1], "");
    world.stage.ci.apply();
    world.stage.rolled_out("deployment/web");
    world.sync();
    world.stage.ci.apply();
    world.stage.rolled_out("deployment/web");
    let args = ["--every", "1h", "--listen", "off", "--log-format", "json"];
    let mut run = Daemon::start(world.pintle("run", &args));
    assert_eq!(run.pass(), ("start".to_owned(), Ok(0)));
    let (remote, away) = (
        world.line.remote.path(),
        world.line.remote.path().with_extension("away"),
    );
    std::fs::rename(&remote, &away).expect("a folder of the test");
    let namespace = &world.stage.namespace;
    world
        .stage
        .kubectl(&["delete", "pod", "--all", "--wait=false", "-n", namespace]);
    assert_eq!(run.pass(), ("cluster".to_owned(), Ok(0)));
    world.stage.rolled_out("deployment/web");
    world
        .stage
        .patch("deployment/web", &set_image("quay.io/team/app:other"));
    let failed = loop {
        match run.pass() {
            (_, Ok(0)) => {}
            (_, other) => break other,
        }
    };
    assert!(failed.is_err(), "{failed:?}");
    std::fs::rename(&away, &remote).expect("a folder of the test");
    run.stop();
}

/// A cluster of its own behind a wire, with one Deployment, and watches over the wire.
fn wired() -> (World, TcpProxy, Kept) {
    let world = World::on(Kube::own(), &STACKS[..1], "");
    world.stage.ci.apply();
    world.stage.rolled_out("deployment/web");
    let to = world
        .stage
        .kube
        .url()
        .trim_start_matches("https://")
        .parse()
        .expect("an address");
    let proxy = TcpProxy::start(to);
    let token = std::fs::read_to_string(world.stage.kube.kubeconfig()).expect("it was written");
    let token: Value = serde_json::from_str(&token).expect("JSON is YAML");
    let token = token["users"][0]["user"]["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let kubeconfig = world
        .stage
        .kube
        .kubeconfig_for(&format!("https://{}", proxy.address), &token);
    let kept = Kept::start(&client(&kubeconfig, &Options::default()));
    assert_eq!(
        image(&kept.seen(), &world.stage.namespace).as_deref(),
        Some(STACKS[0].2)
    );
    (world, proxy, kept)
}

#[test]
fn no_change_is_lost_when_the_wire_is_cut_the_server_starts_anew_or_forgets() {
    let (world, proxy, kept) = wired();
    let namespace = world.stage.namespace.as_str();
    let is = |wanted: &'static str| {
        move |seen: &Seen<Cluster>| {
            (image(seen, namespace).as_deref() == Some(wanted)).then_some(())
        }
    };
    world
        .stage
        .patch("deployment/web", &set_image("quay.io/team/app:1"));
    kept.until(is("quay.io/team/app:1"));

    // The wire is cut, and something happens meanwhile.
    proxy.set(Wire::Cut);
    world
        .stage
        .patch("deployment/web", &set_image("quay.io/team/app:2"));
    assert!(
        matches!(kept.seen(), Seen::Known(_)),
        "for a while it is what it was"
    );
    proxy.set(Wire::Passes);
    kept.until(is("quay.io/team/app:2"));

    // The API server starts anew.
    world.stage.kube.stop_apiserver();
    world.stage.kube.start_apiserver();
    world
        .stage
        .patch("deployment/web", &set_image("quay.io/team/app:3"));
    kept.until(is("quay.io/team/app:3"));

    // It has forgotten the version that the watches follow: a workload that is gone since is gone
    // here too.
    world.stage.kubectl(&[
        "create",
        "deployment",
        "other",
        "--image=quay.io/team/app:1",
    ]);
    kept.until(|seen| {
        seen.known()?
            .workload(&named("deployment", namespace, "other"))
            .map(drop)
    });
    proxy.set(Wire::Cut);
    world.stage.kubectl(&["delete", "deployment", "other"]);
    world
        .stage
        .patch("deployment/web", &set_image("quay.io/team/app:4"));
    world.stage.kube.stop_apiserver();
    world.stage.kube.compact();
    world.stage.kube.start_apiserver();
    proxy.set(Wire::Passes);
    kept.until(is("quay.io/team/app:4"));
    assert!(
        known(kept.seen())
            .workload(&named("deployment", namespace, "other"))
            .is_none()
    );

    // Five seconds late is late, and right.
    proxy.set(Wire::Cut);
    proxy.set(Wire::Slow(Duration::from_secs(5)));
    world
        .stage
        .patch("deployment/web", &set_image("quay.io/team/app:5"));
    kept.until(is("quay.io/team/app:5"));
    kept.ends();
}

#[test]
fn a_server_that_answers_late_is_waited_for_and_one_that_never_does_is_not_known() {
    let (world, proxy, kept) = wired();
    kept.ends();
    let token = std::fs::read_to_string(world.stage.kube.kubeconfig())
        .expect("it was written")
        .parse::<Value>()
        .expect("JSON is YAML");
    let token = token["users"][0]["user"]["token"]
        .as_str()
        .expect("a token");
    let kubeconfig = world
        .stage
        .kube
        .kubeconfig_for(&format!("https://{}", proxy.address), token);
    proxy.set(Wire::Slow(Duration::from_secs(5)));
    let late = client(&kubeconfig, &Options::default());
    let seen = assemble_cluster(
        &runtime()
            .block_on(late.objects(&built_in()))
            .expect("it connects"),
    );
    assert_eq!(known(seen.clone()).unread, Default::default());
    assert_eq!(
        image(&seen, &world.stage.namespace).as_deref(),
        Some(STACKS[0].2)
    );

    proxy.set(Wire::Dumb);
    let never = || {
        client(
            &kubeconfig,
            &Options {
                timeout: Duration::from_secs(2),
                ..Options::default()
            },
        )
    };
    let once = assemble_cluster(
        &runtime()
            .block_on(never().objects(&built_in()))
            .expect("it connects"),
    );
    let kept = Kept::start(&never());
    for seen in [once, kept.seen()] {
        let Seen::Unknown(why) = seen else {
            panic!("known: {seen:?}")
        };
        assert!(
            why.starts_with("the deployments.apps could not be read: "),
            "{why}"
        );
    }
    proxy.set(Wire::Passes);
    kept.until(|seen| image(seen, &world.stage.namespace));
    kept.ends();
}
