//! Puts holds on sites and removes them: the edits, nothing else. A hold stands in a comment beside
//! the image; where a comment would become part of a value, in `pintle.toml`. Never says whether a
//! site should be held.

mod draft;
mod entry;
mod inline;
mod retag;
mod found;

pub use draft::{Draft, Kept};
pub use retag::retag;

use crate::config;
use crate::model::hold::Hold;
use crate::pipeline::Snapshot;
use crate::sites::{Literal, Site, SiteId};
use crate::terraform::edit::Edit;
use crate::terraform::files::RepoPath;
use crate::terraform::span::Span;
use draft::Region;
use found::{FoundHold, HoldOrigin, find_holds};
use std::collections::BTreeSet;

/// Which holds of a site are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that hold at the snapshot's time.
    Standing,
    /// Those that have ended by then.
    Ended,
}

impl Draft<'_> {
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

/// Returns the edits that put a hold on one site, in place of the one that pintle or a person put
/// beside it. They overlap no pin of the site. For several sites of one change use a [`Draft`]:
/// they may share a line.
///
/// # Errors
/// A sentence why no place can take it.
pub fn put(
    snapshot: &Snapshot,
    literal: &Literal,
    site: &Site,
    hold: &Hold,
) -> Result<Vec<Edit>, String> {
    let mut draft = Draft::new(snapshot);
    draft.put(literal, site, hold)?;
    Ok(draft.edits())
}

/// Returns the edits that lift one site's holds: none where it has none.
///
/// # Errors
/// When one of them covers other sites too, or stands where pintle may not write.
pub fn lift(
    snapshot: &Snapshot,
    literal: &Literal,
    site: &Site,
    which: Which,
) -> Result<Vec<Edit>, Kept> {
    let mut draft = Draft::new(snapshot);
    draft.lift(&[(literal, site)], which)?;
    Ok(draft.edits())
}

#[cfg(test)]
mod tests;
