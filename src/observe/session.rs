//! What is kept from one pass to the next: connections, tokens, the contents of the branch's tip,
//! and answers. It saves requests and work; a pass with a new session has the same result.

use super::answers::SessionAnswers;
use super::forge_memory::ForgeMemory;
use super::registries::Registries;
use super::settings::{RepoOrigin, SessionSettings};
use super::tip_cache::TipCache;
use crate::config::Config;
use crate::error::Result;
use crate::pipeline::message::ShownDashboard;
use crate::remote::git::CommitSigner;
#[cfg(feature = "github")]
use crate::remote::github;
use crate::remote::receiver::AddressBook;
use crate::remote::{alertmanager, forgejo, kubernetes};
use crate::sites::targets::Targets;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long pintle does not push to a branch that refused a push although the API allows it.
const REFUSED: Duration = Duration::from_secs(3_600);

/// The clients and the memory that passes share.
pub struct Session {
    pub setup: SessionSettings,
    /// The contents of the branch's tip. Valid while `setup` is the same.
    pub kept: Arc<TipCache>,
    forge: Option<forgejo::Client>,
    alertmanager: Option<alertmanager::Client>,
    targets: Targets,
    /// Where the receivers of messages are.
    addresses: Option<Arc<AddressBook>>,
    #[cfg(feature = "github")]
    github: Option<github::Client>,
    cluster: Option<kubernetes::Client>,
    /// The watches on the cluster, once they are started.
    watches: OnceLock<kubernetes::Watches>,
    /// How many urgent changes of the cluster the last look at it has seen.
    seen_urgent: AtomicU64,
    /// When the cluster was last looked at.
    looked: Mutex<Option<Instant>>,
    /// A wait for registries was cut short since this was last asked.
    is_cut_short: AtomicBool,
    memory: Mutex<SessionMemory>,
}

/// What a session remembers, and the clients that its configuration asks for.
#[derive(Default)]
struct SessionMemory {
    registries: Option<(Arc<Config>, Registries)>,
    answers: SessionAnswers,
    /// The reason that the server gave when it refused a push to the branch, and when.
    refused: Option<(String, Instant)>,
    followed: FollowedBranch,
    dashboard: Option<ShownDashboard>,
    forge: ForgeMemory,
}

/// What a session follows, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowedBranch {
    /// `main`
    pub branch: Option<Arc<str>>,
    /// The repo's name as the forge says it: `ops/infra`.
    pub repository: Option<Arc<str>>,
}

impl Session {
    /// Fails if a token would be sent over a network without encryption, or if the credentials for
    /// the cluster cannot be read.
    pub fn new(setup: SessionSettings) -> Result<Self> {
        let forge = setup
            .forge
            .as_ref()
            .map(|forge| forgejo::Client::new(&forge.place, &forge.options))
            .transpose()?;
        #[cfg(feature = "github")]
        let github = {
            let ca = setup.registries.ca_pem.as_deref();
            setup
                .github
                .as_ref()
                .map(|at| github::Client::new(&at.api, at.token.as_ref(), ca))
                .transpose()?
        };
        let cluster = setup
            .cluster
            .as_ref()
            .map(|at| kubernetes::Client::new(&at.place, &at.options))
            .transpose()?;
        Ok(Self {
            cluster,
            watches: OnceLock::new(),
            setup,
            kept: Arc::default(),
            forge,
            alertmanager: None,
            targets: Targets::default(),
            addresses: None,
            #[cfg(feature = "github")]
            github,
            seen_urgent: AtomicU64::new(0),
            looked: Mutex::default(),
            is_cut_short: AtomicBool::new(false),
            memory: Mutex::default(),
        })
    }

    /// Returns the client of the forge, if one is configured.
    pub fn forge(&self) -> Option<&forgejo::Client> {
        self.forge.as_ref()
    }

    /// Makes passes read alerts, if an Alertmanager is configured.
    #[must_use]
    pub fn with_alertmanager(self, alertmanager: Option<alertmanager::Client>) -> Self {
        Self {
            alertmanager,
            ..self
        }
    }

