//! `run`: one loop that runs passes, woken by the clock, webhooks and the cluster, until a signal
//! stops it. It runs one pass at a time and does not know what a pass does. A failed pass does not
//! end it; the end of one of its tasks does.

pub mod election;
pub mod health;
pub mod hooks;
pub mod http;
pub mod metrics;
pub mod messenger;
pub mod repeats;
pub mod schedule;
mod summary;

pub use summary::{LiveTroubles, PassSummary};

use crate::error::{Error, Result};
use crate::remote::kubernetes::{Keeper, LeaseClient, Urgency, Watches};
use crate::write::{Revoked, WriteLease};
use election::{Candidate, ElectionState};
use health::Health;
use hooks::{PendingWebhooks, Webhook};
use http::{HttpServer, HttpState, WebhookSecrets};
use messenger::{DeliveryCounts, Messenger};
use metrics::Metrics;
use schedule::{PassEnd, PassSchedule, WakeCauses};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::Instrument;

/// How long a pass that may no longer write has to end.
const LEAVE: Duration = Duration::from_secs(1);
/// How long messages that were handed over may take to be sent when a run stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// One pass. It may be dropped at any point at which it holds no [`crate::write::Writing`].
pub trait PassRunner: Send + Sync + 'static {
    fn run_pass(&self, woken: &WakeCauses) -> impl Future<Output = Result<PassSummary>> + Send;
}

/// Requests to stop.
pub trait StopSignals: Send + 'static {
    /// Waits for the next request to stop, and returns its name. Dropping the future loses none.
    fn next(&mut self) -> impl Future<Output = &'static str> + Send;
}

/// SIGTERM and SIGINT of this process, from now on.
pub struct ProcessSignals {
    term: Signal,
    interrupt: Signal,
}

impl ProcessSignals {
    pub fn listen() -> Result<Self> {
        let of =
            |kind| signal(kind).map_err(|e| Error::failed("cannot listen for signals").because(e));
        Ok(Self {
            term: of(SignalKind::terminate())?,
            interrupt: of(SignalKind::interrupt())?,
        })
    }
}

impl StopSignals for ProcessSignals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.term.recv() => "SIGTERM",
            Some(()) = self.interrupt.recv() => "SIGINT",
            else => std::future::pending().await,
        }
    }
}

/// Settings of a run.
#[derive(Clone, Copy, Debug)]
pub struct DaemonSettings {
    /// The wait after a pass.
    pub every: Duration,
    /// How long a write in progress may take after the signal to stop.
    pub grace: Duration,
}

