//! Taking images over: those that Terraform ignores are pinned at what runs, and the same change
//! takes the ignore lines out. All containers that hang together, or none. Writes nothing by
//! itself: it adds edits to first pins, or takes the pins back.

mod text;

use super::live::{LiveMatch, LiveUse, name};
use super::ownership::keel_may_run;
use super::site_plan::{AdoptionGroup, SitePlan};
use crate::model::keel::POLICY;
use crate::pipeline::claim::Claim;
use crate::pipeline::cluster::Workload;
use crate::pipeline::{Action, Delivery, Reason, Snapshot, Verdict};
use crate::sites::resource::Resource;
use crate::sites::{Fate, Literal, Use};
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use crate::terraform::hcl::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A resource: its file and its type and name.
type Address = (RepoPath, String);

/// One resource that ignores images.
#[derive(Default)]
struct Unit {
    /// A line of it.
    line: usize,
    /// Places in `judged` of the sites whose use here is ignored.
    sites: BTreeSet<usize>,
}

/// Plans what is taken over: adds what has to change beside the pins, or says at each pin why not.
pub(super) fn take_over_ignored(snapshot: &Snapshot, sites: &mut [SitePlan]) {
    if snapshot.cluster.known().is_none() {
        return;
    }
    let sources = read_sources(snapshot, sites);
    let (units, lost) = find_units(sites, &sources);
    for (place, why) in lost {
        refuse_all(snapshot, sites, &[place], &why);
    }
    for (places, addresses) in join_units(&units) {
        if wait_for_each_other(sites, &places) {
            continue;
        }
        let all = addresses
            .iter()
            .filter_map(|address| Some((address, units.get(address)?, sources.get(&address.0)?)));
        let edits: Result<Vec<Vec<Edit>>, String> = all
            .map(|(address, unit, source)| edit_unit(snapshot, sites, address, unit, source))
            .collect();
        match edits {
            Ok(edits) => take_over(snapshot, sites, &places, edits.concat()),
            Err(why) => refuse_all(snapshot, sites, &places, &why),
        }
    }
}

/// Returns `file:line` of the first ignore line, or of the use where the text tells no more.
pub(super) fn ignore_place(snapshot: &Snapshot, used: &Use) -> String {
    let span = used.ignore_spans.first();
    let before = span.and_then(|span| snapshot.files.bytes(&used.file)?.get(..span.start));
    let line = before.map_or(used.line, |before| {
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    });
    format!("{}:{line}", used.file)
}

/// The ignore line of a literal's first ignored use.
fn first_ignore_place(snapshot: &Snapshot, literal: &Literal) -> String {
    ignored_uses(literal)
        .next()
        .map_or(String::new(), |used| ignore_place(snapshot, used))
}

fn ignored_uses(literal: &Literal) -> impl Iterator<Item = &Use> {
    literal
        .uses
        .iter()
        .filter(|used| used.ignored == Some(true))
}

/// Reads the files in which ignored images are used that would be pinned.
fn read_sources(snapshot: &Snapshot, sites: &[SitePlan]) -> BTreeMap<RepoPath, Source> {
    let wanted = sites.iter().filter(|site| site.has_action(Action::Adopt));
    let files: BTreeSet<&RepoPath> = wanted
        .flat_map(|site| ignored_uses(site.literal))
        .map(|used| &used.file)
        .collect();
    let read =
        |path: &RepoPath| Source::parse(path.clone(), snapshot.files.bytes(path)?.clone()).ok();
    files
        .into_iter()
        .filter_map(|path| Some((path.clone(), read(path)?)))
        .collect()
}

/// Returns the resources with the sites they ignore, and the sites of which a resource was not
/// found.
fn find_units(
    sites: &[SitePlan],
    sources: &BTreeMap<RepoPath, Source>,
) -> (BTreeMap<Address, Unit>, BTreeMap<usize, String>) {
    let (mut units, mut lost): (BTreeMap<Address, Unit>, _) = (BTreeMap::new(), BTreeMap::new());
    for (index, site) in sites.iter().enumerate() {
        for used in ignored_uses(site.literal) {
            let resource = sources
                .get(&used.file)
                .and_then(|source| Resource::at(source, used.line));
            match resource {
                Some(resource) => {
                    let unit = units
                        .entry((used.file.clone(), resource.name()))
                        .or_default();
                    unit.line = used.line;
                    unit.sites.insert(index);
                }
                None if site.has_action(Action::Adopt) => {
                    lost.insert(
                        index,
                        format!(
                            "{}:{} is not a resource written in HCL",
                            used.file, used.line
                        ),
                    );
                }
                None => {}
            }
        }
    }
    (units, lost)
}

