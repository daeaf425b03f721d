//! The signals that end a run. Ends nothing itself.

use crate::error::{Error, Result};
use tokio::signal::unix::{SignalKind, signal};

/// Who asks for the end.
pub trait Stops: Send + 'static {
    /// Waits for the next request to stop, and returns its name. Dropping the future loses none.
    fn next(&mut self) -> impl Future<Output = &'static str> + Send;
}

/// SIGTERM and SIGINT of this process, from now on.
pub struct Signals {
    term: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    pub fn listen() -> Result<Self> {
        let of = |kind| signal(kind).map_err(|e| Error::failed("cannot listen for signals").because(e));
        Ok(Self { term: of(SignalKind::terminate())?, interrupt: of(SignalKind::interrupt())? })
    }
}

impl Stops for Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.term.recv() => "SIGTERM",
            Some(()) = self.interrupt.recv() => "SIGINT",
            else => std::future::pending().await,
        }
    }
}
