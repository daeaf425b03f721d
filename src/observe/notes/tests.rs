//! Which images are asked about, how often, and what a pass costs.

use super::*;
use crate::config::Config;
use crate::demo::registry::{DemoImage, DemoRegistry, Fault, FaultKind, RunningRegistry};
use crate::model::commit::CommitId;
use crate::observe::{COMMITS, RegistrySettings as RegistriesTold, RepoOrigin, SessionSettings};
use crate::pipeline::forge::{Account, Direct, Forge, PullRequest};
use crate::pipeline::{Action, Cause, Delivery, Ledger, PinRecord, Seen};
use jiff::Timestamp;
use std::sync::Arc;
use url::Url;

const HOST: &str = "ghcr.io";

struct World {
    registry: DemoRegistry,
    /// Answers as long as it is here.
    _running: RunningRegistry,
    session: Session,
    registries: Registries,
}

impl World {
    async fn new() -> Self {
        let registry = DemoRegistry::new();
        registry.put_image(HOST, &DemoImage::new("other", "latest", "x"));
        let running = registry.start().await.unwrap();
        let endpoints = vec![(HOST.to_owned(), running.endpoint(HOST).parse().unwrap())];
        let registries = RegistriesTold {
            endpoints,
            ..RegistriesTold::default()
        };
        let origin = RepoOrigin::Folder(".".into());
        let session = SessionSettings {
            origin,
            config: None,
            registries,
            forge: None,
            github: None,
            cluster: None,
            commits: COMMITS,
            clock: || Timestamp::UNIX_EPOCH,
        };
        let session = Session::new(session).unwrap();
        let registries = Registries::new(&session.setup.registries, &Config::default()).unwrap();
        Self {
            registry,
            _running: running,
            session,
            registries,
        }
    }

    /// A pin of `ghcr.io/a/<name>` from version 1 to version 2.
    fn pin(&self, name: &str) -> PinRecord {
        let put = |version: &str| {
            let image = DemoImage::new(&format!("a/{name}"), "latest", version).single();
            let image = image.label(
                "org.opencontainers.image.source",
                &format!("https://github.com/a/{name}"),
            );
            Some(self.registry.put_image(
                HOST,
                &image.label("org.opencontainers.image.version", version),
            ))
        };
        let (image, site) = (
            format!("{HOST}/a/{name}:latest"),
            format!("main.tf#deployment/a/{name}:{name}"),
        );
        let uses = Vec::new();
        PinRecord {
            action: Action::Update,
            site,
            uses,
            image,
            from_tag: None,
            from: put("1"),
            to: put("2"),
            cause: Cause::TagMoved,
            evidence: None,
            asked: None,
        }
    }

    async fn told(&self, snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
        let notes = notes(&self.session, &self.registries, snapshot, plan).await;
        notes
            .into_iter()
            .map(|((channel, ..), notes)| {
                format!(
                    "{} {:?}",
                    channel.repository.path,
                    notes.compare.map(String::from)
                )
            })
            .collect()
    }

    /// How often a manifest was asked for since the last time.
    fn asked(&self) -> u64 {
        let counts = self.registry.counts(HOST);
        self.registry.reset_counts();
        counts.gets
    }
}

fn snapshot(config: &str) -> Snapshot {
    Snapshot {
        config: Arc::new(Config::parse(config, "pintle.toml").unwrap()),
        ..Snapshot::default()
    }
}

fn change(number: Option<u64>, pins: Vec<PinRecord>) -> Change {
    let proposal = Proposal {
        number,
        because: None,
        urgent: false,
        rows: Vec::new(),
        merges: None,
        newest_tip: false,
        waits: Vec::new(),
    };
    Change {
        name: "a".into(),
        delivery: Delivery::PullRequest {
            because: None,
            automerge: true,
        },
        proposal: Some(Box::new(proposal)),
        message: "a: move".into(),
        pins,
        edits: Vec::new(),
        claims: Vec::new(),
        prove: Vec::new(),
    }
}

fn plan(changes: Vec<Change>) -> Plan {
    Plan {
        tip: None,
        at: Timestamp::UNIX_EPOCH,
        decisions: Vec::new(),
        changes,
        ledger: Ledger::default(),
        pull_steps: Vec::new(),
        answers: Vec::new(),
        notices: Vec::new(),
        unmatched: Vec::new(),
        again: false,
        needs: Default::default(),
        next_look: None,
        troubles: Vec::new(),
    }
}