/// Joins resources that share a site; returns the sites and the resources of each adoption.
fn join_units(units: &BTreeMap<Address, Unit>) -> Vec<(Vec<usize>, Vec<&Address>)> {
    let mut parties: Vec<(BTreeSet<usize>, Vec<&Address>)> = Vec::new();
    for (address, unit) in units {
        let (joined, apart): (Vec<_>, Vec<_>) = parties
            .into_iter()
            .partition(|(sites, _)| !sites.is_disjoint(&unit.sites));
        parties = apart;
        let mut own = (unit.sites.clone(), vec![address]);
        for (sites, addresses) in joined {
            own.0.extend(sites);
            own.1.extend(addresses);
        }
        own.1.sort();
        parties.push(own);
    }
    parties.sort();
    parties
        .into_iter()
        .map(|(sites, addresses)| (sites.into_iter().collect(), addresses))
        .collect()
}

/// Takes the pins back where one of them is not written; says whether that is so.
fn wait_for_each_other(sites: &mut [SitePlan], places: &[usize]) -> bool {
    let Some(first) = places
        .iter()
        .copied()
        .find(|place| !sites[*place].has_action(Action::Adopt))
    else {
        return false;
    };
    let reason = reason_to_wait_for(&sites[first]);
    for place in places {
        if sites[*place].has_action(Action::Adopt) {
            sites[*place].refuse(reason.clone());
        }
    }
    true
}

fn refuse_all(snapshot: &Snapshot, sites: &mut [SitePlan], places: &[usize], why: &str) {
    for place in places {
        let site = &mut sites[*place];
        site.refuse(Reason::CannotBeTakenOver {
            place: first_ignore_place(snapshot, site.literal),
            why: why.to_owned(),
        });
    }
}

fn edit_unit(
    snapshot: &Snapshot,
    sites: &[SitePlan],
    address: &Address,
    unit: &Unit,
    source: &Source,
) -> Result<Vec<Edit>, String> {
    let resource = Resource::at(source, unit.line).ok_or("the resource is not found")?;
    let here = |used: &&Use| {
        used.file == address.0
            && Resource::at(source, used.line).is_some_and(|other| other.name() == address.1)
    };
    let ours: Vec<&Use> = unit
        .sites
        .iter()
        .flat_map(|index| ignored_uses(sites[*index].literal))
        .filter(here)
        .collect();
    if let Some(why) = not_a_site(snapshot, &ours, here) {
        return Err(why);
    }
    for index in &unit.sites {
        let lives = sites[*index].uses.as_ref().map_err(String::clone)?;
        let refusal = lives
            .iter()
            .filter(|live| here(&live.used))
            .find_map(missing_container);
        if let Some(why) = refusal {
            return Err(why);
        }
    }
    let is_pinned = |site: &&SitePlan| site.pinned.is_some() || site.has_action(Action::Adopt);
    let pinned: Vec<&Use> = sites
        .iter()
        .filter(is_pinned)
        .flat_map(|site| &site.literal.uses)
        .filter(here)
        .collect();
    text::edits(
        &resource,
        &text::Task {
            ignored: &ours,
            pinned: &pinned,
            keel: keel_may_run(snapshot),
        },
    )
}

/// Says which container is not there.
fn missing_container(live: &LiveUse<'_>) -> Option<String> {
    let LiveMatch::NoContainer(workload) = live.found else {
        return None;
    };
    Some(format!(
        "{} runs without the container {}",
        name(workload),
        live.used.holder
    ))
}

/// A container whose image is ignored and cannot carry a pin.
fn not_a_site(snapshot: &Snapshot, ours: &[&Use], here: impl Fn(&&Use) -> bool) -> Option<String> {
    let others = snapshot.scan.literals.iter().filter(|literal| {
        !matches!(
            literal.fate,
            Fate::Site(_) | Fate::Dead(_) | Fate::Orphan(_)
        )
    });
    for literal in others {
        let same = |used: &&Use| {
            ours.iter().any(|own| {
                own.line == used.line && own.holder == used.holder && own.root == used.root
            })
        };
        if let Some(used) = ignored_uses(literal)
            .filter(|used| here(used))
            .find(|used| !same(used))
        {
            let name = &used.holder;
            return Some(format!(
                "the image of the container {name} ({}:{}) cannot be pinned",
                literal.file, literal.line
            ));
        }
    }
    None
}

