//! What counts as an image. The documents are served by the in-process registry.

use super::*;
use crate::demo::registry::{DemoImage, DemoRegistry, Fault, FaultKind, RunningRegistry};
use crate::remote::oci::{Options, RegistryOptions};
use serde_json::{Value, json};

const HOST: &str = "ghcr.io";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";

struct World {
    registry: DemoRegistry,
    _running: RunningRegistry,
    client: Client,
}

async fn world() -> World {
    let registry = DemoRegistry::new();
    let running = registry.start().await.unwrap();
    let options = RegistryOptions {
        endpoint: running.endpoint(HOST).parse().ok(),
        ..RegistryOptions::new(HOST)
    };
    let client = Client::new(Options {
        registries: vec![options],
        ..Options::default()
    });
    World {
        registry,
        _running: running,
        client,
    }
}

impl World {
    fn put(&self, kind: &str, document: &Value) -> (Digest, usize) {
        let bytes = document.to_string().into_bytes();
        let size = bytes.len();
        (self.registry.put_document(HOST, "a/b", kind, bytes), size)
    }

    fn manifest(&self, seed: &str) -> (Digest, usize) {
        self.put(MANIFEST, &manifest(seed, CONFIG))
    }

    fn index(&self, children: &[(&str, &str, (Digest, usize))]) -> Digest {
        let manifests: Vec<Value> = children.iter().map(entry).collect();
        let document = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
        self.put(INDEX, &document).0
    }

    async fn prove(&self, digest: &Digest, platforms: &[&str]) -> Result<(), String> {
        let platforms: BTreeSet<Platform> = platforms
            .iter()
            .filter_map(|text| text.split_once('/'))
            .map(|(os, architecture)| Platform::new(os, architecture))
            .collect();
        let platforms = (!platforms.is_empty()).then_some(&platforms);
        let proof = self.client.prove(HOST, "a/b", digest, platforms).await;
        proof.map_err(|why| why.to_string().replace(digest.as_str(), "D"))
    }
}

fn manifest(seed: &str, config: &str) -> Value {
    let digest = format!("sha256:{}", "c".repeat(64));
    json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": config, "digest": digest, "size": 2 },
        "layers": [], "annotations": { "seed": seed },
    })
}

fn entry((platform, kind, (digest, size)): &(&str, &str, (Digest, usize))) -> Value {
    let mut entry = json!({ "mediaType": kind, "digest": digest.as_str(), "size": size });
    if let Some((os, architecture)) = platform.split_once('/') {
        entry["platform"] = json!({ "os": os, "architecture": architecture });
    }
    entry
}

#[tokio::test]
async fn an_image_is_proved_once() {
    let world = world().await;
    let index = world
        .registry
        .put_image(HOST, &DemoImage::new("a/b", "latest", "one"));
    let docker = world
        .registry
        .put_image(HOST, &DemoImage::new("a/b", "docker", "two").docker());
    let single = world
        .registry
        .put_image(HOST, &DemoImage::new("a/b", "single", "three").single());
    for _ in 0..3 {
        for digest in [&index, &docker, &single] {
            assert_eq!(world.prove(digest, &[]).await, Ok(()));
            assert_eq!(world.prove(digest, &["linux/amd64"]).await, Ok(()));
        }
    }
    let counts = world.registry.counts(HOST);
    assert_eq!((counts.gets, counts.heads), (3, 4));
}

