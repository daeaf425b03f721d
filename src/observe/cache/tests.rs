//! The comparison with upstream, and what a cache is never sent.

use super::*;
use crate::demo::registry::{
    DemoImage, DemoRegistry, Fault, FaultKind, PullAccess, PullThrough, RunningRegistry,
};
use crate::observe::registry;
use crate::remote::oci::docker_config::DockerConfig;

const CACHE: &str = "cache/docker.io";

fn channel(repository: &str) -> Channel {
    Channel::parse(&format!("docker.io/{repository}:latest")).unwrap()
}

/// An upstream and a cache in front of it, in two processes' worth of registries.
struct Pair {
    upstream: DemoRegistry,
    up: RunningRegistry,
    cache: DemoRegistry,
    down: RunningRegistry,
}

impl Pair {
    async fn start() -> Self {
        let (upstream, cache) = (DemoRegistry::new(), DemoRegistry::new());
        upstream.put_image("docker.io", &DemoImage::new("library/app", "latest", "one"));
        let up = upstream.start().await.unwrap();
        cache.pull_through(
            CACHE,
            PullThrough {
                upstream: up.endpoint("docker.io"),
                refused: None,
            },
        );
        let down = cache.start().await.unwrap();
        Self {
            upstream,
            up,
            cache,
            down,
        }
    }

    fn cut_off(&self, status: u16) {
        self.cache.pull_through(
            CACHE,
            PullThrough {
                upstream: self.up.endpoint("docker.io"),
                refused: Some(status),
            },
        );
    }

    fn options(&self) -> Options {
        let endpoint = Some(self.up.endpoint("docker.io").parse().unwrap());
        let registry = RegistryOptions {
            endpoint,
            ..RegistryOptions::new("docker.io")
        };
        Options {
            registries: vec![registry],
            ..Options::default()
        }
    }

    fn caches(&self) -> Caches {
        Caches::new(
            &self.options(),
            vec![options(self.down.endpoint(CACHE), None)],
        )
    }

    async fn ask(&self, repository: &str) -> CacheAnswer {
        let channels = BTreeSet::from([channel(repository)]);
        let seen =
            registry::poll_registries(&Client::new(self.options()), channels.clone(), &|_| ())
                .await;
        poll_caches(&self.caches(), &seen, &channels, &|_| ())
            .await
            .remove(&channel(repository))
            .unwrap()
    }
}

fn options(endpoint: String, prefix: Option<&str>) -> CacheOptions {
    CacheOptions {
        registry: "docker.io".into(),
        endpoint: endpoint.parse().unwrap(),
        repository_prefix: prefix.map(str::to_owned),
        ca_pem: None,
        username: None,
        password: None,
    }
}

#[tokio::test]
async fn a_cache_that_hears_its_upstream_is_fresh() {
    let pair = Pair::start().await;
    assert_eq!(pair.ask("library/app").await, CacheAnswer::Fresh);
    pair.upstream
        .put_image("docker.io", &DemoImage::new("library/app", "latest", "two"));
    assert_eq!(pair.ask("library/app").await, CacheAnswer::Fresh);
    assert_eq!(pair.ask("library/none").await, CacheAnswer::Fresh);
}

#[tokio::test]
async fn a_cache_that_lies_is_stale_and_says_what_it_serves() {
    let pair = Pair::start().await;
    assert_eq!(pair.ask("library/app").await, CacheAnswer::Fresh);
    let old = Digest::parse(&pair.upstream.tags("docker.io")["library/app"]["latest"]).unwrap();
    pair.upstream
        .put_image("docker.io", &DemoImage::new("library/app", "latest", "two"));
    pair.cut_off(429);
    assert_eq!(
        pair.ask("library/app").await,
        CacheAnswer::Stale {
            serves: old.clone()
        }
    );
    pair.upstream.untag("docker.io", "library/app", "latest");
    assert_eq!(
        pair.ask("library/app").await,
        CacheAnswer::Stale { serves: old }
    );
}

