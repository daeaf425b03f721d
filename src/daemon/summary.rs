//! What a pass did and found, as the loop and the metrics need it. Values only.

use crate::observe::FollowedBranch;
use crate::pipeline::{Action, Cause};
use crate::report::gauges::PassGauges;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What is wrong, by the container and the code of the trouble: `deployment/web/web:web`,
/// `crashing`.
pub type LiveTroubles = BTreeMap<(String, &'static str), String>;

/// What a pass did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassSummary {
    pub commits: usize,
    /// Pull requests that were opened, changed, closed or merged.
    pub pulls: usize,
    /// Comments that were answered.
    pub answers: usize,
    /// Requests that the forge refused.
    pub troubles: usize,
    /// Why nothing, or not everything, can be done in the forge, though the pass came to its end: a
    /// sentence for the probe. The pass is tried again like one that failed.
    pub fault: Option<String>,
    /// Sites whose upstream digest is unknown.
    pub unknown: usize,
    /// Sentences for the log. One that the pass before had too is not logged again.
    pub warnings: BTreeSet<String>,
    /// Newer tags that policies do not take: sentences. One that the pass before had too is not
    /// logged again.
    pub newer_tags: BTreeSet<String>,
    /// What is wrong with what runs; `None` where the cluster is not known. It is logged when it
    /// begins and when it ends.
    pub live_troubles: Option<LiveTroubles>,
    /// Another pass can write more now: run it at once.
    pub again: bool,
    /// When the next pass is needed even if no event happens until then.
    pub later: Option<Duration>,
    /// Which pushes matter.
    pub followed: FollowedBranch,
    /// What each commit did and why.
    pub commit_actions: Vec<(Action, Cause)>,
    /// Pull requests by what was done to them: `opened`.
    pub pulls_by_result: BTreeMap<&'static str, usize>,
    /// What the pass found, for the metrics.
    pub gauges: Box<PassGauges>,
}