/// What the loop waits for.
enum LoopEvent {
    /// The next pass is due.
    Timer,
    /// Webhooks arrived. Their content is not here.
    Webhook(BTreeSet<Webhook>),
    /// A watched object in the cluster changed.
    Cluster(Urgency),
    /// What is known of the Lease changed.
    Election(ElectionState),
    Stop(&'static str),
    TaskEnded(EndedTask),
}

enum EndedTask {
    Pass(std::result::Result<Result<Box<PassSummary>>, JoinError>),
    Server(std::result::Result<Result<()>, JoinError>),
    Watches(std::result::Result<Result<()>, JoinError>),
    Messenger(std::result::Result<Result<DeliveryCounts>, JoinError>),
}

/// What a run listens to besides the clock.
#[derive(Default)]
pub struct EventSources {
    /// Answers HTTP. Webhooks wake the loop if there is a secret.
    pub server: Option<(HttpServer, WebhookSecrets)>,
    /// Watches on the cluster, and the task that keeps them up to date.
    pub cluster: Option<(Watches, Keeper)>,
    /// The Lease that this process has to hold before it makes a pass.
    pub lease: Option<(LeaseClient, String)>,
    /// Sends what passes hand to it.
    pub messenger: Option<Messenger>,
}

/// The task that holds the Lease.
struct Election {
    /// `pintle/pintle`
    lease: String,
    state: watch::Receiver<ElectionState>,
    release: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

/// A pass in progress.
struct RunningPass {
    task: JoinHandle<Result<Box<PassSummary>>>,
    woken: WakeCauses,
    started: Instant,
    /// What every log line of the pass is in.
    span: tracing::Span,
}

struct RunLoop<W, S> {
    work: Arc<W>,
    lease: Arc<WriteLease>,
    stops: S,
    settings: DaemonSettings,
    schedule: PassSchedule,
    wakes: Arc<PendingWebhooks>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    pass: Option<RunningPass>,
    server: Option<JoinHandle<Result<()>>>,
    watches: Option<Watches>,
    keeper: Option<JoinHandle<Result<()>>>,
    election: Option<Election>,
    messenger: Option<JoinHandle<Result<DeliveryCounts>>>,
    /// The warnings of the last pass.
    last_warnings: BTreeSet<String>,
    /// The newer tags that policies did not take in the last pass.
    last_newer_tags: BTreeSet<String>,
    /// What was wrong in the last pass.
    last_live_troubles: LiveTroubles,
    /// How many passes were started.
    passes: u64,
}

/// Runs passes until `stops` asks for the end. Fails if a task ended by itself, or if a write had
/// to be abandoned.
pub async fn run<W: PassRunner>(
    settings: DaemonSettings,
    work: W,
    lease: Arc<WriteLease>,
    stops: impl StopSignals,
    ears: EventSources,
) -> Result<()> {
    let now = Instant::now();
    let (wakes, health) = (
        Arc::new(PendingWebhooks::default()),
        Arc::new(Health::new(settings.every, now)),
    );
    let watched = ears.cluster.as_ref().map(|(watches, _)| watches.clone());
    let metrics = Arc::new(Metrics::new(watched, ears.lease.is_some()));
    let server = ears.server.map(|(server, secrets)| {
        let shared = HttpState::new(health.clone(), wakes.clone(), metrics.clone(), secrets);
        tokio::spawn(server.serve(Arc::new(shared)))
    });
    let (watches, keeper) = ears
        .cluster
        .map(|(watches, keeper)| (watches, tokio::spawn(keeper.run())))
        .unzip();
    let election = ears.lease.map(|(client, identity)| {
        let (candidate, state) = Candidate::new(client, identity);
        let (release, released) = oneshot::channel();
        Election {
            lease: candidate.lease(),
            state,
            release: Some(release),
            task: tokio::spawn(candidate.run(released)),
        }
    });
    let messenger = ears
        .messenger
        .map(|messenger| tokio::spawn(messenger.run()));
    let schedule = PassSchedule::new(settings.every, now);
    let (work, last_warnings) = (Arc::new(work), BTreeSet::new());
    let looped = RunLoop {
        work,
        lease,
        stops,
        settings,
        schedule,
        wakes,
        health,
        metrics,
        pass: None,
        server,
        watches,
        keeper,
        election,
        messenger,
        last_warnings,
        last_newer_tags: BTreeSet::new(),
        last_live_troubles: LiveTroubles::new(),
        passes: 0,
    };
    tokio::spawn(looped.run())
        .await
        .map_err(|e| Error::failed("the loop ended early").because(e))?
}

impl<W: PassRunner, S: StopSignals> RunLoop<W, S> {
    async fn run(mut self) -> Result<()> {
        let ended = loop {
            match self.next().await {
                LoopEvent::Timer => self.start_pass(),
                LoopEvent::Webhook(hooks) => self.schedule.add_webhooks(hooks),
                LoopEvent::Cluster(urgency) => self.schedule.add_cluster_change(urgency),
                LoopEvent::TaskEnded(EndedTask::Pass(Ok(ended))) => self.finish_pass(ended),
                LoopEvent::Election(ElectionState::Lost(why)) => {
                    break self.stop_at_once(self.lease_lost(why)).await;
                }
                LoopEvent::Election(state) => self.note_election(state),
                LoopEvent::TaskEnded(ended) => break self.stop(Err(task_error(ended))).await,
                LoopEvent::Stop(signal) => {
                    tracing::info!(signal, "stopping");
                    break self.stop(Ok(())).await;
                }
            }
        };
        // Nothing is written any more: the next replica need not wait for the end of the Lease.
        if let Some(mut election) = self.election.take() {
            if let Some(release) = election.release.take() {
                let _ = release.send(());
            }
            drop(timeout(LEAVE, &mut election.task).await);
            election.task.abort();
        }
        for task in [self.server.take(), self.keeper.take()]
            .into_iter()
            .flatten()
        {
            task.abort();
            drop(task.await);
        }
        // The messenger ends by itself once no pass can hand it anything.
        let Self {
            work, messenger, ..
        } = self;
        drop(work);
        if let Some(messenger) = messenger {
            send_the_rest(messenger).await;
        }
        ended
    }

