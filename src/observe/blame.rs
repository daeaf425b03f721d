//! Blame: which commit of the followed branch introduced a digest into its file, whoever made it.
//! Looked up only for pins that the cluster no longer runs or has just started to run, and once for
//! each tip of the branch. Never fails a pass: what could not be determined is unknown.

mod text;

use super::answers::PinBlame;
use super::history::PATIENCE;
use super::{COMMITS, Checkout, Session};
use crate::error::Result;
use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::pipeline::{Blame, Seen};
use crate::remote::git::{Clone, End, Turn};
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Returns the commits that introduced the wanted digests. Blocks on git.
pub fn read_blame(
    session: &Session,
    checkout: &Checkout,
    wanted: BTreeSet<(RepoPath, Digest)>,
) -> PinBlame {
    if wanted.is_empty() {
        return PinBlame::new();
    }
    let (Some(clone), Some(tip)) = (&checkout.clone, &checkout.tip) else {
        return all_unknown(wanted, "a folder has no history that dates the pin");
    };
    let mut known = session
        .answers()
        .blame
        .filter(|(at, _)| at == tip)
        .map(|(_, known)| known)
        .unwrap_or_default();
    let new: BTreeSet<_> = wanted
        .iter()
        .filter(|key| !known.contains_key(key))
        .cloned()
        .collect();
    if !new.is_empty() {
        match walk_history(clone, tip, &new) {
            Ok(found) => {
                known.extend(found);
                session.remember(|answers| answers.blame = Some((tip.clone(), known.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "when pins were written could not be read");
                known.extend(all_unknown(
                    new,
                    &format!("when the pin was written could not be read: {error}"),
                ));
            }
        }
    }
    known.retain(|key, _| wanted.contains(key));
    known
}

fn all_unknown(wanted: BTreeSet<(RepoPath, Digest)>, why: &str) -> PinBlame {
    wanted
        .into_iter()
        .map(|key| (key, Seen::Unknown(why.to_owned())))
        .collect()
}

/// Walks the history once for all wanted digests.
fn walk_history(
    clone: &Clone,
    tip: &CommitId,
    wanted: &BTreeSet<(RepoPath, Digest)>,
) -> Result<PinBlame> {
    let mut open: BTreeMap<String, BTreeSet<(RepoPath, Digest)>> = BTreeMap::new();
    for key in wanted {
        open.entry(key.0.as_str().to_owned())
            .or_default()
            .insert(key.clone());
    }
    let paths = open.keys().cloned().collect();
    let mut found = PinBlame::new();
    let end = clone.follow(tip, &paths, (COMMITS, PATIENCE), &mut |turn| {
        let Some(keys) = open.get_mut(turn.path) else {
            return ControlFlow::Break(());
        };
        keys.retain(|key| {
            let seen = read_turn(turn, &key.1);
            let stays = seen.is_none();
            found.extend(seen.map(|seen| (key.clone(), seen)));
            stays
        });
        if keys.is_empty() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    let rest = open.into_values().flatten().collect();
    found.extend(all_unknown(rest, explain_end(end)));
    Ok(found)
}

/// Returns what a change of a file says about a digest; `None` if the digest was in the file before
/// the change.
fn read_turn(turn: &Turn, digest: &Digest) -> Option<Seen<Blame>> {
    let Some(old) = &turn.old else {
        let (path, commit) = (turn.path, turn.commit.short());
        return Some(Seen::Unknown(format!(
            "{path} came with {commit}, and when the pin was written before that is not looked up"
        )));
    };
    let (old, new) = (
        String::from_utf8_lossy(old),
        String::from_utf8_lossy(&turn.new),
    );
    let before = text::find_replaced(&old, &new, digest)?;
    Some(Seen::Known(Blame {
        commit: turn.commit.clone(),
        at: turn.at,
        before,
    }))
}

fn explain_end(end: End) -> &'static str {
    match end {
        End::Cut => "the history is cut off before the commit that wrote the pin",
        End::TooFar => "the commit that wrote the pin is too far back",
        End::Found | End::Start => "no commit of the branch dates the pin",
    }
}

#[cfg(test)]
mod tests;
