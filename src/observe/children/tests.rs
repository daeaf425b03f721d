//! What an index is made of, and how often it is asked for.

use super::*;
use crate::config::Config;
use crate::demo::registry::{DemoImage, DemoRegistry, Fault, FaultKind};
use crate::observe::{COMMITS, RegistrySettings, RepoOrigin, SessionSettings};
use jiff::Timestamp;

const HOST: &str = "ghcr.io";

fn session(endpoint: &str) -> (Session, Registries) {
    let told = RegistrySettings {
        endpoints: vec![(HOST.to_owned(), endpoint.parse().unwrap())],
        ..RegistrySettings::default()
    };
    let registries = Registries::new(&told, &Config::default()).unwrap();
    let origin = RepoOrigin::Folder(".".into());
    let setup = SessionSettings {
        origin,
        config: None,
        registries: told,
        forge: None,
        github: None,
        cluster: None,
        commits: COMMITS,
        clock: || Timestamp::UNIX_EPOCH,
    };
    (Session::new(setup).unwrap(), registries)
}

fn channel(name: &str) -> Channel {
    Channel::parse(&format!("{}/{}:{}", HOST, name, "latest")).unwrap()
}

#[tokio::test]
async fn an_index_is_asked_for_once_and_an_image_of_one_platform_has_no_children() {
    let registry = DemoRegistry::new();
    let index = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "one"));
    let single = registry.put_image(HOST, &DemoImage::new("a/tool", "latest", "one").single());
    let running = registry.start().await.unwrap();
    let (session, registries) = session(&running.endpoint(HOST));
    let wanted: BTreeSet<_> = [
        (channel("a/app"), index.clone()),
        (channel("a/tool"), single.clone()),
    ]
    .into();
    let told = children(&session, &registries, wanted.clone()).await;
    let of =
        |repository: &str, digest: &Digest| told[&(channel(repository), digest.clone())].clone();
    assert!(
        of("a/app", &index).len() > 1 && !of("a/app", &index).contains(&index),
        "{told:?}"
    );
    assert_eq!(of("a/tool", &single), []);
    registry.reset_counts();
    assert_eq!(children(&session, &registries, wanted).await, told);
    assert_eq!(
        children(&session, &registries, BTreeSet::new()).await,
        IndexChildren::new()
    );
    assert_eq!(registry.counts(HOST).gets, 0);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn what_could_not_be_asked_is_asked_again() {
    let registry = DemoRegistry::new();
    let index = registry.put_image(HOST, &DemoImage::new("a/app", "latest", "one"));
    let running = registry.start().await.unwrap();
    let (session, registries) = session(&running.endpoint(HOST));
    let wanted: BTreeSet<_> = [(channel("a/app"), index)].into();
    registry.fail(Fault::of(
        HOST,
        FaultKind::Status {
            code: 404,
            retry_after: None,
        },
    ));
    assert_eq!(
        children(&session, &registries, wanted.clone()).await,
        IndexChildren::new()
    );
    registry.heal();
    assert_eq!(
        children(&session, &registries, wanted.clone()).await,
        IndexChildren::new(),
        "not in a pass that the cluster woke"
    );
    session.retry();
    assert_eq!(children(&session, &registries, wanted).await.len(), 1);
    running.stop().await.unwrap();
}
