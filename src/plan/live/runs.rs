//! The digest that a container runs. The spec counts first, what pods tell second; a platform's
//! digest counts as its index's.

use super::{LiveMatch, LiveUse, foreign, is_custom, name, same};
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference};
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Container, Pod, PodContainer, Workload};
use crate::pipeline::{Seen, Snapshot};
use crate::sites::Use;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What an operator makes of a custom resource, if not pods.
const MADE: [WorkloadKind; 5] = [
    WorkloadKind::Deployment,
    WorkloadKind::StatefulSet,
    WorkloadKind::DaemonSet,
    WorkloadKind::ReplicaSet,
    WorkloadKind::Job,
];

/// Returns the digest that a container runs: the one of its spec, else the one that the pods of its
/// newest revision agree on. `None` where no pod runs. As the digest of the index where that is
/// known: pods on machines of different platforms agree then.
///
/// # Errors
/// A sentence: the pods do not agree, or could not be read.
pub(in crate::plan) fn runs(
    snapshot: &Snapshot,
    cluster: &Cluster,
    channel: Option<&Channel>,
    (workload, container): (&Workload, &Container),
) -> Result<Option<Digest>, String> {
    agreed_digest(
        shown_digests(snapshot, cluster, (workload, container))?
            .into_iter()
            .map(|digest| whole(snapshot, channel, digest))
            .collect(),
    )
}

fn agreed_digest(mut digests: BTreeSet<Digest>) -> Result<Option<Digest>, String> {
    match digests.len() {
        0 | 1 => Ok(digests.pop_first()),
        count => Err(format!("its pods run {count} different digests")),
    }
}

/// All digests that are told: one by the spec, or those of the pods. What pods run says nothing of
/// a spec that was set after they were made.
pub(in crate::plan) fn shown_digests(
    snapshot: &Snapshot,
    cluster: &Cluster,
    (workload, container): (&Workload, &Container),
) -> Result<BTreeSet<Digest>, String> {
    if let Some(digest) = Reference::parse(&container.image).and_then(|image| image.digest) {
        return Ok([digest].into());
    }
    if let Some(why) = cluster.unread.get(&WorkloadKind::Pod) {
        return Err(format!("the pods could not be read: {why}"));
    }
    if is_custom(snapshot, &workload.kind) {
        let told: BTreeSet<Digest> = of_operator(snapshot, workload, container)
            .into_iter()
            .collect();
        let between = MADE
            .iter()
            .filter(|_| told.is_empty())
            .find_map(|kind| cluster.unread.get_key_value(kind));
        let told = between.map_or(Ok(told), |(kind, why)| {
            Err(format!("{kind}s could not be read: {why}"))
        })?;
        return shown_or_unclear(told, workload.pods.iter().flat_map(|pod| &pod.containers));
    }
    let own = |status: &&PodContainer| status.name == container.name;
    let tells = |pod: &Pod| {
        pod.containers
            .iter()
            .find(|status| status.name == container.name)
            .and_then(|status| status.digest.clone())
    };
    // Others have revisions; the pods of these are of one template each.
    if !workload.kind.has_revisions() {
        // Pods of earlier runs are still there, and ran what the tag meant then.
        let set = container
            .writers
            .first()
            .and_then(|writer| writer.at)
            .filter(|_| workload.kind == WorkloadKind::CronJob);
        let since =
            |pod: &&Pod| set.is_none_or(|set| pod.created.is_none_or(|created| created >= set));
        let newest = workload
            .pods
            .iter()
            .filter(since)
            .filter(|pod| tells(pod).is_some())
            .max_by_key(|pod| pod.created);
        return Ok(newest.and_then(tells).into_iter().collect());
    }
    let newest = workload
        .revisions
        .first()
        .map(|revision| revision.images.get(&container.name));
    if newest.is_some_and(|image| image != Some(&container.image)) {
        return Err("no revision of its newest spec is known yet".into());
    }
    shown_or_unclear(
        of_newest(workload).filter_map(tells).collect(),
        of_newest(workload)
            .flat_map(|pod| &pod.containers)
            .filter(own),
    )
}

/// What runs and does not say what it is, is not nothing: a node may know an image by its
/// configuration only.
fn shown_or_unclear<'a>(
    told: BTreeSet<Digest>,
    mut statuses: impl Iterator<Item = &'a PodContainer>,
) -> Result<BTreeSet<Digest>, String> {
    if told.is_empty()
        && statuses.any(|status| {
            status.started.is_some() && status.waiting.is_none() && status.digest.is_none()
        })
    {
        return Err("its pods run, and do not show which digest".into());
    }
    Ok(told)
}

/// Returns what the pods run where none of them has the newest spec yet: a Deployment that is
/// paused or only begins, a strategy that waits for a person. `None` where a pod of the newest spec
/// runs, where none runs at all, or where it is not known.
pub(in crate::plan) fn find_still_running(
    snapshot: &Snapshot,
    cluster: &Cluster,
    channel: Option<&Channel>,
    (workload, container): (&Workload, &Container),
) -> Option<Digest> {
    if !workload.kind.has_revisions() || cluster.unread.contains_key(&WorkloadKind::Pod) {
        return None;
    }
    let mut newest: Option<(&Pod, &PodContainer)> = None;
    for pod in &workload.pods {
        let status = pod.containers.iter().find(|one| one.name == container.name);
        let Some(status) = status.filter(|one| one.started.is_some()) else {
            continue;
        };
        if revision_image(workload, pod, container)? == &container.image {
            return None;
        }
        if newest.is_none_or(|(other, _)| other.created < pod.created) {
            newest = Some((pod, status));
        }
    }
    let (pod, status) = newest?;
    let image = Reference::parse(revision_image(workload, pod, container)?)?;
    let digest = image.digest.or_else(|| status.digest.clone())?;
    Some(whole(snapshot, channel, digest))
}

