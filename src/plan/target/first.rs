//! The first pin of a site: the digest that runs, with the tag it runs, so that adopting rolls
//! nothing.

use crate::model::digest::Digest;
use crate::model::reference::{Reference, Tag};
use crate::pipeline::cluster::{Container, PodContainer, Workload};
use crate::pipeline::{Reason, Seen, Snapshot};
use crate::plan::hold::retag;
use crate::plan::live::{LiveMatch, foreign, runs};
use crate::plan::site_plan::SitePlan;
use crate::terraform::edit::Edit;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What runs of a site.
pub(super) struct FirstPin {
    pub digest: Digest,
    /// There where it is another than the declared one.
    pub tag: Option<Tag>,
    /// The workload that shows it: `deployment immich/server`.
    pub workload: String,
    pub edit: Edit,
}

/// What all runs agree on, and the first workload that shows it.
type Agreed<T> = Option<(T, String)>;

/// One container that was found.
struct Run {
    digest: Option<Digest>,
    /// `None` where the spec has a digest and no tag.
    tag: Option<Tag>,
    workload: String,
}

/// Returns what a site that is not pinned yet, or whose pin Terraform ignores, is pinned at; `None`
/// where nothing runs or no cluster is named: then it is what the tag means upstream.
///
/// # Errors
/// What runs is not known, or the literal cannot say it.
pub(super) fn find_first_pin(
    snapshot: &Snapshot,
    site: &SitePlan,
) -> Result<Option<FirstPin>, Reason> {
    let runs = running_images(snapshot, site)?;
    let tag = one_tag(&runs)?;
    let declared = site.site.image.effective_tag();
    let other = tag
        .zip(declared)
        .filter(|((tag, _), declared)| tag != declared);
    let Some((digest, workload)) = one_digest(&runs)? else {
        return match other.filter(|_| site.is_ignored()) {
            Some(((tag, workload), declared)) => Err(cannot_take(
                (tag, declared),
                workload,
                "nothing of it runs, so its digest is not known".into(),
            )),
            None => Ok(None),
        };
    };
    let Some(((tag, at), declared)) = other else {
        let edit = site.pin_edit(&digest);
        return Ok(Some(FirstPin {
            digest,
            tag: None,
            workload,
            edit,
        }));
    };
    if !site.is_ignored() && compare_versions(&declared, &tag) != Some(Ordering::Less) {
        return Err(Reason::RunsOtherTag {
            workload: at,
            tag,
            declared,
        });
    }
    let edit = retag(site.literal, site.site, &tag, &digest)
        .map_err(|why| cannot_take((tag.clone(), declared), at, why))?;
    Ok(Some(FirstPin {
        digest,
        tag: Some(tag),
        workload,
        edit,
    }))
}

fn cannot_take((tag, declared): (Tag, Tag), workload: String, why: String) -> Reason {
    let is_older = compare_versions(&declared, &tag) == Some(Ordering::Less);
    Reason::CannotTakeTag {
        workload,
        tag,
        declared,
        is_older,
        why,
    }
}

fn running_images(snapshot: &Snapshot, site: &SitePlan) -> Result<Vec<Run>, Reason> {
    let uses = site
        .uses
        .as_ref()
        .map_err(|why| Reason::RunningUnknown { why: why.clone() })?;
    let Seen::Known(cluster) = &snapshot.cluster else {
        return Ok(Vec::new());
    };
    let mut all = Vec::new();
    for live in uses {
        let (workload, container) = match &live.found {
            LiveMatch::Here {
                workload,
                container,
            } => (*workload, *container),
            LiveMatch::Swapped {
                workload,
                container,
                with,
            } => {
                let (workload, own, other) = (workload_name(workload), &container.name, &with.name);
                let why = format!(
                    "{workload}: the containers {own} and {other} have exchanged their images"
                );
                return Err(Reason::RunningUnknown { why });
            }
            LiveMatch::Unknown(why) => return Err(Reason::RunningUnknown { why: why.clone() }),
            LiveMatch::Missing
            | LiveMatch::NoContainer(_)
            | LiveMatch::NotExpected
            | LiveMatch::Elsewhere => continue,
        };
        let name = workload_name(workload);
        if let Some(image) = foreign(snapshot, live.used, container) {
            return Err(Reason::RunningOtherRepository {
                workload: name,
                image: image.to_owned(),
            });
        }
        let digest = runs(
            snapshot,
            cluster,
            site.settings.channel.as_ref(),
            (workload, container),
        );
        let digest = digest.map_err(|why| Reason::RunningUnknown {
            why: format!("{name}: {why}"),
        })?;
        let shows =
            |status: &PodContainer| status.name == container.name && status.digest.is_some();
        // Of a cron job they are those of earlier runs.
        if digest.is_none()
            && !workload.revisions.is_empty()
            && workload
                .pods
                .iter()
                .flat_map(|pod| &pod.containers)
                .any(shows)
        {
            return Err(Reason::RolloutUnfinished { workload: name });
        }
        all.push(Run {
            digest,
            tag: tag_of(container),
            workload: name,
        });
    }
    Ok(all)
}

