//! Proves a plan in the text before anything is written: splice, parse again, scan again, compare. Pure; the second reading does not know why an edit was made.

use crate::model::reference::Reference;
use crate::pipeline::{Change, Plan, Snapshot};
use crate::sites::{Fate, Literal, Scan, Use, scan};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Entry, Files, RepoPath};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the plan with the changes that hold, and those that do not with the reason. What is refused alone is taken out; if the rest does not
/// hold together either, nothing is left.
pub fn proved(snapshot: &Snapshot, plan: Plan) -> (Plan, Vec<(Arc<str>, String)>) {
    if prove(snapshot, &plan.changes).is_ok() {
        return (plan, Vec::new());
    }
    let mut refused = Vec::new();
    let mut kept = Vec::new();
    for change in &plan.changes {
        match prove(snapshot, std::slice::from_ref(change)) {
            Ok(()) => kept.push(change.clone()),
            Err(why) => refused.push((change.name.clone(), why)),
        }
    }
    if let Err(why) = prove(snapshot, &kept) {
        refused.extend(kept.drain(..).map(|change| (change.name, format!("the changes do not hold together: {why}"))));
    }
    let mut ledger = plan.ledger.clone();
    let gone = plan.changes.iter().filter(|change| !kept.contains(change));
    gone.for_each(|change| super::ledger::keep(snapshot, &change.prove, &mut ledger));
    (Plan { changes: kept, ledger, ..plan }, refused)
}

/// Says why the changes may not be written: an edit that does not fit, a file that reads differently, a use that would get another image than planned.
pub fn prove(snapshot: &Snapshot, changes: &[Change]) -> Result<(), String> {
    let edits: Vec<Edit> = changes.iter().flat_map(|change| change.edits.iter().cloned()).collect();
    if edits.is_empty() {
        return Ok(());
    }
    let after = edited(&snapshot.files, &edits)?;
    let again = scan(&after, &snapshot.config.scan_settings(&after));
    compare(&snapshot.scan, &again, &expected(&snapshot.scan, changes)?, &edits)
}

/// Returns the files with the edits spliced in, each file parsed again.
pub fn edited(files: &Files, edits: &[Edit]) -> Result<Files, String> {
    let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.file).or_default().push(edit.clone());
    }
    let mut after = files.clone();
    for (path, mut edits) in by_file {
        edits.sort_by_key(|edit| edit.span);
        let before = files.bytes(path).ok_or_else(|| format!("{path} was not read"))?;
        let bytes = edit::apply(before, &edits).map_err(|e| e.to_string())?;
        edit::prove(path, before, &bytes, &edits).map_err(|e| e.to_string())?;
        after.insert(path.clone(), Entry::Text(bytes.into()));
    }
    Ok(after)
}

/// Who a use is, whatever image it has.
type User = Use;

fn user(one: &Use) -> User {
    Use { image: None, ignore_spans: Vec::new(), ..one.clone() }
}

/// The image each edited use has afterwards.
fn expected(before: &Scan, changes: &[Change]) -> Result<BTreeMap<User, String>, String> {
    let mut out = BTreeMap::new();
    for pin in changes.iter().flat_map(|change| &change.pins) {
        let (literal, site) =
            before.sites().find(|(_, site)| *site.key.0 == *pin.site).ok_or_else(|| format!("{} is not a site", pin.site))?;
        let tag = site.image.tag.clone().or_else(|| site.image.digest.is_none().then(|| "latest".into()));
        let image = Reference { tag, digest: pin.to.clone(), ..site.image.clone() };
        out.extend(literal.uses.iter().map(|one| (user(one), image.to_string())));
    }
    Ok(out)
}

fn compare(before: &Scan, after: &Scan, expected: &BTreeMap<User, String>, edits: &[Edit]) -> Result<(), String> {
    let name = |literal: &Literal| format!("{}:{}", literal.file, literal.line);
    if before.literals.len() != after.literals.len() {
        return Err(format!(
            "{} literals take part in images before the edit and {} after it",
            before.literals.len(),
            after.literals.len()
        ));
    }
    for (old, new) in before.literals.iter().zip(&after.literals) {
        if (&old.file, old.line) != (&new.file, new.line) || word(&old.fate) != word(&new.fate) {
            return Err(format!("{} is {} before the edit and {} {} after it", name(old), word(&old.fate), name(new), word(&new.fate)));
        }
        if let Some(different) = uses(old, new, expected) {
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
fn uses(old: &Literal, new: &Literal, expected: &BTreeMap<User, String>) -> Option<String> {
    let planned = |one: &Use| {
        let image = expected.get(&user(one)).map(|image| image.as_str().into()).or_else(|| one.image.clone());
        (user(one), image)
    };
    let wanted: BTreeMap<User, Option<Arc<str>>> = old.uses.iter().map(planned).collect();
    let got: BTreeMap<User, Option<Arc<str>>> = new.uses.iter().map(|one| (user(one), one.image.clone())).collect();
    if wanted == got {
        return None;
    }
    let (who, image) = got.iter().find(|(who, image)| wanted.get(*who) != Some(*image))?;
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
