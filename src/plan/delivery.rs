//! How one pin reaches the followed branch: as a commit, or as a pull request. Knows the forge's
//! state, and no other site.

use crate::model::settings::{Mode, Setting};
use crate::pipeline::forge::Direct;
use crate::pipeline::{Delivery, Reason, Seen, Snapshot};

/// How first pins and updates are delivered where nothing says it: as pull requests where there is
/// a forge for them.
pub(super) fn usual_mode(snapshot: &Snapshot) -> Mode {
    if snapshot.forge == Seen::NotAsked {
        Mode::Commit
    } else {
        Mode::PullRequest
    }
}

/// Returns how a pin is delivered by its mode; with a `caution` it is only ever proposed.
///
/// # Errors
/// Why it cannot be delivered now.
pub(super) fn choose_delivery(
    snapshot: &Snapshot,
    mode: &Setting<Mode>,
    caution: Option<Reason>,
) -> Result<Delivery, Reason> {
    let unknown = |why: &String| Reason::ForgeUnknown { why: why.clone() };
    let delivery = match (mode.value, caution) {
        (Mode::Off, _) => Err(Reason::ModeOff {
            source: mode.source.clone(),
        }),
        (_, Some(caution)) => match &snapshot.forge {
            Seen::Known(_) => Ok(Delivery::PullRequest {
                because: Some(caution),
                automerge: false,
            }),
            Seen::Unknown(why) => Err(unknown(why)),
            Seen::NotAsked => Err(caution),
        },
        (Mode::PullRequest, None) => match &snapshot.forge {
            Seen::Known(_) => Ok(Delivery::PullRequest {
                because: None,
                automerge: true,
            }),
            Seen::Unknown(why) => Err(unknown(why)),
            Seen::NotAsked => Err(Reason::NoForge {
                source: mode.source.clone(),
            }),
        },
        (Mode::Commit, None) => Ok(deliver_directly(snapshot)),
    }?;
    if can_deliver(snapshot, &delivery) {
        Ok(delivery)
    } else {
        Err(Reason::PullRequestsOff)
    }
}

/// Says whether the forge takes what is delivered so: pull requests can be switched off.
pub(super) fn can_deliver(snapshot: &Snapshot, delivery: &Delivery) -> bool {
    *delivery == Delivery::Commit
        || snapshot
            .forge
            .known()
            .is_none_or(|forge| forge.has_pull_requests)
}

/// Returns the delivery of what should be a commit: where the branch is protected, it has to be
/// proposed.
pub(super) fn deliver_directly(snapshot: &Snapshot) -> Delivery {
    match snapshot.forge.known().map(|forge| &forge.direct) {
        Some(Direct::Protected(why)) => Delivery::PullRequest {
            because: Some(Reason::BranchProtected { why: why.clone() }),
            automerge: true,
        },
        _ => Delivery::Commit,
    }
}
