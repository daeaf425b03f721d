//! Webhooks of a Forgejo or Gitea: whether one is genuine, and what it wakes. Its body is hashed and never read: it is no evidence.

use crate::error::Result;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// The headers that carry HMAC-SHA256 of the body as hex, and what stands before it.
/// Forgejo sends all three, Gitea the last two; `X-Hub-Signature` beside them is SHA-1 and not looked at.
const SIGNATURES: [(&str, &str); 3] = [("x-forgejo-signature", ""), ("x-gitea-signature", ""), ("x-hub-signature-256", "sha256=")];
/// The headers that name the event.
const EVENTS: [&str; 3] = ["x-forgejo-event", "x-gitea-event", "x-github-event"];

/// The events that wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hook {
    Push,
    Comment,
    PullRequest,
    Status,
}

impl Hook {
    /// The event's name in the forge.
    pub fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Comment => "issue_comment",
            Self::PullRequest => "pull_request",
            Self::Status => "status",
        }
    }

    /// Returns what a request's headers say that happened; `None` for what wakes nobody.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let name = EVENTS.iter().find_map(|name| headers.get(*name))?.to_str().ok()?;
        match name {
            "push" => Some(Self::Push),
            "issue_comment" => Some(Self::Comment),
            "status" => Some(Self::Status),
            // pull_request_approved, pull_request_sync and so on
            _ => name.starts_with("pull_request").then_some(Self::PullRequest),
        }
    }
}

/// Hooks that the loop has not taken yet: each kind at most once, so nothing grows.
#[derive(Debug, Default)]
pub struct Wakes(watch::Sender<BTreeSet<Hook>>);

impl Wakes {
    pub fn wake(&self, hook: Hook) {
        self.0.send_modify(|hooks| {
            hooks.insert(hook);
        });
    }

    /// Waits for at least one hook, and takes all that there are.
    pub async fn next(&self) -> BTreeSet<Hook> {
        // Fails only without a sender, which is `self`.
        drop(self.0.subscribe().wait_for(|hooks| !hooks.is_empty()).await);
        self.0.send_replace(BTreeSet::new())
    }
}

/// The signature check of one request: fed with the raw body, then asked once.
pub struct Check {
    mac: Hmac<Sha256>,
    /// `None` where the headers carry no signature that could be right.
    claimed: Option<[u8; 32]>,
}

impl Check {
    pub fn begin(secret: &SecretString, headers: &HeaderMap) -> Result<Self> {
        let wrong = |_| crate::error::Error::failed("the webhook secret cannot be used as a key");
        let mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(wrong)?;
        Ok(Self { mac, claimed: claimed(headers) })
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
    }

    /// Compares in constant time.
    pub fn holds(self) -> bool {
        self.claimed.is_some_and(|claimed| self.mac.verify_slice(&claimed).is_ok())
    }
}

/// The one signature that all signature headers carry; `None` when there is none, one is malformed, or two differ.
fn claimed(headers: &HeaderMap) -> Option<[u8; 32]> {
    let mut found = None;
    for (name, prefix) in SIGNATURES {
        for value in headers.get_all(name) {
            let mut bytes = [0; 32];
            hex::decode_to_slice(value.to_str().ok()?.strip_prefix(prefix)?, &mut bytes).ok()?;
            if found.is_some_and(|other| other != bytes) {
                return None;
            }
            found = Some(bytes);
        }
    }
    found
}

#[cfg(test)]
mod tests;
