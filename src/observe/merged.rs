//! pintle's pull requests whose merge lost the trailers, as a squash with the forge's own message
//! does: the pins in the text of the pull request count as if the commit recorded them. Decides
//! nothing.

use super::{COMMITS, Checkout};
use crate::error::Result;
use crate::model::commit::CommitId;
use crate::pipeline::forge::{PullRequest, PullState};
use crate::pipeline::history::History;
use crate::pipeline::{Recorded, Seen};
use crate::remote::git::Clone;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the checkout's history with the pins of merged pull requests whose commit is on the
/// branch and records no pins itself. Such a pin has that commit as `commit` and `landed`.
pub fn add_merged_pins(checkout: &Checkout, pulls: &[PullRequest]) -> Seen<History> {
    let (Seen::Known(known), Some(clone), Some(tip)) =
        (&checkout.history, &checkout.clone, &checkout.tip)
    else {
        return checkout.history.clone();
    };
    complete_history(known, clone, tip, pulls)
        .map_or_else(|error| Seen::Unknown(error.to_string()), Seen::Known)
}

fn complete_history(
    known: &History,
    clone: &Clone,
    tip: &CommitId,
    pulls: &[PullRequest],
) -> Result<History> {
    let told: BTreeSet<&CommitId> = known
        .iter()
        .flat_map(|one| [&one.commit, &one.landed])
        .collect();
    let silent = pulls.iter().filter_map(|pull| match &pull.state {
        PullState::Merged {
            commit: Some(commit),
            ..
        } if !told.contains(commit) && !pull.pins.is_empty() => Some((commit.clone(), pull)),
        _ => None,
    });
    let silent: BTreeMap<CommitId, &PullRequest> = silent.collect();
    if silent.is_empty() {
        return Ok(known.clone());
    }
    let mut all = known.to_vec();
    for commit in clone.ancestors_among(tip, &silent.keys().cloned().collect(), COMMITS)? {
        let Some(pull) = silent.get(&commit) else {
            continue;
        };
        let head = clone.head(&commit)?;
        let subject = head.message.lines().next().unwrap_or_default();
        let recorded = pull.pins.iter().map(|pin| Recorded {
            commit: commit.clone(),
            landed: commit.clone(),
            at: head.at,
            author: head.committer.name.clone(),
            subject: subject.to_owned(),
            pin: pin.clone(),
        });
        let place = all
            .iter()
            .position(|one| one.at <= head.at)
            .unwrap_or(all.len());
        all.splice(place..place, recorded);
    }
    Ok(all.into())
}
