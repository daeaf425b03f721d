//! What choosing a tag costs: requests are counted at the in-process registry.

use super::*;
use crate::demo::registry::{DemoImage, DemoRegistry};
use crate::observe::RepoOrigin;
use crate::observe::tests::world_at;
use crate::pipeline::Verdict;
use crate::reconcile::{Planned, make_plan};
use jiff::Timestamp;
use std::fmt::Write;
use std::fs;

const HOST: &str = "ghcr.io";

/// Requests for lists, HEADs and GETs of manifests.
fn count(registry: &DemoRegistry) -> (usize, u64, u64) {
    let seen = registry.requests();
    let lists = seen.iter().filter(|one| one.path.contains("/tags/list"));
    let counts = registry.counts(HOST);
    (lists.count(), counts.heads, counts.gets)
}

fn put(registry: &DemoRegistry, tag: &str, seed: &str) -> Digest {
    registry.put_image(HOST, &DemoImage::new("a/app", tag, seed))
}

/// Deployments of these images, in a folder.
fn folder(images: &[String], config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for (number, image) in images.iter().enumerate() {
        write!(
            text,
            "resource \"kubernetes_deployment\" \"d{number}\" {{\n  metadata {{\n    name = \"d{number}\"\n    namespace = \"a\"\n  }}\n  spec {{\n    template {{\n      spec {{\n        container {{\n          name = \"c\"\n          image = \"{image}\"\n        }}\n      }}\n    }}\n  }}\n}}\n"
        )
        .unwrap();
    }
    fs::write(folder.path().join("main.tf"), text).unwrap();
    fs::write(folder.path().join("pintle.toml"), config).unwrap();
    folder
}

fn verdicts(planned: &Planned) -> Vec<Verdict> {
    let decisions = planned.plan.decisions.iter();
    decisions.map(|decision| decision.verdict).collect()
}

const CONFIG: &str = "[defaults]\npolicy = 'minor'\nmode = { bump = 'commit' }";

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_listed_once_a_poll_and_builds_are_asked_for_once() {
    let (registry, _running, mut session, _) = world_at(|| Timestamp::UNIX_EPOCH).await;
    let first = put(&registry, "1.2.3", "first");
    let latest = put(&registry, "latest", "latest");
    put(&registry, "1.4.0", "second");
    put(&registry, "2.0.0", "third");
    let app = format!("{HOST}/a/app");
    let chooses = format!("{app}:1.2.3@{first}");
    let images = [chooses.clone(), chooses, format!("{app}:latest@{latest}")];
    let repo = folder(&images, CONFIG);
    session.setup.origin = RepoOrigin::Folder(repo.path().to_owned());
    let pass = async || make_plan(&session, &|_, _, _| {}).await.unwrap();
    registry.reset_counts();

    let planned = pass().await;
    let wanted = [Verdict::Bump, Verdict::Bump, Verdict::InSync];
    assert_eq!(verdicts(&planned), wanted);
    let (lists, heads, gets) = count(&registry);
    // The declared tag, `latest` and the chosen one; then the two images that are compared.
    assert_eq!((lists, heads), (1, 3));
    assert!(lists as u64 + heads + gets <= 12, "{gets} GETs");

    let again = pass().await;
    assert_eq!(verdicts(&again), wanted);
    assert_eq!(count(&registry), (lists, heads, gets), "nothing is due");

    session.forget();
    let next_poll = pass().await;
    assert_eq!(verdicts(&next_poll), wanted);
    assert_eq!(count(&registry), (2, 6, gets), "build times are known");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_listed_for_sites_that_do_not_choose() {
    let (registry, _running, mut session, _) = world_at(|| Timestamp::UNIX_EPOCH).await;
    let first = put(&registry, "1.2.3", "first");
    put(&registry, "1.4.0", "second");
    let image = format!("{HOST}/a/app:1.2.3@{first}");
    for config in ["", "[defaults]\npolicy = 'force'"] {
        let repo = folder(std::slice::from_ref(&image), config);
        session.setup.origin = RepoOrigin::Folder(repo.path().to_owned());
        registry.reset_counts();
        make_plan(&session, &|_, _, _| {}).await.unwrap();
        assert_eq!(count(&registry).0, 0, "{config}");
        session.forget();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_fails_is_unknown_and_asked_for_again_in_the_next_poll() {
    let (registry, _running, mut session, _) = world_at(|| Timestamp::UNIX_EPOCH).await;
    let first = put(&registry, "1.2.3", "first");
    let image = format!("{HOST}/a/app:1.2.3@{first}");
    let repo = folder(&[image], CONFIG);
    session.setup.origin = RepoOrigin::Folder(repo.path().to_owned());
    let wish = TagWish {
        policy: crate::model::policy::Policy::Minor,
        declared: crate::model::reference::Tag::parse("1.2.3").unwrap(),
        running: None,
        match_pre_release: true,
        step: false,
        exclude: Default::default(),
        platforms: BTreeSet::new(),
        rejected: BTreeSet::new(),
    };
    let needs = TagNeeds {
        lists: [(
            Repository {
                registry: HOST.into(),
                path: "a/missing".into(),
            },
            vec![wish],
        )]
        .into(),
        ..TagNeeds::default()
    };
    let registries = session.registries(&Default::default()).unwrap();
    let mut snapshot = Snapshot::default();
    read_needs(&session, &registries, &mut snapshot, &needs).await;
    let seen: Vec<_> = snapshot.tags.values().collect();
    assert!(matches!(seen[..], [Seen::Unknown(_)]), "{seen:?}");
    let asked = count(&registry).0;
    read_needs(&session, &registries, &mut snapshot, &needs).await;
    assert_eq!(count(&registry).0, asked);
    session.forget();
    read_needs(&session, &registries, &mut snapshot, &needs).await;
    assert!(count(&registry).0 > asked);
}
