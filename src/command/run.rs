//! `pintle run`.

use super::deadline::{self, PassStage, length, requests_since};
use super::ending::{Completion, forge_faults, not_back, unanswered};
use super::{scan, source};
use crate::cli::RunArgs;
use crate::daemon::http::{HttpServer, WebhookSecrets};
use crate::daemon::messenger::{MessageQueue, messenger};
use crate::daemon::repeats;
use crate::daemon::schedule::WakeCauses;
use crate::daemon::{self, DaemonSettings, EventSources, PassRunner, PassSummary, ProcessSignals};
use crate::error::{Error, Result};
use crate::observe::{FollowedBranch, RepoOrigin, Session};
use crate::pipeline::status::ContainerTrouble;
use crate::pipeline::{Decision, Plan, Reason, Receipt, Verdict};
use crate::plan;
use crate::reconcile::{self, Planned};
use crate::remote::kubernetes::{Keeper, LeaseClient, LeaseName, Place, Watches};
use crate::remote::oci::{ASKED_TO_WAIT, GIVES_FEW};
use crate::remote::receiver::AddressBook;
use crate::remote::requests_by_host;
use crate::report::gauges::{PassGauges, read_gauges};
use crate::write::WriteLease;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Instrument;

/// Passes on one remote.
struct Passes(Arc<Pass>);

struct Pass {
    session: Session,
    lease: Arc<WriteLease>,
    messages: MessageQueue,
    /// The last pass, if it wrote nothing and all went well.
    last: Mutex<Option<Planned>>,
    timeout: Duration,
}

impl PassRunner for Passes {
    /// On a thread of its own: an open clone is for one thread. It leaves by itself once nothing
    /// may be written any more.
    async fn run_pass(&self, woken: &WakeCauses) -> Result<PassSummary> {
        if woken.asks_registries() {
            repeats::start_poll();
            self.0.session.forget();
        } else if !woken.is_in_haste() {
            self.0.session.retry();
        }
        let images = woken.images().map(|image| (&*image.path, &*image.tag));
        let has_pushed = self.0.session.forget_images(images);
        let (pass, runtime) = (self.0.clone(), Handle::current());
        let by_cluster = woken.leaves_repo() && !has_pushed;
        let abandoned = || Error::failed("the pass was abandoned: pintle is stopping");
        let span = tracing::Span::current();
        let thread = tokio::task::spawn_blocking(move || {
            let made = async {
                tokio::select! {
                    biased;
                    done = pass.make(by_cluster) => done,
                    () = pass.lease.wait_until_idle() => Err(abandoned()),
                }
            };
            runtime.block_on(made.instrument(span))
        });
        match thread.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(abandoned()),
        }
    }
}

impl Pass {
    /// What only the cluster woke asks nobody else, unless its plan is another one; nor does the
    /// push of an image that the repo does not name.
    async fn make(&self, by_cluster: bool) -> Result<PassSummary> {
        let last = self.last().take().filter(|_| by_cluster);
        if let Some(last) = last
            && let Some(planned) = reconcile::plan_unchanged(&self.session, &last).await
        {
            let summary = self.summary(&planned, &Receipt::default());
            *self.last() = Some(planned);
            return Ok(summary);
        }
        let (stage, before) = (PassStage::default(), requests_by_host());
        let progress = |what: &str, done, of| stage.note(what, done, of);
        let pass = reconcile::reconcile(&self.session, &self.lease, &progress);
        let done = deadline::within(self.timeout, &self.lease, &stage, pass).await;
        tracing::debug!(
            stages = stage.lengths(),
            requests = requests_since(&before),
            "what the pass took"
        );
        let (planned, mut receipt) = done?;
        self.messages.send(std::mem::take(&mut receipt.messages));
        source::has_terraform(&planned.snapshot.files)?;
        let mut summary = self.summary(&planned, &receipt);
        summary.again |= self.session.take_cut_short();
        // What open pull requests propose stays as it is; a commit that was not written is tried
        // again.
        let mut changes = planned.plan.changes.iter();
        let is_still = changes.all(|change| change.delivery.is_pull_request());
        let is_done = receipt.refused.is_empty() && receipt.troubles.is_empty();
        if receipt.is_empty() && is_done && !summary.again && is_still {
            *self.last() = Some(planned);
        }
        Ok(summary)
    }

    fn summary(&self, planned: &Planned, receipt: &Receipt) -> PassSummary {
        let mut summary = summary(planned, receipt);
        summary.followed = self.session.followed();
        summary.gauges.rate_limits_left = self.session.rate_limits_left();
        let unreachable = source::unreachable(&self.session, &planned.snapshot.config);
        summary.warnings.extend(unreachable);
        summary
    }

