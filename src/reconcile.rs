//! The straight line: observe, plan, prove, write. Read this first. Between plan and prove,
//! comments that are about to be answered are acknowledged. After prove, the plan is made again if
//! the cluster changed meanwhile.

use crate::error::{Error, Result};
use crate::observe::{self, Checkout, Progress, Registries, Session};
use crate::pipeline::history::History;
use crate::pipeline::{Change, Delivery, Plan, Receipt, Seen, Snapshot};
use crate::plan;
use crate::proof;
use crate::remote::git::Clone;
use crate::write::{self, Refusals, WriteInput, WriteLease, WriteOutcome};
use std::time::Duration;

/// How often somebody else may push first before the pass gives up.
const TRIES: u32 = 12;
/// How often a pass plans again because what it wrote made more possible: comments are carried out
/// one after another.
const ROUNDS: u32 = 50;

/// Where a pass is while the remote is asked.
const FETCHING: &str = "fetching the repo";

/// A snapshot and the plan made from it.
pub struct Planned {
    pub snapshot: Snapshot,
    pub plan: Plan,
    /// Changes that were planned and will not be written, and why.
    pub refused: Refusals,
}

impl Planned {
    fn work(&self) -> WriteInput<'_> {
        WriteInput {
            snapshot: &self.snapshot,
            plan: &self.plan,
            refused: &self.refused,
        }
    }
}

/// Reads the repo and asks nobody else; changes nothing.
pub async fn plan_offline(session: &Session) -> Result<Planned> {
    let checkout = checkout(session).await?;
    let snapshot = observe::offline(&session.setup, &checkout);
    let plan = plan::plan(&snapshot);
    Ok(Planned {
        snapshot,
        plan,
        refused: Refusals::new(),
    })
}

/// Returns what pintle wrote before, newest first, also what came by merges that only the forge
/// knows.
pub async fn read_history(session: &Session) -> Result<Seen<History>> {
    let checkout = checkout(session).await?;
    Ok(observe::merged_history(session, &checkout).await)
}

/// Observes and plans; changes nothing.
pub async fn make_plan(session: &Session, progress: Progress<'_>) -> Result<Planned> {
    let checkout = checkout(session).await?;
    let registries = session.registries(&checkout.config)?;
    Ok(observe_and_plan(session, &checkout, &registries, progress).await)
}

/// Observes, plans and proves: everything that comes before the first byte is written.
pub async fn plan_and_prove(session: &Session, progress: Progress<'_>) -> Result<Planned> {
    progress(FETCHING, 0, 0);
    let checkout = checkout(session).await?;
    let registries = session.registries(&checkout.config)?;
    Ok(prove(
        session,
        observe_and_plan(session, &checkout, &registries, progress).await,
        &registries,
    )
    .await)
}

/// Plans once more with what the watched cluster shows now and all else as it was in a pass that
/// wrote nothing. Returns `None` if the whole line has to run: a spec changed, so that the repo may
/// have changed too; the plan is another one; or it needs more than is known.
pub async fn plan_unchanged(session: &Session, last: &Planned) -> Option<Planned> {
    if !session.is_warm() {
        return None;
    }
    let (config, scan) = (&last.snapshot.config, &last.snapshot.scan);
    let cluster = observe::cluster(session, config, scan).await;
    let (now, before) = (cluster.known()?, last.snapshot.cluster.known()?);
    if !now.has_same_specs(before) {
        return None;
    }
    let snapshot = Snapshot {
        at: (session.setup.clock)(),
        cluster,
        ..last.snapshot.clone()
    };
    let is_known = plan::indexes_to_read(&snapshot)
        .iter()
        .all(|index| snapshot.children.contains_key(index))
        && plan::pins_to_blame(&snapshot)
            .iter()
            .all(|pin| snapshot.blame.contains_key(pin));
    if !is_known {
        return None;
    }
    let plan = plan::plan(&snapshot);
    if !plan.needs.is_empty() {
        return None;
    }
    let decided = |plan: &Plan| -> Vec<_> {
        let decisions = plan.decisions.iter();
        decisions
            .map(|one| (one.site.clone(), one.verdict, one.runs.clone()))
            .collect()
    };
    let is_same = decided(&plan) == decided(&last.plan)
        && plan.changes == last.plan.changes
        && plan.pull_steps == last.plan.pull_steps
        && plan.notices == last.plan.notices
        && plan.answers == last.plan.answers
        && plan.ledger == last.plan.ledger;
    is_same.then(|| Planned {
        snapshot,
        plan,
        refused: last.refused.clone(),
    })
}