    /// Makes passes change what the targets name, and nothing else.
    #[must_use]
    pub fn with_targets(self, targets: Targets) -> Self {
        Self { targets, ..self }
    }

    /// Returns what passes are about.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Makes the clone sign the commits that are written.
    #[must_use]
    pub fn with_signer(mut self, signer: CommitSigner) -> Self {
        if let RepoOrigin::Remote { access, .. } = &mut self.setup.origin {
            access.signer = Some(Arc::new(signer));
        }
        self
    }

    /// Makes passes take messages for the receivers that have an address.
    #[must_use]
    pub fn with_addresses(self, addresses: Arc<AddressBook>) -> Self {
        Self {
            addresses: Some(addresses),
            ..self
        }
    }

    /// Returns where the receivers of messages are.
    pub fn addresses(&self) -> Option<&AddressBook> {
        self.addresses.as_deref()
    }

    /// Returns the name of the repo for people: `ops/infra`, or the remote's address.
    pub fn repo_name(&self) -> String {
        match (&self.setup.forge, &self.setup.origin) {
            (Some(forge), _) => format!("{}/{}", forge.place.owner(), forge.place.repo()),
            (None, RepoOrigin::Remote { remote, .. }) => remote.to_string(),
            (None, RepoOrigin::Folder(folder)) => folder.display().to_string(),
        }
    }

    /// Returns the client of the Alertmanager, if one is configured.
    pub(super) fn alertmanager(&self) -> Option<&alertmanager::Client> {
        self.alertmanager.as_ref()
    }

    /// Returns the client of GitHub, if it may be asked.
    #[cfg(feature = "github")]
    pub fn github(&self) -> Option<&github::Client> {
        self.github.as_ref()
    }

    /// Returns the client of the cluster, if one is configured.
    pub fn cluster(&self) -> Option<&kubernetes::Client> {
        self.cluster.as_ref()
    }

    /// Starts watches on the cluster. Passes read what the watches have while the keeper runs.
    /// `None` if no cluster is configured.
    pub fn watch(&self) -> Result<Option<(kubernetes::Watches, kubernetes::Keeper)>> {
        let Some(client) = &self.cluster else {
            return Ok(None);
        };
        let (watches, keeper) = client.watch()?;
        Ok(Some((self.watches.get_or_init(|| watches).clone(), keeper)))
    }

    /// Returns whether the cluster is watched.
    pub fn is_warm(&self) -> bool {
        self.watches.get().is_some()
    }

    pub(super) fn watches(&self) -> Option<&kubernetes::Watches> {
        self.watches.get()
    }

    /// Notes that the cluster is looked at now.
    pub(super) fn note_look(&self) {
        *self.looked() = Some(Instant::now());
        if let Some(watches) = self.watches() {
            self.seen_urgent.store(watches.count_urgent(), Relaxed);
        }
    }

    /// Says whether a plan has to be made again on a new look at the cluster before an update is
    /// written: it is watched, so that a look costs nothing, or the last look is too old.
    pub fn needs_new_look(&self) -> bool {
        let is_old = self
            .looked()
            .is_some_and(|looked| looked.elapsed() > kubernetes::OLDEST_VIEW);
        self.is_warm() || is_old
    }

    fn looked(&self) -> MutexGuard<'_, Option<Instant>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change in the cluster that has to be looked at at once, and that the last look
    /// has not seen: an undo, a pod that fails. For ever if the cluster is not watched.
    async fn wait_for_urgent_change(&self) {
        match self.watches() {
            Some(watches) => {
                watches
                    .wait_for_urgent(self.seen_urgent.load(Relaxed))
                    .await
            }
            None => std::future::pending().await,
        }
    }

