//! The edits of one change as they grow: each step sees what the steps before it put into the same
//! comment or file.

use crate::config::site_settings::Resolver;
use crate::pipeline::Snapshot;
use crate::plan::delivery::usual_mode;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Holds put and lifted in one change.
pub struct Draft<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) resolver: Resolver<'a>,
    pub(super) regions: BTreeMap<(RepoPath, Span), Region>,
    /// Entries of `pintle.toml` that are taken out, by number.
    pub(super) gone: BTreeSet<usize>,
}

pub(super) struct Region {
    pub was: String,
    pub now: String,
    pub why: String,
}

impl<'a> Draft<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let resolver = Resolver::new(&snapshot.scan, &snapshot.config, usual_mode(snapshot));
        Self {
            snapshot,
            resolver,
            regions: BTreeMap::new(),
            gone: BTreeSet::new(),
        }
    }

    /// Returns the text of a file that was read.
    pub(super) fn text(&self, file: &RepoPath) -> Option<&'a str> {
        std::str::from_utf8(self.snapshot.files.bytes(file)?).ok()
    }

    /// Returns what stands in a region by now.
    pub(super) fn current_region(&self, file: &RepoPath, span: Span) -> String {
        let known = self
            .regions
            .get(&(file.clone(), span))
            .map(|region| region.now.clone());
        known.unwrap_or_else(|| self.original_region(file, span))
    }

    fn original_region(&self, file: &RepoPath, span: Span) -> String {
        self.text(file)
            .and_then(|text| text.get(span.range()))
            .unwrap_or_default()
            .to_owned()
    }

    /// Puts other text into a region.
    pub(super) fn replace_region(&mut self, file: &RepoPath, span: Span, now: String, why: String) {
        let was = self.original_region(file, span);
        self.regions
            .insert((file.clone(), span), Region { was, now, why });
    }
}

/// Why a hold cannot be lifted: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept(pub String);

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
