use super::{FollowedBranch, PushedImage};
use crate::daemon::hooks::Webhook;
use serde_json::{Value, json};

fn main_of_infra() -> FollowedBranch {
    FollowedBranch {
        branch: Some("main".into()),
        repository: Some("ops/infra".into()),
    }
}

fn narrowed(hook: Webhook, body: &Value, followed: &FollowedBranch) -> Option<Webhook> {
    hook.narrow(Some(body.to_string().as_bytes()), followed)
}

fn push(reference: &str, repository: &str) -> Value {
    json!({
        "ref": reference,
        "before": "1".repeat(40),
        "after": "2".repeat(40),
        "commits": [],
        "repository": { "id": 1, "full_name": repository, "default_branch": "main" },
    })
}

#[test]
fn only_a_push_to_the_followed_branch_wakes() {
    for (reference, repository, wakes) in [
        ("refs/heads/main", "ops/infra", true),
        ("refs/heads/main", "Ops/Infra", true),
        ("refs/heads/main", "ops/other", false),
        ("refs/heads/mai", "ops/infra", false),
        ("refs/heads/feature/main", "ops/infra", false),
        ("refs/heads/pintle/web", "ops/infra", false),
        ("refs/tags/main", "ops/infra", false),
        ("refs/pintle/ledger", "ops/infra", false),
        ("main", "ops/infra", true),
    ] {
        let woken = narrowed(
            Webhook::Push,
            &push(reference, repository),
            &main_of_infra(),
        );
        assert_eq!(
            woken,
            wakes.then_some(Webhook::Push),
            "{reference} of {repository}"
        );
    }
}

#[test]
fn what_is_not_known_or_not_understood_wakes() {
    let unknown = FollowedBranch::default();
    let other = push("refs/heads/other", "ops/other");
    assert_eq!(
        narrowed(Webhook::Push, &other, &unknown),
        Some(Webhook::Push)
    );
    for body in [
        &b""[..],
        b"{",
        b"{}",
        b"[]",
        b"\0\xff",
        br#"{"ref":1}"#,
        br#"{"reference":"refs/heads/other"}"#,
        br#"{"ref":"refs/heads/other"} and more"#,
    ] {
        let text = String::from_utf8_lossy(body);
        let woken = Webhook::Push.narrow(Some(body), &main_of_infra());
        assert_eq!(woken, Some(Webhook::Push), "{text}");
        let woken = Webhook::Package.narrow(Some(body), &main_of_infra());
        assert_eq!(woken, Some(Webhook::Package), "{text}");
    }
    assert_eq!(
        Webhook::Push.narrow(None, &main_of_infra()),
        Some(Webhook::Push)
    );
    let no_repository = json!({ "ref": "refs/heads/main", "repository": null });
    assert_eq!(
        narrowed(Webhook::Push, &no_repository, &main_of_infra()),
        Some(Webhook::Push)
    );
    for other in [Webhook::Comment, Webhook::PullRequest, Webhook::Status] {
        assert_eq!(
            narrowed(other.clone(), &json!({}), &main_of_infra()),
            Some(other)
        );
    }
}

/// A body as Gitea 1.26 and Forgejo send it, shortened (`modules/structs/hook.go`).
fn package(kind: &str, owner: &str, name: &str, version: &str) -> Value {
    json!({
        "action": "created",
        "repository": null,
        "package": {
            "id": 7,
            "owner": { "id": 2, "login": owner },
            "repository": null,
            "creator": { "id": 2, "login": owner },
            "type": kind,
            "name": name,
            "version": version,
            "html_url": "https://forge.example.org/x",
            "created_at": "2026-11-22T10:05:00Z",
        },
        "organization": null,
        "sender": { "id": 2, "login": owner },
    })
}

#[test]
fn a_package_event_names_its_image() {
    let image = |path: &str, tag: &str| {
        Some(Webhook::Image(PushedImage {
            path: path.into(),
            tag: tag.into(),
        }))
    };
    let child = format!("sha256:{}", "ab".repeat(32));
    for (kind, owner, name, version, woken) in [
        (
            "container",
            "Team",
            "app",
            "latest",
            image("team/app", "latest"),
        ),
        ("container", "team", "a/b", "1.2", image("team/a/b", "1.2")),
        ("container", "team", "app", &*child, None),
        ("npm", "team", "app", "1.0.0", None),
    ] {
        let body = package(kind, owner, name, version);
        assert_eq!(
            narrowed(Webhook::Package, &body, &main_of_infra()),
            woken,
            "{body}"
        );
    }
}