#[tokio::test]
async fn what_an_index_names_has_to_be_there() {
    let world = world().await;
    let (amd, arm) = (world.manifest("amd"), world.manifest("arm"));
    let index = world.index(&[
        ("linux/amd64", MANIFEST, amd.clone()),
        ("linux/arm64", MANIFEST, arm.clone()),
    ]);
    world.registry.remove(HOST, "a/b", &amd.0);
    let gone = format!(
        "ghcr.io/a/b@D is an index that names {} for linux/amd64, which does not exist",
        amd.0
    );
    assert_eq!(world.prove(&index, &[]).await, Err(gone.clone()));
    assert_eq!(
        world.prove(&index, &["linux/amd64"]).await,
        Err(gone.clone())
    );
    assert_eq!(
        world.prove(&index, &["linux/arm64", "linux/amd64"]).await,
        Err(gone)
    );
    assert_eq!(world.prove(&index, &["linux/arm64"]).await, Ok(()));
    // One level deeper.
    let deep = world.manifest("deep");
    let inner = world.index(&[("linux/amd64", MANIFEST, deep.clone())]);
    let outer = world.index(&[("linux/amd64", INDEX, (inner.clone(), 1))]);
    assert_eq!(world.prove(&outer, &[]).await, Ok(()));
    let lost = world.index(&[("linux/amd64", MANIFEST, world.manifest("lost"))]);
    world
        .registry
        .remove(HOST, "a/b", &world.manifest("lost").0);
    let over = world.index(&[("linux/amd64", INDEX, (lost.clone(), 1))]);
    assert!(
        world
            .prove(&over, &[])
            .await
            .is_err_and(|why| why.ends_with("for linux/amd64, which does not exist"))
    );
    let inner_gone = world.index(&[("linux/amd64", MANIFEST, world.manifest("other"))]);
    let above = world.index(&[("linux/amd64", INDEX, (inner_gone.clone(), 1))]);
    world.registry.remove(HOST, "a/b", &inner_gone);
    assert!(
        world
            .prove(&above, &[])
            .await
            .is_err_and(|why| why.contains(inner_gone.as_str()))
    );
}

#[tokio::test]
async fn the_nodes_platforms_decide() {
    let world = world().await;
    let arm = world.index(&[("linux/arm64", MANIFEST, world.manifest("arm"))]);
    assert_eq!(
        world.prove(&arm, &[]).await,
        Ok(()),
        "nothing is known of the nodes"
    );
    assert_eq!(
        world.prove(&arm, &["linux/amd64", "linux/arm64"]).await,
        Ok(())
    );
    assert_eq!(
        world.prove(&arm, &["linux/amd64"]).await,
        Err(
            "ghcr.io/a/b@D is not a container image: the index has images for linux/arm64 only, \
             and the cluster's nodes are linux/amd64"
                .to_owned()
        )
    );
    // Neither of the usual ones: one image is enough.
    let (riscv, s390x) = (world.manifest("riscv"), world.manifest("s390x"));
    world.registry.remove(HOST, "a/b", &riscv.0);
    let rare = world.index(&[
        ("linux/riscv64", MANIFEST, riscv),
        ("linux/s390x", MANIFEST, s390x.clone()),
    ]);
    assert_eq!(world.prove(&rare, &[]).await, Ok(()));
    let other = world.index(&[("linux/ppc64le", MANIFEST, world.manifest("x"))]);
    world.registry.remove(HOST, "a/b", &world.manifest("x").0);
    assert!(world.prove(&other, &[]).await.is_err());
}

