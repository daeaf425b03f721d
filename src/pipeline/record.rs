//! What a commit's trailers record of one pin. Types only; their text is in `trailers`.

use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::model::reference::Tag;
use jiff::Timestamp;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// One pin that a commit's trailers record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub commit: CommitId,
    /// The commit of the followed branch that it came with: itself, or the merge.
    pub landed: CommitId,
    pub at: Timestamp,
    pub author: String,
    pub subject: String,
    pub pin: PinRecord,
}

/// The commit that brought a digest into a file, whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blame {
    /// On the followed branch's own line: a merge, where it came by one.
    pub commit: CommitId,
    pub at: Timestamp,
    /// The digest that stood in its place, of the same repository and tag; `None` where there was
    /// none or the text does not tell.
    pub before: Option<Digest>,
}

/// The block of trailers of one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinRecord {
    pub action: Action,
    /// The site's id as text; the site may be gone by now. Older records have the file and its
    /// first use: `main.tf#deployment/immich/server:app`.
    pub site: String,
    /// What else named the site: one for each use, `deployment/immich/server:app`. Older records
    /// have none.
    pub uses: Vec<String>,
    /// The channel as declared: `ghcr.io/immich-app/immich-server:release`.
    pub image: String,
    /// The tag that was declared before, where that was another.
    pub from_tag: Option<Tag>,
    pub from: Option<Digest>,
    /// `None` only where a site without a pin is held, or its hold is removed.
    pub to: Option<Digest>,
    pub cause: Cause,
    /// What pintle saw that made it do so, where it acted by itself: one line.
    pub evidence: Option<String>,
    /// Who asked for it, where somebody did.
    pub asked: Option<Asked>,
}

/// Who asked for a change, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `ana (7)`: login and numeric id.
    pub by: String,
    /// The comment's address in the forge; ends in `#issuecomment-<id>`.
    pub comment: String,
    /// The reason that stands behind `because`: one line.
    pub because: Option<String>,
}

/// What a pin's record says was done. The words are those of the trailer `Pintle-Action`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, EnumIter, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// The first pin of a site.
    Adopt,
    /// The pin follows its channel. Older records say `move`.
    #[strum(to_string = "update", serialize = "move")]
    Update,
    /// A newer tag, which the policy chose, is pinned.
    Bump,
    /// Pinned and held because somebody said so.
    Pin,
    /// The hold is removed, and the channel is followed again.
    Unpin,
    /// An earlier digest is pinned again, and held. The digest that it replaces is never proposed
    /// again.
    Rollback,
    /// Held where it is.
    Hold,
    /// The hold is removed.
    Resume,
    /// An expired hold is removed from the text.
    Lift,
}

/// Why it was done. The words are those of the trailer `Pintle-Cause`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, EnumIter, IntoStaticStr,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Cause {
    FirstPin,
    TagMoved,
    /// The registry lists a newer tag that the policy takes.
    NewerTag,
    /// Somebody asked for it.
    Command,
    /// A hold's time is over.
    HoldEnded,
    /// Somebody took the workload back to an earlier revision in the cluster.
    Undo,
    /// The rollout failed within the watch window.
    Unhealthy,
    /// Nodes could not pull the image within the watch window, for an unknown reason. The digest
    /// may be proposed again.
    NotPulled,
    /// No container of the image could be started within the watch window. The digest may be
    /// proposed again.
    NotStarted,
    /// An alert fired within the watch window.
    Alert,
    /// Somebody set another image in the cluster by hand, and the repo takes it over.
    Drift,
}
