//! What is said of each site, before the edits and after them: the changed ones must be held or
//! released as claimed, and all else must stay as it was.

use super::claims::Claims;
use crate::config::site_settings::{Resolver, SiteSettings};
use crate::model::hold::Hold;
use crate::model::settings::Mode;
use crate::pipeline::Snapshot;
use crate::pipeline::claim::Claim;
use crate::sites::SiteId;
use std::collections::BTreeMap;

/// Says which site is held, released or treated otherwise than claimed.
pub(super) fn prove_holds(
    before: &Snapshot,
    after: &Snapshot,
    claims: &Claims,
) -> Result<(), String> {
    let (old, new) = (resolve_all(before), resolve_all(after));
    for (site, old) in &old {
        let new = new
            .get(site)
            .ok_or_else(|| format!("{site} has another id after the edit"))?;
        let own: Vec<&Claim> = claims.of(site).collect();
        if let Some(why) = compare_holds(before, old, new, &own) {
            return Err(format!("{site} {why}"));
        }
        if own.is_empty() && !is_same(old, new) {
            return Err(format!(
                "{site} would be treated in another way, which is not claimed"
            ));
        }
    }
    Ok(())
}

fn resolve_all(snapshot: &Snapshot) -> BTreeMap<SiteId, SiteSettings> {
    let resolver = Resolver::new(&snapshot.scan, &snapshot.config, Mode::Commit);
    snapshot
        .scan
        .sites()
        .map(|(literal, site)| (site.id.clone(), resolver.resolve(literal, site)))
        .collect()
}

/// Says what is wrong with the holds of a site.
fn compare_holds(
    snapshot: &Snapshot,
    old: &SiteSettings,
    new: &SiteSettings,
    claims: &[&Claim],
) -> Option<String> {
    let (before, after) = (sorted_holds(old), sorted_holds(new));
    let more = holds_only_in(&after, &before);
    let holds_now = |hold: &&Hold| hold.holds_at(snapshot.at);
    let claims_it = |is: fn(&Claim) -> bool| claims.iter().any(|claim| is(claim));
    if claims_it(|claim| matches!(claim, Claim::Held { .. })) {
        let is_held = after.iter().any(|hold| holds_now(&hold));
        return match (is_held, more.len()) {
            (true, 0 | 1) => None,
            (true, _) => Some("would get more than one hold".into()),
            (false, _) => Some("would not be held".into()),
        };
    }
    if let Some(first) = more.first() {
        return Some(format!("would be {first}, which is not claimed"));
    }
    if claims_it(|claim| matches!(claim, Claim::Released { .. })) {
        return after
            .iter()
            .find(holds_now)
            .map(|hold| format!("would still be {hold}"));
    }
    if claims_it(|claim| matches!(claim, Claim::EndedHoldsRemoved { .. })) {
        let ended = after
            .iter()
            .find(|hold| !holds_now(hold))
            .map(|hold| format!("would still have been {hold}"));
        return ended.or_else(|| {
            holds_only_in(&before, &after)
                .iter()
                .find(holds_now)
                .map(|hold| format!("would no longer be {hold}"))
        });
    }
    (before != after).then(|| "would lose a hold, which is not claimed".into())
}

fn sorted_holds(settings: &SiteSettings) -> Vec<Hold> {
    let mut all: Vec<Hold> = settings
        .holds
        .iter()
        .map(|hold| hold.value.clone())
        .collect();
    all.sort_by_key(|hold| (hold.until, hold.by.clone(), hold.because.clone()));
    all
}

/// Returns what `all` has more than `less`.
fn holds_only_in(all: &[Hold], less: &[Hold]) -> Vec<Hold> {
    let mut less = less.to_vec();
    let is_more = |hold: &&Hold| match less.iter().position(|other| other == *hold) {
        Some(at) => {
            less.remove(at);
            false
        }
        None => true,
    };
    all.iter().filter(is_more).cloned().collect()
}

/// Says whether all that is said of a site beside its holds is the same; places of comments move,
/// and who said something with them.
fn is_same(old: &SiteSettings, new: &SiteSettings) -> bool {
    let texts = |settings: &SiteSettings| {
        settings
            .locks
            .iter()
            .map(|comment| comment.text.clone())
            .collect::<Vec<_>>()
    };
    let facts = |settings: &SiteSettings| {
        let SiteSettings {
            ambiguous,
            denied,
            unsure,
            unnamed,
            rerun,
            class,
            follows,
            channel,
            image,
            errors,
            ..
        } = settings.clone();
        (
            ambiguous,
            denied,
            (unsure, unnamed),
            rerun,
            class,
            follows,
            (channel, image, errors.len()),
        )
    };
    old.resolved.values() == new.resolved.values()
        && facts(old) == facts(new)
        && texts(old) == texts(new)
}
