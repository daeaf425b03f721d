//! The demo's made-up cluster beside a real control plane: the same workloads, the same moves, the
//! same undo. What pintle makes of either has to be the same, but for names that are made up and
//! times.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use pintle::demo::cluster::{DemoActor, DemoCluster, DemoContainer, DemoKind, DemoWorkload};
use pintle::model::reference::Reference;
use pintle::observe::{
    self, COMMITS, ClusterAccess, RegistrySettings, RepoOrigin, Session, SessionSettings, TipCache,
};
use pintle::pipeline::Seen;
use pintle::pipeline::cluster as seen;
use pintle::remote::kubernetes;
use tempfile::TempDir;

use crate::support::kube::ci::MANAGER;
use crate::support::kube::world::{Stack, World};
use crate::support::line::Registries;

const STACKS: [Stack; 3] = [
    ("deployment", "web", "quay.io/team/app:latest"),
    ("statefulset", "db", "quay.io/team/db:16"),
    ("daemonset", "agent", "quay.io/team/agent:v1"),
];

/// Both clusters, in the same state at every step.
struct Both {
    real: World,
    made_up: DemoCluster,
    running: pintle::demo::cluster::RunningCluster,
    folder: TempDir,
}

fn workload(stack: &Stack) -> String {
    format!("{}/{}", stack.0, stack.1)
}

/// What a kubelet gets for an image, as the test's own kubelet finds it.
fn pulled(registries: &Registries, image: &str) -> Option<String> {
    let reference = Reference::parse(image)?;
    if let Some(digest) = &reference.digest {
        return Some(digest.to_string());
    }
    let channel = reference.channel()?;
    registries
        .registry
        .tags(&channel.repository.registry)
        .get(&*channel.repository.path)?
        .get(&*channel.tag)
        .cloned()
}

impl Both {
    async fn start() -> Both {
        let real = tokio::task::block_in_place(|| World::of(&STACKS, ""));
        let made_up = DemoCluster::new();
        let running = made_up.start().await.expect("loopback has a free port");
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("kubeconfig"), running.kubeconfig())
            .expect("it can be written");
        Both {
            real,
            made_up,
            running,
            folder,
        }
    }

    fn hand<'a>(manager: &'a str, pull: &'a dyn Fn(&str) -> Option<String>) -> DemoActor<'a> {
        DemoActor {
            manager,
            at: Timestamp::now(),
            pull,
        }
    }

    /// CI applies these images in both.
    fn apply(&mut self, images: &[String]) {
        for (stack, image) in STACKS.iter().zip(images) {
            // The first images are in the repo from the start.
            if image != stack.2 {
                self.real.write(stack, image);
            }
        }
        tokio::task::block_in_place(|| {
            self.real.stage.ci.apply();
            STACKS
                .iter()
                .for_each(|stack| self.real.stage.rolled_out(&workload(stack)));
        });
        let pull = |image: &str| pulled(&self.real.line.registries, image);
        for ((kind, name, _), image) in STACKS.iter().zip(images) {
            let kind = kind_of(kind);
            let containers = vec![DemoContainer {
                name: (*name).to_owned(),
                init: false,
                image: image.clone(),
            }];
            let namespace = self.real.stage.namespace.clone();
            let workload = DemoWorkload {
                kind,
                namespace,
                name: (*name).to_owned(),
                containers,
                ignored: Vec::new(),
            };
            self.made_up.apply(&workload, Both::hand(MANAGER, &pull));
        }
    }

    /// Somebody takes all of them back.
    fn undo(&self) {
        tokio::task::block_in_place(|| {
            STACKS
                .iter()
                .for_each(|stack| self.real.stage.undo(&workload(stack)));
            STACKS
                .iter()
                .for_each(|stack| self.real.stage.rolled_out(&workload(stack)));
        });
        let pull = |image: &str| pulled(&self.real.line.registries, image);
        for (kind, name, _) in STACKS {
            let undone = self.made_up.undo(
                kind_of(kind),
                &self.real.stage.namespace,
                name,
                Both::hand("kubectl", &pull),
            );
            undone.expect("it had another image before");
        }
    }

    async fn same(&self, when: &str) {
        let real = self.seen(&self.real.stage.kube.kubeconfig()).await;
        let made_up = self.seen(&self.folder.path().join("kubeconfig")).await;
        assert_eq!(real.len(), STACKS.len(), "{when}: {real:?}");
        assert_eq!(made_up, real, "{when}: the made-up one is on the left");
    }

    /// What pintle sees in the namespace, through its own observer.
    async fn seen(&self, kubeconfig: &Path) -> Vec<seen::Workload> {
        let setup = SessionSettings {
            origin: RepoOrigin::Folder(self.checkout().to_owned()),
            config: None,
            registries: RegistrySettings::default(),
            forge: None,
            github: None,
            cluster: Some(ClusterAccess {
                place: kubernetes::Place::Kubeconfig {
                    file: kubeconfig.to_owned(),
                    context: None,
                },
                options: kubernetes::Options::default(),
            }),
            commits: COMMITS,
            clock: Timestamp::now,
        };
        let checkout =
            tokio::task::block_in_place(|| observe::checkout(&setup, &TipCache::default()))
                .expect("the repo can be read");
        let session = Session::new(setup).expect("the kubeconfig can be used");
        let cluster = match observe::cluster(&session, &checkout.config, &checkout.scan).await {
            Seen::Known(cluster) => cluster,
            other => panic!("{other:?}"),
        };
        assert!(cluster.unread.is_empty(), "{:?}", cluster.unread);
        let namespace = self.real.stage.namespace.as_str();
        assert!(cluster.namespaces.contains_key(namespace));
        cluster
            .workloads
            .into_iter()
            .filter(|workload| &*workload.namespace == namespace)
            .map(plain)
            .collect()
    }

    fn checkout(&self) -> &Path {
        self.folder.path()
    }
}

