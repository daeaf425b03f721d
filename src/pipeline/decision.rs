//! What was decided about one site.

use super::reason::Reason;
use super::seen::Seen;
use super::verdict::Verdict;
use crate::model::digest::Digest;
use crate::sites::SiteId;

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub site: SiteId,
    pub verdict: Verdict,
    /// Why, most important first.
    pub reasons: Vec<Reason>,
    /// The digest pinned now.
    pub from: Option<Digest>,
    /// The digest wanted, also while it waits.
    pub to: Option<Digest>,
    /// What runs in the cluster; `None` where nothing does.
    pub runs: Seen<Option<Digest>>,
}
