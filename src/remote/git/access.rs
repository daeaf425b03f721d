//! How a remote is reached: the token, the authorities, the time limits, the branch. Asks nobody.

use super::sign::CommitSigner;
use crate::model::commit::CommitId;
use crate::remote::child::Limits;
use secrecy::SecretString;
use std::sync::Arc;
use std::time::Duration;

/// How the remote is reached.
#[derive(Clone, Debug)]
pub struct Access {
    /// Sent as basic auth (any user) over http(s), and nowhere else.
    pub token: Option<SecretString>,
    /// More certificate authorities to trust: PEM.
    pub ca: Option<Vec<u8>>,
    /// Sends the token over plain http also to other hosts than this one.
    pub allow_insecure: bool,
    /// The longest wait for a connection, an answer or the next bytes of one.
    pub timeout: Duration,
    /// The longest time for one conversation with `ssh` or `git`, or to receive a pack over http.
    pub most: Duration,
    /// The longest wait for another process that uses the same clone.
    pub lock_wait: Duration,
    /// The branch to follow; `None` for the one that the remote's HEAD names.
    pub branch: Option<String>,
    /// The program that connects `ssh://` remotes.
    pub ssh: String,
    /// Commits that this process found whole before: when the branch is still at one of them, the
    /// clone is not searched for holes again.
    pub whole: Vec<CommitId>,
    /// Signs the commits that are written; without it they are not signed.
    pub signer: Option<Arc<CommitSigner>>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            token: None,
            ca: None,
            allow_insecure: false,
            timeout: Duration::from_secs(60),
            most: Duration::from_secs(10 * 60),
            lock_wait: Duration::from_secs(5 * 60),
            branch: None,
            ssh: "ssh".into(),
            whole: Vec::new(),
            signer: None,
        }
    }
}

impl Access {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            silence: self.timeout,
            total: self.most,
        }
    }
}
