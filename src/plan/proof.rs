//! Proves a plan in the text before anything is written: splice, parse again, scan again, compare. Pure; the second reading does not know why an edit was made.

mod flips;
mod holds;
mod shift;

use super::hold;
use crate::config::Config;
use crate::model::reference::Reference;
use crate::pipeline::{Change, PinRecord, Plan, Snapshot};
use crate::sites::{Fate, Literal, Scan, Site, Use, scan};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Entry, Files, RepoPath};
use shift::Shift;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the plan with the changes that hold, and those that do not with the reason. What is refused alone is taken out; of what does not
/// hold together the first are kept.
pub fn proved(snapshot: &Snapshot, plan: Plan) -> (Plan, Vec<(Arc<str>, String)>) {
    if prove(snapshot, &plan.changes).is_ok() {
        return (plan, Vec::new());
    }
    let mut refused = Vec::new();
    let mut kept: Vec<Change> = Vec::new();
    for change in &plan.changes {
        match prove(snapshot, std::slice::from_ref(change)) {
            Ok(()) => kept.push(change.clone()),
            Err(why) => refused.push((change.name.clone(), why)),
        }
    }
    if prove(snapshot, &kept).is_err() {
        let mut together: Vec<Change> = Vec::new();
        for change in kept {
            together.push(change);
            if let (Err(why), Some(last)) = (prove(snapshot, &together), together.last().map(|change| change.name.clone())) {
                together.pop();
                refused.push((last, format!("the changes do not hold together: {why}")));
            }
        }
        kept = together;
    }
    let mut ledger = plan.ledger.clone();
    let gone = plan.changes.iter().filter(|change| !kept.contains(change));
    gone.for_each(|change| super::ledger::keep(snapshot, &change.prove, &mut ledger));
    (Plan { changes: kept, ledger, ..plan }, refused)
}

/// Says why the changes may not be written: an edit that does not fit, a file that reads differently, a use that would get another image than
/// planned, a hold that would be missing or hold another site, a digest that nobody serves.
pub fn prove(snapshot: &Snapshot, changes: &[Change]) -> Result<(), String> {
    if let Some(((channel, digest), why)) =
        changes.iter().flat_map(|change| &change.prove).find_map(|key| snapshot.unproved.get_key_value(key))
    {
        return Err(format!("{channel} was not served by its digest {}: {why}", digest.short()));
    }
    let edits = together(changes);
    if edits.is_empty() {
        return Ok(());
    }
    let taken: BTreeSet<User> = flips::taken(&snapshot.scan, changes).map(user).collect();
    let flips = flips::changes_more(&snapshot.scan, changes);
    let after = spliced(&snapshot.files, &edits, if flips { Structure::Flips } else { Structure::Stays })?;
    let config = config(snapshot, &after, &edits)?;
    let again = scan(&after, &config.scan_settings(&after));
    let shift = Shift::new(&snapshot.files, &edits);
    let planned = Planned { images: expected(&snapshot.scan, changes)?, taken };
    compare(&snapshot.scan, &again, &planned, &edits, &shift)?;
    if flips {
        flips::prove(snapshot, &after, &edits, changes)?;
    }
    let pins: Vec<&PinRecord> = changes.iter().flat_map(|change| &change.pins).collect();
    holds::prove(snapshot, &Snapshot { config: config.into(), scan: again.into(), ..snapshot.clone() }, &pins)
}

/// Returns the edits of all changes; what several put at the end of one file stands there in their order.
fn together(changes: &[Change]) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    for edit in changes.iter().flat_map(|change| &change.edits) {
        let appended = |other: &&mut Edit| {
            edit.file == hold::entry_file() && other.file == edit.file && edit.span.is_empty() && other.span == edit.span
        };
        match out.iter_mut().find(appended) {
            Some(before) => before.put.extend(&edit.put),
            None => out.push(edit.clone()),
        }
    }
    out
}

/// The configuration afterwards: only its holds may be others, and only where its file is edited.
fn config(snapshot: &Snapshot, after: &Files, edits: &[Edit]) -> Result<Config, String> {
    let path = hold::entry_file();
    if !edits.iter().any(|edit| edit.file == path) {
        return Ok((*snapshot.config).clone());
    }
    let config = hold::read_entries(after.bytes(&path).map_or(&[], |bytes| bytes))?;
    match hold::differs_in_holds_only(&snapshot.config, &config) {
        true => Ok(config),
        false => Err(format!("{path} says something else than other holds after the edit")),
    }
}

/// Returns the files with the edits spliced in, each file parsed again. Of the files that are not there only the configuration is made.
pub fn edited(files: &Files, edits: &[Edit]) -> Result<Files, String> {
    spliced(files, edits, Structure::Stays)
}

/// Whether edits may change more than strings and comments.
#[derive(Clone, Copy, PartialEq)]
enum Structure {
    Stays,
    /// What changes is proved apart.
    Flips,
}

fn spliced(files: &Files, edits: &[Edit], structure: Structure) -> Result<Files, String> {
    let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.file).or_default().push(edit.clone());
    }
    let mut after = files.clone();
    for (path, mut edits) in by_file {
        edits.sort_by_key(|edit| edit.span);
        let before = match files.bytes(path) {
            Some(bytes) => bytes,
            None if *path == hold::entry_file() && files.get(path).is_none() => &[][..].into(),
            None => return Err(format!("{path} was not read")),
        };
        let bytes = edit::apply(before, &edits).map_err(|e| e.to_string())?;
        let stage = match structure {
            Structure::Flips => edit::structure(path, before, &edits).map_err(|e| e.to_string())?,
            Structure::Stays => None,
        };
        match stage {
            _ if *path == hold::entry_file() => {}
            None => edit::prove(path, before, &bytes, &edits).map_err(|e| e.to_string())?,
            Some(stage) => edit::prove(path, &stage.bytes, &bytes, &stage.rest).map_err(|e| e.to_string())?,
        }
        after.insert(path.clone(), Entry::Text(bytes.into()));
    }
    Ok(after)
}

