//! The age of a new digest. It has to be known for the settle time before a pin follows it, so that
//! a tag that is pushed twice in a row is followed once. It has to be known for the soak time
//! before it reaches the branch: a commit waits here, a pull request is open meanwhile and merged
//! later.

use super::pass::RuleContext;
use crate::model::digest::Digest;
use crate::pipeline::{Reason, Seen};
use crate::plan::first_seen::{find_sighting, now};
use crate::plan::site_plan::SitePlan;
use jiff::{SignedDuration, Timestamp};

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
    let first = find_younger(pass, site, to, settle.value)?;
    Some(Reason::Settling {
        first,
        settle: settle.value,
        source: settle.source.clone(),
    })
}

pub fn soak(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let is_gated = site.is_updated() && site.is_committed();
    let to = site.wanted.as_ref().filter(|_| is_gated)?;
    let soak = &site.settings.soak;
    if soak.value.is_zero() {
        return None;
    }
    match &pass.snapshot.ledger {
        Seen::NotAsked => return None,
        Seen::Unknown(why) => return Some(Reason::LedgerUnknown { why: why.clone() }),
        Seen::Known(_) => {}
    }
    let first = find_younger(pass, site, to, soak.value)?;
    Some(Reason::Soaking {
        first,
        soak: soak.value,
        source: soak.source.clone(),
    })
}

/// Returns when a digest was first seen, `None` in it for this pass, if that is less than `age`
/// ago.
fn find_younger(
    pass: &RuleContext,
    site: &SitePlan,
    to: &Digest,
    age: SignedDuration,
) -> Option<Option<Timestamp>> {
    let first = find_sighting(pass.snapshot, site.next_channel(), to);
    let since = first.unwrap_or_else(|| now(pass.snapshot));
    let is_old_enough = since.checked_add(age).is_ok_and(|end| end <= pass.at);
    (!is_old_enough).then_some(first)
}
