//! What stays warm from one pass to the next: connections and tokens, and within a pass what registries answered. Nothing in it is needed: it only
//! saves questions.

use super::children::Children;
use super::notes::Memory;
use super::{Registries, Setup};
use crate::config::Config;
use crate::error::Result;
use crate::model::reference::Channel;
use crate::pipeline::{CacheAnswer, Upstream};
use crate::remote::forgejo;
#[cfg(feature = "github")]
use crate::remote::github;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a push is not tried again that the server refused though its API allows it.
const REFUSED: Duration = Duration::from_secs(3_600);

/// What passes are made with.
pub struct Session {
    pub setup: Setup,
    forge: Option<forgejo::Client>,
    #[cfg(feature = "github")]
    github: Option<github::Client>,
    warm: Mutex<Warm>,
}

#[derive(Default)]
struct Warm {
    registries: Option<(Arc<Config>, Registries)>,
    answers: Answers,
    /// The server's words when it refused a push to the branch.
    refused: Option<(String, Instant)>,
}

/// What was answered lately.
#[derive(Clone, Default)]
pub(super) struct Answers {
    pub upstream: BTreeMap<Channel, Upstream>,
    pub cache: BTreeMap<Channel, CacheAnswer>,
    pub notes: Memory,
    /// What indexes are made of.
    pub children: Children,
}

impl Session {
    /// Fails when the forge's token would cross a network in the clear.
    pub fn new(setup: Setup) -> Result<Self> {
        let forge = setup.forge.as_ref().map(|forge| forgejo::Client::new(&forge.place, &forge.told)).transpose()?;
        #[cfg(feature = "github")]
        let github = {
            let ca = setup.registries.ca_pem.as_deref();
            setup.github.as_ref().map(|at| github::Client::new(&at.api, at.token.as_ref(), ca)).transpose()?
        };
        Ok(Self {
            setup,
            forge,
            #[cfg(feature = "github")]
            github,
            warm: Mutex::default(),
        })
    }

    /// The forge, where one is named.
    pub fn forge(&self) -> Option<&forgejo::Client> {
        self.forge.as_ref()
    }

    /// GitHub, where it may be asked.
    #[cfg(feature = "github")]
    pub fn github(&self) -> Option<&github::Client> {
        self.github.as_ref()
    }

    /// Makes the next pass ask registries and caches anew, and sources that did not answer.
    pub fn forget(&self) {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.answers.upstream.clear();
        warm.answers.cache.clear();
        warm.answers.notes.renew();
    }

    /// The registries as the configuration has them; made anew when it changes.
    pub fn registries(&self, config: &Arc<Config>) -> Result<Registries> {
        let mut warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        match &warm.registries {
            Some((known, registries)) if known.registries == config.registries && known.caches == config.caches => Ok(registries.clone()),
            _ => {
                let registries = Registries::new(&self.setup.registries, config)?;
                warm.registries = Some((config.clone(), registries.clone()));
                warm.answers = Answers::default();
                Ok(registries)
            }
        }
    }

    /// Remembers that the branch takes no push of pintle's, and why.
    pub fn refused(&self, why: String) {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).refused = Some((why, Instant::now()));
    }

    pub(super) fn was_refused(&self) -> Option<String> {
        let warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner);
        warm.refused.as_ref().filter(|(_, at)| at.elapsed() < REFUSED).map(|(why, _)| why.clone())
    }

    pub(super) fn answers(&self) -> Answers {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner).answers.clone()
    }

    pub(super) fn remember(&self, learn: impl FnOnce(&mut Answers)) {
        learn(&mut self.warm.lock().unwrap_or_else(PoisonError::into_inner).answers);
    }
}
