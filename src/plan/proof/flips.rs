//! What a flip may change in the structure of a file: entries of `ignore_changes`, Keel's annotation, `image_pull_policy`. Reads the files again and
//! compares what they say, not how the edits were made.

use crate::pipeline::{Action, Change, PinRecord, Snapshot};
use crate::plan::flip::image_of;
use crate::plan::owner::keel_may_run;
use crate::sites::resource::{POLICY, POLICY_PATH, Resource, decides, marked};
use crate::sites::{Ignored, Scan, Use};
use crate::terraform::edit::outline::{Statement as Said, differences, outline};
use crate::terraform::edit::put::{item, place};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Files, RepoPath};
use crate::terraform::hcl::Source;
use crate::terraform::span::Span;
use std::collections::BTreeMap;

/// Resources by file and name: those that Terraform owns afterwards (true), and those that Keel is only kept away from.
type Flipped = BTreeMap<(RepoPath, String), bool>;

/// Says whether one of the changes takes a site over, or may keep Keel away from one.
pub(super) fn changes_more(scan: &Scan, changes: &[Change]) -> bool {
    let back = |pin: &PinRecord| pin.action == Action::Rollback;
    changes.iter().flat_map(|change| &change.pins).any(back) || taken(scan, changes).next().is_some()
}

/// Returns the ignored uses that the changes pin for the first time.
pub(super) fn taken<'a>(scan: &'a Scan, changes: &'a [Change]) -> impl Iterator<Item = &'a Use> {
    let pins = changes.iter().flat_map(|change| &change.pins).filter(|pin| pin.action == Action::Adopt && pin.to.is_some());
    let literals = pins.filter_map(|pin| scan.sites().find(|(_, site)| *site.key.0 == *pin.site));
    literals.flat_map(|(literal, _)| &literal.uses).filter(|used| used.ignored == Some(true))
}

/// Says what would change that a flip does not change, or what it would leave out.
pub(super) fn prove(snapshot: &Snapshot, after: &Files, edits: &[Edit], changes: &[Change]) -> Result<(), String> {
    let flipped = flipped(snapshot, changes)?;
    let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
    edits.iter().for_each(|edit| by_file.entry(&edit.file).or_default().push(edit.clone()));
    for (path, edits) in by_file {
        let Some(before) = snapshot.files.bytes(path) else { continue };
        if let Some(stage) = edit::structure(path, before, &edits).map_err(|why| why.to_string())? {
            let middle = read(path, stage.bytes.into())?;
            let (gone, new) = differences(&outline(&read(path, before.clone())?), &outline(&middle));
            structure(snapshot, path, &gone, &new, &flipped)?;
        }
        strings(snapshot, path, before, &edits, &flipped)?;
    }
    let mut owned = flipped.iter().filter(|(_, owned)| **owned && keel_may_run(snapshot));
    owned.try_for_each(|((path, name), _)| keel(after, path, name))
}

/// A string that is no part of an image may only be Keel's policy.
fn strings(snapshot: &Snapshot, path: &RepoPath, before: &std::sync::Arc<[u8]>, edits: &[Edit], flipped: &Flipped) -> Result<(), String> {
    let images: Vec<Span> = snapshot.scan.literals.iter().filter(|literal| literal.file == *path).map(|literal| literal.span).collect();
    let others: Vec<&Edit> = edits.iter().filter(|edit| !images.iter().any(|span| span.contains(edit.span))).collect();
    let names: Vec<&String> = flipped.keys().filter(|(file, _)| file == path).map(|(_, name)| name).collect();
    if others.is_empty() || names.is_empty() {
        return Ok(());
    }
    let source = read(path, before.clone())?;
    let policies: Vec<Span> = names.iter().filter_map(|name| policy(&source, &Resource::named(&source, name)?)).collect();
    let strings = edit::strings(path, before).map_err(|why| why.to_string())?;
    let wrong = others.into_iter().find(|edit| {
        let within = strings.iter().find(|span| span.contains(edit.span) && !edit.span.is_empty());
        within.is_some_and(|span| !policies.contains(span) || edit.put != b"never")
    });
    wrong.map_or(Ok(()), |edit| Err(format!("{path}: a string at byte {} would change, which is not planned", edit.span.start)))
}

/// The content of Keel's policy.
fn policy(source: &Source, resource: &Resource<'_>) -> Option<Span> {
    let annotations = &resource.metadata()?.body.get_attribute("annotations")?.value;
    let (_, value) = item(decides(annotations).ok()?, POLICY)?;
    place(source, value).map(|span| Span::new(span.start + 1, span.end - 1))
}