fn kind_of(word: &str) -> DemoKind {
    DemoKind::ALL
        .into_iter()
        .find(|kind| kind.word() == word)
        .expect("a kind")
}

/// Takes out what no two clusters have in common: times, uids and hashes.
fn plain(mut workload: seen::Workload) -> seen::Workload {
    assert!(workload.created.is_some());
    workload.created = None;
    for container in &mut workload.containers {
        assert!(
            container.writers.iter().all(|writer| writer.at.is_some()),
            "{container:?}"
        );
        container
            .writers
            .iter_mut()
            .for_each(|writer| writer.at = None);
    }
    let hashes: Vec<_> = workload
        .revisions
        .iter()
        .map(|revision| revision.hash.clone())
        .collect();
    assert_eq!(
        hashes.iter().collect::<BTreeSet<_>>().len(),
        hashes.len(),
        "{workload:?}"
    );
    let position = |hash: &str| {
        hashes
            .iter()
            .position(|known| &**known == hash)
            .map_or_else(|| hash.into(), |at| format!("revision {at}").into())
    };
    for revision in &mut workload.revisions {
        assert!(revision.created.is_some() && revision.name.starts_with(&*workload.name));
        (revision.name, revision.created, revision.hash) =
            ("".into(), None, position(&revision.hash));
    }
    for pod in &mut workload.pods {
        assert!(pod.created.is_some() && pod.name.starts_with(&*workload.name));
        (pod.name, pod.created) = ("".into(), None);
        pod.revision = pod.revision.as_deref().map(position);
        for container in &mut pod.containers {
            assert!(container.started.is_some());
            container.started = None;
        }
    }
    workload
}

/// The real one ends outside of the runtime: its parts have runtimes of their own.
#[test]
fn the_made_up_cluster_looks_like_a_real_one_from_the_first_rollout_to_a_second_undo() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut both = runtime.block_on(Both::start());
    runtime.block_on(same_all_along(&mut both));
    let Both { running, .. } = both;
    runtime.block_on(running.stop()).expect("it ends well");
}

async fn same_all_along(both: &mut Both) {
    std::fs::write(both.checkout().join("main.tf"), "").expect("it can be written");
    let digests = |both: &Both, seed: &str| {
        STACKS
            .map(|(_, _, image)| format!("{image}@{}", both.real.line.registries.put(image, seed)))
    };
    both.apply(&STACKS.map(|(_, _, image)| image.to_owned()));
    both.same("after the first rollout, by tag").await;
    let first = digests(both, "first");
    both.apply(&first);
    both.same("after the pin").await;
    let second = digests(both, "second");
    both.apply(&second);
    both.same("after the move").await;
    both.undo();
    both.same("after the undo").await;
    both.apply(&second);
    both.same("after it was applied again").await;
    both.undo();
    both.same("after the second undo").await;
}
