//! Pins that registries know more of: gone, or one platform of what the channel means. Chooses no
//! target.

use super::health::find_failure;
use super::pin_origin::find_previous_pin;
use super::resolve::resolve_sites;
use super::site_plan::SitePlan;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::answer::Notice;
use crate::pipeline::{PinFact, Reason, Snapshot, Verdict};
use std::collections::BTreeMap;

/// Returns the pins, and the digests that would be first pins, that are not what their channel
/// means, each with what it means; `None` where upstream did not answer.
pub(super) fn pins_to_check(snapshot: &Snapshot) -> BTreeMap<(Channel, Digest), Option<Digest>> {
    let sites = resolve_sites(snapshot);
    let differing = sites.into_iter().flat_map(|site| {
        let runs = site.running.known().cloned().flatten();
        let first = runs.filter(|_| site.pinned.is_none() || site.is_ignored());
        // What fails may be rolled back: only to what is still there.
        let earlier =
            find_failure(snapshot, &site).and_then(|_| find_previous_pin(snapshot, &site));
        let digests = [first, site.pinned, earlier].into_iter().flatten();
        let (channel, upstream) = (site.settings.channel, site.upstream);
        digests.filter_map(move |digest| {
            let is_other = upstream.as_ref() != Some(&digest);
            is_other.then_some(((channel.clone()?, digest), upstream.clone()))
        })
    });
    differing.collect()
}

/// Returns the platform of which the pin is the manifest, in the index that the channel means.
pub(super) fn find_platform(
    snapshot: &Snapshot,
    channel: &Channel,
    (pinned, upstream): (&Digest, &Digest),
) -> Option<String> {
    match snapshot.pins.get(&(channel.clone(), pinned.clone()))? {
        PinFact::PlatformOf { index, platform } if index == upstream => Some(platform.clone()),
        _ => None,
    }
}

/// Reports the pins that are gone from their registry. Where nothing else is about to happen to the
/// site, that is its verdict: somebody has to act before the next node needs the image.
/// Returns what people should read of it, once.
pub(super) fn report_rotten(snapshot: &Snapshot, sites: &mut [SitePlan]) -> Vec<Notice> {
    let mut notices = Vec::new();
    for site in sites {
        let Some(reason) = find_rot(snapshot, site) else {
            continue;
        };
        let rests = matches!(
            site.verdict,
            Verdict::InSync | Verdict::Held | Verdict::Frozen
        );
        if site.target.is_none() && rests {
            notices.extend(site.pinned.clone().map(|digest| Notice::Rotten {
                site: site.site.id.clone(),
                image: site.settings.image.clone(),
                digest,
                now: site.upstream.clone(),
            }));
            site.verdict = Verdict::Blocked;
            site.reasons.insert(0, reason);
        } else {
            site.reasons.push(reason);
        }
    }
    notices
}

fn find_rot(snapshot: &Snapshot, site: &SitePlan) -> Option<Reason> {
    let (channel, digest) = (site.settings.channel.clone()?, site.pinned.clone()?);
    match snapshot.pins.get(&(channel, digest.clone()))? {
        PinFact::Gone if site.upstream.as_ref() != Some(&digest) => Some(Reason::Rotten {
            image: site.settings.image.clone(),
            to: site.upstream.clone(),
            digest,
        }),
        _ => None,
    }
}
