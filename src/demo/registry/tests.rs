//! The in-process registry by itself: what it keeps, how it stops, what each fault does.

use super::*;
use reqwest::{Client, Method, Response, StatusCode};
use std::collections::BTreeSet;

const ACCEPT: &str =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

fn client() -> Client {
    crate::remote::install_tls();
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

async fn send(method: Method, url: String) -> reqwest::Result<Response> {
    client()
        .request(method, url)
        .header("accept", ACCEPT)
        .send()
        .await
}

async fn head(running: &RunningRegistry, host: &str, path: &str) -> (u16, Option<String>) {
    let response = send(
        Method::HEAD,
        format!("{}/v2/{path}", running.endpoint(host)),
    )
    .await
    .unwrap();
    let digest = response
        .headers()
        .get("docker-content-digest")
        .map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), digest)
}

#[test]
fn the_same_image_has_the_same_digests_and_another_seed_others() {
    let registry = DemoRegistry::new();
    let put = |image: &DemoImage| registry.put_image("h", image);
    let one = DemoImage::new("a/b", "1", "one");
    assert_eq!(put(&one), put(&one));
    let all = [
        one.clone(),
        DemoImage::new("a/b", "1", "two"),
        one.clone().single(),
        one.clone().docker(),
    ];
    let digests: BTreeSet<Digest> = all.iter().map(put).collect();
    assert_eq!(digests.len(), 4);
}

#[test]
fn an_image_is_whole() {
    let registry = DemoRegistry::new();
    let tag = registry.put_image("h", &DemoImage::new("a/b", "1", "one"));
    let state = registry.shared.state();
    let repository = &state.hosts["h"].repositories["a/b"];
    let index: oci_spec::image::ImageIndex =
        serde_json::from_slice(&repository.manifests[tag.as_str()].bytes).unwrap();
    let platforms: Vec<String> = index
        .manifests()
        .iter()
        .map(|child| {
            child
                .platform()
                .as_ref()
                .unwrap()
                .architecture()
                .to_string()
        })
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
    for child in index.manifests() {
        let stored = &repository.manifests[child.digest().as_ref()];
        assert_eq!(stored.bytes.len() as u64, child.size());
        let manifest: oci_spec::image::ImageManifest =
            serde_json::from_slice(&stored.bytes).unwrap();
        for part in manifest.layers().iter().chain([manifest.config()]) {
            let blob = &repository.blobs[part.digest().as_ref()];
            assert_eq!(blob.bytes.len() as u64, part.size());
            assert_eq!(
                image::digest_of(&blob.bytes).as_str(),
                part.digest().as_ref()
            );
        }
    }
}

#[tokio::test]
async fn what_is_saved_comes_back_on_the_same_port() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.json");
    let registry = DemoRegistry::new();
    let digest = registry.put_image("docker.io", &DemoImage::new("library/app", "latest", "one"));
    registry.fail(Fault::of("docker.io", FaultKind::NoDigest).repository("library/other"));
    registry.add_user("ghcr.io", "bob", "secret");
    registry.set_access(
        "ghcr.io",
        PullAccess::Token {
            expires_in: Some(5),
        },
    );
    registry.pull_through(
        "cache",
        PullThrough {
            upstream: "http://127.0.0.1:1".into(),
            refused: Some(429),
        },
    );
    let running = registry.start().await.unwrap();
    let addr = running.addr();
    registry.save(&path).unwrap();
    running.stop().await.unwrap();
    let again = DemoRegistry::load(&path).unwrap();
    let running = again.start().await.unwrap();
    assert_eq!(running.addr(), addr);
    assert_eq!(
        head(&running, "docker.io", "library/app/manifests/latest").await,
        (200, Some(digest.to_string()))
    );
    assert_eq!(
        again
            .shared
            .state()
            .hosts
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>(),
        ["cache", "docker.io", "ghcr.io"].map(str::to_owned).into()
    );
    let other = folder.path().join("other.json");
    again.save(&other).unwrap();
    assert_eq!(
        std::fs::read(&path).unwrap(),
        std::fs::read(&other).unwrap()
    );
}

#[tokio::test]
async fn it_stops_while_a_request_hangs() {
    let registry = DemoRegistry::new();
    registry.put_image("h", &DemoImage::new("a/b", "1", "one"));
    registry.fail(Fault::of("h", FaultKind::Slow));
    let running = registry.start().await.unwrap();
    let url = format!("{}/v2/a/b/manifests/1", running.endpoint("h"));
    let hanging = tokio::spawn(send(Method::HEAD, url.clone()));
    let half = send(Method::GET, url).await.unwrap();
    while registry.counts("h").heads == 0 {
        tokio::task::yield_now().await;
    }
    running.stop().await.unwrap();
    assert!(half.bytes().await.is_err());
    assert_eq!(
        hanging.await.unwrap().unwrap().status(),
        StatusCode::SERVICE_UNAVAILABLE
    );
}

