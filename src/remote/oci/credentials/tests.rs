//! Who sees a registry's credentials, by what listeners were sent.

use super::*;
use crate::model::reference::Channel;
use crate::remote::oci::docker_config::DockerConfig;
use crate::remote::oci::{Client, Keychain, Options, RegistryOptions};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

const PASSWORD: &str = "hunter2";
/// `bob:hunter2`
const ENCODED: &str = "Ym9iOmh1bnRlcjI=";

/// A server that notes what it is asked and answers by `answer`.
struct Listener {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    fn start(answer: impl Fn(&str, SocketAddr) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let notes = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut stream = stream;
                let mut buffer = vec![0; 16 << 10];
                let count = stream.read(&mut buffer).unwrap_or(0);
                let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
                notes.lock().unwrap().push(text.clone());
                let _ = stream.write_all(answer(&text, at).as_bytes());
            }
        });
        Self { at, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn saw_the_password(&self) -> bool {
        let asked = self.asked();
        asked
            .iter()
            .any(|text| text.contains(PASSWORD) || text.contains(ENCODED))
    }
}

fn head(status: &str, headers: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: 0\r\nconnection: close\r\n\r\n")
}

fn basic() -> Listener {
    Listener::start(|_, _| {
        head(
            "401 Unauthorized",
            "www-authenticate: Basic realm=\"r\"\r\n",
        )
    })
}

fn bearer(realm: String) -> Listener {
    Listener::start(move |_, _| {
        head(
            "401 Unauthorized",
            &format!("www-authenticate: Bearer realm=\"{realm}\",service=\"s\"\r\n"),
        )
    })
}

