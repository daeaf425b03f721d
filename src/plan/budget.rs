//! How many moves may be committed in a while, counted from what was committed. Proposals are not counted before they are merged, and rollbacks
//! and what people ask for never.

use super::judged::Judged;
use crate::config::Budget;
use crate::model::duration::{show, show_time};
use crate::pipeline::{Action, CommitId, Snapshot, Verdict};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is left of the budget.
pub(super) struct Left {
    budget: Budget,
    /// When the commits of moves within its time were made, newest first.
    made: Vec<Timestamp>,
}

/// Returns what is left; `None` where any number may be committed, and where the past is not known: nothing moves then anyway.
pub(super) fn left(snapshot: &Snapshot) -> Option<Left> {
    let (budget, history) = (snapshot.config.defaults.budget?, snapshot.history.known()?);
    let since = snapshot.at.checked_sub(budget.per).unwrap_or(Timestamp::MIN);
    let moves = history.iter().filter(|record| record.pin.action == Action::Move && record.at > since);
    let commits: BTreeMap<&CommitId, Timestamp> = moves.map(|record| (&record.commit, record.at)).collect();
    let mut made: Vec<Timestamp> = commits.into_values().collect();
    made.sort_by_key(|at| std::cmp::Reverse(*at));
    Some(Left { budget, made })
}

impl Left {
    pub fn is_over(&self) -> bool {
        self.count() == 0
    }

    fn count(&self) -> usize {
        self.budget.changes.saturating_sub(self.made.len())
    }

    /// Told without the time of the pass, so that the same is said until something changes.
    fn why(&self) -> String {
        let Budget { changes, per } = self.budget;
        let next = self.made.get(changes - 1).and_then(|at| at.checked_add(per).ok());
        match next {
            Some(next) => {
                format!("{changes} changes were committed within {} ([defaults] budget): the next after {}", show(per), show_time(next))
            }
            None => format!("{changes} changes are committed within {} ([defaults] budget), and others go first", show(per)),
        }
    }
}

/// Makes the moves of names beyond the budget wait.
pub(super) fn limit(snapshot: &Snapshot, judged: &mut [Judged]) {
    let Some(left) = left(snapshot) else { return };
    let moves = |site: &Judged| site.decision.verdict == Verdict::Move && site.goes(false);
    let names: BTreeSet<Arc<str>> = judged.iter().filter(|site| moves(site)).map(Judged::name).collect();
    let beyond: BTreeSet<Arc<str>> = names.into_iter().skip(left.count()).collect();
    for site in judged.iter_mut().filter(|site| moves(site) && beyond.contains(&site.name())) {
        site.hold_back(Verdict::Waiting, left.why());
    }
}
