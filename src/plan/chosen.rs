//! What a site's policy made of the tags of its repository. Types only.

use crate::model::choice::KeptOut;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Tag};
use crate::pipeline::Reason;

/// What a site's policy makes of the tags of its repository.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SiteChoice {
    pub outcome: ChoiceOutcome,
    /// The newest of the newer tags that each rule keeps out; the newest first.
    pub kept_out: Vec<(Tag, KeptOut)>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ChoiceOutcome {
    Newer(ChosenTag),
    /// The declared tag stays.
    Stays,
    /// Nobody knows yet, and why.
    Unknown(Reason),
}

/// A newer tag, and what it means upstream.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChosenTag {
    pub channel: Channel,
    pub digest: Digest,
}

impl SiteChoice {
    /// Nobody knows which tag it chooses, and why.
    pub fn unknown(reason: Reason) -> Self {
        Self {
            outcome: ChoiceOutcome::Unknown(reason),
            kept_out: Vec::new(),
        }
    }
}