fn client(host: &str, endpoint: &str, entries: &[&str]) -> Client {
    let auths: Vec<String> = entries
        .iter()
        .map(|entry| format!(r#""{entry}":{{"username":"bob","password":"{PASSWORD}"}}"#))
        .collect();
    let config = format!(r#"{{"auths":{{{}}}}}"#, auths.join(","));
    let keychain = Keychain::from(DockerConfig::parse(config.as_bytes()).unwrap());
    Client::new(Options {
        keychain: Some(Arc::new(keychain)),
        registries: vec![RegistryOptions {
            endpoint: endpoint.parse().ok(),
            ..RegistryOptions::new(host)
        }],
        ..Options::default()
    })
}

async fn ask(client: &Client, image: &str) -> String {
    let channel = Channel::parse(image).unwrap();
    client.head(&channel).await.unwrap_err().to_string()
}

#[tokio::test]
async fn an_endpoint_gets_its_own_credentials_and_never_those_of_the_name_it_stands_for() {
    let other = basic();
    let endpoint = format!("http://{}/", other.at);
    let why = ask(
        &client("docker.io", &endpoint, &["https://index.docker.io/v1/"]),
        "docker.io/library/app:latest",
    )
    .await;
    assert!(!other.saw_the_password(), "{:?}", other.asked());
    assert!(why.contains("none are configured"), "{why}");

    let own = other.at.to_string();
    ask(
        &client("docker.io", &endpoint, &[&own]),
        "docker.io/library/app:latest",
    )
    .await;
    assert!(other.saw_the_password(), "{:?}", other.asked());
}

#[tokio::test]
async fn credentials_cross_no_network_in_clear_text() {
    // Nothing is sent: the address is not of this machine, and a registry that wants a password is
    // refused before the second request.
    let to: Url = "http://registry.example.org/".parse().unwrap();
    let registry = crate::remote::oci::registry::Registry::new(
        &Options::default(),
        RegistryOptions {
            endpoint: Some(to.clone()),
            ..RegistryOptions::new("registry.example.org")
        },
        true,
    )
    .unwrap();
    let why = registry.check_private(&to, true).unwrap_err().to_string();
    assert!(why.contains("without encryption"), "{why}");
    assert!(registry.check_private(&to, false).is_ok());
    let realm: Url = "https://registry.example.org/token".parse().unwrap();
    assert!(registry.check_private(&realm, true).is_ok());
}

#[tokio::test]
async fn a_realm_on_another_host_gets_no_credentials_unless_they_are_filed_under_it() {
    let realm = Listener::start(|_, _| head("401 Unauthorized", ""));
    let there = format!("localhost:{}", realm.at.port());
    let registry = bearer(format!("http://{there}/token"));
    let (endpoint, own) = (format!("http://{}/", registry.at), registry.at.to_string());
    ask(
        &client("r.example.org", &endpoint, &[&own]),
        "r.example.org/a/b:1",
    )
    .await;
    assert!(!realm.asked().is_empty() && !realm.saw_the_password());
    ask(
        &client("r.example.org", &endpoint, &[&own, &there]),
        "r.example.org/a/b:1",
    )
    .await;
    assert!(realm.saw_the_password(), "{:?}", realm.asked());
}

#[tokio::test]
async fn a_withheld_credential_is_said() {
    let realm = Listener::start(|_, _| {
        let body = r#"{"token":"t","expires_in":300}"#;
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    });
    let registry = bearer(format!("http://localhost:{}/token", realm.at.port()));
    let own = registry.at.to_string();
    let why = ask(
        &client("r.example.org", &format!("http://{own}/"), &[&own]),
        "r.example.org/a/b:1",
    )
    .await;
    assert!(why.contains("its token realm is on another host"), "{why}");
}

#[test]
fn known_realms_are_known() {
    let url = |text: &str| text.parse::<Url>().unwrap();
    let is = |realm: &str, registry: &str| auth::is_realm_of(&url(realm), &url(registry));
    assert!(is(
        "https://auth.docker.io/token",
        "https://registry-1.docker.io/"
    ));
    assert!(is(
        "https://gitlab.com/jwt/auth",
        "https://registry.gitlab.com/"
    ));
    assert!(is("https://ghcr.io/token", "https://ghcr.io/"));
    assert!(!is(
        "https://auth.docker.io/token",
        "https://mirror.example.org/"
    ));
    assert!(!is(
        "https://evil.example.org/",
        "https://registry-1.docker.io/"
    ));
}

/// Refuses each token `times` times as none of its own, and knows it then.
fn flapping(times: usize) -> Listener {
    let seen: Mutex<Vec<String>> = Mutex::default();
    Listener::start(move |text, at| {
        if text.starts_with("GET /token") {
            let body = format!(r#"{{"token":"t{}"}}"#, seen.lock().unwrap().len());
            return format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
        let sent = text
            .lines()
            .find(|line| line.to_lowercase().starts_with("authorization"));
        let challenge = |why: &str| {
            head(
                "401 Unauthorized",
                &format!(
                    "www-authenticate: Bearer realm=\"http://{at}/token\",service=\"s\"{why}\r\n"
                ),
            )
        };
        let Some(sent) = sent else {
            return challenge("");
        };
        let mut seen = seen.lock().unwrap();
        seen.push(sent.to_owned());
        if seen.len() <= times {
            return challenge(",error=\"invalid_token\"");
        }
        let digest = format!("docker-content-digest: sha256:{}\r\n", "a".repeat(64));
        let kind = "content-type: application/vnd.oci.image.index.v1+json\r\n";
        head("200 OK", &format!("{digest}{kind}"))
    })
}

#[tokio::test]
async fn a_new_token_that_is_refused_is_tried_again_and_then_fetched_once_more() {
    for times in [1, 2] {
        let registry = flapping(times);
        let client = client("r.example.org", &format!("http://{}/", registry.at), &[]);
        let channel = Channel::parse("r.example.org/a/b:1").unwrap();
        assert!(
            client.head(&channel).await.is_ok(),
            "{:?}",
            registry.asked()
        );
        let tokens = registry.asked();
        let tokens = tokens.iter().filter(|text| text.starts_with("GET /token"));
        assert_eq!(tokens.count(), times);
    }
    let registry = flapping(1000);
    let client = client("r.example.org", &format!("http://{}/", registry.at), &[]);
    ask(&client, "r.example.org/a/b:1").await;
    assert_eq!(registry.asked().len(), 6, "{:?}", registry.asked());
}

#[tokio::test]
async fn plain_http_and_a_refused_connection_name_the_endpoint() {
    let plain = Listener::start(|_, _| head("200 OK", ""));
    let asked = format!("https://{}/", plain.at);
    let why = ask(&client("docker.io", &asked, &[]), "docker.io/library/app:1").await;
    assert_eq!(
        why,
        format!(
            "{} speaks plain http; set its address with http://",
            plain.at
        )
    );
    let own = Client::new(Options::default());
    assert_eq!(
        ask(&own, &format!("{}/app:1", plain.at)).await,
        format!("{} speaks plain http; set `plain_http`", plain.at)
    );
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = free.local_addr().unwrap();
    drop(free);
    let why = ask(
        &client("docker.io", &format!("http://{at}/"), &[]),
        "docker.io/library/app:1",
    )
    .await;
    assert_eq!(
        why,
        format!("cannot reach docker.io: {at} refused the connection")
    );
}
