//! What is wrong with the pods and the rollout of a workload, and what each kind of trouble says
//! about the image: the table of `docs/rollback.md` as data. Looks at one container of one
//! workload; decides nothing.

mod pull;

use super::live::name;
use crate::config::Graces;
use crate::model::one_line::one_line;
use crate::model::workload::WorkloadKind;
use crate::pipeline::Cause;
use crate::pipeline::cluster::{Cluster, Container, Pod, PodContainer, Workload};
use jiff::{SignedDuration, Timestamp};
use pull::{PullCause, classify_pull, pull_words};
use strum::{EnumIter, IntoStaticStr};

/// One of so many pods may be unready, as with a Deployment that says nothing else
/// (`maxUnavailable: 25%`, rounded down).
const ONE_OF: usize = 4;
/// So many characters of a kubelet's message are shown.
const MESSAGE: usize = 300;
/// So many restarts are no blip.
const RESTARTS: u32 = 3;
/// So many restarts over a longer time are none either.
const FEW_RESTARTS: u32 = 2;

/// What is wrong. The words are those of `status --output json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(super) enum TroubleKind {
    /// The registry says that it does not have the digest.
    ImageGone,
    /// The pull fails for a reason that is not the image's: quota, network, credentials, disk.
    PullFails,
    /// The pull fails, and the message shows no cause.
    NotPulled,
    /// It has ended three times or more.
    Crashing,
    /// It has ended twice.
    #[strum(serialize = "crashing")]
    CrashingAgain,
    /// It has restarted, and it is too early to say more.
    Restarting,
    /// A Secret, a ConfigMap or another part of its configuration is missing.
    Misconfigured,
    /// The container runtime cannot start it.
    CannotStart,
    /// The controller gave up, and the container had run.
    RolloutStuck,
    /// The controller gave up, and no pod could be created.
    NoPods,
    /// The controller gave up, and no container was started: a volume, a node.
    NeverStarted,
    /// A pod of a StatefulSet or DaemonSet never became ready.
    NeverReady,
    /// It was ready, and is not.
    ReadinessLost,
}

/// What a kind of trouble means for the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The image ran and failed, or nobody can pull it: it is rolled back, and never proposed
    /// again.
    Reject,
    /// The image never ran: it is rolled back for this cause, and may be tried again.
    RollBack(Cause),
    /// A person has to look: it is reported, and nothing is rolled back.
    Report,
    /// It is shown, and nothing else happens.
    Watch,
}

/// A row of the table.
pub(super) struct TroubleRule {
    pub effect: Effect,
    /// How long it has to last.
    pub grace: SignedDuration,
}

impl TroubleKind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The table: what each kind means once it has lasted for so long.
    pub fn rule(self, graces: &Graces) -> TroubleRule {
        let (effect, grace) = match self {
            Self::ImageGone => (Effect::Reject, SignedDuration::ZERO),
            Self::PullFails | Self::Restarting => (Effect::Watch, SignedDuration::ZERO),
            Self::NotPulled => (Effect::RollBack(Cause::NotPulled), graces.retry),
            Self::Crashing => (Effect::Reject, graces.crash),
            Self::CrashingAgain => (Effect::Reject, graces.retry),
            Self::Misconfigured => (Effect::RollBack(Cause::NotStarted), graces.config),
            Self::CannotStart => (Effect::RollBack(Cause::NotStarted), graces.start),
            Self::RolloutStuck => (Effect::Reject, SignedDuration::ZERO),
            Self::NoPods => (Effect::RollBack(Cause::NotStarted), SignedDuration::ZERO),
            Self::NeverStarted => (Effect::Report, SignedDuration::ZERO),
            Self::NeverReady => (Effect::Reject, graces.start),
            Self::ReadinessLost => (Effect::Reject, graces.ready),
        };
        TroubleRule { effect, grace }
    }

    /// Says whether it is about pulling the image.
    pub fn is_pull(self) -> bool {
        matches!(self, Self::ImageGone | Self::PullFails | Self::NotPulled)
    }

    /// Says whether what runs does not work: it crashes, or cannot be started.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Crashing
                | Self::CrashingAgain
                | Self::Misconfigured
                | Self::CannotStart
                | Self::RolloutStuck
                | Self::NeverReady
        )
    }

    fn is_crash(self) -> bool {
        matches!(
            self,
            Self::Crashing | Self::CrashingAgain | Self::Restarting
        )
    }
}

