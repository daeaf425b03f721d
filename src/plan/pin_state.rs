//! What the cluster makes of a site's pin: live, not applied yet, taken back by hand to an earlier
//! revision, set to something else. An undo is claimed only where the pin was live after it was
//! written. Looks at one site; decides nothing.

use super::choice::compare_tags;
use super::live::{self, LiveMatch, has, name};
use super::ownership::{WriterKind, classify_writer};
use super::pin::{PinOrigin, PinState, RunningInstead};
use super::site_history::rejected_digests;
use super::site_plan::SitePlan;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Container, Revision, Workload, Writer};
use crate::pipeline::{Action, Recorded, Seen, Snapshot};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// How long after some of a site's workloads were taken back the others may follow.
const TOGETHER: SignedDuration = SignedDuration::from_mins(1);
/// How long after a workload was written its controller has made the revision, even a busy one.
const SOON: SignedDuration = SignedDuration::from_secs(10);

/// What one workload makes of the pin.
enum WorkloadState {
    Live,
    /// It has the pin, and there is nothing to be taken back: a cron job, or no pods are wanted.
    Idle,
    NotApplied(String, Option<Digest>),
    Undone(RunningInstead),
    Unsettled(String),
    Drifted(RunningInstead),
    Unknown(String),
    /// Nobody can say which workload it is.
    Nameless(String),
}

/// The pin of a site, and what is known of it.
struct LivePin<'p, 'a> {
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    site: &'p SitePlan<'a>,
    digest: &'p Digest,
    /// Digests that were rolled back here.
    rejected: BTreeSet<&'a Digest>,
}

/// Returns what the cluster makes of a site's pin.
pub(super) fn find_pin_state<'a>(snapshot: &'a Snapshot, site: &SitePlan<'a>) -> PinState {
    let Some(digest) = &site.pinned else {
        return PinState::Absent;
    };
    let uses = match &site.uses {
        Ok(uses) => uses,
        Err(why) => return PinState::Unknown(why.clone()),
    };
    let Some(cluster) = snapshot.cluster.known() else {
        return PinState::Absent;
    };
    let pin = LivePin {
        snapshot,
        cluster,
        site,
        digest,
        rejected: rejected_digests(&site.history),
    };
    let mut all = Vec::new();
    for live in uses.iter().filter(|live| live.used.ignored != Some(true)) {
        match &live.found {
            LiveMatch::Here {
                workload,
                container,
            } => all.push(pin.state_in(workload, container)),
            LiveMatch::Swapped {
                workload,
                container,
                with,
            } => {
                let why = format!(
                    "{}: the containers {} and {} have exchanged their images",
                    name(workload),
                    container.name,
                    with.name
                );
                all.push(WorkloadState::Nameless(why));
            }
            LiveMatch::Unknown(why) if cluster.unread.contains_key(&live.used.kind) => {
                all.push(WorkloadState::Unknown(why.clone()))
            }
            LiveMatch::Unknown(why) => all.push(WorkloadState::Nameless(why.clone())),
            _ => {}
        }
    }
    join_states(all)
}

/// Returns until when the rest of a site's workloads may follow, where some were taken back: who
/// does that does one after the other.
pub(super) fn settle_time(snapshot: &Snapshot, site: &SitePlan) -> Option<Timestamp> {
    let PinState::PartlyUndone { .. } = site.state else {
        return None;
    };
    let lives = site.uses.as_ref().ok()?;
    let last = lives
        .iter()
        .filter_map(|live| live.container()?.writers.first()?.at)
        .max()?;
    last.checked_add(TOGETHER)
        .ok()
        .filter(|end| *end > snapshot.at)
}

/// `sha256:3f1c…` or, without a digest, the image as it is written.
fn shorten_image(image: &str) -> String {
    let digest = Reference::parse(image).and_then(|image| image.digest);
    digest.map_or_else(
        || image.to_owned(),
        |digest| format!("sha256:{}", digest.short()),
    )
}

impl RunningInstead {
    fn is_same(&self, other: &Self) -> bool {
        (&self.image.tag, &self.digest) == (&other.image.tag, &other.digest)
    }
}

