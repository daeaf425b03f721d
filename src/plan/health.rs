//! Whether a pin broke what it is used by, within the watch window after it went live: containers
//! that do not start, a rollout without progress, readiness that was lost, an alert. Looks at one
//! site; decides nothing.

use super::alert;
use super::live::{self, has, name};
use super::pin::PinOrigin;
use super::pin_origin::{is_forward, went_live};
use super::pin_state::live_since;
use super::site_plan::SitePlan;
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Container, Pod, PodContainer, Workload};
use crate::pipeline::{Cause, Seen, Snapshot};
use jiff::{SignedDuration, Timestamp};

/// Why a container does not start.
const BROKEN: [&str; 4] = [
    "CrashLoopBackOff",
    "ImagePullBackOff",
    "ErrImagePull",
    "CreateContainerConfigError",
];

/// One of so many pods may lose its readiness, as with a Deployment that says nothing else
/// (`maxUnavailable: 25%`, rounded down).
const ONE_OF: usize = 4;

/// What is wrong with a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub cause: Cause,
    /// One line: what failed where.
    pub evidence: String,
}

/// One container that has the pin, and since when.
struct Watched<'a> {
    cluster: &'a Cluster,
    workload: &'a Workload,
    container: &'a Container,
    since: Timestamp,
}

/// Returns what fails since the site's last change, which has to be a change of the digest.
pub(super) fn find_failure(snapshot: &Snapshot, site: &SitePlan) -> Option<Failure> {
    let watched = find_watched(snapshot, site);
    let grace = snapshot.config.cluster.ready_grace;
    let unhealthy = watched.iter().find_map(|one| {
        one.describe_broken_container()
            .or_else(|| one.describe_stuck_pod())
            .or_else(|| one.describe_lost_readiness(snapshot.at, grace))
    });
    let unhealthy = unhealthy.map(|evidence| Failure {
        cause: Cause::Unhealthy,
        evidence,
    });
    unhealthy.or_else(|| {
        let alerts = snapshot.alerts.known()?;
        let window = site.settings.watch.value;
        let fires = |one: &Watched| {
            alert::find_alert_about(snapshot, alerts, one.workload, one.since, window)
        };
        watched.iter().find_map(fires).map(|evidence| Failure {
            cause: Cause::Alert,
            evidence,
        })
    })
}

/// Returns until when the site's last change is watched, where it is live everywhere it should be.
pub(super) fn watch_end(snapshot: &Snapshot, site: &SitePlan) -> Option<Timestamp> {
    let ends = find_watched(snapshot, site)
        .into_iter()
        .filter_map(|one| one.since.checked_add(site.settings.watch.value).ok());
    ends.max()
}

/// Returns when readiness that is lost now will have been lost for too long.
pub(super) fn next_look(snapshot: &Snapshot, site: &SitePlan) -> Option<Timestamp> {
    let grace = snapshot.config.cluster.ready_grace;
    let watched = find_watched(snapshot, site);
    let ends = watched
        .iter()
        .filter_map(|one| one.unready_since()?.checked_add(grace).ok());
    ends.filter(|end| *end > snapshot.at).min()
}

/// The containers that have the pin and are within its window. What is not known is not among them:
/// nothing is concluded from it.
fn find_watched<'a>(snapshot: &'a Snapshot, site: &SitePlan<'a>) -> Vec<Watched<'a>> {
    let (Seen::Known(origin), Some(cluster)) = (&site.origin, snapshot.cluster.known()) else {
        return Vec::new();
    };
    if !is_forward(site, *origin) || site.settings.watch.value.is_zero() {
        return Vec::new();
    }
    let (Some(digest), Ok(uses)) = (&site.pinned, &site.uses) else {
        return Vec::new();
    };
    let open = |since: Timestamp| {
        since
            .checked_add(site.settings.watch.value)
            .is_ok_and(|end| snapshot.at <= end)
    };
    live::tracked(uses)
        .filter(|(_, container)| has(snapshot, &container.image, &site.site.image, digest))
        .filter(|(workload, _)| !is_new(workload, origin.at()))
        .filter_map(|(workload, container)| {
            let since = match origin {
                PinOrigin::Recorded(record) => {
                    live_since(snapshot, site, record, (workload, container))
                }
                PinOrigin::Foreign(blame) => went_live(blame, workload, container)?,
            };
            open(since).then_some(Watched {
                cluster,
                workload,
                container,
                since,
            })
        })
        .collect()
}

/// Says whether a workload was made after the pin was written: a cluster that is built again,
/// another name or namespace, one more instance. It never had anything else, so nothing of it
/// moved. Jobs and pods are made anew with each image.
fn is_new(workload: &Workload, written: Timestamp) -> bool {
    !matches!(workload.kind, WorkloadKind::Job | WorkloadKind::Pod)
        && workload.created.is_some_and(|created| created > written)
}

