//! The answers, in the words and headers of docker-registry 2.8 and the distribution spec ("Error
//! Codes").

use super::image::digest_of;
use super::state::StoredContent;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::watch;

const JSON: &str = "application/json; charset=utf-8";
pub(super) const DIGEST: &str = "docker-content-digest";

pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body.into()));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    set(
        response.headers_mut(),
        "docker-distribution-api-version",
        "registry/2.0",
    );
    for (name, value) in headers {
        set(response.headers_mut(), name, value);
    }
    response
}

/// Sets a header; what does not fit into one is left out.
pub(super) fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}

/// An error as the spec has it.
pub(super) fn error(status: u16, code: &str, message: &str, detail: Value) -> Response {
    let body = json!({ "errors": [{ "code": code, "message": message, "detail": detail }] });
    answer(status, &[("content-type", JSON)], format!("{body}\n"))
}

/// The answer of a registry that fails with a status.
pub(super) fn failing(code: u16, retry_after: Option<&str>) -> Response {
    let mut response = match code {
        429 => error(429, "TOOMANYREQUESTS", "too many requests", json!(null)),
        404 => error(404, "MANIFEST_UNKNOWN", "manifest unknown", json!(null)),
        401 | 403 => error(
            code,
            "DENIED",
            "requested access to the resource is denied",
            json!(null),
        ),
        _ => error(code, "UNKNOWN", "unknown error", json!(null)),
    };
    if let Some(retry_after) = retry_after {
        set(response.headers_mut(), "retry-after", retry_after);
    }
    response
}

pub(super) fn json_body(body: &Value) -> Response {
    answer(200, &[("content-type", JSON)], format!("{body}\n"))
}

/// A manifest. hyper leaves the body of an answer to a HEAD out and keeps its length.
pub(super) fn manifest(stored: &StoredContent, digest: &str) -> Response {
    let headers = [
        ("content-type", stored.media_type.as_str()),
        (DIGEST, digest),
        ("etag", &format!("\"{digest}\"")),
    ];
    answer(200, &headers, stored.bytes.clone())
}

/// A config or layer.
pub(super) fn blob(stored: &StoredContent, digest: &str) -> Response {
    let headers = [
        ("content-type", "application/octet-stream"),
        (DIGEST, digest),
        ("etag", &format!("\"{digest}\"")),
    ];
    answer(200, &headers, stored.bytes.clone())
}

/// The same answer with bytes that its digest header does not describe.
pub(super) fn other_bytes(stored: &StoredContent, digest: &str) -> Response {
    let mut bytes = stored.bytes.to_vec();
    bytes.push(b'\n');
    debug_assert_ne!(digest_of(&bytes).as_str(), digest);
    manifest(&StoredContent::new(&stored.media_type, bytes), digest)
}

/// Sends half of the body and then nothing until the server stops.
pub(super) fn half(
    mut whole: Response,
    stored: &StoredContent,
    stop: watch::Receiver<bool>,
) -> Response {
    let first = stored.bytes.slice(..stored.bytes.len() / 2);
    let rest = async move {
        super::line::stopped(stop).await;
        Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    };
    let chunks = stream::iter([Ok::<_, std::io::Error>(first)]);
    let body = futures_util::StreamExt::chain(chunks, stream::once(rest));
    whole.headers_mut().insert(
        header::CONTENT_LENGTH,
        HeaderValue::from(stored.bytes.len()),
    );
    *whole.body_mut() = Body::from_stream(body);
    whole
}
