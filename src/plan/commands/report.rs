//! The commands that report: what is there, what the plan says, and why. Values of the finished
//! plan; the words are made where the reply is.

use super::named_sites::find_literals;
use crate::model::ask::{Command, TargetName};
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{Ask, Forge};
use crate::pipeline::{Plan, Snapshot};
use crate::plan::live_status::{explain_resolved, report_resolved};
use crate::plan::site_plan::SitePlan;
use crate::sites::{Fate, Literal, SiteId};
use std::collections::BTreeSet;

/// The most literals that `/explain` explains.
const EXPLAINED: usize = 10;

/// Returns what a command reports.
pub(in crate::plan) fn report(
    snapshot: &Snapshot,
    plan: &Plan,
    sites: &[SitePlan],
    (forge, ask): (&Forge, &Ask),
    command: &Command,
) -> Outcome {
    let named =
        |word, target: Option<&TargetName>| find_literals(&snapshot.scan, forge, ask, word, target);
    let outcome = match command {
        Command::Explain { target } => named("/explain", target.as_ref()).map(|literals| {
            let first: Vec<&Literal> = literals.iter().take(EXPLAINED).copied().collect();
            Outcome::Explained {
                explanations: explain_resolved(snapshot, plan, sites, &first),
                count: literals.len(),
            }
        }),
        Command::Status { target } => {
            let wanted = target
                .as_ref()
                .map(|_| named("/status", target.as_ref()))
                .transpose();
            wanted.map(|wanted| {
                report_status_of(snapshot, plan, sites, target.as_ref(), wanted.as_deref())
            })
        }
        Command::Plan => Ok(Outcome::Planned),
        _ => Ok(Outcome::Help),
    };
    outcome.unwrap_or_else(|outcome| outcome)
}

fn report_status_of(
    snapshot: &Snapshot,
    plan: &Plan,
    sites: &[SitePlan],
    target: Option<&TargetName>,
    wanted: Option<&[&Literal]>,
) -> Outcome {
    let id = |literal: &&Literal| match &literal.fate {
        Fate::Site(site) => Some(site.id.clone()),
        _ => None,
    };
    let ids: Option<BTreeSet<SiteId>> = wanted.map(|wanted| wanted.iter().filter_map(id).collect());
    let decisions = plan
        .decisions
        .iter()
        .filter(|decision| ids.as_ref().is_none_or(|ids| ids.contains(&decision.site)));
    Outcome::Status {
        target: target.map(ToString::to_string),
        decisions: decisions.cloned().collect(),
        report: Box::new(report_resolved(snapshot, plan, sites, wanted)),
    }
}
