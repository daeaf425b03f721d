//! Uses beside the workloads of the cluster, by their evaluated names: containers by name, never by
//! place. What no use names is not ours and is not looked at. Decides nothing.

mod annotations;
mod repository;
mod runs;
mod since;

pub(super) use annotations::LiveAnnotationReader;
pub(super) use repository::{bare, foreign, same};
pub(super) use runs::{find_still_running, operated, running, runs, shown_digests};
pub(super) use since::since;

use crate::config::Custom;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::model::workload::{Holder, WorkloadKind};
use crate::pipeline::cluster::{Cluster, Container, Workload};
use crate::pipeline::{Seen, Snapshot};
use crate::sites::{Literal, Use};
use std::sync::Arc;

/// One use, and what is found of it in the cluster.
pub(super) struct LiveUse<'a> {
    pub used: &'a Use,
    pub found: LiveMatch<'a>,
}

pub(super) enum LiveMatch<'a> {
    Here {
        workload: &'a Workload,
        container: &'a Container,
    },
    /// The container has the image that is declared for another, which has this one's:
    /// `ignore_changes` goes by place, and the places changed.
    Swapped {
        workload: &'a Workload,
        container: &'a Container,
        with: &'a Container,
    },
    /// There is no such workload.
    Missing,
    /// The workload is there, and has no such container.
    NoContainer(&'a Workload),
    /// `count = 0`: none is wanted.
    NotExpected,
    /// Nothing that the cluster has by that name: a module's argument, a value in a config map,
    /// what is applied to another cluster.
    Elsewhere,
    /// Could not look, and why.
    Unknown(String),
}

/// Returns what is found of each use of a literal: one entry for each, or one for each container
/// that a Helm release makes of it; none where no cluster is named.
///
/// # Errors
/// A sentence why the cluster could not be asked.
pub(super) fn uses<'a>(
    snapshot: &'a Snapshot,
    literal: &'a Literal,
) -> Result<Vec<LiveUse<'a>>, String> {
    match &snapshot.cluster {
        Seen::NotAsked => Ok(Vec::new()),
        Seen::Unknown(why)
            if literal
                .uses
                .iter()
                .any(|used| is_applied_here(snapshot, used)) =>
        {
            Err(format!("the cluster could not be asked: {why}"))
        }
        Seen::Unknown(_) => Ok(literal
            .uses
            .iter()
            .map(|used| LiveUse {
                used,
                found: LiveMatch::Elsewhere,
            })
            .collect()),
        Seen::Known(cluster) => {
            let found = |used| {
                find_matches(snapshot, cluster, used)
                    .into_iter()
                    .map(move |found| LiveUse { used, found })
            };
            Ok(literal.uses.iter().flat_map(found).collect())
        }
    }
}

/// At least one.
fn find_matches<'a>(
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    used: &Use,
) -> Vec<LiveMatch<'a>> {
    if used.instances == Some(0) {
        return vec![LiveMatch::NotExpected];
    }
    if !is_applied_here(snapshot, used) {
        return vec![LiveMatch::Elsewhere];
    }
    if used.kind == WorkloadKind::HelmRelease {
        return match_release(snapshot, cluster, used);
    }
    if let Some(why) = cluster.unread.get(&used.kind) {
        return vec![LiveMatch::Unknown(format!(
            "{}s could not be read: {why}",
            used.kind
        ))];
    }
    // A value of a workload is shown in the cluster as an image nowhere.
    if !is_observed(snapshot, &used.kind)
        || (used.kind.owns_containers() && !matches!(used.holder, Holder::Container { .. }))
    {
        return vec![LiveMatch::Elsewhere];
    }
    let Some(named) = used.workload() else {
        return vec![LiveMatch::Unknown(
            "its name is not known from the text".into(),
        )];
    };
    vec![match cluster.workload(&named) {
        None => LiveMatch::Missing,
        Some(workload) => match_workload(snapshot, workload, used),
    }]
}

