//! The first pin of a site: the digest that runs, with the tag it runs, so that adopting rolls nothing.

use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::pipeline::cluster::{Container, PodContainer, Workload};
use crate::pipeline::{Seen, Snapshot, Verdict};
use crate::plan::hold::retag;
use crate::plan::judged::edit;
use crate::plan::live::{Found, foreign, runs, uses};
use crate::plan::select::Terms;
use crate::sites::{Literal, Site};
use crate::terraform::edit::Edit;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What runs of a site.
pub(in crate::plan) struct First {
    pub digest: Digest,
    /// There where it is another than the declared one.
    pub tag: Option<Arc<str>>,
    /// The workload that tells: `deployment immich/server`.
    pub place: String,
    pub edit: Edit,
}

/// What all runs agree on, and the first workload that tells it.
type Agreed<T> = Option<(T, String)>;

/// One container that was found.
struct Run {
    digest: Option<Digest>,
    /// `None` where the spec has a digest and no tag.
    tag: Option<Arc<str>>,
    place: String,
}

/// Returns what a site that is not pinned yet, or whose pin Terraform ignores, is pinned at; `None` where nothing runs or no cluster is named: then it
/// is what the tag means upstream.
///
/// # Errors
/// The verdict and a sentence: what runs is not known, or the literal cannot say it.
pub(in crate::plan) fn first(
    snapshot: &Snapshot,
    literal: &Literal,
    site: &Site,
    terms: &Terms,
) -> Result<Option<First>, (Verdict, String)> {
    let runs = found(snapshot, literal, terms)?;
    let tag = one_tag(&runs)?;
    let other = tag.filter(|(tag, _)| declared(site).is_some_and(|declared| *declared != **tag));
    let Some((digest, place)) = one_digest(&runs)? else {
        return match other.filter(|_| is_ignored(literal)) {
            Some((tag, place)) => Err((Verdict::Blocked, cannot(site, &tag, &place, "nothing of it runs, so its digest is not known"))),
            None => Ok(None),
        };
    };
    let Some((tag, at)) = other else {
        let edit = edit(literal, site, &terms.image, &digest);
        return Ok(Some(First { digest, tag: None, place, edit }));
    };
    if !is_ignored(literal) && older(site, &tag) != Some(Ordering::Less) {
        let declared = declared(site).unwrap_or_default();
        return Err((Verdict::Waiting, format!("{at} runs the tag {tag}, not {declared}: what the repo says is not applied yet")));
    }
    let edit = retag(literal, site, &tag, &digest).map_err(|why| (Verdict::Blocked, cannot(site, &tag, &at, &why)))?;
    Ok(Some(First { digest, tag: Some(tag), place, edit }))
}

fn is_ignored(literal: &Literal) -> bool {
    literal.uses.iter().any(|used| used.ignored == Some(true))
}

/// The tag that the site declares.
fn declared(site: &Site) -> Option<&str> {
    site.image.tag.as_deref().or(site.image.digest.is_none().then_some("latest"))
}

fn cannot(site: &Site, tag: &str, place: &str, why: &str) -> String {
    let declared = declared(site).unwrap_or_default();
    let than = if older(site, tag) == Some(Ordering::Less) {
        format!("{declared}, older than the {tag}")
    } else {
        format!("{declared}, not the {tag}")
    };
    format!("the repo says {than} that {place} runs, and it cannot be replaced by it: {why}")
}

fn older(site: &Site, tag: &str) -> Option<Ordering> {
    compare(declared(site)?, tag)
}

