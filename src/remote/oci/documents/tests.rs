//! Labels against the in-process registry: where they are found, what is refused, and that storage
//! never sees a credential.

use super::*;
use crate::demo::registry::{
    DemoImage, DemoRegistry, Fault, FaultKind, PullAccess, RunningRegistry,
};
use crate::remote::oci::{Options, RegistryOptions};
use serde_json::json;

const HOST: &str = "ghcr.io";
const SOURCE: &str = "org.opencontainers.image.source";

fn client(running: &RunningRegistry, user: Option<&str>) -> Client {
    let told = RegistryOptions {
        endpoint: running.endpoint(HOST).parse().ok(),
        username: user.map(str::to_owned),
        password: user.map(|_| "not-a-secret".into()),
        ..RegistryOptions::new(HOST)
    };
    Client::new(Options {
        registries: vec![told],
        ..Options::default()
    })
}

fn image(seed: &str) -> DemoImage {
    DemoImage::new("a/b", "latest", seed).label(SOURCE, "https://github.com/a/b")
}

async fn served(image: &DemoImage) -> (DemoRegistry, RunningRegistry, Digest) {
    let registry = DemoRegistry::new();
    let digest = registry.put_image(HOST, image);
    let running = registry.start().await.unwrap();
    (registry, running, digest)
}

/// Puts a document as it is, and returns its digest.
async fn put(running: &RunningRegistry, kind: &str, document: &serde_json::Value) -> Digest {
    let bytes = document.to_string().into_bytes();
    let digest = crate::remote::oci::wire::sha256(&bytes);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = match kind {
        "" => {
            let base = running.endpoint(HOST);
            let begun = http
                .post(format!("{base}/v2/a/b/blobs/uploads/"))
                .send()
                .await
                .unwrap();
            let place = begun.headers()["location"].to_str().unwrap().to_owned();
            let place = reqwest::Url::parse(&base).unwrap().join(&place).unwrap();
            http.put(place)
                .query(&[("digest", digest.as_str())])
                .body(bytes)
                .send()
                .await
                .unwrap()
        }
        kind => {
            let at = format!("{}/v2/a/b/manifests/{digest}", running.endpoint(HOST));
            http.put(at)
                .header("content-type", kind)
                .body(bytes)
                .send()
                .await
                .unwrap()
        }
    };
    assert!(sent.status().is_success(), "{sent:?}");
    digest
}

#[tokio::test]
async fn an_image_has_the_labels_of_its_config() {
    for image in [
        image("1"),
        image("1").single(),
        image("1").docker(),
        image("1").docker().single(),
    ] {
        let (_registry, running, digest) = served(&image).await;
        let labels = client(&running, None)
            .labels(HOST, "a/b", &digest)
            .await
            .unwrap();
        let expected = [("seed", "1"), (SOURCE, "https://github.com/a/b")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(labels, expected.into(), "{image:?}");
    }
}

#[tokio::test]
async fn annotations_stand_in_for_labels_and_attestations_are_no_image() {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let (_registry, running, _) = served(&image("1")).await;
    let config = put(
        &running,
        "",
        &json!({ "config": { "Labels": { "org.opencontainers.image.version": "2", "n": 1 } } }),
    )
    .await;
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": CONFIGS[0], "digest": config.as_str(), "size": 9 },
        "annotations": { "org.opencontainers.image.version": "1", "org.opencontainers.image.revision": "inner", "x": "y" },
    });
    let manifest = put(&running, MANIFEST, &manifest).await;
    let attests =
        put(&running, MANIFEST, &json!({ "schemaVersion": 2, "mediaType": MANIFEST, "annotations": { SOURCE: "https://attests" } })).await;
    let attestation = json!({
        "mediaType": MANIFEST, "digest": attests.as_str(), "size": 1,
        "platform": { "os": "unknown", "architecture": "unknown" },
    });
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [attestation, { "mediaType": MANIFEST, "digest": manifest.as_str(), "size": 1, "platform": { "os": "linux", "architecture": "riscv64" } }],
        "annotations": { "org.opencontainers.image.revision": "outer", SOURCE: "https://codeberg.org/a/b" },
    });
    let index = put(&running, INDEX, &index).await;
    let labels = client(&running, None)
        .labels(HOST, "a/b", &index)
        .await
        .unwrap();
    let label = |name: &str| {
        labels
            .get(&format!("org.opencontainers.image.{name}"))
            .map(String::as_str)
    };
    assert_eq!(
        (label("version"), label("revision"), label("source")),
        (Some("2"), Some("inner"), Some("https://codeberg.org/a/b"))
    );
    assert_eq!(labels.len(), 3, "{labels:?}");

    let artifact = json!({ "schemaVersion": 2, "config": { "mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": config.as_str() } });
    let artifact = put(&running, MANIFEST, &artifact).await;
    assert_eq!(
        client(&running, None)
            .labels(HOST, "a/b", &artifact)
            .await
            .unwrap(),
        BTreeMap::new()
    );
}

