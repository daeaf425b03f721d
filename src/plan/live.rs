//! What runs of a site: its uses beside the workloads of the cluster. The spec counts first, what pods tell second. Decides nothing.

use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference};
use crate::pipeline::cluster::{Cluster, Container, Workload};
use crate::pipeline::{Seen, Snapshot};
use crate::sites::{Literal, Use};
use std::collections::BTreeSet;

/// One use, and what is found of it in the cluster.
pub(super) struct Live<'a> {
    pub used: &'a Use,
    pub found: Found<'a>,
}

pub(super) enum Found<'a> {
    Here {
        workload: &'a Workload,
        container: &'a Container,
    },
    /// There is no such workload.
    Missing,
    /// The workload is there, and has no such container.
    NoContainer(&'a Workload),
    /// `count = 0`: none is wanted.
    NotExpected,
    /// Nothing that the cluster has by that name: a module's argument, a value in a config map.
    Elsewhere,
    /// Could not look, and why.
    Unknown(String),
}

/// Returns one entry for each use of a literal; none where no cluster is named.
///
/// # Errors
/// A sentence why the cluster could not be asked.
pub(super) fn uses<'a>(snapshot: &'a Snapshot, literal: &'a Literal) -> Result<Vec<Live<'a>>, String> {
    match &snapshot.cluster {
        Seen::NotAsked => Ok(Vec::new()),
        Seen::Unknown(why) => Err(format!("the cluster could not be asked: {why}")),
        Seen::Known(cluster) => Ok(literal.uses.iter().map(|used| Live { used, found: found(cluster, used) }).collect()),
    }
}

fn found<'a>(cluster: &'a Cluster, used: &Use) -> Found<'a> {
    if used.instances == Some(0) {
        return Found::NotExpected;
    }
    if let Some(why) = cluster.unread.get(&used.kind) {
        return Found::Unknown(why.clone());
    }
    let (Some(namespace), Some(name), Some(container)) = (&used.namespace, &used.name, &used.container) else {
        return Found::Unknown("its name is not known from the text".into());
    };
    match cluster.workload(&used.kind, namespace, name) {
        None => Found::Missing,
        Some(workload) => match workload.container(container) {
            Some(container) => Found::Here { workload, container },
            None => Found::NoContainer(workload),
        },
    }
}

/// Returns the digest that a container runs: the one of its spec, else the one that the pods of its newest revision agree on. `None` where no pod
/// runs.
///
/// # Errors
/// A sentence: the pods do not agree, or could not be read.
pub(super) fn digest(cluster: &Cluster, workload: &Workload, container: &Container) -> Result<Option<Digest>, String> {
    if let Some(digest) = Reference::parse(&container.image).and_then(|image| image.digest) {
        return Ok(Some(digest));
    }
    if let Some(why) = cluster.unread.get("pod") {
        return Err(format!("the pods could not be read: {why}"));
    }
    let newest = workload.revisions.first().map(|revision| &revision.hash);
    let pods = workload.pods.iter().filter(|pod| newest.is_none() || pod.revision.as_ref() == newest);
    let statuses = pods.flat_map(|pod| &pod.containers).filter(|status| status.name == container.name);
    let digests: BTreeSet<&Digest> = statuses.filter_map(|status| status.digest.as_ref()).collect();
    match digests.len() {
        0 | 1 => Ok(digests.first().copied().cloned()),
        count => Err(format!("its pods run {count} different digests")),
    }
}

/// Returns the digest that all uses of a literal run, as the digest of the index where a pod tells the one of its platform. `Known(None)` where
/// nothing runs.
pub(super) fn running(snapshot: &Snapshot, literal: &Literal, channel: Option<&Channel>) -> Seen<Option<Digest>> {
    let Seen::Known(cluster) = &snapshot.cluster else {
        return match &snapshot.cluster {
            Seen::Unknown(why) => Seen::Unknown(format!("the cluster could not be asked: {why}")),
            _ => Seen::NotAsked,
        };
    };
    let mut digests = BTreeSet::new();
    for used in &literal.uses {
        match found(cluster, used) {
            Found::Here { workload, container } => match digest(cluster, workload, container) {
                Ok(digest) => digests.extend(digest.map(|digest| whole(snapshot, channel, digest))),
                Err(why) => return Seen::Unknown(format!("{} {}/{}: {why}", workload.kind, workload.namespace, workload.name)),
            },
            Found::Unknown(why) => return Seen::Unknown(why),
            Found::Missing | Found::NoContainer(_) | Found::NotExpected | Found::Elsewhere => {}
        }
    }
    match digests.len() {
        0 | 1 => Seen::Known(digests.pop_first()),
        count => Seen::Unknown(format!("its {count} uses do not run the same digest")),
    }
}

/// Returns the index that a platform's digest belongs to, where that is known; else the digest itself.
pub(super) fn whole(snapshot: &Snapshot, channel: Option<&Channel>, digest: Digest) -> Digest {
    let indexes = snapshot.children.iter().filter(|((of, _), _)| Some(of) == channel);
    let mut holds = indexes.filter(|(_, children)| children.contains(&digest)).map(|((_, index), _)| index);
    holds.next().cloned().unwrap_or(digest)
}
