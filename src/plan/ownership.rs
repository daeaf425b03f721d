//! Who owns an image: who sets it in the cluster, besides or instead of Terraform. Told from
//! `ignore_changes`, from annotations and from the field managers that set it. A person who sets it
//! once owns nothing.

use super::live::{LiveMatch, LiveUse};
use super::site_plan::SitePlan;
use crate::config::KeelConfig;
use crate::model::keel::{KeelScope, POLICY};
use crate::model::reference::Reference;
use crate::model::workload::WorkloadKind;
use crate::pipeline::cluster::{Cluster, Container, Workload, Writer};
use crate::pipeline::{Reason, Seen, Snapshot};
use crate::sites::{Site, Use};
use std::sync::Arc;

/// Where Keel's image is, with or without a registry or a cache's prefix in front.
const KEEL: &str = "keelhq/keel";
/// Field managers of the tools that people set images with, by how they start; `kubectl` names its
/// subcommand: `kubectl-set`, `kubectl-rollout`. Browsers and Electron tell the user agent of the
/// dashboards that run in them.
const PEOPLE: [&str; 9] = [
    "kubectl",
    "k9s",
    "node-fetch",
    "lens",
    "freelens",
    "headlamp",
    "dashboard",
    "mozilla",
    "rancher",
];
/// Those that wrote once what others had set: a backup that was restored, and what was there before
/// server-side apply.
const PAST: [&str; 2] = ["velero", "before-first-apply"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ImageOwner {
    Terraform,
    /// It follows the image by this policy.
    Keel(Arc<str>),
    /// A CI or another program sets it: its field manager.
    Pipeline(Arc<str>),
    /// A Helm release that Terraform does not declare as one.
    Helm(Arc<str>),
    /// The workload belongs to a resource that a controller keeps: `cluster/db`.
    Operator(Arc<str>),
    /// Terraform ignores it, and nobody else sets it.
    Nobody,
}

/// Who a field manager is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriterKind {
    Terraform,
    Person,
    Keel,
    Helm,
    /// It wrote what others had set.
    LoggedCommit,
    Other,
}

/// Returns whose a field manager is.
pub(super) fn classify_writer(snapshot: &Snapshot, writer: &Writer) -> WriterKind {
    let manager = writer.manager.to_lowercase();
    let starts = |names: &[&str]| names.iter().any(|name| manager.starts_with(name));
    if snapshot
        .config
        .cluster
        .terraform
        .iter()
        .any(|glob| glob.matches(&writer.manager))
    {
        WriterKind::Terraform
    } else if starts(&PEOPLE) {
        WriterKind::Person
    } else if manager.starts_with("keel") {
        WriterKind::Keel
    } else if manager == "helm" {
        WriterKind::Helm
    } else if starts(&PAST) {
        WriterKind::LoggedCommit
    } else {
        WriterKind::Other
    }
}

/// Says whether Keel runs in the cluster: as the configuration says, else whether a workload that
/// is not parked has its image.
pub(super) fn keel_runs(snapshot: &Snapshot) -> Seen<bool> {
    let cluster = match (snapshot.config.cluster.keel, &snapshot.cluster) {
        (KeelConfig::Yes, _) => return Seen::Known(true),
        (KeelConfig::No, _) => return Seen::Known(false),
        (KeelConfig::Auto, Seen::NotAsked) => return Seen::NotAsked,
        (KeelConfig::Auto, Seen::Unknown(why)) => {
            return Seen::Unknown(format!("the cluster could not be asked: {why}"));
        }
        (KeelConfig::Auto, Seen::Known(cluster)) => cluster,
    };
    let runs = |workload: &Workload| {
        workload.replicas != Some(0) && workload.containers.iter().any(is_keel)
    };
    match (
        cluster.workloads.iter().any(runs),
        cluster.unread.get(&WorkloadKind::Deployment),
    ) {
        (true, _) => Seen::Known(true),
        (false, None) => Seen::Known(false),
        (false, Some(why)) => Seen::Unknown(format!("deployments could not be read: {why}")),
    }
}

/// If it is unknown whether Keel runs, it counts as running.
pub(super) fn keel_may_run(snapshot: &Snapshot) -> bool {
    !matches!(keel_runs(snapshot), Seen::Known(false) | Seen::NotAsked)
}

