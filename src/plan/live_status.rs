//! What runs, since when, why, and what waits: one row for each container that a literal decides.
//! Compares git, upstream and the cluster; decides nothing.

mod story;
mod troubles;

pub(super) use story::{before_note, running_reason, workload_revisions};
pub(super) use troubles::report_troubles;

use super::adoption::ignore_place;
use super::live::{LiveMatch, LiveUse, find_still_running, foreign, runs, uses};
use super::ownership::find_owner;
use super::rules::describe_gap;
use super::site_plan::SitePlan;
use crate::model::reference::{Channel, Reference};
use crate::model::workload::{Holder, WorkloadKind};
use crate::pipeline::cluster::{Cluster, Container, Workload};
use crate::pipeline::status::{Explanation, RunState, StatusReport, StatusRow};
use crate::pipeline::{Decision, Plan, Seen, Snapshot, Verdict};
use crate::sites::{Fate, Literal, Site, Use};
use std::collections::{BTreeMap, BTreeSet};

/// Returns what runs of these literals of the snapshot's scan, or of all.
pub fn report_status(snapshot: &Snapshot, plan: &Plan, of: Option<&[&Literal]>) -> StatusReport {
    let sites = super::resolve::resolve_sites(snapshot);
    report_resolved(snapshot, plan, &sites, of)
}

/// Returns all that is known of these literals.
pub fn explain(snapshot: &Snapshot, plan: &Plan, of: &[&Literal]) -> Vec<Explanation> {
    let sites = super::resolve::resolve_sites(snapshot);
    explain_resolved(snapshot, plan, &sites, of)
}

pub(super) fn explain_resolved(
    snapshot: &Snapshot,
    plan: &Plan,
    sites: &[SitePlan],
    of: &[&Literal],
) -> Vec<Explanation> {
    let one = |literal: &&Literal| {
        let site = sites
            .iter()
            .find(|site| std::ptr::eq(site.literal, *literal));
        let ignored_at = literal
            .uses
            .iter()
            .map(|used| (used.ignored == Some(true)).then(|| ignore_place(snapshot, used)));
        Explanation {
            ignored_at: ignored_at.collect(),
            settings: site.map(|site| site.settings.clone()),
            status: report_resolved(snapshot, plan, sites, Some(&[*literal])),
            revisions: workload_revisions(snapshot, literal),
            history: site
                .into_iter()
                .flat_map(|site| site.history.iter().map(|record| (*record).clone()))
                .collect(),
            decision: find_decision(plan, literal).cloned(),
            literal: (*literal).clone(),
        }
    };
    of.iter().map(one).collect()
}

pub(super) fn report_resolved(
    snapshot: &Snapshot,
    plan: &Plan,
    sites: &[SitePlan],
    of: Option<&[&Literal]>,
) -> StatusReport {
    let is_wanted =
        |literal: &&Literal| of.is_none_or(|of| of.iter().any(|one| std::ptr::eq(*one, *literal)));
    let wanted = snapshot.scan.literals.iter().filter(is_wanted);
    let by_literal: BTreeMap<*const Literal, &SitePlan> = sites
        .iter()
        .map(|site| (std::ptr::from_ref(site.literal), site))
        .collect();
    let mut rows: Vec<StatusRow> = Vec::new();
    let mut reported: BTreeSet<&Use> = BTreeSet::new();
    let (own, others): (Vec<&Literal>, Vec<&Literal>) =
        wanted.partition(|literal| matches!(literal.fate, Fate::Site(_)));
    for literal in own.into_iter().chain(others) {
        let site = by_literal.get(&std::ptr::from_ref(literal)).copied();
        let channel = match &literal.fate {
            Fate::Site(_) => site.and_then(|site| site.settings.channel.clone()),
            Fate::Unpinnable(_) | Fate::Orphan(_) => literal
                .reference
                .as_deref()
                .and_then(Reference::parse)
                .and_then(|image| image.channel()),
            // Only a component of what another literal decides, or nothing at all.
            Fate::Component(_) | Fate::Dead(_) => continue,
        };
        let one = LiteralStatus {
            snapshot,
            literal,
            site,
            channel,
            decision: find_decision(plan, literal),
        };
        if site.is_some() {
            reported.extend(&literal.uses);
            rows.extend(one.status_rows(|_| true));
        } else {
            // Several literals that carry no pin may make one image.
            let new: BTreeSet<&Use> = literal
                .uses
                .iter()
                .filter(|used| !reported.contains(used))
                .collect();
            rows.extend(one.status_rows(|used| new.contains(used)));
            reported.extend(new);
        }
    }
    let strangers = snapshot
        .cluster
        .known()
        .map(|cluster| count_strangers(snapshot, cluster));
    StatusReport {
        dark: why_dark(snapshot),
        rows,
        strangers,
    }
}

