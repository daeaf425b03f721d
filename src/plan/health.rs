//! Whether a pin broke what it is used by, within the watch window after it went live: containers that do not start, a rollout without progress,
//! readiness that was lost, an alert. Looks at one site; decides nothing.

use super::alert;
use super::gate::Judged;
use super::live::{self, Found};
use super::past::{past, pinned};
use super::undo::{has, live_since, name};
use crate::pipeline::cluster::{Cluster, Condition, Container, Pod, PodContainer, Workload};
use crate::pipeline::{Action, Cause, Recorded, Seen, Snapshot};
use jiff::{SignedDuration, Timestamp};

/// Why a container does not start.
const BROKEN: [&str; 4] = ["CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerConfigError"];

/// What is wrong with a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failing {
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
pub(super) fn failing(snapshot: &Snapshot, site: &Judged) -> Option<Failing> {
    let watched = watched(snapshot, site);
    let grace = snapshot.config.cluster.ready_grace;
    let unhealthy = watched.iter().find_map(|one| one.broken().or_else(|| one.stuck()).or_else(|| one.lost(snapshot.at, grace)));
    let unhealthy = unhealthy.map(|evidence| Failing { cause: Cause::Unhealthy, evidence });
    unhealthy.or_else(|| {
        let alerts = snapshot.alerts.known()?;
        let window = site.terms.watch.value;
        let fires = |one: &Watched| alert::about(snapshot, alerts, one.workload, one.since, window);
        watched.iter().find_map(fires).map(|evidence| Failing { cause: Cause::Alert, evidence })
    })
}

/// Returns until when the site's last change is watched, where it is live everywhere it should be.
pub(super) fn until(snapshot: &Snapshot, site: &Judged) -> Option<Timestamp> {
    let ends = watched(snapshot, site).into_iter().filter_map(|one| one.since.checked_add(site.terms.watch.value).ok());
    ends.max()
}

/// Returns when readiness that is lost now will have been lost for too long.
pub(super) fn later(snapshot: &Snapshot, site: &Judged) -> Option<Timestamp> {
    let grace = snapshot.config.cluster.ready_grace;
    let watched = watched(snapshot, site);
    let ends = watched.iter().filter_map(|one| one.losing()?.1.checked_add(grace).ok());
    ends.filter(|end| *end > snapshot.at).min()
}

/// The record whose failure would be the site's own.
fn record<'a>(snapshot: &'a Snapshot, site: &Judged) -> Option<&'a Recorded> {
    let Seen::Known(history) = &snapshot.history else { return None };
    let record = pinned(&past(history, site.site, &site.terms.image), site.decision.from.as_ref()?)?;
    let moved = matches!(record.pin.action, Action::Move | Action::Pin | Action::Unpin) && record.pin.cause != Cause::Drift;
    moved.then_some(record)
}

/// The containers that have the pin and are within its window. What is not known is not among them: nothing is concluded from it.
fn watched<'a>(snapshot: &'a Snapshot, site: &Judged<'a>) -> Vec<Watched<'a>> {
    let (Some(record), Some(cluster)) = (record(snapshot, site), snapshot.cluster.known()) else { return Vec::new() };
    let (Some(digest), Ok(uses)) = (&site.decision.from, live::uses(snapshot, site.literal)) else { return Vec::new() };
    let open = |since: Timestamp| since.checked_add(site.terms.watch.value).is_ok_and(|end| snapshot.at <= end);
    let uses = uses.into_iter().filter(|live| live.used.ignored != Some(true));
    let here = uses.filter_map(|live| match live.found {
        Found::Here { workload, container } => Some((workload, container)),
        _ => None,
    });
    here.filter(|(_, container)| has(snapshot, &container.image, &site.site.image, digest))
        .map(|(workload, container)| {
            let since = live_since(snapshot, site, record, (workload, container));
            Watched { cluster, workload, container, since }
        })
        .filter(|one| !site.terms.watch.value.is_zero() && open(one.since))
        .collect()
}

impl Watched<'_> {
    /// The pods of the revision in use; none where it is not known.
    fn pods(&self) -> impl Iterator<Item = &Pod> {
        let used = self.workload.revisions.first().map(|revision| &revision.hash);
        let known = !self.cluster.unread.contains_key("pod");
        self.workload.pods.iter().filter(move |pod| known && used.is_some() && pod.revision.as_ref() == used)
    }

    fn statuses(&self) -> impl Iterator<Item = (&Pod, &PodContainer)> {
        self.pods().flat_map(|pod| pod.containers.iter().map(move |status| (pod, status)))
    }

    /// `container server of deployment immich/server: CrashLoopBackOff`. The pod's name is left out: it is another one in the next moment.
    fn broken(&self) -> Option<String> {
        let own = self.statuses().filter(|(_, status)| status.name == self.container.name);
        let reason = own.filter_map(|(_, status)| broken(status)).filter(|reason| !is_pull(reason) || !self.is_elsewhere()).min()?;
        Some(format!("container {} of {}: {reason}", self.container.name, name(self.workload)))
    }

    /// That an image cannot be pulled is a node's doing where another pod of the revision has it, and the registry's where a pod of an older
    /// revision cannot pull its own either.
    fn is_elsewhere(&self) -> bool {
        let used = self.workload.revisions.first().map(|revision| &revision.hash);
        self.workload.pods.iter().any(|pod| {
            let mut own = pod.containers.iter().filter(|status| status.name == self.container.name);
            own.any(|status| if pod.revision.as_ref() == used { status.ready } else { broken(status).is_some_and(is_pull) })
        })
    }

    /// The rollout made no progress, and that is not another container's doing, which may run at this moment between two crashes.
    fn stuck(&self) -> Option<String> {
        let rollout = &self.workload.rollout;
        let stuck = rollout.stuck.as_ref().filter(|_| rollout.observed)?;
        let later = stuck.since.is_none_or(|since| since >= self.since);
        let fails = |status: &PodContainer| broken(status).is_some() || !status.ready && status.restarts > 0;
        let others = self.statuses().any(|(_, status)| status.name != self.container.name && fails(status));
        (later && !others).then(|| told(&stuck.reason, self.workload, stuck))
    }

    /// It was ready, and has not been for longer than it may.
    fn lost(&self, at: Timestamp, grace: SignedDuration) -> Option<String> {
        let (condition, since) = self.losing()?;
        let over = since.checked_add(grace).is_ok_and(|end| end <= at);
        over.then(|| told("readiness lost", self.workload, condition))
    }

    /// It was ready and is not: too few pods have been available since a time at which all pods were there already.
    fn losing(&self) -> Option<(&Condition, Timestamp)> {
        let rollout = &self.workload.rollout;
        let condition = rollout.unavailable.as_ref().filter(|_| rollout.observed)?;
        let since = condition.since.filter(|since| *since >= self.since)?;
        let mut pods = self.pods().peekable();
        let there = pods.peek().is_some() && pods.all(|pod| pod.created.is_some_and(|created| created < since));
        let own = self.statuses().any(|(_, status)| status.name == self.container.name && !status.ready);
        (there && own).then_some((condition, since))
    }
}

fn told(what: &str, workload: &Workload, condition: &Condition) -> String {
    let since = condition.since.map_or(String::new(), |since| format!(" since {since}"));
    format!("{}: {what}{since}", name(workload))
}

fn is_pull(reason: &str) -> bool {
    matches!(reason, "ImagePullBackOff" | "ErrImagePull")
}

fn broken(status: &PodContainer) -> Option<&str> {
    let reason = status.waiting.as_ref().map(|waiting| &*waiting.reason)?;
    BROKEN.contains(&reason).then_some(reason)
}
