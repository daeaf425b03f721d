//! What each kind of receiver is sent, what is sent again, and what no error shows.

use super::*;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const KEY: &str = "s3cret-of-the-signature";
const TOKEN: &str = "t0ken";
const PATH: &str = "T0/B0/s3cret-path";

/// What one request had.
#[derive(Clone, Debug)]
struct Asked {
    headers: HeaderMap,
    body: Bytes,
}

/// A server that answers with these statuses, in order, then 200.
#[derive(Clone, Default)]
struct Stand {
    answers: Arc<Mutex<VecDeque<Option<u16>>>>,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Stand {
    async fn start(answers: &[Option<u16>]) -> (Self, String) {
        let stand = Self::default();
        stand.answers.lock().unwrap().extend(answers);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().fallback(answer).with_state(stand.clone());
        tokio::spawn(axum::serve(listener, routes).into_future());
        (stand, base)
    }

    fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(stand): State<Stand>, headers: HeaderMap, body: Bytes) -> StatusCode {
    stand.seen.lock().unwrap().push(Asked { headers, body });
    let next = stand.answers.lock().unwrap().pop_front();
    match next {
        Some(Some(status)) => StatusCode::from_u16(status).unwrap(),
        Some(None) => std::future::pending().await,
        None => StatusCode::OK,
    }
}

fn client(kind: ReceiverKind, url: &str) -> Result<Client> {
    let address = Address {
        url: url.into(),
        token: Some(TOKEN.into()),
        secret: Some(KEY.into()),
    };
    let options = Options {
        timeout: Duration::from_millis(300),
        pause: Duration::from_millis(1),
        ..Options::default()
    };
    Client::new("ops", kind, &address, &options)
}

fn post() -> Post {
    Post {
        id: "id-1".into(),
        level: MessageLevel::Warning,
        title: "ops/infra: rolled back nginx".into(),
        text: "- warning: rolled back nginx".into(),
        url: Url::parse("https://forge.example/ops/infra").ok(),
        values: json!({ "version": 1, "entries": [] }),
    }
}

#[tokio::test]
async fn each_kind_gets_its_shape() {
    let (stand, base) = Stand::start(&[]).await;
    for kind in [
        ReceiverKind::Slack,
        ReceiverKind::Ntfy,
        ReceiverKind::Webhook,
    ] {
        let client = client(kind, &format!("{base}/{PATH}")).unwrap();
        client.deliver(&post()).await.unwrap();
    }
    let seen = stand.seen();
    let bodies: Vec<Value> = seen
        .iter()
        .map(|asked| serde_json::from_slice(&asked.body).unwrap())
        .collect();
    let text = "- warning: rolled back nginx";
    assert_eq!(bodies[0], json!({ "text": text }));
    assert_eq!(
        bodies[1],
        json!({
            "topic": "s3cret-path", "title": "ops/infra: rolled back nginx", "message": text,
            "priority": 4, "tags": ["warning"], "click": "https://forge.example/ops/infra",
        })
    );
    assert_eq!(
        bodies[2],
        json!({ "version": 1, "entries": [], "text": text })
    );
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    let code = hex::encode(mac.chain_update(&seen[2].body).finalize().into_bytes());
    assert_eq!(seen[2].headers[SIGNATURE], format!("sha256={code}"));
    assert_eq!(seen[2].headers[ID], "id-1");
    assert!(
        seen[..2]
            .iter()
            .all(|asked| !asked.headers.contains_key(SIGNATURE))
    );
    for asked in &seen {
        assert_eq!(asked.headers["authorization"], format!("Bearer {TOKEN}"));
    }
}

#[tokio::test]
async fn a_message_is_sent_again_where_that_may_help() {
    let (stand, base) = Stand::start(&[Some(503), Some(429)]).await;
    let client = client(ReceiverKind::Slack, &format!("{base}/{PATH}")).unwrap();
    client.deliver(&post()).await.unwrap();
    assert_eq!(stand.seen().len(), 3);
}

#[tokio::test]
async fn a_message_is_sent_a_bounded_number_of_times() {
    let (stand, base) = Stand::start(&[Some(500); 20]).await;
    let client = client(ReceiverKind::Webhook, &format!("{base}/{PATH}")).unwrap();
    let error = client.deliver(&post()).await.unwrap_err().to_string();
    assert!(error.contains("ops") && error.contains("500"), "{error}");
    assert_eq!(stand.seen().len(), 1 + AGAIN);
}

#[tokio::test]
async fn what_was_refused_is_not_sent_again() {
    let (stand, base) = Stand::start(&[Some(404)]).await;
    let client = client(ReceiverKind::Webhook, &format!("{base}/{PATH}")).unwrap();
    assert!(client.deliver(&post()).await.is_err());
    assert_eq!(stand.seen().len(), 1);
}

#[tokio::test]
async fn what_may_have_arrived_is_sent_again_only_to_who_knows_ids() {
    for (kind, expected) in [(ReceiverKind::Slack, 1), (ReceiverKind::Webhook, 1 + AGAIN)] {
        let (stand, base) = Stand::start(&[None; 20]).await;
        let client = client(kind, &format!("{base}/{PATH}")).unwrap();
        assert!(client.deliver(&post()).await.is_err());
        assert_eq!(stand.seen().len(), expected, "{kind:?}");
    }
}

#[tokio::test]
async fn no_error_shows_the_address() {
    let (_stand, base) = Stand::start(&[Some(404), Some(302), None]).await;
    let closed = "http://127.0.0.1:9/T0/B0/s3cret-path".to_owned();
    let url = format!("{base}/{PATH}");
    let mut errors = Vec::new();
    for url in [&url, &url, &url, &closed] {
        let client = client(ReceiverKind::Slack, url).unwrap();
        errors.push(client.deliver(&post()).await.unwrap_err());
    }
    for url in [
        "no-address/s3cret-path",
        "ftp://host/s3cret-path",
        "https://user:s3cret-path@host/",
        "http://10.1.2.3/s3cret-path",
    ] {
        errors.push(client(ReceiverKind::Slack, url).err().expect(url));
    }
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("ops"), "{shown}");
    }
}