    fn last(&self) -> MutexGuard<'_, Option<Planned>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn run(args: &RunArgs) -> Result<Completion> {
    let clone = &args.repo.clone;
    let session = source::remote(clone, &args.registries, &args.cluster)?;
    let addresses = Arc::new(source::addresses(
        &args.notices,
        clone.ca_file.as_deref(),
        clone.insecure_http,
    )?);
    let session = source::sign_commits(session, &args.signing)?.with_addresses(addresses.clone());
    let settings = DaemonSettings {
        every: length(
            "--every",
            &args.every,
            Duration::from_secs(1)..=Duration::from_secs(30 * 86_400),
        )?,
        grace: length(
            "--grace",
            &args.grace,
            Duration::ZERO..=Duration::from_secs(3_600),
        )?,
    };
    let listen = address(&args.listen)?;
    let lease = lease(args, &session)?;
    let timeout = deadline::pass_timeout(&args.pass.pass_timeout)?;
    let secrets = WebhookSecrets {
        forge: source::webhook_secret(args.webhook_secret_file.as_deref())?,
        alerts: source::alert_hook_token(args.alert_hook_token_file.as_deref())?,
        registries: source::registry_hook_token(args.registry_hook_token_file.as_deref())?,
    };
    log_start(&session, settings.every);
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime =
        runtime.map_err(|e| Error::failed("cannot start the asynchronous runtime").because(e))?;
    // Before signals are listened for: a credential plugin may keep this waiting.
    let (cluster, lease) = runtime.block_on(async {
        let lease = lease.zip(session.cluster());
        let lease = lease.map(|(wanted, cluster)| cluster.lease(wanted.as_ref()));
        Ok::<_, Error>((session.watch()?, lease.transpose()?))
    })?;
    let sources = RunSources {
        listen,
        secrets,
        cluster,
        lease,
        addresses,
    };
    let ended = runtime.block_on(serve(settings, session, timeout, sources));
    // What blocks in an abandoned pass is not waited for.
    runtime.shutdown_background();
    match ended {
        Ok(()) => {
            tracing::info!("stopped");
            Ok(Completion::Ok)
        }
        Err(error) => {
            tracing::error!(%error, hint = error.hint.as_deref(), "the run ended");
            Ok(Completion::Failed)
        }
    }
}

/// The first line of the log: what runs, on what. No secret is in it: a remote's address with a
/// password is refused before.
fn log_start(session: &Session, every: Duration) {
    let setup = &session.setup;
    let (remote, branch) = match &setup.origin {
        RepoOrigin::Folder(folder) => (folder.display().to_string(), None),
        RepoOrigin::Remote { remote, access, .. } => (remote.to_string(), access.branch.clone()),
    };
    let none = || "none".to_owned();
    let forge = setup.forge.as_ref().map(|forge| forge.place.to_string());
    let cluster = setup
        .cluster
        .as_ref()
        .map(|cluster| cluster.place.to_string());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        remote,
        branch = branch.unwrap_or_else(|| "the remote's default".to_owned()),
        forge = forge.unwrap_or_else(none),
        cluster = cluster.unwrap_or_else(none),
        every_seconds = every.as_secs(),
        "starting"
    );
}

/// What a run listens to, and whom it sends messages.
struct RunSources {
    /// `None` listens nowhere.
    listen: Option<SocketAddr>,
    secrets: WebhookSecrets,
    cluster: Option<(Watches, Keeper)>,
    lease: Option<LeaseClient>,
    addresses: Arc<AddressBook>,
}

/// Returns the Lease to hold: `Some(None)` for the usual one, `None` for none.
fn lease(args: &RunArgs, session: &Session) -> Result<Option<Option<LeaseName>>> {
    let named = args.lease.as_deref().filter(|name| !name.is_empty());
    let place = session.setup.cluster.as_ref().map(|cluster| &cluster.place);
    match (named, place) {
        (Some(_), _) if args.no_lease => {
            Err(Error::usage("--lease cannot be used with --no-lease")
                .hint("leave one of them out (PINTLE_LEASE, PINTLE_NO_LEASE)"))
        }
        (Some(_), None) => Err(Error::usage("--lease needs a cluster, and none is named")
            .hint("name one with --kubeconfig or --in-cluster")),
        (Some(name), Some(_)) => Ok(Some(Some(LeaseName::parse(name)?))),
        (None, Some(Place::InCluster)) if !args.no_lease => Ok(Some(None)),
        (None, _) => Ok(None),
    }
}

