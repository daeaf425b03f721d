//! What is looked at to decide one comment, and what a command makes of one site.

use crate::pipeline::forge::{Ask, Forge};
use crate::pipeline::{Reason, Snapshot, Verdict};
use crate::plan::site_plan::{COMMENT, SitePlan, Target};

/// What is looked at to decide one comment.
pub(super) struct CommentCase<'a, 'b> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) forge: &'a Forge,
    pub(super) sites: &'b [SitePlan<'a>],
    pub(super) ask: &'a Ask,
    /// Its place among the comments of the pass.
    pub(super) order: usize,
}

/// What a command makes of one site.
pub(super) struct SiteTarget {
    /// The place in the scan's sites.
    pub(super) place: usize,
    pub(super) verdict: Verdict,
    pub(super) reason: Reason,
    pub(super) target: Target,
}

impl CommentCase<'_, '_> {
    pub(super) fn change_name(&self) -> String {
        format!("{COMMENT}{}", self.ask.comment.id)
    }
}
