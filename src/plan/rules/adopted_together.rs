//! Images that Terraform ignores are taken over with all the others of their workload, or not at
//! all: a workload that is half owned is worse.

use super::pass::RuleContext;
use crate::pipeline::{Action, Reason};
use crate::plan::adoption::reason_to_wait_for;
use crate::plan::site_plan::SitePlan;

pub fn adopted_together(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let group = site
        .adoption
        .as_ref()
        .filter(|_| site.has_action(Action::Adopt))?;
    let members = pass.sites.iter().filter(|other| {
        other
            .adoption
            .as_ref()
            .is_some_and(|own| own.first == group.first)
    });
    members
        .into_iter()
        .find(|other| !other.has_action(Action::Adopt))
        .map(reason_to_wait_for)
}