impl LivePin<'_, '_> {
    fn state_in(&self, workload: &Workload, container: &Container) -> WorkloadState {
        let name = name(workload);
        if self.has_pin(&container.image) {
            let idle = workload.replicas == Some(0) || workload.kind == WorkloadKind::CronJob;
            return if idle {
                WorkloadState::Idle
            } else {
                WorkloadState::Live
            };
        }
        let Some(kind) = revisions_of(&workload.kind) else {
            return self.never_live(workload, container);
        };
        if !workload.rollout.observed {
            return WorkloadState::Unsettled(format!(
                "the controller has not seen the newest spec of {name}"
            ));
        }
        if let Some(why) = self.cluster.unread.get(&kind) {
            return WorkloadState::Unknown(format!(
                "whether {name} was undone is not known: {why}"
            ));
        }
        let Some(used) = workload.revisions.first() else {
            return self.never_live(workload, container);
        };
        if used.images.get(&container.name) != Some(&container.image) {
            return WorkloadState::Unsettled(format!(
                "{name} has no revision of its newest spec yet"
            ));
        }
        let older = workload.revisions[1..]
            .iter()
            .filter(|revision| revision.number < used.number);
        let ours = older
            .filter(|revision| {
                revision
                    .images
                    .get(&container.name)
                    .is_some_and(|image| self.has_pin(image))
            })
            .max_by_key(|r| r.number);
        match (ours, &self.site.origin) {
            (Some(ours), Seen::Known(origin))
                if was_live(origin.at(), ours, workload, container) =>
            {
                self.left_pin(workload, container, ours, origin.at())
            }
            (Some(_), Seen::Unknown(why)) => {
                WorkloadState::Unknown(format!("whether {name} was undone is not known: {why}"))
            }
            _ => match self.find_earlier_live_pin(workload, container) {
                Some((ours, written)) => self.left_pin(workload, container, ours, written),
                None => self.never_live(workload, container),
            },
        }
    }

