//! A pin that has a schedule follows its channel when the schedule is due, counted from the later
//! of the first sight and the last change.

use super::pass::RuleContext;
use crate::model::schedule::Due;
use crate::pipeline::{Reason, Seen};
use crate::plan::first_seen::{find_sighting, now};
use crate::plan::site_history::last_change;
use crate::plan::site_plan::SitePlan;

pub fn schedule(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let to = site.wanted.as_ref().filter(|_| site.is_updated())?;
    let schedule = site
        .settings
        .schedule
        .as_ref()
        .filter(|_| matches!(pass.snapshot.ledger, Seen::Known(_)))?;
    let seen = find_sighting(pass.snapshot, site.next_channel(), to);
    let first = seen.unwrap_or_else(|| now(pass.snapshot));
    let since = last_change(&site.history).map_or(first, |last| last.max(first));
    match schedule.value.is_due(since, pass.at) {
        Due::NotBefore(next) => {
            // A first sight is shown without its time, so that a plan says nothing of when it was
            // made.
            Some(Reason::ScheduleNotDue {
                schedule: schedule.value.clone(),
                next: seen.map(|_| next),
                source: schedule.source.clone(),
            })
        }
        _ => None,
    }
}
