//! What a rule sees.

use crate::pipeline::forge::Forge;
use crate::pipeline::{Reason, Snapshot};
use crate::plan::site_plan::SitePlan;
use crate::sites::SiteId;
use jiff::Timestamp;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The sites whose edits overlap, each with the other site.
pub(super) type Collisions = BTreeMap<SiteId, SiteId>;

/// What pods of the cluster fail to pull, by the registry: the first evidence.
pub(super) type PullTroubles = BTreeMap<Arc<str>, String>;

/// What a rule sees: everything observed, every site as the rules before it left it.
pub(in crate::plan) struct RuleContext<'p, 'a> {
    pub snapshot: &'a Snapshot,
    pub sites: &'p [SitePlan<'a>],
    /// The time of the pass.
    pub at: Timestamp,
    /// What the last change is waiting for, where one is in flight.
    pub busy: Option<&'p Reason>,
    pub(super) over_budget: OnceCell<BTreeSet<Arc<str>>>,
    pub(super) over_limit: OnceCell<BTreeSet<Arc<str>>>,
    pub(super) collisions: OnceCell<Collisions>,
    pub(super) pull_troubles: OnceCell<PullTroubles>,
    pub(super) over_batch: OnceCell<BTreeSet<Arc<str>>>,
}

impl<'p, 'a> RuleContext<'p, 'a> {
    pub(super) fn new(
        snapshot: &'a Snapshot,
        sites: &'p [SitePlan<'a>],
        busy: Option<&'p Reason>,
    ) -> Self {
        Self {
            snapshot,
            sites,
            at: snapshot.at,
            busy,
            over_budget: OnceCell::new(),
            over_limit: OnceCell::new(),
            collisions: OnceCell::new(),
            pull_troubles: OnceCell::new(),
            over_batch: OnceCell::new(),
        }
    }

    pub fn forge(&self) -> Option<&'a Forge> {
        self.snapshot.forge.known()
    }
}