/// Who a use is, whatever image it has.
type User = Use;

fn user(one: &Use) -> User {
    Use { image: None, ignore_spans: Vec::new(), ..one.clone() }
}

/// What the changes are to make of the uses.
struct Planned {
    images: BTreeMap<User, String>,
    /// Those that Terraform ignores before and owns after.
    taken: BTreeSet<User>,
}

/// The same use where it is after the edits.
fn moved(one: &Use, shift: &Shift<'_>) -> User {
    Use { line: shift.line(&one.file, one.line), ..user(one) }
}

/// The image each edited use has afterwards.
fn expected(before: &Scan, changes: &[Change]) -> Result<BTreeMap<User, String>, String> {
    let mut out = BTreeMap::new();
    for pin in changes.iter().flat_map(|change| &change.pins) {
        let (literal, site) =
            before.sites().find(|(_, site)| *site.key.0 == *pin.site).ok_or_else(|| format!("{} is not a site", pin.site))?;
        let image = wanted(site, pin);
        out.extend(literal.uses.iter().map(|one| (user(one), image.to_string())));
    }
    Ok(out)
}

/// The image that a site has after its pin: with another tag where the pin says so, the same image where it says no digest.
fn wanted(site: &Site, pin: &PinRecord) -> Reference {
    let Some(to) = &pin.to else { return site.image.clone() };
    let spelled = site.image.tag.is_some() || site.image.digest.is_none();
    let named = Reference::parse(&pin.image).filter(|image| spelled && image.name == site.image.name).and_then(|image| image.tag);
    let tag = named.or_else(|| site.image.tag.clone()).or_else(|| spelled.then(|| "latest".into()));
    Reference { tag, digest: Some(to.clone()), ..site.image.clone() }
}

fn compare(before: &Scan, after: &Scan, planned: &Planned, edits: &[Edit], shift: &Shift<'_>) -> Result<(), String> {
    let name = |literal: &Literal| format!("{}:{}", literal.file, literal.line);
    if before.literals.len() != after.literals.len() {
        return Err(format!(
            "{} literals take part in images before the edit and {} after it",
            before.literals.len(),
            after.literals.len()
        ));
    }
    for (old, new) in before.literals.iter().zip(&after.literals) {
        if (&old.file, shift.line(&old.file, old.line)) != (&new.file, new.line) || word(&old.fate) != word(&new.fate) {
            return Err(format!("{} is {} before the edit and {} {} after it", name(old), word(&old.fate), name(new), word(&new.fate)));
        }
        if let Some(different) = uses(old, new, planned, shift) {
            return Err(format!("{}: {different}", name(old)));
        }
        let touched = edits.iter().any(|edit| edit.file == old.file && old.span.contains(edit.span));
        if !touched && old.literal != new.literal {
            return Err(format!("{} changes, and no edit touches it", name(old)));
        }
    }
    let told = |scan: &Scan| scan.problems.iter().map(|p| (p.file.clone(), p.what.clone())).collect::<BTreeSet<_>>();
    if told(before) != told(after) {
        return Err("the repo has other problems after the edit than before it".into());
    }
    Ok(())
}

/// Says which use has another image than planned.
fn uses(old: &Literal, new: &Literal, planned: &Planned, shift: &Shift<'_>) -> Option<String> {
    let after = |one: &Use| {
        let image = planned.images.get(&user(one)).map(|image| image.as_str().into()).or_else(|| one.image.clone());
        let ignored = if planned.taken.contains(&user(one)) { Some(false) } else { one.ignored };
        (Use { ignored, ..moved(one, shift) }, image)
    };
    let wanted: BTreeMap<User, Option<Arc<str>>> = old.uses.iter().map(after).collect();
    let got: BTreeMap<User, Option<Arc<str>>> = new.uses.iter().map(|one| (user(one), one.image.clone())).collect();
    if wanted == got {
        return None;
    }
    let (who, image) = got.iter().find(|(who, image)| wanted.get(*who) != Some(*image))?;
    let other = Use { ignored: who.ignored.map(|ignored| !ignored), ..who.clone() };
    if wanted.contains_key(&other) {
        let (kind, name) = (&who.kind, who.name.as_deref().unwrap_or("?"));
        let ignored = if who.ignored == Some(true) { "still be ignored" } else { "no longer be ignored, which is not planned" };
        return Some(format!("the image of {kind}/{name} would {ignored}"));
    }
    let has = |image: Option<&Arc<str>>| image.map_or_else(|| "an unknown image".to_owned(), ToString::to_string);
    let want = wanted.get(who).and_then(Option::as_ref);
    Some(format!("{}/{} would get {}, not {}", who.kind, who.name.as_deref().unwrap_or("?"), has(image.as_ref()), has(want)))
}

fn word(fate: &Fate) -> &'static str {
    match fate {
        Fate::Site(_) => "site",
        Fate::Half(_) => "half",
        Fate::Unpinnable(_) => "unpinnable",
        Fate::Dead(_) => "dead",
        Fate::Orphan(_) => "orphan",
    }
}
