//! How many images are adopted at a time: each first pin restarts pods, and a whole cluster at once
//! would restart all of them.

use super::pass::RuleContext;
use crate::pipeline::{Action, Reason};
use crate::plan::site_plan::SitePlan;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Makes first pins beyond the batch wait. What is written together counts together, and the first
/// of it always goes.
pub fn adopt_batch(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    let batch = pass.snapshot.config.defaults.adopt_batch?;
    if !is_counted(site) {
        return None;
    }
    let over = pass.over_batch.get_or_init(|| {
        let mut sizes: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for site in pass.sites.iter().filter(|site| is_counted(site)) {
            *sizes.entry(site.change_name()).or_default() += 1;
        }
        let mut taken = 0;
        let names = sizes.into_iter().filter(|(_, size)| {
            let is_over = taken > 0 && taken + size > batch;
            taken += if is_over { 0 } else { *size };
            is_over
        });
        names.map(|(name, _)| name).collect::<BTreeSet<_>>()
    });
    over.contains(&site.change_name())
        .then_some(Reason::AdoptBatchFull { batch })
}

fn is_counted(site: &SitePlan) -> bool {
    site.has_action(Action::Adopt) && site.is_committed() && !site.is_commanded()
}