    /// Returns the revision of the newest earlier pin that was live, and when that pin was written,
    /// where the container has left it while the present pin is not applied yet: an undo counts
    /// also then. What a person pinned after the undo goes before it.
    fn find_earlier_live_pin<'w>(
        &self,
        workload: &'w Workload,
        container: &Container,
    ) -> Option<(&'w Revision, Timestamp)> {
        let origin = self.site.origin.known()?;
        let undone = container.writers.first().and_then(|writer| writer.at);
        let is_own =
            matches!(origin, PinOrigin::Recorded(record) if record.pin.action.is_forward());
        if !is_own && undone.is_none_or(|at| at <= origin.at()) {
            return None;
        }
        let declared = &self.site.site.image;
        let is_live = |digest: Option<&Digest>| {
            digest.is_some_and(|digest| has(self.snapshot, &container.image, declared, digest))
        };
        // It has what was pinned before the present pin: that one is not applied yet, no more.
        if is_live(origin.before()) {
            return None;
        }
        let earlier = self.site.history.iter().filter(|record| {
            record.pin.from != record.pin.to
                && record.at <= origin.at()
                && record.pin.to.as_ref() != Some(self.digest)
        });
        for record in earlier {
            let digest = record.pin.to.as_ref()?;
            if is_live(Some(digest)) {
                return None;
            }
            let is_ours = |revision: &&Revision| {
                let image = revision.images.get(&container.name);
                image.is_some_and(|image| has(self.snapshot, image, declared, digest))
            };
            let mut older = workload.revisions.iter().skip(1);
            if let Some(ours) = older.find(is_ours) {
                return was_live(record.at, ours, workload, container).then_some((ours, record.at));
            }
            if is_live(record.pin.from.as_ref()) {
                return None;
            }
        }
        None
    }

    fn has_pin(&self, image: &str) -> bool {
        has(self.snapshot, image, &self.site.site.image, self.digest)
    }

    /// The pin was live after it was `written`, and something else is in use now.
    fn left_pin(
        &self,
        workload: &Workload,
        container: &Container,
        ours: &Revision,
        written: Timestamp,
    ) -> WorkloadState {
        let (name, writer) = (name(workload), container.writers.first());
        let at = writer.and_then(|writer| writer.at);
        let when = at.map_or(String::new(), |at| format!(" at {at}"));
        if writer.is_some_and(|writer| self.is_applied_by(writer)) {
            return WorkloadState::NotApplied(
                format!(
                    "terraform applied an older state to {name}{when}: it has {} now",
                    shorten_image(&container.image)
                ),
                None,
            );
        }
        // A restart after it makes one more revision of the same image.
        let same = |revision: &&Revision| {
            revision.number > ours.number
                && revision.images.get(&container.name) == Some(&container.image)
        };
        // What is older than the pin was in use before it, and so came into use again.
        let older = |created: Timestamp| {
            created < written || ours.created.is_some_and(|ours| created < ours)
        };
        let before = |revision: &&Revision| {
            !revision.earlier.is_empty() || revision.created.is_some_and(older)
        };
        let Some(again) = workload.revisions.iter().filter(same).find(before) else {
            return self.set_by_hand(workload, container);
        };
        let to = match again.earlier.iter().max() {
            Some(earlier) => format!("{earlier}"),
            None => format!("an older one (now {})", again.number),
        };
        // The first pin declares what ran: who returns to the tag without it takes back the pin,
        // and no digest.
        let is_first = matches!(
            self.site.origin,
            Seen::Known(PinOrigin::Recorded(record)) if record.pin.action == Action::Adopt
        );
        let is_tag = Reference::parse(&container.image).is_none_or(|image| image.digest.is_none());
        if is_first && is_tag {
            let evidence = format!("{name} was returned to its image without the pin{when}");
            return self.running_instead(workload, container, evidence, WorkloadState::Drifted);
        }
        let evidence = format!(
            "{name} was rolled back from revision {} to {to}{when}",
            ours.number
        );
        self.running_instead(workload, container, evidence, WorkloadState::Undone)
    }

    /// The pin was never live here: not applied yet, or somebody set something else since.
    fn never_live(&self, workload: &Workload, container: &Container) -> WorkloadState {
        let has = Reference::parse(&container.image).and_then(|image| image.digest);
        let stays = self.site.origin.known().is_none_or(|origin| {
            let before = has.is_some() && origin.before() == has.as_ref();
            before && !is_set_again(workload, container, origin.at())
                || container
                    .writers
                    .first()
                    .and_then(|writer| writer.at)
                    .is_none_or(|at| at <= origin.at())
        });
        if stays
            || container
                .writers
                .first()
                .is_some_and(|writer| self.is_applied_by(writer))
        {
            let tag = |image: &Reference| image.effective_tag();
            let (declared, live) = (
                tag(&self.site.site.image),
                Reference::parse(&container.image).as_ref().and_then(tag),
            );
            let newer = declared
                .zip(live)
                .filter(|(declared, live)| compare_tags(declared, live) == Some(Ordering::Less));
            let why = match newer {
                Some((declared, live)) => format!(
                    "{} runs {live}, which is newer than the declared {declared}: an apply would take it back",
                    name(workload)
                ),
                None => format!(
                    "the live spec of {} still has {}",
                    name(workload),
                    shorten_image(&container.image)
                ),
            };
            return WorkloadState::NotApplied(why, has);
        }
        self.set_by_hand(workload, container)
    }

    /// Nobody's hand: Terraform, or a backup that was restored.
    fn is_applied_by(&self, writer: &Writer) -> bool {
        matches!(
            classify_writer(self.snapshot, writer),
            WriterKind::Terraform | WriterKind::LoggedCommit
        )
    }

    fn set_by_hand(&self, workload: &Workload, container: &Container) -> WorkloadState {
        let by = container.writers.first().map_or(String::new(), |writer| {
            let when = writer.at.map_or(String::new(), |at| format!(" at {at}"));
            format!(" by {}{when}", writer.manager)
        });
        let evidence = format!(
            "{} was set to {}{by}",
            name(workload),
            shorten_image(&container.image)
        );
        self.running_instead(workload, container, evidence, WorkloadState::Drifted)
    }

    fn running_instead(
        &self,
        workload: &Workload,
        container: &Container,
        evidence: String,
        make: fn(RunningInstead) -> WorkloadState,
    ) -> WorkloadState {
        let Some(image) = Reference::parse(&container.image) else {
            return WorkloadState::Unknown(format!(
                "{evidence}: what it has is no image reference"
            ));
        };
        let digest = match live::runs(
            self.snapshot,
            self.cluster,
            self.site.settings.channel.as_ref(),
            (workload, container),
        ) {
            Ok(Some(digest)) => digest,
            Ok(None) => {
                return WorkloadState::Unsettled(format!(
                    "{evidence}; no pod shows yet which digest that is"
                ));
            }
            Err(why) => {
                return WorkloadState::Unsettled(format!(
                    "{evidence}; which digest that is could not be determined: {why}"
                ));
            }
        };
        let foreign = !live::same(self.snapshot, &self.site.site.image, &container.image);
        if !foreign && digest == *self.digest {
            return WorkloadState::NotApplied(
                format!("{evidence}; it runs the pinned digest all the same"),
                Some(digest),
            );
        }
        if !foreign && self.rejected.contains(&digest) {
            let obstacle = Some(format!(
                "sha256:{} was rolled back here before",
                digest.short()
            ));
            return WorkloadState::Drifted(RunningInstead {
                image,
                digest,
                evidence,
                obstacle,
            });
        }
        let obstacle = foreign.then(|| format!("{} is another repository", image.name));
        make(RunningInstead {
            image,
            digest,
            evidence,
            obstacle,
        })
    }
}

