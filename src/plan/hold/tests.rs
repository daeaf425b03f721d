//! Every hold that is put is proved, read back, and taken out again without a trace.

mod bytes;
mod proofs;
mod table;

use super::*;
use crate::config::site_settings::Resolver;
use crate::config::{self, Config};
use crate::model::digest::Digest;
use crate::model::settings::Mode;
use crate::pipeline::claim::Claim;
use crate::pipeline::history::History;
use crate::pipeline::{Change, Delivery, Ledger, Seen};
use crate::proof::{edit_files, prove_changes};
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
    files
        .iter()
        .for_each(|(name, text)| all.insert(path(name), Entry::Text(text.as_bytes().into())));
    looked_at(all)
}

fn looked_at(files: Files) -> Snapshot {
    let config = files
        .bytes(&config::path())
        .map(|bytes| config::read_bytes(bytes).expect("the configuration"))
        .unwrap_or_default();
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
    Hold {
        until: until.parse().ok(),
        by: text(by),
        because: text(because),
    }
}

fn is_held(site: &Site) -> Claim {
    Claim::Held {
        site: site.id.clone(),
    }
}

fn is_released(site: &Site) -> Claim {
    Claim::Released {
        site: site.id.clone(),
    }
}

fn has_no_ended_holds(site: &Site) -> Claim {
    Claim::EndedHoldsRemoved {
        site: site.id.clone(),
    }
}

/// The image as it is: no hold may change with it.
fn has_same_image(site: &Site) -> Claim {
    Claim::Image {
        site: site.id.clone(),
        image: site.image.clone(),
    }
}

fn change(edits: Vec<Edit>, claims: Vec<Claim>) -> Change {
    Change {
        name: "x".into(),
        delivery: Delivery::Commit,
        proposal: None,
        message: "x".into(),
        pins: Vec::new(),
        edits,
        claims,
        prove: Vec::new(),
    }
}

/// The repo after edits for which the claim has to be proved.
fn after(snapshot: &Snapshot, edits: &[Edit], claim: Claim) -> Result<Snapshot, String> {
    prove_changes(snapshot, &[change(edits.to_vec(), vec![claim])])?;
    Ok(looked_at(edit_files(&snapshot.files, edits)?))
}

fn site<'a>(snapshot: &'a Snapshot, id: &str) -> (&'a Literal, &'a Site) {
    snapshot
        .scan
        .sites()
        .find(|(_, site)| *site.id.0 == *id)
        .unwrap_or_else(|| panic!("{id}"))
}

/// The holds of a site, as the plan sees them.
fn holds(snapshot: &Snapshot, id: &str) -> Vec<Hold> {
    let (literal, site) = site(snapshot, id);
    let resolver = Resolver::new(&snapshot.scan, &snapshot.config, Mode::Commit);
    resolver
        .resolve(literal, site)
        .holds
        .into_iter()
        .map(|hold| hold.value)
        .collect()
}

fn text(snapshot: &Snapshot, file: &str) -> String {
    snapshot
        .files
        .bytes(&path(file))
        .map(|bytes| String::from_utf8(bytes.to_vec()).expect("text"))
        .unwrap_or_default()
}