    async fn next(&mut self) -> LoopEvent {
        let due = self.schedule.due();
        let idle = self.pass.is_none() && self.holds_lease();
        tokio::select! {
            biased;
            signal = self.stops.next() => LoopEvent::Stop(signal),
            state = election_changed(self.election.as_mut()) => LoopEvent::Election(state),
            ended = wait_for_task(self.server.as_mut()) => {
                self.server = None;
                LoopEvent::TaskEnded(EndedTask::Server(ended))
            }
            ended = wait_for_task(self.keeper.as_mut()) => {
                self.keeper = None;
                LoopEvent::TaskEnded(EndedTask::Watches(ended))
            }
            ended = wait_for_task(self.messenger.as_mut()) => {
                self.messenger = None;
                LoopEvent::TaskEnded(EndedTask::Messenger(ended))
            }
            ended = wait_for_task(self.pass.as_mut().map(|pass| &mut pass.task)) => {
                if ended.is_err() {
                    self.pass = None;
                }
                LoopEvent::TaskEnded(EndedTask::Pass(ended))
            }
            hooks = self.wakes.next() => LoopEvent::Webhook(hooks),
            urgency = cluster_changed(self.watches.as_ref()) => LoopEvent::Cluster(urgency),
            () = sleep_until(due), if idle => LoopEvent::Timer,
        }
    }

    /// Returns whether a pass may start: this process holds the Lease, or there is none.
    fn holds_lease(&self) -> bool {
        let election = self.election.as_ref();
        election.is_none_or(|election| *election.state.borrow() == ElectionState::Held)
    }

    /// Reports that the Lease was taken, or why no pass starts.
    fn note_election(&self, state: ElectionState) {
        let lease = self.election.as_ref().map_or("", |one| one.lease.as_str());
        self.metrics.set_lease_held(state == ElectionState::Held);
        match state {
            ElectionState::Held => {
                self.health.held(Instant::now());
                tracing::info!(lease, "this replica holds the lease");
            }
            ElectionState::Waiting(holder) => {
                let why = format!("waiting for the lease {lease}, which {holder} holds");
                tracing::info!(lease, holder, "waiting for the lease");
                self.health.waiting(why);
            }
            ElectionState::Unknown(why) | ElectionState::Lost(why) => {
                tracing::warn!(lease, why, "the lease is not known, so no pass starts");
                self.health
                    .waiting_for_answer(format!("the lease {lease} is not known: {why}"));
            }
        }
    }

    fn lease_lost(&self, why: String) -> Error {
        let lease = self.election.as_ref().map_or("", |one| one.lease.as_str());
        self.metrics.set_lease_held(false);
        Error::outside(format!("the lease {lease} was lost"))
            .cause(why)
            .hint("another replica may write now; this one waits for the lease when it is started again")
    }

    /// Starts a pass in a task of its own, so that it cannot hold up the loop.
    fn start_pass(&mut self) {
        let started = Instant::now();
        let woken = self.schedule.start_pass(started);
        self.health.started(started);
        self.passes += 1;
        // Of the highest level, so that no filter on levels takes it from the lines in it.
        let span = tracing::error_span!("pass", id = self.passes);
        span.in_scope(|| tracing::debug!(trigger = %woken, "a pass starts"));
        let (work, why) = (self.work.clone(), woken.clone());
        let pass = async move { work.run_pass(&why).await.map(Box::new) };
        self.pass = Some(RunningPass {
            task: tokio::spawn(pass.instrument(span.clone())),
            woken,
            started,
            span,
        });
    }