/// The pin was live after it was written: its revision was made since; or, where it had run before,
/// it was the last in use before what was set since.
fn was_live(
    written: Timestamp,
    ours: &Revision,
    workload: &Workload,
    container: &Container,
) -> bool {
    let newer: Vec<&Revision> = workload
        .revisions
        .iter()
        .take_while(|other| other.number > ours.number)
        .collect();
    let same = newer
        .iter()
        .all(|other| other.images.get(&container.name) == Some(&container.image));
    let since = ours.created.is_some_and(|created| created >= written);
    since || same && set_at(&newer, container).is_some_and(|at| at > written)
}

/// Says whether the image that a container has was set after a pin was written, though it is what
/// was pinned before: its revisions were made since, or the whole workload was.
fn is_set_again(workload: &Workload, container: &Container, written: Timestamp) -> bool {
    let has = |revision: &&Revision| revision.images.get(&container.name) == Some(&container.image);
    let oldest = workload.revisions.iter().rfind(has);
    let made = oldest.map_or(workload.created, |revision| revision.created);
    made.is_some_and(|made| made > written)
}

/// When the image was set that these revisions share, newest first. A hand's time is that of its
/// last write, which may have been a restart: it made the newest of several, or took one of them
/// back.
fn set_at(same: &[&Revision], container: &Container) -> Option<Timestamp> {
    let at = container.writers.first()?.at?;
    let made = same
        .first()
        .filter(|_| same.len() > 1)
        .map(|newest| newest.created.and_then(|made| made.checked_sub(SOON).ok()));
    made.is_none_or(|made| made.is_some_and(|made| at < made))
        .then_some(at)
}

/// The kind that holds a kind's revisions.
fn revisions_of(kind: &WorkloadKind) -> Option<WorkloadKind> {
    match kind {
        WorkloadKind::Deployment => Some(WorkloadKind::ReplicaSet),
        WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => {
            Some(WorkloadKind::Other("controllerrevision".into()))
        }
        _ => None,
    }
}

/// A literal decides for all its workloads: what is said of one is said of the site only where it
/// can be said of all.
fn join_states(all: Vec<WorkloadState>) -> PinState {
    let undone = all.iter().find_map(|one| {
        if let WorkloadState::Undone(other) = one {
            Some(other.clone())
        } else {
            None
        }
    });
    let waits = all.iter().find_map(|one| {
        if let WorkloadState::Unsettled(why) = one {
            Some(why.clone())
        } else {
            None
        }
    });
    let unknown = all.iter().find_map(|one| {
        if let WorkloadState::Unknown(why) = one {
            Some(why.clone())
        } else {
            None
        }
    });
    match (unknown, undone, waits) {
        (Some(why), ..) => PinState::Unknown(why),
        (None, Some(_), Some(why)) => PinState::Unsettled(why),
        (None, Some(undone), None) => match all.iter().find_map(|one| reason_against(one, &undone))
        {
            Some(why) => PinState::PartlyUndone {
                evidence: undone.evidence,
                why,
            },
            None => PinState::Undone(Box::new(undone)),
        },
        (None, None, waits) => join_without_undo(&all, waits),
    }
}