/// One thing that is wrong with a container of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub kind: TroubleKind,
    /// Since when; `None` where the cluster does not say.
    pub since: Option<Timestamp>,
    /// What is wrong, without the workload: `CrashLoopBackOff (exit code 1)`.
    pub what: String,
    /// One line, with the workload. The pod's name is left out: it is another one in the next
    /// moment.
    pub evidence: String,
    /// Why it is not the image's fault, where something else shows that.
    pub excuse: Option<String>,
}

/// A container of a workload, as the cluster shows it.
#[derive(Clone, Copy)]
pub(super) struct LiveContainer<'a> {
    pub cluster: &'a Cluster,
    pub workload: &'a Workload,
    pub container: &'a Container,
    /// What a controller reports, and readiness that was lost, count only from here on.
    pub from: Option<Timestamp>,
}

impl<'a> LiveContainer<'a> {
    /// Trouble of it counts whenever it began.
    pub fn at_any_time(
        cluster: &'a Cluster,
        (workload, container): (&'a Workload, &'a Container),
    ) -> Self {
        Self {
            cluster,
            workload,
            container,
            from: None,
        }
    }

    /// Returns what is wrong, the surest evidence first. What could not be read is not wrong.
    pub fn find_troubles(self) -> Vec<Trouble> {
        let mut troubles: Vec<Trouble> = Vec::new();
        for (pod, status) in self.own_statuses() {
            let Some(trouble) = self.judge_status(pod, status) else {
                continue;
            };
            // Of several pods in the same state, the one that is in it for longest.
            match troubles.iter_mut().find(|one| one.kind == trouble.kind) {
                Some(one) if one.since > trouble.since => *one = trouble,
                Some(_) => {}
                None => troubles.push(trouble),
            }
        }
        troubles.sort_by_key(|trouble| (trouble.excuse.is_some(), trouble.kind));
        troubles.extend(self.judge_rollout(&troubles));
        troubles.extend(self.find_lost_readiness());
        troubles.extend(self.find_never_ready());
        troubles
    }

