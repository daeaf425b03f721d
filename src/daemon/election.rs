//! Which replica may write: the one that holds the Lease. Safety does not depend on it, because
//! each push is a compare-and-swap; it spares work and requests. A holder that cannot renew gives
//! up before any other may take over. Times are measured on this machine's own clock, from what it
//! saw change; clocks of two machines are never compared.

use crate::error::{Error, Result};
use crate::remote::kubernetes::{LeaseClient, LeaseRecord};
use jiff::Timestamp;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How long a holder is left alone without a renewal.
const HELD: Duration = Duration::from_secs(15);
/// How long after its last renewal a holder gives up. Shorter than [`HELD`], so that nothing is
/// written any more when another one takes over.
const GIVE_UP: Duration = Duration::from_secs(10);
/// The wait between two renewals, and between two looks at a Lease that another one holds.
const RENEW: Duration = Duration::from_secs(3);
/// The longest wait for one answer.
const ANSWER: Duration = Duration::from_secs(5);

/// Where the Lease is kept.
pub trait LeaseStore: Send + Sync + 'static {
    /// `pintle/pintle`
    fn name(&self) -> String;

    /// Reads it; `None` if there is none.
    fn read(&self) -> impl Future<Output = Result<Option<LeaseRecord>>> + Send;

    /// Writes it; `None` if somebody else wrote since `record.version`.
    fn write(
        &self,
        record: &LeaseRecord,
    ) -> impl Future<Output = Result<Option<LeaseRecord>>> + Send;
}

impl LeaseStore for LeaseClient {
    fn name(&self) -> String {
        LeaseClient::name(self).to_string()
    }

    async fn read(&self) -> Result<Option<LeaseRecord>> {
        LeaseClient::read(self).await
    }

    async fn write(&self, record: &LeaseRecord) -> Result<Option<LeaseRecord>> {
        LeaseClient::write(self, record).await
    }
}

/// What is known of the Lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElectionState {
    /// It was not read yet, or cannot be: a sentence.
    Unknown(String),
    /// Another one holds it: who.
    Waiting(String),
    /// This process holds it.
    Held,
    /// This process held it, and does no more: a sentence. It never holds it again.
    Lost(String),
}

/// Tries to hold the Lease, and keeps it, as long as [`Self::run`] is polled.
pub struct Candidate<S> {
    store: S,
    /// Names this process: `pintle-7d9f-x2b4k_3f9a1c`.
    identity: String,
    state: watch::Sender<ElectionState>,
    /// The version that was seen last, and when it was first seen.
    seen: Option<(String, Instant)>,
}

/// What one look at the Lease came to.
enum Look {
    /// With the time before it was asked for.
    Mine(LeaseRecord, Instant),
    Others(String),
}

impl<S: LeaseStore> Candidate<S> {
    /// `identity` names this process among all that could hold the Lease.
    pub fn new(store: S, identity: String) -> (Self, watch::Receiver<ElectionState>) {
        let (state, receiver) = watch::channel(ElectionState::Unknown("it is not read yet".into()));
        let candidate = Self {
            store,
            identity,
            state,
            seen: None,
        };
        (candidate, receiver)
    }

    /// Returns the name of the Lease: `pintle/pintle`.
    pub fn lease(&self) -> String {
        self.store.name()
    }

    /// Runs until the Lease is lost, or `release` asks to give it back.
    pub async fn run(mut self, mut release: oneshot::Receiver<()>) {
        let held = tokio::select! {
            biased;
            _ = &mut release => return,
            held = self.acquire() => held,
        };
        let (mut record, since) = held;
        self.state.send_replace(ElectionState::Held);
        let why = tokio::select! {
            biased;
            _ = &mut release => None,
            why = self.keep(&mut record, since) => Some(why),
        };
        match why {
            Some(why) => drop(self.state.send_replace(ElectionState::Lost(why))),
            None => self.give_back(record).await,
        }
    }