/// The whole line, and again while what was written makes more possible. When somebody else pushes
/// in between, it starts over from their commit.
pub async fn reconcile(
    session: &Session,
    lease: &WriteLease,
    progress: Progress<'_>,
) -> Result<(Planned, Receipt)> {
    progress(FETCHING, 0, 0);
    let mut checkout = checkout(session).await?;
    let mut written = Receipt::default();
    let (mut lost, mut rounds, mut push_refused) = (0, 0, false);
    if checkout.clone.is_none() {
        return Err(no_remote());
    }
    loop {
        let registries = session.registries(&checkout.config)?;
        let now = observe_and_plan(session, &checkout, &registries, progress).await;
        progress("proving digests", 0, 0);
        write::acknowledge(lease, session.forge(), &now.snapshot).await;
        let now = prove(session, now, &registries).await;
        let now = replan_if_cluster_changed(session, &checkout, now, &registries).await;
        let mut clone = checkout.clone.ok_or_else(no_remote)?;
        progress("writing", 0, 0);
        match write::write(lease, &mut clone, session.forge(), now.work()).await? {
            WriteOutcome::Done { receipt, again } => {
                written.add(receipt);
                rounds += 1;
                if rounds == ROUNDS {
                    tracing::warn!(rounds, "the rest of the comments waits for the next pass");
                }
                if !again || rounds == ROUNDS || lease.is_revoked() {
                    take_messages(session, lease, &mut clone, &now, &mut written);
                    write_dashboard(session, lease, &now).await;
                    return Ok((now, written));
                }
            }
            // The second time: pull requests were refused too.
            WriteOutcome::Refused(why) if push_refused => {
                return Err(
                    Error::outside("the branch takes no push, and no pull request either")
                        .cause(why),
                );
            }
            WriteOutcome::Refused(why) => {
                push_refused = true;
                session.note_refused_push(why);
            }
            WriteOutcome::TipMoved if lost == TRIES => {
                return Err(Error::outside(format!(
                    "somebody else pushed first {TRIES} times in a row"
                ))
                .hint("run it again when the repo is quieter"));
            }
            WriteOutcome::TipMoved => {
                tracing::info!(
                    attempt = lost,
                    "somebody else pushed first: observing again"
                );
                tokio::time::sleep(jitter(lost)).await;
                lost += 1;
            }
        }
        progress(FETCHING, 0, 0);
        checkout = tokio::task::block_in_place(|| {
            clone.fetch()?;
            observe::at_tip(&session.setup, &session.kept, clone)?.restrict_to(session.targets())
        })?;
    }
}

/// Adds the messages that are due to what was written: one for each receiver that has not had the
/// news of this pass.
fn take_messages(
    session: &Session,
    lease: &WriteLease,
    clone: &mut Clone,
    now: &Planned,
    written: &mut Receipt,
) {
    let (Some(addresses), receivers) = (session.addresses(), &now.snapshot.config.receivers) else {
        return;
    };
    let reachable = write::Reachable {
        names: addresses.reachable(receivers.iter().map(|receiver| &*receiver.name)),
        repo: session.repo_name().into(),
    };
    written.messages = tokio::task::block_in_place(|| {
        write::take_messages(lease, clone, &reachable, now.work(), written)
    });
}

/// Keeps the dashboard issue up to date, where there is a forge.
async fn write_dashboard(session: &Session, lease: &WriteLease, now: &Planned) {
    let Some(client) = session.forge() else {
        return;
    };
    let known = session.shown_dashboard();
    if let Some(shown) = write::write_dashboard(lease, client, known, now.work()).await {
        session.note_dashboard(shown);
    }
}

fn no_remote() -> Error {
    Error::usage("there is no remote to write to").hint("name one with --remote")
}

async fn checkout(session: &Session) -> Result<Checkout> {
    let (setup, kept) = (session.setup.clone(), session.kept.clone());
    let span = tracing::Span::current();
    let read = move || span.in_scope(|| observe::checkout(&setup, &kept));
    let read = tokio::task::spawn_blocking(read).await;
    read.map_err(|e| Error::failed("reading the repo ended early").because(e))??
        .restrict_to(session.targets())
}

