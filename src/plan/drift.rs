//! What is reported of a pin that does not simply run: not applied, not rolled out, watched, set to
//! something else by hand. Changes nothing.

use super::health;
use super::pin::{PinState, RunningInstead};
use super::rules::{checks_prefix, rollout_gap};
use super::site_plan::SitePlan;
use super::trouble::TroubleKind;
use crate::model::duration::show_time;
use crate::model::settings::Drift;
use crate::pipeline::{Reason, Snapshot};

/// Adds the reasons. What a pull request proposes is shown there in a column of its own, and not
/// rewritten with every step of a rollout.
pub(super) fn report_pin_state(snapshot: &Snapshot, sites: &mut [SitePlan]) {
    for site in sites.iter_mut().filter(|site| !site.is_proposed()) {
        let reason = match &site.state {
            PinState::NotApplied(why) => Some(Reason::NotApplied {
                ci: checks_prefix(snapshot, site),
                why: why.clone(),
            }),
            PinState::Unsettled(why) | PinState::Unknown(why) => {
                Some(Reason::LiveUnclear { why: why.clone() })
            }
            PinState::Drifted(other) => Some(drift_reason(site, other)),
            PinState::Live => rollout_reason(snapshot, site),
            PinState::Absent | PinState::Undone(_) | PinState::PartlyUndone { .. } => None,
        };
        let is_new = |reason: &Reason| {
            !site
                .reasons
                .iter()
                .any(|own| own.to_string() == reason.to_string())
        };
        let reason = reason.filter(is_new);
        site.reasons.extend(reason);
    }
}

fn drift_reason(site: &SitePlan, other: &RunningInstead) -> Reason {
    let drift = &site.settings.drift;
    let next = match (drift.value, &other.obstacle) {
        (Drift::Overwrite, _) => format!(
            "the next apply sets the pin again (`drift` is `overwrite`, {})",
            drift.source
        ),
        (_, Some(obstacle)) => format!("{obstacle}; it is not taken over"),
        (Drift::Adopt, None) => {
            "the repo takes it over as soon as nothing else holds it".to_owned()
        }
        (Drift::Report, None) => format!(
            "the next apply sets the pin again; `/pin … to {}` keeps it",
            other.digest
        ),
    };
    Reason::DriftFound {
        evidence: other.evidence.clone(),
        next,
    }
}

/// The pin is live: what fails, whether it is rolled out, and until when it is watched.
fn rollout_reason(snapshot: &Snapshot, site: &SitePlan) -> Option<Reason> {
    if let Some(watched) = health::find_watched_trouble(snapshot, site) {
        let excuse = watched.trouble.excuse;
        let next = match (watched.due, excuse) {
            (Some(due), _) => format!("it counts as failed at {} if that lasts", show_time(due)),
            (None, Some(excuse)) => format!("{excuse}, so the image is not the cause"),
            (None, None) if watched.trouble.kind == TroubleKind::Restarting => {
                "one restart is not a failure".to_owned()
            }
            (None, None) => "the image is not the cause, so it is not rolled back".to_owned(),
        };
        return Some(Reason::Failing {
            evidence: watched.trouble.evidence,
            since: watched.trouble.since,
            next,
        });
    }
    match rollout_gap(snapshot, site) {
        Some(why) => Some(Reason::NotRolledOut { why }),
        None => health::watch_end(snapshot, site).map(|until| Reason::Watched {
            until,
            source: site.settings.watch.source.clone(),
        }),
    }
}