#[tokio::test]
async fn what_is_no_image_is_refused_with_its_reason() {
    let world = world().await;
    let good = world.manifest("good");
    let attestation = json!({
        "mediaType": MANIFEST, "digest": good.0.as_str(), "size": good.1,
        "platform": { "os": "unknown", "architecture": "unknown" },
    });
    let wrong_size = entry(&("linux/amd64", MANIFEST, (good.0.clone(), 7)));
    let helm = "application/vnd.cncf.helm.config.v1+json";
    let chart = world.put(MANIFEST, &manifest("chart", helm));
    let index = |manifests: Value| json!({ "schemaVersion": 2, "manifests": manifests });
    let cases = [
        (INDEX, index(json!([])), "the index names no image"),
        (
            INDEX,
            index(json!([attestation])),
            "the index names no image",
        ),
        (
            INDEX,
            index(json!([entry(&("", MANIFEST, chart))])),
            "the index names no image",
        ),
        (INDEX, index(json!([wrong_size])), "and its index claims 7"),
        (
            MANIFEST,
            manifest("chart", helm),
            "its config is `application/vnd.cncf.helm.config.v1+json`, which is another kind of artifact",
        ),
        (
            MANIFEST,
            json!({ "errors": [{ "code": "UNKNOWN" }] }),
            "it is no manifest: missing field",
        ),
        (
            MANIFEST,
            json!({ "schemaVersion": 2 }),
            "it is no manifest: missing field",
        ),
        (MANIFEST, json!([]), "it is no manifest"),
        (
            INDEX,
            json!({ "schemaVersion": 2, "layers": [] }),
            "it is no index: missing field `manifests`",
        ),
        (
            INDEX,
            json!({ "schemaVersion": 1, "manifests": [] }),
            "its schema version is 1",
        ),
        (
            MANIFEST,
            json!({ "schemaVersion": 2, "manifests": [], "x": 1 }),
            "it is no manifest",
        ),
        (
            INDEX,
            json!({ "schemaVersion": 2, "manifests": [], "layers": [] }),
            "it is an index and a manifest at the same time",
        ),
        (
            INDEX,
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "manifests": [] }),
            "it calls itself `application/vnd.oci.image.manifest.v1+json`",
        ),
    ];
    for (kind, document, want) in cases {
        let digest = world.put(kind, &document).0;
        let why = world.prove(&digest, &[]).await.unwrap_err();
        assert!(why.contains(want), "{document}: {why}");
        assert!(why.contains("is not a container image: "), "{why}");
    }
}

#[tokio::test]
async fn an_index_within_itself_and_one_of_thousands_end() {
    let world = world().await;
    let mut digest = world.index(&[("linux/amd64", MANIFEST, world.manifest("deep"))]);
    for _ in 0..5 {
        digest = world.index(&[("linux/amd64", INDEX, (digest, 1))]);
    }
    let why = world.prove(&digest, &[]).await.unwrap_err();
    assert!(
        why.ends_with("it is an index of indexes, more than 3 deep"),
        "{why}"
    );
    let child = world.manifest("x");
    let many: Vec<_> = (0..1000)
        .map(|_| ("linux/amd64", MANIFEST, child.clone()))
        .collect();
    let why = world.prove(&world.index(&many), &[]).await.unwrap_err();
    assert!(why.ends_with("it names 1000 images"), "{why}");
    let nested: Vec<_> = (0..40)
        .map(|_| ("linux/amd64", INDEX, (digest.clone(), 1)))
        .collect();
    let why = world.prove(&world.index(&nested), &[]).await.unwrap_err();
    assert!(why.ends_with("it names more than 16 indexes"), "{why}");
}

#[tokio::test]
async fn where_head_is_not_served_a_get_is_remembered_for_the_registry() {
    for code in [405, 400, 501, 404] {
        let world = world().await;
        let digest = world
            .registry
            .put_image(HOST, &DemoImage::new("a/b", "latest", "one").single());
        let channel = crate::model::reference::Channel::parse("ghcr.io/a/b:latest").unwrap();
        world
            .registry
            .fail(Fault::of(HOST, FaultKind::HeadStatus(code)));
        for _ in 0..3 {
            assert_eq!(
                world.client.head(&channel).await,
                Ok(digest.clone()),
                "{code}"
            );
        }
        // The bytes are known already.
        assert_eq!(world.prove(&digest, &[]).await, Ok(()));
        let counts = world.registry.counts(HOST);
        assert_eq!((counts.heads, counts.gets), (1, 3), "{code}");
    }
    for code in [401, 403, 429, 500] {
        let world = world().await;
        world
            .registry
            .put_image(HOST, &DemoImage::new("a/b", "latest", "one").single());
        let channel = crate::model::reference::Channel::parse("ghcr.io/a/b:latest").unwrap();
        let client = Client::new(Options {
            longest_wait: std::time::Duration::ZERO,
            ..world.client.inner.options.clone()
        });
        world
            .registry
            .fail(Fault::of(HOST, FaultKind::HeadStatus(code)));
        assert!(client.head(&channel).await.is_err(), "{code}");
        assert_eq!(world.registry.counts(HOST).gets, 0, "{code}");
    }
}
