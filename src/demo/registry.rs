//! A container registry in this process, with state: pull and push, tokens and basic auth, tags
//! that move, faults, and a cache that lies as docker-registry 2.8 does. `pintle demo` and the
//! tests talk to it over loopback HTTP. Never listens on anything but loopback.

mod access;
mod content;
mod control;
mod fault;
mod image;
mod line;
mod proxy;
mod push;
mod request;
mod respond;
mod serve;
mod state;

pub use fault::{Fault, FaultKind, FaultPart};
pub use image::{DemoImage, ImageFormat};
pub use state::{
    PullAccess, PullThrough, RegistryHost, RequestCounts, RequestSeen, StoredContent,
    StoredRepository,
};

use crate::model::digest::Digest;
use line::{ConnectionHandle, CuttableListener};
use state::{RegistryShared, RegistryState};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Several registries behind one port. The host is the path before `/v2/`:
/// `http://127.0.0.1:5000/docker.io/v2/…` is host `docker.io`, `http://127.0.0.1:5000/v2/…` is the
/// host with the empty name. Cheap to clone; clones are the same registry.
#[derive(Clone, Default)]
pub struct DemoRegistry {
    shared: Arc<RegistryShared>,
}

/// A registry that answers. Dropping it stops answering without waiting; `stop` waits.
pub struct RunningRegistry {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl DemoRegistry {
    /// Returns a registry without hosts and images.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what `save` wrote.
    pub fn load(path: &Path) -> io::Result<Self> {
        let state: RegistryState = serde_json::from_slice(&std::fs::read(path)?)?;
        Ok(Self {
            shared: Arc::new(RegistryShared::with(state)),
        })
    }

    /// Writes images, tags, users, faults and the port to one JSON file; tokens and counts are not
    /// kept.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(&*self.shared.state())?;
        std::fs::write(path, text)
    }

    /// Listens on loopback: on the port of the last time, else on any free one.
    pub async fn start(&self) -> io::Result<RunningRegistry> {
        let port = self.shared.state().port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let addr = listener.local_addr()?;
        self.shared.state().port = Some(addr.port());
        let (stop, stopped) = watch::channel(false);
        let app = serve::app(self.shared.clone(), stopped.clone(), addr);
        let app = app.into_make_service_with_connect_info::<ConnectionHandle>();
        let until = async move { line::stopped(stopped).await };
        let serving = axum::serve(CuttableListener(listener), app).with_graceful_shutdown(until);
        let task = tokio::spawn(serving.into_future());
        Ok(RunningRegistry {
            addr,
            stop,
            task: Some(task),
        })
    }

    /// Builds an image of real configs, layers, manifests and index, points the tag at it and
    /// returns the tag's digest. The same image has the same digests, always.
    pub fn put_image(&self, host: &str, image: &DemoImage) -> Digest {
        let mut state = self.shared.state();
        let repository = state
            .host(host)
            .repositories
            .entry(image.repository.clone())
            .or_default();
        image.put(repository)
    }

    /// Makes a host a pull-through cache of another registry.
    pub fn pull_through(&self, host: &str, of: PullThrough) {
        self.shared.state().host(host).pull_through = Some(of);
    }

    /// Returns the tags of a host, by repository.
    pub fn tags(&self, host: &str) -> BTreeMap<String, BTreeMap<String, String>> {
        let state = self.shared.state();
        let repositories = state
            .hosts
            .get(host)
            .map(|host| &host.repositories)
            .into_iter()
            .flatten();
        repositories
            .map(|(name, repository)| (name.clone(), repository.tags.clone()))
            .collect()
    }
}

impl RunningRegistry {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the address of a host as a client's endpoint: `http://127.0.0.1:5000/docker.io`.
    pub fn endpoint(&self, host: &str) -> String {
        format!("http://{}/{host}", self.addr)
    }

    /// Closes the connections and waits for the end.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        match self.task.take() {
            Some(task) => task.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for RunningRegistry {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

#[cfg(test)]
mod tests;
