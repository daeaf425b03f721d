//! Which request is for what. Every request is counted here, whatever becomes of it.

use super::fault::{FaultKind, FaultPart};
use super::line::{ConnectionHandle, stopped};
use super::request::{RegistryCall, RegistryPath, RegistryService};
use super::respond::{self, answer, error, failing};
use super::state::{RegistryShared, RequestSeen};
use super::{access, content, proxy, push};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, header, request};
use axum::response::Response;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// The largest body that is taken.
const BODY_LIMIT: usize = 64 << 20;

pub(super) fn app(
    shared: Arc<RegistryShared>,
    stop: watch::Receiver<bool>,
    addr: SocketAddr,
) -> Router {
    crate::remote::install_tls();
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap_or_default();
    Router::new().fallback(handle).with_state(RegistryService {
        shared,
        stop,
        addr,
        http,
    })
}

async fn handle(
    State(serving): State<RegistryService>,
    ConnectInfo(line): ConnectInfo<ConnectionHandle>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    serving.shared.live().saw(seen(&parts));
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    if let Some(host) = path.strip_suffix("/token") {
        return access::token(
            &serving.shared,
            host.trim_matches('/'),
            &query,
            &parts.headers,
        );
    }
    let Some((host, rest)) = split(&path) else {
        return answer(
            404,
            &[("content-type", "text/plain; charset=utf-8")],
            "404 page not found\n",
        );
    };
    if !serving.shared.state().hosts.contains_key(host) {
        return error(
            404,
            "NAME_UNKNOWN",
            "no such registry",
            json!({ "name": host }),
        );
    }
    let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
        return error(413, "SIZE_INVALID", "the body is too large", json!(null));
    };
    let call = RegistryCall {
        method: parts.method.clone(),
        host: host.to_owned(),
        path: rest.to_owned(),
        query,
        parts,
        body,
        line,
    };
    route(&serving, call).await
}

/// `/docker.io/v2/library/alpine/manifests/3` → (`docker.io`, `library/alpine/manifests/3`)
fn split(path: &str) -> Option<(&str, &str)> {
    let (host, rest) = path
        .split_once("/v2/")
        .or_else(|| path.strip_suffix("/v2").map(|host| (host, "")))?;
    Some((host.trim_matches('/'), rest))
}

fn seen(parts: &request::Parts) -> RequestSeen {
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().unwrap_or("unreadable"));
    RequestSeen {
        method: parts.method.to_string(),
        path: parts
            .uri
            .path_and_query()
            .map_or_else(String::new, ToString::to_string),
        authorization: authorization
            .map(|text| text.split(' ').next().unwrap_or_default().to_owned()),
    }
}

async fn route(serving: &RegistryService, call: RegistryCall) -> Response {
    if call.path.is_empty() {
        serving
            .shared
            .live()
            .count(&call.host, |counts| counts.pings += 1);
        let refused = access::check(
            &serving.shared,
            serving.addr,
            &call.host,
            None,
            &call.parts.headers,
        );
        return refused.unwrap_or_else(|| {
            answer(
                200,
                &[("content-type", "application/json; charset=utf-8")],
                "{}",
            )
        });
    }
    let Some(asked) = RegistryPath::parse(&call.path) else {
        return answer(
            404,
            &[("content-type", "text/plain; charset=utf-8")],
            "404 page not found\n",
        );
    };
    let part = match asked {
        RegistryPath::Manifest {
            repository,
            reference,
        } => Some((FaultPart::Manifests, repository, reference)),
        RegistryPath::Blob { repository, digest } => Some((FaultPart::Blobs, repository, digest)),
        _ => None,
    };
    if let RegistryPath::Manifest { .. } = asked {
        serving
            .shared
            .live()
            .count(&call.host, |counts| match call.method {
                Method::HEAD => counts.heads += 1,
                Method::GET => counts.gets += 1,
                _ => {}
            });
        if !serving.shared.live().spend(&call.host) {
            return failing(429, Some("3600"));
        }
    }
    let fault = part.and_then(|(part, repository, reference)| {
        serving
            .shared
            .state()
            .fault(&call.host, part, repository, reference)
    });
    match fault {
        Some(FaultKind::Status { code, retry_after }) => failing(code, retry_after.as_deref()),
        Some(FaultKind::HeadStatus(code)) if call.method == Method::HEAD => failing(code, None),
        Some(FaultKind::Redirect(to)) => {
            let to = to.replace("{path}", call.parts.uri.path().trim_start_matches('/'));
            answer(307, &[("location", &to)], "")
        }
        Some(FaultKind::Drop) => {
            call.line.cut();
            answer(500, &[], "")
        }
        Some(FaultKind::ExpiredToken) => {
            let mut headers = call.parts.headers.clone();
            respond::set(&mut headers, "authorization", "Bearer over");
            let refused = access::check(
                &serving.shared,
                serving.addr,
                &call.host,
                Some(asked.repository()),
                &headers,
            );
            match refused {
                Some(refused) => refused,
                None => allowed(serving, &call, asked, None).await,
            }
        }
        fault => allowed(serving, &call, asked, fault).await,
    }
}

/// Goes on with a request once its right is known.
async fn allowed(
    serving: &RegistryService,
    call: &RegistryCall,
    asked: RegistryPath<'_>,
    fault: Option<FaultKind>,
) -> Response {
    let repository = Some(asked.repository());
    if let Some(refused) = access::check(
        &serving.shared,
        serving.addr,
        &call.host,
        repository,
        &call.parts.headers,
    ) {
        return refused;
    }
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return push::accept(&serving.shared, call, &asked);
    }
    proxy::refresh(serving, &call.host, &asked).await;
    let response = content::read(&serving.shared, call, &asked);
    match (fault, asked) {
        (
            Some(fault),
            RegistryPath::Manifest {
                repository,
                reference,
            },
        ) => spoil(serving, call, repository, reference, response, fault).await,
        (Some(FaultKind::OtherBytes), RegistryPath::Blob { .. }) => answer(
            200,
            &[("content-type", "application/octet-stream")],
            "other bytes",
        ),
        _ => response,
    }
}

/// Does to a good answer what the fault says.
async fn spoil(
    serving: &RegistryService,
    call: &RegistryCall,
    repository: &str,
    reference: &str,
    mut good: Response,
    fault: FaultKind,
) -> Response {
    let stored = content::manifest(&serving.shared, &call.host, repository, reference);
    match (fault, stored) {
        (FaultKind::Slow, _) if call.method == Method::HEAD => {
            stopped(serving.stop.clone()).await;
            answer(503, &[], "")
        }
        (FaultKind::Slow, Some((_, stored))) => respond::half(good, &stored, serving.stop.clone()),
        (FaultKind::Digest(digest), _) => {
            respond::set(good.headers_mut(), respond::DIGEST, &digest);
            good
        }
        (FaultKind::NoDigest, _) => {
            good.headers_mut().remove(respond::DIGEST);
            good
        }
        (FaultKind::OtherBytes, Some((digest, stored))) => respond::other_bytes(&stored, &digest),
        _ => good,
    }
}
