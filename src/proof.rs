//! Proves a plan in the text before anything is written: splice, parse again, scan again, compare.
//! What may differ is what the changes claim; why an edit was made is not known here, and nothing
//! is asked or written.

mod claims;
mod holds;
mod ownership;
mod shift;

use crate::config::{self, Config};
use crate::pipeline::{Change, Ledger, Plan, Seen, Snapshot, trailers};
use crate::sites::json::fate_word;
use crate::sites::{Literal, Scan, Use, scan};
use crate::terraform::edit::{self, Edit};
use crate::terraform::files::{Entry, Files, RepoPath};
use claims::{Claims, without_image};
use shift::Shift;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The names of changes that are not written, and why: sentences.
pub type Refused = Vec<(Arc<str>, String)>;

/// Returns the plan with the changes that hold, and those that do not with the reason. What is
/// refused alone is taken out; of what does not hold together the first are kept.
pub fn prove_plan(snapshot: &Snapshot, plan: Plan) -> (Plan, Refused) {
    if prove_changes(snapshot, &plan.changes).is_ok() {
        return (plan, Vec::new());
    }
    let mut refused = Vec::new();
    let mut kept: Vec<Change> = Vec::new();
    for change in &plan.changes {
        match prove_changes(snapshot, std::slice::from_ref(change)) {
            Ok(()) => kept.push(change.clone()),
            Err(why) => refused.push((change.name.clone(), why)),
        }
    }
    if prove_changes(snapshot, &kept).is_err() {
        let mut together: Vec<Change> = Vec::new();
        for change in kept {
            together.push(change);
            if let (Err(why), Some(last)) = (
                prove_changes(snapshot, &together),
                together.last().map(|change| change.name.clone()),
            ) {
                together.pop();
                refused.push((last, format!("the changes do not hold together: {why}")));
            }
        }
        kept = together;
    }
    let mut ledger = plan.ledger.clone();
    let gone = plan.changes.iter().filter(|change| !kept.contains(change));
    gone.for_each(|change| restore_sightings(snapshot, change, &mut ledger));
    (
        Plan {
            changes: kept,
            ledger,
            ..plan
        },
        refused,
    )
}

/// Puts back what the plan's ledger forgot for pins that will not be written after all.
fn restore_sightings(snapshot: &Snapshot, change: &Change, ledger: &mut Ledger) {
    let Seen::Known(before) = &snapshot.ledger else {
        return;
    };
    let seen = change
        .prove
        .iter()
        .filter_map(|key| Some((key.clone(), *before.first_seen.get(key)?)));
    ledger.first_seen.extend(seen);
}

/// Proves that the edits of some changes do what these claim, and nothing else.
///
/// # Errors A sentence: an edit that does not fit, a file that reads differently, a use that would
/// get another image than claimed, a hold that would be missing or hold another site, a digest that
/// no registry serves, a message that cannot record its pins.
pub fn prove_changes(snapshot: &Snapshot, changes: &[Change]) -> Result<(), String> {
    if let Some(((channel, digest), why)) = changes
        .iter()
        .flat_map(|change| &change.prove)
        .find_map(|key| snapshot.unproved.get_key_value(key))
    {
        return Err(format!(
            "{channel} could not be fetched by its digest {}: {why}",
            digest.short()
        ));
    }
    for change in changes {
        trailers::render(&change.message, &change.pins).map_err(|why| why.to_string())?;
    }
    let edits = join_edits(changes);
    if edits.is_empty() {
        return Ok(());
    }
    let claims = Claims::new(&snapshot.scan, changes)?;
    let structure = if claims.change_structure() {
        Structure::ByClaim
    } else {
        Structure::Stays
    };
    let after = splice_files(&snapshot.files, &edits, structure)?;
    let config = read_config(snapshot, &after, &edits)?;
    let again = scan(&after, &config.scan_settings(&after));
    let shift = Shift::new(&snapshot.files, &edits);
    compare_scans(&snapshot.scan, &again, &claims, &edits, &shift)?;
    if structure == Structure::ByClaim {
        ownership::prove_ownership(snapshot, &after, &edits, &claims)?;
    }
    holds::prove_holds(
        snapshot,
        &Snapshot {
            config: config.into(),
            scan: again.into(),
            ..snapshot.clone()
        },
        &claims,
    )
}

/// Returns the edits of all changes; what several put at the end of one file stands there in their
/// order.
fn join_edits(changes: &[Change]) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    for edit in changes.iter().flat_map(|change| &change.edits) {
        let appended = |other: &&mut Edit| {
            edit.file == config::path()
                && other.file == edit.file
                && edit.span.is_empty()
                && other.span == edit.span
        };
        match out.iter_mut().find(appended) {
            Some(before) => before.put.extend(&edit.put),
            None => out.push(edit.clone()),
        }
    }
    out
}

/// The configuration afterwards: only its holds may differ, and only where its file is edited.
fn read_config(snapshot: &Snapshot, after: &Files, edits: &[Edit]) -> Result<Config, String> {
    let path = config::path();
    if !edits.iter().any(|edit| edit.file == path) {
        return Ok((*snapshot.config).clone());
    }
    let config = config::read_bytes(after.bytes(&path).map_or(&[], |bytes| bytes))?;
    match config::differs_in_holds_only(&snapshot.config, &config) {
        true => Ok(config),
        false => Err(format!("{path} differs in more than holds after the edit")),
    }
}