/// `deployment immich/server`
pub fn workload_name(workload: &Workload) -> String {
    format!("{} {}/{}", workload.kind, workload.namespace, workload.name)
}

fn tag_of(container: &Container) -> Option<Tag> {
    Reference::parse(&container.image)?.effective_tag()
}

/// Returns the value that all runs agree on, and the first that has it.
fn agreed_value<T: Ord + Clone>(
    runs: &[Run],
    get: impl Fn(&Run) -> Option<T>,
) -> Result<Agreed<T>, usize> {
    let mut all: BTreeMap<T, String> = BTreeMap::new();
    for run in runs {
        if let Some(value) = get(run) {
            all.entry(value).or_insert_with(|| run.workload.clone());
        }
    }
    if all.len() > 1 {
        Err(all.len())
    } else {
        Ok(all.pop_first())
    }
}

fn one_digest(runs: &[Run]) -> Result<Agreed<Digest>, Reason> {
    let places: BTreeSet<&str> = runs
        .iter()
        .filter(|run| run.digest.is_some())
        .map(|run| run.workload.as_str())
        .collect();
    let workloads = places.into_iter().collect::<Vec<_>>().join(", ");
    agreed_value(runs, |run| run.digest.clone())
        .map_err(|count| Reason::RunningDigestsDiffer { count, workloads })
}

fn one_tag(runs: &[Run]) -> Result<Agreed<Tag>, Reason> {
    let tags: BTreeSet<&str> = runs.iter().filter_map(|run| run.tag.as_deref()).collect();
    let tags = tags.into_iter().collect::<Vec<_>>().join(", ");
    agreed_value(runs, |run| run.tag.clone())
        .map_err(|count| Reason::RunningTagsDiffer { count, tags })
}

/// Compares two tags that are versions of one variant: numbers between dots, the same text before
/// and behind. Anything else has no order.
fn compare_versions(a: &str, b: &str) -> Option<Ordering> {
    let ((a_before, a, a_behind), (b_before, b, b_behind)) = (parse_version(a)?, parse_version(b)?);
    (a_before == b_before && a_behind == b_behind).then(|| {
        let length = a.len().max(b.len());
        let padded = |numbers: &[u64]| {
            numbers
                .iter()
                .copied()
                .chain(std::iter::repeat(0))
                .take(length)
                .collect::<Vec<_>>()
        };
        padded(&a).cmp(&padded(&b))
    })
}

/// `v1.2.3-alpine` → `v`, 1 2 3, `-alpine`; a git commit and a long build number are none.
fn parse_version(tag: &str) -> Option<(&str, Vec<u64>, &str)> {
    use crate::model::tag::Class;
    if !matches!(Class::of(Some(tag)), Class::Version | Class::Major) {
        return None;
    }
    let start = tag.find(|c: char| c.is_ascii_digit())?;
    let rest = &tag[start..];
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let numbers: Option<Vec<u64>> = rest[..end]
        .trim_end_matches('.')
        .split('.')
        .map(|part| part.parse().ok())
        .collect();
    Some((&tag[..start], numbers?, &rest[end..]))
}
