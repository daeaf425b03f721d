//! pintle's branches on the remote: what each proposes, and whether only pintle pushed to it.
//! Decides nothing about them.

use crate::config::Git;
use crate::error::Result;
use crate::model::commit::CommitId;
use crate::pipeline::forge::{BRANCHES, Branch};
use crate::pipeline::trailers;
use crate::remote::git::{Clone, Head};
use std::collections::BTreeSet;

/// How many commits of the followed branch are searched for the parent of a branch's commit.
const DEPTH: usize = 5_000;

/// Returns the branches `pintle/…` as of the last fetch, sorted by name. A branch is pintle's own
/// when its one commit, made by the configured author and with trailers, stands on `tip` or one of
/// the 5,000 commits before it.
pub fn read_branches(clone: &Clone, tip: &CommitId, author: &Git) -> Result<Vec<Branch>> {
    let heads = clone.branches_under(BRANCHES).into_iter();
    let heads = heads
        .map(|(name, head)| Ok((name, clone.head(&head)?)))
        .collect::<Result<Vec<(String, Head)>>>()?;
    let wanted: BTreeSet<CommitId> = heads
        .iter()
        .flat_map(|(_, head)| head.parents.first().into_iter().chain([&head.commit]))
        .cloned()
        .collect();
    let followed = if wanted.is_empty() {
        wanted
    } else {
        clone.ancestors_among(tip, &wanted, DEPTH)?
    };
    let branch = |(name, head): (String, Head)| {
        let pins = trailers::parse(&head.message);
        let by_pintle = head.committer.name == *author.author_name
            && head.committer.email == *author.author_email;
        let one =
            head.parents.len() == 1 && head.parents.iter().all(|parent| followed.contains(parent));
        Branch {
            name: name.strip_prefix(BRANCHES).unwrap_or(&name).into(),
            merged: followed.contains(&head.commit),
            tip: head.commit,
            parent: head.parents.into_iter().next(),
            at: head.at,
            own: one && by_pintle && !pins.is_empty(),
            pins,
        }
    };
    Ok(heads.into_iter().map(branch).collect())
}

#[cfg(test)]
mod tests;
