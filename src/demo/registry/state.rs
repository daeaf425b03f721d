//! What the registry holds and what it has seen. What is saved is in `RegistryState`; the rest is
//! gone with the process.

use super::fault::{Fault, FaultKind, FaultPart};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The newest requests that are kept.
const REQUESTS_KEPT: usize = 20_000;

/// What all clones of a registry share.
#[derive(Default)]
pub(super) struct RegistryShared {
    state: Mutex<RegistryState>,
    live: Mutex<LiveState>,
}

/// What is saved.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct RegistryState {
    pub port: Option<u16>,
    pub hosts: BTreeMap<String, RegistryHost>,
    #[serde(default)]
    pub faults: Vec<Fault>,
}

/// One registry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RegistryHost {
    #[serde(default)]
    pub access: PullAccess,
    /// Names and passwords, in the open: nothing here is worth a secret.
    #[serde(default)]
    pub users: BTreeMap<String, String>,
    /// Repositories that only users may pull.
    #[serde(default)]
    pub private: BTreeSet<String>,
    #[serde(default)]
    pub repositories: BTreeMap<String, StoredRepository>,
    #[serde(default)]
    pub pull_through: Option<PullThrough>,
}

/// Who may pull.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PullAccess {
    #[default]
    Open,
    /// Users, with basic auth.
    Basic,
    /// Whoever has a token; anybody gets one for what is not private.
    Token {
        /// What the token endpoint says; `None` says nothing, which means 60 s.
        expires_in: Option<u64>,
    },
}

/// A pull-through cache, as docker-registry 2.8 is one: it asks upstream first, and when that fails
/// for whatever reason it answers from what it has, with the same status and headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullThrough {
    /// `http://127.0.0.1:5000/docker.io`
    pub upstream: String,
    /// What upstream answers the cache with instead, as Docker Hub answers 429 to an address that
    /// asked too often.
    pub refused: Option<u16>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StoredRepository {
    /// Tag → digest.
    pub tags: BTreeMap<String, String>,
    /// Digest → manifest or index.
    pub manifests: BTreeMap<String, StoredContent>,
    /// Digest → config or layer.
    pub blobs: BTreeMap<String, StoredContent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredContent {
    pub media_type: String,
    #[serde(with = "in_base64")]
    pub bytes: Bytes,
}

/// What one host was asked. Each number counts requests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// HEADs of manifests, whatever they were answered.
    pub heads: u64,
    /// GETs of manifests, whatever they were answered.
    pub gets: u64,
    /// Requests answered 401; those of manifests are among `heads` and `gets` too.
    pub unauthorized: u64,
    pub pings: u64,
    /// Tokens given, by scope.
    pub tokens: BTreeMap<String, u64>,
}

/// One request, without what it proved itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSeen {
    pub method: String,
    /// With the query.
    pub path: String,
    /// `Basic`, `Bearer`: only the scheme.
    pub authorization: Option<String>,
}

#[derive(Default)]
pub(super) struct LiveState {
    pub tokens: HashMap<String, IssuedToken>,
    pub counts: BTreeMap<String, RequestCounts>,
    pub requests: VecDeque<RequestSeen>,
    pub uploads: HashMap<String, Vec<u8>>,
    /// How many more requests for manifests a host answers; hosts without an entry answer all.
    pub quotas: HashMap<String, usize>,
}

/// A token that was given.
pub(super) struct IssuedToken {
    pub host: String,
    pub scope: String,
    pub until: Instant,
}

impl RegistryShared {
    pub(super) fn with(state: RegistryState) -> Self {
        Self {
            state: Mutex::new(state),
            live: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live(&self) -> MutexGuard<'_, LiveState> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistryState {
    /// Returns a host, which is there from the first time it is named.
    pub(super) fn host(&mut self, name: &str) -> &mut RegistryHost {
        self.hosts.entry(name.to_owned()).or_default()
    }

    /// Returns the fault for a request and counts it.
    pub(super) fn fault(
        &mut self,
        host: &str,
        part: FaultPart,
        repository: &str,
        reference: &str,
    ) -> Option<FaultKind> {
        let all_or =
            |wanted: &Option<String>, is: &str| wanted.as_ref().is_none_or(|wanted| wanted == is);
        let fits = |fault: &&mut Fault| {
            fault.host == host
                && fault.part == part
                && fault.times != Some(0)
                && all_or(&fault.repository, repository)
                && all_or(&fault.reference, reference)
        };
        let fault = self.faults.iter_mut().find(fits)?;
        fault.times = fault.times.map(|times| times - 1);
        Some(fault.kind.clone())
    }
}

impl LiveState {
    pub(super) fn count(&mut self, host: &str, counted: impl FnOnce(&mut RequestCounts)) {
        counted(self.counts.entry(host.to_owned()).or_default());
    }

    /// Takes one request out of a host's quota. Says whether there was one left.
    pub(super) fn spend(&mut self, host: &str) -> bool {
        match self.quotas.get_mut(host) {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
            None => true,
        }
    }

    pub(super) fn saw(&mut self, request: RequestSeen) {
        if self.requests.len() == REQUESTS_KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

impl StoredContent {
    pub fn new(media_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self {
            media_type: media_type.to_owned(),
            bytes: bytes.into(),
        }
    }
}

mod in_base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        STANDARD
            .decode(text)
            .map(Into::into)
            .map_err(de::Error::custom)
    }
}