/// The image that a container has in the revision of a pod.
fn revision_image<'a>(
    workload: &'a Workload,
    pod: &Pod,
    container: &Container,
) -> Option<&'a Arc<str>> {
    let mut revisions = workload.revisions.iter();
    let of = revisions.find(|revision| pod.revision.as_ref() == Some(&revision.hash))?;
    of.images.get(&container.name)
}

/// What the pods tell that an operator made of a custom resource: it calls their containers as it
/// likes, so they are known by the repository, and among several of one repository by the name.
fn of_operator(snapshot: &Snapshot, workload: &Workload, container: &Container) -> Vec<Digest> {
    let Some(declared) = Reference::parse(&container.image) else {
        return Vec::new();
    };
    let statuses = workload.pods.iter().flat_map(|pod| &pod.containers);
    let own = |status: &&PodContainer| {
        status
            .repository
            .as_deref()
            .is_some_and(|repository| same(snapshot, &declared, repository))
    };
    let own: Vec<&PodContainer> = statuses.filter(own).collect();
    let named = |status: &&&PodContainer| {
        !own.iter().any(|own| own.name == container.name) || status.name == container.name
    };
    own.iter()
        .filter(named)
        .filter_map(|status| status.digest.clone())
        .collect()
}

/// Returns what the pods of a custom resource run, as indexes where these are known; nothing for
/// other kinds.
pub(in crate::plan) fn operated(
    snapshot: &Snapshot,
    channel: Option<&Channel>,
    (workload, container): (&Workload, &Container),
) -> BTreeSet<Digest> {
    let is_one = is_custom(snapshot, &workload.kind);
    of_operator(snapshot, workload, container)
        .into_iter()
        .filter(|_| is_one)
        .map(|digest| whole(snapshot, channel, digest))
        .collect()
}

/// The pods of the revision in use; all of them where revisions are not known.
pub(super) fn of_newest(workload: &Workload) -> impl Iterator<Item = &Pod> {
    let newest = workload.revisions.first().map(|revision| &revision.hash);
    workload
        .pods
        .iter()
        .filter(move |pod| newest.is_none() || pod.revision.as_ref() == newest)
}

/// Returns the digest that all uses of a literal run, as the digest of the index where a pod shows
/// the one of its platform. `Known(None)` where nothing runs.
pub(in crate::plan) fn running(
    snapshot: &Snapshot,
    uses: &Result<Vec<LiveUse>, String>,
    channel: Option<&Channel>,
) -> Seen<Option<Digest>> {
    let (cluster, lives) = match (&snapshot.cluster, uses) {
        (Seen::Known(cluster), Ok(lives)) => (cluster, lives),
        (_, Err(why)) => return Seen::Unknown(why.clone()),
        _ => return Seen::NotAsked,
    };
    let mut digests = BTreeSet::new();
    for live in lives {
        let found = match &live.found {
            LiveMatch::Here {
                workload,
                container,
            } => of_use(snapshot, cluster, channel, live.used, (workload, container))
                .map_err(|why| format!("{}: {why}", name(workload))),
            LiveMatch::Swapped {
                workload,
                container,
                with,
            } => Err(format!(
                "{}: the containers {} and {} have exchanged their images",
                name(workload),
                container.name,
                with.name
            )),
            LiveMatch::Unknown(why) => Err(why.clone()),
            LiveMatch::Missing
            | LiveMatch::NoContainer(_)
            | LiveMatch::NotExpected
            | LiveMatch::Elsewhere => Ok(None),
        };
        match found {
            Ok(digest) => digests.extend(digest),
            Err(why) => return Seen::Unknown(why),
        }
    }
    match digests.len() {
        0 | 1 => Seen::Known(digests.pop_first()),
        count => Seen::Unknown(format!("its uses run {count} different digests")),
    }
}

fn of_use(
    snapshot: &Snapshot,
    cluster: &Cluster,
    channel: Option<&Channel>,
    used: &Use,
    here: (&Workload, &Container),
) -> Result<Option<Digest>, String> {
    if let Some(other) = foreign(snapshot, used, here.1) {
        return Err(format!(
            "the container {} has the image {other} of another repository",
            here.1.name
        ));
    }
    match find_still_running(snapshot, cluster, channel, here) {
        Some(still) => Ok(Some(still)),
        None => runs(snapshot, cluster, channel, here),
    }
}

/// Returns the index that a platform's digest belongs to, where that is known; else the digest
/// itself.
pub(in crate::plan) fn whole(
    snapshot: &Snapshot,
    channel: Option<&Channel>,
    digest: Digest,
) -> Digest {
    let indexes = snapshot
        .children
        .iter()
        .filter(|((of, _), _)| Some(of) == channel);
    let mut holds = indexes
        .filter(|(_, children)| children.contains(&digest))
        .map(|((_, index), _)| index);
    holds.next().cloned().unwrap_or(digest)
}