    /// Returns what the work returns, or `None` if there is an urgent change in the cluster before
    /// that.
    pub(super) async fn unless_urgent_change<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.wait_for_urgent_change() => {
                tracing::info!("an urgent change in the cluster: the next pass asks registries for the rest");
                self.is_cut_short.store(true, Relaxed);
                None
            }
        }
    }

    /// Says whether a wait for registries was cut short since the last call, so that another pass
    /// has to ask them.
    pub fn take_cut_short(&self) -> bool {
        self.is_cut_short.swap(false, Relaxed)
    }

    /// Makes the next pass ask registries and caches again, and sources that did not answer.
    pub fn forget(&self) {
        self.memory().answers.forget_upstream();
    }

    /// Makes the next pass ask again for these repository paths and tags, in whatever registry.
    /// Returns whether anything was known of one of them.
    pub fn forget_images<'a>(&self, images: impl Iterator<Item = (&'a str, &'a str)>) -> bool {
        let images: BTreeSet<(&str, &str)> = images.collect();
        !images.is_empty() && self.memory().answers.forget_images(&images)
    }

    /// Makes the next pass ask those registries again that did not answer.
    pub fn retry(&self) {
        self.memory().answers.forget_failures();
    }

    /// Returns the clients of the registries; new ones if the configuration of registries or caches
    /// changed.
    pub fn registries(&self, config: &Arc<Config>) -> Result<Registries> {
        let mut memory = self.memory();
        match &memory.registries {
            Some((known, registries))
                if known.registries == config.registries && known.caches == config.caches =>
            {
                Ok(registries.clone())
            }
            _ => {
                let registries = Registries::new(&self.setup.registries, config)?;
                memory.registries = Some((config.clone(), registries.clone()));
                memory.answers = SessionAnswers::default();
                Ok(registries)
            }
        }
    }

    /// Returns how many requests each registry still answers, where it says so.
    pub fn rate_limits_left(&self) -> BTreeMap<String, u64> {
        let memory = self.memory();
        let registries = memory.registries.as_ref();
        registries.map_or_else(BTreeMap::new, |(_, registries)| {
            registries.upstream.rate_limits_left()
        })
    }

    /// Remembers that the server refused a push to the branch, and why.
    pub fn note_refused_push(&self, why: String) {
        self.memory().refused = Some((why, Instant::now()));
    }

    /// Returns which branch of which repo the last pass followed.
    pub fn followed(&self) -> FollowedBranch {
        self.memory().followed.clone()
    }

    /// Returns what the dashboard issue is known to show.
    pub fn shown_dashboard(&self) -> Option<ShownDashboard> {
        self.memory().dashboard.clone()
    }

    /// Remembers what the dashboard issue shows.
    pub fn note_dashboard(&self, shown: ShownDashboard) {
        self.memory().dashboard = Some(shown);
    }

    pub(super) fn note_followed(&self, followed: FollowedBranch) {
        self.memory().followed = followed;
    }

    pub(super) fn push_refusal(&self) -> Option<String> {
        let memory = self.memory();
        memory
            .refused
            .as_ref()
            .filter(|(_, at)| at.elapsed() < REFUSED)
            .map(|(why, _)| why.clone())
    }

    pub(super) fn answers(&self) -> SessionAnswers {
        self.memory().answers.clone()
    }

    pub(super) fn remember(&self, learn: impl FnOnce(&mut SessionAnswers)) {
        learn(&mut self.memory().answers);
    }

    /// Reads or changes what is remembered of the forge.
    pub(super) fn forge_memory<T>(&self, with: impl FnOnce(&mut ForgeMemory) -> T) -> T {
        with(&mut self.memory().forge)
    }

    fn memory(&self) -> MutexGuard<'_, SessionMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::tests::world_at;
    use jiff::Timestamp;

    #[tokio::test]
    async fn a_look_at_the_cluster_is_too_old_after_the_bound() {
        let (_registry, _running, session, _) = world_at(Timestamp::now).await;
        assert!(!session.needs_new_look(), "no cluster was looked at");
        session.note_look();
        assert!(!session.needs_new_look());
        let old = Instant::now().checked_sub(kubernetes::OLDEST_VIEW + Duration::from_millis(1));
        *session.looked() = old;
        assert!(session.needs_new_look());
    }

    #[tokio::test]
    async fn work_that_nothing_interrupts_is_done() {
        let (_registry, _running, session, _) = world_at(Timestamp::now).await;
        assert_eq!(session.unless_urgent_change(async { 7 }).await, Some(7));
        assert!(!session.take_cut_short());
    }
}
