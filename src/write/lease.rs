//! The right to write, and how it is revoked while a pass runs. Writes nothing itself, and
//! interrupts no write.

use crate::error::{Error, Result};
use tokio::sync::watch;

/// The right to write. Only commands that write make one.
#[derive(Debug)]
pub struct WriteLease(watch::Sender<LeaseState>);

#[derive(Clone, Copy, Debug, Default)]
struct LeaseState {
    revoked: bool,
    /// How many writes are in progress: a write may begin others.
    writing: u32,
}

/// A write in progress, until it is dropped.
#[derive(Debug)]
pub struct Writing<'a>(&'a WriteLease);

/// Whether a write was in progress when the right was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Nothing was being written, so nothing will be.
    AtRest,
    /// A write is in progress; [`WriteLease::wait_until_idle`] waits for its end.
    Writing,
}

impl WriteLease {
    /// Takes the right for one run of `sync`.
    pub fn for_sync() -> Self {
        Self(watch::Sender::default())
    }

    /// Takes the right for all passes of a `run`, which revokes it before it stops.
    pub fn for_run() -> Self {
        Self(watch::Sender::default())
    }

    /// Takes the right to set a forge up.
    pub fn for_setup() -> Self {
        Self(watch::Sender::default())
    }

    /// Returns whether the right was revoked.
    pub fn is_revoked(&self) -> bool {
        self.0.borrow().revoked
    }

    /// Begins a write. Fails if the right was revoked, unless another write is in progress that
    /// began before.
    pub fn begin(&self) -> Result<Writing<'_>> {
        let begun = self.0.send_if_modified(|state| {
            let may = !state.revoked || state.writing > 0;
            state.writing += u32::from(may);
            may
        });
        if begun {
            Ok(Writing(self))
        } else {
            Err(Error::failed("pintle is stopping: nothing was written"))
        }
    }

    /// Revokes the right: from now on no write begins.
    pub fn revoke(&self) -> Revoked {
        self.0.send_modify(|state| state.revoked = true);
        if self.0.borrow().writing > 0 {
            Revoked::Writing
        } else {
            Revoked::AtRest
        }
    }

    /// Waits until no write is in progress.
    pub async fn wait_until_at_rest(&self) {
        // Fails only without a sender, which is `self`.
        drop(
            self.0
                .subscribe()
                .wait_for(|state| state.writing == 0)
                .await,
        );
    }

    /// Waits until the right was revoked and the last write has ended.
    pub async fn wait_until_idle(&self) {
        // Fails only without a sender, which is `self`.
        drop(
            self.0
                .subscribe()
                .wait_for(|state| state.revoked && state.writing == 0)
                .await,
        );
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|state| state.writing -= 1);
    }
}

#[cfg(test)]
mod tests;
