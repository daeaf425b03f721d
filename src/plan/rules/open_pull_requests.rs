//! Branches that people pushed to are left alone, and no more pull requests are opened than
//! allowed.

use super::pass::RuleContext;
use crate::pipeline::forge::{BRANCHES, PullRequest, PullState, branch_name};
use crate::pipeline::{Action, Reason};
use crate::plan::pull_requests::{closing_numbers, find_open, is_of_comment};
use crate::plan::site_plan::SitePlan;
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn branch_of_others(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let forge = pass
        .forge()
        .filter(|_| site.is_proposed() && !site.is_commanded())?;
    let part = branch_name(&site.change_name());
    let branch = pass
        .snapshot
        .branches
        .iter()
        .find(|branch| !branch.own && *branch.name == *part)?;
    let pull = forge
        .pulls
        .iter()
        .find(|pull| pull.state == PullState::Open && pull.name == branch.name);
    let branch = format!("{BRANCHES}{part}");
    Some(match pull {
        Some(pull) => Reason::BranchTaken {
            branch,
            number: pull.number,
        },
        None => Reason::BranchForeign { branch },
    })
}

/// Those that people asked for do not count, rollbacks do not wait, and what is closed in this pass
/// makes room.
pub fn too_many(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let forge = pass
        .forge()
        .filter(|_| site.is_proposed() && !site.is_commanded())?;
    let counts = |pull: &&PullRequest| pull.state == PullState::Open && !is_of_comment(pull);
    let most = pass.snapshot.config.forge.max_pull_requests;
    let open = || {
        let closing = closing_numbers(pass.snapshot, forge, pass.sites);
        forge
            .pulls
            .iter()
            .filter(counts)
            .filter(|pull| !closing.contains(&pull.number))
            .count()
    };
    let over = pass.over_limit.get_or_init(|| {
        let proposed: BTreeSet<Arc<str>> = pass
            .sites
            .iter()
            .filter(|site| is_limited(site))
            .map(SitePlan::change_name)
            .collect();
        let urgent: BTreeSet<Arc<str>> = pass
            .sites
            .iter()
            .filter(|site| site.has_action(Action::Rollback))
            .map(SitePlan::change_name)
            .collect();
        let new = proposed
            .into_iter()
            .filter(|name| find_open(forge, name).is_none() && !urgent.contains(name));
        new.skip(most.saturating_sub(open())).collect()
    });
    over.contains(&site.change_name())
        .then(|| Reason::TooManyPullRequests {
            open: most.max(open()),
        })
}

fn is_limited(site: &SitePlan) -> bool {
    site.is_proposed() && !site.is_commanded()
}
