//! How digests came into their files: which commit of the followed branch brought each, whoever made it. Asked only for pins that the cluster left, or
//! got just now, and once for as long as the branch does not move. Never fails a pass: what cannot be told is unknown.

mod text;

use super::answers::PinBlame;
use super::history::PATIENCE;
use super::{COMMITS, Checkout, Session};
use crate::error::Result;
use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::pipeline::{Brought, Seen};
use crate::remote::git::{Clone, End, Turn};
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

/// Returns how the wanted digests came into their files. Blocking: it reads git.
pub fn brought(session: &Session, checkout: &Checkout, wanted: BTreeSet<(RepoPath, Digest)>) -> PinBlame {
    if wanted.is_empty() {
        return PinBlame::new();
    }
    let (Some(clone), Some(tip)) = (&checkout.clone, &checkout.tip) else {
        return all_unknown(wanted, "a folder does not tell when the pin came onto the branch");
    };
    let mut known = session.answers().blame.filter(|(at, _)| at == tip).map(|(_, known)| known).unwrap_or_default();
    let new: BTreeSet<_> = wanted.iter().filter(|key| !known.contains_key(key)).cloned().collect();
    if !new.is_empty() {
        match walk_history(clone, tip, &new) {
            Ok(found) => {
                known.extend(found);
                session.remember(|answers| answers.blame = Some((tip.clone(), known.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "when pins were written could not be read");
                known.extend(all_unknown(new, &format!("when the pin was written could not be read: {error}")));
            }
        }
    }
    known.retain(|key, _| wanted.contains(key));
    known
}

fn all_unknown(wanted: BTreeSet<(RepoPath, Digest)>, why: &str) -> PinBlame {
    wanted.into_iter().map(|key| (key, Seen::Unknown(why.to_owned()))).collect()
}

/// One walk for all that is wanted.
fn walk_history(clone: &Clone, tip: &CommitId, wanted: &BTreeSet<(RepoPath, Digest)>) -> Result<PinBlame> {
    let mut open: BTreeMap<String, BTreeSet<(RepoPath, Digest)>> = BTreeMap::new();
    for key in wanted {
        open.entry(key.0.as_str().to_owned()).or_default().insert(key.clone());
    }
    let paths = open.keys().cloned().collect();
    let mut found = PinBlame::new();
    let end = clone.follow(tip, &paths, (COMMITS, PATIENCE), &mut |turn| {
        let Some(keys) = open.get_mut(turn.path) else { return ControlFlow::Break(()) };
        keys.retain(|key| {
            let seen = read_turn(turn, &key.1);
            let stays = seen.is_none();
            found.extend(seen.map(|seen| (key.clone(), seen)));
            stays
        });
        if keys.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    let rest = open.into_values().flatten().collect();
    found.extend(all_unknown(rest, explain_end(end)));
    Ok(found)
}

/// What a change says of a digest's way into its file; `None` where it was there before.
fn read_turn(turn: &Turn, digest: &Digest) -> Option<Seen<Brought>> {
    let Some(old) = &turn.old else {
        let (path, commit) = (turn.path, turn.commit.short());
        return Some(Seen::Unknown(format!("{path} came with {commit}, and when the pin was written before that is not looked up")));
    };
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(&turn.new));
    let before = text::find_replaced(&old, &new, digest)?;
    Some(Seen::Known(Brought { commit: turn.commit.clone(), at: turn.at, before }))
}

fn explain_end(end: End) -> &'static str {
    match end {
        End::Cut => "the history is cut off before the commit that wrote the pin",
        End::TooFar => "the commit that wrote the pin is too far back",
        End::Found | End::Start => "no commit of the branch tells when the pin was written",
    }
}

#[cfg(test)]
mod tests;
