//! Which digest each declared tag has upstream now: one HEAD for each distinct channel. Never
//! guesses: without an answer it is Unknown, with the reason.

use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Seen, Upstream};
use crate::remote::oci::{Client, Manifest, OciError};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Reports the progress of a poll after each answer.
pub type PollProgress<'a> = &'a (dyn Fn(Polled) + Send + Sync);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    pub done: usize,
    pub of: usize,
}

/// Asks for each channel once. Registries are asked at the same time, so that a slow one delays no
/// other.
pub async fn poll_registries(
    client: &Client,
    channels: BTreeSet<Channel>,
    progress: PollProgress<'_>,
) -> BTreeMap<Channel, Seen<Upstream>> {
    ask_each(client, channels, progress, to_upstream).await
}

/// Sends a HEAD for each channel and returns what `made` makes of the answer.
pub(super) async fn ask_each<T>(
    client: &Client,
    channels: BTreeSet<Channel>,
    progress: PollProgress<'_>,
    made: impl Fn(&Channel, Result<Digest, OciError>) -> T,
) -> BTreeMap<Channel, T> {
    let of = channels.len();
    let done = AtomicUsize::new(0);
    let mut registries: BTreeMap<Arc<str>, Vec<Channel>> = BTreeMap::new();
    for channel in channels {
        registries
            .entry(channel.repository.registry.clone())
            .or_default()
            .push(channel);
    }
    let (made, done) = (&made, &done);
    let one = async |channel: Channel| {
        let answer = made(&channel, client.head(&channel).await);
        progress(Polled {
            done: done.fetch_add(1, Ordering::Relaxed) + 1,
            of,
        });
        (channel, answer)
    };
    let all: FuturesUnordered<_> = registries
        .into_iter()
        .map(|(host, channels)| {
            stream::iter(channels)
                .map(&one)
                .buffer_unordered(client.concurrency(&host))
                .collect::<Vec<_>>()
        })
        .collect();
    all.collect::<Vec<_>>()
        .await
        .into_iter()
        .flatten()
        .collect()
}

fn to_upstream(_: &Channel, answer: Result<Digest, OciError>) -> Seen<Upstream> {
    match answer {
        Ok(digest) => Seen::Known(Upstream::Digest(digest)),
        Err(OciError::NotFound { .. }) => Seen::Known(Upstream::Missing),
        Err(why) => Seen::Unknown(why.to_string()),
    }
}

/// Fetches each manifest by its digest and hashes it, in the given order. A digest without a
/// verified manifest is not pinned.
pub async fn fetch_manifests(
    client: &Client,
    wanted: &[(Channel, Digest)],
) -> Vec<Result<Manifest, OciError>> {
    let one = async |(channel, digest): &(Channel, Digest)| {
        client
            .manifest(
                &channel.repository.registry,
                &channel.repository.path,
                digest,
            )
            .await
    };
    stream::iter(wanted).map(one).buffered(16).collect().await
}

#[cfg(test)]
mod tests;
