//! Whether a pin broke what it is used by, within the watch window after it went live: trouble of
//! its containers or of the rollout, an alert. Looks at one site; decides nothing.

use super::alert;
use super::live::{self, has};
use super::pin::PinOrigin;
use super::pin_origin::{is_forward, went_live};
use super::pin_state::live_since;
use super::site_plan::SitePlan;
use super::trouble::{Effect, LiveContainer, Trouble};
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::Workload;
use crate::pipeline::{Cause, Seen, Snapshot};
use jiff::{SignedDuration, Timestamp};

/// How much later than due a pass may look.
const LATE: SignedDuration = SignedDuration::from_mins(1);

/// What is wrong with a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub cause: Cause,
    /// One line: what failed where.
    pub evidence: String,
    /// Why nothing is rolled back for it, where a person has to look: a sentence.
    pub refusal: Option<String>,
}

/// One container that has the pin, and since when.
struct Watched<'a> {
    live: LiveContainer<'a>,
    since: Timestamp,
    /// Until when trouble may begin.
    end: Timestamp,
}

/// Trouble of a watched container, and what follows from it.
pub(super) struct WatchedTrouble {
    pub trouble: Trouble,
    effect: Effect,
    /// When it has lasted for long enough; `None` where nothing follows.
    pub due: Option<Timestamp>,
}

/// Returns what fails since the site's last change, which has to be a change of the digest.
pub(super) fn find_failure(snapshot: &Snapshot, site: &SitePlan) -> Option<Failure> {
    let watched = find_watched(snapshot, site);
    let troubles = watched_troubles(snapshot, &watched);
    let failure = troubles.into_iter().find_map(|one| {
        one.due.filter(|due| *due <= snapshot.at)?;
        let evidence = one.trouble.evidence;
        let (cause, refusal) = match one.effect {
            Effect::Reject => (Cause::Unhealthy, None),
            Effect::RollBack(cause) => (cause, None),
            Effect::Report => {
                let why = "no container was started, so the image is not the cause: \
                           look at the node and the volumes";
                (Cause::NotStarted, Some(why.to_owned()))
            }
            Effect::Watch => return None,
        };
        Some(Failure {
            cause,
            evidence,
            refusal,
        })
    });
    failure.or_else(|| {
        let alerts = snapshot.alerts.known()?;
        let window = site.settings.watch.value;
        let fires = |one: &Watched| {
            alert::find_alert_about(snapshot, alerts, one.live.workload, one.since, window)
        };
        let open = watched.iter().filter(|one| snapshot.at <= one.end);
        open.filter_map(fires).next().map(|evidence| Failure {
            cause: Cause::Alert,
            evidence,
            refusal: None,
        })
    })
}

/// Returns until when the site's last change is watched, where it is live everywhere it should be.
pub(super) fn watch_end(snapshot: &Snapshot, site: &SitePlan) -> Option<Timestamp> {
    let ends = find_watched(snapshot, site).into_iter().map(|one| one.end);
    ends.filter(|end| snapshot.at <= *end).max()
}

/// Returns what is wrong with the site's last change and has not lasted for long enough, or is not
/// the image's fault.
pub(super) fn find_watched_trouble(snapshot: &Snapshot, site: &SitePlan) -> Option<WatchedTrouble> {
    let troubles = watched_troubles(snapshot, &find_watched(snapshot, site));
    let mut open = troubles.into_iter();
    open.find(|one| one.due.is_none_or(|due| due > snapshot.at))
}

/// Returns when trouble that is watched now will have lasted for too long.
pub(super) fn next_look(snapshot: &Snapshot, site: &SitePlan) -> Option<Timestamp> {
    let troubles = watched_troubles(snapshot, &find_watched(snapshot, site));
    let due = troubles.into_iter().filter_map(|one| one.due);
    due.filter(|due| *due > snapshot.at).min()
}

/// What is wrong with the watched containers: what began within the window and is not over.
fn watched_troubles(snapshot: &Snapshot, watched: &[Watched]) -> Vec<WatchedTrouble> {
    let graces = &snapshot.config.cluster.graces;
    let judge = |one: &Watched, trouble: Trouble| {
        let rule = trouble.kind.rule(graces);
        let begun = trouble
            .since
            .map_or(one.since, |since| since.max(one.since));
        let effect = if trouble.excuse.is_some() {
            Effect::Watch
        } else {
            rule.effect
        };
        let due = Some(begun)
            .filter(|_| effect != Effect::Watch)
            .and_then(|begun| begun.checked_add(rule.grace).ok());
        let late = due.and_then(|due| due.checked_add(LATE).ok());
        let last = late.map_or(one.end, |late| late.max(one.end));
        (begun <= one.end && snapshot.at <= last).then_some(WatchedTrouble {
            trouble,
            effect,
            due,
        })
    };
    let all = watched.iter().flat_map(|one| {
        let troubles = one.live.find_troubles().into_iter();
        troubles.filter_map(move |trouble| judge(one, trouble))
    });
    all.collect()
}

/// The containers that have the pin and are within its window, or so shortly after it that trouble
/// of its last minutes still counts. What is not known is not among them: nothing is concluded from
/// it.
fn find_watched<'a>(snapshot: &'a Snapshot, site: &SitePlan<'a>) -> Vec<Watched<'a>> {
    let (Seen::Known(origin), Some(cluster)) = (&site.origin, snapshot.cluster.known()) else {
        return Vec::new();
    };
    let window = site.settings.watch.value;
    if !is_forward(site, *origin) || window.is_zero() {
        return Vec::new();
    }
    let (Some(digest), Ok(uses)) = (&site.pinned, &site.uses) else {
        return Vec::new();
    };
    let longest = snapshot.config.cluster.graces.longest() + LATE;
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
            let end = since.checked_add(window).ok()?;
            let live = LiveContainer {
                cluster,
                workload,
                container,
                from: Some(since),
            };
            let is_open = end
                .checked_add(longest)
                .is_ok_and(|last| snapshot.at <= last);
            is_open.then_some(Watched { live, since, end })
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