fn forge(pins: &[PinRecord], state: PullState) -> Seen<Forge> {
    let pull = PullRequest {
        number: 7,
        name: "a".into(),
        url: Url::parse("https://forge.example.org/ops/infra/pulls/7").unwrap(),
        title: "a: move".into(),
        state,
        head: CommitId::parse(&"a".repeat(40)).unwrap(),
        created: Timestamp::UNIX_EPOCH,
        pins: pins.to_vec(),
        checks: Seen::NotAsked,
        marks: Default::default(),
        draft: false,
        reviews: Seen::NotAsked,
        left: [].into(),
    };
    let (me, url) = (
        Account {
            id: 1,
            login: "pintle".into(),
        },
        Url::parse("https://forge.example.org/ops/infra").unwrap(),
    );
    Seen::Known(Forge {
        me,
        url,
        direct: Direct::Allowed,
        faults: Vec::new(),
        merges_newest_only: false,
        has_pull_requests: true,
        pulls: vec![pull],
        asks: Vec::new(),
        pipeline: None,
    })
}

#[tokio::test]
async fn moves_of_pull_requests_are_asked_about_once() {
    let world = World::new().await;
    let (one, two) = (world.pin("one"), world.pin("two"));
    let first = PinRecord {
        from: None,
        ..world.pin("three")
    };
    let stays = PinRecord {
        to: one.from.clone(),
        ..one.clone()
    };
    let commit = Change {
        delivery: Delivery::Commit,
        proposal: None,
        ..change(None, vec![world.pin("four")])
    };
    let plan = plan(vec![
        change(None, vec![one.clone(), one.clone(), first, stays]),
        commit,
        change(None, vec![two]),
    ]);
    let snapshot = snapshot("");
    let both = [
        r#"a/one Some("https://github.com/a/one/compare/1...2")"#.to_owned(),
        r#"a/two Some("https://github.com/a/two/compare/1...2")"#.to_owned(),
    ];
    assert_eq!(world.told(&snapshot, &plan).await, both);
    assert_eq!(world.asked(), 4);
    assert_eq!(world.told(&snapshot, &plan).await, both);
    world.session.forget();
    assert_eq!(world.told(&snapshot, &plan).await, both);
    assert_eq!(world.asked(), 0, "digests do not change");
}

#[tokio::test]
async fn what_an_open_pull_request_says_already_is_not_asked() {
    let world = World::new().await;
    let pins = vec![world.pin("one")];
    let with = |forge| Snapshot {
        forge,
        ..snapshot("")
    };
    let plan = |number| plan(vec![change(number, pins.clone())]);
    assert_eq!(
        world
            .told(&with(forge(&pins, PullState::Open)), &plan(Some(7)))
            .await,
        [] as [String; 0]
    );
    assert_eq!(
        world
            .told(&snapshot("[forge]\nrelease_notes = false\n"), &plan(None))
            .await,
        [] as [String; 0]
    );
    assert_eq!(world.asked(), 0);
    for (number, forge) in [
        (Some(7), forge(&[], PullState::Open)),
        (
            None,
            forge(
                &pins,
                PullState::Closed {
                    at: Timestamp::UNIX_EPOCH,
                },
            ),
        ),
    ] {
        assert_eq!(world.told(&with(forge), &plan(number)).await.len(), 1);
    }
}

#[tokio::test]
async fn a_pass_asks_about_so_many_and_the_next_about_the_rest() {
    let world = World::new().await;
    let pins: Vec<PinRecord> = (0..IMAGES + 3)
        .map(|n| world.pin(&format!("n{n:02}")))
        .collect();
    let (snapshot, plan) = (snapshot(""), plan(vec![change(None, pins)]));
    assert_eq!(world.told(&snapshot, &plan).await.len(), IMAGES);
    assert_eq!(
        world.told(&snapshot, &plan).await.len(),
        IMAGES,
        "a later round is the same pass"
    );
    assert_eq!(world.asked(), 2 * IMAGES as u64);
    world.session.forget();
    assert_eq!(world.told(&snapshot, &plan).await.len(), IMAGES + 3);
    assert_eq!(world.asked(), 6);
}

#[tokio::test]
async fn what_may_pass_is_asked_again_in_the_next_pass_and_what_is_settled_is_not() {
    for (status, again) in [(500, true), (404, false)] {
        let world = World::new().await;
        let (snapshot, plan) = (
            snapshot(""),
            plan(vec![change(None, vec![world.pin("one")])]),
        );
        world.registry.fail(Fault::of(
            HOST,
            FaultKind::Status {
                code: status,
                retry_after: None,
            },
        ));
        for _ in 0..2 {
            assert_eq!(world.told(&snapshot, &plan).await, [] as [String; 0]);
        }
        assert_eq!(world.asked(), 2, "{status}");
        world.registry.heal();
        world.session.forget();
        assert_eq!(
            world.told(&snapshot, &plan).await.len(),
            usize::from(again),
            "{status}"
        );
    }
}
