//! One list, or one watch, and what went wrong in words. Every question has an end: a server that
//! does not answer is an error after a while.

use super::Kind;
use super::connect::without_credentials;
use super::object::{Object, Words};
use super::wire::{CustomWire, Page, Slim, Wire};
use crate::remote::paging::{Paging, PagingEnd};
use futures_util::StreamExt;
use kube::Client;
use kube::core::params::{ListParams, WatchParams};
use kube::core::request::Request;
use kube::core::{Status, WatchEvent};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// A page of pods with long environments is a few megabytes; each is forgotten before the next one
/// is asked for.
const PAGE: u32 = 100;
/// So many pages of a list are read: five times the pods that a cluster may have (150,000,
/// <https://kubernetes.io/docs/setup/best-practices/cluster-large/>).
const PAGES: u32 = 7_500;
/// How long a watch is asked to last, in seconds. A connection that died without a word is noticed
/// after it.
const WATCH: u32 = 50;
/// How much longer than that the server may take to end it.
const LATE: Duration = Duration::from_secs(10);
/// No more of a server's message is told, in characters.
const MESSAGE: usize = 300;
const STRANGE: &str = "(the answer is not an API server's)";

/// Why something could not be read: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no right to it, or there is no such kind.
    Refused(String),
    /// The version is no longer known (410): list again.
    Gone(String),
    /// Trying again may help.
    Failed(String),
    /// Trying again may help with other credentials: those that are there are refused (401), or
    /// there are none.
    Stranger(String),
}

impl Trouble {
    pub(super) fn sentence(&self) -> &str {
        match self {
            Self::Refused(why) | Self::Gone(why) | Self::Failed(why) | Self::Stranger(why) => why,
        }
    }

    fn of(kind: &Kind, error: kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return match without_credentials(&error) {
                Some(why) => Self::Stranger(format!("the {kind} could not be read: {why}")),
                None => Self::Failed(format!("the {kind} could not be read: {}", chain(&error))),
            };
        };
        let (group, version, plural) = kind.place();
        let said = said(&status);
        match status.code {
            401 => Self::Stranger(format!("the {kind} could not be read: 401 {said}")),
            403 => Self::Refused(format!("the {kind} may not be read: {said}")),
            404 => Self::Refused(format!("the cluster has no {plural} of {group}/{version}")),
            410 => Self::Gone(format!("the {kind} could not be read on: {said}")),
            // An answer in JSON of somebody else.
            0 => Self::Failed(format!("the {kind} could not be read: {said}")),
            code => Self::Failed(format!("the {kind} could not be read: {code} {said}")),
        }
    }

    /// The client itself asks again while it is answered with 429, 503 or 504, as late as
    /// `Retry-After` says.
    fn silent(kind: &Kind, limit: Duration) -> Self {
        let within = limit.as_secs_f32().ceil();
        let what = format!(
            "the API server did not answer within {within} s, or only that it is busy (429, 503)"
        );
        Self::Failed(format!("the {kind} could not be read: {what}"))
    }
}

/// A status' message on one line. What stands before an API server answers with pages, and in words
/// that are never the same twice.
fn said(status: &Status) -> String {
    let message = status
        .message
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let message: String = message.chars().take(MESSAGE).collect();
    match (message.is_empty() || message.starts_with('<'), status.code) {
        (true, _) => STRANGE.into(),
        (false, 0) => format!("{message} {STRANGE}"),
        (false, _) => message,
    }
}