#[tokio::test]
async fn a_cache_that_never_saw_the_tag_is_passed_by() {
    let pair = Pair::start().await;
    pair.cut_off(503);
    assert_eq!(
        pair.ask("library/app").await,
        CacheAnswer::Bypass { status: 404 }
    );
    for code in [401, 403] {
        pair.cache.fail(Fault::of(
            CACHE,
            FaultKind::Status {
                code,
                retry_after: None,
            },
        ));
        assert_eq!(
            pair.ask("library/app").await,
            CacheAnswer::Bypass { status: code }
        );
        pair.cache.heal();
    }
}

#[tokio::test]
async fn nothing_follows_when_upstream_could_not_be_asked() {
    let pair = Pair::start().await;
    assert_eq!(pair.ask("library/app").await, CacheAnswer::Fresh);
    let serves = Digest::parse(&pair.upstream.tags("docker.io")["library/app"]["latest"]).unwrap();
    pair.upstream.fail(Fault::of(
        "docker.io",
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    ));
    assert_eq!(
        pair.ask("library/app").await,
        CacheAnswer::Unproven { serves }
    );
    assert!(matches!(
        pair.ask("library/none").await,
        CacheAnswer::Unreachable(_)
    ));
}

#[tokio::test]
async fn a_cache_that_fails_is_unreachable() {
    let pair = Pair::start().await;
    pair.cache.fail(Fault::of(
        CACHE,
        FaultKind::Status {
            code: 500,
            retry_after: None,
        },
    ));
    let answer = pair.ask("library/app").await;
    let CacheAnswer::Unreachable(why) = &answer else {
        panic!("{answer:?}")
    };
    assert!(
        why.starts_with("the cache 127.0.0.1:")
            && why.ends_with(" answered 500 for docker.io/library/app:latest"),
        "{why}"
    );
}

#[tokio::test]
async fn a_cache_gets_no_credentials_of_upstream() {
    let pair = Pair::start().await;
    pair.upstream.add_user("docker.io", "bob", "secret");
    pair.upstream.make_private("docker.io", "library/app");
    for access in [PullAccess::Basic, PullAccess::Token { expires_in: None }] {
        pair.upstream.set_access("docker.io", access.clone());
        pair.cache.set_access(CACHE, access);
        let config = DockerConfig::parse(
            br#"{"auths":{"docker.io":{"username":"bob","password":"secret"}}}"#,
        )
        .unwrap();
        let mut how = Options {
            keychain: Some(std::sync::Arc::new(config.into())),
            ..pair.options()
        };
        how.registries[0].username = Some("bob".into());
        how.registries[0].password = Some("secret".into());
        let channels = BTreeSet::from([channel("library/app")]);
        let seen =
            registry::poll_registries(&Client::new(how.clone()), channels.clone(), &|_| ()).await;
        assert!(
            matches!(
                seen[&channel("library/app")],
                Seen::Known(Upstream::Digest(_))
            ),
            "{seen:?}"
        );
        let caches = Caches::new(&how, vec![options(pair.down.endpoint(CACHE), None)]);
        poll_caches(&caches, &seen, &channels, &|_| ()).await;
        let sent: Vec<_> = pair
            .cache
            .requests()
            .into_iter()
            .filter_map(|request| request.authorization)
            .collect();
        assert!(!sent.contains(&"Basic".to_owned()), "{sent:?}");
    }
    assert!(!pair.cache.requests().is_empty());
}

#[tokio::test]
async fn only_what_has_a_cache_is_asked() {
    let pair = Pair::start().await;
    let other = Channel::parse("ghcr.io/a/b:latest").unwrap();
    let answers = poll_caches(&pair.caches(), &BTreeMap::new(), &[other].into(), &|_| ()).await;
    assert_eq!(answers, BTreeMap::new());
}

#[tokio::test]
async fn a_cache_may_have_its_name_after_v2() {
    let registry = DemoRegistry::new();
    let digest = registry.put_image("", &DemoImage::new("hub/library/app", "latest", "one"));
    let running = registry.start().await.unwrap();
    let caches = Caches::new(
        &Options::default(),
        vec![options(running.endpoint(""), Some("hub"))],
    );
    let answers = poll_caches(
        &caches,
        &BTreeMap::new(),
        &[channel("library/app")].into(),
        &|_| (),
    )
    .await;
    assert_eq!(
        answers[&channel("library/app")],
        CacheAnswer::Unproven { serves: digest }
    );
}