fn why_dark(snapshot: &Snapshot) -> Option<String> {
    match &snapshot.cluster {
        Seen::Known(_) => None,
        Seen::Unknown(why) => Some(format!("the cluster could not be asked: {why}")),
        Seen::NotAsked => Some(
            "no cluster is named (--kubeconfig or --in-cluster), so what runs is unknown".into(),
        ),
    }
}

fn find_decision<'a>(plan: &'a Plan, literal: &Literal) -> Option<&'a Decision> {
    let Fate::Site(site) = &literal.fate else {
        return None;
    };
    plan.decisions
        .iter()
        .find(|decision| decision.site == site.id)
}

/// How many workloads have no container that a literal decides. What belongs to a Helm release of
/// the repo is the chart's.
fn count_strangers(snapshot: &Snapshot, cluster: &Cluster) -> usize {
    let named: BTreeSet<_> = snapshot
        .scan
        .literals
        .iter()
        .flat_map(|literal| &literal.uses)
        .filter_map(Use::workload)
        .collect();
    let is_ours = |workload: &&Workload| {
        let chart = workload
            .release
            .as_ref()
            .filter(|release| release.helm)
            .map(|release| release.name.clone());
        let chart = chart.map(|name| workload.reference_as(WorkloadKind::HelmRelease, name));
        named.contains(&workload.reference()) || chart.is_some_and(|chart| named.contains(&chart))
    };
    let alone = cluster
        .workloads
        .iter()
        .filter(|workload| workload.controller.is_none() && !workload.containers.is_empty());
    alone.filter(|workload| !is_ours(workload)).count()
}

/// One literal, and all that its rows are made from.
struct LiteralStatus<'a> {
    snapshot: &'a Snapshot,
    literal: &'a Literal,
    site: Option<&'a SitePlan<'a>>,
    channel: Option<Channel>,
    decision: Option<&'a Decision>,
}

