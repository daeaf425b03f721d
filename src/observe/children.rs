//! The digests that an index names, since a pod may report the digest of its platform. Fetches each
//! index once while it is wanted: its content never changes. Never fails a pass: the children of an
//! index that could not be fetched are unknown.

use super::answers::IndexChildren;
use super::{Registries, Session};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use futures_util::StreamExt;
use futures_util::stream;
use std::collections::BTreeSet;

const SIDE_BY_SIDE: usize = 8;

/// Returns the children of the wanted indexes, as far as they could be fetched.
pub async fn children(
    session: &Session,
    registries: &Registries,
    wanted: BTreeSet<(Channel, Digest)>,
) -> IndexChildren {
    let answers = session.answers();
    let mut known: IndexChildren = answers.children;
    known.retain(|key, _| wanted.contains(key));
    let new: Vec<(Channel, Digest)> = wanted
        .into_iter()
        .filter(|key| !known.contains_key(key) && !answers.silent.contains(key))
        .collect();
    let one = async |key: (Channel, Digest)| {
        let (channel, digest) = &key;
        match registries
            .upstream
            .children(
                &channel.repository.registry,
                &channel.repository.path,
                digest,
            )
            .await
        {
            Ok(children) => Some((key, children)),
            Err(why) => {
                tracing::debug!(%channel, %digest, %why, "what an index is made of could not be asked");
                None
            }
        }
    };
    let work = stream::iter(new.clone())
        .map(one)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>();
    let Some(told) = session.unless_urgent_change(work).await else {
        return known;
    };
    known.extend(told.into_iter().flatten());
    session.remember(|answers| {
        answers
            .silent
            .extend(new.into_iter().filter(|key| !known.contains_key(key)));
        answers.children = known.clone();
    });
    known
}

#[cfg(test)]
mod tests;
