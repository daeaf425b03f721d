use super::*;
use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use strum::IntoEnumIterator;

fn token() -> SecretString {
    "the-t0ken".into()
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &str)| {
        (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())
    };
    all.iter().map(header).collect()
}

/// What the body names, as `path:tag`.
fn named(
    sender: RegistrySender,
    event: &[(&'static str, &str)],
    body: Value,
) -> Option<Vec<String>> {
    let body = serde_json::to_vec(&body).unwrap();
    match sender.pushed_images(&headers(event), &body) {
        PushedImages::Named(images) => Some(
            images
                .iter()
                .map(|image| format!("{}:{}", image.path, image.tag))
                .collect(),
        ),
        PushedImages::Unknown => None,
    }
}

fn some(names: &[&str]) -> Option<Vec<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn distribution_names_what_was_pushed_with_a_tag() {
    let event = |action: &str, repository: &str, tag: Option<&str>| {
        json!({"action": action, "target": {"repository": repository, "tag": tag},
               "request": {"host": "registry.example:5000"}})
    };
    let body = json!({"events": [
        event("push", "team/app", None),
        event("push", "team/app", Some("1.2")),
        event("pull", "team/other", Some("1")),
        {"action": "delete"},
    ]});
    assert_eq!(
        named(RegistrySender::Distribution, &[], body),
        some(&["team/app:1.2"])
    );
}

#[test]
fn docker_hub_names_one_tag() {
    let body = json!({"callback_url": "https://registry.hub.docker.com/u/x/hook/1/",
        "push_data": {"pushed_at": 1.4e9, "tag": "7"}, "repository": {"repo_name": "library/redis"}});
    assert_eq!(
        named(RegistrySender::DockerHub, &[], body),
        some(&["library/redis:7"])
    );
}

#[test]
fn harbor_names_a_tag_in_both_formats() {
    let event = json!({"resources": [
        {"digest": "sha256:aa", "tag": "1", "resource_url": "harbor.example/team/app:1"},
        {"digest": "sha256:bb", "tag": "sha256:bb",
         "resource_url": "harbor.example/team/app@sha256:bb"},
        {"tag": "2"},
    ], "repository": {"repo_full_name": "team/app"}});
    let old = json!({"type": "PUSH_ARTIFACT", "occur_at": 1, "event_data": event});
    let new = json!({"specversion": "1.0", "type": "harbor.artifact.pushed", "data": event});
    let expected = some(&["team/app:1", "team/app:2"]);
    assert_eq!(named(RegistrySender::Harbor, &[], old), expected);
    assert_eq!(named(RegistrySender::Harbor, &[], new), expected);
    let scan = json!({"type": "SCANNING_COMPLETED", "event_data": event});
    assert_eq!(named(RegistrySender::Harbor, &[], scan), some(&[]));
}

#[test]
fn quay_names_all_tags_in_both_formats() {
    let body = |tags: Value| json!({"docker_url": "quay.io/team/app", "updated_tags": tags});
    let list = named(RegistrySender::Quay, &[], body(json!(["1", "latest"])));
    assert_eq!(list, some(&["team/app:1", "team/app:latest"]));
    let map = named(RegistrySender::Quay, &[], body(json!({"1": "id"})));
    assert_eq!(map, some(&["team/app:1"]));
    assert_eq!(named(RegistrySender::Quay, &[], body(json!(1))), None);
}

#[test]
fn ghcr_names_a_tag_of_either_event() {
    let package = |tag: &str| {
        json!({"name": "App", "package_type": "CONTAINER", "owner": {"login": "Team"},
            "package_version": {"container_metadata": {"tag": {"name": tag, "digest": "sha256:aa"}}}})
    };
    let of =
        |event: &str, body: Value| named(RegistrySender::Ghcr, &[("x-github-event", event)], body);
    let body = json!({"action": "published", "package": package("v1")});
    assert_eq!(of("package", body.clone()), some(&["team/app:v1"]));
    assert_eq!(of("ping", body), some(&[]));
    let body = json!({"action": "updated", "registry_package": package("v1")});
    assert_eq!(of("registry_package", body), some(&["team/app:v1"]));
    let body = json!({"action": "published", "package": package("")});
    assert_eq!(of("package", body), some(&[]));
    let body = json!({"action": "deleted", "package": package("v1")});
    assert_eq!(of("package", body), some(&[]));
}

#[test]
fn diun_names_an_image_with_its_host() {
    let body =
        |status: &str, image: &str| json!({"status": status, "image": image, "created": null});
    let of = |body| named(RegistrySender::Diun, &[], body);
    assert_eq!(
        of(body("update", "docker.io/library/redis:7")),
        some(&["library/redis:7"])
    );
    assert_eq!(of(body("new", "localhost:5000/a/b:1")), some(&["a/b:1"]));
    assert_eq!(of(body("unchange", "docker.io/library/redis:7")), some(&[]));
    assert_eq!(of(body("update", "docker.io/library/redis")), None);
}

#[test]
fn what_is_no_such_body_is_unknown() {
    for sender in RegistrySender::iter() {
        let event = [("x-github-event", "package")];
        assert_eq!(
            named(sender, &event, json!({"events": 7})),
            None,
            "{sender:?}"
        );
        let broken = sender.pushed_images(&headers(&event), b"{");
        assert_eq!(broken, PushedImages::Unknown);
    }
}

#[test]
fn each_sender_has_one_proof_and_no_other_is_accepted() {
    let bearer = format!("Bearer {}", token().expose_secret());
    let basic = format!("Basic {}", STANDARD.encode("any:the-t0ken"));
    for sender in RegistrySender::iter() {
        let path = sender.path(&token()).unwrap();
        let secret = path.rsplit('/').next().filter(|last| last.len() == 64);
        assert_eq!(
            secret.is_some(),
            sender.proof() == SenderProof::Path,
            "{path}"
        );
        for right in [&*bearer, &basic, "the-t0ken"] {
            let headers = headers(&[("authorization", right)]);
            let is_token = sender.proof() == SenderProof::Token;
            assert_eq!(
                sender.is_proved(&token(), &headers, None),
                is_token,
                "{sender:?}"
            );
        }
        for wrong in ["Bearer the-t0ke", "the-t0ken2", "Bearer", "", "Basic !"] {
            let headers = headers(&[("authorization", wrong)]);
            assert!(
                !sender.is_proved(&token(), &headers, None),
                "{sender:?} {wrong}"
            );
        }
        let none = HeaderMap::new();
        assert!(!sender.is_proved(&token(), &none, None));
        assert!(!sender.is_proved(&token(), &none, Some("the-t0ken")));
        let is_path = sender.proof() == SenderProof::Path;
        assert_eq!(sender.is_proved(&token(), &none, secret), is_path);
        assert_eq!(
            sender.signature(&token(), &none).is_some(),
            sender.proof() == SenderProof::Signature
        );
    }
}

#[test]
fn the_secret_of_one_path_opens_no_other() {
    let path = |sender: RegistrySender| {
        let path = sender.path(&token()).unwrap();
        path.rsplit('/').next().unwrap().to_owned()
    };
    let (hub, quay) = (RegistrySender::DockerHub, RegistrySender::Quay);
    let none = HeaderMap::new();
    assert!(!hub.is_proved(&token(), &none, Some(&path(quay))));
    assert!(quay.is_proved(&token(), &none, Some(&path(quay))));
    assert!(!path(hub).contains("t0ken"));
}
