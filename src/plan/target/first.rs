//! The first pin of a site: the digest that runs, with the tag it runs, so that adopting rolls
//! nothing.

use crate::model::digest::Digest;
use crate::model::reference::{Reference, Tag};
use crate::model::tag::Class;
use crate::pipeline::cluster::{Container, PodContainer};
use crate::pipeline::{PinFact, Reason, Seen, Snapshot};
use crate::plan::choice::compare_tags;
use crate::plan::hold::retag;
use crate::plan::live::{LiveMatch, LiveUse, foreign, name, runs};
use crate::plan::site_plan::SitePlan;
use crate::plan::trouble::LiveContainer;
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
    pub edits: Vec<Edit>,
    /// Why only a person may take it over.
    pub caution: Option<Reason>,
}

/// What all runs agree on, and the first workload that shows it.
type Agreed<T> = Option<(T, String)>;

/// One container that was found.
struct Run {
    digest: Option<Digest>,
    /// `None` where the spec has a digest and no tag.
    tag: Option<Tag>,
    workload: String,
    /// The spec has the digest; else the pods report it.
    is_in_spec: bool,
    /// What is wrong with it: what runs does not work.
    trouble: Option<String>,
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
    if let Some(evidence) = runs.iter().find_map(|run| run.trouble.clone()) {
        return Err(Reason::RunsUnhealthy { evidence });
    }
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
        let digest = find_index(snapshot, site, (&runs, digest))?;
        let edits = vec![site.pin_edit(&digest)];
        return Ok(Some(FirstPin {
            digest,
            tag: None,
            workload,
            edits,
            caution: None,
        }));
    };
    let order = compare_tags(&declared, &tag);
    if !site.is_ignored() && order != Some(Ordering::Less) {
        return Err(Reason::RunsOtherTag {
            workload: at,
            tag,
            declared,
        });
    }
    if order == Some(Ordering::Greater) {
        return Err(Reason::RunsOlderTag {
            workload: at,
            tag,
            declared,
        });
    }
    let (kind, other_kind) = (Class::of(Some(&declared)), Class::of(Some(&tag)));
    // Names have no order. Of other tags without one nobody can say which is older.
    let is_unclear = kind != other_kind || order.is_none() && kind != Class::Name;
    let caution = is_unclear.then(|| Reason::RunsOtherChannel {
        workload: at.clone(),
        tag: tag.clone(),
        declared: declared.clone(),
    });
    let digest = find_index(snapshot, site, (&runs, digest))?;
    let edits = retag(site.literal, site.site, &tag, &digest)
        .map_err(|why| cannot_take((tag.clone(), declared), at, why))?;
    Ok(Some(FirstPin {
        digest,
        tag: Some(tag),
        workload,
        edits,
        caution,
    }))
}

/// Returns the digest to pin for what pods report: the index that it is a manifest of, where that
/// is what the tag means.
///
/// # Errors
/// It is the manifest of one platform of an image that has several, and its index is not known: on
/// another node the pin could not run.
fn find_index(
    snapshot: &Snapshot,
    site: &SitePlan,
    (runs, digest): (&[Run], Digest),
) -> Result<Digest, Reason> {
    let Some(channel) = site.settings.channel.clone() else {
        return Ok(digest);
    };
    let is_declared = |run: &Run| run.is_in_spec && run.digest.as_ref() == Some(&digest);
    if runs.iter().any(is_declared) {
        return Ok(digest);
    }
    let has_platforms = |upstream: &Digest| {
        let index = snapshot.children.get(&(channel.clone(), upstream.clone()));
        index.is_some_and(|children| !children.is_empty())
    };
    match snapshot.pins.get(&(channel.clone(), digest.clone())) {
        Some(PinFact::PlatformOf { index, .. }) => Ok(index.clone()),
        Some(PinFact::Single) if site.upstream.as_ref().is_some_and(has_platforms) => {
            let shows = |run: &&Run| run.digest.as_ref() == Some(&digest);
            let workload = runs.iter().find(shows).map(|run| run.workload.clone());
            Err(Reason::RunsPlatformDigest {
                workload: workload.unwrap_or_default(),
                digest,
            })
        }
        _ => Ok(digest),
    }
}

/// Returns which workloads the next apply restarts, and how many pods of each, where the text of
/// their image becomes another than the one they have.
pub(super) fn restarted_workloads(site: &SitePlan, image: &str, to: &Digest) -> Vec<String> {
    let text = format!("{image}@{to}");
    let mut all = BTreeSet::new();
    for (workload, container) in site.known_uses().iter().filter_map(LiveUse::here) {
        let pods = workload.replicas.unwrap_or(workload.rollout.wanted);
        if workload.kind.has_revisions() && pods > 0 && *container.image != *text {
            let pods = match pods {
                1 => "1 pod".to_owned(),
                pods => format!("{pods} pods"),
            };
            all.insert(format!("{} ({pods})", name(workload)));
        }
    }
    all.into_iter().collect()
}

fn cannot_take((tag, declared): (Tag, Tag), workload: String, why: String) -> Reason {
    let is_older = compare_tags(&declared, &tag) == Some(Ordering::Less);
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
                let (workload, own, other) = (name(workload), &container.name, &with.name);
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
        let name = name(workload);
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
        let live = LiveContainer::at_any_time(cluster, (workload, container));
        let mut troubles = live.find_troubles().into_iter();
        let trouble = troubles.find(|one| one.kind.is_failure());
        all.push(Run {
            digest,
            tag: tag_of(container),
            workload: name,
            is_in_spec: Reference::parse(&container.image).is_some_and(|one| one.digest.is_some()),
            trouble: trouble.map(|one| one.evidence),
        });
    }
    Ok(all)
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