    fn finish_pass(&mut self, ended: Result<Box<PassSummary>>) {
        let ended = ended.map(|summary| *summary);
        let Some(pass) = self.pass.take() else { return };
        let _span = pass.span.clone().entered();
        let now = Instant::now();
        let (how, ready) = match &ended {
            Ok(PassSummary {
                fault: Some(why), ..
            }) => (PassEnd::Degraded, Err(why.clone())),
            Ok(summary) => (
                if summary.again {
                    PassEnd::Again
                } else {
                    PassEnd::Done
                },
                Ok(()),
            ),
            Err(error) => (PassEnd::Failed(error.kind), Err(error.what.clone())),
        };
        self.health.ended(ready, now);
        self.metrics
            .record_pass(&pass.woken, pass.started.elapsed(), &ended);
        let later = ended.as_ref().ok().and_then(|summary| summary.later);
        let wait = self.schedule.finish_pass(how, later, now, fastrand::f64());
        match ended {
            Ok(summary) => {
                self.wakes.follow(summary.followed.clone());
                self.log_summary(&pass, summary);
            }
            Err(error) => log_failure(&pass, &error, wait),
        }
    }

    fn log_summary(&mut self, pass: &RunningPass, summary: PassSummary) {
        for sentence in summary.warnings.difference(&self.last_warnings) {
            tracing::warn!("{sentence}");
        }
        let PassSummary {
            commits,
            pulls,
            answers,
            troubles,
            unknown,
            ..
        } = summary;
        let (trigger, milliseconds) = (&pass.woken, pass.started.elapsed().as_millis() as u64);
        tracing::info!(%trigger, milliseconds, commits, pulls, answers, troubles, unknown, "pass");
        self.last_warnings = summary.warnings;
        for sentence in summary.newer_tags.difference(&self.last_newer_tags) {
            tracing::info!("{sentence}");
        }
        self.last_newer_tags = summary.newer_tags;
        if let Some(now) = summary.live_troubles {
            self.log_live_troubles(now);
        }
    }

    /// Logs what is wrong with what runs, once when it begins and once when it is over.
    fn log_live_troubles(&mut self, now: LiveTroubles) {
        for ((container, code), what) in missing_in(&self.last_live_troubles, &now) {
            tracing::warn!(container, code, what, "trouble began");
        }
        for ((container, code), _) in missing_in(&now, &self.last_live_troubles) {
            tracing::info!(container, code, "trouble ended");
        }
        self.last_live_troubles = now;
    }

    /// Abandons everything, also a write in progress: another replica may write now. What is half
    /// done is finished there.
    async fn stop_at_once(&mut self, why: Error) -> Result<()> {
        self.health.stopping();
        self.lease.revoke();
        if let Some(pass) = self.pass.take() {
            abandon_pass(pass).await;
        }
        Err(why)
    }

