//! A Kubernetes API server in this process, as far as pintle reads one: lists with pages, watches
//! with bookmarks, versions that expire. It holds state, and plays Terraform,
//! `kubectl rollout undo`, the controllers and the kubelet on it. Over HTTP it can only be read, as
//! by pintle's account. `pintle demo` uses it; that it tells what a real one tells is tested
//! against a real one. Never listens on anything but loopback.

mod controllers;
mod kind;
mod manifest;
mod serve;
mod state;

pub use kind::DemoKind;
pub use manifest::{DemoActor, DemoContainer, DemoWorkload};

use crate::error::{Error, Result};
use state::{ClusterShared, ClusterState};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A cluster. Cheap to clone; clones are the same cluster.
#[derive(Clone, Default)]
pub struct DemoCluster {
    shared: Arc<ClusterShared>,
}

/// A cluster that answers. Dropping it stops answering without waiting; `stop` waits.
pub struct RunningCluster {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<io::Result<()>>>,
}

impl DemoCluster {
    /// Returns a cluster in which nothing runs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what `save` wrote. Versions of before are not told about any more.
    pub fn load(path: &Path) -> io::Result<Self> {
        let state: ClusterState = serde_json::from_slice(&std::fs::read(path)?)?;
        Ok(Self {
            shared: Arc::new(ClusterShared::with(state)),
        })
    }

    /// Writes all objects, their version and the port to one JSON file.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(&*self.shared.state())?;
        std::fs::write(path, text)
    }

    /// Listens on loopback: on the port of the last time, else on any free one.
    pub async fn start(&self) -> io::Result<RunningCluster> {
        let port = self.shared.state().port;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await?;
        let addr = listener.local_addr()?;
        self.shared.state().port = Some(addr.port());
        let (stop, mut stopped) = watch::channel(false);
        let app = serve::app(self.shared.clone(), stopped.clone());
        // An error means that nobody is left who could say so.
        let until = async move { drop(stopped.wait_for(|stop| *stop).await) };
        let task = tokio::spawn(
            axum::serve(listener, app)
                .with_graceful_shutdown(until)
                .into_future(),
        );
        Ok(RunningCluster {
            addr,
            stop,
            task: Some(task),
        })
    }

    /// Makes a workload, or sets its images where they are others, and rolls it out to the end.
    /// Says whether anything changed.
    pub fn apply(&self, workload: &DemoWorkload, hand: DemoActor<'_>) -> bool {
        self.shared
            .change(|state| controllers::apply(state, workload, hand))
    }

    /// Does what `kubectl rollout undo` does, and rolls it out to the end: the workload gets the
    /// template it had before.
    ///
    /// # Errors
    /// There is no such workload, or it had no template before.
    pub fn undo(
        &self,
        kind: DemoKind,
        namespace: &str,
        name: &str,
        hand: DemoActor<'_>,
    ) -> Result<()> {
        self.shared
            .change(|state| controllers::undo(state, kind, namespace, name, hand))
            .map_err(|why| {
                Error::failed(format!("cannot undo {}/{namespace}/{name}", kind.word())).cause(why)
            })
    }

    /// Forgets what changed so far: whoever watches from an older version, or reads on in an older
    /// list, is told 410.
    pub fn compact(&self) {
        self.shared.state().compact();
    }
}

impl RunningCluster {
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns a kubeconfig for it. There are no credentials: whoever asks may read.
    pub fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: demo\n\
             clusters:\n  - name: demo\n    cluster:\n      server: http://{}\n\
             users:\n  - name: pintle\n    user: {{}}\n\
             contexts:\n  - name: demo\n    context:\n      cluster: demo\n      user: pintle\n",
            self.addr
        )
    }

    /// Ends the watches and waits for the end.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        match self.task.take() {
            Some(task) => task.await.map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}

impl Drop for RunningCluster {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

#[cfg(test)]
mod tests;