/// Why one workload does not go back with another of the same literal.
fn reason_against(one: &WorkloadState, undone: &RunningInstead) -> Option<String> {
    const BOTH: &str = "and the same text decides both";
    match one {
        WorkloadState::Undone(other) if other.is_same(undone) => None,
        WorkloadState::Undone(other) => {
            Some(format!("{}, to another image, {BOTH}", other.evidence))
        }
        WorkloadState::NotApplied(_, Some(digest)) if *digest == undone.digest => None,
        // Whoever set it to the same by another way wants the same.
        WorkloadState::Drifted(other) if other.obstacle.is_none() && other.is_same(undone) => None,
        WorkloadState::Idle => None,
        WorkloadState::Live => Some(format!("another workload still runs the pin, {BOTH}")),
        WorkloadState::NotApplied(why, _)
        | WorkloadState::Unknown(why)
        | WorkloadState::Nameless(why) => Some(format!("{why}, {BOTH}")),
        WorkloadState::Drifted(other) => Some(format!("{}, {BOTH}", other.evidence)),
        WorkloadState::Unsettled(_) => None,
    }
}

fn join_without_undo(all: &[WorkloadState], waits: Option<String>) -> PinState {
    if let Some(why) = waits {
        return PinState::Unsettled(why);
    }
    let nameless = |one: &WorkloadState| matches!(one, WorkloadState::Nameless(_));
    let mut state = if all.iter().all(nameless) {
        PinState::Absent
    } else {
        PinState::Live
    };
    let strays: Vec<&RunningInstead> = all
        .iter()
        .filter_map(|one| {
            if let WorkloadState::Drifted(other) = one {
                Some(other)
            } else {
                None
            }
        })
        .collect();
    if let Some(why) = all.iter().find_map(|one| {
        if let WorkloadState::NotApplied(why, _) = one {
            Some(why.clone())
        } else {
            None
        }
    }) {
        state = PinState::NotApplied(why);
    }
    if let Some(first) = strays.first() {
        let mut first = (*first).clone();
        let alike = |one: &WorkloadState| matches!(one, WorkloadState::Drifted(other) if other.is_same(&first));
        if first.obstacle.is_none() && !all.iter().all(alike) {
            first.obstacle = Some("not all workloads that the text decides were set to it".into());
        }
        state = PinState::Drifted(Box::new(first));
    }
    state
}

/// Returns when the pin went live in a workload: the later of its record and the first revision
/// that has it; for a revision that came into use again, which is older than another or tells it,
/// also of who set it.
pub(super) fn live_since(
    snapshot: &Snapshot,
    site: &SitePlan,
    record: &Recorded,
    (workload, container): (&Workload, &Container),
) -> Timestamp {
    let digest = site.pinned.as_ref();
    let ours = |revision: &&Revision| {
        let image = revision.images.get(&container.name);
        image
            .zip(digest)
            .is_some_and(|(image, digest)| has(snapshot, image, &site.site.image, digest))
    };
    let first = workload
        .revisions
        .iter()
        .filter(ours)
        .filter_map(|revision| revision.created)
        .min();
    let older = |used: &&Revision| {
        workload
            .revisions
            .iter()
            .any(|other| other.created > used.created)
    };
    let again = workload
        .revisions
        .first()
        .filter(|used| !used.earlier.is_empty() || older(used));
    // The same hand may have set something else since; its pods are not older than the image.
    let oldest = || {
        workload
            .pods
            .iter()
            .filter(|pod| pod.revision.as_ref() == again.map(|used| &used.hash))
            .filter_map(|pod| pod.created)
            .min()
    };
    let set = again
        .and_then(|_| container.writers.first()?.at)
        .map(|at| oldest().map_or(at, |pod| pod.min(at)));
    [first, set]
        .into_iter()
        .flatten()
        .fold(record.at, Timestamp::max)
}