    /// The pods of the revision in use; none where it is not known, or not yet that of the newest
    /// spec.
    pub fn current_pods(self) -> impl Iterator<Item = &'a Pod> {
        let used = self.workload.revisions.first();
        let used = used
            .filter(|used| used.images.get(&self.container.name) == Some(&self.container.image))
            .map(|used| &used.hash);
        let is_known = !self.cluster.unread.contains_key(&WorkloadKind::Pod);
        self.workload
            .pods
            .iter()
            .filter(move |pod| is_known && used.is_some() && pod.revision.as_ref() == used)
    }

    fn statuses(self) -> impl Iterator<Item = (&'a Pod, &'a PodContainer)> {
        self.current_pods()
            .flat_map(|pod| pod.containers.iter().map(move |status| (pod, status)))
    }

    fn own_statuses(self) -> impl Iterator<Item = (&'a Pod, &'a PodContainer)> {
        self.statuses()
            .filter(move |(_, status)| status.name == self.container.name)
    }

    /// What is wrong with the container in one pod.
    fn judge_status(self, pod: &Pod, status: &PodContainer) -> Option<Trouble> {
        let waiting = status.waiting.as_ref()?;
        let kind = match classify_waiting(&waiting.reason, &waiting.message)? {
            TroubleKind::Crashing if status.restarts < FEW_RESTARTS => TroubleKind::Restarting,
            TroubleKind::Crashing if status.restarts < RESTARTS => TroubleKind::CrashingAgain,
            kind => kind,
        };
        // Between two crashes it may be ready: what goes on for long began with the pod.
        let since = match kind {
            TroubleKind::CrashingAgain => pod.created,
            _ => pod.unready.or(pod.created),
        };
        let message = &waiting.message;
        let words = match &status.exit {
            _ if kind.is_pull() => pull_words(&waiting.reason, message),
            Some(exit) if kind.is_crash() => format!("{} ({exit})", waiting.reason),
            _ if message.is_empty() || kind.is_crash() => waiting.reason.to_string(),
            _ => format!("{} ({message})", waiting.reason),
        };
        let words = shorten(&words);
        let evidence = format!(
            "container {} of {}: {words}",
            self.container.name,
            name(self.workload)
        );
        Some(Trouble {
            kind,
            since,
            what: words,
            evidence,
            excuse: self.find_excuse(kind, pod),
        })
    }

    /// Why a container's failure is not the image's: pods of an older revision fail the same way,
    /// another pod of the revision could pull the image, or the node cannot pull anything.
    fn find_excuse(self, kind: TroubleKind, pod: &Pod) -> Option<String> {
        let used = self.workload.revisions.first().map(|one| &one.hash);
        let own = |pod: &'a Pod| {
            let own = pod.containers.iter();
            own.filter(|status| status.name == self.container.name)
        };
        let is_alike = |status: &PodContainer| {
            let waiting = status.waiting.as_ref();
            let other = waiting.and_then(|one| classify_waiting(&one.reason, &one.message));
            other.is_some_and(|other| {
                other == kind
                    || other.is_pull() && kind.is_pull()
                    || other.is_crash() && kind.is_crash()
            })
        };
        let mut older = self.workload.pods.iter();
        if older.any(|pod| pod.revision.as_ref() != used && own(pod).any(is_alike)) {
            return Some("pods of the previous revision fail in the same way".into());
        }
        if !kind.is_pull() {
            return None;
        }
        if self.own_statuses().any(|(_, status)| status.ready) {
            return Some("another pod could pull the image".into());
        }
        let node = pod.node.as_ref()?;
        let is_broken = self.cluster.workloads.iter().any(|other| {
            let mut pods = other.pods.iter();
            other.reference() != self.workload.reference()
                && pods.any(|pod| pod.node.as_ref() == Some(node) && fails_to_pull(pod))
        });
        (kind != TroubleKind::ImageGone && is_broken)
            .then(|| format!("node {node} cannot pull other images either"))
    }

    /// The controller gave up, and that is not another container's doing, which may run at this
    /// moment between two crashes. Where the container's own state shows more, that counts.
    fn judge_rollout(self, own: &[Trouble]) -> Option<Trouble> {
        let rollout = &self.workload.rollout;
        let stuck = rollout.stuck.as_ref().filter(|_| rollout.observed)?;
        let used = self.workload.revisions.first()?;
        let is_known = !self.cluster.unread.contains_key(&WorkloadKind::Pod)
            && used.images.get(&self.container.name) == Some(&self.container.image);
        let shows_more = |one: &Trouble| one.excuse.is_some() || !one.kind.is_crash();
        if !is_known || own.iter().any(shows_more) || !self.is_in_time(stuck.since) {
            return None;
        }
        let fails = |status: &PodContainer| {
            let waits = status.waiting.as_ref();
            let waits = waits.and_then(|one| classify_waiting(&one.reason, &one.message));
            waits.is_some() || !status.ready && status.restarts > 0
        };
        let mut statuses = self.statuses();
        if statuses.any(|(_, status)| status.name != self.container.name && fails(status)) {
            return None;
        }
        let was_tried = |status: &PodContainer| !status.ready && !is_preparing(status);
        let kind = if self.current_pods().next().is_none() {
            TroubleKind::NoPods
        } else if self.own_statuses().any(|(_, status)| was_tried(status)) {
            TroubleKind::RolloutStuck
        } else if self.is_never_started() {
            TroubleKind::NeverStarted
        } else {
            return None;
        };
        Some(self.describe(kind, &stuck.reason, stuck.since))
    }

    fn is_in_time(self, since: Option<Timestamp>) -> bool {
        self.from
            .is_none_or(|from| since.is_none_or(|since| since >= from))
    }

    /// No pod of the revision has started the container: no node takes the pods, or a volume is
    /// missing.
    fn is_never_started(self) -> bool {
        self.current_pods().all(|pod| {
            let mut own = pod.containers.iter();
            match own.find(|status| status.name == self.container.name) {
                Some(status) => is_preparing(status),
                None => true,
            }
        })
    }

    /// It was ready and is not, since when. A Deployment's controller tells the time; those of the
    /// others only count, and their pods tell.
    fn find_lost_readiness(self) -> Option<Trouble> {
        let rollout = &self.workload.rollout;
        let short = rollout.unavailable.as_ref().filter(|_| rollout.observed)?;
        let since = match self.workload.kind {
            WorkloadKind::Deployment => self.unavailable_since(short.since?),
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet => self.lost_since(),
            _ => None,
        };
        since.map(|since| self.describe(TroubleKind::ReadinessLost, "readiness lost", Some(since)))
    }

    /// Too few pods have been available since a time at which all pods were there already.
    fn unavailable_since(self, since: Timestamp) -> Option<Timestamp> {
        let mut pods = self.current_pods().peekable();
        let there = pods.peek().is_some()
            && pods.all(|pod| pod.created.is_some_and(|created| created < since));
        let is_lost = there && self.current_pods().any(|pod| self.is_unready(pod));
        (is_lost && self.is_in_time(Some(since))).then_some(since)
    }

    /// Since when more of the pods that have the image have lost their readiness than may. One that
    /// never was ready has lost nothing: it is new, its node is, or it was put on another one.
    fn lost_since(self) -> Option<Timestamp> {
        let lost = self
            .current_pods()
            .filter(|pod| self.is_unready(pod))
            .filter_map(|pod| pod.lost)
            .filter(|since| self.is_in_time(Some(*since)));
        self.one_too_many(lost.collect())
    }

    /// A pod of a StatefulSet or DaemonSet runs the container and never became ready: their
    /// controllers have no deadline of their own and wait for ever.
    fn find_never_ready(self) -> Option<Trouble> {
        let rollout = &self.workload.rollout;
        let is_set = matches!(
            self.workload.kind,
            WorkloadKind::StatefulSet | WorkloadKind::DaemonSet
        );
        if !is_set || !rollout.observed || rollout.complete {
            return None;
        }
        let runs = |pod: &&Pod| {
            let mut own = pod.containers.iter();
            pod.lost.is_none()
                && own.any(|status| {
                    status.name == self.container.name
                        && !status.ready
                        && status.waiting.is_none()
                        && status.started.is_some()
                })
        };
        let never: Vec<Timestamp> = self
            .current_pods()
            .filter(runs)
            .filter_map(|pod| pod.unready.or(pod.created))
            .collect();
        let since = self.one_too_many(never)?;
        Some(self.describe(
            TroubleKind::NeverReady,
            "a pod never became ready",
            Some(since),
        ))
    }

    /// When the one pod too many was lost: a quarter of the pods, rounded down, may be.
    fn one_too_many(self, mut lost: Vec<Timestamp>) -> Option<Timestamp> {
        lost.sort_unstable();
        lost.get(self.current_pods().count() / ONE_OF).copied()
    }

    /// The container is not ready.
    fn is_unready(self, pod: &Pod) -> bool {
        let mut own = pod.containers.iter();
        own.any(|status| status.name == self.container.name && !status.ready)
    }

    fn describe(self, kind: TroubleKind, what: &str, since: Option<Timestamp>) -> Trouble {
        let when = since.map_or(String::new(), |since| format!(" since {since}"));
        Trouble {
            kind,
            since,
            what: what.to_owned(),
            evidence: format!("{}: {what}{when}", name(self.workload)),
            excuse: None,
        }
    }
}

