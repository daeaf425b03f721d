//! Webhooks of registries and Diun at the built program: a genuine one starts a pass that asks for
//! its image; a forged, unsigned or oversized one changes nothing, and neither does one that is
//! repeated.

use crate::support::cmd::Pintle;
use crate::support::daemon::Daemon;
use crate::support::http::{Reply, request};
use crate::support::line::Line;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const IMAGE: &str = "quay.io/team/app:latest";
const TOKEN: &str = "s3cret-of-the-registries";

/// One kind of sender: its word, its path below `/hooks`, its body.
const SENDERS: [(&str, &str, &str); 6] = [
    (
        "distribution",
        "/hooks/registry/distribution",
        r#"{"events":[{"action":"push","target":{"repository":"team/app","tag":"latest"}}]}"#,
    ),
    (
        "harbor",
        "/hooks/registry/harbor",
        r#"{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"latest","resource_url":"quay.io/team/app:latest"}]}}"#,
    ),
    (
        "dockerhub",
        "",
        r#"{"push_data":{"tag":"latest"},"repository":{"repo_name":"team/app"}}"#,
    ),
    (
        "quay",
        "",
        r#"{"docker_url":"quay.io/team/app","updated_tags":["latest"]}"#,
    ),
    (
        "ghcr",
        "/hooks/registry/ghcr",
        r#"{"action":"published","package":{"name":"app","package_type":"CONTAINER","owner":{"login":"team"},"package_version":{"container_metadata":{"tag":{"name":"latest"}}}}}"#,
    ),
    (
        "diun",
        "/hooks/diun",
        r#"{"status":"update","image":"quay.io/team/app:latest"}"#,
    ),
];

fn start(line: &Line) -> (Daemon, String) {
    let args = [
        "--every",
        "1h",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
    ];
    let run = line
        .pintle("run", &args)
        .env("PINTLE_REGISTRY_HOOK_TOKEN", TOKEN);
    let mut run = Daemon::start(run);
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(1)));
    (run, address)
}

/// The path as `pintle setup registry-hook` shows it.
fn shown_path(kind: &str) -> String {
    let folder = std::env::temp_dir();
    let args = [
        "setup",
        "registry-hook",
        kind,
        "--base-url",
        "https://pintle.example",
    ];
    let output = Pintle::new(&folder, args)
        .env("PINTLE_REGISTRY_HOOK_TOKEN", TOKEN)
        .run();
    assert_eq!(output.code, Some(0), "{output:?}");
    let path = output.stdout.trim().strip_prefix("https://pintle.example");
    path.unwrap_or_else(|| panic!("{output:?}")).to_owned()
}

fn send(address: &str, path: &str, token: &str, body: &str) -> Reply {
    let mac = Hmac::<Sha256>::new_from_slice(token.as_bytes()).expect("any key will do");
    let code = hex::encode(mac.chain_update(body).finalize().into_bytes());
    let (bearer, signature) = (format!("Bearer {token}"), format!("sha256={code}"));
    let headers = [
        ("Authorization", &*bearer),
        ("X-GitHub-Event", "package"),
        ("X-Hub-Signature-256", &signature),
    ];
    request(address, "POST", path, &headers, body.as_bytes()).expect("it answers")
}

#[test]
fn a_push_of_each_kind_updates_its_image_at_once() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let (mut run, address) = start(&line);
    for (kind, path, body) in SENDERS {
        let shown = shown_path(kind);
        assert!(path.is_empty() || path == shown, "{kind}: {shown}");
        let digest = line.registries.put(IMAGE, kind);
        assert_eq!(send(&address, &shown, TOKEN, body).status, 202, "{kind}");
        assert_eq!(run.pass(), ("package".into(), Ok(1)), "{kind}");
        assert!(line.text("app").contains(&digest), "{kind}");
        // The same delivery again costs a look and changes nothing.
        let before = line.refs();
        assert_eq!(send(&address, &shown, TOKEN, body).status, 202, "{kind}");
        assert_eq!(run.pass(), ("package".into(), Ok(0)), "{kind}");
        assert_eq!(line.refs(), before, "{kind}");
    }
    run.stop();
}

#[test]
fn what_is_not_genuine_changes_nothing() {
    let line = Line::of_stacks(&[("app", IMAGE)], "");
    let (run, address) = start(&line);
    line.registries.put(IMAGE, "second");
    let before = line.refs();
    let large = format!("{{\"events\":\"{}\"}}", "x".repeat(2 << 20));
    for (kind, path, body) in SENDERS {
        let path = if path.is_empty() {
            format!("/hooks/registry/{kind}/{}", "0".repeat(64))
        } else {
            path.to_owned()
        };
        assert_eq!(send(&address, &path, "another", body).status, 401, "{kind}");
        let bare = request(&address, "POST", &path, &[], body.as_bytes());
        assert_eq!(bare.expect("it answers").status, 401, "{kind}");
        let shown = shown_path(kind);
        let head = format!("{}", large.len());
        let headers = [
            ("Authorization", format!("Bearer {TOKEN}")),
            ("Content-Length", head),
        ];
        let headers = headers
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        // It may hang up before it has read so much.
        if let Ok(reply) = request(&address, "POST", &shown, &headers[..1], large.as_bytes()) {
            assert_eq!(reply.status, 413, "{kind}");
        }
    }
    let log = run.stop();
    assert_eq!(line.refs(), before);
    assert_eq!(log.matches("\"message\":\"pass\"").count(), 1, "{log}");
}
