//! Puts holds on sites and lifts them: the edits, nothing else. A hold stands in a comment beside
//! the image; where a comment would become part of a value, in `pintle.toml`. Never says whether a
//! site should be held.

mod draft;
mod entry;
mod inline;
mod retag;
mod found;

pub use draft::Draft;
pub use retag::retag;

use crate::model::hold::Hold;
use crate::pipeline::Snapshot;
use crate::sites::{Literal, Site};
use crate::terraform::edit::Edit;
use std::fmt;

/// Which holds of a site are lifted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that hold at the snapshot's time.
    Standing,
    /// Those that have ended by then.
    Ended,
}

/// Why a hold cannot be lifted: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept(pub String);

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
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
