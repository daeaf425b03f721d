//! The poll against the in-process registry: what it counts, what each fault becomes, and what
//! never reaches another host.

use super::*;
use crate::demo::registry::{
    DemoImage, DemoRegistry, Fault, FaultKind, PullAccess, RunningRegistry,
};
use crate::observe::answers::SessionAnswers;
use crate::remote::oci::docker_config::DockerConfig;
use crate::remote::oci::{Options, RegistryOptions};
use std::time::Duration;

const HOST: &str = "docker.io";

fn channel(repository: &str, tag: &str) -> Channel {
    Channel::parse(&format!("{}/{}:{}", HOST, repository, tag)).unwrap()
}

fn told(running: &RunningRegistry, host: &str) -> RegistryOptions {
    let endpoint = running.endpoint(host).parse().unwrap();
    RegistryOptions {
        endpoint: Some(endpoint),
        requests_per_second: 1_000_000.0,
        ..RegistryOptions::new(host)
    }
}

fn options(running: &RunningRegistry) -> Options {
    Options {
        registries: vec![told(running, HOST)],
        timeout: Duration::from_secs(5),
        ..Options::default()
    }
}

async fn one(client: &Client, repository: &str, tag: &str) -> Seen<Upstream> {
    let channel = channel(repository, tag);
    poll_registries(client, [channel.clone()], &|_| ())
        .await
        .remove(&channel)
        .unwrap()
}

async fn prove(client: &Client, wanted: &[(Channel, Digest)]) -> Vec<Result<(), OciError>> {
    prove_digests(client, wanted, None).await
}

fn why(seen: Seen<Upstream>) -> String {
    match seen {
        Seen::Unknown(why) => why,
        other => panic!("{other:?}"),
    }
}

/// A registry with one image, `library/app:latest`, and another that nothing happens to,
/// `library/other:latest`.
async fn small() -> (DemoRegistry, RunningRegistry, Digest, Digest) {
    let registry = DemoRegistry::new();
    let app = registry.put_image(HOST, &DemoImage::new("library/app", "latest", "one"));
    let other = registry.put_image(
        HOST,
        &DemoImage::new("library/other", "latest", "one").single(),
    );
    let running = registry.start().await.unwrap();
    (registry, running, app, other)
}

fn many(registry: &DemoRegistry, repositories: usize, tags: usize) -> BTreeSet<Channel> {
    let names = (0..repositories)
        .flat_map(|r| (0..tags).map(move |t| (format!("bench/r{r:03}"), format!("v{t}"))));
    let put = |(repository, tag): (String, String)| {
        registry.put_image(HOST, &DemoImage::new(&repository, &tag, &tag).single());
        channel(&repository, &tag)
    };
    names.map(put).collect()
}

#[tokio::test]
async fn a_tag_is_what_the_registry_says_and_an_absent_one_is_missing() {
    let (registry, running, app, _) = small().await;
    let client = Client::new(options(&running));
    assert_eq!(
        one(&client, "library/app", "latest").await,
        Seen::Known(Upstream::Digest(app))
    );
    assert_eq!(
        one(&client, "library/app", "gone").await,
        Seen::Known(Upstream::Missing)
    );
    assert_eq!(
        one(&client, "library/none", "latest").await,
        Seen::Known(Upstream::Missing)
    );
    let moved = registry.put_image(HOST, &DemoImage::new("library/app", "latest", "two"));
    assert_eq!(
        one(&client, "library/app", "latest").await,
        Seen::Known(Upstream::Digest(moved))
    );
    // A 404 to a HEAD has no body: each missing tag is asked for once more, and never again.
    assert_eq!(registry.counts(HOST).gets, 2);
    assert_eq!(
        one(&client, "library/app", "gone").await,
        Seen::Known(Upstream::Missing)
    );
    assert_eq!(registry.counts(HOST).gets, 2);
    running.stop().await.unwrap();
}