/// The causes, each once: errors of several layers repeat each other.
fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for error in std::iter::successors(Some(error), |error| error.source()) {
        let text = error.to_string();
        if !texts.iter().any(|known| known.contains(&text)) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

/// Lists all objects of a kind, page by page, and returns them with the version they are of.
pub(super) async fn list(
    client: &Client,
    kind: &Kind,
    words: &Mutex<Words>,
    limit: Duration,
) -> Result<(Vec<Object>, String), Trouble> {
    let listed = match kind {
        Kind::Custom(_) => pages::<CustomWire>(client, kind, words, limit).await,
        _ => pages::<Wire>(client, kind, words, limit).await,
    };
    match listed {
        // The rest of the list was asked for too late.
        Err(Trouble::Gone(_)) => match kind {
            Kind::Custom(_) => pages::<CustomWire>(client, kind, words, limit).await,
            _ => pages::<Wire>(client, kind, words, limit).await,
        },
        other => other,
    }
}

async fn pages<T: Slim>(
    client: &Client,
    kind: &Kind,
    words: &Mutex<Words>,
    limit: Duration,
) -> Result<(Vec<Object>, String), Trouble> {
    let endless = |end: PagingEnd| {
        Trouble::Failed(format!(
            "the {kind} could not be read: the list does not end: {end}"
        ))
    };
    let mut asked = ListParams::default().limit(PAGE);
    let (mut objects, mut paging) = (Vec::new(), Paging::new(PAGES));
    loop {
        paging.next_page().map_err(endless)?;
        let page: Page<T> = page(client, kind, &asked, limit).await?;
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        objects.extend(
            page.items
                .into_iter()
                .flatten()
                .map(|item| item.slim(kind, &mut words)),
        );
        drop(words);
        match (
            page.metadata.rest.filter(|rest| !rest.is_empty()),
            page.metadata
                .resource_version
                .filter(|version| !version.is_empty()),
        ) {
            (Some(rest), _) => {
                paging.note(&rest).map_err(endless)?;
                asked.continue_token = Some(rest);
            }
            (None, Some(version)) => return Ok((objects, version)),
            (None, None) => {
                return Err(Trouble::Failed(format!(
                    "the {kind} could not be read: the list has no version"
                )));
            }
        }
    }
}

async fn page<T: Slim>(
    client: &Client,
    kind: &Kind,
    asked: &ListParams,
    limit: Duration,
) -> Result<Page<T>, Trouble> {
    let request = Request::new(kind.path())
        .list(asked)
        .map_err(kube::Error::BuildRequest)
        .map_err(|e| Trouble::of(kind, e))?;
    let text = timeout(limit, client.request_text(request))
        .await
        .map_err(|_| Trouble::silent(kind, limit))?;
    let text = text.map_err(|e| Trouble::of(kind, e))?;
    // What cannot be read is not quoted: it may be anything that stands in the cluster.
    let place = |e: serde_json::Error| {
        format!(
            "the {kind} could not be read: the answer is not as expected at byte {}",
            e.column()
        )
    };
    serde_json::from_str(&text).map_err(|e| Trouble::Failed(place(e)))
}

/// What a watch brings.
pub(super) enum Change {
    /// The server answered: what was read before is up to date, or will be in a moment.
    Alive,
    Is(Object),
    Gone(Object),
}

/// Watches a kind from a version on, until the server ends it. `version` is moved along.
pub(super) async fn watch(
    client: &Client,
    kind: &Kind,
    version: &mut String,
    words: &Mutex<Words>,
    limit: Duration,
    report: impl FnMut(Change),
) -> Result<(), Trouble> {
    match kind {
        Kind::Custom(_) => events::<CustomWire>(client, kind, version, words, limit, report).await,
        _ => events::<Wire>(client, kind, version, words, limit, report).await,
    }
}

async fn events<T: Slim>(
    client: &Client,
    kind: &Kind,
    version: &mut String,
    words: &Mutex<Words>,
    limit: Duration,
    mut report: impl FnMut(Change),
) -> Result<(), Trouble> {
    let asked = WatchParams {
        timeout: Some(WATCH),
        ..WatchParams::default()
    };
    let request = Request::new(kind.path())
        .watch(&asked, version)
        .map_err(kube::Error::BuildRequest)
        .map_err(|e| Trouble::of(kind, e))?;
    let begun = timeout(limit, client.request_events::<T>(request))
        .await
        .map_err(|_| Trouble::silent(kind, limit))?;
    let mut events = Box::pin(begun.map_err(|e| Trouble::of(kind, e))?);
    report(Change::Alive);
    let end = tokio::time::Instant::now() + Duration::from_secs(WATCH.into()) + LATE;
    loop {
        let next = tokio::time::timeout_at(end, events.next()).await;
        let Some(event) =
            next.map_err(|_| Trouble::Failed(format!("the watch on {kind} fell silent")))?
        else {
            return Ok(());
        };
        let slim = |object: T| {
            object.slim(
                kind,
                &mut words.lock().unwrap_or_else(PoisonError::into_inner),
            )
        };
        match event.map_err(|e| Trouble::of(kind, e))? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                seen(version, object.version());
                report(Change::Is(slim(object)));
            }
            WatchEvent::Deleted(object) => {
                seen(version, object.version());
                report(Change::Gone(slim(object)));
            }
            WatchEvent::Bookmark(bookmark) => {
                seen(version, Some(&bookmark.metadata.resource_version));
                report(Change::Alive);
            }
            WatchEvent::Error(status) => return Err(Trouble::of(kind, kube::Error::Api(status))),
        }
    }
}

fn seen(version: &mut String, new: Option<&str>) {
    if let Some(new) = new.filter(|new| !new.is_empty()) {
        new.clone_into(version);
    }
}