impl LiteralStatus<'_> {
    fn status_rows(&self, shown: impl Fn(&Use) -> bool) -> Vec<StatusRow> {
        if let Fate::Orphan(why) = &self.literal.fate {
            let orphan = |used| StatusRow {
                why: vec![format!("in a module that nothing calls: {why}")],
                ..self.status_row(used, RunState::Orphan)
            };
            return self
                .literal
                .uses
                .iter()
                .filter(|used| shown(used))
                .map(orphan)
                .collect();
        }
        let mut rows: Vec<StatusRow> = match uses(self.snapshot, self.literal) {
            Ok(lives) if !lives.is_empty() => lives
                .iter()
                .filter(|live| shown(live.used))
                .map(|live| self.live_row(live))
                .collect(),
            _ => self
                .literal
                .uses
                .iter()
                .filter(|used| shown(used))
                .map(|used| self.status_row(used, RunState::Unknown))
                .collect(),
        };
        // Two environments that name one workload.
        rows.dedup();
        rows
    }

    fn site(&self) -> Option<&Site> {
        self.site.map(|site| site.site)
    }

    fn status_row(&self, used: &Use, state: RunState) -> StatusRow {
        let behind = self
            .decision
            .filter(|decision| decision.verdict != Verdict::InSync);
        StatusRow {
            site: self.site().map(|site| site.id.clone()),
            place: format!("{}:{}", self.literal.file, self.literal.line),
            kind: used.kind.clone(),
            namespace: used.namespace.clone(),
            name: used.name.clone(),
            holder: used.holder.clone(),
            state,
            image: used.image.clone(),
            runs: None,
            pinned: self.site().and_then(|site| site.image.digest.clone()),
            since: None,
            troubles: self
                .decision
                .and_then(|decision| troubles::find_rot(&decision.reasons))
                .into_iter()
                .collect(),
            why: Vec::new(),
            owner: None,
            verdict: self.decision.map(|decision| decision.verdict),
            waits: behind.map(|decision| {
                // What is held or blocked goes nowhere, and the reason of a hold says that it is
                // one.
                let (word, to) = match decision.verdict {
                    Verdict::Held => (String::new(), None),
                    verdict @ (Verdict::Blocked | Verdict::Frozen | Verdict::Unknown) => {
                        (verdict.to_string(), None)
                    }
                    verdict => (verdict.to_string(), decision.to.as_ref()),
                };
                let to = to.map_or(String::new(), |to| format!(" to {}", to.short()));
                let reason = decision
                    .reasons
                    .first()
                    .map_or_else(String::new, ToString::to_string);
                let colon = if word.is_empty() || reason.is_empty() {
                    ""
                } else {
                    ": "
                };
                format!("{word}{to}{colon}{reason}")
            }),
        }
    }

    fn live_row(&self, live: &LiveUse) -> StatusRow {
        let told = |state, why: String| StatusRow {
            why: vec![why],
            ..self.status_row(live.used, state)
        };
        let mut row = match &live.found {
            LiveMatch::Here {
                workload,
                container,
            } => self.row_of_match(live.used, workload, container),
            LiveMatch::Swapped {
                workload,
                container,
                with,
            } => {
                let why = format!("it has exchanged images with the container {}", with.name);
                StatusRow {
                    why: vec![why],
                    ..self.row_of_container(live.used, RunState::Swapped, workload, container)
                }
            }
            LiveMatch::Missing => {
                told(RunState::Missing, "the cluster has no such workload".into())
            }
            LiveMatch::NoContainer(at) => told(
                RunState::Missing,
                format!("the {} has no such container", at.kind),
            ),
            LiveMatch::NotExpected => told(RunState::NotExpected, "`count` is 0".into()),
            LiveMatch::Elsewhere => {
                told(RunState::Elsewhere, "the cluster does not show it".into())
            }
            LiveMatch::Unknown(why) => told(RunState::Unknown, why.clone()),
        };
        let owner = find_owner(self.snapshot, self.site(), live);
        row.owner = owner.as_ref().map(|owner| owner.as_str());
        row.why.extend(
            owner
                .filter(|owner| row.owner != Some("terraform") && !owner.sentence().is_empty())
                .map(|owner| owner.sentence()),
        );
        row
    }

    /// A chart's workloads are called by their own names.
    fn row_of_container(
        &self,
        used: &Use,
        state: RunState,
        workload: &Workload,
        container: &Container,
    ) -> StatusRow {
        StatusRow {
            kind: workload.kind.clone(),
            namespace: Some(workload.namespace.clone()),
            name: Some(workload.name.clone()),
            holder: Holder::Container {
                name: Some(container.name.clone()),
                init: container.init,
            },
            image: Some(container.image.clone()),
            ..self.status_row(used, state)
        }
    }

    fn row_of_match(&self, used: &Use, workload: &Workload, container: &Container) -> StatusRow {
        let mut row = self.row_of_container(used, RunState::Unknown, workload, container);
        let Some(cluster) = self.snapshot.cluster.known() else {
            return row;
        };
        let mut found = troubles::find_troubles(cluster, workload, container);
        found.append(&mut row.troubles);
        row.troubles = found;
        let here = (workload, container);
        if let Some(still) = find_still_running(self.snapshot, cluster, self.channel.as_ref(), here)
        {
            row.state = RunState::Differs;
            row.why = vec![format!(
                "applied, not rolled out: {}",
                describe_gap(workload)
            )];
            row.runs = Some(still);
            return row;
        }
        match runs(
            self.snapshot,
            cluster,
            self.channel.as_ref(),
            (workload, container),
        ) {
            Err(why) => row.why.push(why),
            Ok(None) => {
                row.state = if workload.replicas == Some(0) {
                    RunState::Parked
                } else {
                    RunState::Silent
                };
                row.why.push(story::silent(workload, container));
            }
            Ok(Some(runs)) => {
                row.since = super::live::since(workload, container);
                row.state = match &row.pinned {
                    _ if workload.replicas == Some(0) => RunState::Parked,
                    None => RunState::Unpinned,
                    Some(pin) if *pin == runs => RunState::Pinned,
                    Some(_) => RunState::Differs,
                };
                row.why.extend(
                    (workload.replicas == Some(0)).then(|| "parked at 0 replicas".to_owned()),
                );
                row.why.extend(story::explain_run(
                    self.snapshot,
                    (self.literal, self.site),
                    (&runs, row.pinned.as_ref()),
                    container,
                ));
                row.runs = Some(runs);
            }
        }
        let other = foreign(self.snapshot, used, container);
        row.why.extend(other.map(|_| {
            format!(
                "the image is of another repository than the declared {}",
                used.image.as_deref().unwrap_or("one")
            )
        }));
        row
    }
}