#[tokio::test]
async fn what_does_not_hash_or_is_too_large_or_no_json_is_refused() {
    let (registry, running, digest) = served(&image("1").single()).await;
    let asking = client(&running, None);
    registry.fail(Fault::of(HOST, FaultKind::OtherBytes).at_blobs());
    let why = asking.labels(HOST, "a/b", &digest).await.unwrap_err();
    assert!(
        matches!(&why, OciError::Mismatch { .. }) && !why.may_pass(),
        "{why}"
    );
    registry.heal();
    let large = image("1").single().label("x", &"x".repeat(CONFIG_LIMIT));
    let digest = registry.put_image(HOST, &large);
    registry.reset_counts();
    let why = asking.labels(HOST, "a/b", &digest).await.unwrap_err();
    assert!(
        matches!(
            &why,
            OciError::TooLarge {
                limit: CONFIG_LIMIT,
                ..
            }
        ) && !why.may_pass(),
        "{why}"
    );
    assert!(
        registry
            .requests()
            .iter()
            .all(|request| !request.path.contains("/blobs/")),
        "its manifest says so already"
    );

    let config = put(&running, "", &json!("no config")).await;
    let manifest = json!({ "schemaVersion": 2, "config": { "mediaType": CONFIGS[0], "digest": config.as_str() } });
    let manifest = put(
        &running,
        "application/vnd.oci.image.manifest.v1+json",
        &manifest,
    )
    .await;
    let why = asking.labels(HOST, "a/b", &manifest).await.unwrap_err();
    assert!(matches!(&why, OciError::Unreadable { .. }), "{why}");
    assert!(why.to_string().starts_with("ghcr.io/a/b@sha256:"), "{why}");
}

#[tokio::test]
async fn storage_on_another_host_is_asked_without_credentials() {
    let image = image("1").single();
    let (registry, running, digest) = served(&image).await;
    registry.set_access(HOST, PullAccess::Token { expires_in: None });
    registry.add_user(HOST, "ana", "not-a-secret");
    registry.make_private(HOST, "a/b");
    let (storage, far, _) = served(&image).await;
    registry.fail(
        Fault::of(
            HOST,
            FaultKind::Redirect(format!("http://{}/{{path}}", far.addr())),
        )
        .at_blobs(),
    );
    let asking = client(&running, Some("ana"));
    let labels = asking.labels(HOST, "a/b", &digest).await.unwrap();
    assert_eq!(labels.get("seed").map(String::as_str), Some("1"));
    let seen = storage.requests();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(
        seen[0].path.contains("/blobs/") && seen[0].authorization.is_none(),
        "{seen:?}"
    );
    let blob = registry
        .requests()
        .into_iter()
        .find(|request| request.path.contains("/blobs/"));
    assert_eq!(
        blob.and_then(|request| request.authorization).as_deref(),
        Some("Bearer")
    );

    // What the storage wants to know is not told.
    storage.set_access(HOST, PullAccess::Basic);
    let why = asking.labels(HOST, "a/b", &digest).await.unwrap_err();
    assert!(
        matches!(&why, OciError::Status { status: 401, .. }),
        "{why}"
    );
    assert!(
        storage
            .requests()
            .iter()
            .all(|request| request.authorization.is_none())
    );
    // A storage that is away says nothing about the registry.
    far.stop().await.unwrap();
    let why = asking.labels(HOST, "a/b", &digest).await.unwrap_err();
    assert!(
        matches!(&why, OciError::Unreachable { .. }) && why.may_pass(),
        "{why}"
    );
    asking.manifest(HOST, "a/b", &digest).await.unwrap();
}

