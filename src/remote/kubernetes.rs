//! The cluster, as its API server tells it: list and watch. The only object that can be written
//! here is the Lease of pintle's replicas. Objects are cut down to what is compared while they are
//! read; no secret, environment or annotation of others stays in memory.

mod connect;
mod fields;
mod kind;
mod lease;
mod object;
mod plugin;
mod read;
mod watches;
mod wire;

pub use connect::{Options, Place};
pub use kind::{Custom, Kind};
pub use lease::{LeaseClient, LeaseName, LeaseRecord};
pub use object::{Object, Objects, Owner};
pub use watches::{Keeper, OLDEST_VIEW, Scope, Urgency, Watches};

use crate::error::Result;
use connect::Connection;
use object::Words;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads one cluster. It connects when it is first asked.
pub struct Client {
    place: Place,
    config: kube::Config,
    options: Options,
    connected: Mutex<Option<kube::Client>>,
}

impl Client {
    /// Reads the address and the credentials; asks nothing yet.
    ///
    /// # Errors The file cannot be read, has no such context, or its credentials would cross a
    /// network in the clear.
    pub fn new(place: &Place, options: &Options) -> Result<Self> {
        crate::remote::install_tls();
        Ok(Self {
            place: place.clone(),
            config: connect::config(place, options)?,
            options: options.clone(),
            connected: Mutex::default(),
        })
    }

    /// Lists these kinds once, all at the same time.
    pub async fn objects(&self, kinds: &BTreeSet<Kind>) -> Result<Objects> {
        let client = self.connected()?;
        let words = Mutex::new(Words::default());
        let listed = kinds.iter().map(|kind| async {
            let listed = read::list(&client, kind, &words, self.options.timeout).await;
            let objects = listed.map(|(objects, _)| objects.into_iter().map(Arc::new).collect());
            (
                kind.clone(),
                objects.map_err(|trouble| trouble.sentence().to_owned()),
            )
        });
        Ok(Objects {
            kinds: futures_util::future::join_all(listed)
                .await
                .into_iter()
                .collect(),
        })
    }

    /// Begins to keep the kinds warm that [`Watches::want`] names, as long as the keeper runs.
    pub fn watch(&self) -> Result<(Watches, Keeper)> {
        Ok(watches::start(Connection::new(
            self.connected()?,
            self.place.clone(),
            self.options.clone(),
        )))
    }

    /// Needs a runtime: the client has a task of its own.
    fn connected(&self) -> Result<kube::Client> {
        let mut connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*connected {
            Some(client) => Ok(client.clone()),
            None => Ok(connected.insert(connect::client(&self.config)?).clone()),
        }
    }
}
