//! A new digest has to be known for the settle time before a pin follows it: a tag that is pushed
//! twice in a row is followed once.

use super::pass::RuleContext;
use crate::pipeline::{Reason, Seen};
use crate::plan::first_seen::{find_sighting, now};
use crate::plan::site_plan::SitePlan;

pub fn settle(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let to = site.wanted.as_ref().filter(|_| site.is_updated())?;
    let settle = &site.settings.settle;
    match &pass.snapshot.ledger {
        Seen::NotAsked => return None,
        Seen::Unknown(_) if settle.value.is_zero() && site.settings.schedule.is_none() => {
            return None;
        }
        Seen::Unknown(why) => return Some(Reason::LedgerUnknown { why: why.clone() }),
        Seen::Known(_) => {}
    }
    let first = find_sighting(pass.snapshot, site.settings.channel.as_ref(), to);
    let since = first.unwrap_or_else(|| now(pass.snapshot));
    let is_quiet = since
        .checked_add(settle.value)
        .is_ok_and(|quiet| quiet <= pass.at);
    (!is_quiet).then(|| Reason::Settling {
        first,
        settle: settle.value,
        source: settle.source.clone(),
    })
}
