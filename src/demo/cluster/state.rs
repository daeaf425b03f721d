//! The objects of the made-up cluster, each with the version of its last change, and what changed
//! lately. Knows no HTTP and no controller.

use super::kind::DemoKind;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many changes are remembered.
const REMEMBERED: usize = 4_096;

/// Namespace (empty where there is none) and name.
pub(super) type ObjectKey = (String, String);

/// What all clones of a cluster share.
#[derive(Default)]
pub(super) struct ClusterShared {
    state: Mutex<ClusterState>,
    /// The version of the last change; watches wait for it.
    changed: watch::Sender<u64>,
}

/// All that there is.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(from = "SavedCluster", into = "SavedCluster")]
pub(super) struct ClusterState {
    /// Where it listened the last time.
    pub port: Option<u16>,
    version: u64,
    objects: BTreeMap<DemoKind, BTreeMap<ObjectKey, Value>>,
    /// Oldest first.
    changes: VecDeque<ObjectChange>,
    /// Changes up to this version are forgotten.
    forgotten: u64,
}

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct SavedCluster {
    port: Option<u16>,
    version: u64,
    objects: Vec<(DemoKind, Value)>,
}

#[derive(Clone)]
struct ObjectChange {
    version: u64,
    kind: DemoKind,
    key: ObjectKey,
    before: Option<Value>,
    after: Option<Value>,
}

/// A version that nothing is known about any more.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VersionGone;

/// `ADDED`, `MODIFIED` or `DELETED`, and the object.
pub(super) type WatchEvent = (&'static str, Value);

impl ClusterShared {
    pub(super) fn with(state: ClusterState) -> Self {
        Self {
            state: Mutex::new(state),
            changed: watch::Sender::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ClusterState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes the watches.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut ClusterState) -> T) -> T {
        let (done, version) = {
            let mut state = self.state();
            (change(&mut state), state.version())
        };
        self.changed.send_replace(version);
        done
    }

    /// Returns what a watch waits on: the version of the last change.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }
}

impl ClusterState {
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn get(&self, kind: DemoKind, namespace: &str, name: &str) -> Option<&Value> {
        self.objects
            .get(&kind)?
            .get(&(namespace.to_owned(), name.to_owned()))
    }

    /// All of a kind, as lists have them: by namespace and name.
    pub(super) fn all(&self, kind: DemoKind) -> impl Iterator<Item = &Value> {
        self.objects
            .get(&kind)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    /// Those of a kind that a controller has, by its uid.
    pub(super) fn of(&self, kind: DemoKind, owner: &Value) -> Vec<Value> {
        let uid = &owner["metadata"]["uid"];
        self.all(kind)
            .filter(|object| object["metadata"]["ownerReferences"][0]["uid"] == *uid)
            .cloned()
            .collect()
    }

    /// Makes or changes an object. It gets its uid and version here. Nothing happens where it is
    /// that already. Returns it as it is now.
    pub(super) fn put(&mut self, kind: DemoKind, mut object: Value) -> Value {
        let key = key(&object);
        let before = self
            .objects
            .get(&kind)
            .and_then(|all| all.get(&key))
            .cloned();
        if before.as_ref() == Some(&object) {
            return object;
        }
        self.version += 1;
        object["apiVersion"] = kind.version().into();
        object["kind"] = kind.name().into();
        let meta = &mut object["metadata"];
        if meta["uid"].is_null() {
            meta["uid"] = format!("00000000-0000-4000-8000-{:012x}", self.version).into();
        }
        meta["resourceVersion"] = self.version.to_string().into();
        self.objects
            .entry(kind)
            .or_default()
            .insert(key.clone(), object.clone());
        self.remember(kind, key, before, Some(object.clone()));
        object
    }

    pub(super) fn remove(&mut self, kind: DemoKind, object: &Value) {
        let key = key(object);
        if let Some(before) = self.objects.get_mut(&kind).and_then(|all| all.remove(&key)) {
            self.version += 1;
            self.remember(kind, key, Some(before), None);
        }
    }

    pub(super) fn compact(&mut self) {
        self.forgotten = self.version;
        self.changes.clear();
    }

    /// Returns what there was of a kind at a version: a list is of one version though its pages are
    /// asked for one after another.
    pub(super) fn at(
        &self,
        kind: DemoKind,
        version: u64,
    ) -> Result<BTreeMap<ObjectKey, Value>, VersionGone> {
        if version < self.forgotten {
            return Err(VersionGone);
        }
        let mut all = self.objects.get(&kind).cloned().unwrap_or_default();
        for change in self
            .changes
            .iter()
            .rev()
            .take_while(|change| change.version > version)
            .filter(|change| change.kind == kind)
        {
            match &change.before {
                Some(before) => all.insert(change.key.clone(), before.clone()),
                None => all.remove(&change.key),
            };
        }
        Ok(all)
    }

    /// Returns what happened to a kind after a version, oldest first.
    pub(super) fn since(
        &self,
        kind: DemoKind,
        version: u64,
    ) -> Result<Vec<WatchEvent>, VersionGone> {
        if version < self.forgotten {
            return Err(VersionGone);
        }
        let after = self
            .changes
            .iter()
            .filter(|change| change.version > version && change.kind == kind);
        Ok(after.filter_map(told).collect())
    }

    fn remember(
        &mut self,
        kind: DemoKind,
        key: ObjectKey,
        before: Option<Value>,
        after: Option<Value>,
    ) {
        self.changes.push_back(ObjectChange {
            version: self.version,
            kind,
            key,
            before,
            after,
        });
        if self.changes.len() > REMEMBERED
            && let Some(oldest) = self.changes.pop_front()
        {
            self.forgotten = oldest.version;
        }
    }
}

fn told(change: &ObjectChange) -> Option<WatchEvent> {
    match (&change.before, &change.after) {
        (None, Some(after)) => Some(("ADDED", after.clone())),
        (Some(_), Some(after)) => Some(("MODIFIED", after.clone())),
        (Some(before), None) => {
            let mut last = before.clone();
            last["metadata"]["resourceVersion"] = change.version.to_string().into();
            Some(("DELETED", last))
        }
        (None, None) => None,
    }
}

/// Returns where an object is.
pub(super) fn key(object: &Value) -> ObjectKey {
    let text = |name: &str| {
        object["metadata"][name]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    (text("namespace"), text("name"))
}

impl From<SavedCluster> for ClusterState {
    fn from(saved: SavedCluster) -> Self {
        let mut state = Self {
            port: saved.port,
            version: saved.version,
            forgotten: saved.version,
            ..Self::default()
        };
        for (kind, object) in saved.objects {
            state
                .objects
                .entry(kind)
                .or_default()
                .insert(key(&object), object);
        }
        state
    }
}

impl From<ClusterState> for SavedCluster {
    fn from(state: ClusterState) -> Self {
        let objects = state
            .objects
            .into_iter()
            .flat_map(|(kind, all)| all.into_values().map(move |object| (kind, object)));
        Self {
            port: state.port,
            version: state.version,
            objects: objects.collect(),
        }
    }
}

/// A bookmark: a version and nothing else.
pub(super) fn bookmark(kind: DemoKind, version: u64) -> Value {
    let object = json!({ "apiVersion": kind.version(), "kind": kind.name(), "metadata": { "resourceVersion": version.to_string() } });
    json!({ "type": "BOOKMARK", "object": object })
}
