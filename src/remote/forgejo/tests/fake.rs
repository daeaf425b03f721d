//! A server that answers what it is told, in order, and remembers what it was asked.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::task::JoinHandle;

use crate::remote::forgejo::{Client, Options, Place};
use secrecy::SecretString;
use std::time::Duration;

/// The token of all clients here.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef01234567";

pub struct Fake {
    pub address: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Asked>>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `GET /api/v1/version`, with the query.
    pub line: String,
    pub headers: HeaderMap,
    pub body: Value,
}

pub enum Answer {
    Full {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Body,
    },
    /// Never comes.
    Silence,
}

pub fn json(status: u16, body: &Value) -> Answer {
    with(
        status,
        &[("content-type", "application/json; charset=utf-8")],
        &body.to_string(),
    )
}

pub fn with(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect();
    Answer::Full {
        status,
        headers,
        body: Body::from(body.to_owned()),
    }
}

pub fn message(status: u16, message: &str) -> Answer {
    json(
        status,
        &serde_json::json!({"message": message, "url": "https://forge.example.org/api/swagger"}),
    )
}

impl Fake {
    /// Starts one that gives these answers; after them it gives 418.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> Fake {
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Shared::default()
        });
        let app = Router::new().fallback(answer).with_state(shared.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Fake {
            address,
            shared,
            serving,
        }
    }

    pub fn client(&self) -> Client {
        self.client_with(Options {
            token: Some(SecretString::from(TOKEN)),
            ..Options::default()
        })
    }

    pub fn client_with(&self, told: Options) -> Client {
        Client::new(
            &Place::parse(&format!("http://{}/ops/infra", self.address)).unwrap(),
            &told,
        )
        .unwrap()
    }

    /// One that waits for an answer a little only.
    pub fn hasty(&self) -> Client {
        self.client_with(Options {
            token: Some(SecretString::from(TOKEN)),
            timeout: Duration::from_millis(300),
            ..Options::default()
        })
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// `GET /api/v1/version` of each request.
    pub fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    shared.asked.lock().unwrap().push(Asked {
        line,
        headers: parts.headers,
        body,
    });
    let next = shared.answers.lock().unwrap().pop_front();
    match next {
        Some(Answer::Full {
            status,
            headers,
            body,
        }) => {
            let response = headers.into_iter().fold(
                Response::builder().status(status),
                |response, (name, value)| response.header(name, value),
            );
            response.body(body).unwrap()
        }
        Some(Answer::Silence) => std::future::pending().await,
        None => Response::builder().status(418).body(Body::empty()).unwrap(),
    }
}
