//! One image, from its registry to what is told of it: who is asked, and who never is.

use super::*;
use crate::config::Config;
use crate::demo::registry::{DemoImage, DemoRegistry, RunningRegistry};
use crate::observe::{COMMITS, ForgeAccess, RepoOrigin, SessionSettings};
use crate::remote::oci::{Options, RegistryOptions};
use std::collections::BTreeMap;
use std::time::Duration;

const FORGE: &str = "https://forge.example.org/git/ops/infra";

fn session() -> Session {
    let forge = ForgeAccess {
        place: forgejo::Place::parse(FORGE).unwrap(),
        options: forgejo::Options::default(),
    };
    let registries = crate::observe::RegistrySettings::default();
    let origin = RepoOrigin::Folder(".".into());
    let clock = || jiff::Timestamp::UNIX_EPOCH;
    Session::new(SessionSettings {
        origin,
        config: None,
        registries,
        forge: Some(forge),
        github: None,
        cluster: None,
        commits: COMMITS,
        clock,
    })
    .unwrap()
}

fn sources(hosts: &[&str]) -> Vec<Arc<str>> {
    hosts.iter().map(|host| (*host).into()).collect()
}

/// `nobody`, or who is asked, and what a page of differences is called.
fn site(hosts: &[&str], source: &str) -> (String, Option<String>) {
    let (session, sources) = (session(), sources(hosts));
    let registries = Registries::new(&session.setup.registries, &Config::default()).unwrap();
    let asking = NotesReader::new(&session, &registries, &sources);
    let Some(site) = asking.find_site(&SourceRepo::parse(source).unwrap()) else {
        return ("nobody".into(), None);
    };
    let who = match &site.api {
        ReleaseApi::Nobody => "nobody".into(),
        ReleaseApi::Forgejo(client) => client.place().url().to_string(),
        #[cfg(feature = "github")]
        ReleaseApi::Github(_, owner, repo) => format!("github {owner}/{repo}"),
    };
    (
        who,
        compare_url(&site.url, site.style, "1", "2").map(String::from),
    )
}

#[test]
fn only_the_forge_github_and_named_hosts_are_asked() {
    for (source, who, page) in [
        (
            "https://forge.example.org/git/a/b",
            "https://forge.example.org/git/a/b",
            Some("https://forge.example.org/git/a/b/compare/1...2"),
        ),
        (
            "http://forge.example.org/git/a/b.git",
            "https://forge.example.org/git/a/b",
            Some("https://forge.example.org/git/a/b/compare/1...2"),
        ),
        ("https://forge.example.org/other/a/b", "nobody", None),
        ("https://forge.example.org:3000/git/a/b", "nobody", None),
        (
            "https://codeberg.org/a/b/src/x",
            "https://codeberg.org/a/b",
            Some("https://codeberg.org/a/b/compare/1...2"),
        ),
        (
            "http://codeberg.org/a/b",
            "https://codeberg.org/a/b",
            Some("http://codeberg.org/a/b/compare/1...2"),
        ),
        ("https://codeberg.org:8443/a/b", "nobody", None),
        ("https://codeberg.org.example.org/a/b", "nobody", None),
        ("https://git.example.org/a/b", "nobody", None),
        (
            "https://gitlab.com/a/b/c/-/tree/main",
            "nobody",
            Some("https://gitlab.com/a/b/c/-/compare/1...2"),
        ),
        (
            "https://github.com/a/b",
            "nobody",
            Some("https://github.com/a/b/compare/1...2"),
        ),
        ("http://127.0.0.1/a/b", "nobody", None),
        ("http://169.254.169.254/latest/meta-data", "nobody", None),
        ("http://localhost:8080/a/b", "nobody", None),
        ("https://registry.internal/a/b", "nobody", None),
    ] {
        assert_eq!(
            site(&["codeberg.org"], source),
            (who.to_owned(), page.map(str::to_owned)),
            "{source}"
        );
    }
    assert_eq!(site(&[], "https://codeberg.org/a/b").0, "nobody");
    assert_eq!(
        site(
            &["git.example.org:3000"],
            "https://git.example.org:3000/a/b"
        )
        .0,
        "https://git.example.org:3000/a/b"
    );
}

const HOST: &str = "ghcr.io";

struct World {
    registry: DemoRegistry,
    running: RunningRegistry,
    client: Client,
}

