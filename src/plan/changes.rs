//! From targets to changes: one for each comment, and one for each stack or group and delivery.
//! Trailers are rendered where commits are written.

use super::message;
use super::pull_requests::make_proposal;
use super::site_plan::{SitePlan, TargetOf};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::{Change, Snapshot};
use crate::terraform::edit::Edit;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What comments ask for in their order, then commits, then pull requests, each sorted by name.
type Order = (usize, bool, Arc<str>);

/// Returns all changes in the order in which they are written.
pub(super) fn make_changes(snapshot: &Snapshot, sites: &[SitePlan]) -> Vec<Change> {
    let mut by_name: BTreeMap<Order, Vec<TargetOf>> = BTreeMap::new();
    for site in sites {
        if let Some(pin) = site.target() {
            let comment = pin
                .target
                .command
                .as_ref()
                .map_or(usize::MAX, |command| command.order);
            let order = (
                comment,
                pin.target.delivery.is_pull_request(),
                site.change_name(),
            );
            by_name.entry(order).or_default().push(pin);
        }
    }
    by_name
        .into_iter()
        .map(|((_, is_pull_request, name), pins)| {
            make_change(snapshot, name, is_pull_request, &pins)
        })
        .collect()
}

fn make_change(
    snapshot: &Snapshot,
    name: Arc<str>,
    is_pull_request: bool,
    pins: &[TargetOf],
) -> Change {
    let prove: BTreeSet<(Channel, Digest)> = pins
        .iter()
        .filter_map(|pin| pin.target.prove.clone())
        .collect();
    let delivery = pins
        .first()
        .map(|pin| pin.target.delivery.clone())
        .unwrap_or(crate::pipeline::Delivery::Commit);
    let mut claims: Vec<_> = pins
        .iter()
        .flat_map(|pin| pin.target.claims.iter().cloned())
        .collect();
    claims.sort();
    claims.dedup();
    Change {
        delivery,
        proposal: is_pull_request.then(|| Box::new(make_proposal(snapshot, &name, pins))),
        message: match &snapshot.config.git.subject_prefix {
            Some(prefix) => format!("{prefix} {}", message::make_message(&name, pins)),
            None => message::make_message(&name, pins),
        },
        pins: pins.iter().map(TargetOf::record).collect(),
        prove: prove.into_iter().collect(),
        edits: sort_edits(
            pins.iter()
                .flat_map(|pin| pin.target.edits.iter().cloned())
                .collect(),
        ),
        claims,
        name,
    }
}

/// Sorts edits; what several sites ask for at one place is written once.
fn sort_edits(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort();
    edits.dedup_by(|a, b| a.file == b.file && a.span == b.span && a.put == b.put);
    edits
}
