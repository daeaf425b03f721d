//! One push's way to its server, as the transport and its streams share it, and what happened on
//! it. Sends nothing.

use crate::error::Error;
use crate::remote::child::Limits;
use crate::remote::git::access::Access;
use crate::remote::git::address::{Remote, Where};
use crate::remote::git::http;
use std::sync::{Mutex, PoisonError};
use url::Url;

/// One push's way to its server, and what happened on it.
pub(in crate::remote::git) struct Wire {
    pub(super) way: PushTransport,
    pub(super) remote: Remote,
    pub(super) limits: Limits,
    happened: Mutex<Happened>,
}

pub(super) enum PushTransport {
    Http {
        url: Url,
        access: Box<Access>,
        client: reqwest::blocking::Client,
    },
    Child(Where, String),
}

/// What libgit2's errors do not carry.
#[derive(Default)]
pub(in crate::remote::git) struct Happened {
    /// The commands were sent: the server may have carried them out even if no answer came.
    pub sent: bool,
    /// The server's 401 or 403.
    pub denied: bool,
    /// What is wrong, better said than by libgit2.
    pub error: Option<Error>,
    /// What the child process printed on its standard error.
    pub stderr: String,
}

impl Wire {
    pub(in crate::remote::git) fn new(remote: &Remote, access: &Access) -> Result<Self, Error> {
        let way = match remote.place() {
            Where::Http(url) => PushTransport::Http {
                url: url.clone(),
                access: Box::new(access.clone()),
                client: http::client(url, access)?,
            },
            other => PushTransport::Child(other.clone(), access.ssh.clone()),
        };
        Ok(Self {
            way,
            remote: remote.clone(),
            limits: access.limits(),
            happened: Mutex::default(),
        })
    }

    pub(in crate::remote::git) fn take(&self) -> Happened {
        std::mem::take(&mut *self.happened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Happened)) {
        note(&mut self.happened.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