impl World {
    async fn new() -> Self {
        let registry = DemoRegistry::new();
        registry.put_image(HOST, &DemoImage::new("other", "latest", "x"));
        let running = registry.start().await.unwrap();
        let told = RegistryOptions {
            endpoint: running.endpoint(HOST).parse().ok(),
            ..RegistryOptions::new(HOST)
        };
        Self {
            client: Client::new(Options {
                registries: vec![told],
                ..Options::default()
            }),
            registry,
            running,
        }
    }

    /// `source=… version=… revision=…`
    fn image(&self, seed: &str, labels: &str) -> Digest {
        let pairs = labels
            .split_whitespace()
            .filter_map(|pair| pair.split_once('='));
        let image = DemoImage::new("a/b", "latest", seed).single();
        let image = pairs.fold(image, |image, (name, value)| {
            image.label(&format!("org.opencontainers.image.{name}"), value)
        });
        self.registry.put_image(HOST, &image)
    }

    fn asking<'a>(&'a self, sources: &'a [Arc<str>]) -> NotesReader<'a> {
        NotesReader {
            registry: &self.client,
            forge: None,
            #[cfg(feature = "github")]
            github: None,
            sources,
            ca: None,
        }
    }

    async fn read_notes(&self, from: &str, to: &str) -> NotesAnswer {
        let key = (channel(), self.image("old", from), self.image("new", to));
        self.asking(&[]).read_notes(&key).await
    }
}

fn channel() -> Channel {
    Channel::parse(&format!("{}/{}:{}", HOST, "a/b", "latest")).unwrap()
}

fn summary(told: &NotesAnswer) -> String {
    match told {
        NotesAnswer::Settled(None) => "none".into(),
        NotesAnswer::Passing(None) => "none yet".into(),
        NotesAnswer::Settled(Some(notes)) | NotesAnswer::Passing(Some(notes)) => {
            let part = |part: Option<&str>| part.unwrap_or("-").to_owned();
            let compare = notes
                .compare
                .as_ref()
                .map(Url::as_str)
                .map(|url| url.rsplit('/').next().unwrap_or_default());
            format!(
                "{} {} {}",
                part(notes.from.as_deref()),
                part(notes.to.as_deref()),
                part(compare)
            )
        }
    }
}

#[tokio::test]
async fn what_labels_alone_tell() {
    let world = World::new().await;
    let github = "source=https://github.com/a/b";
    for (from, to, expected) in [
        (
            format!("{github} version=1 revision=aaaaaaa"),
            format!("{github} version=2 revision=bbbbbbb"),
            "1 2 aaaaaaa...bbbbbbb",
        ),
        (
            format!("{github} version=1"),
            format!("{github} version=2"),
            "1 2 1...2",
        ),
        (
            format!("{github} revision=aaaaaaa"),
            format!("{github} revision=bbbbbbb"),
            "aaaaaaa bbbbbbb aaaaaaa...bbbbbbb",
        ),
        (String::new(), format!("{github} version=2"), "- 2 -"),
        (
            format!("{github} version=1"),
            format!("{github} version=1"),
            "none",
        ),
        (github.to_owned(), github.to_owned(), "none"),
        (String::new(), String::new(), "none"),
        ("version=1".into(), "version=2".into(), "none"),
        (
            "source=https://github.com/a/old version=1".into(),
            format!("{github} version=2"),
            "1 2 -",
        ),
        (
            format!("{github} version=1"),
            format!("{github} version=../../x"),
            "1 ../../x -",
        ),
        (
            "version=1".into(),
            "source=https://git.example.org/a/b version=2".into(),
            "1 2 -",
        ),
    ] {
        let told = world.read_notes(&from, &to).await;
        assert!(matches!(told, NotesAnswer::Settled(_)), "{from} | {to}");
        assert_eq!(summary(&told), expected, "{from} | {to}");
    }
}

#[tokio::test]
async fn an_old_image_that_is_gone_is_told_without_and_a_registry_that_is_away_is_asked_again() {
    let world = World::new().await;
    let (old, new) = (
        world.image("old", "version=1"),
        world.image("new", "source=https://github.com/a/b version=2"),
    );
    let key = (channel(), old.clone(), new);
    world.registry.remove(HOST, "a/b", &old);
    let told = world.asking(&[]).read_notes(&key).await;
    assert!(matches!(told, NotesAnswer::Settled(_)));
    assert_eq!(summary(&told), "- 2 -");
    let swapped = (key.0.clone(), key.2.clone(), key.1.clone());
    assert_eq!(
        world.asking(&[]).read_notes(&swapped).await,
        NotesAnswer::Settled(None)
    );
    let World {
        running, client, ..
    } = world;
    running.stop().await.unwrap();
    let asking = NotesReader {
        registry: &client,
        forge: None,
        #[cfg(feature = "github")]
        github: None,
        sources: &[],
        ca: None,
    };
    assert_eq!(asking.read_notes(&key).await, NotesAnswer::Passing(None));
}

