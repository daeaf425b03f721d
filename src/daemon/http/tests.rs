use super::{HttpServer, HttpState, LIMIT, WebhookSecrets};
use crate::daemon::health::Health;
use crate::daemon::hooks::registry::{RegistrySender, SenderProof};
use crate::daemon::hooks::{PendingWebhooks, PushedImage, Webhook};
use crate::daemon::metrics::Metrics;
use crate::observe::FollowedBranch;
use hmac::{Hmac, KeyInit, Mac};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use strum::IntoEnumIterator;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

const SECRET: &str = "a secret";
const TOKEN: &str = "a token";

struct World {
    address: SocketAddr,
    health: Arc<Health>,
    wakes: Arc<PendingWebhooks>,
    _serving: JoinSet<()>,
}

async fn world(secret: Option<&str>) -> World {
    world_of(WebhookSecrets {
        forge: secret.map(Into::into),
        ..WebhookSecrets::default()
    })
    .await
}

async fn world_of(secrets: WebhookSecrets) -> World {
    let (health, wakes) = (
        Arc::new(Health::new(Duration::from_secs(1), Instant::now())),
        Arc::new(PendingWebhooks::default()),
    );
    let metrics = Arc::new(Metrics::new(None, false));
    let shared = HttpState::new(health.clone(), wakes.clone(), metrics, secrets);
    let server = HttpServer::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = server.address().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async { server.serve(Arc::new(shared)).await.unwrap() });
    World {
        address,
        health,
        wakes,
        _serving: serving,
    }
}

impl World {
    /// Sends bytes and returns status and body of the answer.
    async fn send(&self, parts: &[&[u8]]) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        for part in parts {
            stream.write_all(part).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        (
            status.unwrap_or_else(|| panic!("no answer: {answer:?}")),
            body.to_owned(),
        )
    }

    async fn ask(&self, method: &str, target: &str) -> (u16, String) {
        self.send(&[format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()])
            .await
    }