/// Returns the files with the edits spliced in, each file parsed again. Of the files that are not
/// there only the configuration is made.
pub fn edit_files(files: &Files, edits: &[Edit]) -> Result<Files, String> {
    splice_files(files, edits, Structure::Stays)
}

/// Whether edits may change more than strings and comments.
#[derive(Clone, Copy, PartialEq)]
enum Structure {
    Stays,
    /// What changes is proved apart.
    ByClaim,
}

fn splice_files(files: &Files, edits: &[Edit], structure: Structure) -> Result<Files, String> {
    let mut by_file: BTreeMap<&RepoPath, Vec<Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(&edit.file).or_default().push(edit.clone());
    }
    let mut after = files.clone();
    for (path, mut edits) in by_file {
        edits.sort_by_key(|edit| edit.span);
        let before = match files.bytes(path) {
            Some(bytes) => bytes,
            None if *path == config::path() && files.get(path).is_none() => &[][..].into(),
            None => return Err(format!("{path} was not read")),
        };
        let bytes = edit::apply(before, &edits).map_err(|e| e.to_string())?;
        let stage = match structure {
            Structure::ByClaim => {
                edit::structure(path, before, &edits).map_err(|e| e.to_string())?
            }
            Structure::Stays => None,
        };
        match stage {
            _ if *path == config::path() => {}
            None => edit::prove(path, before, &bytes, &edits).map_err(|e| e.to_string())?,
            Some(stage) => {
                edit::prove(path, &stage.bytes, &bytes, &stage.rest).map_err(|e| e.to_string())?
            }
        }
        after.insert(path.clone(), Entry::Text(bytes.into()));
    }
    Ok(after)
}

/// The same use where it is after the edits.
fn shifted(used: &Use, shift: &Shift<'_>) -> Use {
    Use {
        line: shift.line(&used.file, used.line),
        ..without_image(used)
    }
}

fn compare_scans(
    before: &Scan,
    after: &Scan,
    claims: &Claims,
    edits: &[Edit],
    shift: &Shift<'_>,
) -> Result<(), String> {
    let name = |literal: &Literal| format!("{}:{}", literal.file, literal.line);
    if before.literals.len() != after.literals.len() {
        let (before, after) = (before.literals.len(), after.literals.len());
        return Err(format!(
            "{before} literals take part in images before the edit and {after} after it"
        ));
    }
    let (images, tracked) = (claims.images(), claims.tracked());
    for (old, new) in before.literals.iter().zip(&after.literals) {
        let (word, word_after) = (fate_word(&old.fate).0, fate_word(&new.fate).0);
        if (&old.file, shift.line(&old.file, old.line)) != (&new.file, new.line)
            || word != word_after
        {
            return Err(format!(
                "{} is {word} before the edit and {} {word_after} after it",
                name(old),
                name(new)
            ));
        }
        if let Some(difference) = compare_uses(old, new, (&images, &tracked), shift) {
            return Err(format!("{}: {difference}", name(old)));
        }
        let is_touched = edits
            .iter()
            .any(|edit| edit.file == old.file && old.span.contains(edit.span));
        if !is_touched && old.literal != new.literal {
            return Err(format!("{} changes, and no edit touches it", name(old)));
        }
    }
    let problems = |scan: &Scan| {
        scan.problems
            .iter()
            .map(|p| (p.file.clone(), p.what.clone()))
            .collect::<BTreeSet<_>>()
    };
    if problems(before) != problems(after) {
        return Err("the repo has other problems after the edit than before it".into());
    }
    Ok(())
}

/// Says which use has another image than claimed.
fn compare_uses(
    old: &Literal,
    new: &Literal,
    (images, tracked): (&BTreeMap<Use, String>, &BTreeSet<Use>),
    shift: &Shift<'_>,
) -> Option<String> {
    let after = |used: &Use| {
        let image = images
            .get(&without_image(used))
            .map(|image| image.as_str().into())
            .or_else(|| used.image.clone());
        let ignored = if tracked.contains(&without_image(used)) {
            Some(false)
        } else {
            used.ignored
        };
        (
            Use {
                ignored,
                ..shifted(used, shift)
            },
            image,
        )
    };
    let wanted: BTreeMap<Use, Option<Arc<str>>> = old.uses.iter().map(after).collect();
    let got: BTreeMap<Use, Option<Arc<str>>> = new
        .uses
        .iter()
        .map(|used| (without_image(used), used.image.clone()))
        .collect();
    if wanted == got {
        return None;
    }
    let (used, image) = got
        .iter()
        .find(|(used, image)| wanted.get(*used) != Some(*image))?;
    let (kind, name) = (&used.kind, used.name.as_deref().unwrap_or("?"));
    let other = Use {
        ignored: used.ignored.map(|ignored| !ignored),
        ..used.clone()
    };
    if wanted.contains_key(&other) {
        let ignored = if used.ignored == Some(true) {
            "still be ignored"
        } else {
            "no longer be ignored, which is not claimed"
        };
        return Some(format!("the image of {kind}/{name} would {ignored}"));
    }
    let show = |image: Option<&Arc<str>>| {
        image.map_or_else(|| "an unknown image".to_owned(), ToString::to_string)
    };
    let want = wanted.get(used).and_then(Option::as_ref);
    Some(format!(
        "{kind}/{name} would get {}, not {}",
        show(image.as_ref()),
        show(want)
    ))
}