#[test]
fn an_ntfy_address_needs_a_topic() {
    for (url, topic) in [
        ("https://ntfy.example/alerts", Some("alerts")),
        ("https://example.org/ntfy/alerts/", Some("alerts")),
        ("https://ntfy.example/", None),
    ] {
        let read = read_address("ops", ReceiverKind::Ntfy, &url.into());
        assert_eq!(read.ok().map(|(_, topic)| topic).as_deref(), topic, "{url}");
    }
    let (to, _) = read_address("ops", ReceiverKind::Ntfy, &"https://e.org/ntfy/a".into()).unwrap();
    assert_eq!(to.as_str(), "https://e.org/ntfy/");
}

#[test]
fn addresses_come_from_files_and_then_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ops.url"), "https://hooks.example/a\n").unwrap();
    let environment = [
        ("PINTLE_NOTICE_MY_PHONE_URL", "https://ntfy.example/b"),
        ("PINTLE_NOTICE_EMPTY_URL", " "),
        ("HOME", "/root"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let folder = Some(folder.path().to_owned());
    let book = AddressBook::new(folder, environment.into_iter(), Options::default());
    let names = book.reachable(["ops", "my-phone", "empty", "none"].into_iter());
    assert_eq!(Vec::from_iter(names), ["my-phone", "ops"]);
    assert!(book.client("ops", ReceiverKind::Slack).is_ok());
    let error = book.client("none", ReceiverKind::Slack).err().unwrap();
    assert!(
        format!("{error:?}").contains("PINTLE_NOTICE_NONE_URL"),
        "{error:?}"
    );
}
