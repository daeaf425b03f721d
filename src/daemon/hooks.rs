//! Webhooks of Forgejo, Gitea and Alertmanager: whether one is genuine, which event it is, and what
//! waits for the loop. Only a genuine one is looked into (`body`). Those of registries are in
//! `registry`.

mod body;
pub mod registry;

pub use body::PushedImage;

use crate::error::Result;
use crate::observe::FollowedBranch;
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use body::{PushedPackage, is_followed, read_package};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use std::collections::BTreeSet;
use tokio::sync::watch;

/// The headers that carry HMAC-SHA256 of the body as hex, and what stands before it. Forgejo sends
/// all three, Gitea the last two; `X-Hub-Signature` beside them is SHA-1 and is not verified.
const SIGNATURES: [(&str, &str); 3] = [
    ("x-forgejo-signature", ""),
    ("x-gitea-signature", ""),
    ("x-hub-signature-256", "sha256="),
];
/// The headers that name the event, the exact ones first. Forgejo sends `package` in the type only,
/// and an empty event; for a comment on a pull request the type is `pull_request_comment`
/// (`HookEventType.Event()` in Gitea and Forgejo `modules/webhook/type.go`).
const EVENTS: [&str; 6] = [
    "x-forgejo-event-type",
    "x-gitea-event-type",
    "x-github-event-type",
    "x-forgejo-event",
    "x-gitea-event",
    "x-github-event",
];

/// The events that wake the loop.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Webhook {
    /// To the followed branch, or to one that the body does not tell.
    Push,
    Comment,
    PullRequest,
    /// A commit status, or the end of a run of the forge's own actions.
    Status,
    /// An image was pushed to the forge or a registry; its name could not be read.
    Package,
    /// This image was pushed to the forge or a registry.
    Image(PushedImage),
    /// An alert began or ended.
    Alert,
}

impl Webhook {
    /// Returns the event's name in the forge, or the name of its source.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Comment => "issue_comment",
            Self::PullRequest => "pull_request",
            Self::Status => "status",
            Self::Package | Self::Image(_) => "package",
            Self::Alert => "alert",
        }
    }

    /// Says whether the body of such an event is worth reading.
    pub fn has_names(&self) -> bool {
        matches!(self, Self::Push | Self::Package)
    }

    /// Returns what a genuine event wakes the loop for, now that its body is known; `None` if it is
    /// about something else. `None` for the body: it was too large to be kept.
    pub fn narrow(self, body: Option<&[u8]>, followed: &FollowedBranch) -> Option<Self> {
        let body = body.unwrap_or_default();
        match self {
            Self::Push => is_followed(body, followed).then_some(Self::Push),
            Self::Package => match read_package(body) {
                PushedPackage::Image(image) => Some(Self::Image(image)),
                PushedPackage::Other => None,
                PushedPackage::Unknown => Some(Self::Package),
            },
            other => Some(other),
        }
    }

    /// Reads the event from the headers of a request; `None` for events that wake nothing.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let named = |header: &&str| {
            let name = headers.get(*header)?.to_str().ok()?;
            (!name.is_empty()).then_some(name)
        };
        let name = EVENTS.iter().find_map(named)?;
        match name {
            "push" => Some(Self::Push),
            "issue_comment" | "pull_request_comment" => Some(Self::Comment),
            "status" | "workflow_run" | "workflow_job" => Some(Self::Status),
            "package" => Some(Self::Package),
            _ if name.starts_with("action_run_") => Some(Self::Status),
            // pull_request_approved, pull_request_sync and so on
            _ => name
                .starts_with("pull_request")
                .then_some(Self::PullRequest),
        }
    }
}

/// So many images are remembered by name until the loop takes them. Where more were pushed, all
/// registries are asked.
const IMAGES: usize = 100;

/// Webhooks that the loop has not taken yet, each event at most once.
#[derive(Debug, Default)]
pub struct PendingWebhooks {
    waiting: watch::Sender<BTreeSet<Webhook>>,
    followed: watch::Sender<FollowedBranch>,
}

impl PendingWebhooks {
    pub fn wake(&self, hook: Webhook) {
        self.waiting.send_modify(|hooks| {
            let images = hooks.iter().filter(|one| matches!(one, Webhook::Image(_)));
            let many = matches!(hook, Webhook::Image(_)) && images.count() >= IMAGES;
            hooks.insert(if many { Webhook::Package } else { hook });
        });
    }

    /// Waits for at least one webhook, and takes all.
    pub async fn next(&self) -> BTreeSet<Webhook> {
        let mut waiting = self.waiting.subscribe();
        // Fails only without a sender, which is `self`.
        drop(waiting.wait_for(|hooks| !hooks.is_empty()).await);
        self.waiting.send_replace(BTreeSet::new())
    }

    /// Sets which pushes matter from now on.
    pub fn follow(&self, followed: FollowedBranch) {
        self.followed.send_replace(followed);
    }

    /// Returns which pushes matter, as far as passes have found out.
    pub fn followed(&self) -> FollowedBranch {
        self.followed.borrow().clone()
    }
}

/// The signature check of one request. It gets the raw body piece by piece.
pub struct SignatureCheck {
    mac: Hmac<Sha256>,
    /// `None` if the headers have no valid signature.
    claimed: Option<[u8; 32]>,
}

impl SignatureCheck {
    pub fn begin(secret: &SecretString, headers: &HeaderMap) -> Result<Self> {
        let wrong = |_| crate::error::Error::failed("the webhook secret cannot be used as a key");
        let mac =
            Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).map_err(wrong)?;
        Ok(Self {
            mac,
            claimed: claimed_signature(headers),
        })
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.mac.update(bytes);
    }

    /// Compares in constant time.
    pub fn is_valid(self) -> bool {
        self.claimed
            .is_some_and(|claimed| self.mac.verify_slice(&claimed).is_ok())
    }
}

/// Says whether a request carries the token, as `Authorization: Bearer …` or as the password of
/// basic auth: Alertmanager's `http_config` sends either. Takes as long for any wrong token.
pub fn carries_token(token: &SecretString, headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let (Some(given), Ok(mac)) = (
        presented_secret(value),
        Hmac::<Sha256>::new_from_slice(token.expose_secret().as_bytes()),
    ) else {
        return false;
    };
    // Two codes of the same length are compared instead of the tokens, whose lengths would tell.
    let right = mac.clone().chain_update(token.expose_secret()).finalize();
    mac.chain_update(given.expose_secret())
        .verify(&right.into_bytes())
        .is_ok()
}

/// The token or password of an `Authorization` header (RFC 6750, RFC 7617).
fn presented_secret(value: &HeaderValue) -> Option<SecretSlice<u8>> {
    let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.as_bytes().to_vec().into());
    }
    let pair = scheme
        .eq_ignore_ascii_case("basic")
        .then(|| STANDARD.decode(rest).ok())??;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec().into())
}

/// The one signature that all signature headers carry; `None` when there is none, one is malformed,
/// or two differ.
fn claimed_signature(headers: &HeaderMap) -> Option<[u8; 32]> {
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
