//! pintle's branches on the remote: what each proposes, and whether only pintle pushed to it.
//! Decides nothing about them.

mod rewritten;

use crate::config::Git;
use crate::error::Result;
use crate::model::commit::CommitId;
use crate::pipeline::forge::{BRANCHES, Branch};
use crate::pipeline::trailers;
use crate::remote::git::{Clone, Head, Identity};
use std::collections::BTreeSet;

/// How many commits of the followed branch are searched for the parent of a branch's commit.
const DEPTH: usize = 5_000;

/// Returns the branches `pintle/…` as of the last fetch, sorted by name. A branch is pintle's own
/// when its one commit, made by the configured author and with trailers, stands on `tip` or one of
/// the 5,000 commits before it. It stays pintle's own when somebody lets the forge rebase that
/// commit, or merge the followed branch into it, and that adds nothing.
pub fn read_branches(clone: &Clone, tip: &CommitId, author: &Git) -> Result<Vec<Branch>> {
    let heads = clone.branches_under(BRANCHES).into_iter();
    let heads = heads
        .map(|(name, head)| ReadBranch::read(clone, name, &head))
        .collect::<Result<Vec<ReadBranch>>>()?;
    let wanted: BTreeSet<CommitId> = heads
        .iter()
        .flat_map(|branch| {
            let parents = branch.head.parents.iter().chain(&branch.change.parents);
            parents.chain([&branch.head.commit])
        })
        .cloned()
        .collect();
    let followed = if wanted.is_empty() {
        wanted
    } else {
        clone.ancestors_among(tip, &wanted, DEPTH)?
    };
    heads
        .into_iter()
        .map(|branch| branch.judge(clone, &followed, author))
        .collect()
}

/// A branch and the commit that changes something in it.
struct ReadBranch {
    name: String,
    head: Head,
    /// The tip itself; of a merge, its first parent.
    change: Head,
}

impl ReadBranch {
    fn read(clone: &Clone, name: String, tip: &CommitId) -> Result<Self> {
        let head = clone.head(tip)?;
        let change = match &head.parents[..] {
            [first, _] => clone.head(first)?,
            _ => head.clone(),
        };
        Ok(Self { name, head, change })
    }

    fn judge(self, clone: &Clone, followed: &BTreeSet<CommitId>, author: &Git) -> Result<Branch> {
        let Self { name, head, change } = self;
        let is_pintle =
            |who: &Identity| who.name == *author.author_name && who.email == *author.author_email;
        let pins = trailers::parse(&change.message);
        let is_merge = head.parents.len() == 2;
        let base = if is_merge {
            head.parents.get(1)
        } else {
            head.parents.first()
        };
        let is_change = change.parents.len() == 1
            && change.parents.iter().all(|one| followed.contains(one))
            && !pins.is_empty();
        let own = match base.filter(|base| is_change && followed.contains(base)) {
            None => false,
            Some(_) if !is_merge && is_pintle(&head.committer) => true,
            Some(base) => {
                is_pintle(&change.author)
                    && rewritten::writes_only_pins(clone, (base, &head.commit), &pins)?
            }
        };
        // A merge that somebody made records what it says itself.
        let pins = if is_merge && !own {
            trailers::parse(&head.message)
        } else {
            pins
        };
        Ok(Branch {
            name: name.strip_prefix(BRANCHES).unwrap_or(&name).into(),
            merged: followed.contains(&head.commit),
            parent: base
                .filter(|_| own || !is_merge)
                .or(head.parents.first())
                .cloned(),
            tip: head.commit,
            at: head.at,
            own,
            pins,
        })
    }
}

#[cfg(test)]
mod tests;