    async fn hook(&self, body: &[u8], headers: &str) -> (u16, String) {
        let head = format!(
            "POST /hooks/forgejo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body]).await
    }

    async fn alert(&self, body: &[u8], headers: &str) -> (u16, String) {
        let head = format!(
            "POST /hooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.send(&[head.as_bytes(), body]).await
    }

    async fn woken(&self) -> bool {
        timeout(Duration::from_millis(1), self.wakes.next())
            .await
            .is_ok()
    }
}

fn signed(body: &[u8]) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    let signature = hex::encode(mac.chain_update(body).finalize().into_bytes());
    format!("X-Forgejo-Event: push\r\nX-Forgejo-Signature: {signature}\r\n")
}

#[tokio::test]
async fn probes_are_told_what_the_loop_said() {
    let world = world(None).await;
    assert_eq!(world.ask("GET", "/healthz").await, (200, "ok\n".into()));
    assert_eq!(world.ask("HEAD", "/healthz").await, (200, String::new()));
    assert_eq!(
        world.ask("GET", "/readyz").await,
        (503, "starting\n".into())
    );
    world.health.ended(Ok(()), Instant::now());
    assert_eq!(
        world.ask("GET", "/readyz?verbose").await,
        (200, "ok\n".into())
    );
    world
        .health
        .ended(Err("cannot reach the remote".into()), Instant::now());
    assert_eq!(
        world.ask("GET", "/readyz").await,
        (503, "cannot reach the remote\n".into())
    );
}

#[tokio::test]
async fn the_version_is_one_line() {
    let world = world(None).await;
    let version = concat!(env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(world.ask("GET", "/version").await, (200, version.into()));
}

#[tokio::test]
async fn answers_to_webhooks_are_counted() {
    let world = world(Some(SECRET)).await;
    world.hook(b"{}", &signed(b"{}")).await;
    world.hook(b"{}", "").await;
    world.ask("POST", "/hooks/nowhere").await;
    let (status, page) = world.ask("GET", "/metrics").await;
    let counted: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("pintle_hooks_total"))
        .collect();
    assert_eq!(status, 200);
    assert_eq!(counted.len(), 2, "{counted:?}");
    assert!(page.contains("pintle_hooks_total{kind=\"forgejo\",code=\"401\"} 1\n"));
}

#[tokio::test]
async fn a_replica_that_waits_takes_no_webhook_and_is_well() {
    let world = world(Some(SECRET)).await;
    let why = "waiting for the lease ops/pintle, which another one holds";
    world.health.waiting(why.into());
    assert_eq!(world.ask("GET", "/readyz").await.0, 200);
    assert_eq!(world.ask("GET", "/healthz").await.0, 200);
    let refused = world.hook(b"{}", &signed(b"{}")).await;
    assert_eq!(refused, (503, format!("{why}\n")));
    assert!(!world.woken().await);
    world.health.held(Instant::now());
    assert_eq!(
        world.ask("GET", "/readyz").await,
        (503, "starting\n".into())
    );
    assert_eq!(world.hook(b"{}", &signed(b"{}")).await.0, 202);
}

#[tokio::test]
async fn what_is_not_there_is_not_there() {
    let world = world(Some(SECRET)).await;
    for (method, target, want) in [
        ("GET", "/", 404),
        ("GET", "/healthz/", 404),
        ("GET", "/metrics/", 404),
        ("POST", "/hooks/", 404),
        ("POST", "/hooks/forgejo/..", 404),
        ("POST", "/healthz", 405),
        ("POST", "/metrics", 405),
        ("GET", "/hooks/forgejo", 405),
        ("PUT", "/hooks/forgejo", 405),
        ("DELETE", "/hooks/forgejo", 405),
    ] {
        assert_eq!(world.ask(method, target).await.0, want, "{method} {target}");
    }
    assert!(!world.woken().await);
}

#[tokio::test]
async fn a_signed_hook_wakes_and_another_does_not() {
    let world = world(Some(SECRET)).await;
    let body = br#"{"ref":"refs/heads/main"}"#;
    for kind in [
        "",
        "Content-Type: application/x-www-form-urlencoded\r\n",
        "Content-Type: nonsense\r\n",
    ] {
        assert_eq!(
            world.hook(body, &(signed(body) + kind)).await,
            (202, "woken\n".into()),
            "{kind}"
        );
        assert_eq!(
            world.wakes.next().await.into_iter().collect::<Vec<_>>(),
            [Webhook::Push]
        );
    }
    assert_eq!(world.hook(b"", &signed(b"")).await.0, 202);
    assert_eq!(world.wakes.next().await.len(), 1);
    assert_eq!(
        world
            .hook(body, &signed(body).replace("push", "release"))
            .await,
        (204, String::new())
    );
    for headers in [
        signed(b"another body"),
        String::new(),
        "X-Forgejo-Event: push\r\n".into(),
    ] {
        assert_eq!(
            world.hook(body, &headers).await,
            (401, "not signed with the secret\n".into()),
            "{headers}"
        );
    }
    assert!(!world.woken().await);
}

#[tokio::test]
async fn a_push_of_another_branch_wakes_nobody() {
    let world = world(Some(SECRET)).await;
    let other = br#"{"ref":"refs/heads/other","repository":{"full_name":"ops/infra"}}"#;
    assert_eq!(world.hook(other, &signed(other)).await.0, 202);
    assert!(world.woken().await, "the followed branch is not known yet");
    world.wakes.follow(FollowedBranch {
        branch: Some("main".into()),
        repository: Some("ops/infra".into()),
    });
    assert_eq!(
        world.hook(other, &signed(other)).await,
        (204, String::new())
    );
    assert!(!world.woken().await);
    assert_eq!(world.hook(other, &signed(b"x")).await.0, 401);
    let own = br#"{"ref":"refs/heads/main","repository":{"full_name":"ops/infra"}}"#;
    assert_eq!(world.hook(own, &signed(own)).await.0, 202);
    assert!(world.woken().await);
    // One that is too large to be kept is not looked into.
    let large = [
        &other[..other.len() - 1],
        b", \"x\": \"",
        &vec![b'x'; LIMIT / 2],
        b"\"}",
    ]
    .concat();
    assert_eq!(world.hook(&large, &signed(&large)).await.0, 202);
    assert!(world.woken().await);
    // A package names its image, also where the event itself is empty, as Forgejo sends it.
    let package = br#"{"action":"created","package":{"type":"container","name":"app","version":"1","owner":{"login":"team"}}}"#;
    let headers = signed(package).replace(
        "X-Forgejo-Event: push\r\n",
        "X-Forgejo-Event: \r\nX-Forgejo-Event-Type: package\r\n",
    );
    assert_eq!(world.hook(package, &headers).await.0, 202);
    assert_eq!(
        world.wakes.next().await.into_iter().collect::<Vec<_>>(),
        [Webhook::Image(PushedImage {
            path: "team/app".into(),
            tag: "1".into()
        })]
    );
}

#[tokio::test]
async fn without_a_secret_no_hook_is_right() {
    let world = world(None).await;
    assert_eq!(
        world.hook(b"{}", &signed(b"{}")).await,
        (403, "there is no webhook secret here\n".into())
    );
    assert!(!world.woken().await);
}

#[tokio::test]
async fn a_body_is_taken_up_to_its_limit() {
    let world = world(Some(SECRET)).await;
    let full = vec![b'x'; LIMIT];
    assert_eq!(world.hook(&full, &signed(&full)).await.0, 202);
    let head = format!(
        "POST /hooks/forgejo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        LIMIT + 1
    );
    assert_eq!(
        world.send(&[head.as_bytes()]).await,
        (413, "its body is larger than 1 MiB\n".into())
    );
    // The same without saying so before: refused when the byte too many comes, not at the end.
    let chunked = "POST /hooks/forgejo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (size, last) = (format!("{LIMIT:x}\r\n"), "\r\n1\r\nx");
    let answer = world
        .send(&[chunked.as_bytes(), size.as_bytes(), &full, last.as_bytes()])
        .await;
    assert_eq!(answer, (413, "its body is larger than 1 MiB\n".into()));
}

#[tokio::test]
async fn a_body_that_breaks_off_wakes_nobody() {
    let world = world(Some(SECRET)).await;
    let head = format!(
        "POST /hooks/forgejo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n{}\r\n{{}}",
        signed(b"{}")
    );
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert!(!world.woken().await);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_slow_is_not_waited_for() {
    let world = world(Some(SECRET)).await;
    let head = format!(
        "POST /hooks/forgejo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n{}\r\n",
        signed(b"{}")
    );
    assert_eq!(
        world.send(&[head.as_bytes(), b"{}"]).await,
        (408, "its body took too long\n".into())
    );
    // Half a head: the connection is closed.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream
        .write_all(b"POST /hooks/forgejo HTTP/1.1\r\nHo")
        .await
        .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test]
async fn whoever_holds_all_connections_loses_the_oldest() {
    let world = world(None).await;
    let mut held = Vec::new();
    for _ in 0..2 * super::MOST {
        held.push(TcpStream::connect(world.address).await.unwrap());
        assert_eq!(world.ask("GET", "/healthz").await.0, 200);
    }
    let (newest, mut oldest) = (held.pop().unwrap(), held.swap_remove(0));
    assert_eq!(oldest.read(&mut [0]).await.unwrap_or(0), 0, "it was closed");
    assert_eq!(
        newest.try_read(&mut [0]).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock,
        "it waits for a request"
    );
}

async fn world_of_alerts() -> World {
    world_of(WebhookSecrets {
        alerts: Some(TOKEN.into()),
        ..WebhookSecrets::default()
    })
    .await
}

#[tokio::test]
async fn an_alert_wakes_whatever_it_says() {
    let world = world_of_alerts().await;
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    for body in [
        &br#"{"version":"4","status":"firing"}"#[..],
        b"",
        b"{",
        b"\0\xff",
    ] {
        assert_eq!(world.alert(body, &bearer).await, (202, "woken\n".into()));
        assert_eq!(
            world.wakes.next().await.into_iter().collect::<Vec<_>>(),
            [Webhook::Alert]
        );
    }
    assert!(!world.woken().await);
}

#[tokio::test]
async fn an_alert_without_the_token_is_refused_by_its_head() {
    let world = world_of_alerts().await;
    for headers in [
        "",
        "Authorization: Bearer\r\n",
        "Authorization: Bearer another\r\n",
        &signed(b"{}"),
    ] {
        assert_eq!(
            world.alert(b"{}", headers).await,
            (401, "not the token\n".into()),
            "{headers}"
        );
    }
    // The answer comes though of the body nothing ever does.
    let head = "POST /hooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n";
    assert_eq!(world.send(&[head.as_bytes()]).await.0, 401);
    assert_eq!(world.ask("GET", "/hooks/alertmanager").await.0, 405);
    assert!(!world.woken().await);
}

#[tokio::test]
async fn without_a_token_there_is_no_path_for_alerts() {
    let world = world(Some(SECRET)).await;
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    assert_eq!(
        world.alert(b"{}", &bearer).await,
        (404, "there is nothing here\n".into())
    );
    assert_eq!(world.ask("GET", "/hooks/alertmanager").await.0, 404);
    assert!(!world.woken().await);
}

#[tokio::test]
async fn a_token_is_not_a_secret_of_the_forge() {
    let world = world_of(WebhookSecrets {
        forge: Some(SECRET.into()),
        alerts: Some(TOKEN.into()),
        ..WebhookSecrets::default()
    })
    .await;
    assert_eq!(
        world
            .alert(b"{}", &format!("Authorization: Bearer {SECRET}\r\n"))
            .await
            .0,
        401
    );
    assert_eq!(
        world
            .hook(
                b"{}",
                &format!("X-Forgejo-Event: push\r\nAuthorization: Bearer {TOKEN}\r\n")
            )
            .await
            .0,
        401
    );
    assert!(!world.woken().await);
}

#[tokio::test]
async fn a_storm_of_alerts_wakes_too() {
    let world = world_of_alerts().await;
    let head = format!(
        "POST /hooks/alertmanager HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n",
        LIMIT + 1
    );
    assert_eq!(
        world.send(&[head.as_bytes()]).await,
        (413, "its body is larger than 1 MiB\n".into())
    );
    assert!(world.woken().await);
}

#[tokio::test]
async fn nonsense_is_no_request() {
    let world = world(Some(SECRET)).await;
    for nonsense in [
        "\0\0\0\0\r\n\r\n",
        "GET\r\n\r\n",
        "POST /hooks/forgejo HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(nonsense.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{nonsense:?}");
    }
    assert_eq!(world.ask("GET", "/healthz").await.0, 200);
}

async fn world_of_registries() -> World {
    world_of(WebhookSecrets {
        registries: Some(TOKEN.into()),
        ..WebhookSecrets::default()
    })
    .await
}

/// One request of each kind of sender that is right: path, headers, body.
fn registry_requests() -> Vec<(RegistrySender, String, String, String)> {
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let request = |sender: RegistrySender| {
        let image = match sender {
            RegistrySender::Distribution => {
                r#"{"events":[{"action":"push","target":{"repository":"team/app","tag":"1"}}]}"#
            }
            RegistrySender::DockerHub => {
                r#"{"push_data":{"tag":"1"},"repository":{"repo_name":"team/app"}}"#
            }
            RegistrySender::Harbor => {
                r#"{"type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"1","resource_url":"h.example/team/app:1"}]}}"#
            }
            RegistrySender::Quay => r#"{"docker_url":"quay.io/team/app","updated_tags":["1"]}"#,
            RegistrySender::Ghcr => {
                r#"{"action":"published","package":{"name":"app","package_type":"CONTAINER","owner":{"login":"team"},"package_version":{"container_metadata":{"tag":{"name":"1"}}}}}"#
            }
            RegistrySender::Diun => r#"{"status":"update","image":"h.example/team/app:1"}"#,
        };
        let headers = match sender.proof() {
            SenderProof::Token => bearer.clone(),
            SenderProof::Path => String::new(),
            SenderProof::Signature => format!(
                "X-GitHub-Event: package\r\nX-Hub-Signature-256: sha256={}\r\n",
                signature(TOKEN, image.as_bytes())
            ),
        };
        let path = sender.path(&TOKEN.into()).unwrap();
        (sender, path, headers, image.to_owned())
    };
    RegistrySender::iter().map(request).collect()
}

fn signature(key: &str, body: &[u8]) -> String {
    let mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

fn post(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

#[tokio::test]
async fn a_genuine_hook_of_each_registry_names_its_image() {
    let world = world_of_registries().await;
    for (sender, path, headers, body) in registry_requests() {
        let answer = world.send(&[&post(&path, &headers, &body)]).await;
        assert_eq!(answer, (202, "woken\n".into()), "{sender:?}");
        let image = PushedImage {
            path: "team/app".into(),
            tag: "1".into(),
        };
        let woken = world.wakes.next().await;
        assert_eq!(Vec::from_iter(woken), [Webhook::Image(image)], "{sender:?}");
    }
}

#[tokio::test]
async fn a_forged_hook_of_a_registry_wakes_nobody() {
    let world = world_of_registries().await;
    for (sender, path, headers, body) in registry_requests() {
        let unsigned = "X-GitHub-Event: package\r\n";
        let wrong = format!(
            "X-GitHub-Event: package\r\nAuthorization: Bearer other\r\nX-Hub-Signature-256: sha256={}\r\n",
            signature("other", body.as_bytes())
        );
        let path = match sender.proof() {
            SenderProof::Path => format!("{}0", &path[..path.len() - 1]),
            _ => path,
        };
        for headers in [unsigned, &wrong] {
            let (status, _) = world.send(&[&post(&path, headers, &body)]).await;
            assert_eq!(status, 401, "{sender:?} {headers}");
        }
        if sender.proof() == SenderProof::Signature {
            let changed = body.replace("team", "meat");
            assert_eq!(world.send(&[&post(&path, &headers, &changed)]).await.0, 401);
        }
    }
    let bare = post(
        "/hooks/registry/quay",
        &format!("Authorization: Bearer {TOKEN}\r\n"),
        "{}",
    );
    assert_eq!(world.send(&[&bare]).await.0, 401);
    assert!(!world.woken().await);
}

#[tokio::test]
async fn an_oversized_hook_of_a_registry_wakes_nobody() {
    let world = world_of_registries().await;
    for (sender, path, headers, _) in registry_requests() {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{headers}\r\n",
            LIMIT + 1
        );
        assert_eq!(world.send(&[head.as_bytes()]).await.0, 413, "{sender:?}");
    }
    assert!(!world.woken().await);
}

#[tokio::test]
async fn what_is_no_push_wakes_nobody_and_what_is_unclear_asks_all() {
    let world = world_of_registries().await;
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let pull = r#"{"events":[{"action":"pull","target":{"repository":"a","tag":"1"}}]}"#;
    let request = post("/hooks/registry/distribution", &bearer, pull);
    assert_eq!(world.send(&[&request]).await.0, 204);
    assert!(!world.woken().await);
    let request = post("/hooks/registry/harbor", &bearer, r#"{"a":1}"#);
    assert_eq!(world.send(&[&request]).await.0, 202);
    assert_eq!(Vec::from_iter(world.wakes.next().await), [Webhook::Package]);
    for path in [
        "/hooks/registry/other",
        "/hooks/registry/diun",
        "/hooks/registry",
    ] {
        assert_eq!(
            world.send(&[&post(path, &bearer, "{}")]).await.0,
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn diun_may_send_with_get() {
    let world = world_of_registries().await;
    let body = r#"{"status":"update","image":"h.example/team/app:1"}"#;
    let headers = format!("Authorization: {TOKEN}\r\n");
    let request = String::from_utf8(post("/hooks/diun", &headers, body)).unwrap();
    let request = request.replacen("POST", "GET", 1);
    assert_eq!(world.send(&[request.as_bytes()]).await.0, 202);
    assert!(world.woken().await);
}

#[tokio::test]
async fn without_a_token_there_are_no_paths_for_registries() {
    let world = world(Some(SECRET)).await;
    for (sender, path, headers, body) in registry_requests() {
        let (status, _) = world.send(&[&post(&path, &headers, &body)]).await;
        assert_eq!(status, 404, "{sender:?}");
    }
    assert!(!world.woken().await);
}
