//! The ownership flip: images that Terraform ignores are pinned at what runs, and the same change takes the ignore lines out. All containers that hang
//! together, or none. Writes nothing by itself: it adds edits to first pins, or takes the pins back.

mod first;
mod text;

pub(super) use first::{First, first};
pub(super) use text::image_of;

use super::gate::ignore_place;
use super::judged::{Judged, Party};
use super::live::{self, Found};
use super::owner::keel_may_run;
use super::route::Way;
use crate::pipeline::{Action, Snapshot, Verdict};
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

/// Plans the flips: adds what has to change beside the pins, or says at each pin why not.
pub(super) fn flip(snapshot: &Snapshot, judged: &mut [Judged]) {
    if snapshot.cluster.known().is_none() {
        return;
    }
    let sources = sources(snapshot, judged);
    let (units, lost) = units(judged, &sources);
    for (index, why) in lost {
        refuse(snapshot, judged, &[index], &why);
    }
    for (sites, addresses) in parties(&units) {
        if wait_for_each_other(judged, &sites) {
            continue;
        }
        let all = addresses.iter().filter_map(|address| Some((address, units.get(address)?, sources.get(&address.0)?)));
        let edits: Result<Vec<Vec<Edit>>, String> =
            all.map(|(address, unit, source)| of_unit(snapshot, judged, address, unit, source)).collect();
        match edits {
            Ok(edits) => take_over(snapshot, judged, &sites, edits.concat()),
            Err(why) => refuse(snapshot, judged, &sites, &why),
        }
    }
}

/// Takes back the pins of parties that are not whole any more.
pub(super) fn together(judged: &mut [Judged]) {
    let mut parties: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, site) in judged.iter().enumerate() {
        if let Some(party) = &site.party {
            parties.entry(party.id.clone()).or_default().push(index);
        }
    }
    for sites in parties.values() {
        wait_for_each_other(judged, sites);
    }
}

fn ignored(literal: &Literal) -> impl Iterator<Item = &Use> {
    literal.uses.iter().filter(|used| used.ignored == Some(true))
}

fn adopts(site: &Judged) -> bool {
    site.want.as_ref().is_some_and(|want| want.action == Action::Adopt)
}

/// Reads the files in which ignored images are used that would be pinned.
fn sources(snapshot: &Snapshot, judged: &[Judged]) -> BTreeMap<RepoPath, Source> {
    let wanted = judged.iter().filter(|site| adopts(site));
    let files: BTreeSet<&RepoPath> = wanted.flat_map(|site| ignored(site.literal)).map(|used| &used.file).collect();
    let read = |path: &RepoPath| Source::parse(path.clone(), snapshot.files.bytes(path)?.clone()).ok();
    files.into_iter().filter_map(|path| Some((path.clone(), read(path)?))).collect()
}

/// Returns the resources with the sites they ignore, and the sites of which a resource was not found.
fn units(judged: &[Judged], sources: &BTreeMap<RepoPath, Source>) -> (BTreeMap<Address, Unit>, BTreeMap<usize, String>) {
    let (mut units, mut lost): (BTreeMap<Address, Unit>, _) = (BTreeMap::new(), BTreeMap::new());
    for (index, site) in judged.iter().enumerate() {
        for used in ignored(site.literal) {
            let resource = sources.get(&used.file).and_then(|source| Resource::at(source, used.line));
            match resource {
                Some(resource) => {
                    let unit = units.entry((used.file.clone(), resource.name())).or_default();
                    unit.line = used.line;
                    unit.sites.insert(index);
                }
                None if adopts(site) => {
                    lost.insert(index, format!("{}:{} is not a resource written in HCL", used.file, used.line));
                }
                None => {}
            }
        }
    }
    (units, lost)
}

