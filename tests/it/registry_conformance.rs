//! The in-process registry beside real ones: the same pushes and the same questions give the same
//! answers. What the other tests learn from the in-process one they would have learned from
//! docker-registry 2.8.

use pintle::demo::registry::{DemoRegistry as Fake, PullAccess, PullThrough, RunningRegistry};
use pintle::model::digest::Digest;
use pintle::model::reference::Channel;
use pintle::observe::cache::{CacheOptions, Caches};
use pintle::observe::{cache, registry};
use pintle::pipeline::{CacheAnswer, Seen, Upstream};
use pintle::remote::oci::docker_config::DockerConfig;
use pintle::remote::oci::{Client, Options, RegistryOptions};
use std::collections::BTreeSet;

use crate::support::http::{Reply, ask, request};
use crate::support::images::{ACCEPT, Pusher, basic};
use crate::support::nginx::Nginx;
use crate::support::registry::{Registry, Role, Version};
use crate::support::token_server::{Asked, TokenServer, USER};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER: &str = "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
const REPOSITORY: &str = "team/app";

/// Starts an in-process registry whose images are at the root, as a real one's are.
async fn fake(access: PullAccess) -> (Fake, RunningRegistry) {
    let fake = Fake::new();
    fake.set_access("", access);
    let running = fake.start().await.expect("a free port");
    (fake, running)
}

fn pusher(running: &RunningRegistry) -> Pusher {
    Pusher {
        address: running.addr().to_string(),
        authorization: None,
    }
}