fn take_over(snapshot: &Snapshot, sites: &mut [SitePlan], places: &[usize], edits: Vec<Edit>) {
    let names: BTreeSet<Arc<str>> = places
        .iter()
        .map(|place| sites[*place].change_name())
        .collect();
    let Some((name, first)) = names
        .first()
        .cloned()
        .zip(places.first().map(|place| sites[*place].site.id.clone()))
    else {
        return;
    };
    let proposed = places
        .iter()
        .filter_map(|place| sites[*place].delivery.clone())
        .find(Delivery::is_pull_request);
    let keel = keel_may_run(snapshot);
    let note = match keel {
        true => {
            "Terraform sets the image from now on, and Keel leaves it alone, through `ignore_changes` and `keel.sh/policy`."
        }
        false => "Terraform sets the image from now on: `ignore_changes` no longer lists it.",
    };
    for place in places {
        let site = &mut sites[*place];
        site.reasons.push(Reason::TakenOver {
            place: first_ignore_place(snapshot, site.literal),
        });
        site.adoption = Some(AdoptionGroup {
            name: name.clone(),
            first: first.clone(),
        });
        site.delivery = proposed.clone().or(site.delivery.take());
        let id = site.site.id.clone();
        if let Some(target) = &mut site.target {
            target.notes.push(note.into());
            target.claims.push(Claim::Tracked { site: id.clone() });
            target
                .claims
                .extend(keel.then_some(Claim::KeelHandsOff { site: id }));
            target.delivery = proposed.clone().unwrap_or_else(|| target.delivery.clone());
        }
    }
    // Once is enough: the group is written as a whole.
    if let Some(target) = places
        .first()
        .and_then(|place| sites[*place].target.as_mut())
    {
        target.edits.extend(edits);
    }
}

/// Returns the edits that keep Keel from bringing back what was rolled back; none where it does not
/// run, or is kept away already.
///
/// # Errors
/// A sentence why the text cannot say so. The rollback goes on without it.
pub(super) fn keep_keel_away(snapshot: &Snapshot, site: &SitePlan) -> Result<Vec<Edit>, String> {
    let is_never = |workload: &Workload| {
        workload
            .keel
            .get(POLICY)
            .is_some_and(|policy| policy.eq_ignore_ascii_case("never"))
    };
    let workloads: Vec<&Workload> = site
        .known_uses()
        .iter()
        .filter_map(LiveUse::workload)
        .collect();
    let is_away = !workloads.is_empty() && workloads.iter().all(|workload| is_never(workload));
    if is_away || !keel_may_run(snapshot) {
        Ok(Vec::new())
    } else {
        hands_off_edits(snapshot, site.literal)
    }
}

/// Returns the edits that keep Keel away from all workloads that a literal feeds; none where they
/// are kept away already.
///
/// # Errors
/// A sentence: an annotation cannot be put there, or would not reach the cluster.
fn hands_off_edits(snapshot: &Snapshot, literal: &Literal) -> Result<Vec<Edit>, String> {
    let mut done: BTreeSet<Address> = BTreeSet::new();
    let mut edits = Vec::new();
    for used in &literal.uses {
        let bytes = snapshot
            .files
            .bytes(&used.file)
            .ok_or_else(|| format!("{} was not read", used.file))?;
        let source =
            Source::parse(used.file.clone(), bytes.clone()).map_err(|why| why.to_string())?;
        let resource = Resource::at(&source, used.line)
            .ok_or_else(|| format!("{}:{} is not in a resource", used.file, used.line))?;
        if done.insert((used.file.clone(), resource.name())) {
            edits.extend(text::hands_off(&resource)?);
        }
    }
    Ok(edits)
}

/// Why the others of a workload wait for one that is not taken over.
pub(super) fn reason_to_wait_for(other: &SitePlan) -> Reason {
    let (member, verdict) = (other.site.id.clone(), other.verdict);
    let reason = Box::new(
        other
            .reasons
            .first()
            .cloned()
            .unwrap_or(Reason::LiveUnclear { why: String::new() }),
    );
    match verdict {
        Verdict::Frozen | Verdict::Blocked => Reason::AdoptedTogether {
            member,
            verdict,
            reason,
        },
        _ => Reason::AdoptedTogetherLater {
            member,
            verdict,
            reason,
        },
    }
}

#[cfg(test)]
mod tests;
