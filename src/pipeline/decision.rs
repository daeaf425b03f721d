//! What was decided about one site.

use super::reason::Reason;
use super::seen::Seen;
use super::verdict::Verdict;
use crate::model::choice::KeptOut;
use crate::model::digest::Digest;
use crate::model::reference::Tag;
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
    /// Which tag its policy chooses, where it chooses one and its tags are known.
    pub tags: Option<DecidedTags>,
    /// What runs in the cluster; `None` where nothing does.
    pub runs: Seen<Option<Digest>>,
}

/// What a policy makes of the tags of a repository.
#[derive(Clone, Debug, PartialEq)]
pub struct DecidedTags {
    /// The newer tag that it chooses, if any.
    pub to: Option<Tag>,
    /// Newer tags that it does not take, each with the rule that keeps it out; the newest first.
    pub kept_out: Vec<(Tag, KeptOut)>,
}
