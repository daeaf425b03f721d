//! A newer tag, which the policy chose: tag and digest change together.

use super::new_pin::{NewPin, set_pin, settle_verdict};
use crate::config::site_settings::image_with;
use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::pipeline::{Action, Cause, Reason, Seen, Snapshot, Verdict};
use crate::plan::chosen::ChosenTag;
use crate::plan::first_seen::find_sighting;
use crate::plan::hold::retag;
use crate::plan::site_history::{find_caution, find_rejection};
use crate::plan::site_plan::SitePlan;

/// Makes the chosen tag the target; never a digest that was rolled back here.
pub(super) fn bump(snapshot: &Snapshot, site: &mut SitePlan, chosen: &ChosenTag) {
    let ChosenTag { channel, digest } = chosen;
    if let Seen::Unknown(why) = &snapshot.history {
        return settle_verdict(site, Reason::HistoryUnknown { why: why.clone() });
    }
    if let Some(rejection) = find_rejection(site, digest) {
        return settle_verdict(site, rejection);
    }
    let tag = &channel.tag;
    let edits = match retag(site.literal, site.site, tag, digest) {
        Ok(edits) => edits,
        Err(why) => {
            let tag = tag.clone();
            return settle_verdict(site, Reason::CannotWriteTag { tag, why });
        }
    };
    let (image, declared) = (image_with(site.site, tag), site.settings.image.clone());
    let seen = find_sighting(snapshot, Some(channel), digest);
    let when = match (&snapshot.ledger, seen) {
        (Seen::Known(_), Some(seen)) => format!(", first seen {}", show_time(seen)),
        _ => String::new(),
    };
    let note = format!("{image} is newer than {declared}{when}.");
    let caution = find_caution(site, digest);
    let reason = Reason::NewerTag {
        image: image.clone(),
        declared,
        to: digest.clone(),
    };
    let mut reasons = vec![reason];
    reasons.extend(build_times(snapshot, site, chosen));
    let pin = NewPin {
        action: Action::Bump,
        cause: Cause::NewerTag,
        to: digest.clone(),
        edits,
        image: Some(image),
        note,
    };
    set_pin(
        snapshot,
        site,
        Verdict::Bump,
        reasons,
        (channel, pin),
        caution,
    );
}

/// When both images were built, where that was asked for.
fn build_times(snapshot: &Snapshot, site: &SitePlan, chosen: &ChosenTag) -> Option<Reason> {
    let built = |digest: &Digest| {
        let key = (chosen.channel.repository.clone(), digest.clone());
        snapshot.builds.get(&key)?.known()?.created
    };
    Some(Reason::BuildTimes {
        built: built(&chosen.digest)?,
        declared: site.pinned.as_ref().and_then(built),
    })
}
