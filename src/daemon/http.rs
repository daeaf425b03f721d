//! The HTTP server of a run: probes, metrics and webhooks. It wakes the loop and reports its state.
//! It never parses a body that is not signed, and believes nothing that a body says.

use super::health::Health;
use super::hooks::registry::{PushedImages, RegistrySender as Sender};
use super::hooks::{PendingWebhooks, SignatureCheck, Webhook, carries_token};
use super::metrics::{MEDIA_TYPE, Metrics};
use crate::error::{Error, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::StreamExt;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use secrecy::SecretString;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout};

/// The most bytes of a webhook's body.
pub const LIMIT: usize = 1 << 20;
/// The most bytes of a body that are kept to be read: a larger one wakes the loop unread.
const KEPT: usize = 256 << 10;
/// How long the head of a request may take, and then its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may last in all.
const LONGEST: Duration = Duration::from_secs(30);
/// How many connections are open at a time. A further one replaces the oldest, so that nobody can
/// block probes by holding connections.
const MOST: usize = 64;
/// The wait after no connection could be accepted, for instance because no file descriptor is left.
const BREATH: Duration = Duration::from_secs(1);
/// Refused webhooks are logged at most this often.
const COMPLAIN: Duration = Duration::from_secs(60);

/// What the answers need.
pub struct HttpState {
    pub health: Arc<Health>,
    pub wakes: Arc<PendingWebhooks>,
    metrics: Arc<Metrics>,
    secrets: WebhookSecrets,
    complained: watch::Sender<Option<Instant>>,
}

/// The secrets of genuine webhooks.
#[derive(Clone, Debug, Default)]
pub struct WebhookSecrets {
    /// What the forge signs with. Without it every webhook of a forge is refused.
    pub forge: Option<SecretString>,
    /// What Alertmanager sends. Without it there is no such path.
    pub alerts: Option<SecretString>,
    /// What registries and Diun prove themselves with. Without it there are no such paths.
    pub registries: Option<SecretString>,
}

impl HttpState {
    pub fn new(
        health: Arc<Health>,
        wakes: Arc<PendingWebhooks>,
        metrics: Arc<Metrics>,
        secrets: WebhookSecrets,
    ) -> Self {
        Self {
            health,
            wakes,
            metrics,
            secrets,
            complained: watch::Sender::default(),
        }
    }

    /// Logs at most once a minute that a webhook was refused, so that nobody can fill the log from
    /// outside.
    fn log_refusal(&self, why: &str) {
        let now = Instant::now();
        let due = self.complained.send_if_modified(|last| {
            let due = last.is_none_or(|last| now - last >= COMPLAIN);
            *last = if due { Some(now) } else { *last };
            due
        });
        if due {
            tracing::warn!(why, "a webhook was refused");
        }
    }
}

/// A bound socket.
pub struct HttpServer(TcpListener);

impl HttpServer {
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let taken = |e| {
            Error::failed(format!("cannot listen on {address}"))
                .because(e)
                .hint("name another address with --listen, or off")
        };
        Ok(Self(TcpListener::bind(address).await.map_err(taken)?))
    }

    pub fn address(&self) -> Result<SocketAddr> {
        self.0
            .local_addr()
            .map_err(|e| Error::failed("a bound socket has no address").because(e))
    }

    /// Answers until it is dropped, which closes every connection. Ends by itself only if an answer
    /// panicked.
    pub async fn serve(self, shared: Arc<HttpState>) -> Result<()> {
        let routes = routes(shared);
        let (mut open, mut oldest_first) = (JoinSet::new(), VecDeque::<AbortHandle>::new());
        loop {
            tokio::select! {
                Some(ended) = open.join_next() => match ended {
                    Err(error) if error.is_panic() => return Err(Error::failed("answering a request ended early").because(error)),
                    Ok(()) | Err(_) => oldest_first.retain(|connection| !connection.is_finished()),
                },
                came = self.0.accept() => match came {
                    Ok((stream, _)) => {
                        oldest_first.push_back(open.spawn(serve_connection(stream, routes.clone())));
                        if oldest_first.len() > MOST
                            && let Some(oldest) = oldest_first.pop_front()
                        {
                            oldest.abort();
                        }
                    }
                    Err(error) => {
                        tracing::debug!(%error, "no connection could be taken");
                        sleep(BREATH).await;
                    }
                },
            }
        }
    }
}

