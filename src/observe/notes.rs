//! What changed between the digests that pull requests want to move between, as the images' sources tell it. All of it is outside text, and so is
//! the address it comes from: only hosts that are named in the configuration, the forge itself and GitHub are ever asked. Never fails a pass: what
//! cannot be told is absent.

mod ask;
mod pick;
mod source;

use super::{Registries, Session};
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference};
use crate::pipeline::forge::PullState;
use crate::pipeline::notes::Notes;
use crate::pipeline::{Change, Plan, Proposal, Route, Snapshot};
use ask::Asking;
use futures_util::StreamExt;
use futures_util::stream;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many images a pass asks about; the rest go without notes.
const IMAGES: usize = 20;
const SIDE_BY_SIDE: usize = 4;
/// For all that is asked about one image.
const LONGEST: Duration = Duration::from_secs(10);
/// So many answers are kept, about, from one pass to the next.
const KEPT: usize = 500;

/// What is asked about: a channel, its old and its new digest.
pub type Key = (Channel, Digest, Digest);

/// What was told about one image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// It stays so.
    Settled(Option<Notes>),
    /// Something did not answer: the next pass asks again.
    Passing(Option<Notes>),
}

/// What was told lately.
#[derive(Clone, Default)]
pub(super) struct Memory {
    told: BTreeMap<Key, Arc<Told>>,
    /// Images that this pass has asked about.
    asked: usize,
}

impl Memory {
    /// Begins a new pass.
    pub(super) fn renew(&mut self) {
        self.told.retain(|_, told| matches!(**told, Told::Settled(_)));
        self.asked = 0;
    }

    fn learn(&mut self, wanted: &[Key], new: Vec<(Key, Arc<Told>)>) {
        self.asked += new.len();
        if self.told.len() > KEPT {
            self.told.retain(|key, _| wanted.contains(key));
        }
        self.told.extend(new);
    }
}

/// Returns notes for the moves that pull requests will show. Asks each source once, as far as the session does not know it already.
pub async fn notes(session: &Session, registries: &Registries, snapshot: &Snapshot, plan: &Plan) -> BTreeMap<Key, Notes> {
    let config = &snapshot.config.forge;
    let wanted = if config.release_notes { wanted(snapshot, plan) } else { Vec::new() };
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    let mut known = session.answers().notes;
    let asking = Asking::new(session, registries, &config.sources);
    let new = wanted.iter().filter(|key| !known.told.contains_key(key)).take(IMAGES.saturating_sub(known.asked));
    let one = async |key: &Key| (key.clone(), Arc::new(asking.told(key).await));
    let new: Vec<(Key, Arc<Told>)> = stream::iter(new).map(one).buffer_unordered(SIDE_BY_SIDE).collect().await;
    session.remember(|answers| answers.notes.learn(&wanted, new.clone()));
    known.told.extend(new);
    let found = |key: Key| match &**known.told.get(&key)? {
        Told::Settled(notes) | Told::Passing(notes) => Some((key, notes.clone()?)),
    };
    wanted.into_iter().filter_map(found).collect()
}

/// What pull requests will show that are not as they should be yet, in the plan's order, each once.
fn wanted(snapshot: &Snapshot, plan: &Plan) -> Vec<Key> {
    let mut wanted = Vec::new();
    let proposals = plan.changes.iter().filter_map(|change| match &change.route {
        Route::PullRequest(proposal) => Some((change, proposal)),
        Route::Commit => None,
    });
    for (change, proposal) in proposals {
        let moved = change.pins.iter().filter_map(|pin| {
            let (from, to) = (pin.from.clone()?, pin.to.clone()?);
            let channel = Reference::parse(&pin.image)?.channel()?;
            (from != to).then_some((channel, from, to))
        });
        for key in moved.filter(|_| !is_there(snapshot, change, proposal)) {
            if !wanted.contains(&key) {
                wanted.push(key);
            }
        }
    }
    wanted
}

/// Whether the open pull request records the same pins: then its text is not written again.
fn is_there(snapshot: &Snapshot, change: &Change, proposal: &Proposal) -> bool {
    let mut pulls = snapshot.forge.known().into_iter().flat_map(|forge| &forge.pulls);
    pulls.any(|pull| pull.state == PullState::Open && Some(pull.number) == proposal.number && pull.pins == change.pins)
}

#[cfg(test)]
mod tests;
