//! What an answer that is no success means, as a person reads it. Asks nothing.

use super::Client;
use super::http::{Ask, Reply};
use crate::error::Error;
use crate::model::one_line::one_line;
use serde::Deserialize;

/// So much of what a forge says is shown.
const SHOWN: usize = 300;

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    message: Option<String>,
}

impl Reply {
    /// Returns the message of an error, in one line; empty where the answer holds none (a page of a
    /// proxy).
    pub(super) fn message(&self) -> String {
        let said = serde_json::from_slice::<Said>(&self.body)
            .ok()
            .and_then(|said| said.message)
            .unwrap_or_default();
        shown(&said)
    }

    /// Returns the scopes of which a token lacks all:
    /// `token does not have at least one of required scope(s), required=[write:issue], token scope=…`
    /// (Gitea and Forgejo `routers/api/v1/api.go`; older ones: `required scope(s): [write:issue]`).
    pub(super) fn missing_scopes(&self) -> Option<String> {
        if self.status.as_u16() != 403 {
            return None;
        }
        let message = self.message();
        let (_, after) = message.split_once("required scope(s)")?;
        let (_, after) = after.split_once('[')?;
        let (scopes, _) = after.split_once(']')?;
        Some(
            scopes
                .split([' ', ','])
                .filter(|scope| !scope.is_empty())
                .collect::<Vec<_>>()
                .join(" or "),
        )
    }
}

impl Client {
    /// Returns the error that an answer without success is.
    pub(super) fn refusal(&self, ask: &Ask, reply: &Reply) -> Error {
        let (place, host) = (self.place(), self.place().host());
        let what = format!("cannot {}", ask.what);
        if let Some(scopes) = reply.missing_scopes() {
            return Error::failed(what)
                .cause(format!("the token for {host} lacks the scope {scopes}"))
                .hint("make a token that has it, in the settings of its user under applications");
        }
        match reply.status.as_u16() {
            401 if self.inner.http.has_token() => {
                Error::failed(format!("the forge at {host} refuses the token"))
                    .cause(said(reply, "it answered 401"))
                    .hint("was the token revoked, or is it another forge's?")
            }
            401 => Error::failed(format!("the forge at {host} wants a token"))
                .hint("give an access token of pintle's user"),
            403 => Error::failed(what)
                .cause(said(reply, "it is not allowed"))
                .hint(format!("which rights has the token's user on {place}?")),
            404 => Error::failed(what).cause(format!(
                "{place} or what was asked for in it does not exist, or the token may not see it"
            )),
            423 => Error::failed(what)
                .cause(format!("{place} is archived"))
                .hint("an archived repository is not changed"),
            429 => {
                let wait = reply
                    .wait()
                    .map(|wait| format!(", and not for {} s", wait.as_secs()))
                    .unwrap_or_default();
                Error::outside(what)
                    .cause(format!("{host} wants to be asked less often{wait}"))
                    .hint("try again later")
            }
            300..=399 => self.redirected(what, reply),
            500..=599 => Error::outside(what)
                .cause(said(reply, &format!("{host} answered {}", reply.status)))
                .hint("try again later"),
            _ => {
                Error::failed(what).cause(said(reply, &format!("{host} answered {}", reply.status)))
            }
        }
    }

    fn redirected(&self, what: String, reply: &Reply) -> Error {
        let to = reply
            .leads_to(self.place().base())
            .unwrap_or_else(|| "nowhere".to_owned());
        Error::failed(what)
            .cause(format!("{} redirects to {to}", self.place().host()))
            .hint("give the address it redirects to; a redirect to another host is not followed, nor one of a write")
    }

    /// Returns the error that an answer is which is no answer of a forge.
    pub(super) fn unreadable(&self, what: &str, why: &str) -> Error {
        Error::failed(format!("cannot {what}"))
            .cause(format!(
                "the answer of {} cannot be read: {}",
                self.place().host(),
                shown(why)
            ))
            .hint("is this the address of a Forgejo or Gitea?")
    }
}

fn said(reply: &Reply, otherwise: &str) -> String {
    let message = reply.message();
    if message.is_empty() {
        otherwise.to_owned()
    } else {
        format!("{otherwise}: {message}")
    }
}

fn shown(text: &str) -> String {
    one_line(text).chars().take(SHOWN).collect()
}