fn is_keel(container: &Container) -> bool {
    let Some(image) = Some(&*container.image)
        .filter(|image| image.contains(KEEL))
        .and_then(Reference::parse)
    else {
        return false;
    };
    image
        .repository()
        .path
        .strip_suffix(KEEL)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Returns the owner of one use's image; `None` where that is not known, or where the cluster has
/// nothing by that name.
pub(super) fn find_owner(
    snapshot: &Snapshot,
    site: Option<&Site>,
    live: &LiveUse,
) -> Option<ImageOwner> {
    let ignored = live.used.ignored == Some(true);
    let own = if ignored {
        ImageOwner::Nobody
    } else {
        ImageOwner::Terraform
    };
    let workload = match &live.found {
        LiveMatch::Elsewhere | LiveMatch::Unknown(_) => return None,
        // Terraform makes it, with the image that is declared.
        LiveMatch::Missing | LiveMatch::NotExpected => return Some(ImageOwner::Terraform),
        LiveMatch::Here { workload, .. }
        | LiveMatch::Swapped { workload, .. }
        | LiveMatch::NoContainer(workload) => workload,
    };
    if let Some(controller) = &workload.controller {
        return Some(ImageOwner::Operator(controller.clone()));
    }
    let by_chart = live.used.kind == WorkloadKind::HelmRelease;
    let writers: Vec<&Writer> = live
        .container()
        .into_iter()
        .flat_map(|container| &container.writers)
        .collect();
    // The label alone stays in a text that somebody made of a chart.
    let by_helm = writers.is_empty()
        || writers
            .iter()
            .any(|writer| classify_writer(snapshot, writer) == WriterKind::Helm);
    if let Some(release) = workload
        .release
        .as_ref()
        .filter(|release| release.helm && !by_chart && by_helm)
    {
        return Some(ImageOwner::Helm(release.name.clone()));
    }
    if let Some(policy) = keel_follows(snapshot, site, (workload, live.used)) {
        return Some(ImageOwner::Keel(policy));
    }
    let mut others = writers
        .into_iter()
        .filter(|writer| match classify_writer(snapshot, writer) {
            WriterKind::Other => true,
            WriterKind::Helm => !by_chart,
            WriterKind::Terraform
            | WriterKind::Person
            | WriterKind::Keel
            | WriterKind::LoggedCommit => false,
        });
    Some(
        others
            .next()
            .map_or(own, |writer| ImageOwner::Pipeline(writer.manager.clone())),
    )
}

/// Returns the policy by which Keel follows a workload: its annotation in the cluster, else the one
/// that is declared; where Keel monitors the container. If it is unknown whether Keel runs, it
/// counts as running.
fn keel_follows(
    snapshot: &Snapshot,
    site: Option<&Site>,
    (workload, used): (&Workload, &Use),
) -> Option<Arc<str>> {
    let pairs = workload.keel.iter();
    let scope = KeelScope::of(pairs.map(|(key, value)| (&**key, &**value)));
    let container = used.holder.container();
    if container.is_some_and(|name| !scope.covers(name, used.holder.is_init())) {
        return None;
    }
    let declared = || {
        site?
            .keel
            .annotations
            .iter()
            .find(|(key, _)| &**key == POLICY)
            .map(|(_, value)| value)
    };
    let policy = workload
        .keel
        .get(POLICY)
        .or_else(declared)
        .filter(|policy| !policy.eq_ignore_ascii_case("never"))?;
    keel_may_run(snapshot).then(|| policy.clone())
}

/// Why an image is not changed: somebody else sets it, or it is unknown who does. What Keel follows
/// and Terraform ignores, if only in part, is not reported here: taking it over is a change of its
/// own.
pub(super) fn find_other_owner(snapshot: &Snapshot, site: &SitePlan) -> Option<Reason> {
    let cluster = snapshot.cluster.known()?;
    site.known_uses()
        .iter()
        .find_map(|live| find_other_owner_of(snapshot, cluster, site.site, live))
}

/// Says whether Terraform ignores an image of the workload: then all of it is taken over together.
fn is_partly_ignored(snapshot: &Snapshot, used: &Use) -> bool {
    let mut uses = snapshot
        .scan
        .literals
        .iter()
        .flat_map(|literal| &literal.uses);
    uses.any(|other| other.ignored == Some(true) && other.is_beside(used))
}

fn find_other_owner_of(
    snapshot: &Snapshot,
    cluster: &Cluster,
    site: &Site,
    live: &LiveUse,
) -> Option<Reason> {
    if let (LiveMatch::Unknown(why), Some(_)) = (&live.found, cluster.unread.get(&live.used.kind)) {
        return Some(Reason::OwnerUnknown { why: why.clone() });
    }
    let owner = find_owner(snapshot, Some(site), live)?;
    match owner {
        ImageOwner::Terraform | ImageOwner::Nobody => None,
        ImageOwner::Keel(_) if is_partly_ignored(snapshot, live.used) => None,
        ImageOwner::Keel(_)
        | ImageOwner::Pipeline(_)
        | ImageOwner::Helm(_)
        | ImageOwner::Operator(_) => {
            let workload = live.workload().map_or(String::new(), |at| {
                format!("{} {}/{}", at.kind, at.namespace, at.name)
            });
            Some(Reason::OtherOwner {
                workload,
                owner: owner.sentence(),
            })
        }
    }
}

impl ImageOwner {
    /// `terraform`, `keel`, `pipeline`, `helm`, `operator`, `nobody`
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::Keel(_) => "keel",
            Self::Pipeline(_) => "pipeline",
            Self::Helm(_) => "helm",
            Self::Operator(_) => "operator",
            Self::Nobody => "nobody",
        }
    }

    /// Lower case, without a full stop.
    pub fn sentence(&self) -> String {
        match self {
            Self::Terraform => "terraform sets the image".into(),
            Self::Keel(policy) => format!(
                "Keel sets the image too ({POLICY} is `{policy}`; `never` on the workload keeps it away)"
            ),
            Self::Pipeline(manager) => {
                format!("`{manager}` sets the image, so it would overwrite a pin")
            }
            Self::Helm(release) => format!("the Helm release {release} sets the image"),
            Self::Operator(controller) => format!("the controller of {controller} sets the image"),
            Self::Nobody => "Terraform ignores the image, and nothing else sets it".into(),
        }
    }
}
