//! Release notes: what changed between the old and the new digest of a pull request, from the
//! source repositories of the images. All of it is text from outside, and so is the address of the
//! source: only hosts in the configuration, the forge itself and GitHub are asked. Never fails a
//! pass: notes that could not be read are absent.

mod ask;
mod pick;
mod source;

use super::answers::{NotesAnswer, NotesKey};
use super::{Registries, Session};
use crate::model::reference::Reference;
use crate::pipeline::forge::PullState;
use crate::pipeline::notes::Notes;
use crate::pipeline::{Change, Plan, Proposal, Snapshot};
use ask::NotesReader;
use futures_util::StreamExt;
use futures_util::stream;
use std::collections::BTreeMap;
use std::sync::Arc;

/// For how many images a pass reads notes. The others have none.
const IMAGES: usize = 20;
const SIDE_BY_SIDE: usize = 4;

/// Returns the notes for the updates that pull requests will show. Asks each source once, unless
/// the session has its answer already.
pub async fn notes(
    session: &Session,
    registries: &Registries,
    snapshot: &Snapshot,
    plan: &Plan,
) -> BTreeMap<NotesKey, Notes> {
    let config = &snapshot.config.forge;
    let wanted = if config.release_notes {
        wanted_notes(snapshot, plan)
    } else {
        Vec::new()
    };
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let mut cache = session.answers().notes;
    let asking = NotesReader::new(session, registries, &config.sources);
    let new = wanted
        .iter()
        .filter(|key| !cache.known.contains_key(key))
        .take(IMAGES.saturating_sub(cache.asked));
    let one = async |key: &NotesKey| (key.clone(), Arc::new(asking.read_notes(key).await));
    let new: Vec<(NotesKey, Arc<NotesAnswer>)> = stream::iter(new)
        .map(one)
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    session.remember(|answers| answers.notes.add_answers(&wanted, new.clone()));
    cache.known.extend(new);
    let found = |key: NotesKey| match &**cache.known.get(&key)? {
        NotesAnswer::Settled(notes) | NotesAnswer::Passing(notes) => Some((key, notes.clone()?)),
    };
    wanted.into_iter().filter_map(found).collect()
}

/// Returns the updates of pull requests whose text will be written, in the order of the plan, each
/// once.
fn wanted_notes(snapshot: &Snapshot, plan: &Plan) -> Vec<NotesKey> {
    let mut wanted = Vec::new();
    let proposals = plan
        .changes
        .iter()
        .filter_map(|change| Some((change, change.proposal.as_deref()?)));
    for (change, proposal) in proposals {
        let moved = change.pins.iter().filter_map(|pin| {
            let (from, to) = (pin.from.clone()?, pin.to.clone()?);
            let channel = Reference::parse(&pin.image)?.channel()?;
            (from != to).then_some((channel, from, to))
        });
        for key in moved.filter(|_| !is_proposed_already(snapshot, change, proposal)) {
            if !wanted.contains(&key) {
                wanted.push(key);
            }
        }
    }
    wanted
}

/// Returns whether the open pull request records the same pins already: then its text is not
/// written again.
fn is_proposed_already(snapshot: &Snapshot, change: &Change, proposal: &Proposal) -> bool {
    let mut pulls = snapshot
        .forge
        .known()
        .into_iter()
        .flat_map(|forge| &forge.pulls);
    pulls.any(|pull| {
        pull.state == PullState::Open
            && Some(pull.number) == proposal.number
            && pull.pins == change.pins
    })
}

#[cfg(test)]
mod tests;
