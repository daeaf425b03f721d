//! Configured groups are updated together or not at all. First pins are no updates: they go on.

use super::pass::RuleContext;
use crate::pipeline::{Delivery, Reason, Verdict};
use crate::plan::site_plan::SitePlan;
use crate::sites::SiteId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes the updates of a group wait while a member is behind its channel and cannot be updated
/// now. A frozen member never is, so nobody waits for it.
pub fn group(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let group = site.group().filter(|_| site.is_updated())?;
    let mut stopped = pass
        .sites
        .iter()
        .filter(|other| other.group() == Some(group) && stops_group(other));
    let first = stopped.next()?;
    let reason = first
        .reasons
        .first()
        .cloned()
        .unwrap_or(Reason::LiveUnclear { why: String::new() });
    let (member, verdict, more) = (first.site.id.clone(), first.verdict, stopped.count());
    Some(Reason::GroupWaits {
        group: group.clone(),
        member,
        verdict,
        reason: Box::new(reason),
        more,
    })
}

fn stops_group(site: &SitePlan) -> bool {
    matches!(
        site.verdict,
        Verdict::Waiting | Verdict::Held | Verdict::Blocked | Verdict::Unknown
    ) && site.is_behind()
}

/// Makes pull requests of all updates of a group where one of them has to be proposed.
pub(in crate::plan) fn deliver_together(sites: &mut [SitePlan]) {
    let mut proposed: BTreeMap<Arc<str>, SiteId> = BTreeMap::new();
    for site in sites
        .iter()
        .filter(|site| site.is_updated() && site.is_proposed())
    {
        if let Some(group) = site.group() {
            proposed
                .entry(group.clone())
                .or_insert_with(|| site.site.id.clone());
        }
    }
    for site in sites
        .iter_mut()
        .filter(|site| site.is_updated() && site.is_committed())
    {
        let Some((group, member)) = site.group().and_then(|group| proposed.get_key_value(group))
        else {
            continue;
        };
        let because = Reason::GroupAsPullRequest {
            group: group.clone(),
            member: member.clone(),
        };
        site.reasons.push(Reason::AsPullRequest {
            because: Box::new(because.clone()),
        });
        let delivery = Delivery::PullRequest {
            because: Some(because),
            automerge: true,
        };
        site.delivery = Some(delivery.clone());
        if let Some(target) = &mut site.target {
            target.delivery = delivery;
        }
    }
}