/// Joins resources that share a site; returns the sites and the resources of each party.
fn parties(units: &BTreeMap<Address, Unit>) -> Vec<(Vec<usize>, Vec<&Address>)> {
    let mut parties: Vec<(BTreeSet<usize>, Vec<&Address>)> = Vec::new();
    for (address, unit) in units {
        let (joined, apart): (Vec<_>, Vec<_>) = parties.into_iter().partition(|(sites, _)| !sites.is_disjoint(&unit.sites));
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
    parties.into_iter().map(|(sites, addresses)| (sites.into_iter().collect(), addresses)).collect()
}

/// Takes the pins back where one of them is not written; says whether that is so.
fn wait_for_each_other(judged: &mut [Judged], sites: &[usize]) -> bool {
    let Some(first) = sites.iter().copied().find(|index| !adopts(&judged[*index])) else { return false };
    let other = &judged[first].decision;
    let (word, verdict) = match other.verdict {
        Verdict::Frozen => ("is frozen", Verdict::Blocked),
        Verdict::Blocked => ("is blocked", Verdict::Blocked),
        Verdict::Held => ("is held", Verdict::Waiting),
        Verdict::Unknown => ("is unknown", Verdict::Waiting),
        _ => ("waits", Verdict::Waiting),
    };
    let reason = other.reasons.first().map_or("", String::as_str);
    let why = format!("terraform ignores it until it is taken over together with {}, which {word}: {reason}", other.site);
    for index in sites {
        if adopts(&judged[*index]) {
            judged[*index].hold_back(verdict, why.clone());
        }
    }
    true
}

fn refuse(snapshot: &Snapshot, judged: &mut [Judged], sites: &[usize], why: &str) {
    for index in sites {
        let site = &mut judged[*index];
        let place = ignored(site.literal).next().map_or(String::new(), |used| ignore_place(snapshot, used));
        site.hold_back(
            Verdict::Blocked,
            format!("terraform ignores this image (ignore_changes at {place}), and that cannot be changed: {why}"),
        );
    }
}

fn of_unit(snapshot: &Snapshot, judged: &[Judged], address: &Address, unit: &Unit, source: &Source) -> Result<Vec<Edit>, String> {
    let resource = Resource::at(source, unit.line).ok_or("the resource is not found")?;
    let here = |used: &&Use| used.file == address.0 && Resource::at(source, used.line).is_some_and(|other| other.name() == address.1);
    let ours: Vec<&Use> = unit.sites.iter().flat_map(|index| ignored(judged[*index].literal)).filter(here).collect();
    if let Some(why) = not_a_site(snapshot, &ours, here) {
        return Err(why);
    }
    for index in &unit.sites {
        let lives = live::uses(snapshot, judged[*index].literal)?;
        let refusal = lives.iter().filter(|live| here(&live.used)).find_map(without);
        if let Some(why) = refusal {
            return Err(why);
        }
    }
    let is_pinned = |site: &&Judged| site.site.image.digest.is_some() || adopts(site);
    let pinned: Vec<&Use> = judged.iter().filter(is_pinned).flat_map(|site| &site.literal.uses).filter(here).collect();
    text::edits(&resource, &text::Task { ignored: &ours, pinned: &pinned, keel: keel_may_run(snapshot) })
}

/// Says which container is not there.
fn without(live: &live::Live<'_>) -> Option<String> {
    let Found::NoContainer(workload) = live.found else { return None };
    let name = live.used.container.as_deref().unwrap_or("?");
    Some(format!("{} runs without the container {name}", first::place(workload)))
}

/// A container whose image is ignored and cannot carry a pin.
fn not_a_site(snapshot: &Snapshot, ours: &[&Use], here: impl Fn(&&Use) -> bool) -> Option<String> {
    let others = snapshot.scan.literals.iter().filter(|literal| !matches!(literal.fate, Fate::Site(_) | Fate::Dead(_) | Fate::Orphan(_)));
    for literal in others {
        let same = |used: &&Use| ours.iter().any(|own| own.line == used.line && own.container == used.container && own.root == used.root);
        if let Some(used) = ignored(literal).filter(|used| here(used)).find(|used| !same(used)) {
            let name = used.container.as_deref().unwrap_or("?");
            return Some(format!("the image of the container {name} ({}:{}) cannot be pinned", literal.file, literal.line));
        }
    }
    None
}

fn take_over(snapshot: &Snapshot, judged: &mut [Judged], sites: &[usize], edits: Vec<Edit>) {
    let names: BTreeSet<Arc<str>> = sites.iter().map(|index| judged[*index].name()).collect();
    let Some((name, id)) = names.first().cloned().zip(sites.first().map(|index| judged[*index].site.key.0.clone())) else { return };
    let pull = sites.iter().filter_map(|index| judged[*index].way.clone()).find(Way::is_pull);
    let note = match keel_may_run(snapshot) {
        true => "Terraform sets the image from now on, and Keel keeps its hands off: `ignore_changes` and `keel.sh/policy` say so.",
        false => "Terraform sets the image from now on: `ignore_changes` no longer lists it.",
    };
    for index in sites {
        let site = &mut judged[*index];
        let place = ignored(site.literal).next().map_or(String::new(), |used| ignore_place(snapshot, used));
        site.decision.reasons.push(format!("terraform ignores it (ignore_changes at {place}): the same change takes it over"));
        site.party = Some(Party { name: name.clone(), id: id.clone() });
        if let Some(way) = &pull {
            site.way = Some(way.clone());
        }
        if let Some(want) = &mut site.want {
            want.notes.push(note.into());
            want.way = pull.clone().unwrap_or_else(|| want.way.clone());
        }
    }
    // Once is enough: the party is written as a whole.
    if let Some(want) = sites.first().and_then(|index| judged[*index].want.as_mut()) {
        want.edits.extend(edits);
    }
}

/// Returns the edits that keep Keel away from all workloads that a literal feeds; none where they are kept away already.
///
/// # Errors
/// A sentence: an annotation cannot be put there, or would not reach the cluster.
pub(super) fn hands_off(snapshot: &Snapshot, literal: &Literal) -> Result<Vec<Edit>, String> {
    let mut done: BTreeSet<Address> = BTreeSet::new();
    let mut edits = Vec::new();
    for used in &literal.uses {
        let bytes = snapshot.files.bytes(&used.file).ok_or_else(|| format!("{} was not read", used.file))?;
        let source = Source::parse(used.file.clone(), bytes.clone()).map_err(|why| why.to_string())?;
        let resource = Resource::at(&source, used.line).ok_or_else(|| format!("{}:{} is not in a resource", used.file, used.line))?;
        if done.insert((used.file.clone(), resource.name())) {
            edits.extend(text::hands_off(&resource)?);
        }
    }
    Ok(edits)
}

#[cfg(test)]
mod tests;
