//! Where a site should be, as far as the channel says: adopted, updated, or where it is. What
//! people and the cluster want comes after it, and so do the rules on when. Looks at one site.

mod adopt;
mod bump;
mod first;
mod new_pin;

pub(super) use new_pin::find_fetch_failure;

use super::chosen::ChoiceOutcome;
use super::first_seen::{find_sighting, now};
use super::rot::find_platform;
use super::site_history::{find_caution, find_rejection, find_rollback};
use super::site_plan::SitePlan;
use crate::model::digest::Digest;
use crate::model::duration::{show, show_time};
use crate::model::reference::Channel;
use crate::pipeline::{Action, Cause, Reason, Seen, Snapshot, Upstream, Verdict};
use new_pin::{NewPin, set_pin, settle_verdict};

/// Finds the target of a site that nothing forbids to change.
pub(super) fn choose_target(snapshot: &Snapshot, site: &mut SitePlan) {
    let Some(channel) = site.settings.channel.clone() else {
        return settle_verdict(site, Reason::NoChannel);
    };
    let image = site.settings.image.clone();
    match site.choice.as_ref().map(|choice| choice.outcome.clone()) {
        Some(ChoiceOutcome::Newer(chosen)) => return bump::bump(snapshot, site, &chosen),
        Some(ChoiceOutcome::Unknown(reason)) => return settle_verdict(site, reason),
        Some(ChoiceOutcome::Stays) | None => {}
    }
    match snapshot.upstream.get(&channel) {
        Some(Seen::Known(Upstream::Digest(upstream))) => {
            follow(snapshot, site, &channel, &upstream.clone())
        }
        Some(Seen::Known(Upstream::Missing)) => settle_verdict(site, Reason::TagMissing { image }),
        Some(Seen::Unknown(why)) => stay_unknown(
            site,
            Reason::UpstreamUnknown {
                image,
                why: why.clone(),
            },
        ),
        Some(Seen::NotAsked) | None => stay_unknown(site, Reason::UpstreamNotAsked { image }),
    }
}

/// A pin that follows nothing needs nothing from upstream.
fn stay_unknown(site: &mut SitePlan, reason: Reason) {
    if site.pinned.is_some() && !site.settings.follows && !site.is_ignored() {
        let class = site.settings.class;
        settle_verdict(site, Reason::NotFollowed { class });
        site.reasons.push(reason);
    } else {
        settle_verdict(site, reason);
    }
}

/// Notes which digest is wanted where nothing is written now: what waits or is held would go there.
pub(super) fn note_wanted(site: &mut SitePlan) {
    if site.target.is_some() || !matches!(site.verdict, Verdict::Waiting | Verdict::Held) {
        return;
    }
    let is_followed = site.pinned.is_none() || site.settings.follows;
    let is_open = |to: &Digest| {
        Some(to) != site.pinned.as_ref() && is_followed && find_rollback(site, to).is_none()
    };
    site.wanted = site.upstream.clone().filter(is_open);
}

/// The newer tags that the policy does not take.
pub(super) fn kept_out_tags(site: &SitePlan) -> Vec<Reason> {
    let kept_out = site.choice.iter().flat_map(|choice| &choice.kept_out);
    let reasons = kept_out.map(|(tag, rule)| Reason::NewerTagKeptOut {
        tag: tag.clone(),
        rule: *rule,
    });
    reasons.collect()
}

/// What is probably not meant by a schedule that holds for the site.
pub(super) fn schedule_warning(site: &SitePlan) -> Option<Reason> {
    let schedule = site
        .settings
        .schedule
        .as_ref()
        .filter(|_| site.settings.follows)?;
    schedule
        .value
        .warning()
        .map(|what| Reason::ScheduleWarning { what })
}

fn follow(snapshot: &Snapshot, site: &mut SitePlan, channel: &Channel, upstream: &Digest) {
    let platform = site
        .pinned
        .as_ref()
        .filter(|_| !site.is_ignored())
        .and_then(|pinned| find_platform(snapshot, channel, (pinned, upstream)));
    if let Some(platform) = platform {
        let image = site.settings.image.clone();
        return settle_verdict(site, Reason::PinnedPlatform { image, platform });
    }
    match &site.pinned {
        None => adopt::adopt(snapshot, site, channel, upstream),
        Some(_) if site.is_ignored() => adopt::adopt(snapshot, site, channel, upstream),
        Some(pinned) if pinned == upstream => settle_verdict(
            site,
            Reason::UpToDate {
                image: site.settings.image.clone(),
            },
        ),
        Some(_) if !site.settings.follows => {
            settle_verdict(
                site,
                Reason::NotFollowed {
                    class: site.settings.class,
                },
            );
            site.reasons.push(Reason::TagPushedAgain {
                to: upstream.clone(),
            });
        }
        Some(_) => update(snapshot, site, channel, upstream),
    }
}

/// Follows the channel to a new digest; never to one that was rolled back here.
fn update(snapshot: &Snapshot, site: &mut SitePlan, channel: &Channel, upstream: &Digest) {
    if let Seen::Unknown(why) = &snapshot.history {
        return settle_verdict(site, Reason::HistoryUnknown { why: why.clone() });
    }
    if let Some(rejection) = find_rejection(site, upstream) {
        return settle_verdict(site, rejection);
    }
    let image = site.settings.image.clone();
    let seen = find_sighting(snapshot, Some(channel), upstream);
    let pin = NewPin {
        action: Action::Update,
        cause: Cause::TagMoved,
        to: upstream.clone(),
        edits: vec![site.pin_edit(upstream)],
        image: None,
        note: update_note(snapshot, site, seen),
    };
    let caution = find_caution(site, upstream);
    let mut reasons = vec![Reason::UpdateAvailable {
        image,
        to: upstream.clone(),
    }];
    reasons.push(match &snapshot.ledger {
        Seen::NotAsked => Reason::SettleNotChecked,
        _ => Reason::FirstSeen {
            at: seen,
            settled: seen
                .map(|_| site.settings.settle.value)
                .filter(|settle| !settle.is_zero()),
        },
    });
    set_pin(
        snapshot,
        site,
        Verdict::Update,
        reasons,
        (channel, pin),
        caution,
    );
}

/// `Upstream moved nginx:stable: first seen 2026-11-22 08:00 UTC, quiet for 10m.`
fn update_note(snapshot: &Snapshot, site: &SitePlan, seen: Option<jiff::Timestamp>) -> String {
    let (image, settle) = (&site.settings.image, site.settings.settle.value);
    let settled = if seen.is_some() && !settle.is_zero() {
        format!(", quiet for {}", show(settle))
    } else {
        String::new()
    };
    match (&snapshot.ledger, seen) {
        (Seen::NotAsked | Seen::Unknown(_), _) => format!("{image} means another digest upstream."),
        // A pull request is compared with what the next pass would propose: its text is written as
        // that pass will write it.
        (Seen::Known(_), None) if snapshot.forge == Seen::NotAsked => {
            format!("{image} means another digest upstream: first seen in this pass.")
        }
        (Seen::Known(_), seen) => {
            let first = show_time(seen.unwrap_or_else(|| now(snapshot)));
            format!("{image} means another digest upstream: first seen {first}{settled}.")
        }
    }
}
