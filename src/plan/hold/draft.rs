//! The edits of one change as they grow: each step sees what the steps before it put into the same
//! comment or file.

use super::found::{FoundHold, HoldOrigin, find_holds};
use super::{Kept, Which, entry, inline};
use crate::config;
use crate::config::site_settings::Resolver;
use crate::model::hold::Hold;
use crate::pipeline::Snapshot;
use crate::plan::delivery::usual_mode;
use crate::sites::{Literal, Site, SiteId};
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use std::collections::{BTreeMap, BTreeSet};

/// Holds put and lifted in one change.
pub struct Draft<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) resolver: Resolver<'a>,
    regions: BTreeMap<(RepoPath, Span), Region>,
    /// Entries of `pintle.toml` that are taken out, by number.
    pub(super) gone: BTreeSet<usize>,
}

struct Region {
    was: String,
    now: String,
    why: String,
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

    /// Puts a hold on a site: in place of the one beside it, else beside it, else in `pintle.toml`.
    /// Nothing changes where that fails.
    pub fn put(&mut self, literal: &Literal, site: &Site, hold: &Hold) -> Result<(), String> {
        let hold = hold.tidied();
        if inline::replace(self, literal, site, &hold)
            || entry::replace(self, literal, site, &hold)?
        {
            return Ok(());
        }
        match inline::put(self, literal, site, &hold) {
            true => Ok(()),
            false => entry::put(self, site, &hold),
        }
    }

    /// Lifts the holds of sites that are let go together: one that covers all of them and no other
    /// is lifted too. Nothing changes where that fails.
    pub fn lift(&mut self, sites: &[(&Literal, &Site)], which: Which) -> Result<(), Kept> {
        let together: BTreeSet<&SiteId> = sites.iter().map(|(_, site)| &site.id).collect();
        let before: Vec<_> = self
            .regions
            .iter()
            .map(|(key, region)| (key.clone(), region.now.clone()))
            .collect();
        let gone = self.gone.clone();
        let lifted = sites
            .iter()
            .try_for_each(|(literal, site)| self.lift_one(literal, site, which, &together));
        if lifted.is_err() {
            self.regions
                .values_mut()
                .for_each(|region| region.now.clone_from(&region.was));
            for (key, now) in before {
                self.regions
                    .entry(key)
                    .and_modify(|region| region.now = now);
            }
            self.gone = gone;
        }
        lifted
    }

    fn lift_one(
        &mut self,
        literal: &Literal,
        site: &Site,
        which: Which,
        together: &BTreeSet<&SiteId>,
    ) -> Result<(), Kept> {
        let at = self.snapshot.at;
        let wanted = |one: &FoundHold<'_>| one.hold.holds_at(at) == (which == Which::Standing);
        for one in find_holds(&self.resolver, self.snapshot, literal, site)
            .into_iter()
            .filter(wanted)
        {
            let others = one
                .others
                .iter()
                .filter(|key| !together.contains(*key))
                .count();
            if others > 0 || matches!(one.origin, HoldOrigin::Rule(_)) {
                return Err(Kept(not_removed(&one.origin, others)));
            }
            match &one.origin {
                HoldOrigin::Comment { comment, directive } => {
                    inline::lift(self, comment, directive)?
                }
                HoldOrigin::Entry(number) => entry::lift(self, *number)?,
                HoldOrigin::Rule(_) => {}
            }
        }
        Ok(())
    }

    /// Returns the edits, sorted by file and place.
    pub fn edits(&self) -> Vec<Edit> {
        let changed = self
            .regions
            .iter()
            .filter(|(_, region)| region.was != region.now);
        let edit = |((file, span), region): (&(RepoPath, Span), &Region)| Edit {
            file: file.clone(),
            span: *span,
            expect: region.was.clone().into_bytes(),
            put: region.now.clone().into_bytes(),
            why: region.why.clone(),
        };
        let path = config::path();
        let removed = self
            .text(&path)
            .map(|text| entry::removals(text, &self.gone))
            .unwrap_or_default();
        let mut all: Vec<Edit> = changed.map(edit).chain(removed).collect();
        all.sort();
        all
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

fn not_removed(origin: &HoldOrigin<'_>, others: usize) -> String {
    let place = match origin {
        HoldOrigin::Comment { comment, .. } => {
            format!("the comment at {}:{}", comment.file, comment.line)
        }
        HoldOrigin::Rule(number) => format!("`[[rule]] {number}` of pintle.toml"),
        HoldOrigin::Entry(number) => format!("`[[hold]] {number}` of pintle.toml"),
    };
    let covers = match others {
        0 => String::new(),
        1 => ", which covers 1 more site".into(),
        n => format!(", which covers {n} more sites"),
    };
    format!("held by {place}{covers}: change it there")
}
