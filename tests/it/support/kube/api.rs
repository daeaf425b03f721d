//! A client of the API server that knows nothing: paths and JSON. What has to work and does not
//! ends the test.

use std::time::{Duration, Instant};

use reqwest::Method;
use reqwest::blocking::Client;
use serde_json::Value;

use super::Kube;

const MERGE: &str = "application/merge-patch+json";
/// JSON is YAML.
const APPLY: &str = "application/apply-patch+yaml";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
/// What does not come in this time does not come.
const DEADLINE: Duration = Duration::from_secs(60);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(25);

/// Somebody who talks to the API server.
#[derive(Clone)]
pub struct Api {
    client: Client,
    base: String,
    token: String,
}

impl Api {
    pub(super) fn new(kube: &Kube, token: &str, program: &str) -> Api {
        let ca = reqwest::Certificate::from_pem(kube.ca().as_bytes()).expect("a certificate");
        // The field manager is what comes before the slash.
        let builder = Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            .user_agent(format!("{program}/1.0 (linux/amd64)"));
        let client = builder
            .timeout(Duration::from_secs(30))
            .build()
            .expect("a client");
        Api {
            client,
            base: kube.url(),
            token: token.to_owned(),
        }
    }

    /// Status and body of an answer; `None` when nobody answers.
    pub fn try_get(&self, path: &str) -> Option<(u16, Value)> {
        self.send(&Method::GET, path, None)
    }

    pub fn get(&self, path: &str) -> Value {
        self.must(&Method::GET, path, None)
    }

    /// Makes a thing. Status and body of the answer.
    pub fn try_post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        self.send(&Method::POST, path, Some(("application/json", body)))
    }

    pub fn post(&self, path: &str, body: &Value) -> Value {
        self.must(&Method::POST, path, Some(("application/json", body)))
    }

    pub fn merge(&self, path: &str, patch: &Value) -> Value {
        self.must(&Method::PATCH, path, Some((MERGE, patch)))
    }

    /// A patch that knows the names of containers.
    pub fn patch(&self, path: &str, patch: &Value) -> Value {
        self.must(&Method::PATCH, path, Some((STRATEGIC, patch)))
    }

    /// Applies on the server's side, under this name.
    pub fn apply(&self, path: &str, manager: &str, object: &Value) {
        self.must(
            &Method::PATCH,
            &format!("{path}?fieldManager={manager}"),
            Some((APPLY, object)),
        );
    }

    pub fn delete(&self, path: &str) {
        self.must(&Method::DELETE, path, None);
    }

    /// Looks again and again until `found` gives a value for what is there.
    pub fn wait<T>(&self, path: &str, found: impl Fn(&Value) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let seen = self.try_get(path);
            if let Some(value) = seen
                .as_ref()
                .filter(|(status, _)| *status == 200)
                .and_then(|(_, body)| found(body))
            {
                return value;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "{path} is not as it should be after a minute: {seen:?}"
            );
            std::thread::sleep(LOOK);
        }
    }

    fn must(&self, method: &Method, path: &str, body: Option<(&str, &Value)>) -> Value {
        let (status, said) = self
            .send(method, path, body)
            .unwrap_or_else(|| panic!("{method} {path}: nobody answers"));
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {said}"
        );
        said
    }

    fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<(&str, &Value)>,
    ) -> Option<(u16, Value)> {
        let mut request = self
            .client
            .request(method.clone(), format!("{}{path}", self.base))
            .bearer_auth(&self.token);
        if let Some((kind, body)) = body {
            request = request.header("Content-Type", kind).body(body.to_string());
        }
        let response = request.send().ok()?;
        let status = response.status().as_u16();
        let text = response.text().ok()?;
        Some((
            status,
            serde_json::from_str(&text).unwrap_or_else(|_| text.into()),
        ))
    }
}
