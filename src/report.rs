//! What people read of a plan: explanations, status, tables, JSON, diffs. Renders values and
//! decides nothing; the command line, comments and pages show the same.

pub mod answers;
pub mod config_draft;
pub mod dashboard;
pub mod diff;
pub mod explain;
pub mod gauges;
pub mod message_text;
pub mod messages;
pub mod next_steps;
pub mod plan_json;
pub mod plan_table;
pub mod status;
pub mod status_json;
pub mod worklist;

use crate::pipeline::forge::{PullState, branch_name};
use crate::pipeline::{Change, Decision, Delivery, Snapshot, Verdict};
use std::collections::BTreeMap;

/// How many sites have each verdict: `2 in-sync, 1 update`.
pub fn count_verdicts<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for decision in decisions {
        *counts.entry(decision.verdict).or_default() += 1;
    }
    let words: Vec<String> = counts
        .iter()
        .map(|(verdict, count)| format!("{count} {verdict}"))
        .collect();
    if words.is_empty() {
        "no sites".to_owned()
    } else {
        words.join(", ")
    }
}

/// Says whether an open pull request proposes just that already, on the branch's tip: nothing is
/// left to write.
pub fn is_open_already(snapshot: &Snapshot, change: &Change) -> bool {
    let Some(forge) = snapshot
        .forge
        .known()
        .filter(|_| change.delivery != Delivery::Commit)
    else {
        return false;
    };
    let proposal = change.proposal.as_ref();
    let needs_newest_tip = proposal.is_some_and(|proposal| proposal.newest_tip);
    let part = branch_name(&change.name);
    let open = forge
        .pulls
        .iter()
        .filter(|pull| pull.state == PullState::Open && *pull.name == *part)
        .min_by_key(|pull| pull.number);
    let branch = snapshot
        .branches
        .iter()
        .find(|branch| *branch.name == *part);
    open.zip(branch).is_some_and(|(pull, branch)| {
        branch.own
            && branch.tip == pull.head
            && (branch.parent == snapshot.tip || !needs_newest_tip)
            && branch.pins == change.pins
            && pull.pins == change.pins
    })
}