/// Says whether a use is applied to the cluster that is looked at: another one may have the same
/// names.
pub(super) fn is_applied_here(snapshot: &Snapshot, used: &Use) -> bool {
    let cluster = &snapshot.config.cluster;
    let root = cluster.roots.is_empty()
        || cluster
            .roots
            .iter()
            .any(|glob| glob.matches(used.root.display()));
    let environment = used
        .environment
        .as_deref()
        .filter(|_| !cluster.environments.is_empty());
    root && environment
        .is_none_or(|name| cluster.environments.iter().any(|glob| glob.matches(name)))
}

fn is_observed(snapshot: &Snapshot, kind: &WorkloadKind) -> bool {
    WorkloadKind::OBSERVED.contains(kind) || is_custom(snapshot, kind)
}

fn is_custom(snapshot: &Snapshot, kind: &WorkloadKind) -> bool {
    custom_kinds(snapshot, kind).next().is_some()
}

fn custom_kinds<'a>(
    snapshot: &'a Snapshot,
    kind: &WorkloadKind,
) -> impl Iterator<Item = &'a Custom> {
    snapshot
        .config
        .cluster
        .custom
        .iter()
        .filter(move |custom| custom.kind.eq_ignore_ascii_case(kind.as_str()))
}

/// `spec.parts[0].image` → `spec.parts.0.image`
fn dotted_path(path: &str) -> String {
    path.replace("].", ".")
        .replace('[', ".")
        .trim_end_matches(']')
        .into()
}

/// Says whether a value of a custom resource stands in another place than the one that is looked
/// at.
fn is_other_place(snapshot: &Snapshot, kind: &WorkloadKind, path: &str) -> bool {
    let path = dotted_path(path);
    let is_at = |custom: &Custom| {
        let same = |(step, part): (&Arc<str>, &str)| &**step == "*" || &**step == part;
        path.split('.').count() == custom.image.len()
            && custom.image.iter().zip(path.split('.')).all(same)
    };
    // A name without a dot is a container's.
    path.contains('.') && is_custom(snapshot, kind) && !custom_kinds(snapshot, kind).any(is_at)
}

fn match_workload<'a>(snapshot: &'a Snapshot, workload: &'a Workload, used: &Use) -> LiveMatch<'a> {
    let Some(name) = used.holder.name() else {
        return LiveMatch::Unknown("the container's name is not known from the text".into());
    };
    let only = workload.containers.first().filter(|only| {
        let is_only = workload.containers.len() == 1 && is_custom(snapshot, &workload.kind);
        is_only && foreign(snapshot, used, only).is_none()
    });
    let own = workload.container(name).or_else(|| {
        workload
            .container(&dotted_path(name))
            .filter(|_| is_custom(snapshot, &workload.kind))
    });
    match own.or(only) {
        None if is_other_place(snapshot, &workload.kind, name) => LiveMatch::Elsewhere,
        None => LiveMatch::NoContainer(workload),
        Some(container) => match find_swapped(snapshot, workload, container, used) {
            Some(with) => LiveMatch::Swapped {
                workload,
                container,
                with,
            },
            None => LiveMatch::Here {
                workload,
                container,
            },
        },
    }
}

/// By the release's namespace and name, then by the repository: a chart names its workloads and
/// containers as it likes.
fn match_release<'a>(
    snapshot: &'a Snapshot,
    cluster: &'a Cluster,
    used: &Use,
) -> Vec<LiveMatch<'a>> {
    let (Some(namespace), Some(name)) = (&used.namespace, &used.name) else {
        return vec![LiveMatch::Unknown(
            "its name is not known from the text".into(),
        )];
    };
    let Some(image) = used.image.as_deref().and_then(Reference::parse) else {
        return vec![LiveMatch::Unknown(
            "the chart chooses a part of the image".into(),
        )];
    };
    let of = |workload: &&Workload| {
        workload.namespace == *namespace
            && workload
                .release
                .as_ref()
                .is_some_and(|release| release.name == *name)
    };
    let workloads: Vec<&Workload> = cluster.workloads.iter().filter(of).collect();
    let here = workloads.iter().flat_map(|workload| {
        workload
            .containers
            .iter()
            .map(|container| (*workload, container))
    });
    let here: Vec<LiveMatch<'a>> = here
        .filter(|(_, container)| same(snapshot, &image, &container.image))
        .map(|(workload, container)| LiveMatch::Here {
            workload,
            container,
        })
        .collect();
    let unread = WorkloadKind::OBSERVED
        .iter()
        .find_map(|kind| cluster.unread.get_key_value(kind));
    match (here.is_empty(), unread, workloads.first()) {
        (false, _, _) => here,
        (true, Some((kind, why)), _) => vec![LiveMatch::Unknown(format!(
            "{kind}s could not be read: {why}"
        ))],
        (true, None, Some(workload)) => vec![LiveMatch::NoContainer(workload)],
        (true, None, None) => vec![LiveMatch::Missing],
    }
}

