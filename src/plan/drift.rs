//! What is said of a pin that does not simply run: not applied, not rolled out, watched, set to something else by hand. Says, and changes nothing.

use super::flight;
use super::health;
use super::judged::Judged;
use super::undo::{Other, Stand};
use crate::config::Drift;
use crate::model::duration::show_time;
use crate::pipeline::Snapshot;

/// Adds the reasons. What a pull request proposes is told there in a column of its own, and not rewritten with every step of a rollout.
pub(super) fn say(snapshot: &Snapshot, judged: &mut [Judged], stands: &[Stand]) {
    for (site, stand) in judged.iter_mut().zip(stands).filter(|(site, _)| !site.goes(true)) {
        let reason = match stand {
            Stand::Lags(why) => Some(format!("applied: no — {}{why}", flight::checked(snapshot, site))),
            Stand::Waits(why) | Stand::Unknown(why) => Some(why.clone()),
            Stand::Strays(other) => Some(strays(site, other)),
            Stand::Live => rolls(snapshot, site),
            Stand::Silent | Stand::Undone(_) | Stand::Partly { .. } => None,
        };
        site.decision.reasons.extend(reason.filter(|reason| !site.decision.reasons.contains(reason)));
    }
}

fn strays(site: &Judged, other: &Other) -> String {
    let drift = &site.terms.drift;
    let evidence = &other.evidence;
    let next = match (drift.value, &other.not) {
        (Drift::Overwrite, _) => format!("the next apply takes it back (`drift` is `overwrite`, {})", drift.from),
        (_, Some(not)) => format!("{not}; it is not taken over"),
        (Drift::Adopt, None) => "the repo takes it over as soon as nothing else holds it".to_owned(),
        (Drift::Report, None) => format!("the next apply takes it back; `/pin … to {}` keeps it", other.digest),
    };
    format!("drift: {evidence}; {next}")
}

/// The pin is live: whether it is rolled out, and until when it is watched.
fn rolls(snapshot: &Snapshot, site: &Judged) -> Option<String> {
    match flight::rolling(snapshot, site) {
        Some(why) => Some(format!("rolled out: no — {why}")),
        None => {
            health::until(snapshot, site).map(|end| format!("rolled out; watched until {} ({})", show_time(end), site.terms.watch.from))
        }
    }
}