/// What is compared of an answer.
#[derive(Debug, PartialEq)]
struct Told {
    status: u16,
    headers: Vec<(&'static str, String)>,
    /// The body; of an error only the code.
    body: Vec<u8>,
}

fn told(reply: &Reply) -> Told {
    let names = [
        "content-type",
        "content-length",
        "docker-content-digest",
        "docker-distribution-api-version",
        "etag",
    ];
    let error = reply.status >= 400;
    let compared = names
        .into_iter()
        .filter(|name| !(error && *name == "content-length"));
    // Version three leaves the character set out.
    let bare = |value: &str| value.trim_end_matches("; charset=utf-8").to_owned();
    let headers = compared
        .filter_map(|name| Some((name, bare(reply.header(name)?))))
        .collect();
    let code = || {
        let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
        body.and_then(|body| Some(body["errors"][0]["code"].as_str()?.as_bytes().to_vec()))
            .unwrap_or_default()
    };
    Told {
        status: reply.status,
        headers,
        body: if error { code() } else { reply.body.clone() },
    }
}

/// Pushes the same images and returns the digests of the index and the single manifest.
fn push(pusher: &Pusher) -> (String, String) {
    let index = pusher.index(REPOSITORY, "latest", "a", &["amd64", "arm64"]);
    (index, pusher.image(REPOSITORY, "single", "a"))
}

/// Every question of a reader, with the `Accept` it has.
fn questions(index: &str, single: &str) -> Vec<(String, Option<&'static str>)> {
    let accepts = [
        Some(ACCEPT),
        None,
        Some("*/*"),
        Some(DOCKER),
        Some(INDEX),
        Some(MANIFEST),
        Some("application/json, */*;q=0.8"),
    ];
    let absent = format!("sha256:{}", "0".repeat(64));
    let mut asked = Vec::new();
    for reference in ["latest", "single", index, single, "absent", &absent] {
        asked.extend(
            accepts.map(|accept| (format!("/v2/{REPOSITORY}/manifests/{reference}"), accept)),
        );
    }
    asked.push(("/v2/".to_owned(), None));
    asked.push((
        "/v2/nobody/nothing/manifests/latest".to_owned(),
        Some(ACCEPT),
    ));
    asked.push((format!("/v2/{REPOSITORY}/blobs/{absent}"), None));
    asked
}

fn each_answer(
    real: &str,
    fake: &str,
    questions: &[(String, Option<&'static str>)],
    same: impl Fn(&str, Option<&str>) -> bool,
) {
    let mut differing = Vec::new();
    for (target, accept) in questions
        .iter()
        .filter(|(target, accept)| same(target, *accept))
    {
        for method in ["HEAD", "GET"] {
            let headers: Vec<_> = accept
                .map(|accept| ("Accept", accept))
                .into_iter()
                .collect();
            let (real, fake) = (
                told(&ask(real, method, target, &headers)),
                told(&ask(fake, method, target, &headers)),
            );
            if real != fake {
                differing.push(format!(
                    "{method} {target} {accept:?}\n  real {real:?}\n  fake {fake:?}"
                ));
            }
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_as_version_two_does() {
    let real = Registry::start(Version::Two, &Role::Plain);
    let (_fake, running) = fake(PullAccess::Open).await;
    let (index, single) = push(&real.pusher());
    assert_eq!(push(&pusher(&running)), (index.clone(), single.clone()));
    each_answer(
        &real.address(),
        &running.addr().to_string(),
        &questions(&index, &single),
        |_, _| true,
    );
    tags_are_listed_alike(&real.address(), &running.addr().to_string());
    blobs_are_alike(&real.address(), &running.addr().to_string(), &single);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_as_version_three_does_to_who_accepts_all() {
    let real = Registry::start(Version::Three, &Role::Plain);
    let (_fake, running) = fake(PullAccess::Open).await;
    let (index, single) = push(&real.pusher());
    push(&pusher(&running));
    // What version three says of an OCI manifest does not depend on what is accepted.
    let all = |target: &str, accept: Option<&str>| {
        accept == Some(ACCEPT) || !target.contains("/manifests/")
    };
    each_answer(
        &real.address(),
        &running.addr().to_string(),
        &questions(&index, &single),
        all,
    );
    tags_are_listed_alike(&real.address(), &running.addr().to_string());
}

fn tags_are_listed_alike(real: &str, fake: &str) {
    let list = |address: &str, repository: &str| {
        let reply = ask(address, "GET", &format!("/v2/{repository}/tags/list"), &[]);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).expect("JSON");
        (
            told(&reply).headers[0].clone(),
            reply.status,
            body["tags"].clone(),
            body["errors"][0]["code"].clone(),
        )
    };
    assert_eq!(list(real, REPOSITORY), list(fake, REPOSITORY));
    assert_eq!(list(real, "nobody/nothing"), list(fake, "nobody/nothing"));
}

fn blobs_are_alike(real: &str, fake: &str, single: &str) {
    let manifest = ask(
        real,
        "GET",
        &format!("/v2/{REPOSITORY}/manifests/{single}"),
        &[("Accept", ACCEPT)],
    );
    let manifest: serde_json::Value = serde_json::from_slice(&manifest.body).expect("JSON");
    for digest in [
        &manifest["config"]["digest"],
        &manifest["layers"][0]["digest"],
    ] {
        let target = format!(
            "/v2/{REPOSITORY}/blobs/{}",
            digest.as_str().expect("a digest")
        );
        for method in ["HEAD", "GET"] {
            assert_eq!(
                told(&ask(real, method, &target, &[])),
                told(&ask(fake, method, &target, &[])),
                "{method} {target}"
            );
        }
    }
    let etag = format!("\"{single}\"");
    for address in [real, fake] {
        let headers = [("Accept", ACCEPT), ("If-None-Match", etag.as_str())];
        assert_eq!(
            ask(
                address,
                "GET",
                &format!("/v2/{REPOSITORY}/manifests/single"),
                &headers
            )
            .status,
            304
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_pushes_as_version_two_does() {
    let real = Registry::start(Version::Two, &Role::Plain);
    let (_fake, running) = fake(PullAccess::Open).await;
    let fake = running.addr().to_string();
    push(&real.pusher());
    push(&pusher(&running));
    let absent = format!("sha256:{}", "0".repeat(64));
    let dangling = format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{absent}","size":2}},"layers":[]}}"#
    );
    for (reference, body) in [
        ("t", dangling.as_str()),
        (absent.as_str(), "{}"),
        ("t", "{"),
    ] {
        let send = |address: &str| {
            let target = format!("/v2/{REPOSITORY}/manifests/{reference}");
            request(
                address,
                "PUT",
                &target,
                &[("Content-Type", MANIFEST)],
                body.as_bytes(),
            )
            .expect("an answer")
            .status
        };
        assert_eq!(send(&real.address()), send(&fake), "{reference} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_a_password_as_version_two_does() {
    let real = Registry::start(
        Version::Two,
        &Role::Password {
            user: "bob",
            password: "secret",
        },
    );
    let (fake, running) = fake(PullAccess::Basic).await;
    fake.add_user("", "bob", "secret");
    let (index, _) = push(&real.pusher());
    let right = basic("bob", "secret");
    assert_eq!(
        push(&Pusher {
            address: running.addr().to_string(),
            authorization: Some(right.clone())
        })
        .0,
        index
    );
    for authorization in [
        None,
        Some(right),
        Some(basic("bob", "wrong")),
        Some(basic("eve", "secret")),
        Some("Bearer x".to_owned()),
    ] {
        for target in [
            "/v2/".to_owned(),
            format!("/v2/{REPOSITORY}/manifests/latest"),
            "/v2/nobody/nothing/manifests/x".to_owned(),
        ] {
            let answer = |address: &str| {
                let mut headers = vec![("Accept", ACCEPT)];
                headers.extend(
                    authorization
                        .as_deref()
                        .map(|value| ("Authorization", value)),
                );
                let reply = ask(address, "HEAD", &target, &headers);
                let scheme = reply
                    .header("www-authenticate")
                    .map(|value| value.split(' ').next().unwrap_or_default().to_owned());
                (told(&reply), scheme)
            };
            assert_eq!(
                answer(&real.address()),
                answer(&running.addr().to_string()),
                "{target} {authorization:?}"
            );
        }
    }
}

/// What one run of the story of a lying cache says, tag by tag.
fn lie(
    upstream: &Pusher,
    cut_off: impl Fn(bool),
    head: impl Fn(&str) -> (u16, Option<String>),
) -> Vec<(u16, Option<String>)> {
    let mut told = Vec::new();
    upstream.index(REPOSITORY, "latest", "old", &["amd64"]);
    upstream.index(REPOSITORY, "unseen", "old", &["amd64"]);
    told.push(head("latest"));
    upstream.index(REPOSITORY, "latest", "new", &["amd64"]);
    told.push(head("latest"));
    cut_off(true);
    upstream.index(REPOSITORY, "latest", "newest", &["amd64"]);
    told.push(head("latest"));
    told.push(head("unseen"));
    told.push(head("absent"));
    cut_off(false);
    told.push(head("latest"));
    told.push(head("unseen"));
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn its_cache_lies_as_version_two_does() {
    for status in [401, 404, 429, 503] {
        let upstream = Registry::start(Version::Two, &Role::Plain);
        let gate = Nginx::gate(&upstream.address());
        let url = gate.url();
        let proxy = Registry::start(
            Version::Two,
            &Role::ProxyOf {
                url: &url,
                ttl: None,
            },
        );
        let real = lie(
            &upstream.pusher(),
            |cut| gate.fault(cut.then_some(status)),
            |tag| proxy.head(REPOSITORY, tag),
        );

        let (_upstream, running) = fake(PullAccess::Open).await;
        let through = Fake::new();
        let cut = |cut: bool| {
            through.pull_through(
                "",
                PullThrough {
                    upstream: running.endpoint(""),
                    refused: cut.then_some(status),
                },
            )
        };
        cut(false);
        let answering = through.start().await.expect("a free port");
        let head = |tag: &str| {
            let target = format!("/v2/{REPOSITORY}/manifests/{tag}");
            let reply = ask(
                &answering.addr().to_string(),
                "HEAD",
                &target,
                &[("Accept", ACCEPT)],
            );
            (
                reply.status,
                reply.header("docker-content-digest").map(str::to_owned),
            )
        };
        assert_eq!(lie(&pusher(&running), cut, head), real, "{status}");
    }
}

fn channel_of(repository: &str, tag: &str) -> Channel {
    Channel::parse(&format!("docker.io/{repository}:{tag}")).expect("a channel")
}

fn channel(tag: &str) -> Channel {
    channel_of(REPOSITORY, tag)
}

fn client(endpoint: &str) -> Options {
    let endpoint = Some(endpoint.parse().expect("a URL"));
    let registries = vec![RegistryOptions {
        endpoint,
        ..RegistryOptions::new("docker.io")
    }];
    Options {
        registries,
        ..Options::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_poll_reads_real_registries() {
    for version in [Version::Two, Version::Three] {
        for role in [
            Role::Plain,
            Role::Password {
                user: "bob",
                password: "secret",
            },
        ] {
            let real = Registry::start(version, &role);
            let (index, single) = push(&real.pusher());
            let mut options = client(&real.url());
            options.registries[0].username = Some("bob".into());
            options.registries[0].password = Some("secret".into());
            let channels: BTreeSet<Channel> = ["latest", "single", "absent"].map(channel).into();
            let oci = Client::new(options);
            let seen = registry::poll_registries(&oci, channels, &|_| ()).await;
            let known = |digest: &str| {
                Seen::Known(Upstream::Digest(Digest::parse(digest).expect("a digest")))
            };
            assert_eq!(seen[&channel("latest")], known(&index), "{version:?}");
            assert_eq!(seen[&channel("single")], known(&single), "{version:?}");
            assert_eq!(
                seen[&channel("absent")],
                Seen::Known(Upstream::Missing),
                "{version:?}"
            );
            let wanted = [&index, &single]
                .map(|digest| (channel("x"), Digest::parse(digest).expect("a digest")));
            assert!(
                registry::prove_digests(&oci, &wanted, None)
                    .await
                    .iter()
                    .all(Result::is_ok)
            );
            let gets = real
                .requests()
                .iter()
                .filter(|line| line.starts_with("GET /v2/team/app/manifests/"))
                .count();
            // The index, the single manifest, and the absent tag once more.
            assert!(gets <= 3, "{:?}", real.requests());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_poll_catches_a_real_cache_lying() {
    let upstream = Registry::start(Version::Two, &Role::Plain);
    let gate = Nginx::gate(&upstream.address());
    let url = gate.url();
    let proxy = Registry::start(
        Version::Two,
        &Role::ProxyOf {
            url: &url,
            ttl: None,
        },
    );
    let how = client(&upstream.url());
    let caches = Caches::new(
        &how,
        vec![CacheOptions {
            registry: "docker.io".into(),
            endpoint: proxy.url().parse().expect("a URL"),
            repository_prefix: None,
            ca_pem: None,
            username: None,
            password: None,
        }],
    );
    let oci = Client::new(how);
    let channels = BTreeSet::from([channel("latest")]);
    let answer = async || {
        let seen = registry::poll_registries(&oci, channels.clone(), &|_| ()).await;
        cache::poll_caches(&caches, &seen, &channels, &|_| ())
            .await
            .remove(&channel("latest"))
    };
    let old = upstream
        .pusher()
        .index(REPOSITORY, "latest", "old", &["amd64"]);
    assert_eq!(answer().await, Some(CacheAnswer::Fresh));
    upstream
        .pusher()
        .index(REPOSITORY, "latest", "new", &["amd64"]);
    assert_eq!(answer().await, Some(CacheAnswer::Fresh));
    gate.fault(Some(429));
    upstream
        .pusher()
        .index(REPOSITORY, "latest", "old", &["amd64"]);
    let serves = Digest::parse(
        &upstream
            .pusher()
            .index(REPOSITORY, "other", "new", &["amd64"]),
    )
    .expect("a digest");
    assert_ne!(old, serves.to_string());
    assert_eq!(answer().await, Some(CacheAnswer::Stale { serves }));
}

/// The token server has a runtime of its own, so the poll gets one too.
fn polled(
    options: &Options,
    channels: &BTreeSet<Channel>,
) -> std::collections::BTreeMap<Channel, Seen<Upstream>> {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(registry::poll_registries(
        &Client::new(options.clone()),
        channels.clone(),
        &|_| (),
    ))
}

#[test]
fn the_poll_asks_a_real_token_server_once_a_scope() {
    for version in [Version::Two, Version::Three] {
        let (server, certificate) = (TokenServer::start(), TokenServer::certificate());
        let realm = server.realm();
        let real = Registry::start(version, &server.role(&realm, &certificate));
        let mut channels = BTreeSet::new();
        for repository in ["public/app", "public/other", "team/app"] {
            let scope = format!("repository:{repository}:pull,push");
            let pusher = Pusher {
                authorization: Some(server.grant(&scope)),
                ..real.pusher()
            };
            for tag in ["1", "2", "3", "4"] {
                pusher.image(repository, tag, tag);
                channels.insert(channel_of(repository, tag));
            }
        }
        let known = |seen: &Seen<Upstream>| matches!(seen, Seen::Known(Upstream::Digest(_)));
        let before = server.asked().len();
        let anonymous = polled(&client(&real.url()), &channels);
        assert!(
            anonymous.iter().all(
                |(channel, seen)| known(seen) == channel.repository.path.starts_with("public/")
            ),
            "{anonymous:?}"
        );

        let mut options = client(&real.url());
        // The realm is on another host than the registry: its credentials are filed under it.
        let host = realm
            .trim_start_matches("http://")
            .trim_end_matches("/token");
        let config = format!(
            r#"{{"auths":{{"{host}":{{"username":"{}","password":"{}"}}}}}}"#,
            USER.0, USER.1
        );
        let config = DockerConfig::parse(config.as_bytes()).expect("it is a docker config");
        options.keychain = Some(std::sync::Arc::new(config.into()));
        let middle = server.asked().len();
        assert!(polled(&options, &channels).values().all(known));
        let asked = server.asked();
        let scopes = |asked: &[Asked]| {
            let mut scopes: Vec<String> = asked.iter().flat_map(|one| one.scopes.clone()).collect();
            scopes.sort();
            scopes
        };
        let public = ["repository:public/app:pull", "repository:public/other:pull"];
        assert_eq!(
            scopes(&asked[middle..]),
            [public[0], public[1], "repository:team/app:pull"],
            "{version:?}"
        );
        // A token that is refused is renewed once, not once a tag.
        let private = "repository:team/app:pull";
        assert_eq!(
            scopes(&asked[before..middle]),
            [public[0], public[1], private, private],
            "{version:?}"
        );
    }
}
