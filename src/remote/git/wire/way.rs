//! One push's way to its server, as the transport and its streams share it, and what happened on
//! it. Sends nothing.

use crate::error::Error;
use crate::remote::git::access::Access;
use crate::remote::git::address::{Remote, Where};
use crate::remote::git::http;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use url::Url;

/// One push's way to its server, and what happened on it.
pub(in crate::remote::git) struct Wire {
    pub(super) way: Way,
    pub(super) remote: Remote,
    pub(super) limit: Duration,
    happened: Mutex<Happened>,
}

pub(super) enum Way {
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
            Where::Http(url) => {
                let client = http::client(access).map_err(|why| {
                    Error::failed("cannot set up https").because(why.without_url())
                })?;
                Way::Http {
                    url: url.clone(),
                    access: Box::new(access.clone()),
                    client,
                }
            }
            other => Way::Child(other.clone(), access.ssh.clone()),
        };
        Ok(Self {
            way,
            remote: remote.clone(),
            limit: access.timeout,
            happened: Mutex::default(),
        })
    }

    pub(in crate::remote::git) fn take(&self) -> Happened {
        std::mem::take(&mut *self.happened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, note: impl FnOnce(&mut Happened)) {
        note(&mut self.happened.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The command whose input and output are the server's.
    pub(super) fn command(place: &Where, ssh: &str) -> Command {
        match place {
            Where::Ssh(ssh_place) => {
                let mut command = Command::new(ssh);
                command.args([
                    "-o",
                    "BatchMode=yes",
                    "-o",
                    "ConnectTimeout=20",
                    "-o",
                    "ServerAliveInterval=20",
                ]);
                if let Some(port) = ssh_place.port {
                    command.args(["-p", &port.to_string()]);
                }
                command
                    .arg("--")
                    .arg(&ssh_place.host)
                    .arg(format!("git-receive-pack {}", quoted(&ssh_place.path)));
                command
            }
            Where::Path(path) => {
                let mut command = Command::new("git");
                command.arg("receive-pack").arg(path);
                command
            }
            Where::Http(_) => unreachable!("http needs no child process"),
        }
    }
}

/// Quotes for the shell at the other end; a leading `~` stays outside, as git leaves it.
fn quoted(path: &str) -> String {
    let (home, rest) = match path.split_once('/') {
        Some((home, rest)) if home.starts_with('~') => (format!("{home}/"), rest),
        _ => (String::new(), path),
    };
    format!("{home}'{}'", rest.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
