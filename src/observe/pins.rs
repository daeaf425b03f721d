//! What registries say of pins that are not what their channel means: whether they still have them
//! (retention deletes what has no tag), and whether a pin is one platform's manifest of what the
//! channel means. Asks for a pin once in a while. Never fails a pass: what was not answered is not
//! known.

use super::answers::PinAnswer;
use super::{Registries, Session};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::PinFact;
use crate::remote::oci::StoredAs;
use futures_util::StreamExt;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A pin that is there is asked for again after so long: twice a day.
const AGAIN: SignedDuration = SignedDuration::from_hours(12);
/// A pin that is gone: somebody may have pushed it again.
const GONE_AGAIN: SignedDuration = SignedDuration::from_hours(1);
const SIDE_BY_SIDE: usize = 8;

type PinKey = (Channel, Digest);

/// Returns what is known of the wanted pins, which come with what their channel means. One HEAD for
/// each pin that is due; one GET for each new index where a pin is a single manifest.
pub async fn read_pins(
    session: &Session,
    registries: &Registries,
    wanted: BTreeMap<PinKey, Option<Digest>>,
) -> BTreeMap<PinKey, PinFact> {
    let (now, answers) = ((session.setup.clock)(), session.answers());
    let is_due = |key: &PinKey| {
        let known = answers.pins.get(key);
        !answers.silent.contains(key) && known.is_none_or(|answer| answer.is_old(now))
    };
    let due: Vec<PinKey> = wanted
        .iter()
        .filter(|(key, upstream)| upstream.is_some() && is_due(key))
        .map(|(key, _)| key.clone())
        .collect();
    let one = async |key: PinKey| {
        let (repository, digest) = (&key.0.repository, &key.1);
        let answer = registries
            .upstream
            .find_stored(&repository.registry, &repository.path, digest)
            .await;
        (key, answer)
    };
    let work = stream::iter(due)
        .map(one)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect::<Vec<_>>();
    let answered = session.unless_urgent_change(work).await;
    let answered = answered.unwrap_or_default();
    session.remember(|answers| {
        for (key, answer) in answered {
            match answer {
                Ok(stored) => {
                    answers.pins.insert(key, PinAnswer { at: now, stored });
                }
                Err(why) => {
                    let (channel, digest) = &key;
                    tracing::debug!(%channel, %digest, %why, "a pin could not be asked for");
                    answers.silent.insert(key);
                }
            }
        }
        answers.pins.retain(|key, _| wanted.contains_key(key));
    });
    find_facts(session, registries, wanted).await
}

async fn find_facts(
    session: &Session,
    registries: &Registries,
    wanted: BTreeMap<PinKey, Option<Digest>>,
) -> BTreeMap<PinKey, PinFact> {
    let answers = session.answers();
    let mut silent = answers.silent;
    let mut facts = BTreeMap::new();
    for (key, upstream) in wanted {
        let fact = match answers.pins.get(&key).map(|answer| answer.stored) {
            Some(StoredAs::Nothing) => Some(PinFact::Gone),
            Some(StoredAs::Manifest) => match upstream {
                Some(index) => find_platform(registries, &mut silent, &key, index).await,
                None => None,
            },
            _ => None,
        };
        facts.extend(fact.map(|fact| (key, fact)));
    }
    session.remember(|answers| answers.silent.extend(silent));
    facts
}

async fn find_platform(
    registries: &Registries,
    silent: &mut BTreeSet<PinKey>,
    (channel, pinned): &PinKey,
    index: Digest,
) -> Option<PinFact> {
    let key = (channel.clone(), index);
    if silent.contains(&key) {
        return None;
    }
    let repository = (&*channel.repository.registry, &*channel.repository.path);
    let index = &key.1;
    match registries
        .upstream
        .platform_in(repository, index, pinned)
        .await
    {
        Ok(Some(platform)) => Some(PinFact::PlatformOf {
            index: index.clone(),
            platform,
        }),
        Ok(None) => Some(PinFact::Single),
        Err(why) => {
            tracing::debug!(%channel, %index, %why, "what an index is made of could not be asked");
            silent.insert(key);
            None
        }
    }
}

impl PinAnswer {
    fn is_old(&self, now: Timestamp) -> bool {
        let after = match self.stored {
            StoredAs::Nothing => GONE_AGAIN,
            StoredAs::Manifest | StoredAs::Index => AGAIN,
        };
        now.duration_since(self.at) >= after
    }
}

#[cfg(test)]
mod tests;
