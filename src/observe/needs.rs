//! What policies need to choose tags: lists of tags, what chosen tags mean, build times. Asks for
//! what a plan needs and nothing else; the registry itself, never its cache. Never fails a pass:
//! what was not answered is unknown, with the reason.

use super::answers::SessionAnswers;
use super::registry::{self, PollAnswers};
use super::{CUT_SHORT, Registries, Session, cache};
use crate::model::choice::{TagBuild, TagSieve, TagWish};
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Repository};
use crate::pipeline::{Seen, Snapshot, TagList, TagNeeds};
use crate::remote::oci::{Client, OciError, TagFilter};
use futures_util::StreamExt;
use futures_util::stream;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, PoisonError};

/// So many lists, or images, are read at the same time.
const SIDE_BY_SIDE: usize = 8;
/// Build times of about so many images are kept from one pass to the next. They never change.
const BUILDS_KEPT: usize = 2_000;

/// Asks for what a plan needs, unless the session knows it since the last poll, and puts the
/// answers into the snapshot: each thing that is needed has an entry there afterwards.
pub async fn read_needs(
    session: &Session,
    registries: &Registries,
    snapshot: &mut Snapshot,
    needs: &TagNeeds,
) {
    let known = session.answers();
    read_lists(session, registries, snapshot, (needs, &known)).await;
    read_channels(session, registries, snapshot, (needs, &known)).await;
    read_builds(session, registries, snapshot, (needs, &known)).await;
}

type Needed<'n> = (&'n TagNeeds, &'n SessionAnswers);

async fn read_lists(
    session: &Session,
    registries: &Registries,
    snapshot: &mut Snapshot,
    (needs, known): Needed<'_>,
) {
    let is_known = |repository: &Repository, wishes: &[TagWish]| match known.tags.get(repository) {
        Some(Seen::Known(list)) => wishes.iter().all(|wish| list.wishes.contains(wish)),
        Some(Seen::Unknown(_)) => true,
        Some(Seen::NotAsked) | None => false,
    };
    let (old, new): (Vec<_>, Vec<_>) = needs
        .lists
        .iter()
        .partition(|(repository, wishes)| is_known(repository, wishes));
    for (repository, _) in old {
        let list = known.tags.get(repository).cloned().unwrap_or_default();
        snapshot.tags.insert(repository.clone(), list);
    }
    let one = async |(repository, wishes): (&Repository, &Vec<TagWish>)| {
        let list = read_list(&registries.upstream, repository, wishes).await;
        (repository.clone(), list)
    };
    let unread: Vec<Repository> = new
        .iter()
        .map(|(repository, _)| (*repository).clone())
        .collect();
    let new = stream::iter(new).map(one).buffer_unordered(SIDE_BY_SIDE);
    let read = session.unless_urgent_change(new.collect::<Vec<_>>()).await;
    let Some(read) = read else {
        let cut_short = |repository: &Repository| {
            let why = Seen::Unknown(CUT_SHORT.to_owned());
            (repository.clone(), why)
        };
        snapshot.tags.extend(unread.iter().map(cut_short));
        return;
    };
    session.remember(|answers| answers.tags.extend(read.iter().cloned()));
    snapshot.tags.extend(read);
}

/// Reads a list, and keeps of it what the wishes depend on.
async fn read_list(client: &Client, repository: &Repository, wishes: &[TagWish]) -> Seen<TagList> {
    let sieves: Vec<TagSieve> = wishes
        .iter()
        .map(|wish| TagSieve::new(wish.question()))
        .collect();
    let keeps = |tag: &str| {
        let mut all = sieves.iter();
        all.any(|sieve| sieve.keeps(tag) || sieve.looks_newer(tag))
    };
    let prune = |tags: &mut Vec<Arc<str>>| {
        let mut kept: HashSet<Arc<str>> = HashSet::new();
        for sieve in &sieves {
            let mut own = tags.clone();
            sieve.prune(&mut own);
            kept.extend(own);
        }
        tags.retain(|tag| kept.contains(tag));
    };
    let filter = TagFilter {
        name: &format!("{wishes:?}"),
        keeps: &keeps,
        prune: &prune,
    };
    match client.list_tags(repository, &filter).await {
        Ok(list) => Seen::Known(TagList {
            wishes: wishes.to_vec(),
            tags: list.tags.into(),
            listed: list.listed,
        }),
        Err(why) => Seen::Unknown(why.to_string()),
    }
}

async fn read_channels(
    session: &Session,
    registries: &Registries,
    snapshot: &mut Snapshot,
    (needs, known): Needed<'_>,
) {
    let mut new: BTreeSet<Channel> = BTreeSet::new();
    for channel in &needs.channels {
        match known.upstream.get(channel) {
            None => {
                new.insert(channel.clone());
            }
            Some(seen) => {
                snapshot.upstream.insert(channel.clone(), seen.clone());
                let served = known.cache.get(channel).cloned();
                let served = served.map(|served| (channel.clone(), served));
                snapshot.cache.extend(served);
            }
        }
    }
    if new.is_empty() {
        return;
    }
    let answered = PollAnswers::default();
    let poll = registry::poll_into(&answered, &registries.upstream, new.clone(), &|_| {});
    session.unless_urgent_change(poll).await;
    let mut upstream = answered
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let asked: BTreeSet<Channel> = upstream.keys().cloned().collect();
    let poll = cache::poll_caches(&registries.caches, &upstream, &asked, &|_| {});
    let served = session.unless_urgent_change(poll).await.unwrap_or_default();
    session.remember(|answers| {
        answers.upstream.extend(upstream.clone());
        answers.cache.extend(served.clone());
    });
    for channel in new {
        let cut_short = || Seen::Unknown(CUT_SHORT.to_owned());
        upstream.entry(channel).or_insert_with(cut_short);
    }
    snapshot.upstream.extend(upstream);
    snapshot.cache.extend(served);
}

async fn read_builds(
    session: &Session,
    registries: &Registries,
    snapshot: &mut Snapshot,
    (needs, known): Needed<'_>,
) {
    let mut new: Vec<&(Repository, Digest)> = Vec::new();
    for key in &needs.builds {
        match known.builds.get(key) {
            Some(build) => {
                let build = Seen::Known(build.clone());
                snapshot.builds.insert(key.clone(), build);
            }
            None => new.push(key),
        }
    }
    let one = async |key: &(Repository, Digest)| {
        let build = match registries.upstream.find_build_of(&key.0, &key.1).await {
            Ok(build) => Seen::Known(build),
            Err(OciError::NotFound { .. }) => Seen::Known(TagBuild::default()),
            Err(why) => Seen::Unknown(why.to_string()),
        };
        (key.clone(), build)
    };
    let reading = stream::iter(new.clone())
        .map(one)
        .buffer_unordered(SIDE_BY_SIDE);
    let read = session
        .unless_urgent_change(reading.collect::<Vec<_>>())
        .await
        .unwrap_or_default();
    session.remember(|answers| {
        if answers.builds.len() > BUILDS_KEPT {
            answers.builds.clear();
        }
        for (key, build) in &read {
            if let Seen::Known(build) = build {
                answers.builds.insert(key.clone(), build.clone());
            }
        }
    });
    snapshot.builds.extend(read);
    for key in new {
        let cut_short = || Seen::Unknown(CUT_SHORT.to_owned());
        snapshot.builds.entry(key.clone()).or_insert_with(cut_short);
    }
}

#[cfg(test)]
mod tests;
