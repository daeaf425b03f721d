//! What is said of a pin that does not run, and what is made of an image that somebody set by hand. Writes nothing back to the cluster.

use super::gate::Judged;
use super::undo::Stand;

/// Says how the pin stands in the cluster where it does not simply run.
pub(super) fn say(judged: &mut [Judged], stands: &[Stand]) {
    for (site, stand) in judged.iter_mut().zip(stands) {
        let reason = match stand {
            Stand::Lags(why) => format!("applied: no — {why}"),
            Stand::Waits(why) | Stand::Unknown(why) => why.clone(),
            Stand::Strays(other) => {
                let not = other.not.as_ref().map_or(String::new(), |not| format!("; {not}"));
                format!("drift: {}{not}", other.evidence)
            }
            Stand::Silent | Stand::Live | Stand::Undone(_) | Stand::Partly { .. } => continue,
        };
        site.decision.reasons.push(reason);
    }
}
