//! Who else has a hand on an image that Terraform is to own again. Decides nothing: it says what speaks against it.

use super::first::place;
use crate::config::Keel;
use crate::model::reference::Reference;
use crate::pipeline::Snapshot;
use crate::pipeline::cluster::{Container, Workload, Writer};
use crate::plan::live::{Found, Live};

/// Says whether Keel runs in the cluster: as configured, else where a container has its image.
pub(in crate::plan) fn keel_runs(snapshot: &Snapshot) -> bool {
    let is_keel = |container: &Container| {
        let image = Reference::parse(&container.image);
        image.is_some_and(|image| format!("/{}", image.repository().1).ends_with("/keelhq/keel"))
    };
    match snapshot.config.cluster.keel {
        Keel::Yes => true,
        Keel::No => false,
        Keel::Auto => {
            let workloads = snapshot.cluster.known().into_iter().flat_map(|cluster| &cluster.workloads);
            workloads.flat_map(|workload| &workload.containers).any(is_keel)
        }
    }
}

/// Says why Terraform cannot own the image of this use.
pub(super) fn refuses(snapshot: &Snapshot, live: &Live<'_>) -> Option<String> {
    match live.found {
        Found::NoContainer(workload) => {
            let name = live.used.container.as_deref().unwrap_or("?");
            Some(format!("{} runs without the container {name}", place(workload)))
        }
        Found::Here { workload, container } => other_owner(snapshot, workload, container),
        _ => None,
    }
}

fn other_owner(snapshot: &Snapshot, workload: &Workload, container: &Container) -> Option<String> {
    let place = place(workload);
    if let Some(controller) = &workload.controller {
        return Some(format!("{place} belongs to {controller}, whose controller sets it"));
    }
    if let Some(release) = workload.release.as_ref().filter(|release| release.helm) {
        return Some(format!("{place} belongs to the Helm release {}", release.name));
    }
    let writer = container.writers.iter().find(|writer| !is_ours(snapshot, writer))?;
    Some(format!("`{}` sets the image of the container {} in {place}", writer.manager, container.name))
}

/// Terraform, Keel, or a person's `kubectl`.
fn is_ours(snapshot: &Snapshot, writer: &Writer) -> bool {
    let name = &*writer.manager;
    name == "keel" || name.starts_with("kubectl") || snapshot.config.cluster.terraform.iter().any(|glob| glob.matches(name))
}