fn found(snapshot: &Snapshot, literal: &Literal, terms: &Terms) -> Result<Vec<Run>, (Verdict, String)> {
    let lives = uses(snapshot, literal).map_err(|why| (Verdict::Unknown, why))?;
    let Seen::Known(cluster) = &snapshot.cluster else { return Ok(Vec::new()) };
    let mut all = Vec::new();
    for live in lives {
        let (workload, container) = match live.found {
            Found::Here { workload, container } => (workload, container),
            Found::Swapped { workload, container, with } => {
                let why = format!("{}: the containers {} and {} have exchanged their images", place(workload), container.name, with.name);
                return Err((Verdict::Unknown, why));
            }
            Found::Unknown(why) => return Err((Verdict::Unknown, why)),
            Found::Missing | Found::NoContainer(_) | Found::NotExpected | Found::Elsewhere => continue,
        };
        let place = place(workload);
        if let Some(other) = foreign(snapshot, live.used, container) {
            return Err((Verdict::Blocked, format!("{place} runs {other}, which is of another repository than the repo says")));
        }
        let digest = runs(snapshot, cluster, terms.channel.as_ref(), (workload, container));
        let digest = digest.map_err(|why| (Verdict::Unknown, format!("{place}: {why}")))?;
        let tells = |status: &PodContainer| status.name == container.name && status.digest.is_some();
        // Of a cron job they are those of earlier runs.
        if digest.is_none() && !workload.revisions.is_empty() && workload.pods.iter().flat_map(|pod| &pod.containers).any(tells) {
            return Err((Verdict::Waiting, format!("{place} is being rolled out, and its new pods do not tell yet what they run")));
        }
        all.push(Run { digest, tag: tag(container), place });
    }
    Ok(all)
}

pub(super) fn place(workload: &Workload) -> String {
    format!("{} {}/{}", workload.kind, workload.namespace, workload.name)
}

fn tag(container: &Container) -> Option<Arc<str>> {
    let image = Reference::parse(&container.image)?;
    image.tag.or_else(|| image.digest.is_none().then(|| "latest".into()))
}

/// Returns the value that all runs agree on, and the first that has it.
fn agreed<T: Ord + Clone>(runs: &[Run], get: impl Fn(&Run) -> Option<T>) -> Result<Agreed<T>, usize> {
    let mut all: BTreeMap<T, String> = BTreeMap::new();
    for run in runs {
        if let Some(value) = get(run) {
            all.entry(value).or_insert_with(|| run.place.clone());
        }
    }
    if all.len() > 1 { Err(all.len()) } else { Ok(all.pop_first()) }
}

fn one_digest(runs: &[Run]) -> Result<Agreed<Digest>, (Verdict, String)> {
    let places: BTreeSet<&str> = runs.iter().filter(|run| run.digest.is_some()).map(|run| run.place.as_str()).collect();
    let all = places.into_iter().collect::<Vec<_>>().join(", ");
    agreed(runs, |run| run.digest.clone()).map_err(|count| (Verdict::Blocked, format!("its uses run {count} different digests: {all}")))
}

fn one_tag(runs: &[Run]) -> Result<Agreed<Arc<str>>, (Verdict, String)> {
    let tags: BTreeSet<&str> = runs.iter().filter_map(|run| run.tag.as_deref()).collect();
    let all = tags.into_iter().collect::<Vec<_>>().join(", ");
    agreed(runs, |run| run.tag.clone()).map_err(|count| (Verdict::Blocked, format!("its uses run {count} different tags: {all}")))
}

/// Compares two tags that are versions of one variant: numbers between dots, the same text before and behind. Anything else has no order.
fn compare(a: &str, b: &str) -> Option<Ordering> {
    let ((a_before, a, a_behind), (b_before, b, b_behind)) = (version(a)?, version(b)?);
    (a_before == b_before && a_behind == b_behind).then(|| {
        let length = a.len().max(b.len());
        let padded = |numbers: &[u64]| numbers.iter().copied().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
        padded(&a).cmp(&padded(&b))
    })
}

/// `v1.2.3-alpine` → `v`, 1 2 3, `-alpine`; a git commit and a long build number are none.
fn version(tag: &str) -> Option<(&str, Vec<u64>, &str)> {
    use crate::model::tag::Class;
    if !matches!(Class::of(Some(tag)), Class::Version | Class::Major) {
        return None;
    }
    let start = tag.find(|c: char| c.is_ascii_digit())?;
    let rest = &tag[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let numbers: Option<Vec<u64>> = rest[..end].trim_end_matches('.').split('.').map(|part| part.parse().ok()).collect();
    Some((&tag[..start], numbers?, &rest[end..]))
}