    /// Waits until this process holds the Lease, and returns it with the time before it was asked
    /// for.
    async fn acquire(&mut self) -> (LeaseRecord, Instant) {
        loop {
            let state = match timeout(ANSWER, self.look()).await {
                Ok(Ok(Look::Mine(record, since))) => return (record, since),
                Ok(Ok(Look::Others(holder))) => ElectionState::Waiting(holder),
                Ok(Err(error)) => ElectionState::Unknown(describe(&error)),
                Err(_) => ElectionState::Unknown("the API server does not answer".into()),
            };
            self.state.send_if_modified(|before| {
                let is_new = *before != state;
                *before = state;
                is_new
            });
            sleep(RENEW).await;
        }
    }

    /// Takes the Lease if nobody holds it, or if its holder has not renewed it for too long.
    async fn look(&mut self) -> Result<Look> {
        let found = self.store.read().await?;
        let now = Instant::now();
        let before = found.clone().unwrap_or_default();
        if let (Some(holder), Some(version)) = (&before.holder, &before.version) {
            let first_seen = match &self.seen {
                Some((seen, at)) if seen == version => *at,
                _ => now,
            };
            self.seen = Some((version.clone(), first_seen));
            if now - first_seen < before.duration.max(HELD) {
                return Ok(Look::Others(holder.clone()));
            }
        }
        let at = Timestamp::now();
        let mine = LeaseRecord {
            holder: Some(self.identity.clone()),
            duration: HELD,
            acquired: Some(at),
            renewed: Some(at),
            transitions: before.transitions + i32::from(found.is_some()),
            version: before.version,
        };
        Ok(match self.store.write(&mine).await? {
            Some(record) => Look::Mine(record, now),
            None => Look::Others("another replica".into()),
        })
    }

    /// Renews the Lease until that fails for too long, or another one holds it. Returns why.
    async fn keep(&mut self, record: &mut LeaseRecord, mut renewed: Instant) -> String {
        let mut trouble = String::from("the API server does not answer");
        loop {
            sleep(RENEW).await;
            let (asked, end) = (Instant::now(), renewed + GIVE_UP);
            match timeout_at(end.min(asked + ANSWER), self.renew(record)).await {
                Ok(Ok(true)) => renewed = asked,
                Ok(Ok(false)) => return "another replica holds it".into(),
                Ok(Err(error)) => trouble = describe(&error),
                Err(_) => trouble = "the API server does not answer".into(),
            }
            if Instant::now() + RENEW >= renewed + GIVE_UP {
                return format!("it could not be renewed in time: {trouble}");
            }
        }
    }

    /// Renews the Lease once. Returns whether this process still holds it.
    async fn renew(&self, record: &mut LeaseRecord) -> Result<bool> {
        let renewed = |of: &LeaseRecord| LeaseRecord {
            renewed: Some(Timestamp::now()),
            ..of.clone()
        };
        if let Some(written) = self.store.write(&renewed(record)).await? {
            *record = written;
            return Ok(true);
        }
        // Somebody else wrote it, perhaps only a label, or an answer to an earlier renewal was
        // lost.
        let found = self.store.read().await?;
        match found.filter(|found| found.holder.as_ref() == Some(&self.identity)) {
            None => Ok(false),
            Some(found) => match self.store.write(&renewed(&found)).await? {
                Some(written) => {
                    *record = written;
                    Ok(true)
                }
                None => Err(Error::outside("somebody else writes the Lease too")),
            },
        }
    }

    /// Gives the Lease back, so that the next replica need not wait for its end.
    async fn give_back(&self, record: LeaseRecord) {
        let free = LeaseRecord {
            holder: None,
            duration: Duration::from_secs(1),
            ..record
        };
        match timeout(ANSWER, self.store.write(&free)).await {
            Ok(Ok(_)) => tracing::debug!("the lease was given back"),
            Ok(Err(error)) => tracing::debug!(%error, "the lease could not be given back"),
            Err(_) => tracing::debug!("the lease could not be given back in time"),
        }
    }
}

/// The sentence of an error with its cause and its hint.
fn describe(error: &Error) -> String {
    let hint = error.hint.as_ref();
    hint.map_or_else(|| error.to_string(), |hint| format!("{error} ({hint})"))
}

#[cfg(test)]
mod tests;
