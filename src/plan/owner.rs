//! Who owns an image: who sets it in the cluster, besides or instead of Terraform. Told from `ignore_changes`, from annotations and from the field
//! managers that set it. A person who sets it once owns nothing.

use super::live::{Found, Live, uses};
use crate::config::Keel;
use crate::model::reference::Reference;
use crate::pipeline::cluster::{Cluster, Container, Workload, Writer};
use crate::pipeline::{Seen, Snapshot, Verdict};
use crate::sites::resource::POLICY;
use crate::sites::{Literal, Site, Use};
use std::sync::Arc;

/// Where Keel's image is, with or without a registry or a cache's prefix in front.
const KEEL: &str = "keelhq/keel";
/// Field managers of the tools that people set images with, by how they start; `kubectl` names its subcommand: `kubectl-set`, `kubectl-rollout`.
/// Browsers and Electron tell the user agent of the dashboards that run in them.
const PEOPLE: [&str; 9] = ["kubectl", "k9s", "node-fetch", "lens", "freelens", "headlamp", "dashboard", "mozilla", "rancher"];
/// Those that wrote once what others had set: a backup that was restored, and what was there before server-side apply.
const PAST: [&str; 2] = ["velero", "before-first-apply"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
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
pub(super) enum Hand {
    Terraform,
    Person,
    Keel,
    Helm,
    /// It wrote what others had set.
    Past,
    Other,
}

/// Returns whose a field manager is.
pub(super) fn hand(snapshot: &Snapshot, writer: &Writer) -> Hand {
    let manager = writer.manager.to_lowercase();
    let starts = |names: &[&str]| names.iter().any(|name| manager.starts_with(name));
    if snapshot.config.cluster.terraform.iter().any(|glob| glob.matches(&writer.manager)) {
        Hand::Terraform
    } else if starts(&PEOPLE) {
        Hand::Person
    } else if manager.starts_with("keel") {
        Hand::Keel
    } else if manager == "helm" {
        Hand::Helm
    } else if starts(&PAST) {
        Hand::Past
    } else {
        Hand::Other
    }
}

/// Says whether Keel runs in the cluster: as the configuration says, else whether a workload that is not parked has its image.
pub(super) fn keel_runs(snapshot: &Snapshot) -> Seen<bool> {
    let cluster = match (snapshot.config.cluster.keel, &snapshot.cluster) {
        (Keel::Yes, _) => return Seen::Known(true),
        (Keel::No, _) => return Seen::Known(false),
        (Keel::Auto, Seen::NotAsked) => return Seen::NotAsked,
        (Keel::Auto, Seen::Unknown(why)) => return Seen::Unknown(format!("the cluster could not be asked: {why}")),
        (Keel::Auto, Seen::Known(cluster)) => cluster,
    };
    let runs = |workload: &Workload| workload.replicas != Some(0) && workload.containers.iter().any(is_keel);
    match (cluster.workloads.iter().any(runs), cluster.unread.get("deployment")) {
        (true, _) => Seen::Known(true),
        (false, None) => Seen::Known(false),
        (false, Some(why)) => Seen::Unknown(format!("deployments could not be read: {why}")),
    }
}

/// Where nobody knows whether Keel runs, it does.
pub(super) fn keel_may_run(snapshot: &Snapshot) -> bool {
    !matches!(keel_runs(snapshot), Seen::Known(false) | Seen::NotAsked)
}

fn is_keel(container: &Container) -> bool {
    let Some(image) = Some(&*container.image).filter(|image| image.contains(KEEL)).and_then(Reference::parse) else { return false };
    let (_, repository) = image.repository();
    repository.strip_suffix(KEEL).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Returns the owner of one use's image; `None` where that is not known, or where the cluster has nothing by that name.
pub(super) fn owner(snapshot: &Snapshot, site: Option<&Site>, live: &Live) -> Option<Owner> {
    let ignored = live.used.ignored == Some(true);
    let own = if ignored { Owner::Nobody } else { Owner::Terraform };
    let workload = match &live.found {
        Found::Elsewhere | Found::Unknown(_) => return None,
        // Terraform makes it, with the image that is declared.
        Found::Missing | Found::NotExpected => return Some(Owner::Terraform),
        Found::Here { workload, .. } | Found::Swapped { workload, .. } | Found::NoContainer(workload) => workload,
    };
    if let Some(controller) = &workload.controller {
        return Some(Owner::Operator(controller.clone()));
    }
    let by_chart = &*live.used.kind == "helm_release";
    let writers: Vec<&Writer> = live.container().into_iter().flat_map(|container| &container.writers).collect();
    // The label alone stays in a text that somebody made of a chart.
    let by_helm = writers.is_empty() || writers.iter().any(|writer| hand(snapshot, writer) == Hand::Helm);
    if let Some(release) = workload.release.as_ref().filter(|release| release.helm && !by_chart && by_helm) {
        return Some(Owner::Helm(release.name.clone()));
    }
    if let Some(policy) = keel_follows(snapshot, site, workload) {
        return Some(Owner::Keel(policy));
    }
    let mut others = writers.into_iter().filter(|writer| match hand(snapshot, writer) {
        Hand::Other => true,
        Hand::Helm => !by_chart,
        Hand::Terraform | Hand::Person | Hand::Keel | Hand::Past => false,
    });
    Some(others.next().map_or(own, |writer| Owner::Pipeline(writer.manager.clone())))
}

/// Returns the policy by which Keel follows a workload: its annotation in the cluster, else the one that is declared. Where nobody knows whether
/// Keel runs, it does.
fn keel_follows(snapshot: &Snapshot, site: Option<&Site>, workload: &Workload) -> Option<Arc<str>> {
    let declared = || site?.keel.annotations.iter().find(|(key, _)| &**key == POLICY).map(|(_, value)| value);
    let policy = workload.keel.get(POLICY).or_else(declared).filter(|policy| !policy.eq_ignore_ascii_case("never"))?;
    keel_may_run(snapshot).then(|| policy.clone())
}

/// Why an image is not moved: somebody else sets it, or nobody knows who does. What Keel follows and Terraform ignores, if only in part, is not told
/// here: taking it over is a change of its own.
pub(super) fn other(snapshot: &Snapshot, literal: &Literal, site: &Site) -> Option<(Verdict, String)> {
    let cluster = snapshot.cluster.known()?;
    let lives = uses(snapshot, literal).ok()?;
    lives.iter().find_map(|live| refused(snapshot, cluster, site, live))
}

/// Says whether Terraform ignores an image of the workload: then all of it is taken over together.
fn is_partly_ignored(snapshot: &Snapshot, used: &Use) -> bool {
    let mut uses = snapshot.scan.literals.iter().flat_map(|literal| &literal.uses);
    uses.any(|other| other.ignored == Some(true) && other.kind == used.kind && other.namespace == used.namespace && other.name == used.name)
}

fn refused(snapshot: &Snapshot, cluster: &Cluster, site: &Site, live: &Live) -> Option<(Verdict, String)> {
    if let (Found::Unknown(why), Some(_)) = (&live.found, cluster.unread.get(&live.used.kind)) {
        return Some((Verdict::Waiting, format!("who owns the image is not known: {why}")));
    }
    let owner = owner(snapshot, Some(site), live)?;
    match owner {
        Owner::Terraform | Owner::Nobody => None,
        Owner::Keel(_) if is_partly_ignored(snapshot, live.used) => None,
        Owner::Keel(_) | Owner::Pipeline(_) | Owner::Helm(_) | Owner::Operator(_) => {
            let place = live.workload().map_or(String::new(), |at| format!("{} {}/{}: ", at.kind, at.namespace, at.name));
            Some((Verdict::Blocked, format!("{place}{}", owner.sentence())))
        }
    }
}

impl Owner {
    /// `terraform`, `keel`, `pipeline`, `helm`, `operator`, `nobody`
    pub fn word(&self) -> &'static str {
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
            Self::Keel(policy) => format!("Keel sets the image too ({POLICY} is `{policy}`)"),
            Self::Pipeline(manager) => format!("`{manager}` sets the image, so a pin would be taken back"),
            Self::Helm(release) => format!("the Helm release {release} sets the image"),
            Self::Operator(controller) => format!("the controller of {controller} sets the image"),
            Self::Nobody => "terraform ignores the image, and nobody else sets it".into(),
        }
    }
}
