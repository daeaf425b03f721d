//! The rules, in their order: what forbids any change, and what a target has to wait for. A rule
//! sees the whole pass, and returns why one site waits or is refused, or nothing. A new rule is one
//! file with its `mod` line, one line in a list below, and its reason in `pipeline/reason.rs`.

mod adopt_batch;
mod adopted_together;
mod budget;
mod bump_together;
mod declined;
mod edits;
mod forbidden;
mod group;
mod in_flight;
mod not_targeted;
mod open_pull_requests;
mod pass;
mod pull_trouble;
mod schedule;
mod settle;
mod unusable_name;

pub(super) use budget::BudgetLeft;
pub(super) use forbidden::first_lock;
pub(super) use group::deliver_together;
pub(super) use in_flight::{checks_prefix, describe_gap, find_busy, pipeline_notices, rollout_gap};

use super::site_plan::SitePlan;
use crate::pipeline::{Reason, Snapshot};
use pass::RuleContext;

/// Says why a site waits or is refused; nothing where the rule does not apply.
pub(super) type RuleFn = fn(&RuleContext, &SitePlan) -> Option<Reason>;

/// What forbids any change that pintle would make by itself. All that apply are reported; the first
/// decides the verdict.
pub(super) const FORBIDDEN: &[RuleFn] = &[
    forbidden::configuration_error,
    unusable_name::unusable_name,
    forbidden::ambiguous_stack,
    forbidden::denied,
    forbidden::do_not_bump_comment,
    forbidden::mode_off,
    forbidden::policy_never,
    forbidden::held,
    forbidden::unreadable_var_file,
    forbidden::unnamed_var_file,
    forbidden::job_would_rerun,
    forbidden::no_levels,
    forbidden::ignored_without_cluster,
    forbidden::other_owner,
];

/// What a target has to wait for, or why it is not written after all. The first that applies takes
/// it back, and the rules after it see the site without.
pub(super) const DELAYS: &[RuleFn] = &[
    // What the command is not about takes no part in anything.
    not_targeted::not_targeted,
    // When the channel may be followed: these look at the site alone.
    settle::settle,
    settle::soak,
    schedule::schedule,
    forbidden::live_policy_unknown,
    declined::declined,
    // What does not fit together.
    bump_together::bump_together,
    edits::collision,
    adopted_together::adopted_together,
    // What goes on already, then who goes first: a group waits for its members, so all that a
    // member may wait for stands before it.
    pull_trouble::pull_trouble,
    in_flight::in_flight,
    group::group,
    adopt_batch::adopt_batch,
    budget::budget,
    // Again: a member that waits since then takes the others back too.
    adopted_together::adopted_together,
    bump_together::bump_together,
    // Last: only what is still proposed counts.
    open_pull_requests::branch_of_others,
];

/// The limit of open pull requests; apart from the others, since pull requests that are closed in
/// the same pass make room first.
pub(super) const LIMITS: &[RuleFn] = &[open_pull_requests::too_many];

/// Reports everything that forbids a site to change.
pub(super) fn forbid(snapshot: &Snapshot, sites: &mut [SitePlan]) {
    let found: Vec<Vec<Reason>> = {
        let pass = RuleContext::new(snapshot, sites, None);
        sites
            .iter()
            .map(|site| {
                FORBIDDEN
                    .iter()
                    .filter_map(|rule| rule(&pass, site))
                    .collect()
            })
            .collect()
    };
    for (site, reasons) in sites.iter_mut().zip(found) {
        site.verdict = reasons
            .iter()
            .find_map(Reason::verdict)
            .unwrap_or(site.verdict);
        site.reasons = reasons;
    }
}

/// Applies rules one after the other, each to every site that has a target; a rule sees all sites
/// as the one before left them.
pub(super) fn delay(
    snapshot: &Snapshot,
    rules: &[RuleFn],
    sites: &mut [SitePlan],
    busy: Option<&Reason>,
) {
    for rule in rules {
        let found: Vec<Option<Reason>> = {
            let pass = RuleContext::new(snapshot, sites, busy);
            sites
                .iter()
                .map(|site| site.target.as_ref().and_then(|_| rule(&pass, site)))
                .collect()
        };
        for (site, reason) in sites.iter_mut().zip(found) {
            if let Some(reason) = reason {
                site.refuse(reason);
            }
        }
    }
}
