//! How one pin reaches the followed branch: as a commit, or as a pull request. Knows the forge's state, and no other site.

use super::select::{Setting, Terms};
use crate::config::Mode;
use crate::pipeline::forge::Direct;
use crate::pipeline::{Action, Seen, Snapshot, Verdict};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Commit,
    Pull {
        /// Why it is a pull request where the mode says otherwise: a sentence.
        why: Option<String>,
        /// Whether pintle may merge it by itself, where that is asked for.
        merge: bool,
    },
}

impl Way {
    pub fn is_pull(&self) -> bool {
        matches!(self, Self::Pull { .. })
    }
}

/// Returns the mode that speaks about what pintle would do to the site by itself.
pub(super) fn mode(terms: &Terms, action: Action) -> &Setting<Mode> {
    match action {
        Action::Adopt => &terms.adopt,
        Action::Rollback => &terms.rollback,
        _ => &terms.follow,
    }
}

/// Returns the way; `back` says that upstream moved back to an older digest, which only a person may follow.
///
/// # Errors
/// The verdict and the reason when there is no way now.
pub(super) fn way(snapshot: &Snapshot, mode: &Setting<Mode>, back: Option<String>) -> Result<Way, (Verdict, String)> {
    match (mode.value, back) {
        (Mode::Off, _) => Err((Verdict::Frozen, format!("the mode is `off` ({})", mode.from))),
        (_, Some(back)) => match &snapshot.forge {
            Seen::Known(_) => Ok(Way::Pull { why: Some(format!("{back}: that is only ever proposed")), merge: false }),
            Seen::Unknown(why) => Err(unreachable(why)),
            Seen::NotAsked => Err((Verdict::Blocked, format!("{back}: it is not followed back by itself"))),
        },
        (Mode::PullRequest, None) => match &snapshot.forge {
            Seen::Known(_) => Ok(Way::Pull { why: None, merge: true }),
            Seen::Unknown(why) => Err(unreachable(why)),
            Seen::NotAsked => {
                Err((Verdict::Blocked, format!("the mode is `pull-request` ({}), and no forge is named (--forge)", mode.from)))
            }
        },
        (Mode::Commit, None) => Ok(direct(snapshot)),
    }
}

/// Returns the way of what should be a commit: where the branch is protected, it has to be proposed.
pub(super) fn direct(snapshot: &Snapshot) -> Way {
    match snapshot.forge.known().map(|forge| &forge.direct) {
        Some(Direct::Protected(why)) => Way::Pull { why: Some(why.clone()), merge: true },
        _ => Way::Commit,
    }
}

fn unreachable(why: &str) -> (Verdict, String) {
    (Verdict::Waiting, format!("the forge could not be asked: {why}"))
}