#[tokio::test]
async fn a_fault_is_for_the_requests_it_names() {
    let registry = DemoRegistry::new();
    for repository in ["a/b", "a/c"] {
        for tag in ["1", "2"] {
            registry.put_image("h", &DemoImage::new(repository, tag, tag));
        }
    }
    let running = registry.start().await.unwrap();
    let status = async |path: &str| head(&running, "h", path).await.0;
    registry.fail(
        Fault::of(
            "h",
            FaultKind::Status {
                code: 500,
                retry_after: None,
            },
        )
        .repository("a/b")
        .reference("1")
        .times(1),
    );
    assert_eq!(status("a/c/manifests/1").await, 200);
    assert_eq!(status("a/b/manifests/2").await, 200);
    assert_eq!(status("a/b/manifests/1").await, 500);
    assert_eq!(status("a/b/manifests/1").await, 200);
    registry.fail(Fault::of(
        "h",
        FaultKind::Status {
            code: 429,
            retry_after: Some("7".into()),
        },
    ));
    let limited = send(
        Method::HEAD,
        format!("{}/v2/a/b/manifests/1", running.endpoint("h")),
    )
    .await
    .unwrap();
    assert_eq!(
        (
            limited.status().as_u16(),
            limited.headers()["retry-after"].to_str().unwrap()
        ),
        (429, "7")
    );
    registry.heal();
    registry.fail(Fault::of(
        "h",
        FaultKind::Redirect("http://other.example.org/{path}".into()),
    ));
    let sent_on = send(
        Method::HEAD,
        format!("{}/v2/a/b/manifests/1", running.endpoint("h")),
    )
    .await
    .unwrap();
    assert_eq!(
        sent_on.headers()["location"].to_str().unwrap(),
        "http://other.example.org/h/v2/a/b/manifests/1"
    );
    registry.heal();
    registry.fail(Fault::of("h", FaultKind::Drop));
    assert!(
        send(
            Method::HEAD,
            format!("{}/v2/a/b/manifests/1", running.endpoint("h"))
        )
        .await
        .is_err()
    );
    registry.heal();
    assert_eq!(status("a/b/manifests/1").await, 200);
}

