//! Which indexes have to be known so that a pod's digest can be compared with a pin: those of channels whose pods tell one that says nothing else.

use super::runs::told;
use super::{Found, uses};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Seen, Snapshot, Upstream};
use crate::plan::select::Select;
use crate::sites::Site;
use std::collections::BTreeSet;

/// So many earlier pins of a site are looked into.
const EARLIER: usize = 4;

/// Returns the indexes to ask for: what upstream says, what is pinned, and what was pinned lately. None where the pods tell one of these themselves.
pub(in crate::plan) fn indexes(snapshot: &Snapshot) -> BTreeSet<(Channel, Digest)> {
    let Some(cluster) = snapshot.cluster.known() else { return BTreeSet::new() };
    let select = Select::new(&snapshot.scan, &snapshot.config, crate::plan::usual(snapshot));
    let mut wanted = BTreeSet::new();
    for (literal, site) in snapshot.scan.sites() {
        let lives = uses(snapshot, literal).unwrap_or_default();
        let here = lives.iter().filter_map(|live| match live.found {
            Found::Here { workload, container } => told(snapshot, cluster, (workload, container)).ok(),
            _ => None,
        });
        let told: BTreeSet<Digest> = here.flatten().collect();
        if told.iter().all(|digest| Some(digest) == site.image.digest.as_ref()) {
            continue;
        }
        let Some(channel) = select.terms(literal, site).channel else { continue };
        let known = known(snapshot, site, &channel);
        if told.iter().any(|digest| !known.contains(digest)) {
            wanted.extend(known.into_iter().map(|digest| (channel.clone(), digest)));
        }
    }
    wanted
}

fn known(snapshot: &Snapshot, site: &Site, channel: &Channel) -> BTreeSet<Digest> {
    let mut known: BTreeSet<Digest> = site.image.digest.iter().cloned().collect();
    if let Some(Seen::Known(Upstream::Digest(digest))) = snapshot.upstream.get(channel) {
        known.insert(digest.clone());
    }
    let earlier = snapshot.history.known().into_iter().flat_map(|history| history.at(&site.key.0));
    known.extend(earlier.take(EARLIER).flat_map(|record| record.pin.to.iter().chain(&record.pin.from).cloned()));
    known
}
