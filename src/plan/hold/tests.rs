//! Every hold that is put is proved, read back, and taken out again without a trace.

mod bytes;
mod proofs;
mod table;

use super::*;
use crate::config::Config;
use crate::model::digest::Digest;
use crate::pipeline::history::History;
use crate::pipeline::{Action, Cause, Change, Ledger, PinRecord, Route, Seen};
use crate::plan::{proof, select::Select, usual};
use crate::sites::scan;
use crate::terraform::files::{Entry, Files, RepoPath};
use std::sync::Arc;

const NOW: &str = "2026-11-22T12:00:00Z";

fn path(name: &str) -> RepoPath {
    RepoPath::new(name).expect(name)
}

/// A repo of these files.
fn repo(files: &[(&str, &str)]) -> Snapshot {
    let mut all = Files::default();
    files.iter().for_each(|(name, text)| all.insert(path(name), Entry::Text(text.as_bytes().into())));
    looked_at(all)
}

fn looked_at(files: Files) -> Snapshot {
    let config = files.bytes(&entry_file()).map(|bytes| read_entries(bytes).expect("the configuration")).unwrap_or_default();
    let scan = scan(&files, &config.scan_settings(&files));
    Snapshot {
        at: NOW.parse().expect("a time"),
        files: files.into(),
        scan: scan.into(),
        config: config.into(),
        history: Seen::Known(History::default()),
        ledger: Seen::Known(Ledger::default()),
        ..Snapshot::default()
    }
}

fn hold(until: &str, by: &str, because: &str) -> Hold {
    let text = |text: &str| (!text.is_empty()).then(|| Arc::from(text));
    Hold { until: until.parse().ok(), by: text(by), because: text(because) }
}

fn record(site: &Site, action: Action) -> PinRecord {
    let image = match &site.image.tag {
        Some(tag) => format!("{}:{tag}", site.image.name),
        None => site.image.name.to_string(),
    };
    let digest = site.image.digest.clone();
    PinRecord {
        action,
        site: site.key.to_string(),
        image,
        from: digest.clone(),
        to: digest,
        cause: Cause::Command,
        evidence: None,
        asked: None,
    }
}

fn change(edits: Vec<Edit>, pins: Vec<PinRecord>) -> Change {
    Change { name: "x".into(), route: Route::Commit, message: "x".into(), pins, edits, prove: Vec::new() }
}

/// The repo after edits that have to be proved for the site.
fn after(snapshot: &Snapshot, edits: &[Edit], site: &Site, action: Action) -> Result<Snapshot, String> {
    proof::prove(snapshot, &[change(edits.to_vec(), vec![record(site, action)])])?;
    Ok(looked_at(proof::edited(&snapshot.files, edits)?))
}

fn site<'a>(snapshot: &'a Snapshot, key: &str) -> (&'a Literal, &'a Site) {
    snapshot.scan.sites().find(|(_, site)| *site.key.0 == *key).unwrap_or_else(|| panic!("{key}"))
}

/// The holds of a site, as the plan sees them.
fn holds(snapshot: &Snapshot, key: &str) -> Vec<Hold> {
    let select = Select::new(&snapshot.scan, &snapshot.config, usual(snapshot));
    let (literal, site) = site(snapshot, key);
    select.terms(literal, site).holds.into_iter().map(|hold| hold.value).collect()
}

fn text(snapshot: &Snapshot, file: &str) -> String {
    snapshot.files.bytes(&path(file)).map(|bytes| String::from_utf8(bytes.to_vec()).expect("text")).unwrap_or_default()
}
