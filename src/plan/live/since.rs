//! Since when a container has its image: from its revisions, else from who set it, else from its
//! pods.

use super::runs::of_newest;
use crate::model::reference::Reference;
use crate::pipeline::cluster::{Container, Revision, Workload};
use jiff::Timestamp;

/// Returns since when the container runs what it runs. A tag alone says nothing of the image: there
/// it is since the oldest of its pods.
pub(in crate::plan) fn since(workload: &Workload, container: &Container) -> Option<Timestamp> {
    let is_pinned = Reference::parse(&container.image).is_some_and(|image| image.digest.is_some());
    let oldest_pod = || of_newest(workload).filter_map(|pod| pod.created).min();
    if is_pinned {
        image_set_at(workload, container)
    } else {
        oldest_pod().or_else(|| image_set_at(workload, container))
    }
}

/// Since when its spec has the image. A restart makes a new revision with the same image; one that
/// came into use again is as old as it was.
fn image_set_at(workload: &Workload, container: &Container) -> Option<Timestamp> {
    let written = container.writers.first().and_then(|writer| writer.at);
    let has = |revision: &&Revision| revision.images.get(&container.name) == Some(&container.image);
    let same: Vec<&Revision> = workload.revisions.iter().take_while(has).collect();
    let Some(first) = same.last().and_then(|revision| revision.created) else {
        return written.or(workload.created.filter(|_| workload.revisions.is_empty()));
    };
    let others = workload.revisions.iter().skip(same.len());
    let came_back = others
        .filter_map(|revision| revision.created)
        .any(|other| other > first);
    if came_back {
        written.filter(|at| *at > first)
    } else {
        Some(first)
    }
}
