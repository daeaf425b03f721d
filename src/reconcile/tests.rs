//! What a pass knows when it plans.

use super::*;
use crate::demo::cluster::{DemoActor, DemoCluster, DemoContainer, DemoKind, DemoWorkload};
use crate::demo::registry::{DemoImage, DemoRegistry, Fault, FaultKind};
use crate::observe::{COMMITS, ClusterAccess, RegistrySettings, RepoOrigin, SessionSettings};
use crate::pipeline;
use crate::remote::kubernetes::{self, Place};
use jiff::Timestamp;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

const HOST: &str = "ghcr.io";
const STACK: &str = "resource \"kubernetes_deployment\" \"web\" {\n  metadata {\n    name      = \"web\"\n    namespace = \"shop\"\n  }\n  spec {\n    \
                     template {\n      spec {\n        container {\n          name  = \"web\"\n          image = \"ghcr.io/a/web:1\"\n        }\n      }\n    }\n  }\n}\n";

fn web(image: &str) -> DemoWorkload {
    let container = DemoContainer {
        name: "web".into(),
        init: false,
        image: image.into(),
    };
    DemoWorkload {
        kind: DemoKind::Deployment,
        namespace: "shop".into(),
        name: "web".into(),
        containers: vec![container],
        ignored: Vec::new(),
    }
}

fn by(manager: &str) -> DemoActor<'_> {
    DemoActor {
        manager,
        at: "2026-11-22T12:00:00Z".parse().unwrap(),
        pull: &|_| None,
    }
}

