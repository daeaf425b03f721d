//! Which digest each declared tag has upstream now: one HEAD for each distinct channel; and whether
//! a digest can be pulled. Never guesses: without an answer it is Unknown, with the reason.

use crate::model::digest::Digest;
use crate::model::platform::Platform;
use crate::model::reference::Channel;
use crate::pipeline::{Seen, Upstream};
use crate::remote::oci::{Client, OciError};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many digests are proved at the same time.
const SIDE_BY_SIDE: usize = 16;

/// Reports the progress of a poll after each answer.
pub type PollProgress<'a> = &'a (dyn Fn(Polled) + Send + Sync);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polled {
    pub done: usize,
    pub of: usize,
}

/// Asks for each channel once, those of one registry in the given order. Registries are asked at
/// the same time, so that a slow one delays no other.
///
/// Of a registry that allows fewer requests than there are channels, only about half as many are
/// asked for as it allows: the rest is for proofs. The other channels are left for a later pass.
pub async fn poll_registries(
    client: &Client,
    channels: impl IntoIterator<Item = Channel>,
    progress: PollProgress<'_>,
) -> BTreeMap<Channel, Seen<Upstream>> {
    let answered = PollAnswers::default();
    poll_into(&answered, client, channels, progress).await;
    answered
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
}

/// What was answered so far.
pub type PollAnswers = Mutex<BTreeMap<Channel, Seen<Upstream>>>;

/// The same, each answer as it comes: a poll that is dropped leaves what was answered until then.
pub async fn poll_into(
    answered: &PollAnswers,
    client: &Client,
    channels: impl IntoIterator<Item = Channel>,
    progress: PollProgress<'_>,
) {
    let mut asked: BTreeMap<Arc<str>, Vec<Channel>> = BTreeMap::new();
    for channel in channels {
        asked
            .entry(channel.repository.registry.clone())
            .or_default()
            .push(channel);
    }
    for (host, channels) in &mut asked {
        let Some(allowance) = client.allowance(host) else {
            continue;
        };
        let share = allowance.div_ceil(2).min(channels.len());
        let why = OciError::Deferred {
            host: host.to_string(),
            allowance,
        };
        let later = channels.split_off(share).into_iter();
        let later = later.map(|channel| (channel, Seen::Unknown(why.to_string())));
        lock(answered).extend(later);
    }
    let answer = |channel: &Channel, answer| {
        lock(answered).insert(channel.clone(), to_upstream(answer));
    };
    ask_each(client, asked.into_values().flatten(), progress, answer).await;
}

fn lock(answered: &PollAnswers) -> MutexGuard<'_, BTreeMap<Channel, Seen<Upstream>>> {
    answered.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a HEAD for each channel and returns what `made` makes of the answer.
pub(super) async fn ask_each<T>(
    client: &Client,
    channels: impl IntoIterator<Item = Channel>,
    progress: PollProgress<'_>,
    made: impl Fn(&Channel, Result<Digest, OciError>) -> T,
) -> BTreeMap<Channel, T> {
    let done = AtomicUsize::new(0);
    let mut of = 0;
    let mut registries: BTreeMap<Arc<str>, Vec<Channel>> = BTreeMap::new();
    for channel in channels {
        registries
            .entry(channel.repository.registry.clone())
            .or_default()
            .push(channel);
        of += 1;
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

fn to_upstream(answer: Result<Digest, OciError>) -> Seen<Upstream> {
    match answer {
        Ok(digest) => Seen::Known(Upstream::Digest(digest)),
        Err(OciError::NotFound { .. }) => Seen::Known(Upstream::Missing),
        Err(why) => Seen::Unknown(why.to_string()),
    }
}

/// Proves each digest, in the given order: it is an image, and what its index names for the
/// platforms is there. `None` for the platforms: they are unknown. A digest that is not proved is
/// not pinned.
pub async fn prove_digests(
    client: &Client,
    wanted: &[(Channel, Digest)],
    platforms: Option<&BTreeSet<Platform>>,
) -> Vec<Result<(), OciError>> {
    let one = async |index: usize| {
        let (channel, digest) = &wanted[index];
        let repository = &channel.repository;
        let proof = client
            .prove(&repository.registry, &repository.path, digest, platforms)
            .await;
        (index, proof)
    };
    let mut registries: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, (channel, _)) in wanted.iter().enumerate() {
        let host = &channel.repository.registry;
        registries.entry(host).or_default().push(index);
    }
    let all: FuturesUnordered<_> = registries
        .into_iter()
        .map(|(host, indexes)| {
            // A proof that is half done when the registry closes is none.
            let at_once = if client.is_scarce(host) {
                1
            } else {
                SIDE_BY_SIDE
            };
            stream::iter(indexes)
                .map(&one)
                .buffer_unordered(at_once)
                .collect::<Vec<_>>()
        })
        .collect();
    let mut proofs: Vec<_> = all.concat().await;
    proofs.sort_by_key(|(index, _)| *index);
    proofs.into_iter().map(|(_, proof)| proof).collect()
}

#[cfg(test)]
mod tests;