fn read(path: &RepoPath, bytes: std::sync::Arc<[u8]>) -> Result<Source, String> {
    Source::parse(path.clone(), bytes).map_err(|why| why.to_string())
}

fn flipped(snapshot: &Snapshot, changes: &[Change]) -> Result<Flipped, String> {
    let mut out = Flipped::new();
    let back = changes.iter().flat_map(|change| &change.pins).filter(|pin| pin.action == Action::Rollback);
    let back = back.filter_map(|pin| snapshot.scan.sites().find(|(_, site)| *site.key.0 == *pin.site));
    let back = back.flat_map(|(literal, _)| &literal.uses).map(|used| (used, false));
    for (used, owned) in back.chain(taken(&snapshot.scan, changes).map(|used| (used, true))) {
        if !owned && !used.file.as_str().ends_with(".tf") {
            continue;
        }
        let bytes = snapshot.files.bytes(&used.file).ok_or_else(|| format!("{} was not read", used.file))?;
        let source = read(&used.file, bytes.clone())?;
        match Resource::at(&source, used.line) {
            Some(resource) => {
                let all = out.entry((used.file.clone(), resource.name())).or_default();
                *all |= owned;
            }
            None if owned => return Err(format!("{}:{} is not in a resource", used.file, used.line)),
            None => {}
        }
    }
    Ok(out)
}

fn structure(snapshot: &Snapshot, path: &RepoPath, gone: &[Said], new: &[Said], flipped: &Flipped) -> Result<(), String> {
    let owner = |said: &Said| said.path.first().and_then(|first| Some(first.strip_prefix("resource.")?.split_once('#')?.0.to_owned()));
    let own = |said: &Said| owner(said).and_then(|name| flipped.get(&(path.clone(), name)).copied());
    let keel = keel_may_run(snapshot);
    if let Some(said) = gone.iter().find(|said| own(said).is_none_or(|owned| !may_go(said, keel, owned))) {
        return Err(format!("{path} would lose {}, which is not planned", spelled(said)));
    }
    match new.iter().find(|said| own(said).is_none() || !may_come(said, keel)) {
        Some(said) => Err(format!("{path} would get {}, which is not planned", spelled(said))),
        None => Ok(()),
    }
}

fn spelled(said: &Said) -> String {
    let path = said.path.join("/");
    if said.text.is_empty() { format!("`{path}`") } else { format!("`{path}` {}", said.text) }
}

fn names(said: &Said) -> Vec<&str> {
    said.path.iter().skip(1).map(|part| part.split('#').next().unwrap_or(part)).collect()
}

fn may_go(said: &Said, keel: bool, owned: bool) -> bool {
    let entry = || Ignored::new(&said.text, Span::default()).path;
    match names(said).as_slice() {
        ["lifecycle", "ignore_changes", "[]"] => (owned && image_of(&entry()).is_some()) || (keel && entry() == POLICY_PATH),
        ["lifecycle"] | ["lifecycle", "ignore_changes"] => said.text.is_empty(),
        [.., "container" | "init_container" | "content", "image_pull_policy"] => owned && said.text == "\"Always\"",
        _ => false,
    }
}

fn may_come(said: &Said, keel: bool) -> bool {
    let key = format!("{{{POLICY}}}");
    match names(said).as_slice() {
        ["metadata", "annotations"] => keel && said.text.is_empty(),
        ["metadata", "annotations", rest @ ..] => {
            let own = rest.last() == Some(&key.as_str()) && rest.len() <= 2;
            keel && own && said.text == "\"never\""
        }
        _ => false,
    }
}

/// Says whether Keel would still touch the resource.
fn keel(after: &Files, path: &RepoPath, name: &str) -> Result<(), String> {
    let bytes = after.bytes(path).ok_or_else(|| format!("{path} was not read"))?;
    let source = read(path, bytes.clone())?;
    let resource = Resource::named(&source, name).ok_or_else(|| format!("{path} would no longer have {name}"))?;
    let annotations = resource.metadata().and_then(|metadata| metadata.body.get_attribute("annotations"));
    let marked = annotations.is_some_and(|annotations| marked(&source, &annotations.value).is_some());
    let ignored = resource.ignores().is_some_and(|ignores| ignores.entries.iter().any(|entry| entry.covers(POLICY_PATH)));
    match (marked, ignored) {
        (true, false) => Ok(()),
        (false, _) => Err(format!("{name} in {path} would be left to Keel")),
        (true, true) => Err(format!("{name} in {path} would ignore its `{POLICY}`")),
    }
}