/// Returns the container that this one has exchanged images with: each has the repository declared
/// for the other, or where the repositories are one, the tag.
fn find_swapped<'a>(
    snapshot: &Snapshot,
    workload: &'a Workload,
    container: &Container,
    used: &Use,
) -> Option<&'a Container> {
    let repository = |text: &str| Reference::parse(text).map(|image| (image.repository(), None));
    let tagged =
        |text: &str| Reference::parse(text).map(|image| (image.repository(), Some(image.tag)));
    let declared = used.image.as_deref()?;
    let by = |key: &dyn Fn(&str) -> Option<_>| {
        let (mine, theirs) = (key(declared)?, key(&container.image)?);
        if mine == theirs {
            return None;
        }
        let mut others = workload.containers.iter().filter(|other| {
            other.name != container.name && key(&other.image).as_ref() == Some(&mine)
        });
        others.find(|other| {
            is_declared_elsewhere(snapshot, used, &other.name, &|text| {
                key(text).as_ref() == Some(&theirs)
            })
        })
    };
    by(&repository).or_else(|| by(&tagged))
}

/// Says whether another container of the same workload has an image of this kind declared.
fn is_declared_elsewhere(
    snapshot: &Snapshot,
    used: &Use,
    container: &str,
    is: &dyn Fn(&str) -> bool,
) -> bool {
    let mut uses = snapshot
        .scan
        .literals
        .iter()
        .flat_map(|literal| &literal.uses);
    uses.any(|other| {
        other.is_beside(used)
            && other
                .holder
                .name()
                .is_some_and(|own| **own == *container || dotted_path(own) == container)
            && other.image.as_deref().is_some_and(is)
    })
}

impl<'a> LiveUse<'a> {
    /// The container that is there under its name, with its workload.
    pub fn here(&self) -> Option<(&'a Workload, &'a Container)> {
        match self.found {
            LiveMatch::Here {
                workload,
                container,
            } => Some((workload, container)),
            _ => None,
        }
    }

    /// The workload, where there is one.
    pub fn workload(&self) -> Option<&'a Workload> {
        match self.found {
            LiveMatch::Here { workload, .. }
            | LiveMatch::Swapped { workload, .. }
            | LiveMatch::NoContainer(workload) => Some(workload),
            _ => None,
        }
    }

    /// The container that has the use's name.
    pub fn container(&self) -> Option<&'a Container> {
        match self.found {
            LiveMatch::Here { container, .. } | LiveMatch::Swapped { container, .. } => {
                Some(container)
            }
            _ => None,
        }
    }
}

/// Returns the containers that are there under their names, of the uses whose image Terraform does
/// not ignore.
pub(super) fn tracked<'a, 'b>(
    lives: &'b [LiveUse<'a>],
) -> impl Iterator<Item = (&'a Workload, &'a Container)> + use<'a, 'b> {
    lives
        .iter()
        .filter(|live| live.used.ignored != Some(true))
        .filter_map(LiveUse::here)
}

/// Returns what a workload is called: `deployment immich/immich-server`.
pub(super) fn name(workload: &Workload) -> String {
    format!("{} {}/{}", workload.kind, workload.namespace, workload.name)
}

/// Says whether an image text is this digest of the declared repository.
pub(super) fn has(snapshot: &Snapshot, text: &str, declared: &Reference, digest: &Digest) -> bool {
    Reference::parse(text).is_some_and(|image| image.digest.as_ref() == Some(digest))
        && same(snapshot, declared, text)
}
