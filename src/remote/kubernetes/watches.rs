//! What is kept warm: for each kind its objects, whether they are up to date, and a call when
//! something changed that somebody looks at. kube's own watcher is not used: it does not tell when
//! a broken watch has come back, and waits without end for a server that does not answer.

use super::connect::Connection;
use super::object::Words;
use super::read::{self, Change, Trouble};
use super::{Kind, Object, Objects};
use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};

/// The oldest view of the cluster on which an update is committed. A kind whose watch is broken is
/// taken for what it was for so long; a list that is older is made again before anything is
/// written. `docs/running.md` names it.
pub const OLDEST_VIEW: Duration = Duration::from_secs(30);
/// How much longer than one request takes the first pass waits for the first lists.
const FIRST: Duration = Duration::from_secs(15);
/// The first wait after trouble; it doubles each time.
const RETRY: Duration = Duration::from_millis(400);
const LONGEST: Duration = Duration::from_secs(10);
/// How often one pod may call for a look at once.
const PRESS: Duration = Duration::from_secs(10);
/// The wait after a refusal.
const REFUSED: Duration = Duration::from_secs(30);

/// How soon a change has to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Together with others that come soon: pods that start and stop, rollouts that go on.
    Merged,
    /// At once: an image or a revision changed, or a pod began to fail.
    Now,
}

/// The namespaces whose changes call; `None`: all.
pub type Scope = Option<BTreeSet<Arc<str>>>;

/// What is kept. Cheap to clone.
#[derive(Clone)]
pub struct Watches {
    shared: Arc<Shared>,
}

/// Keeps it, as long as [`Self::run`] is polled.
pub struct Keeper {
    shared: Arc<Shared>,
    tasks: JoinSet<Infallible>,
    running: BTreeMap<Kind, AbortHandle>,
}

struct Shared {
    connection: Connection,
    words: Mutex<Words>,
    kept: Mutex<BTreeMap<Kind, Kept>>,
    wanted: watch::Sender<BTreeSet<Kind>>,
    scope: Mutex<Scope>,
    /// How many changes there were that have to be looked at at once.
    urgent: watch::Sender<u64>,
    /// Something changed that somebody looks at, and how soon; `None` once that was taken.
    changed: watch::Sender<Option<Urgency>>,
    /// When a pod called last to be looked at at once: one that flaps does so once in a while.
    pressed: Mutex<HashMap<Key, Instant>>,
    /// What is kept was told to somebody; before that nothing is news. Written and read while
    /// `kept` is locked.
    asked: AtomicBool,
    /// Counts how often the state of a kind changed.
    states: watch::Sender<u64>,
    started: Instant,
}

type Key = (Arc<str>, Arc<str>);

#[derive(Default)]
struct Kept {
    objects: HashMap<Key, Arc<Object>>,
    state: State,
}

/// How far the objects of a kind can be relied upon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// Not one list is complete.
    #[default]
    Starting,
    Live,
    /// Since when, and why.
    Broken(Instant, String),
    /// Nothing is known: why.
    Unread(String),
}

pub(super) fn start(connection: Connection) -> (Watches, Keeper) {
    let shared = Arc::new(Shared {
        connection,
        words: Mutex::default(),
        kept: Mutex::default(),
        wanted: watch::Sender::new(Kind::BUILT_IN.into()),
        scope: Mutex::default(),
        urgent: watch::Sender::new(0),
        changed: watch::Sender::new(None),
        pressed: Mutex::default(),
        asked: AtomicBool::new(false),
        states: watch::Sender::new(0),
        started: Instant::now(),
    });
    (
        Watches {
            shared: shared.clone(),
        },
        Keeper {
            shared,
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
        },
    )
}

impl Watches {
    /// Says which kinds are kept from now on, and which namespaces' changes call.
    pub fn want(&self, kinds: &BTreeSet<Kind>, scope: Scope) {
        *self.shared.scope() = scope;
        self.shared.wanted.send_if_modified(|wanted| {
            let new = wanted != kinds;
            wanted.clone_from(kinds);
            new
        });
    }

    /// Waits for a change that somebody looks at. What comes before the next call counts as one, as
    /// soon as the most urgent of it.
    pub async fn changed(&self) -> Urgency {
        loop {
            // Fails only without a sender, which is `self`.
            drop(
                self.shared
                    .changed
                    .subscribe()
                    .wait_for(Option::is_some)
                    .await,
            );
            if let Some(urgency) = self.shared.changed.send_replace(None) {
                return urgency;
            }
        }
    }

