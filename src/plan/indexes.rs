//! Which indexes have to be known so that a pod's digest can be compared with a pin: those of
//! channels whose pods show one that says nothing else.

use super::live::{LiveMatch, shown_digests};
use super::resolve::resolve_sites;
use super::site_plan::SitePlan;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::Snapshot;
use std::collections::BTreeSet;

/// So many earlier pins of a site are looked into.
const EARLIER: usize = 4;

/// Returns the indexes to ask for: what upstream says, what is pinned, and what was pinned lately.
/// None where the pods show one of these themselves.
pub(super) fn indexes_to_read(snapshot: &Snapshot) -> BTreeSet<(Channel, Digest)> {
    let Some(cluster) = snapshot.cluster.known() else {
        return BTreeSet::new();
    };
    let mut wanted = BTreeSet::new();
    for site in resolve_sites(snapshot) {
        let here = site
            .known_uses()
            .iter()
            .filter_map(|live| match live.found {
                LiveMatch::Here {
                    workload,
                    container,
                } => shown_digests(snapshot, cluster, (workload, container)).ok(),
                _ => None,
            });
        let shown: BTreeSet<Digest> = here.flatten().collect();
        if shown
            .iter()
            .all(|digest| Some(digest) == site.pinned.as_ref())
        {
            continue;
        }
        let Some(channel) = site.settings.channel.clone() else {
            continue;
        };
        let known = known_indexes(&site);
        if shown.iter().any(|digest| !known.contains(digest)) {
            wanted.extend(known.into_iter().map(|digest| (channel.clone(), digest)));
        }
    }
    wanted
}

fn known_indexes(site: &SitePlan) -> BTreeSet<Digest> {
    let earlier = site
        .records
        .iter()
        .take(EARLIER)
        .flat_map(|record| record.pin.to.iter().chain(&record.pin.from).cloned());
    site.pinned
        .iter()
        .chain(&site.upstream)
        .cloned()
        .chain(earlier)
        .collect()
}
