//! What proofs cost: requests are counted at the in-process registry.

use super::*;
use crate::demo::registry::{DemoImage, DemoRegistry, RunningRegistry};
use crate::model::platform::Platform;
use crate::pipeline::cluster::Cluster;
use crate::pipeline::forge::{Account, Direct};
use crate::pipeline::{Action, Cause, PinRecord};
use jiff::Timestamp;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const HOST: &str = "ghcr.io";

fn channel(name: &str) -> Channel {
    Channel::parse(&format!("{HOST}/a/{name}:latest")).unwrap()
}

async fn world() -> (DemoRegistry, RunningRegistry, Session, Registries) {
    world_at(|| Timestamp::UNIX_EPOCH).await
}

/// A registry of its own, and a session and clients that ask it.
pub(super) async fn world_at(
    clock: fn() -> Timestamp,
) -> (DemoRegistry, RunningRegistry, Session, Registries) {
    let registry = DemoRegistry::new();
    let running = registry.start().await.unwrap();
    let settings = RegistrySettings {
        endpoints: vec![(HOST.to_owned(), running.endpoint(HOST).parse().unwrap())],
        ..RegistrySettings::default()
    };
    let registries = Registries::new(&settings, &Config::default()).unwrap();
    let session = Session::new(SessionSettings {
        origin: RepoOrigin::Folder(".".into()),
        config: None,
        registries: settings,
        forge: None,
        github: None,
        cluster: None,
        commits: COMMITS,
        clock,
    })
    .unwrap();
    (registry, running, session, registries)
}

fn change(name: &str, digest: &Digest, delivery: Delivery) -> Change {
    let pin = PinRecord {
        action: Action::Update,
        site: format!("main.tf#{name}"),
        uses: Vec::new(),
        image: channel(name).to_string(),
        from_tag: None,
        from: None,
        to: Some(digest.clone()),
        cause: Cause::TagMoved,
        evidence: None,
        asked: None,
    };
    Change {
        name: name.into(),
        delivery,
        proposal: None,
        message: String::new(),
        pins: vec![pin],
        edits: Vec::new(),
        claims: Vec::new(),
        prove: vec![(channel(name), digest.clone())],
    }
}

fn plan_of(changes: Vec<Change>) -> Plan {
    Plan {
        changes,
        ..crate::plan::plan(&Snapshot::default())
    }
}

fn put(registry: &DemoRegistry, count: usize) -> Vec<(String, Digest)> {
    (0..count)
        .map(|number| format!("app{number}"))
        .map(|name| {
            let image = DemoImage::new(&format!("a/{name}"), "latest", "one");
            let digest = registry.put_image(HOST, &image);
            (name, digest)
        })
        .collect()
}

#[tokio::test]
async fn twenty_digests_of_which_one_is_gone_cost_twenty_gets_and_then_none() {
    let (registry, _running, session, registries) = world().await;
    let images = put(&registry, 20);
    registry.remove(HOST, "a/app7", &images[7].1);
    let commits = images
        .iter()
        .map(|(name, digest)| change(name, digest, Delivery::Commit));
    let mut plan = plan_of(commits.collect());
    let mut snapshot = Snapshot::default();
    registry.reset_counts();
    let failed = prove(&session, &registries, &snapshot, &plan).await;
    assert_eq!(failed.len(), 1);
    assert!(failed[&(channel("app7"), images[7].1.clone())].ends_with("does not exist"));
    // As the pass does it: without what failed, again.
    snapshot.unproved.extend(failed);
    plan.changes.remove(7);
    assert!(
        prove(&session, &registries, &snapshot, &plan)
            .await
            .is_empty()
    );
    let counts = registry.counts(HOST);
    assert_eq!((counts.gets, counts.heads), (20, 38));
    // The next pass that the cluster wakes.
    let commits = images
        .iter()
        .map(|(name, digest)| change(name, digest, Delivery::Commit));
    let again = plan_of(commits.collect());
    let failed = prove(&session, &registries, &Snapshot::default(), &again).await;
    assert_eq!(failed.len(), 1);
    let counts = registry.counts(HOST);
    assert_eq!((counts.gets, counts.heads), (20, 38));
    // And the next one that asks registries.
    session.forget();
    prove(&session, &registries, &Snapshot::default(), &again).await;
    assert_eq!(registry.counts(HOST).gets, 21);
}