    /// Returns each kind that is kept, and whether what is kept of it can be relied upon now.
    pub fn readable_kinds(&self) -> BTreeMap<Kind, bool> {
        let (kept, now) = (self.shared.kept(), Instant::now());
        kept.iter()
            .map(|(kind, kept)| (kind.clone(), kept.is_readable(now)))
            .collect()
    }

    /// Returns how many changes there were so far that have to be looked at at once.
    pub fn count_urgent(&self) -> u64 {
        *self.shared.urgent.borrow()
    }

    /// Waits until there were more such changes than `seen`.
    pub async fn wait_for_urgent(&self, seen: u64) {
        let mut urgent = self.shared.urgent.subscribe();
        // Fails only without a sender, which is `self`.
        drop(urgent.wait_for(|count| *count > seen).await);
    }

    /// Returns what is known now. Right after the start it waits for the first lists, or for the
    /// reason why there is none.
    pub async fn objects(&self) -> Objects {
        let kinds = self.shared.wanted.borrow().clone();
        let end = self.shared.started + self.shared.connection.timeout() + FIRST;
        let mut states = self.shared.states.subscribe();
        let told = states.wait_for(|_| {
            let kept = self.shared.kept();
            kinds.iter().all(|kind| {
                kept.get(kind)
                    .is_some_and(|kept| kept.state != State::Starting)
            })
        });
        // Late or not: each kind has its own state.
        drop(timeout_at(end, told).await);
        let (kept, now) = (self.shared.kept(), Instant::now());
        self.shared.asked.store(true, Relaxed);
        let read = |kind: Kind| {
            let objects = kept.get(&kind).map_or_else(
                || Err("it is not read yet".to_owned()),
                |kept| kept.read(&kind, now),
            );
            (kind, objects)
        };
        Objects {
            kinds: kinds.into_iter().map(read).collect(),
        }
    }
}

impl Kept {
    fn is_readable(&self, now: Instant) -> bool {
        match self.state {
            State::Live => true,
            State::Broken(since, _) => now - since <= OLDEST_VIEW,
            State::Starting | State::Unread(_) => false,
        }
    }

    fn read(&self, kind: &Kind, now: Instant) -> std::result::Result<Vec<Arc<Object>>, String> {
        match &self.state {
            State::Live | State::Broken(..) if self.is_readable(now) => {
                Ok(self.objects.values().cloned().collect())
            }
            State::Starting | State::Live => Err(format!("the {kind} are not read yet")),
            State::Broken(_, why) | State::Unread(why) => Err(why.clone()),
        }
    }
}

impl Keeper {
    /// Watches until it is dropped. Returns only when a watch ended that nobody ended.
    pub async fn run(mut self) -> Result<()> {
        let mut wanted = self.shared.wanted.subscribe();
        loop {
            let kinds = wanted.borrow_and_update().clone();
            self.fit(kinds);
            tokio::select! {
                // Fails only without a sender, which `self.shared` holds.
                _ = wanted.changed() => {}
                Some(ended) = self.tasks.join_next() => match ended {
                    Err(error) if error.is_cancelled() => {}
                    Err(error) => return Err(Error::failed("a watch on the cluster ended early").because(error)),
                    Ok(never) => match never {},
                },
            }
        }
    }

    /// Starts the watches that are missing, and ends those that nobody wants any more.
    fn fit(&mut self, kinds: BTreeSet<Kind>) {
        self.running.retain(|kind, task| {
            let stays = kinds.contains(kind);
            if !stays {
                task.abort();
                self.shared.kept().remove(kind);
            }
            stays
        });
        for kind in kinds {
            self.running.entry(kind).or_insert_with_key(|kind| {
                self.shared.kept().insert(kind.clone(), Kept::default());
                self.tasks.spawn(keep(self.shared.clone(), kind.clone()))
            });
        }
    }
}