/// A kubelet's words as one line that is not too long for a log or a trailer.
fn shorten(words: &str) -> String {
    let line = one_line(words);
    match line.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// A container that waits for its pod: for a volume, an address, an init container.
fn is_preparing(status: &PodContainer) -> bool {
    let waiting = status.waiting.as_ref();
    waiting.is_some_and(|one| matches!(&*one.reason, "ContainerCreating" | "PodInitializing"))
}

fn fails_to_pull(pod: &Pod) -> bool {
    let waits = pod.containers.iter().filter_map(|one| one.waiting.as_ref());
    let mut kinds = waits.filter_map(|one| classify_waiting(&one.reason, &one.message));
    kinds.any(|kind| matches!(kind, TroubleKind::PullFails | TroubleKind::NotPulled))
}

/// What a waiting container's reason and message mean; `None` for one that only begins. The reasons
/// are those of `pkg/kubelet/images/types.go` and `pkg/kubelet/container/sync_result.go` of
/// Kubernetes 1.34.
fn classify_waiting(reason: &str, message: &str) -> Option<TroubleKind> {
    Some(match reason {
        "ErrImagePull" | "ImagePullBackOff" => match classify_pull(message) {
            PullCause::Gone => TroubleKind::ImageGone,
            PullCause::Foreign => TroubleKind::PullFails,
            PullCause::Unclear => TroubleKind::NotPulled,
        },
        "ErrImageNeverPull" | "RegistryUnavailable" | "ImageInspectError" => TroubleKind::PullFails,
        "CrashLoopBackOff" => TroubleKind::Crashing,
        "CreateContainerConfigError" => TroubleKind::Misconfigured,
        "CreateContainerError"
        | "RunContainerError"
        | "InvalidImageName"
        | "SignatureValidationFailed"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError" => TroubleKind::CannotStart,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