#[tokio::test]
async fn hosts_are_apart_and_unknown_ones_are_not_there() {
    let registry = DemoRegistry::new();
    registry.put_image("docker.io", &DemoImage::new("library/app", "1", "one"));
    registry.put_image("", &DemoImage::new("library/root", "1", "one"));
    let running = registry.start().await.unwrap();
    assert_eq!(
        head(&running, "docker.io", "library/app/manifests/1")
            .await
            .0,
        200
    );
    assert_eq!(head(&running, "", "library/app/manifests/1").await.0, 404);
    assert_eq!(head(&running, "", "library/root/manifests/1").await.0, 200);
    assert_eq!(
        head(&running, "quay.io", "library/app/manifests/1").await.0,
        404
    );
    assert_eq!(registry.counts("docker.io").heads, 1);
    let page = send(Method::GET, format!("http://{}/index.html", running.addr()))
        .await
        .unwrap();
    assert_eq!(page.status(), 404);
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let registry = DemoRegistry::new();
    for tag in ["a", "b", "c", "d", "e"] {
        registry.put_image("docker.io", &DemoImage::new("library/app", tag, "one"));
    }
    let running = registry.start().await.unwrap();
    let mut next = Some("/docker.io/v2/library/app/tags/list?n=2".to_owned());
    let mut pages = Vec::new();
    while let Some(path) = next {
        let response = send(Method::GET, format!("http://{}{path}", running.addr()))
            .await
            .unwrap();
        let link = response
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned());
        next = link.map(|link| {
            link.trim_start_matches('<')
                .split('>')
                .next()
                .unwrap()
                .to_owned()
        });
        let body: serde_json::Value =
            serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        pages.push(body["tags"].to_string());
    }
    assert_eq!(pages, [r#"["a","b"]"#, r#"["c","d"]"#, r#"["e"]"#]);
}

#[tokio::test]
async fn a_token_opens_its_scope_only() {
    let registry = DemoRegistry::new();
    for repository in ["a/b", "a/c", "a/secret"] {
        registry.put_image("h", &DemoImage::new(repository, "1", "one"));
    }
    registry.set_access(
        "h",
        PullAccess::Token {
            expires_in: Some(60),
        },
    );
    registry.make_private("h", "a/secret");
    registry.add_user("h", "bob", "secret");
    let running = registry.start().await.unwrap();
    let refused = send(
        Method::HEAD,
        format!("{}/v2/a/b/manifests/1", running.endpoint("h")),
    )
    .await
    .unwrap();
    let challenge = refused.headers()["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    let realm = format!("http://{}/h/token", running.addr());
    assert_eq!(
        challenge,
        format!("Bearer realm=\"{realm}\",service=\"pintle-demo\",scope=\"repository:a/b:pull\"")
    );
    let token = async |repository: &str, user: Option<(&str, &str)>| {
        let mut asked = client().get(format!(
            "{realm}?service=pintle-demo&scope=repository:{repository}:pull"
        ));
        if let Some((name, password)) = user {
            asked = asked.basic_auth(name, Some(password));
        }
        let body: serde_json::Value =
            serde_json::from_slice(&asked.send().await.unwrap().bytes().await.unwrap()).unwrap();
        body["token"].as_str().map(str::to_owned)
    };
    let opens = async |repository: &str, token: &str| {
        let asked = client().head(format!(
            "{}/v2/{repository}/manifests/1",
            running.endpoint("h")
        ));
        asked
            .header("accept", ACCEPT)
            .bearer_auth(token)
            .send()
            .await
            .unwrap()
            .status()
            == StatusCode::OK
    };
    let anonymous = token("a/b", None).await.unwrap();
    assert!(opens("a/b", &anonymous).await);
    assert!(!opens("a/c", &anonymous).await);
    assert_eq!(token("a/secret", None).await, None);
    assert_eq!(token("a/secret", Some(("bob", "wrong"))).await, None);
    assert!(
        opens(
            "a/secret",
            &token("a/secret", Some(("bob", "secret"))).await.unwrap()
        )
        .await
    );
    assert_eq!(registry.counts("h").tokens["repository:a/b:pull"], 1);
    registry.expire_tokens();
    assert!(!opens("a/b", &anonymous).await);
}

#[tokio::test]
async fn what_was_asked_is_kept_without_what_proved_it() {
    let registry = DemoRegistry::new();
    registry.put_image("h", &DemoImage::new("a/b", "1", "one"));
    let running = registry.start().await.unwrap();
    client()
        .get(format!("{}/v2/", running.endpoint("h")))
        .bearer_auth("hidden")
        .send()
        .await
        .unwrap();
    let seen = RequestSeen {
        method: "GET".into(),
        path: "/h/v2/".into(),
        authorization: Some("Bearer".into()),
    };
    assert_eq!(registry.requests(), [seen]);
    assert_eq!(registry.counts("h").pings, 1);
}

#[tokio::test]
async fn blobs_are_uploaded_in_one_or_more_parts() {
    let registry = DemoRegistry::new();
    registry.set_access("h", PullAccess::Open);
    let running = registry.start().await.unwrap();
    let uploads = format!("{}/v2/a/b/blobs/uploads/", running.endpoint("h"));
    let digest = image::digest_of(b"hello world");
    let begun = client().post(&uploads).send().await.unwrap();
    let location = format!(
        "http://{}{}",
        running.addr(),
        begun.headers()["location"].to_str().unwrap()
    );
    assert_eq!(
        client()
            .patch(&location)
            .body("hello ")
            .send()
            .await
            .unwrap()
            .status(),
        202
    );
    assert_eq!(
        client()
            .put(format!("{location}?digest={digest}"))
            .body("world")
            .send()
            .await
            .unwrap()
            .status(),
        201
    );
    let blob = client()
        .get(format!("{}/v2/a/b/blobs/{digest}", running.endpoint("h")))
        .send()
        .await
        .unwrap();
    assert_eq!(blob.bytes().await.unwrap(), "hello world");
    assert_eq!(
        client()
            .post(format!("{uploads}?digest={digest}"))
            .body("hello world")
            .send()
            .await
            .unwrap()
            .status(),
        201
    );
    assert_eq!(
        client()
            .post(format!("{uploads}?digest={digest}"))
            .body("other")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    assert_eq!(
        client()
            .put(format!("{uploads}gone?digest={digest}"))
            .send()
            .await
            .unwrap()
            .status(),
        404
    );
}