/// Names this process among its replicas: the pod's name, which Kubernetes makes the host's, and a
/// number that no earlier process of that name had.
fn identity() -> String {
    let host = std::env::var("HOSTNAME")
        .ok()
        .filter(|name| !name.is_empty());
    let host = host.unwrap_or_else(|| "pintle".to_owned());
    format!("{host}_{:08x}", fastrand::u32(..))
}

async fn serve(
    settings: DaemonSettings,
    session: Session,
    timeout: Duration,
    sources: RunSources,
) -> Result<()> {
    let RunSources {
        listen,
        secrets,
        cluster,
        lease,
        addresses,
    } = sources;
    let signals = ProcessSignals::listen()?;
    let server = match listen {
        None => None,
        Some(address) => {
            let server = HttpServer::bind(address).await?;
            tracing::info!("listening on {}", server.address()?);
            Some(server)
        }
    };
    match (&server, &secrets.forge) {
        (None, _) => tracing::info!("polling alone: nothing listens for webhooks"),
        (Some(_), None) => tracing::info!("polling alone: no webhook secret"),
        (Some(_), Some(_)) => {}
    }
    let (messages, messenger) = messenger(addresses);
    let ears = EventSources {
        server: server.map(|server| (server, secrets)),
        cluster,
        lease: lease.map(|client| (client, identity())),
        messenger: Some(messenger),
    };
    let lease = Arc::new(WriteLease::for_run());
    let passes = Passes(Arc::new(Pass {
        session,
        lease: lease.clone(),
        messages,
        last: Mutex::default(),
        timeout,
    }));
    daemon::run(settings, passes, lease, signals, ears).await
}

/// Counts the unknown sites and describes them: those that are so for the same reason in one
/// sentence. The time until which a registry wants to be left alone is not in it, because it is
/// another one after each pass.
fn describe_unknown<'a>(unknown: impl Iterator<Item = &'a Decision>) -> (usize, Vec<String>) {
    let (mut count, mut sentences) = (0, Vec::new());
    let mut same: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for decision in unknown {
        count += 1;
        match decision.reasons.first() {
            Some(reason @ Reason::UpstreamUnknown { why, .. }) => {
                let group = same.entry(timeless_why(why)).or_default();
                group.push(format!("unknown: {}: {reason}", decision.site));
            }
            reason => {
                let reason = reason.map_or_else(String::new, ToString::to_string);
                sentences.push(format!("unknown: {}: {reason}", decision.site));
            }
        }
    }
    for (why, group) in same {
        match &group[..] {
            [one] if !why.contains(ASKED_TO_WAIT) => sentences.push(one.clone()),
            group => sentences.push(format!("unknown: {}: {why}", count_images(group.len()))),
        }
    }
    (count, sentences)
}

/// Why a registry was not asked, in the words of the log. A registry that wants to be asked less is
/// one and the same news, whether it gives a time or fewer requests than there are images. So are
/// credentials that it refuses, for however many images.
fn timeless_why(why: &str) -> String {
    if let Some((answer, rest)) = why.split_once(" for ")
        && (answer.ends_with("answered 401") || answer.ends_with("answered 403"))
        && let Some((_, credentials)) = rest.split_once(": it does not exist or ")
    {
        return format!("{answer}: the image does not exist or {credentials}");
    }
    let host = why
        .strip_prefix("registry ")
        .and_then(|rest| rest.split(' ').next());
    match host.filter(|_| why.contains(ASKED_TO_WAIT) || why.contains(GIVES_FEW)) {
        Some(host) => format!("registry {host} {ASKED_TO_WAIT}"),
        None => why.split(" until ").next().unwrap_or(why).to_owned(),
    }
}

fn count_images(count: usize) -> String {
    format!("{count} image{}", if count == 1 { "" } else { "s" })
}