#[tokio::test]
async fn a_thousand_references_are_a_thousand_heads_each_time() {
    let registry = DemoRegistry::new();
    let channels = many(&registry, 250, 4);
    let running = registry.start().await.unwrap();
    let client = Client::new(options(&running));
    for _ in 0..2 {
        registry.reset_counts();
        let seen = poll_registries(&client, channels.clone(), &|_| ()).await;
        assert!(
            seen.values()
                .all(|seen| matches!(seen, Seen::Known(Upstream::Digest(_))))
        );
        let counts = registry.counts(HOST);
        assert_eq!(
            (counts.heads, counts.gets, counts.unauthorized, counts.pings),
            (1000, 0, 0, 0)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_share_one_token_a_scope_and_one_first_contact() {
    let registry = DemoRegistry::new();
    let channels = many(&registry, 250, 4);
    registry.set_access(
        HOST,
        PullAccess::Token {
            expires_in: Some(300),
        },
    );
    let running = registry.start().await.unwrap();
    let mut options = options(&running);
    options.registries[0].max_concurrency = 32;
    let client = Client::new(options);
    for extra in [1, 0] {
        registry.reset_counts();
        let all: Vec<Channel> = channels.iter().cloned().collect();
        let tasks = (0..32).map(|task| {
            let (client, mine) = (
                client.clone(),
                all.iter()
                    .skip(task)
                    .step_by(32)
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            tokio::spawn(async move { poll_registries(&client, mine, &|_| ()).await })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert!(
                task.await
                    .unwrap()
                    .values()
                    .all(|seen| matches!(seen, Seen::Known(Upstream::Digest(_))))
            );
        }
        let counts = registry.counts(HOST);
        // Only the very first HEAD of a client is one that learns how the registry wants to be
        // asked.
        assert_eq!(
            (counts.heads, counts.unauthorized, counts.gets, counts.pings),
            (1000 + extra, extra, 0, 0)
        );
        assert!(counts.tokens.values().all(|given| *given == 1));
        assert_eq!(counts.tokens.len(), if extra == 1 { 250 } else { 0 });
    }
}

#[tokio::test]
async fn progress_counts_to_the_end() {
    let registry = DemoRegistry::new();
    let channels = many(&registry, 5, 2);
    let running = registry.start().await.unwrap();
    let last = std::sync::Mutex::new(Vec::new());
    poll_registries(&Client::new(options(&running)), channels, &|polled| {
        last.lock().unwrap().push(polled.done)
    })
    .await;
    let mut last = last.into_inner().unwrap();
    last.sort_unstable();
    assert_eq!(last, (1..=10).collect::<Vec<_>>());
}

#[tokio::test]
async fn after_429_the_registry_is_left_alone_until_it_said() {
    let (registry, running, ..) = small().await;
    let channels = many(&registry, 50, 2);
    registry.fail(Fault::of(
        HOST,
        FaultKind::Status {
            code: 429,
            retry_after: Some("1800".into()),
        },
    ));
    let mut options = options(&running);
    options.registries[0].max_concurrency = 1;
    let client = Client::new(options);
    let seen = poll_registries(&client, channels, &|_| ()).await;
    let sentences: BTreeSet<String> = seen.into_values().map(why).collect();
    assert_eq!(sentences.len(), 1);
    assert!(
        sentences
            .first()
            .unwrap()
            .starts_with("registry docker.io asked to wait until 2"),
        "{sentences:?}"
    );
    let counts = registry.counts(HOST);
    assert_eq!((counts.heads, counts.gets), (1, 0));
}

#[tokio::test]
async fn a_server_error_is_unknown_and_the_others_go_on() {
    let (registry, running, _, other) = small().await;
    let client = Client::new(options(&running));
    for (code, heads) in [
        (500, 1),
        (401, 1),
        (403, 1),
        (418, 1),
        (502, 3),
        (503, 3),
        (504, 3),
    ] {
        registry.heal();
        registry.reset_counts();
        registry.fail(
            Fault::of(
                HOST,
                FaultKind::Status {
                    code,
                    retry_after: None,
                },
            )
            .repository("library/app"),
        );
        let sentence = why(one(&client, "library/app", "latest").await);
        assert!(
            sentence.starts_with(&format!(
                "docker.io answered {code} for docker.io/library/app:latest"
            )),
            "{sentence}"
        );
        let counts = registry.counts(HOST);
        assert_eq!((counts.heads, counts.gets), (heads, 0), "{code}");
        assert_eq!(
            one(&client, "library/other", "latest").await,
            Seen::Known(Upstream::Digest(other.clone()))
        );
    }
}

#[tokio::test]
async fn a_gateway_error_that_passes_is_asked_again() {
    let (registry, running, app, _) = small().await;
    registry.fail(
        Fault::of(
            HOST,
            FaultKind::Status {
                code: 502,
                retry_after: None,
            },
        )
        .times(2),
    );
    assert_eq!(
        one(&Client::new(options(&running)), "library/app", "latest").await,
        Seen::Known(Upstream::Digest(app))
    );
}

#[tokio::test]
async fn a_slow_body_does_not_hang() {
    let (registry, running, app, other) = small().await;
    let options = Options {
        timeout: Duration::from_millis(300),
        ..options(&running)
    };
    let client = Client::new(options);
    registry.fail(Fault::of(HOST, FaultKind::Slow).repository("library/app"));
    assert_eq!(
        why(one(&client, "library/app", "latest").await),
        "docker.io did not answer within 300ms for docker.io/library/app:latest"
    );
    let proved = prove(
        &client,
        &[
            (channel("library/app", "latest"), app),
            (channel("library/other", "latest"), other),
        ],
    )
    .await;
    assert!(
        matches!(proved[0], Err(OciError::Timeout { .. })),
        "{proved:?}"
    );
    assert!(proved[1].is_ok());
    running.stop().await.unwrap();
}

#[tokio::test]
async fn without_a_digest_header_the_bytes_are_hashed() {
    let (registry, running, app, _) = small().await;
    registry.fail(Fault::of(HOST, FaultKind::NoDigest));
    assert_eq!(
        one(&Client::new(options(&running)), "library/app", "latest").await,
        Seen::Known(Upstream::Digest(app))
    );
    let counts = registry.counts(HOST);
    assert_eq!((counts.heads, counts.gets), (1, 1));
}

#[tokio::test]
async fn a_digest_that_is_none_is_an_error_and_asks_no_further() {
    let (registry, running, ..) = small().await;
    let client = Client::new(options(&running));
    for header in [
        "sha256:abc",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "",
        "sha512:00",
    ] {
        registry.heal();
        registry.fail(Fault::of(HOST, FaultKind::Digest(header.into())));
        let sentence = why(one(&client, "library/app", "latest").await);
        assert_eq!(
            sentence,
            format!(
                "docker.io names `{header}` as digest of docker.io/library/app:latest, which is none"
            )
        );
    }
    assert_eq!(registry.counts(HOST).gets, 0);
}

#[tokio::test]
async fn a_wrong_digest_cannot_be_proved() {
    let (registry, running, app, other) = small().await;
    let client = Client::new(options(&running));
    let wrong = Digest::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
    registry.fail(Fault::of(HOST, FaultKind::Digest(wrong.to_string())).repository("library/app"));
    assert_eq!(
        one(&client, "library/app", "latest").await,
        Seen::Known(Upstream::Digest(wrong.clone()))
    );
    let at = channel("library/app", "latest");
    let proved = prove(
        &client,
        &[
            (at.clone(), wrong.clone()),
            (channel("library/other", "latest"), other),
        ],
    )
    .await;
    assert!(
        matches!(proved[0], Err(OciError::NotFound { .. })),
        "{proved:?}"
    );
    assert!(proved[1].is_ok());
    registry.heal();
    registry.fail(Fault::of(HOST, FaultKind::OtherBytes));
    let proved = prove(&client, &[(at, app.clone())]).await;
    assert!(
        matches!(&proved[0], Err(OciError::Mismatch { want, .. }) if *want == app.as_str()),
        "{proved:?}"
    );
}

#[tokio::test]
async fn an_expired_token_is_renewed_once() {
    let (registry, running, app, _) = small().await;
    registry.set_access(HOST, PullAccess::Token { expires_in: None });
    let client = Client::new(options(&running));
    for _ in 0..3 {
        assert_eq!(
            one(&client, "library/app", "latest").await,
            Seen::Known(Upstream::Digest(app.clone()))
        );
    }
    let scope = "repository:library/app:pull";
    assert_eq!(registry.counts(HOST).tokens[scope], 1);
    registry.expire_tokens();
    assert_eq!(
        one(&client, "library/app", "latest").await,
        Seen::Known(Upstream::Digest(app.clone()))
    );
    assert_eq!(registry.counts(HOST).tokens[scope], 2);
    registry.reset_counts();
    registry.fail(Fault::of(HOST, FaultKind::ExpiredToken));
    let sentence = why(one(&client, "library/app", "latest").await);
    assert!(
        sentence.starts_with("docker.io answered 401 for docker.io/library/app:latest"),
        "{sentence}"
    );
    let counts = registry.counts(HOST);
    // A new token that is refused is tried again, and fetched once more.
    assert_eq!((counts.heads, counts.tokens[scope], counts.gets), (4, 2, 0));
}

#[tokio::test]
async fn a_broken_connection_is_unknown_and_the_others_go_on() {
    let (registry, running, _, other) = small().await;
    let client = Client::new(options(&running));
    registry.fail(Fault::of(HOST, FaultKind::Drop).repository("library/app"));
    let sentence = why(one(&client, "library/app", "latest").await);
    assert!(
        sentence.starts_with("cannot reach docker.io: "),
        "{sentence}"
    );
    assert_eq!(
        one(&client, "library/other", "latest").await,
        Seen::Known(Upstream::Digest(other))
    );
}

#[tokio::test]
async fn a_registry_that_is_down_is_not_asked_for_ever() {
    let (registry, running, ..) = small().await;
    let channels = many(&registry, 100, 1);
    let options = options(&running);
    running.stop().await.unwrap();
    let seen = poll_registries(&Client::new(options), channels, &|_| ()).await;
    let sentences: BTreeSet<String> = seen.into_values().map(why).collect();
    assert!(
        sentences
            .iter()
            .any(|why| why.starts_with("docker.io does not answer: ")),
        "{sentences:?}"
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_is_asked_as_that_host_and_takes_no_credential_along() {
    let (registry, running, _, other) = small().await;
    registry.add_user(HOST, "bob", "secret");
    registry.make_private(HOST, "library/app");
    let (elsewhere, far, ..) = small().await;
    let there = elsewhere.put_image("", &DemoImage::new("library/app", "latest", "there"));
    let to = format!("http://{}/v2/library/app/manifests/latest", far.addr());
    registry.fail(Fault::of(HOST, FaultKind::Redirect(to)).repository("library/app"));
    for access in [
        PullAccess::Open,
        PullAccess::Basic,
        PullAccess::Token { expires_in: None },
    ] {
        registry.set_access(HOST, access);
        let mut options = options(&running);
        options.registries[0].username = Some("bob".into());
        options.registries[0].password = Some("secret".into());
        let client = Client::new(options);
        assert_eq!(
            one(&client, "library/app", "latest").await,
            Seen::Known(Upstream::Digest(there.clone()))
        );
        assert_eq!(
            one(&client, "library/other", "latest").await,
            Seen::Known(Upstream::Digest(other.clone()))
        );
    }
    let requests = elsewhere.requests();
    assert_eq!(requests.len(), 3);
    assert!(
        requests
            .iter()
            .all(|request| request.authorization.is_none())
    );
}

#[tokio::test]
async fn a_cache_sends_nobody_on() {
    let (registry, running, ..) = small().await;
    let (elsewhere, far, ..) = small().await;
    registry.fail(Fault::of(
        HOST,
        FaultKind::Redirect(format!("http://{}/{{path}}", far.addr())),
    ));
    let client = Client::for_caches(options(&running));
    let answer = client.head(&channel("library/app", "latest")).await;
    assert!(
        matches!(answer, Err(OciError::Redirect { .. })),
        "{answer:?}"
    );
    assert_eq!(elsewhere.requests(), []);
}

#[tokio::test]
async fn a_redirect_to_a_known_host_is_asked_as_that_registry() {
    let (registry, running, ..) = small().await;
    registry.add_user(HOST, "bob", "secret");
    registry.set_access(HOST, PullAccess::Basic);
    let (elsewhere, far, app, _) = small().await;
    // The other registry has its images at the root, as a real host has.
    elsewhere.put_image("", &DemoImage::new("library/app", "latest", "one"));
    let name = far.addr().to_string();
    registry.fail(Fault::of(
        HOST,
        FaultKind::Redirect(format!("http://{name}/v2/library/app/manifests/latest")),
    ));
    let mut options = options(&running);
    options.registries[0].username = Some("bob".into());
    options.registries[0].password = Some("secret".into());
    options.registries[0].redirects_to = vec![name.clone()];
    options.registries.push(RegistryOptions {
        plain_http: true,
        ..RegistryOptions::new(name)
    });
    assert_eq!(
        one(&Client::new(options), "library/app", "latest").await,
        Seen::Known(Upstream::Digest(app))
    );
    let requests = elsewhere.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].authorization, None);
}

#[tokio::test]
async fn credentials_open_what_is_private() {
    let (registry, running, app, _) = small().await;
    registry.add_user(HOST, "bob", "s3cr:et");
    registry.make_private(HOST, "library/app");
    let config = format!(
        r#"{{"auths":{{"{}":{{"auth":"Ym9iOnMzY3I6ZXQ="}}}}}}"#,
        running.endpoint(HOST).trim_start_matches("http://")
    );
    for access in [
        PullAccess::Basic,
        PullAccess::Token {
            expires_in: Some(60),
        },
    ] {
        registry.set_access(HOST, access);
        let anonymous = why(one(&Client::new(options(&running)), "library/app", "latest").await);
        assert!(!anonymous.contains("s3cr"), "{anonymous}");
        let docker_config = DockerConfig::parse(config.as_bytes()).unwrap();
        let client = Client::new(Options {
            keychain: Some(std::sync::Arc::new(docker_config.into())),
            ..options(&running)
        });
        assert_eq!(
            one(&client, "library/app", "latest").await,
            Seen::Known(Upstream::Digest(app.clone()))
        );
    }
}

#[tokio::test]
async fn wrong_credentials_are_told_without_showing_them() {
    let (registry, running, ..) = small().await;
    registry.add_user(HOST, "bob", "right");
    let mut options = options(&running);
    options.registries[0].username = Some("bob".into());
    options.registries[0].password = Some("wrong-password".into());
    for access in [
        PullAccess::Basic,
        PullAccess::Token {
            expires_in: Some(60),
        },
    ] {
        registry.set_access(HOST, access);
        let sentence = why(one(&Client::new(options.clone()), "library/app", "latest").await);
        assert!(
            sentence.contains("401") && !sentence.contains("wrong-password"),
            "{sentence}"
        );
    }
    assert!(!format!("{options:?}").contains("wrong-password"));
}

#[tokio::test]
async fn a_token_endpoint_that_fails_holds_its_scope_only() {
    let (registry, running, _, other) = small().await;
    registry.set_access(
        HOST,
        PullAccess::Token {
            expires_in: Some(60),
        },
    );
    registry.fail(
        Fault::of(
            HOST,
            FaultKind::Status {
                code: 500,
                retry_after: None,
            },
        )
        .repository("library/app")
        .at_token(),
    );
    let client = Client::new(options(&running));
    let sentence = why(one(&client, "library/app", "latest").await);
    assert_eq!(
        sentence,
        "127.0.0.1 gave no token for repository:library/app:pull of docker.io: it answered 500"
    );
    assert_eq!(
        one(&client, "library/other", "latest").await,
        Seen::Known(Upstream::Digest(other))
    );
}

#[tokio::test]
async fn one_registry_that_is_closed_does_not_close_another() {
    let (registry, running, ..) = small().await;
    let quay = registry.put_image("quay.io", &DemoImage::new("team/app", "1", "one"));
    registry.fail(Fault::of(
        HOST,
        FaultKind::Status {
            code: 429,
            retry_after: None,
        },
    ));
    let mut options = Options {
        longest_wait: Duration::ZERO,
        ..options(&running)
    };
    options.registries.push(told(&running, "quay.io"));
    let channels = [
        channel("library/app", "latest"),
        Channel::parse("quay.io/team/app:1").unwrap(),
    ];
    let seen = poll_registries(&Client::new(options), channels.clone(), &|_| ()).await;
    assert!(matches!(seen[&channels[0]], Seen::Unknown(_)));
    assert_eq!(seen[&channels[1]], Seen::Known(Upstream::Digest(quay)));
}

#[tokio::test]
async fn what_is_private_costs_no_token_a_tag() {
    let registry = DemoRegistry::new();
    let channels = many(&registry, 1, 50);
    registry.set_access(
        HOST,
        PullAccess::Token {
            expires_in: Some(60),
        },
    );
    // As Docker Hub does: everybody gets a token, and what it may not open is refused.
    registry.fail(Fault::of(HOST, FaultKind::ExpiredToken));
    let running = registry.start().await.unwrap();
    let client = Client::new(options(&running));
    for _ in 0..2 {
        let seen = poll_registries(&client, channels.clone(), &|_| ()).await;
        assert!(
            seen.into_values()
                .map(why)
                .all(|why| why.starts_with("docker.io answered 401"))
        );
    }
    assert_eq!(
        registry
            .counts(HOST)
            .tokens
            .into_values()
            .collect::<Vec<_>>(),
        [2]
    );
}

/// Polls and proves as a pass does, and returns what was proved.
async fn pass(
    client: &Client,
    answers: &mut SessionAnswers,
    channels: &BTreeSet<Channel>,
) -> BTreeSet<Channel> {
    let ordered = answers.order_channels(channels.clone());
    let seen = poll_registries(client, ordered, &|_| ()).await;
    answers.add_upstream(&seen);
    let wanted: Vec<(Channel, Digest)> = seen
        .into_iter()
        .filter_map(|(channel, seen)| match seen {
            Seen::Known(Upstream::Digest(digest)) => Some((channel, digest)),
            _ => None,
        })
        .collect();
    let proofs = prove(client, &wanted).await;
    wanted
        .into_iter()
        .zip(proofs)
        .filter_map(|((channel, _), proof)| proof.ok().map(|()| channel))
        .collect()
}

#[tokio::test]
async fn a_registry_that_gives_fewer_requests_than_there_are_images_gets_somewhere_each_pass() {
    let registry = DemoRegistry::new();
    let channels = many(&registry, 12, 1);
    let running = registry.start().await.unwrap();
    let mut options = options(&running);
    options.registries[0].max_concurrency = 1;
    let client = Client::new(options);
    let mut answers = SessionAnswers::default();
    let mut proved = BTreeSet::new();
    for round in 0..5 {
        registry.set_quota(HOST, 6);
        let before = proved.len();
        proved.extend(pass(&client, &mut answers, &channels).await);
        // The first one learns how much the registry allows.
        assert!(round == 0 || proved.len() > before, "round {round}");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(3601)).await;
        tokio::time::resume();
    }
    assert_eq!(proved, channels);
}

#[tokio::test]
async fn what_is_left_for_later_says_so() {
    let registry = DemoRegistry::new();
    let channels = many(&registry, 12, 1);
    let running = registry.start().await.unwrap();
    let mut options = options(&running);
    options.registries[0].max_concurrency = 1;
    let client = Client::new(options);
    registry.set_quota(HOST, 6);
    poll_registries(&client, channels.clone(), &|_| ()).await;
    registry.reset_counts();
    let seen = poll_registries(&client, channels, &|_| ()).await;
    let later = "registry docker.io allows about 6 requests at a time; \
                 this image is asked for in a later pass";
    let count = seen
        .into_values()
        .map(why)
        .filter(|why| why == later)
        .count();
    assert_eq!((count, registry.counts(HOST).heads), (9, 0));
}