#[tokio::test]
async fn storage_is_followed_over_https_or_on_loopback_and_not_for_ever() {
    let (registry, running, digest) = served(&image("1").single()).await;
    let (elsewhere, far, _) = served(&image("1").single()).await;
    elsewhere.fail(
        Fault::of(
            HOST,
            FaultKind::Redirect(format!("http://{}/{{path}}", far.addr())),
        )
        .at_blobs(),
    );
    for (to, expected) in [
        (
            "http://storage.example.org/{path}".to_owned(),
            "it is not encrypted",
        ),
        (
            "https://u:p@storage.example.org/".to_owned(),
            "it has credentials in its address",
        ),
        (
            "ftp://storage.example.org/".to_owned(),
            "it is not encrypted",
        ),
        (
            format!("http://{}/{{path}}", far.addr()),
            "it is one redirect too many",
        ),
    ] {
        registry.heal();
        registry.fail(Fault::of(HOST, FaultKind::Redirect(to.clone())).at_blobs());
        match client(&running, None).labels(HOST, "a/b", &digest).await {
            Err(OciError::Redirect { why, .. }) => assert_eq!(why, expected, "{to}"),
            other => panic!("{to}: {other:?}"),
        }
    }
}

/// Lets a tag name a document.
async fn tag(running: &RunningRegistry, tag: &str, kind: &str, document: &serde_json::Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let at = format!("{}/v2/a/b/manifests/{tag}", running.endpoint(HOST));
    let put = http.put(at).header("content-type", kind);
    let sent = put.body(document.to_string()).send().await.unwrap();
    assert!(sent.status().is_success(), "{sent:?}");
}

async fn build(running: &RunningRegistry, tag: &str) -> (Option<String>, Option<Vec<String>>) {
    let channel = Channel::parse(&format!("{HOST}/a/b:{tag}")).unwrap();
    let build = client(running, None).find_build(&channel).await.unwrap();
    let platforms = build
        .platforms
        .map(|all| all.iter().map(ToString::to_string).collect());
    (build.created.map(|at| at.to_string()), platforms)
}

#[tokio::test]
async fn the_build_of_a_tag_is_found_in_its_config_or_its_annotations() {
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let (_registry, running, _) = served(&image("1")).await;
    let config = json!({
        "created": "2026-02-03T04:05:06.789Z", "os": "linux", "architecture": "arm64",
    });
    let config = put(&running, "", &config).await;
    let single = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": CONFIGS[0], "digest": config.as_str(), "size": 9 },
    });
    tag(&running, "single", MANIFEST, &single).await;
    let single_digest = put(&running, MANIFEST, &single).await;
    let created = Some("2026-02-03T04:05:06.789Z".to_owned());
    let arm = Some(vec!["linux/arm64".to_owned()]);
    assert_eq!(build(&running, "single").await, (created.clone(), arm));

    let entry = |digest: &Digest, os: &str, architecture: &str| {
        json!({
            "mediaType": MANIFEST, "digest": digest.as_str(), "size": 1,
            "platform": { "os": os, "architecture": architecture },
        })
    };
    let two = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [
            entry(&single_digest, "linux", "arm64"),
            entry(&single_digest, "linux", "amd64"),
            entry(&single_digest, "unknown", "unknown"),
        ],
    });
    tag(&running, "two", INDEX, &two).await;
    let both = Some(vec!["linux/amd64".to_owned(), "linux/arm64".to_owned()]);
    assert_eq!(build(&running, "two").await, (created, both.clone()));

    let annotated = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": CONFIGS[0], "digest": config.as_str(), "size": 9 },
        "annotations": { "org.opencontainers.image.created": "2026-05-06T07:08:09Z" },
    });
    let annotated = put(&running, MANIFEST, &annotated).await;
    let index = json!({
        "schemaVersion": 2, "mediaType": INDEX,
        "manifests": [entry(&annotated, "linux", "amd64"), entry(&annotated, "linux", "arm64")],
    });
    tag(&running, "annotated", INDEX, &index).await;
    let says = Some("2026-05-06T07:08:09Z".to_owned());
    assert_eq!(build(&running, "annotated").await, (says, both));
}

#[tokio::test]
async fn an_image_that_does_not_say_when_it_was_built_has_no_build_time() {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let (_registry, running, _) = served(&image("1")).await;
    for config in [json!({}), json!({ "created": "yesterday" })] {
        let config = put(&running, "", &config).await;
        let single = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": CONFIGS[0], "digest": config.as_str(), "size": 9 },
        });
        tag(&running, "odd", MANIFEST, &single).await;
        assert_eq!(build(&running, "odd").await, (None, None));
    }
}