    /// Starts no further pass. A pass that is not writing is abandoned at once; a write in progress
    /// may end.
    async fn stop(&mut self, ended: Result<()>) -> Result<()> {
        self.health.stopping();
        let revoked = self.lease.revoke();
        let Some(mut pass) = self.pass.take() else {
            return ended;
        };
        if revoked == Revoked::AtRest {
            abandon_pass(pass).await;
            return ended;
        }
        let grace = self.settings.grace;
        tracing::info!(
            "a write is in progress: it has {} seconds to come to its end",
            grace.as_secs()
        );
        let too_late = |why: String| {
            Err(Error::failed("a write was abandoned")
                .cause(why)
                .hint("the next run does what is left"))
        };
        let lease = self.lease.clone();
        let at_rest = async {
            lease.wait_until_idle().await;
            sleep(LEAVE).await;
        };
        tokio::select! {
            biased;
            signal = self.stops.next() => too_late(format!("a second signal came: {signal}")),
            passed = &mut pass.task => {
                self.pass = Some(pass);
                match passed {
                    Ok(passed) => self.finish_pass(passed),
                    Err(error) => return Err(task_error(EndedTask::Pass(Err(error)))),
                }
                ended
            }
            () = at_rest => {
                abandon_pass(pass).await;
                ended
            }
            () = sleep(grace) => too_late(format!("it took longer than {} seconds", grace.as_secs())),
        }
    }
}

/// Waits a little for messages that are not sent yet. What is left after that is lost.
async fn send_the_rest(mut messenger: JoinHandle<Result<DeliveryCounts>>) {
    if timeout(FAREWELL, &mut messenger).await.is_err() {
        tracing::warn!("messages were not sent: pintle is stopping");
        messenger.abort();
    }
}

/// Waits for a task, or for ever if there is none.
async fn wait_for_task<T>(task: Option<&mut JoinHandle<T>>) -> std::result::Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}

/// Waits for a change in the cluster, or for ever if none is watched.
async fn cluster_changed(watches: Option<&Watches>) -> Urgency {
    match watches {
        Some(watches) => watches.changed().await,
        None => std::future::pending().await,
    }
}

/// Waits for a change of what is known of the Lease, or for ever if there is none.
async fn election_changed(election: Option<&mut Election>) -> ElectionState {
    let Some(election) = election else {
        return std::future::pending().await;
    };
    match election.state.changed().await {
        Ok(()) => election.state.borrow_and_update().clone(),
        // Its task ended: what it said last was taken, so that was not the loss of the Lease.
        Err(_) => ElectionState::Lost("the task that holds it ended early".into()),
    }
}

/// Drops a pass that is not writing. What blocks in it (git, the disk) ends with the process.
async fn abandon_pass(pass: RunningPass) {
    pass.task.abort();
    match timeout(LEAVE, pass.task).await {
        Ok(Err(error)) if error.is_panic() => {
            tracing::error!(%error, "the abandoned pass panicked")
        }
        Ok(Ok(Ok(_))) => tracing::info!("the last pass is over"),
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => {
            tracing::info!("the pass under way was abandoned: it was not writing")
        }
    }
}

/// Returns the troubles of `all` that `known` does not have. That one is described in other words
/// is no news.
fn missing_in<'a>(
    known: &'a LiveTroubles,
    all: &'a LiveTroubles,
) -> impl Iterator<Item = (&'a (String, &'static str), &'a String)> {
    all.iter().filter(|(key, _)| !known.contains_key(*key))
}

fn log_failure(pass: &RunningPass, error: &Error, wait: Duration) {
    let (trigger, milliseconds) = (&pass.woken, pass.started.elapsed().as_millis() as u64);
    let hint = error.hint.as_deref();
    let kind = error.kind.word();
    tracing::warn!(%trigger, milliseconds, kind, %error, hint, next_in_seconds = wait.as_secs(), "pass failed");
}

/// The process ends with the first task that ends by itself: without one of its tasks it would look
/// alive and do nothing.
fn task_error(ended: EndedTask) -> Error {
    match ended {
        EndedTask::Pass(Err(error)) => Error::failed("a pass ended early").because(error),
        EndedTask::Server(Err(error)) => {
            Error::failed("the HTTP server ended early").because(error)
        }
        EndedTask::Server(Ok(Err(error))) => {
            Error::failed("the HTTP server ended").cause(error.to_string())
        }
        EndedTask::Watches(Err(error)) => {
            Error::failed("the watches on the cluster ended early").because(error)
        }
        EndedTask::Watches(Ok(Err(error))) => error,
        EndedTask::Messenger(Err(error)) => {
            Error::failed("the task that sends messages ended early").because(error)
        }
        EndedTask::Messenger(Ok(Err(error))) => error,
        EndedTask::Pass(Ok(_))
        | EndedTask::Server(Ok(Ok(())))
        | EndedTask::Watches(Ok(Ok(())))
        | EndedTask::Messenger(Ok(Ok(_))) => Error::failed("a task ended unexpectedly"),
    }
}

#[cfg(test)]
mod tests;
