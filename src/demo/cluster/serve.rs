//! The API over HTTP: lists and watches of all namespaces. Whatever else is asked is refused with a
//! `Status`, as a real API server words it.

use super::kind::DemoKind;
use super::state::{ClusterShared, ClusterState, ObjectKey, bookmark};
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State as From};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// How often a watch on which nothing happens tells the version.
const BOOKMARK: Duration = Duration::from_secs(10);
/// How long a watch lasts that nobody gave an end.
const LONG: u64 = 1_800;

#[derive(Clone)]
struct ClusterService {
    shared: Arc<ClusterShared>,
    stop: watch::Receiver<bool>,
}

/// What the query of a list or a watch may say (Kubernetes API concepts).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ListQuery {
    limit: Option<usize>,
    #[serde(rename = "continue")]
    rest: Option<String>,
    watch: Option<String>,
    resource_version: Option<String>,
    timeout_seconds: Option<u64>,
    allow_watch_bookmarks: Option<String>,
}

/// Where a list goes on.
#[derive(Serialize, Deserialize)]
struct ContinueToken {
    version: u64,
    after: ObjectKey,
}

pub(super) fn app(shared: Arc<ClusterShared>, stop: watch::Receiver<bool>) -> Router {
    Router::new()
        .fallback(handle)
        .with_state(ClusterService { shared, stop })
}

async fn handle(From(serving): From<ClusterService>, request: Request) -> Response {
    let path = request.uri().path();
    let Some((kind, below)) = DemoKind::at(path) else {
        return status(
            404,
            "NotFound",
            "the server could not find the requested resource",
        );
    };
    if *request.method() != Method::GET {
        let verb = verb(request.method());
        return status(
            403,
            "Forbidden",
            &format!(
                "{} is forbidden: User \"pintle\" cannot {verb} resource \"{}\"",
                kind.resource(),
                kind.plural()
            ),
        );
    }
    let Ok(Query(asked)) = Query::<ListQuery>::try_from_uri(request.uri()) else {
        return status(400, "BadRequest", "the query cannot be read");
    };
    if !below.is_empty() || path.matches("/namespaces/").count() > 0 {
        return status(
            404,
            "NotFound",
            &format!(
                "{} are listed for all namespaces here, and nothing else is",
                kind.resource()
            ),
        );
    }
    match asked.watch.as_deref() {
        Some("1" | "true") => watched(serving, kind, &asked),
        _ => listed(&serving.shared.state(), kind, &asked),
    }
}

fn verb(method: &Method) -> &'static str {
    match *method {
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "do that with",
    }
}

fn listed(state: &ClusterState, kind: DemoKind, asked: &ListQuery) -> Response {
    let (version, after) = match asked
        .rest
        .as_deref()
        .filter(|rest| !rest.is_empty())
        .map(token)
    {
        None => (state.version(), None),
        Some(Some(token)) => (token.version, Some(token.after)),
        Some(None) => return status(400, "BadRequest", "continue key is not valid"),
    };
    let Ok(all) = state.at(kind, version) else {
        return status(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result.",
        );
    };
    let rest: Vec<(ObjectKey, Value)> = all
        .into_iter()
        .filter(|(key, _)| after.as_ref().is_none_or(|after| key > after))
        .collect();
    let page = asked
        .limit
        .filter(|limit| *limit > 0)
        .map_or(rest.len(), |limit| limit.min(rest.len()));
    let mut meta = json!({ "resourceVersion": version.to_string() });
    if let Some((last, _)) = rest[..page].last().filter(|_| page < rest.len()) {
        let token = ContinueToken {
            version,
            after: last.clone(),
        };
        meta["continue"] = URL_SAFE_NO_PAD
            .encode(serde_json::to_vec(&token).unwrap_or_default())
            .into();
        meta["remainingItemCount"] = (rest.len() - page).into();
    }
    let items: Vec<Value> = rest
        .into_iter()
        .take(page)
        .map(|(_, object)| bare(object))
        .collect();
    let list = json!({ "apiVersion": kind.version(), "kind": format!("{}List", kind.name()), "metadata": meta, "items": items });
    (
        [(header::CONTENT_TYPE, "application/json")],
        list.to_string(),
    )
        .into_response()
}

