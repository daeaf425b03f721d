//! Resolves what is known of every site, once: settings, history, uses, what runs, what wrote the
//! pin. Decides nothing.

use super::delivery::usual_mode;
use super::live;
use super::ownership::keel_may_run;
use super::pin::PinState;
use super::pin_origin::find_pin_origin;
use super::pin_state::find_pin_state;
use super::site_history::SiteHistories;
use super::site_plan::SitePlan;
use crate::config::site_settings::Resolver;
use crate::pipeline::{Seen, Snapshot, Upstream, Verdict};
use crate::sites::{Literal, Site};

/// Resolves what is known of every site, in the scan's order. Nothing is decided: the verdict is
/// `Unknown` without a reason.
pub(super) fn resolve_sites(snapshot: &Snapshot) -> Vec<SitePlan<'_>> {
    let resolver = Resolver::new(&snapshot.scan, &snapshot.config, usual_mode(snapshot));
    let histories = SiteHistories::new(snapshot);
    let annotations = live::LiveAnnotationReader::new(snapshot, keel_may_run(snapshot));
    let sites = snapshot.scan.sites().enumerate();
    sites
        .map(|(place, (literal, site))| {
            resolve_site(
                snapshot,
                literal,
                site,
                (&resolver, &histories, &annotations),
                place,
            )
        })
        .collect()
}

type Resolvers<'r, 'a> = (
    &'r Resolver<'a>,
    &'r SiteHistories<'a>,
    &'r live::LiveAnnotationReader<'a>,
);

fn resolve_site<'a>(
    snapshot: &'a Snapshot,
    literal: &'a Literal,
    site: &'a Site,
    (resolver, histories, annotations): Resolvers<'_, 'a>,
    place: usize,
) -> SitePlan<'a> {
    let uses = live::uses(snapshot, literal);
    let mut live_policy_unknown = None;
    let settings = resolver.resolve_with(literal, site, |has_directive| {
        if !has_directive {
            live_policy_unknown = annotations.unread(literal, site, &uses);
        }
        annotations.read(literal, site, &uses)
    });
    let upstream = match settings
        .channel
        .as_ref()
        .and_then(|channel| snapshot.upstream.get(channel))
    {
        Some(Seen::Known(Upstream::Digest(digest))) => Some(digest.clone()),
        _ => None,
    };
    let records = histories.of(place);
    let (rollbacks_here, rollbacks_elsewhere) = histories.rollbacks(place, site);
    let mut plan = SitePlan {
        history: records
            .iter()
            .copied()
            .filter(|record| histories.is_of_channel(record, &settings))
            .collect(),
        rollbacks_here,
        rollbacks_elsewhere,
        running: live::running(snapshot, &uses, settings.channel.as_ref()),
        pinned: site.image.digest.clone(),
        choice: None,
        origin: Seen::NotAsked,
        state: PinState::Absent,
        verdict: Verdict::Unknown,
        reasons: Vec::new(),
        wanted: None,
        target: None,
        delivery: None,
        adoption: None,
        literal,
        site,
        settings,
        live_policy_unknown,
        records,
        uses,
        upstream,
    };
    plan.origin = find_pin_origin(snapshot, &plan);
    plan.state = find_pin_state(snapshot, &plan);
    plan
}
