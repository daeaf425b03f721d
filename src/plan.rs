//! What to do about every site: a function of the snapshot alone. Pure and total: no I/O, no clock, no failure.

mod alert;
mod ask;
mod budget;
mod cache;
mod change;
pub mod diff;
mod drift;
pub mod explain;
pub mod find;
mod flight;
mod flip;
mod gate;
mod group;
mod health;
mod judged;
pub mod hold;
pub mod json;
mod ledger;
mod lift;
mod live;
mod message;
mod owner;
mod past;
mod pen;
pub mod proof;
mod pulls;
mod rollback;
mod route;
mod select;
mod undo;
pub mod status;

use crate::config::{Config, Mode};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::pipeline::forge::Forge;
use crate::pipeline::{Change, Plan, Seen, Snapshot};
use crate::sites::Scan;
use crate::terraform::files::RepoPath;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Returns one decision a site, and the changes that follow. The same snapshot gives the same plan, byte for byte.
///
/// [`Plan::ledger`] means something only where the snapshot's ledger is known, and once the changes are written: it forgets the sightings of
/// what they pin.
pub fn plan(snapshot: &Snapshot) -> Plan {
    let select = select::Select::of(snapshot);
    let sites = snapshot.scan.sites();
    let mut judged: Vec<_> = sites.map(|(literal, site)| gate::judge(snapshot, literal, site, select.terms(literal, site))).collect();
    let mut asked = ask::settle(snapshot, &judged);
    asked.claim(&mut judged);
    let stands: Vec<undo::Stand> = judged.iter().map(|site| undo::stand(snapshot, site)).collect();
    let mut taken = asked.files.clone();
    let turned = rollback::turn(snapshot, &mut judged, &stands, &mut taken, |site| asked.touches(site));
    drift::say(snapshot, &mut judged, &stands);
    lift::lift(snapshot, &mut judged, &taken);
    flip::flip(snapshot, &mut judged);
    pulls::declined(snapshot, &mut judged);
    change::refuse_collisions(&mut judged);
    flip::together(&mut judged);
    group::one_way(&mut judged);
    let busy = flight::busy(snapshot).or_else(|| flight::rollout(snapshot, &judged, &stands));
    flight::wait(busy.as_deref(), &mut judged);
    group::together(&mut judged);
    budget::limit(snapshot, &mut judged);
    flip::together(&mut judged);
    let mut steps = pulls::fit(snapshot, &mut judged);
    let mut changes = std::mem::take(&mut asked.changes);
    changes.extend(change::changes(snapshot, &judged));
    steps.extend(pulls::merge(snapshot, &judged, &changes, busy.is_some()));
    let mut plan = Plan {
        tip: snapshot.tip.clone(),
        at: snapshot.at,
        ledger: ledger::after(snapshot, &judged),
        changes,
        decisions: judged.iter().map(|site| site.decision.clone()).collect(),
        pulls: steps,
        answers: Vec::new(),
        notices: flight::notices(snapshot).into_iter().chain(turned.notices).collect(),
        again: asked.again || turned.again,
        later: later(snapshot, &judged, &stands),
    };
    plan.answers = asked.answers(snapshot, &judged, &plan);
    plan
}

/// When something is to be looked at again though nothing may have happened by then.
fn later(snapshot: &Snapshot, judged: &[judged::Judged], stands: &[undo::Stand]) -> Option<Timestamp> {
    let both = judged.iter().zip(stands).flat_map(|(site, stand)| [health::later(snapshot, site), undo::settles(snapshot, site, stand)]);
    both.flatten().min()
}

/// How updates travel where nobody says anything: as pull requests where there is a forge for them.
fn usual(snapshot: &Snapshot) -> Mode {
    if snapshot.forge == Seen::NotAsked { Mode::Commit } else { Mode::PullRequest }
}

/// Returns the channels that planning needs upstream's word on: those of all sites, also the ones a directive names, and the tags that comments
/// ask for.
pub fn channels(scan: &Scan, config: &Config, forge: &Seen<Forge>) -> BTreeSet<Channel> {
    let select = select::Select::new(scan, config, Mode::Commit);
    let mut channels: BTreeSet<Channel> = scan.sites().filter_map(|(literal, site)| select.terms(literal, site).channel).collect();
    channels.extend(forge.known().into_iter().flat_map(|forge| ask::tags(scan, forge)));
    channels
}

/// Returns the indexes that have to be known to compare what pods tell with what is pinned.
pub fn indexes(snapshot: &Snapshot) -> BTreeSet<(Channel, Digest)> {
    live::indexes(snapshot)
}

/// Says whether a change of the plan is an open pull request already, so that nothing is to be written for it.
pub fn is_proposed(snapshot: &Snapshot, change: &Change) -> bool {
    pulls::stands(snapshot, change)
}

/// Returns the digests for which has to be known how they came into their files: pins that the cluster left, and such that it got just now; and those
/// that a comment wants to go back from.
pub fn undated(snapshot: &Snapshot) -> BTreeSet<(RepoPath, Digest)> {
    pen::undated(snapshot).into_iter().chain(ask::undated(snapshot)).collect()
}

#[cfg(test)]
mod tests;