fn proposed(images: &[(String, Digest)]) -> (Snapshot, Plan) {
    let proposal = Delivery::PullRequest {
        because: None,
        automerge: false,
    };
    let changes: Vec<Change> = images
        .iter()
        .map(|(name, digest)| change(name, digest, proposal.clone()))
        .collect();
    let tip = CommitId::parse(&"a".repeat(40)).unwrap();
    let branches = changes.iter().map(|change| Branch {
        name: change.name.clone(),
        tip: tip.clone(),
        parent: None,
        at: Timestamp::UNIX_EPOCH,
        own: true,
        merged: false,
        pins: change.pins.clone(),
    });
    let url: url::Url = "https://forge.example.org/ops/infra".parse().unwrap();
    let number = AtomicUsize::new(1);
    let pulls = changes.iter().map(|change| PullRequest {
        number: number.fetch_add(1, Relaxed) as u64,
        name: change.name.clone(),
        url: url.clone(),
        title: String::new(),
        state: PullState::Open,
        head: tip.clone(),
        created: Timestamp::UNIX_EPOCH,
        pins: change.pins.clone(),
        checks: Seen::NotAsked,
        marks: Default::default(),
        draft: false,
        reviews: Seen::NotAsked,
        left: BTreeSet::new(),
    });
    let snapshot = Snapshot {
        branches: branches.collect(),
        forge: Seen::Known(Forge {
            me: Account {
                id: 1,
                login: "pintle".into(),
            },
            url: url.clone(),
            direct: Direct::Allowed,
            faults: Vec::new(),
            merges_newest_only: false,
            has_pull_requests: true,
            pulls: pulls.collect(),
            asks: Vec::new(),
            pipeline: None,
        }),
        ..Snapshot::default()
    };
    (snapshot, plan_of(changes))
}

#[tokio::test]
async fn pull_requests_that_are_open_and_unchanged_ask_for_nothing() {
    let (registry, _running, session, registries) = world().await;
    let mut images = put(&registry, 6);
    registry.reset_counts();
    for _ in 0..3 {
        let (snapshot, plan) = proposed(&images);
        assert!(
            prove(&session, &registries, &snapshot, &plan)
                .await
                .is_empty()
        );
    }
    assert_eq!(registry.requests(), []);
    // Another digest than the branch has.
    let (snapshot, _) = proposed(&images);
    images[2].1 = registry.put_image(HOST, &DemoImage::new("a/app2", "latest", "two"));
    let (_, plan) = proposed(&images);
    for _ in 0..3 {
        assert!(
            prove(&session, &registries, &snapshot, &plan)
                .await
                .is_empty()
        );
    }
    let counts = registry.counts(HOST);
    assert_eq!((counts.gets, counts.heads), (1, 2));
}

#[tokio::test]
async fn an_index_for_other_platforms_than_the_nodes_is_not_proved() {
    let (registry, _running, session, registries) = world().await;
    let image = DemoImage {
        platforms: vec!["linux/arm64".to_owned(), "linux/arm/v7".to_owned()],
        ..DemoImage::new("a/app", "latest", "one")
    };
    let digest = registry.put_image(HOST, &image);
    let plan = plan_of(vec![change("app", &digest, Delivery::Commit)]);
    let nodes = |architecture: &str| Snapshot {
        cluster: Seen::Known(Cluster {
            platforms: [Platform::new("linux", architecture)].into(),
            ..Cluster::default()
        }),
        ..Snapshot::default()
    };
    let failed = prove(&session, &registries, &nodes("amd64"), &plan).await;
    let why = &failed[&(channel("app"), digest)];
    assert!(
        why.ends_with(
            "the index has images for linux/arm, linux/arm64 only, \
             and the cluster's nodes are linux/amd64"
        ),
        "{why}"
    );
    session.forget();
    for snapshot in [nodes("arm64"), Snapshot::default()] {
        let failed = prove(&session, &registries, &snapshot, &plan).await;
        assert!(failed.is_empty(), "{failed:?}");
    }
}