/// Items of a list do not repeat its kind.
fn bare(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    object
}

fn token(text: &str) -> Option<ContinueToken> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// A watch in progress.
struct WatchStream {
    serving: ClusterService,
    kind: DemoKind,
    /// What was told so far.
    version: u64,
    /// What there was at the start, where no version was named.
    first: Vec<Value>,
    bookmarks: bool,
    changed: watch::Receiver<u64>,
    bookmark: Instant,
    end: Instant,
    ended: bool,
}

fn watched(serving: ClusterService, kind: DemoKind, asked: &ListQuery) -> Response {
    let changed = serving.shared.subscribe();
    let named = asked
        .resource_version
        .as_deref()
        .filter(|version| !matches!(*version, "" | "0"));
    let (version, first) = match named.map(str::parse) {
        Some(Ok(version)) => (version, Vec::new()),
        Some(Err(_)) => return status(400, "BadRequest", "invalid resource version"),
        None => {
            let state = serving.shared.state();
            (
                state.version(),
                state
                    .all(kind)
                    .map(|object| json!({ "type": "ADDED", "object": object }))
                    .collect(),
            )
        }
    };
    let now = Instant::now();
    let watching = WatchStream {
        kind,
        version,
        first,
        bookmarks: asked.allow_watch_bookmarks.as_deref() == Some("true"),
        changed,
        bookmark: now + BOOKMARK,
        end: now + Duration::from_secs(asked.timeout_seconds.unwrap_or(LONG)),
        ended: false,
        serving,
    };
    let events = stream::unfold(watching, |mut watching| async {
        let events = watching.next().await?;
        let text: String = events.iter().map(|event| format!("{event}\n")).collect();
        Some((Ok::<_, Infallible>(Bytes::from(text)), watching))
    });
    (
        [(header::CONTENT_TYPE, "application/json")],
        Body::from_stream(events),
    )
        .into_response()
}

impl WatchStream {
    /// Waits for what is to be told next; `None` at the end.
    async fn next(&mut self) -> Option<Vec<Value>> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        while !self.ended {
            self.changed.mark_unchanged();
            if let Some(events) = self.news() {
                return Some(events);
            }
            let wake = if self.bookmarks {
                self.end.min(self.bookmark)
            } else {
                self.end
            };
            tokio::select! {
                // Neither fails before the server is gone, and then this is dropped.
                _ = self.changed.changed() => {}
                _ = self.serving.stop.wait_for(|stop| *stop) => self.ended = true,
                () = sleep_until(wake) => {
                    self.ended = self.end <= Instant::now();
                    self.bookmark = Instant::now() + BOOKMARK;
                    if self.bookmarks {
                        return Some(vec![bookmark(self.kind, self.version)]);
                    }
                }
            }
        }
        None
    }

    fn news(&mut self) -> Option<Vec<Value>> {
        let state = self.serving.shared.state();
        let Ok(told) = state.since(self.kind, self.version) else {
            self.ended = true;
            let gone = failure(
                410,
                "Expired",
                &format!(
                    "too old resource version: {} ({})",
                    self.version,
                    state.version()
                ),
            );
            return Some(vec![json!({ "type": "ERROR", "object": gone })]);
        };
        self.version = self.version.max(state.version());
        let events: Vec<Value> = told
            .into_iter()
            .map(|(what, object)| json!({ "type": what, "object": object }))
            .collect();
        (!events.is_empty()).then_some(events)
    }
}

fn failure(code: u16, reason: &str, message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code,
    })
}

fn status(code: u16, reason: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        failure(code, reason, message).to_string(),
    )
        .into_response()
}
