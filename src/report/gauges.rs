//! What a pass found, in numbers: what `/metrics` shows between two passes. Values only. It keeps
//! times instead of ages, so that the ages grow while no pass runs.

use crate::config::site_settings::Resolver;
use crate::model::settings::Mode;
use crate::pipeline::forge::PullState;
use crate::pipeline::{
    Action, CacheAnswer, Decision, Plan, Reason, Recorded, Snapshot, Upstream, Verdict,
};
use crate::sites::{Site, SiteId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use strum::IntoEnumIterator;

/// The state of the repo, the registries and the forge after a pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PassGauges {
    /// Sites by verdict. Every verdict is there.
    pub verdicts: BTreeMap<Verdict, usize>,
    /// Sites by the code of a reason. A site counts once for each of its codes.
    pub reasons: BTreeMap<&'static str, usize>,
    pub behind: Vec<BehindSite>,
    pub held: Vec<HeldSite>,
    /// Images by registry and by what its cache serves: `docker.io`, `stale`.
    pub cache_answers: BTreeMap<(String, &'static str), usize>,
    /// `None` where the forge is not known.
    pub open_pull_requests: Option<usize>,
    /// Containers by the code of what is wrong with them: `crashing`.
    pub troubles: BTreeMap<&'static str, usize>,
    /// How many more changes may be committed now; `None` without a budget.
    pub budget_left: Option<usize>,
    /// How many requests each registry said that it still answers: `docker.io`, 97.
    pub rate_limits_left: BTreeMap<String, u64>,
}

/// A site whose pin is not what its tag points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BehindSite {
    pub site: SiteId,
    /// The declared image: `ghcr.io/immich-app/immich-server:release`.
    pub image: String,
    /// When the new digest was first seen.
    pub since: Timestamp,
}

/// A site that a hold keeps as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldSite {
    pub site: SiteId,
    /// Whether the hold has an end.
    pub has_end: bool,
    /// When the commit log says that it was held; `None` where a person wrote the hold.
    pub since: Option<Timestamp>,
}

/// Counts what a snapshot and its plan show. `budget_left` and the rate limits are not in them.
pub fn read_gauges(snapshot: &Snapshot, plan: &Plan) -> PassGauges {
    let mut gauges = PassGauges {
        verdicts: Verdict::iter().map(|verdict| (verdict, 0)).collect(),
        behind: find_behind(snapshot, plan),
        held: find_held(snapshot, plan),
        open_pull_requests: snapshot.forge.known().map(|forge| {
            let open = forge.pulls.iter();
            open.filter(|pull| pull.state == PullState::Open).count()
        }),
        ..PassGauges::default()
    };
    for decision in &plan.decisions {
        *gauges.verdicts.entry(decision.verdict).or_default() += 1;
        let codes: BTreeSet<&str> = decision.reasons.iter().map(Reason::code).collect();
        for code in codes {
            *gauges.reasons.entry(code).or_default() += 1;
        }
    }
    for (channel, answer) in &snapshot.cache {
        let key = (
            channel.repository.registry.to_string(),
            cache_answer_word(answer),
        );
        *gauges.cache_answers.entry(key).or_default() += 1;
    }
    for trouble in &plan.troubles {
        *gauges.troubles.entry(trouble.trouble.code).or_default() += 1;
    }
    gauges
}

fn cache_answer_word(answer: &CacheAnswer) -> &'static str {
    match answer {
        CacheAnswer::Fresh => "fresh",
        CacheAnswer::Stale { .. } => "stale",
        CacheAnswer::Bypass { .. } => "bypass",
        CacheAnswer::Unreachable(_) => "unreachable",
        CacheAnswer::Unproven { .. } => "unproven",
    }
}

/// Finds the sites that have a pin, and whose channel means another digest.
fn find_behind(snapshot: &Snapshot, plan: &Plan) -> Vec<BehindSite> {
    let resolver = Resolver::new(&snapshot.scan, &snapshot.config, Mode::Commit);
    let sites: BTreeMap<&SiteId, _> = snapshot
        .scan
        .sites()
        .map(|(literal, site)| (&site.id, (literal, site)))
        .collect();
    let find = |decision: &Decision| {
        let pinned = decision.from.as_ref()?;
        if matches!(decision.verdict, Verdict::InSync | Verdict::Unknown) {
            return None;
        }
        let (literal, site) = sites.get(&decision.site)?;
        let channel = resolver.resolve(literal, site).channel?;
        let Some(Upstream::Digest(new)) = snapshot.upstream.get(&channel)?.known() else {
            return None;
        };
        if new == pinned {
            return None;
        }
        let image = channel.to_string();
        let key = (channel, new.clone());
        let sightings = [Some(&plan.ledger), snapshot.ledger.known()];
        let mut sightings = sightings.into_iter().flatten();
        let since = sightings.find_map(|ledger| ledger.first_seen.get(&key).copied());
        Some(BehindSite {
            site: decision.site.clone(),
            image,
            since: since.unwrap_or(plan.at),
        })
    };
    plan.decisions.iter().filter_map(find).collect()
}

fn find_held(snapshot: &Snapshot, plan: &Plan) -> Vec<HeldSite> {
    let sites: BTreeMap<&SiteId, &Site> = snapshot
        .scan
        .sites()
        .map(|(_, site)| (&site.id, site))
        .collect();
    let find = |decision: &Decision| {
        let hold = decision.reasons.iter().find_map(|reason| match reason {
            Reason::Held { hold, .. } => Some(hold),
            _ => None,
        })?;
        let site = sites.get(&decision.site)?;
        let mut history = snapshot
            .history
            .known()
            .into_iter()
            .flat_map(|all| all.iter());
        Some(HeldSite {
            site: decision.site.clone(),
            has_end: hold.until.is_some(),
            since: history.find(|one| is_hold_of(one, site)).map(|one| one.at),
        })
    };
    plan.decisions.iter().filter_map(find).collect()
}

/// Says whether a record put a hold on the site.
fn is_hold_of(record: &Recorded, site: &Site) -> bool {
    let is_named = *record.pin.site == *site.id.0
        || record
            .pin
            .uses
            .iter()
            .any(|one| site.aliases.iter().any(|alias: &Arc<str>| **alias == **one));
    is_named
        && matches!(
            record.pin.action,
            Action::Hold | Action::Rollback | Action::Pin
        )
}
