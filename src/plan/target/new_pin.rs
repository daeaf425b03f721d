//! Makes a pin that nothing forbids the target of its site.

use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Action, Cause, Delivery, PinFact, Reason, Snapshot, Verdict};
use crate::plan::cache::cache_note;
use crate::plan::delivery::choose_delivery;
use crate::plan::live_status::before_note;
use crate::plan::site_plan::{SitePlan, Target};
use crate::terraform::edit::Edit;

/// Returns why a digest may not be written: its registry did not serve it, or does not have it any
/// more.
pub(in crate::plan) fn find_fetch_failure(
    snapshot: &Snapshot,
    channel: &Channel,
    digest: &Digest,
) -> Option<Reason> {
    let key = (channel.clone(), digest.clone());
    let gone = snapshot
        .pins
        .get(&key)
        .filter(|fact| **fact == PinFact::Gone);
    let gone = gone.map(|_| "it is not in the registry any more".to_owned());
    Some(Reason::NotFetched {
        digest: digest.clone(),
        why: gone.or_else(|| snapshot.unproved.get(&key).cloned())?,
    })
}

/// Sets the verdict that a reason leads to, with nothing to write.
pub(super) fn settle_verdict(site: &mut SitePlan, reason: Reason) {
    site.refuse(reason);
}

/// A pin that nothing forbids.
pub(super) struct NewPin {
    pub action: Action,
    pub cause: Cause,
    pub to: Digest,
    pub edits: Vec<Edit>,
    /// The channel as it will be declared, where that is another.
    pub image: Option<String>,
    /// A sentence for the commit message.
    pub note: String,
}

/// Makes the pin the site's target, or says why it cannot be delivered. A digest that nobody serves
/// is as good as unknown.
pub(super) fn set_pin(
    snapshot: &Snapshot,
    site: &mut SitePlan,
    verdict: Verdict,
    reasons: Vec<Reason>,
    (channel, pin): (&Channel, NewPin),
    caution: Option<Reason>,
) {
    if let Some(failure) = find_fetch_failure(snapshot, channel, &pin.to) {
        return settle_verdict(site, failure);
    }
    let delivery = match choose_delivery(snapshot, site.mode(pin.action), caution) {
        Ok(delivery) => delivery,
        Err(reason) => return settle_verdict(site, reason),
    };
    site.reasons = reasons;
    if let Delivery::PullRequest {
        because: Some(because),
        ..
    } = &delivery
    {
        site.reasons.push(Reason::AsPullRequest {
            because: Box::new(because.clone()),
        });
    }
    let mut notes = vec![pin.note];
    if !delivery.is_pull_request() {
        notes.extend(before_note(snapshot, site));
        // A pull request has a column for it, and is not to be rebuilt whenever the cache changes
        // its answer.
        notes.extend(cache_note(snapshot, site));
    }
    let changes = Some(&pin.to) != site.pinned.as_ref();
    let claims = if pin.edits.is_empty() && pin.image.is_none() {
        Vec::new()
    } else {
        vec![site.claim_image(pin.image.as_deref(), &pin.to)]
    };
    let target = Target {
        action: pin.action,
        cause: pin.cause,
        prove: changes.then(|| (channel.clone(), pin.to.clone())),
        to: Some(pin.to),
        image: pin.image,
        edits: pin.edits,
        claims,
        delivery,
        notes,
        evidence: None,
        command: None,
    };
    site.set_target(verdict, target);
}
