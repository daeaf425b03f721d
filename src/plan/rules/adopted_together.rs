//! Images that Terraform ignores are taken over with all the others of their workload, or not at all: a workload that is half owned is worse.

use super::pass::RuleContext;
use crate::pipeline::{Action, Reason, Verdict};
use crate::plan::site_plan::SitePlan;

pub fn adopted_together(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let group = site.adoption.as_ref().filter(|_| site.has_action(Action::Adopt))?;
    let members = pass.sites.iter().filter(|other| other.adoption.as_ref().is_some_and(|own| own.first == group.first));
    members.into_iter().find(|other| !other.has_action(Action::Adopt)).map(reason_to_wait_for)
}

/// Why the others of a workload wait for one that is not taken over.
pub(in crate::plan) fn reason_to_wait_for(other: &SitePlan) -> Reason {
    let (member, verdict) = (other.site.id.clone(), other.verdict);
    let reason = Box::new(other.reasons.first().cloned().unwrap_or(Reason::LiveUnclear { why: String::new() }));
    match verdict {
        Verdict::Frozen | Verdict::Blocked => Reason::AdoptedTogether { member, verdict, reason },
        _ => Reason::AdoptedTogetherLater { member, verdict, reason },
    }
}
