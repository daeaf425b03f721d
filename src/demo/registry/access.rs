//! Who may pull: basic auth, and tokens with the realm that gives them (distribution spec, "Token
//! Authentication").

use super::fault::{FaultKind, FaultPart};
use super::respond::{self, answer, error, json_body};
use super::state::{IssuedToken, PullAccess, RegistryHost, RegistryShared};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::Instant;

const SERVICE: &str = "pintle-demo";

/// Returns the refusal for a request to a repository (`None`: the ping), or nothing when it may go
/// on.
pub(super) fn check(
    shared: &RegistryShared,
    addr: SocketAddr,
    host: &str,
    repository: Option<&str>,
    headers: &HeaderMap,
) -> Option<Response> {
    let told = shared.state().hosts.get(host)?.clone_without_images();
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let refusal = match told.access {
        PullAccess::Open => None,
        PullAccess::Basic => {
            (user(&told, presented).is_none()).then(|| "Basic realm=\"pintle-demo\"".to_owned())
        }
        PullAccess::Token { .. } => bearer(shared, addr, host, repository, presented),
    }?;
    shared.live().count(host, |counts| counts.unauthorized += 1);
    let mut response = error(401, "UNAUTHORIZED", "authentication required", json!(null));
    respond::set(response.headers_mut(), "www-authenticate", &refusal);
    Some(response)
}

/// Returns the challenge for a request without a token that holds.
fn bearer(
    shared: &RegistryShared,
    addr: SocketAddr,
    host: &str,
    repository: Option<&str>,
    presented: Option<&str>,
) -> Option<String> {
    let scope = repository.map(|repository| format!("repository:{repository}:pull"));
    let slash = if host.is_empty() { "" } else { "/" };
    let mut challenge =
        format!("Bearer realm=\"http://{addr}/{host}{slash}token\",service=\"{SERVICE}\"");
    if let Some(scope) = &scope {
        challenge.push_str(&format!(",scope=\"{scope}\""));
    }
    let Some(token) = presented.and_then(|text| text.strip_prefix("Bearer ")) else {
        return Some(challenge);
    };
    let live = shared.live();
    let holds = live.tokens.get(token).is_some_and(|issued| {
        let fits = scope.as_ref().is_none_or(|scope| {
            issued.scope == *scope || issued.scope.starts_with(&format!("{scope},"))
        });
        issued.host == host && issued.until > Instant::now() && fits
    });
    (!holds).then(|| format!("{challenge},error=\"invalid_token\""))
}

/// The token endpoint: a token for one scope, for everybody or, when the repository is private, for
/// users.
pub(super) fn token(
    shared: &RegistryShared,
    host: &str,
    query: &str,
    headers: &HeaderMap,
) -> Response {
    let Some(told) = shared
        .state()
        .hosts
        .get(host)
        .map(RegistryHost::clone_without_images)
    else {
        return error(404, "NAME_UNKNOWN", "no such registry", json!(null));
    };
    let PullAccess::Token { expires_in } = told.access else {
        return error(
            404,
            "UNSUPPORTED",
            "this registry gives no tokens",
            json!(null),
        );
    };
    let param = |name: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let scope = param("scope").unwrap_or_default();
    let repository = scope.split(':').nth(1).unwrap_or_default();
    if let Some(FaultKind::Status { code, retry_after }) =
        shared.state().fault(host, FaultPart::Token, repository, "")
    {
        return respond::failing(code, retry_after.as_deref());
    }
    let presented = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let known = user(&told, presented).is_some();
    if (presented.is_some() || told.private.contains(repository)) && !known {
        shared.live().count(host, |counts| counts.unauthorized += 1);
        return answer(
            401,
            &[("content-type", "application/json")],
            "{\"details\":\"incorrect username or password\"}\n",
        );
    }
    let token = format!("demo-{:032x}", fastrand::u128(..));
    let until = Instant::now() + Duration::from_secs(expires_in.unwrap_or(60));
    let mut live = shared.live();
    live.tokens.insert(
        token.clone(),
        IssuedToken {
            host: host.to_owned(),
            scope: scope.clone(),
            until,
        },
    );
    live.count(host, |counts| *counts.tokens.entry(scope).or_default() += 1);
    let mut body = json!({ "token": token });
    if let Some(expires_in) = expires_in {
        body["expires_in"] = json!(expires_in);
    }
    json_body(&body)
}

/// Returns the user whose name and password were presented.
fn user(host: &RegistryHost, presented: Option<&str>) -> Option<String> {
    let plain = STANDARD.decode(presented?.strip_prefix("Basic ")?).ok()?;
    let plain = String::from_utf8(plain).ok()?;
    let (name, password) = plain.split_once(':')?;
    host.users
        .get(name)
        .is_some_and(|right| right == password)
        .then(|| name.to_owned())
}

impl RegistryHost {
    fn clone_without_images(&self) -> Self {
        Self {
            access: self.access.clone(),
            users: self.users.clone(),
            private: self.private.clone(),
            ..Self::default()
        }
    }
}
