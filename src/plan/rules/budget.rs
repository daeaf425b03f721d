//! How many updates may be committed in a while, counted from what was committed. Proposals are not
//! counted before they are merged, and rollbacks and what people ask for never.

use super::pass::RuleContext;
use crate::config::Budget;
use crate::pipeline::{Action, CommitId, Reason, Snapshot};
use crate::plan::site_plan::SitePlan;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is left of the budget.
pub(in crate::plan) struct BudgetLeft {
    budget: Budget,
    /// When the commits of updates within its time were made, newest first.
    made: Vec<Timestamp>,
}

impl BudgetLeft {
    /// Returns what is left; `None` where any number may be committed, and where the history is not
    /// known: nothing is updated then anyway.
    pub fn of(snapshot: &Snapshot) -> Option<Self> {
        let (budget, history) = (snapshot.config.defaults.budget?, snapshot.history.known()?);
        let since = snapshot
            .at
            .checked_sub(budget.per)
            .unwrap_or(Timestamp::MIN);
        let is_batched = snapshot.config.defaults.adopt_batch.is_some();
        let is_counted = |action| match action {
            Action::Update | Action::Bump => true,
            Action::Adopt => is_batched,
            _ => false,
        };
        let updates = history
            .iter()
            .filter(|record| is_counted(record.pin.action) && record.at > since);
        let commits: BTreeMap<&CommitId, Timestamp> =
            updates.map(|record| (&record.commit, record.at)).collect();
        let mut made: Vec<Timestamp> = commits.into_values().collect();
        made.sort_by_key(|at| std::cmp::Reverse(*at));
        Some(Self { budget, made })
    }

    pub fn is_spent(&self) -> bool {
        self.count() == 0
    }

    /// Returns how many more changes may be committed.
    pub fn count(&self) -> usize {
        self.budget.changes.saturating_sub(self.made.len())
    }

    /// Without the time of the pass, so that the reason stays the same until something changes.
    fn reason(&self) -> Reason {
        let next = self
            .made
            .get(self.budget.changes - 1)
            .and_then(|at| at.checked_add(self.budget.per).ok());
        Reason::BudgetSpent {
            budget: self.budget,
            next,
        }
    }
}

/// Makes the updates of names beyond the budget wait.
pub fn budget(pass: &RuleContext, site: &SitePlan) -> Option<Reason> {
    if !is_counted(pass, site) {
        return None;
    }
    let left = BudgetLeft::of(pass.snapshot)?;
    let over = pass.over_budget.get_or_init(|| {
        let names: BTreeSet<Arc<str>> = pass
            .sites
            .iter()
            .filter(|site| is_counted(pass, site))
            .map(SitePlan::change_name)
            .collect();
        names.into_iter().skip(left.count()).collect()
    });
    over.contains(&site.change_name()).then(|| left.reason())
}

/// Updates count, and first pins where they are spread in batches.
fn is_counted(pass: &RuleContext, site: &SitePlan) -> bool {
    let is_batched = pass.snapshot.config.defaults.adopt_batch.is_some();
    let is_adopted = is_batched && site.has_action(Action::Adopt) && !site.is_commanded();
    (site.is_updated() || is_adopted) && site.is_committed()
}