/// Lists, watches, lists again when the version is gone; never ends.
async fn keep(shared: Arc<Shared>, kind: Kind) -> Infallible {
    let mut version = None;
    let mut pause = RETRY;
    // After a watch was refused a list is held back until there is a watch: else the kind is known
    // for a moment, again and again.
    let (mut refused, mut held) = (false, None);
    loop {
        let (begun, listing, mut answered) = (Instant::now(), version.is_none(), false);
        let (client, limit) = (shared.connection.client(), shared.connection.timeout());
        let told = match &mut version {
            None => read::list(&client, &kind, &shared.words, limit)
                .await
                .map(|(objects, new)| {
                    version = Some(new);
                    if refused {
                        held = Some(objects)
                    } else {
                        shared.all(&kind, objects)
                    }
                }),
            Some(version) => {
                let tell = |event| {
                    (answered, refused) = (true, false);
                    held.take()
                        .into_iter()
                        .for_each(|objects| shared.all(&kind, objects));
                    shared.apply(&kind, event);
                };
                read::watch(&client, &kind, version, &shared.words, limit, tell).await
            }
        };
        // Only a watch that lasts says that all is well: lists may go well between watches that do
        // not.
        let lasted = !listing && begun.elapsed() > LONGEST;
        pause = if lasted { RETRY } else { pause };
        let trouble = match told {
            Ok(()) if listing || lasted => continue,
            // A server that ends each watch at once is not asked without a pause.
            Ok(()) => None,
            Err(trouble) => Some(trouble),
        };
        // A server that did not answer all the while did not vouch for anything all the while.
        let since = if answered { Instant::now() } else { begun };
        if trouble
            .as_ref()
            .is_some_and(|trouble| shared.troubled(&kind, trouble, since))
        {
            version = None;
        }
        refused |= !listing && matches!(trouble, Some(Trouble::Refused(_)));
        if let Some(Trouble::Stranger(_)) = trouble {
            shared.connection.renew().await;
        }
        // Several watches break at the same time; they do not all come back at the same time.
        sleep(wait(trouble.as_ref(), &mut pause).mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    }
}

/// Returns how long to wait, and makes the next wait longer.
fn wait(trouble: Option<&Trouble>, pause: &mut Duration) -> Duration {
    let wait = match trouble {
        // A right does not come by asking. But a server that starts refuses everybody until it has
        // read the rights.
        Some(Trouble::Refused(_)) if *pause == LONGEST => REFUSED,
        _ => *pause,
    };
    *pause = (*pause * 2).min(LONGEST);
    wait
}

impl Shared {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<Kind, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn scope(&self) -> MutexGuard<'_, Scope> {
        self.scope.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A list is complete: it stands for all that was known before.
    fn all(&self, kind: &Kind, objects: Vec<Object>) {
        let new: HashMap<Key, Arc<Object>> = objects
            .into_iter()
            .map(|object| (key(&object), Arc::new(object)))
            .collect();
        let scope = self.scope();
        let calls = {
            let mut all = self.kept();
            let Some(kept) = all.get_mut(kind) else {
                return;
            };
            let unread = (!kept.is_readable(Instant::now())).then_some(Urgency::Now);
            let old = std::mem::replace(&mut kept.objects, new);
            let gone = old
                .iter()
                .filter(|(key, _)| !kept.objects.contains_key(*key))
                .filter_map(|(_, old)| calls(&scope, kind, Some(old), None));
            let changed = kept.objects.iter().filter_map(|(key, new)| {
                calls(&scope, kind, old.get(key).map(|old| &**old), Some(new))
            });
            let calls = unread.into_iter().chain(gone).chain(changed).max();
            kept.state = State::Live;
            calls.filter(|_| self.asked.load(Relaxed))
        };
        tracing::debug!(%kind, "listed");
        self.states.send_modify(|count| *count += 1);
        self.call(calls);
    }

    fn apply(&self, kind: &Kind, event: Change) {
        let scope = self.scope();
        let calls = {
            let mut all = self.kept();
            let Some(kept) = all.get_mut(kind) else {
                return;
            };
            let late = !kept.is_readable(Instant::now());
            if let State::Broken(since, _) = std::mem::replace(&mut kept.state, State::Live) {
                tracing::info!(%kind, seconds = since.elapsed().as_secs(), "the watch is back");
            }
            let changed = match event {
                Change::Alive => None,
                Change::Is(new) => {
                    let new = Arc::new(new);
                    let old = kept.objects.insert(key(&new), new.clone());
                    let calls = calls(&scope, kind, old.as_deref(), Some(&new));
                    calls.map(|urgency| match kind {
                        Kind::Pod => self.limit_presses(&new, urgency),
                        _ => urgency,
                    })
                }
                Change::Gone(object) => {
                    let old = kept.objects.remove(&key(&object));
                    old.and_then(|old| calls(&scope, kind, Some(&old), None))
                }
            };
            let late = late.then_some(Urgency::Now);
            late.max(changed).filter(|_| self.asked.load(Relaxed))
        };
        self.call(calls);
    }

    /// Wakes who waits for changes.
    fn call(&self, calls: Option<Urgency>) {
        if calls.is_some() {
            self.changed.send_modify(|last| *last = calls.max(*last));
        }
        if calls == Some(Urgency::Now) {
            self.urgent.send_modify(|count| *count += 1);
        }
    }

    /// A pod that fails, recovers and fails again is looked at at once only once in [`PRESS`].
    fn limit_presses(&self, pod: &Object, urgency: Urgency) -> Urgency {
        if urgency == Urgency::Merged {
            return urgency;
        }
        let mut pressed = self.pressed.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        pressed.retain(|_, last| now - *last < PRESS);
        if pressed.contains_key(&key(pod)) {
            return Urgency::Merged;
        }
        pressed.insert(key(pod), now);
        Urgency::Now
    }

    /// Returns whether the kind has to be listed anew. `since` is when it was last known to be up
    /// to date.
    fn troubled(&self, kind: &Kind, trouble: &Trouble, since: Instant) -> bool {
        let (fresh, news, readable) = {
            let mut all = self.kept();
            let Some(kept) = all.get_mut(kind) else {
                return true;
            };
            let was = kept.state.clone();
            kept.state = match (trouble, &was) {
                (Trouble::Gone(_), State::Live | State::Broken(..)) => was.clone(),
                (Trouble::Failed(_) | Trouble::Stranger(_), State::Broken(..)) => was.clone(),
                (Trouble::Failed(why) | Trouble::Stranger(why), State::Live) => {
                    State::Broken(since, why.clone())
                }
                (trouble, _) => State::Unread(trouble.sentence().to_owned()),
            };
            if matches!(kept.state, State::Unread(_)) {
                kept.objects = HashMap::new();
            }
            // That nothing is known for another reason than before is no news.
            let known = |state: &State| !matches!(state, State::Unread(_));
            (
                kept.state != was,
                known(&was) || known(&kept.state),
                kept.is_readable(Instant::now()),
            )
        };
        if fresh {
            tracing::warn!("{}", trouble.sentence());
            self.states.send_modify(|count| *count += 1);
            if news && !readable && self.asked.load(Relaxed) {
                self.call(Some(Urgency::Now));
            }
        }
        // A version that a server does not take for long may be another server's.
        !readable || !matches!(trouble, Trouble::Failed(_) | Trouble::Stranger(_))
    }
}

/// Returns how soon what changed is to be looked at; `None` if nobody looks at it.
fn calls(
    scope: &Scope,
    kind: &Kind,
    old: Option<&Object>,
    new: Option<&Object>,
) -> Option<Urgency> {
    let one = new.or(old)?;
    let namespace = if *kind == Kind::Namespace {
        &one.name
    } else {
        &one.namespace
    };
    if scope
        .as_ref()
        .is_some_and(|scope| !scope.contains(namespace))
    {
        return None;
    }
    let is_seen = match kind {
        // They come and go by the clock; that one cannot start is worth a look.
        Kind::Pod if one.is_controlled_by(&Kind::Job) => {
            waits(old) != waits(new) && !waits(new).is_empty()
        }
        Kind::Job if one.is_controlled_by(&Kind::CronJob) => false,
        _ => old != new,
    };
    is_seen.then(|| urgency(kind, old, new))
}

/// An undo changes an image or a revision, and a bad image makes a pod fail or a rollout stop.
fn urgency(kind: &Kind, old: Option<&Object>, new: Option<&Object>) -> Urgency {
    let presses = match (kind, old, new) {
        (Kind::Pod, _, Some(_)) => waits(new).iter().any(|reason| !waits(old).contains(reason)),
        (Kind::Pod, ..) => false,
        (_, Some(old), Some(new)) => {
            old.containers != new.containers
                || old.annotations != new.annotations
                || old.labels != new.labels
                || old.revision != new.revision
                || old.update_revision != new.update_revision
                || settles(Some(old), new)
                || old.rollout.stuck != new.rollout.stuck
                || old.rollout.unavailable.is_none() && new.rollout.unavailable.is_some()
        }
        _ => true,
    };
    if presses {
        Urgency::Now
    } else {
        Urgency::Merged
    }
}

/// Says whether a controller has now seen the newest spec: only then it shows whether that was an
/// undo.
fn settles(old: Option<&Object>, new: &Object) -> bool {
    old.is_some_and(|old| !old.rollout.observed) && new.rollout.observed
}

/// What a pod's containers wait for.
fn waits(pod: Option<&Object>) -> Vec<&str> {
    let statuses = pod.into_iter().flat_map(|pod| &pod.statuses);
    statuses
        .filter_map(|status| Some(&*status.waiting.as_ref()?.reason))
        .collect()
}

fn key(object: &Object) -> Key {
    (object.namespace.clone(), object.name.clone())
}

#[cfg(test)]
mod tests;