fn summary(planned: &Planned, receipt: &Receipt) -> PassSummary {
    let unknown = planned
        .plan
        .decisions
        .iter()
        .filter(|decision| decision.verdict == Verdict::Unknown);
    let (count, unknown) = describe_unknown(unknown);
    let refused = receipt
        .refused
        .iter()
        .map(|(name, why)| format!("refused: {name}: {why}"));
    let faults = forge_faults(planned);
    let troubles = receipt
        .troubles
        .iter()
        .chain(&faults)
        .map(|trouble| format!("trouble: {trouble}"));
    let notes = planned.snapshot.scan.problems.iter().map(scan::note);
    let unmatched = planned.plan.unmatched.iter().map(ToString::to_string);
    PassSummary {
        commits: receipt.commits.len(),
        pulls: receipt.pull_results.len(),
        answers: receipt.answered.len(),
        troubles: receipt.troubles.len() + faults.len(),
        unknown: count,
        warnings: notes
            .chain(unmatched)
            .chain(refused)
            .chain(troubles)
            .chain(unknown)
            .chain(unanswered(&planned.snapshot))
            .chain(not_back(&planned.plan))
            .collect(),
        newer_tags: newer_tags(&planned.plan),
        live_troubles: planned.snapshot.cluster.known().map(|_| {
            let troubles = planned.plan.troubles.iter();
            let key = |one: &ContainerTrouble| (one.container.clone(), one.trouble.code);
            troubles
                .map(|one| (key(one), one.trouble.to_string()))
                .collect()
        }),
        again: planned.plan.again,
        followed: FollowedBranch::default(),
        fault: faults.first().cloned(),
        commit_actions: receipt
            .commits
            .iter()
            .flat_map(|commit| commit.actions.iter().copied())
            .collect(),
        pulls_by_result: count_pulls(receipt),
        gauges: Box::new(PassGauges {
            budget_left: plan::budget_left(&planned.snapshot),
            ..read_gauges(&planned.snapshot, &planned.plan)
        }),
        later: planned.plan.next_look.map(|at| {
            at.duration_since(planned.plan.at).unsigned_abs() + Duration::from_millis(500)
        }),
    }
}

/// Counts pull requests by what was done to them: `opened`.
fn count_pulls(receipt: &Receipt) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for pull in &receipt.pull_results {
        *counts.entry(pull.done.word()).or_default() += 1;
    }
    counts
}

/// `off` listens nowhere.
fn address(text: &str) -> Result<Option<SocketAddr>> {
    let wrong = |e| {
        Error::usage(format!("--listen {text} is not an address and port"))
            .because(e)
            .hint("write 127.0.0.1:8080, 0.0.0.0:8080 or off")
    };
    if text == "off" {
        Ok(None)
    } else {
        text.parse().map(Some).map_err(wrong)
    }
}

/// `stacks/web/main.tf#…: tag 2.0.0 is newer and not taken: another major version`
fn newer_tags(plan: &Plan) -> BTreeSet<String> {
    let decisions = plan.decisions.iter();
    let sentences = decisions.flat_map(|decision| {
        let reasons = decision.reasons.iter();
        let newer = reasons.filter(|reason| matches!(reason, Reason::NewerTagKeptOut { .. }));
        newer.map(|reason| format!("{}: {reason}", decision.site))
    });
    sentences.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::pipeline::{Seen, Snapshot};
    use crate::sites::SiteId;
    use crate::write::Refusals;

    #[test]
    fn a_refused_token_is_one_warning() {
        let decision = |site: &str, host: &str| Decision {
            site: SiteId(site.into()),
            verdict: Verdict::Unknown,
            reasons: vec![Reason::UpstreamUnknown {
                image: format!("{host}/{site}:1"),
                why: format!(
                    "{host} answered 401 for {host}/{site}:1: it does not exist or the credentials are refused"
                ),
            }],
            from: None,
            to: None,
            tags: None,
            runs: Seen::NotAsked,
        };
        let all = [
            decision("a", "quay.io"),
            decision("b", "quay.io"),
            decision("c", "quay.io"),
            decision("d", "ghcr.io"),
        ];
        let (count, sentences) = describe_unknown(all.iter());
        assert_eq!((count, sentences.len()), (4, 2), "{sentences:?}");
        assert!(
            sentences
                .iter()
                .any(|one| one.contains("3 images: quay.io answered 401"))
        );
    }

    #[test]
    fn entries_that_match_nothing_are_warnings() {
        let text =
            "[deny]\nstacks = [\"vualt\"]\n\n[[hold]]\nimage = \"postgres*\"\nbecause = \"x\"\n";
        let config = Config::parse(text, "pintle.toml").unwrap();
        let snapshot = Snapshot {
            config: config.into(),
            ..Snapshot::default()
        };
        let plan = plan::plan(&snapshot);
        let summary = summary(
            &Planned {
                snapshot,
                plan,
                refused: Refusals::new(),
            },
            &Receipt::default(),
        );
        let warnings: Vec<&str> = summary.warnings.iter().map(String::as_str).collect();
        assert_eq!(
            warnings,
            [
                "[[hold]] 1 matches nothing: no site has image `postgres*`",
                "[deny] matches nothing: no stack has the path or name `vualt`",
            ]
        );
    }
}
