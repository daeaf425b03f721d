//! What is wrong with what runs: trouble of its containers, a rollout that does not go on, a pin
//! that the registry does not have any more. For the status, and for the log of a pass.

use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Container, Halt, Workload};
use crate::pipeline::status::{ContainerTrouble, RunTrouble};
use crate::pipeline::{Reason, Snapshot};
use crate::plan::rules::describe_gap;
use crate::plan::site_plan::SitePlan;
use crate::plan::trouble::LiveContainer;
use std::collections::BTreeSet;

/// Returns what is wrong with the containers of all sites, each container once, in the order of the
/// sites.
pub(in crate::plan) fn report_troubles(
    snapshot: &Snapshot,
    sites: &[SitePlan],
) -> Vec<ContainerTrouble> {
    let Some(cluster) = snapshot.cluster.known() else {
        return Vec::new();
    };
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for site in sites {
        for live in site.known_uses() {
            let Some((workload, container)) = live.here() else {
                continue;
            };
            let name = format!("{}:{}", workload.reference(), container.name);
            if !seen.insert(name.clone()) {
                continue;
            }
            let rotten = find_rot(&site.reasons);
            let found = find_troubles(cluster, workload, container).into_iter();
            all.extend(found.chain(rotten).map(|trouble| ContainerTrouble {
                container: name.clone(),
                trouble,
            }));
        }
    }
    all
}

/// Returns what is wrong with one container.
pub(super) fn find_troubles(
    cluster: &Cluster,
    workload: &Workload,
    container: &Container,
) -> Vec<RunTrouble> {
    if workload.replicas == Some(0) {
        return Vec::new();
    }
    let live = LiveContainer::at_any_time(cluster, (workload, container));
    let mut troubles: Vec<RunTrouble> = live
        .find_troubles()
        .into_iter()
        .map(|one| RunTrouble {
            code: one.kind.as_str(),
            since: one.since,
            what: one.what,
        })
        .collect();
    let is_open = workload.kind.has_revisions() && !workload.rollout.complete;
    let is_new = container.writers.first().and_then(|writer| writer.at);
    if is_open && (troubles.is_empty() || workload.rollout.halt.is_some()) {
        troubles.push(RunTrouble {
            code: gap_code(workload),
            since: is_new,
            what: describe_gap(workload),
        });
    }
    troubles
}

/// Returns that the pin is gone from the registry, where a decision says so.
pub(super) fn find_rot(reasons: &[Reason]) -> Option<RunTrouble> {
    let rotten = reasons
        .iter()
        .find(|one| matches!(one, Reason::Rotten { .. }))?;
    Some(RunTrouble {
        code: rotten.code(),
        since: None,
        what: rotten.to_string(),
    })
}

fn gap_code(workload: &Workload) -> &'static str {
    match workload.rollout.halt {
        Some(Halt::Paused) => "paused",
        Some(Halt::OnDelete) => "on-delete",
        Some(Halt::Partition(_)) if workload.kind == WorkloadKind::StatefulSet => "partition",
        Some(Halt::Partition(_)) | None => "not-rolled-out",
    }
}
