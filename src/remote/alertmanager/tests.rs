//! Alertmanager's answers in their recorded shape, from a server on loopback: what is read, what is
//! sent, what each failure says.

use super::*;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response as Answer;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// Status and body; `None` is never.
type Prepared = Option<(u16, String)>;
/// Path and query, and the authorization.
type Asked = (String, Option<String>);

/// A stand-in that answers what it is told to, in order, then 500. It ends with its test's runtime.
#[derive(Clone, Default)]
struct Stand {
    answers: Arc<Mutex<VecDeque<Prepared>>>,
    seen: Arc<Mutex<Vec<Asked>>>,
}

impl Stand {
    async fn start(answers: &[Option<(u16, &str)>]) -> (Self, String) {
        let stand = Self::default();
        stand.answers.lock().unwrap().extend(
            answers
                .iter()
                .map(|answer| answer.map(|(status, body)| (status, body.to_owned()))),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(
            axum::serve(
                listener,
                Router::new().fallback(answer).with_state(stand.clone()),
            )
            .into_future(),
        );
        (stand, base)
    }

    fn seen(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(State(stand): State<Stand>, request: Request) -> Answer {
    let authorization = request
        .headers()
        .get(AUTHORIZATION)
        .map(|value| value.to_str().unwrap().to_owned());
    stand
        .seen
        .lock()
        .unwrap()
        .push((request.uri().to_string(), authorization));
    let next = stand
        .answers
        .lock()
        .unwrap()
        .pop_front()
        .unwrap_or(Some((500, String::new())));
    let Some((status, body)) = next else {
        std::future::pending().await
    };
    let answer = Answer::builder()
        .status(status)
        .header("content-type", "application/json");
    let answer = if status == 302 {
        answer.header(LOCATION, "https://login.example.org/oauth?state=secret")
    } else {
        answer
    };
    answer.body(Body::from(body)).unwrap()
}

fn told(token: Option<&str>) -> Options {
    Options {
        token: token.map(Into::into),
        ..Options::default()
    }
}

async fn asked(answers: &[Option<(u16, &str)>]) -> Result<Vec<Firing>> {
    let (_, base) = Stand::start(answers).await;
    Client::new(
        &base,
        &Options {
            timeout: Duration::from_millis(300),
            ..Options::default()
        },
    )?
    .firing()
    .await
}

async fn said(answer: (u16, &str)) -> String {
    let error = asked(&[Some(answer)]).await.unwrap_err();
    let text = format!("{error}; {:?}", error.hint);
    let at = text.find("127.0.0.1:").expect("it names the host");
    let port: String = text[at + 10..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    text.replace(&port, "9093")
}

#[tokio::test]
async fn what_fires_is_read() {
    let full = json!([{
        "annotations": { "summary": "5xx", "runbook": "https://runbooks.example.org" },
        "endsAt": "2026-11-22T20:01:02.123Z",
        "fingerprint": "d1f2a3b4c5d6e7f8",
        "receivers": [{ "name": "pintle" }],
        "startsAt": "2026-11-22T20:01:02.123+01:00",
        "status": { "inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active" },
        "updatedAt": "2026-11-22T19:57:02.123Z",
        "generatorURL": "http://prometheus.example.org/graph",
        "labels": { "alertname": "Errors", "namespace": "shop", "deployment": "cart" },
        "new": { "in": ["a later version"] },
    }]);
    let found = asked(&[Some((200, &full.to_string()))]).await.unwrap();
    let [alert] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(
        (
            alert.fingerprint.as_str(),
            alert.labels["deployment"].as_str()
        ),
        ("d1f2a3b4c5d6e7f8", "cart")
    );
    assert_eq!(
        (alert.annotations["summary"].as_str(), alert.started),
        ("5xx", "2026-11-22T19:01:02.123Z".parse().unwrap())
    );
    assert_eq!(asked(&[Some((200, "[]"))]).await.unwrap(), []);
}

#[tokio::test]
async fn what_need_not_be_there_may_be_absent() {
    let start = "2026-11-22T20:01:02Z";
    let all = json!([
        { "fingerprint": "a", "labels": {}, "startsAt": start },
        { "fingerprint": "b", "labels": {}, "startsAt": start, "annotations": null, "status": null },
        { "fingerprint": "c", "labels": {}, "startsAt": start, "status": { "state": "unprocessed" } },
        { "fingerprint": "d", "labels": {}, "startsAt": start, "status": { "state": "suppressed" } },
    ]);
    let found = asked(&[Some((200, &all.to_string()))]).await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|alert| alert.fingerprint.as_str())
            .collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
}

#[tokio::test]
async fn the_question_and_the_token_are_sent_below_the_address() {
    let (stand, base) = Stand::start(&[Some((200, "[]")), Some((200, "[]"))]).await;
    for base in [format!("{base}/alertmanager/"), base] {
        Client::new(&base, &told(Some("a-token\n")))
            .unwrap()
            .firing()
            .await
            .unwrap();
    }
    let query = "/api/v2/alerts?active=true&silenced=false&inhibited=false";
    let bearer = Some("Bearer a-token".to_owned());
    assert_eq!(
        stand.seen(),
        [
            (format!("/alertmanager{query}"), bearer.clone()),
            (query.to_owned(), bearer)
        ]
    );
}

#[tokio::test]
async fn a_token_that_is_written_anew_is_sent() {
    let (stand, base) = Stand::start(&[
        Some((200, "[]")),
        Some((200, "[]")),
        Some((200, "[]")),
        Some((200, "[]")),
    ])
    .await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let client = Client::new(
        &base,
        &Options {
            token_file: Some(file.path().to_owned()),
            ..told(Some("first"))
        },
    )
    .unwrap();
    for text in ["first\n", "second\n", "", "not\na token"] {
        std::fs::write(file.path(), text).unwrap();
        client.firing().await.unwrap();
    }
    let sent: Vec<Option<String>> = stand
        .seen()
        .into_iter()
        .map(|(_, carried)| carried)
        .collect();
    assert_eq!(
        sent,
        ["first", "second", "first", "first"].map(|token| Some(format!("Bearer {token}")))
    );
}

#[tokio::test]
async fn a_failure_names_the_host_and_what_helps() {
    let host = "the Alertmanager at 127.0.0.1:9093";
    let token = "give a token that may read its alerts: --alertmanager-token-file";
    for (answer, want) in [
        (
            (401, ""),
            format!("{host} answered 401 Unauthorized; Some({token:?})"),
        ),
        (
            (403, "no"),
            format!("{host} answered 403 Forbidden; Some({token:?})"),
        ),
        (
            (500, "boom"),
            format!("{host} answered 500 Internal Server Error; None"),
        ),
        (
            (404, "404 page not found"),
            format!(
                "{host} answered 404 Not Found; {:?}",
                Some("the address is the one under which its pages are, without /api/v2")
            ),
        ),
    ] {
        assert_eq!(said(answer).await, want);
    }
    let login = said((302, "")).await;
    assert!(
        login.contains("https://login.example.org/oauth") && !login.contains("secret"),
        "{login}"
    );
    for nonsense in [
        "<html>",
        "{}",
        "[{}]",
        r#"[{"fingerprint":"a","labels":{},"startsAt":"yesterday"}]"#,
        "[",
        r#"[{"labels":[]}]"#,
    ] {
        let said = said((200, nonsense)).await;
        assert!(
            said.starts_with(&format!("the answer of {host} cannot be read: ")),
            "{said}"
        );
    }
}

#[tokio::test]
async fn it_is_asked_again_where_that_may_help() {
    let (stand, base) = Stand::start(&[Some((503, "")), Some((502, "")), Some((200, "[]"))]).await;
    assert_eq!(
        Client::new(&base, &told(None))
            .unwrap()
            .firing()
            .await
            .unwrap(),
        []
    );
    assert_eq!(stand.seen().len(), 3);
    let (stand, base) = Stand::start(&[Some((500, "")), Some((200, "[]"))]).await;
    assert!(
        Client::new(&base, &told(None))
            .unwrap()
            .firing()
            .await
            .is_err()
    );
    assert_eq!(stand.seen().len(), 1);
}

#[tokio::test]
async fn silence_and_too_much_are_failures() {
    let never = asked(&[None]).await.unwrap_err().to_string();
    assert!(never.contains("did not answer within 1 s"), "{never}");
    let large = "[".to_owned() + &" ".repeat(LIMIT) + "]";
    let error = asked(&[Some((200, &large))]).await.unwrap_err().to_string();
    assert!(error.contains("answered with more than 16 MiB"), "{error}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = Client::new(&format!("http://{closed}"), &told(None))
        .unwrap()
        .firing()
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot reach the Alertmanager at {closed}: ")),
        "{error}"
    );
    assert_eq!(error.kind, crate::error::Kind::Outside);
}

#[test]
fn an_address_is_refused_that_cannot_be_used() {
    let refused = |base: &str| Client::new(base, &told(None)).unwrap_err().what;
    assert_eq!(
        refused("alertmanager.example.org"),
        "the address of the Alertmanager cannot be read"
    );
    assert_eq!(
        refused("ftp://alertmanager.example.org"),
        "an Alertmanager is asked over https, not ftp"
    );
    let user = refused("https://me:password1@alertmanager.example.org");
    assert_eq!(
        user,
        "the address of the Alertmanager at alertmanager.example.org has a user or password in it"
    );
    assert_eq!(
        refused("https://a.example.org/?x"),
        "the address of the Alertmanager at a.example.org has a `?` or `#` part"
    );
    assert_eq!(
        refused("https://a.example.org/#/alerts"),
        "the address of the Alertmanager at a.example.org has a `?` or `#` part"
    );
}

#[test]
fn a_token_crosses_no_network_in_the_clear() {
    let with = |base: &str, allow_insecure| {
        Client::new(
            base,
            &Options {
                allow_insecure,
                ..told(Some("a-token"))
            },
        )
        .map(drop)
    };
    let error = with("http://alertmanager.example.org:9093", false).unwrap_err();
    assert_eq!(
        error.what,
        "the token for the Alertmanager at alertmanager.example.org:9093 would be sent without encryption"
    );
    assert!(with("http://alertmanager.example.org:9093", true).is_ok());
    assert!(with("http://127.0.0.1:9093", false).is_ok());
    assert!(with("https://alertmanager.example.org", false).is_ok());
    assert!(
        Client::new("http://alertmanager.example.org:9093", &told(None)).is_ok(),
        "without a token nothing secret is sent"
    );
    assert!(Client::new("https://a.example.org", &told(Some("a\ntoken"))).is_err());
    let ca = Options {
        ca: Some(b"no certificate".to_vec()),
        ..Options::default()
    };
    assert!(
        Client::new("https://a.example.org", &ca)
            .unwrap_err()
            .to_string()
            .contains("holds no certificate in PEM")
    );
}