impl Watched<'_> {
    /// The pods of the revision in use; none where it is not known, or not yet that of the newest
    /// spec.
    fn current_pods(&self) -> impl Iterator<Item = &Pod> {
        let used = self.workload.revisions.first();
        let used = used
            .filter(|used| used.images.get(&self.container.name) == Some(&self.container.image))
            .map(|used| &used.hash);
        let known = !self.cluster.unread.contains_key(&WorkloadKind::Pod);
        self.workload
            .pods
            .iter()
            .filter(move |pod| known && used.is_some() && pod.revision.as_ref() == used)
    }

    fn container_statuses(&self) -> impl Iterator<Item = (&Pod, &PodContainer)> {
        self.current_pods()
            .flat_map(|pod| pod.containers.iter().map(move |status| (pod, status)))
    }

    /// `container server of deployment immich/server: CrashLoopBackOff`. The pod's name is left
    /// out: it is another one in the next moment.
    fn describe_broken_container(&self) -> Option<String> {
        let own = self
            .container_statuses()
            .filter(|(_, status)| status.name == self.container.name);
        let reason = own
            .filter_map(|(_, status)| waiting_reason(status))
            .filter(|reason| !is_pull(reason) || !self.is_elsewhere())
            .min()?;
        Some(format!(
            "container {} of {}: {reason}",
            self.container.name,
            name(self.workload)
        ))
    }

    /// That an image cannot be pulled is a node's doing where another pod of the revision has it,
    /// and the registry's where a pod of an older revision cannot pull its own either.
    fn is_elsewhere(&self) -> bool {
        let used = self
            .workload
            .revisions
            .first()
            .map(|revision| &revision.hash);
        self.workload.pods.iter().any(|pod| {
            let mut own = pod
                .containers
                .iter()
                .filter(|status| status.name == self.container.name);
            own.any(|status| {
                if pod.revision.as_ref() == used {
                    status.ready
                } else {
                    waiting_reason(status).is_some_and(is_pull)
                }
            })
        })
    }

    /// The rollout made no progress, and that is not another container's doing, which may run at
    /// this moment between two crashes, nor that of a node or a volume: where there are pods, the
    /// container runs in one and is not ready, or waits to.
    fn describe_stuck_pod(&self) -> Option<String> {
        let rollout = &self.workload.rollout;
        let stuck = rollout.stuck.as_ref().filter(|_| rollout.observed)?;
        let later = stuck.since.is_none_or(|since| since >= self.since);
        let fails = |status: &PodContainer| {
            waiting_reason(status).is_some() || !status.ready && status.restarts > 0
        };
        let others = self
            .container_statuses()
            .any(|(_, status)| status.name != self.container.name && fails(status));
        let tried = self.current_pods().next().is_none()
            || self.current_pods().any(|pod| self.is_unready(pod));
        (later && !others && tried)
            .then(|| describe_failure(&stuck.reason, self.workload, stuck.since))
    }

    /// It was ready, and has not been for longer than it may.
    fn describe_lost_readiness(&self, at: Timestamp, grace: SignedDuration) -> Option<String> {
        let since = self.unready_since()?;
        let over = since.checked_add(grace).is_ok_and(|end| end <= at);
        over.then(|| describe_failure("readiness lost", self.workload, Some(since)))
    }

    /// It was ready and is not, since when. A Deployment's controller tells the time; those of the
    /// others only count, and their pods tell.
    fn unready_since(&self) -> Option<Timestamp> {
        let rollout = &self.workload.rollout;
        let short = rollout.unavailable.as_ref().filter(|_| rollout.observed)?;
        match self.workload.kind {
            WorkloadKind::Deployment => self.unavailable_since(short.since?),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => self.lost_since(),
            _ => None,
        }
    }

    /// Too few pods have been available since a time at which all pods were there already.
    fn unavailable_since(&self, since: Timestamp) -> Option<Timestamp> {
        let mut pods = self.current_pods().peekable();
        let there = pods.peek().is_some()
            && pods.all(|pod| pod.created.is_some_and(|created| created < since));
        (since >= self.since && there && self.current_pods().any(|pod| self.is_unready(pod)))
            .then_some(since)
    }

    /// Since when more of the pods that have the pin have lost their readiness than may. One that
    /// never was ready has lost nothing: it is new, its node is, or it was put on another one.
    fn lost_since(&self) -> Option<Timestamp> {
        let lost = self
            .current_pods()
            .filter(|pod| self.is_unready(pod))
            .filter_map(|pod| pod.lost);
        let mut lost: Vec<Timestamp> = lost.filter(|since| *since >= self.since).collect();
        lost.sort_unstable();
        lost.get(self.current_pods().count() / ONE_OF).copied()
    }

    /// The container that has the pin is not ready.
    fn is_unready(&self, pod: &Pod) -> bool {
        pod.containers
            .iter()
            .any(|status| status.name == self.container.name && !status.ready)
    }
}

fn describe_failure(what: &str, workload: &Workload, since: Option<Timestamp>) -> String {
    let since = since.map_or(String::new(), |since| format!(" since {since}"));
    format!("{}: {what}{since}", name(workload))
}

fn is_pull(reason: &str) -> bool {
    matches!(reason, "ImagePullBackOff" | "ErrImagePull")
}

fn waiting_reason(status: &PodContainer) -> Option<&str> {
    let reason = status.waiting.as_ref().map(|waiting| &*waiting.reason)?;
    BROKEN.contains(&reason).then_some(reason)
}
