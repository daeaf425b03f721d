//! How http remotes are spoken to: certificates, time limits, the token, and what an answer that is
//! no git answer means. Redirects are never followed, so that the token reaches the host it was
//! given for and no other.

use super::access::Access;
use super::address::{Remote, Where};
use crate::error::{Error, Kind};
use crate::remote::http::{Fault, Reach, count, count_blocking_answer, host_of};
use base64::Engine;
use reqwest::StatusCode;
use reqwest::blocking::{Client, ClientBuilder, RequestBuilder, Response};
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION};
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

/// The user beside the token; the known hosts look at the token only.
pub(super) const USER: &str = "pintle";

/// The longest wait for a connection.
const LONGEST_CONNECT: Duration = Duration::from_secs(20);

/// How the remote at `url` is reached.
pub(super) fn reach(url: &Url, access: &Access) -> Reach {
    Reach {
        ca: access.ca.clone(),
        allow_insecure: access.allow_insecure,
        connect: access.timeout.min(LONGEST_CONNECT),
        ..Reach::new(url, access.timeout)
    }
}

/// Refuses a token that would cross a network in clear text.
pub(super) fn check(remote: &Remote, access: &Access) -> Result<(), Error> {
    match remote.place() {
        Where::Http(url) if access.token.is_some() => {
            reach(url, access).check_private(remote.as_str())
        }
        _ => Ok(()),
    }
}

/// Makes the builder of a client for the remote, for gix and for us.
pub(super) fn builder(url: &Url, access: &Access) -> Result<ClientBuilder, Error> {
    reach(url, access)
        .blocking()
        .map_err(|why| why.of(&host_of(url)))
}

pub(super) fn client(url: &Url, access: &Access) -> Result<Client, Error> {
    builder(url, access)?.build().map_err(|why| {
        Error::failed("cannot set up https")
            .because(why.without_url())
            .hint("are there certificate authorities?")
    })
}

/// Sends a request with the token, and counts it.
pub(super) fn send(
    request: RequestBuilder,
    url: &Url,
    access: &Access,
) -> reqwest::Result<Response> {
    count(url);
    let answered = match authorization(access).filter(|_| reach(url, access).is_private(url)) {
        Some((name, value)) => request.header(name, value).send(),
        None => request.send(),
    };
    count_blocking_answer(url, answered.as_ref().ok());
    answered
}

/// Returns the `Authorization` header, marked so that nothing prints it.
fn authorization(access: &Access) -> Option<(reqwest::header::HeaderName, HeaderValue)> {
    let token = access.token.as_ref()?.expose_secret();
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{token}"));
    let mut value = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    value.set_sensitive(true);
    Some((AUTHORIZATION, value))
}

/// Returns the URL of a service of the repository: `info/refs?service=…`, `git-receive-pack`.
pub(super) fn below(url: &Url, tail: &str) -> String {
    format!("{}/{tail}", url.as_str().trim_end_matches('/'))
}

/// Asks the remote once more and says what is wrong; `None` when this question gets a good answer.
pub(super) fn diagnose(remote: &Remote, url: &Url, access: &Access) -> Option<Error> {
    let client = match client(url, access) {
        Ok(client) => client,
        Err(error) => return Some(error),
    };
    let request = client.get(below(url, "info/refs?service=git-upload-pack"));
    match send(request, url, access) {
        Ok(response) => explain(remote, &response, access.token.is_some()),
        Err(why) => Some(unreachable(remote, &why)),
    }
}

pub(super) fn unreachable(remote: &Remote, why: &reqwest::Error) -> Error {
    let fault = Fault::of(why);
    let host = match remote.place() {
        Where::Http(url) => host_of(url),
        _ => remote.to_string(),
    };
    Error::outside(format!("cannot reach {remote}"))
        .cause(fault.cause(&host))
        .hint(fault.hint("--remote"))
}

/// Returns what a status that is not success means for a git remote.
pub(super) fn explain(remote: &Remote, response: &Response, with_token: bool) -> Option<Error> {
    let status = response.status();
    if status.is_redirection() {
        let to = response
            .headers()
            .get(LOCATION)
            .and_then(|to| to.to_str().ok())
            .and_then(|to| response.url().join(to).ok());
        let to = to
            .map(|to| format!(" to {}{}", to.host_str().unwrap_or_default(), to.path()))
            .unwrap_or_default();
        return Some(
            Error::failed(format!("{remote} redirects{to}"))
                .hint("give the address it redirects to; redirects are not followed"),
        );
    }
    let announced = response
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-git-"));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Some(denied(remote, status, with_token))
        }
        StatusCode::NOT_FOUND | StatusCode::GONE => Some(
            Error::failed(format!("there is no git repository at {remote}")).hint(
                "check the address; hosts also answer so when the token may not see the repository",
            ),
        ),
        _ if status.is_success() && announced => None,
        _ if status.is_success() => Some(
            Error::failed(format!("{remote} is not a git repository"))
                .hint("give the address git clones from"),
        ),
        _ => Some(Error::outside(format!("{remote} answered {status}")).hint("try again later")),
    }
}

fn denied(remote: &Remote, status: StatusCode, with_token: bool) -> Error {
    let hint = if with_token {
        "is the token valid, and may it read this repository?"
    } else {
        "give a token that may read it"
    };
    Error::new(Kind::Failed, format!("{remote} refuses access"))
        .cause(format!("it answered {status}"))
        .hint(hint)
}

#[cfg(test)]
mod tests;
