//! What stays warm from one pass to the next: connections and tokens, what commits say, and within a pass what registries answered. Nothing in it is
//! needed: it only saves work and questions.

use super::answers::SessionAnswers;
use super::registries::Registries;
use super::settings::SessionSettings;
use super::tip_cache::TipCache;
use crate::config::Config;
use crate::error::Result;
#[cfg(feature = "github")]
use crate::remote::github;
use crate::remote::{alertmanager, forgejo, kubernetes};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How long a push is not tried again that the server refused though its API allows it.
const REFUSED: Duration = Duration::from_secs(3_600);

/// What passes are made with.
pub struct Session {
    pub setup: SessionSettings,
    /// What commits say; for as long as `setup` stays as it is.
    pub kept: Arc<TipCache>,
    forge: Option<forgejo::Client>,
    alertmanager: Option<alertmanager::Client>,
    #[cfg(feature = "github")]
    github: Option<github::Client>,
    cluster: Option<kubernetes::Client>,
    /// What is kept warm of the cluster, once somebody keeps it.
    watches: OnceLock<kubernetes::Watches>,
    memory: Mutex<SessionMemory>,
}

/// What a session remembers, and the clients that its configuration asks for.
#[derive(Default)]
struct SessionMemory {
    registries: Option<(Arc<Config>, Registries)>,
    answers: SessionAnswers,
    /// The server's words when it refused a push to the branch.
    refused: Option<(String, Instant)>,
}

impl Session {
    /// Fails when the forge's token or the cluster's would cross a network in the clear, or when the cluster's credentials cannot be read.
    pub fn new(setup: SessionSettings) -> Result<Self> {
        let forge = setup.forge.as_ref().map(|forge| forgejo::Client::new(&forge.place, &forge.options)).transpose()?;
        #[cfg(feature = "github")]
        let github = {
            let ca = setup.registries.ca_pem.as_deref();
            setup.github.as_ref().map(|at| github::Client::new(&at.api, at.token.as_ref(), ca)).transpose()?
        };
        let cluster = setup.cluster.as_ref().map(|at| kubernetes::Client::new(&at.place, &at.options)).transpose()?;
        Ok(Self {
            cluster,
            watches: OnceLock::new(),
            setup,
            kept: Arc::default(),
            forge,
            alertmanager: None,
            #[cfg(feature = "github")]
            github,
            memory: Mutex::default(),
        })
    }

    /// The forge, where one is named.
    pub fn forge(&self) -> Option<&forgejo::Client> {
        self.forge.as_ref()
    }

    /// Makes passes ask for alerts, where an Alertmanager is named.
    #[must_use]
    pub fn with_alertmanager(self, alertmanager: Option<alertmanager::Client>) -> Self {
        Self { alertmanager, ..self }
    }

    /// The Alertmanager, where one is named.
    pub(super) fn alertmanager(&self) -> Option<&alertmanager::Client> {
        self.alertmanager.as_ref()
    }

    /// GitHub, where it may be asked.
    #[cfg(feature = "github")]
    pub fn github(&self) -> Option<&github::Client> {
        self.github.as_ref()
    }

    /// The cluster, where one is named.
    pub fn cluster(&self) -> Option<&kubernetes::Client> {
        self.cluster.as_ref()
    }

    /// Begins to keep the cluster warm: passes read what is kept, as long as the keeper runs. `None` where no cluster is named.
    pub fn watch(&self) -> Result<Option<(kubernetes::Watches, kubernetes::Keeper)>> {
        let Some(client) = &self.cluster else { return Ok(None) };
        let (watches, keeper) = client.watch()?;
        Ok(Some((self.watches.get_or_init(|| watches).clone(), keeper)))
    }

    /// Says whether the cluster is kept warm.
    pub fn is_warm(&self) -> bool {
        self.watches.get().is_some()
    }

    pub(super) fn watches(&self) -> Option<&kubernetes::Watches> {
        self.watches.get()
    }

    /// Makes the next pass ask registries and caches anew, and sources that did not answer.
    pub fn forget(&self) {
        self.memory().answers.forget_upstream();
    }

    /// Makes the next pass ask those again that did not answer.
    pub fn retry(&self) {
        self.memory().answers.forget_failures();
    }

    /// The registries as the configuration has them; made anew when it changes.
    pub fn registries(&self, config: &Arc<Config>) -> Result<Registries> {
        let mut memory = self.memory();
        match &memory.registries {
            Some((known, registries)) if known.registries == config.registries && known.caches == config.caches => Ok(registries.clone()),
            _ => {
                let registries = Registries::new(&self.setup.registries, config)?;
                memory.registries = Some((config.clone(), registries.clone()));
                memory.answers = SessionAnswers::default();
                Ok(registries)
            }
        }
    }

    /// Remembers that the branch takes no push of pintle's, and why.
    pub fn refused(&self, why: String) {
        self.memory().refused = Some((why, Instant::now()));
    }

    pub(super) fn push_refusal(&self) -> Option<String> {
        let memory = self.memory();
        memory.refused.as_ref().filter(|(_, at)| at.elapsed() < REFUSED).map(|(why, _)| why.clone())
    }

    pub(super) fn answers(&self) -> SessionAnswers {
        self.memory().answers.clone()
    }

    pub(super) fn remember(&self, learn: impl FnOnce(&mut SessionAnswers)) {
        learn(&mut self.memory().answers);
    }

    fn memory(&self) -> MutexGuard<'_, SessionMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