async fn observe_and_plan(
    session: &Session,
    checkout: &Checkout,
    registries: &Registries,
    progress: Progress<'_>,
) -> Planned {
    progress("asking the forge", 0, 0);
    let (mut forge, history) = observe::forge(session, checkout).await;
    // A command about some sites answers no comment: the next one that is about all does.
    if let (Seen::Known(forge), Some(_)) = (&mut forge, &checkout.only) {
        forge.asks.clear();
    }
    let rotten_issues = observe::rotten_issues(session, &forge).await;
    let channels = plan::channels_to_ask(&checkout.scan, &checkout.config, &forge);
    let (observed, alerts) = tokio::join!(
        observe::observe(session, checkout, channels, registries, progress),
        observe::alerts(session)
    );
    // The cluster is read last: registries take their time, and what is done in the cluster
    // meanwhile has to be seen.
    progress("reading the cluster", 0, 0);
    let cluster = observe::cluster(session, &checkout.config, &checkout.scan).await;
    plan_with_cluster(
        session,
        checkout,
        registries,
        Snapshot {
            forge,
            cluster,
            history,
            alerts,
            rotten_issues,
            ..observed
        },
    )
    .await
}

/// Looks up what the cluster makes worth knowing, and plans.
async fn plan_with_cluster(
    session: &Session,
    checkout: &Checkout,
    registries: &Registries,
    mut snapshot: Snapshot,
) -> Planned {
    snapshot.children =
        observe::children::children(session, registries, plan::indexes_to_read(&snapshot)).await;
    snapshot.blame = tokio::task::block_in_place(|| {
        observe::blame::read_blame(session, checkout, plan::pins_to_blame(&snapshot))
    });
    // Last: only who wrote a pin shows whether it fails, and what it may be rolled back to.
    snapshot.pins =
        observe::pins::read_pins(session, registries, plan::pins_to_check(&snapshot)).await;
    // Each round asks for what the plan before needed to choose tags.
    let mut plan = plan::plan(&snapshot);
    while !plan.needs.is_empty() {
        observe::needs::read_needs(session, registries, &mut snapshot, &plan.needs).await;
        plan = plan::plan(&snapshot);
    }
    Planned {
        snapshot,
        plan,
        refused: Refusals::new(),
    }
}

/// Proves every digest at its registry and every edit in the text, and asks what changed in the
/// images of pull requests. A digest that nobody serves is not pinned: the plan is made without it,
/// and only what the new plan wants besides is asked for.
async fn prove(session: &Session, mut now: Planned, registries: &Registries) -> Planned {
    loop {
        let failed = observe::prove(session, registries, &now.snapshot, &now.plan).await;
        let known = now.snapshot.unproved.len();
        now.snapshot.unproved.extend(failed);
        if now.snapshot.unproved.len() == known {
            break;
        }
        now.plan = plan::plan(&now.snapshot);
    }
    now.snapshot.notes = observe::notes::notes(session, registries, &now.snapshot, &now.plan).await;
    if !now.snapshot.notes.is_empty() {
        now.plan = plan::plan(&now.snapshot);
    }
    let (plan, refused) = proof::prove_plan(&now.snapshot, now.plan);
    Planned {
        plan,
        refused,
        ..now
    }
}

/// Plans again if the cluster changed while digests were proved, so that no update overwrites an
/// undo: where it is watched, and where the last look at it is too old.
async fn replan_if_cluster_changed(
    session: &Session,
    checkout: &Checkout,
    now: Planned,
    registries: &Registries,
) -> Planned {
    let is_update = |change: &Change| {
        change.delivery == Delivery::Commit && change.pins.iter().any(|pin| pin.action.is_forward())
    };
    if !session.needs_new_look() || !now.plan.changes.iter().any(is_update) {
        return now;
    }
    let cluster = observe::cluster(session, &checkout.config, &checkout.scan).await;
    if cluster == now.snapshot.cluster {
        return now;
    }
    let now = plan_with_cluster(
        session,
        checkout,
        registries,
        Snapshot {
            cluster,
            ..now.snapshot
        },
    )
    .await;
    prove(session, now, registries).await
}

/// Longer the more often the race was lost, and never the same for two losers.
fn jitter(attempt: u32) -> Duration {
    Duration::from_millis(fastrand::u64(10..100 * (u64::from(attempt) + 1)))
}

#[cfg(test)]
mod tests;