/// A folder with the stack, and how a pass over it is set up.
fn setup(folder: &tempfile::TempDir, registry: String) -> SessionSettings {
    std::fs::write(folder.path().join("main.tf"), STACK).unwrap();
    SessionSettings {
        origin: RepoOrigin::Folder(folder.path().into()),
        config: None,
        registries: RegistrySettings {
            endpoints: vec![(HOST.to_owned(), registry.parse().unwrap())],
            ..RegistrySettings::default()
        },
        forge: None,
        github: None,
        cluster: None,
        commits: COMMITS,
        clock: || Timestamp::UNIX_EPOCH,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_did_not_answer_is_not_asked_again_for_every_change_in_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let registry = DemoRegistry::new();
    registry.put_image(HOST, &DemoImage::new("a/web", "1", "one"));
    registry.fail(Fault::of(
        HOST,
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    ));
    let running = registry.start().await.unwrap();
    let session = Session::new(setup(&folder, running.endpoint(HOST))).unwrap();
    let asked = async || {
        registry.reset_counts();
        let seen = make_plan(&session, &|_, _, _| ())
            .await
            .unwrap()
            .snapshot
            .upstream
            .into_values()
            .next();
        (
            !registry.requests().is_empty(),
            matches!(seen, Some(Seen::Unknown(_))),
        )
    };
    assert_eq!(asked().await, (true, true));
    assert_eq!(
        asked().await,
        (false, true),
        "a pass that waits for it would come too late for an undo"
    );
    session.retry();
    assert_eq!(asked().await, (true, true));
    registry.heal();
    session.retry();
    assert_eq!(asked().await, (true, false));
    session.retry();
    assert_eq!(asked().await, (false, false), "what is known is known");
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_undone_while_registries_are_asked_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, cluster) = (DemoRegistry::new(), DemoCluster::new());
    registry.put_image(HOST, &DemoImage::new("a/web", "1", "one"));
    cluster.apply(&web("ghcr.io/a/web:0"), by("Terraform"));
    cluster.apply(&web("ghcr.io/a/web:1"), by("Terraform"));
    let (registries, serving) = (
        registry.start().await.unwrap(),
        cluster.start().await.unwrap(),
    );
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, serving.kubeconfig()).unwrap();
    let named = ClusterAccess {
        place: Place::Kubeconfig {
            file,
            context: None,
        },
        options: kubernetes::Options::default(),
    };
    let session = Session::new(SessionSettings {
        cluster: Some(named),
        ..setup(&folder, registries.endpoint(HOST))
    })
    .unwrap();
    let undone = AtomicBool::new(false);
    let undo = |_: &str, _: usize, _: usize| {
        if !undone.swap(true, Relaxed) {
            cluster
                .undo(DemoKind::Deployment, "shop", "web", by("kubectl"))
                .unwrap();
        }
    };
    let planned = make_plan(&session, &undo).await.unwrap();
    assert!(undone.load(Relaxed), "a registry was asked");
    let seen = planned.snapshot.cluster.known().unwrap();
    assert_eq!(
        &*seen.workload(&web_deployment()).unwrap().containers[0].image,
        "ghcr.io/a/web:0"
    );
    registries.stop().await.unwrap();
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_undone_while_digests_are_proved_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, cluster) = (DemoRegistry::new(), DemoCluster::new());
    let old = registry.put_image(HOST, &DemoImage::new("a/web", "latest", "one"));
    registry.put_image(HOST, &DemoImage::new("a/web", "latest", "two"));
    let image = |digest: &str| format!("ghcr.io/a/web:latest@{digest}");
    cluster.apply(&web("ghcr.io/a/web:0"), by("Terraform"));
    cluster.apply(&web(&image(old.as_str())), by("Terraform"));
    let (registries, serving) = (
        registry.start().await.unwrap(),
        cluster.start().await.unwrap(),
    );
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, serving.kubeconfig()).unwrap();
    let named = ClusterAccess {
        place: Place::Kubeconfig {
            file,
            context: None,
        },
        options: kubernetes::Options::default(),
    };
    let config = Some((
        "pintle.toml".to_owned(),
        "[defaults]\nmode = 'commit'\nsettle = '0'\n".to_owned(),
    ));
    let session = Session::new(SessionSettings {
        cluster: Some(named),
        config,
        ..setup(&folder, registries.endpoint(HOST))
    })
    .unwrap();
    std::fs::write(
        folder.path().join("main.tf"),
        STACK.replace("ghcr.io/a/web:1", &image(old.as_str())),
    )
    .unwrap();
    let (watches, keeper) = session.watch().unwrap().unwrap();
    let keeping = tokio::spawn(keeper.run());

    let now = make_plan(&session, &|_, _, _| ()).await.unwrap();
    assert_eq!(now.plan.changes.len(), 1, "{:?}", now.plan.decisions);
    let (checkout, known) = (
        checkout(&session).await.unwrap(),
        session.registries(&now.snapshot.config).unwrap(),
    );
    cluster
        .undo(DemoKind::Deployment, "shop", "web", by("kubectl"))
        .unwrap();
    let is_undone = |cluster: &Seen<pipeline::cluster::Cluster>| {
        &*cluster
            .known()
            .unwrap()
            .workload(&web_deployment())
            .unwrap()
            .containers[0]
            .image
            == "ghcr.io/a/web:0"
    };
    while !is_undone(&observe::cluster(&session, &checkout.config, &checkout.scan).await) {
        watches.changed().await;
    }
    assert!(!is_undone(&now.snapshot.cluster));
    let now = replan_if_cluster_changed(&session, &checkout, now, &known).await;
    assert!(
        is_undone(&now.snapshot.cluster),
        "it was planned beside what was there before"
    );
    keeping.abort();
    registries.stop().await.unwrap();
    serving.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_an_undo_cuts_short_goes_by_the_last_answers() {
    let folder = tempfile::tempdir().unwrap();
    let (registry, cluster) = (DemoRegistry::new(), DemoCluster::new());
    registry.put_image(HOST, &DemoImage::new("a/web", "1", "one"));
    cluster.apply(&web("ghcr.io/a/web:0"), by("Terraform"));
    cluster.apply(&web("ghcr.io/a/web:1"), by("Terraform"));
    let (registries, serving) = (
        registry.start().await.unwrap(),
        cluster.start().await.unwrap(),
    );
    let file = folder.path().join("kubeconfig");
    std::fs::write(&file, serving.kubeconfig()).unwrap();
    let named = ClusterAccess {
        place: Place::Kubeconfig {
            file,
            context: None,
        },
        options: kubernetes::Options::default(),
    };
    let session = Session::new(SessionSettings {
        cluster: Some(named),
        ..setup(&folder, registries.endpoint(HOST))
    })
    .unwrap();
    let (watches, keeper) = session.watch().unwrap().unwrap();
    let keeping = tokio::spawn(keeper.run());
    let first = make_plan(&session, &|_, _, _| ()).await.unwrap();
    let answers = &first.snapshot.upstream;
    assert!(answers.values().all(|seen| seen.known().is_some()));

    session.forget();
    registry.fail(Fault::of(HOST, FaultKind::Slow));
    let before = watches.count_urgent();
    cluster
        .undo(DemoKind::Deployment, "shop", "web", by("kubectl"))
        .unwrap();
    watches.wait_for_urgent(before).await;
    let second = make_plan(&session, &|_, _, _| ()).await.unwrap();
    assert!(session.take_cut_short(), "the registry is asked later");
    assert_eq!(&second.snapshot.upstream, answers);
    keeping.abort();
    registry.heal();
    registries.stop().await.unwrap();
    serving.stop().await.unwrap();
}

fn web_deployment() -> crate::model::workload::WorkloadRef {
    let kind = crate::model::workload::WorkloadKind::Deployment;
    crate::model::workload::WorkloadRef {
        kind,
        namespace: "shop".into(),
        name: "web".into(),
    }
}