/// A Forgejo and a GitHub of one answer each: its path, and the status and body it is answered
/// with. Everything else is 404.
async fn server(answers: &[(&str, u16, String)]) -> Url {
    use axum::extract::Request;
    let answers: BTreeMap<String, (u16, String)> = answers
        .iter()
        .map(|(path, status, body)| ((*path).to_owned(), (*status, body.clone())))
        .collect();
    let app = axum::Router::new().fallback(move |request: Request| {
        let (status, body) = answers
            .get(request.uri().path())
            .cloned()
            .unwrap_or((404, "{}".into()));
        async move {
            (
                axum::http::StatusCode::from_u16(status).unwrap(),
                [("content-type", "application/json")],
                body,
            )
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    url
}

fn releases() -> String {
    let one = |tag: &str| serde_json::json!({ "tag_name": tag, "name": format!("Release {tag}"), "body": "text", "draft": false, "prerelease": false });
    serde_json::json!([one("v2"), one("v1"), one("v0")]).to_string()
}

async fn from_forge(world: &World, base: &Url, labels: (&str, &str)) -> NotesAnswer {
    let place = forgejo::Place::parse(&format!("{base}ops/infra")).unwrap();
    let forge = forgejo::Client::new(
        &place,
        &forgejo::Options {
            timeout: Duration::from_secs(5),
            ..forgejo::Options::default()
        },
    )
    .unwrap();
    let with = |rest: &str| format!("source={base}a/b {rest}");
    let key = (
        channel(),
        world.image("old", &with(labels.0)),
        world.image("new", &with(labels.1)),
    );
    NotesReader {
        forge: Some(&forge),
        ..world.asking(&[])
    }
    .read_notes(&key)
    .await
}

#[tokio::test]
async fn releases_of_the_forge_are_told_and_its_failures_are_no_trouble() {
    let world = World::new().await;
    let path = "/api/v1/repos/a/b/releases";
    let good = server(&[(path, 200, releases())]).await;
    let NotesAnswer::Settled(Some(notes)) =
        from_forge(&world, &good, ("version=1", "version=2")).await
    else {
        panic!("notes")
    };
    assert_eq!(
        notes
            .releases
            .iter()
            .map(|one| one.title.as_str())
            .collect::<Vec<_>>(),
        ["Release v2"]
    );
    assert_eq!(
        notes.compare.as_ref().map(Url::as_str),
        Some(format!("{good}a/b/compare/v1...v2").as_str())
    );
    assert_eq!(
        summary(
            &from_forge(
                &world,
                &good,
                ("version=1 revision=aaaaaaa", "version=1 revision=bbbbbbb")
            )
            .await
        ),
        "aaaaaaa bbbbbbb aaaaaaa...bbbbbbb"
    );
    let labels = ("version=1 revision=aaaaaaa", "version=2 revision=bbbbbbb");
    for (status, body, passing) in [(500, "", true), (404, "{}", false), (403, "{}", false)] {
        let bad = server(&[(path, status, body.to_owned())]).await;
        let told = from_forge(&world, &bad, labels).await;
        assert_eq!(summary(&told), "1 2 aaaaaaa...bbbbbbb", "{status}");
        assert_eq!(matches!(told, NotesAnswer::Passing(_)), passing, "{status}");
    }
}

#[cfg(feature = "github")]
#[tokio::test]
async fn github_is_asked_for_what_is_at_github() {
    let world = World::new().await;
    let api = server(&[
        ("/repos/a/b/releases", 200, "garbage".into()),
        ("/repos/a/c/releases", 200, "[]".into()),
    ])
    .await;
    let github = crate::remote::github::Client::new(&api, None, None).unwrap();
    let asking = NotesReader {
        github: Some(&github),
        ..world.asking(&[])
    };
    for (repository, passing) in [("b", true), ("c", false), ("d", false)] {
        let with =
            |version: &str| format!("source=https://github.com/a/{repository} version={version}");
        let key = (
            channel(),
            world.image("old", &with("1")),
            world.image("new", &with("2")),
        );
        let told = asking.read_notes(&key).await;
        assert_eq!(
            (
                summary(&told).as_str(),
                matches!(told, NotesAnswer::Passing(_))
            ),
            ("1 2 1...2", passing),
            "{repository}"
        );
    }
}
