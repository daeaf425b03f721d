//! The straight line: observe, plan, prove, write. Read this first.

use crate::error::{Error, Result};
use crate::observe::{self, Checkout, Progress, Registries, Setup};
use crate::pipeline::{Plan, Receipt, Seen, Snapshot};
use crate::plan;
use crate::write::{self, Outcome, WriteLease};
use std::sync::Arc;
use std::time::Duration;

/// How often somebody else may push first before the pass gives up.
const TRIES: u32 = 12;

/// A snapshot and the plan made from it.
pub struct Planned {
    pub snapshot: Snapshot,
    pub plan: Plan,
    /// Changes that were planned and will not be written, and why.
    pub refused: Vec<(Arc<str>, String)>,
}

/// Reads the repo and asks no registry; changes nothing.
pub async fn look(setup: &Setup) -> Result<Planned> {
    let checkout = checkout(setup).await?;
    let snapshot = observe::offline(setup, &checkout);
    let plan = plan::plan(&snapshot);
    Ok(Planned { snapshot, plan, refused: Vec::new() })
}

/// Observes and plans; changes nothing.
pub async fn plan(setup: &Setup, progress: Progress<'_>) -> Result<Planned> {
    let checkout = checkout(setup).await?;
    let registries = Registries::new(&setup.registries, &checkout.config)?;
    Ok(planned(setup, &checkout, &registries, progress).await)
}

/// Observes, plans and proves: everything that comes before the first byte is written.
pub async fn rehearse(setup: &Setup, progress: Progress<'_>) -> Result<Planned> {
    let checkout = checkout(setup).await?;
    let registries = Registries::new(&setup.registries, &checkout.config)?;
    Ok(proved(planned(setup, &checkout, &registries, progress).await, &registries).await)
}

/// The whole line once. When somebody else pushes in between, it starts over from their commit.
pub async fn reconcile(setup: &Setup, lease: &WriteLease, progress: Progress<'_>) -> Result<(Planned, Receipt)> {
    let mut checkout = checkout(setup).await?;
    let registries = Registries::new(&setup.registries, &checkout.config)?;
    for attempt in 0..TRIES {
        let now = proved(planned(setup, &checkout, &registries, progress).await, &registries).await;
        let nowhere = || Error::usage("there is no remote to write to").hint("name one with --remote");
        let mut clone = checkout.clone.ok_or_else(nowhere)?;
        match tokio::task::block_in_place(|| write::write(lease, &mut clone, &now.snapshot, &now.plan))? {
            Outcome::Done(receipt) => {
                let receipt = Receipt { refused: now.refused.clone(), ..receipt };
                return Ok((now, receipt));
            }
            Outcome::TipMoved => tracing::info!(attempt, "somebody else pushed first: observing again"),
        }
        tokio::time::sleep(jitter(attempt)).await;
        checkout = tokio::task::block_in_place(|| {
            clone.fetch()?;
            observe::at_tip(setup, clone)
        })?;
    }
    Err(Error::outside(format!("somebody else pushed first {TRIES} times in a row")).hint("run it again when the repo is quieter"))
}

async fn checkout(setup: &Setup) -> Result<Checkout> {
    let setup = setup.clone();
    let read = tokio::task::spawn_blocking(move || observe::checkout(&setup)).await;
    read.map_err(|e| Error::failed("reading the repo ended early").because(e))?
}

async fn planned(setup: &Setup, checkout: &Checkout, registries: &Registries, progress: Progress<'_>) -> Planned {
    let channels = plan::channels(&checkout.scan, &checkout.config, &Seen::NotAsked);
    let snapshot = observe::observe(setup, checkout, channels, registries, progress).await;
    let plan = plan::plan(&snapshot);
    Planned { snapshot, plan, refused: Vec::new() }
}

/// Proves every digest at its registry and every edit in the text. A digest that nobody serves is as good as unknown: the plan is made without it.
async fn proved(mut now: Planned, registries: &Registries) -> Planned {
    loop {
        let failed = observe::prove(registries, &now.plan).await;
        if failed.is_empty() {
            break;
        }
        now.snapshot.unproved.extend(failed);
        now.plan = plan::plan(&now.snapshot);
    }
    let (plan, refused) = plan::proof::proved(&now.snapshot, now.plan);
    Planned { plan, refused, ..now }
}

/// Longer the more often the race was lost, and never the same for two losers.
fn jitter(attempt: u32) -> Duration {
    Duration::from_millis(fastrand::u64(10..100 * (u64::from(attempt) + 1)))
}