/// Serves one request a connection: a client comes every few seconds at most.
async fn serve_connection(stream: TcpStream, routes: Router) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.keep_alive(false)
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(64 << 10);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes));
    if let Ok(Err(error)) = timeout(LONGEST, connection).await {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Returns the routes. Every answer is one line of text, except the metrics.
pub fn routes(shared: Arc<HttpState>) -> Router {
    let none = || async { text_answer(StatusCode::NOT_FOUND, "there is nothing here") };
    let wrong = || async { text_answer(StatusCode::METHOD_NOT_ALLOWED, "not that method") };
    let mut hooks = Router::new().route("/hooks/forgejo", post(receive_forge_hook));
    if shared.secrets.alerts.is_some() {
        hooks = hooks.route("/hooks/alertmanager", post(receive_alert_hook));
    }
    if shared.secrets.registries.is_some() {
        let diun = |state, request| receive_registry_hook(state, Sender::Diun, None, request);
        hooks = hooks
            .route("/hooks/registry/{kind}", post(receive_named_registry_hook))
            .route(
                "/hooks/registry/{kind}/{secret}",
                post(receive_secret_registry_hook),
            )
            // Diun sends with GET unless it is configured otherwise, and sends a body with it.
            .route("/hooks/diun", get(diun).post(diun));
    }
    let hooks = hooks.route_layer(from_fn_with_state(shared.clone(), count_hook));
    Router::new()
        .route("/healthz", get(probe_alive))
        .route("/readyz", get(probe_ready))
        .route("/metrics", get(show_metrics))
        .route("/version", get(show_version))
        .merge(hooks)
        .fallback(none)
        .method_not_allowed_fallback(wrong)
        .with_state(shared)
}

async fn probe_alive(State(shared): State<Arc<HttpState>>) -> Response {
    probe_answer(shared.health.alive(Instant::now()))
}

async fn probe_ready(State(shared): State<Arc<HttpState>>) -> Response {
    probe_answer(shared.health.ready())
}

fn probe_answer(well: std::result::Result<(), String>) -> Response {
    match well {
        Ok(()) => text_answer(StatusCode::OK, "ok"),
        Err(why) => text_answer(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

async fn show_metrics(State(shared): State<Arc<HttpState>>) -> Response {
    match shared.metrics.scrape() {
        Ok(page) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], page).into_response(),
        Err(error) => text_answer(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

async fn show_version() -> Response {
    text_answer(StatusCode::OK, env!("CARGO_PKG_VERSION"))
}

/// Counts every answer to a webhook, by its route: only paths that exist come here, and what is
/// variable in a path may be a secret. A replica that waits for the Lease takes no webhook.
async fn count_hook(
    State(shared): State<Arc<HttpState>>,
    request: Request,
    next: Next,
) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(String::new, |route| route.as_str().to_owned());
    let answer = match shared.health.is_waiting() {
        None => next.run(request).await,
        // The replica that makes the passes would not learn of it: a sender may try again there.
        Some(why) => text_answer(StatusCode::SERVICE_UNAVAILABLE, &why),
    };
    let kind = route.strip_prefix("/hooks/").unwrap_or(&route);
    shared.metrics.record_hook(kind, answer.status().as_u16());
    answer
}

/// Answers at once; the loop does the rest.
async fn receive_forge_hook(State(shared): State<Arc<HttpState>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let hook = Webhook::of(&head.headers);
    let mut kept = hook
        .as_ref()
        .filter(|hook| hook.has_names())
        .map(|_| Vec::new());
    let checked = match check_signature(&shared, &head.headers, body, &mut kept).await {
        Ok(checked) => checked,
        Err((status, why)) => {
            shared.log_refusal(why);
            return text_answer(status, why);
        }
    };
    if !checked {
        shared.log_refusal("its signature is missing or wrong");
        return text_answer(StatusCode::UNAUTHORIZED, "not signed with the secret");
    }
    match hook.and_then(|hook| hook.narrow(kept.as_deref(), &shared.wakes.followed())) {
        Some(hook) => {
            shared.wakes.wake(hook);
            text_answer(StatusCode::ACCEPTED, "woken")
        }
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// Refuses a request without the token before it reads the body. Reads the body only so that the
/// sender sees the answer.
async fn receive_alert_hook(State(shared): State<Arc<HttpState>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    if !shared
        .secrets
        .alerts
        .as_ref()
        .is_some_and(|token| carries_token(token, &head.headers))
    {
        shared.log_refusal("its token is missing or wrong");
        let realm = [(header::WWW_AUTHENTICATE, "Bearer")];
        return (
            realm,
            text_answer(StatusCode::UNAUTHORIZED, "not the token"),
        )
            .into_response();
    }
    shared.wakes.wake(Webhook::Alert);
    match read_body(&head.headers, body, |_| ()).await {
        Ok(()) => text_answer(StatusCode::ACCEPTED, "woken"),
        Err((status, why)) => text_answer(status, why),
    }
}

type Shared = State<Arc<HttpState>>;

async fn receive_named_registry_hook(
    shared: Shared,
    Path(kind): Path<String>,
    request: Request,
) -> Response {
    receive_registry_kind(shared, &kind, None, request).await
}

async fn receive_secret_registry_hook(
    shared: Shared,
    Path((kind, secret)): Path<(String, String)>,
    request: Request,
) -> Response {
    receive_registry_kind(shared, &kind, Some(secret), request).await
}

async fn receive_registry_kind(
    shared: Shared,
    kind: &str,
    secret: Option<String>,
    request: Request,
) -> Response {
    match kind.parse() {
        Ok(Sender::Diun) | Err(_) => {
            text_answer(StatusCode::NOT_FOUND, "there is no such kind of registry")
        }
        Ok(sender) => receive_registry_hook(shared, sender, secret, request).await,
    }
}

/// Refuses a request without a proof before it reads the body; a signature needs the whole body.
async fn receive_registry_hook(
    State(shared): Shared,
    sender: Sender,
    path: Option<String>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let Some(token) = &shared.secrets.registries else {
        return text_answer(StatusCode::NOT_FOUND, "there is nothing here");
    };
    let unproved = || {
        shared.log_refusal("the proof of a registry is missing or wrong");
        text_answer(StatusCode::UNAUTHORIZED, "not proved with the token")
    };
    let mut check = match sender.signature(token, &head.headers).transpose() {
        Ok(check) if path.is_none() || check.is_none() => check,
        Ok(_) | Err(_) => return unproved(),
    };
    if check.is_none() && !sender.is_proved(token, &head.headers, path.as_deref()) {
        return unproved();
    }
    let mut kept = Some(Vec::new());
    let taken = read_body(&head.headers, body, |bytes| {
        if let Some(check) = &mut check {
            check.update(bytes);
        }
        keep_bytes(&mut kept, bytes);
    });
    if let Err((status, why)) = taken.await {
        return text_answer(status, why);
    }
    if check.is_some_and(|check| !check.is_valid()) {
        return unproved();
    }
    let images = kept.map_or(PushedImages::Unknown, |body| {
        sender.pushed_images(&head.headers, &body)
    });
    let hooks = match images {
        PushedImages::Unknown => vec![Webhook::Package],
        PushedImages::Named(images) => images.into_iter().map(Webhook::Image).collect(),
    };
    if hooks.is_empty() {
        return StatusCode::NO_CONTENT.into_response();
    }
    hooks.into_iter().for_each(|hook| shared.wakes.wake(hook));
    text_answer(StatusCode::ACCEPTED, "woken")
}

/// Adds to what is kept of a body; it becomes `None` once it is too large.
fn keep_bytes(kept: &mut Option<Vec<u8>>, bytes: &[u8]) {
    *kept = kept.take().filter(|all| all.len() + bytes.len() <= KEPT);
    if let Some(all) = kept {
        all.extend_from_slice(bytes);
    }
}

/// Returns whether the request is signed. Reads the whole body before it refuses, so that the
/// sender sees the answer. `kept` takes the body; it becomes `None` if that is too large.
async fn check_signature(
    shared: &HttpState,
    headers: &HeaderMap,
    body: Body,
    kept: &mut Option<Vec<u8>>,
) -> std::result::Result<bool, (StatusCode, &'static str)> {
    let unusable = |_| {
        (
            StatusCode::INTERNAL_SERVER_ERROR,
            "its signature could not be checked",
        )
    };
    let mut check = shared
        .secrets
        .forge
        .as_ref()
        .map(|secret| SignatureCheck::begin(secret, headers))
        .transpose()
        .map_err(unusable)?;
    let hashed = |bytes: &[u8]| {
        if let Some(check) = &mut check {
            check.update(bytes);
        }
        keep_bytes(kept, bytes);
    };
    read_body(headers, body, hashed).await?;
    let none = (StatusCode::FORBIDDEN, "there is no webhook secret here");
    check.map(SignatureCheck::is_valid).ok_or(none)
}

/// Reads a body, within the limits of size and time.
async fn read_body(
    headers: &HeaderMap,
    body: Body,
    mut each: impl FnMut(&[u8]),
) -> std::result::Result<(), (StatusCode, &'static str)> {
    const TOO_LARGE: (StatusCode, &str) = (
        StatusCode::PAYLOAD_TOO_LARGE,
        "its body is larger than 1 MiB",
    );
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > LIMIT as u64) {
        return Err(TOO_LARGE);
    }
    let all = async {
        let (mut body, mut taken) = (body.into_data_stream(), 0);
        while let Some(bytes) = body.next().await {
            let bytes = bytes.map_err(|_| (StatusCode::BAD_REQUEST, "its body broke off"))?;
            taken += bytes.len();
            if taken > LIMIT {
                return Err(TOO_LARGE);
            }
            each(&bytes);
        }
        Ok(())
    };
    timeout(PATIENCE, all)
        .await
        .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "its body took too long"))?
}

fn text_answer(status: StatusCode, text: &str) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        format!("{text}\n"),
    )
        .into_response()
}

#[cfg(test)]
mod tests;
