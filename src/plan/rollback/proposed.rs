//! Rollbacks that an open pull request proposes already: they stay until somebody merges or closes it, whatever the cluster does meanwhile by itself.

use crate::pipeline::{Action, Cause, PinRecord, Snapshot};
use crate::plan::health::{self, Failing};
use crate::plan::judged::Judged;
use crate::plan::live;
use crate::plan::owner::{Hand, hand};
use crate::plan::{pulls, route};

/// The rollback from the present pin that an open pull request proposes.
pub(super) fn proposed<'a>(snapshot: &'a Snapshot, site: &Judged) -> Option<&'a PinRecord> {
    let pull = pulls::open(snapshot.forge.known()?, &site.name())?;
    let same = |pin: &&PinRecord| *pin.site == *site.site.key.0 && pin.action == Action::Rollback && pin.from == site.decision.from;
    pull.pins.iter().find(same).filter(|_| route::way(snapshot, &site.terms.rollback, None).is_ok_and(|way| way.is_pull()))
}

/// What fails. Once it is proposed to go back, that stays until somebody merges or closes it: a pod runs between two crashes, and the window ends.
pub(super) fn failing(snapshot: &Snapshot, site: &Judged) -> Option<Failing> {
    match proposed(snapshot, site) {
        Some(pin) if matches!(pin.cause, Cause::Unhealthy | Cause::Alert) => {
            Some(Failing { cause: pin.cause, evidence: pin.evidence.clone().unwrap_or_default() })
        }
        _ => health::failing(snapshot, site),
    }
}

/// The undo that is proposed, where an apply has brought the pin back since: of the whole repo, when something else was merged. Who sets the image to
/// the pin by hand has changed their mind.
pub(super) fn overrun<'a>(snapshot: &'a Snapshot, site: &Judged) -> Option<&'a PinRecord> {
    let undo = proposed(snapshot, site).filter(|pin| pin.cause == Cause::Undo)?;
    let uses = live::uses(snapshot, site.literal).ok()?;
    let mut writers = live::tracked(&uses).map(|(_, container)| container.writers.first());
    let applied = writers.all(|writer| writer.is_some_and(|writer| matches!(hand(snapshot, writer), Hand::Terraform | Hand::Helm)));
    applied.then_some(undo)
}
