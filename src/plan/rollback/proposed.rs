//! Rollbacks that an open pull request proposes already: they stay until somebody merges or closes
//! it, whatever the cluster does meanwhile by itself.

use crate::pipeline::{Action, Cause, Delivery, PinRecord, Snapshot};
use crate::plan::delivery::choose_delivery;
use crate::plan::health::{self, Failure};
use crate::plan::live;
use crate::plan::ownership::{WriterKind, classify_writer};
use crate::plan::pull_requests::{find_open, is_pin_of};
use crate::plan::site_plan::SitePlan;

/// The rollback from the present pin that an open pull request proposes.
pub(super) fn find_proposed<'a>(snapshot: &'a Snapshot, site: &SitePlan) -> Option<&'a PinRecord> {
    let pull = find_open(snapshot.forge.known()?, &site.change_name())?;
    let is_same = |pin: &&PinRecord| {
        is_pin_of(snapshot, pin, site.site)
            && pin.action == Action::Rollback
            && pin.from == site.pinned
    };
    let is_proposed = |delivery: &Delivery| delivery.is_pull_request();
    pull.pins.iter().find(is_same).filter(|_| {
        choose_delivery(snapshot, &site.settings.rollback, None)
            .as_ref()
            .is_ok_and(is_proposed)
    })
}

/// What fails. Once a rollback of it is proposed, that stays until somebody merges or closes it: a
/// pod runs between two crashes, and the window ends.
pub(super) fn find_failure(snapshot: &Snapshot, site: &SitePlan) -> Option<Failure> {
    match find_proposed(snapshot, site) {
        Some(pin) if pin.cause.is_failure() => Some(Failure {
            cause: pin.cause,
            evidence: pin.evidence.clone().unwrap_or_default(),
            refusal: None,
        }),
        _ => health::find_failure(snapshot, site),
    }
}

/// The undo that is proposed, where an apply has brought the pin back since: of the whole repo,
/// when something else was merged. Who sets the image to the pin by hand has changed their mind.
pub(super) fn find_overrun_undo<'a>(
    snapshot: &'a Snapshot,
    site: &SitePlan,
) -> Option<&'a PinRecord> {
    let undo = find_proposed(snapshot, site).filter(|pin| pin.cause == Cause::Undo)?;
    let uses = site.uses.as_ref().ok()?;
    let mut writers = live::tracked(uses).map(|(_, container)| container.writers.first());
    let is_applied = |writer| {
        matches!(
            classify_writer(snapshot, writer),
            WriterKind::Terraform | WriterKind::Helm
        )
    };
    writers
        .all(|writer| writer.is_some_and(is_applied))
        .then_some(undo)
}
