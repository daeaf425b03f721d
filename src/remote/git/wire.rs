//! How a push reaches the server: one transport of our own for libgit2, over http or over a child process. libgit2's own local transport
//! writes refs by force and asks no hook, so it is never used; neither is its http client, which has no TLS here.
//!
//! What a push needs (address, token, limits) is put down for the thread that pushes and picked up when libgit2 asks for the transport, which
//! it does on the same thread. So pushes do not see each other, and nothing secret is in an address.

mod child;
mod post;

use super::Access;
use super::address::{Remote, Where};
use crate::error::Error;
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{ErrorClass, ErrorCode};
use std::cell::RefCell;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use url::Url;

/// The address libgit2 is given; only its scheme means something.
pub(super) const ADDRESS: &str = "pintle://push";

thread_local! {
    static CURRENT: RefCell<Option<Arc<Wire>>> = const { RefCell::new(None) };
}

/// One push's way to its server, and what happened on it.
pub(super) struct Wire {
    way: Way,
    remote: Remote,
    limit: Duration,
    happened: Mutex<Happened>,
}

enum Way {
    Http { url: Url, access: Box<Access>, client: reqwest::blocking::Client },
    Child(Where, String),
}

/// What libgit2's errors do not carry.
#[derive(Default)]
pub(super) struct Happened {
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
    pub(super) fn new(remote: &Remote, access: &Access) -> Result<Self, Error> {
        let way = match remote.place() {
            Where::Http(url) => {
                let client = super::http::client(access).map_err(|why| Error::failed("cannot set up https").because(why.without_url()))?;
                Way::Http { url: url.clone(), access: Box::new(access.clone()), client }
            }
            other => Way::Child(other.clone(), access.ssh.clone()),
        };
        Ok(Self { way, remote: remote.clone(), limit: access.timeout, happened: Mutex::default() })
    }

    /// Runs `push` with this wire as the one of the thread.
    pub(super) fn carry<T>(self: &Arc<Self>, push: impl FnOnce() -> T) -> Result<T, git2::Error> {
        register()?;
        CURRENT.set(Some(Arc::clone(self)));
        let done = push();
        CURRENT.set(None);
        Ok(done)
    }

    pub(super) fn take(&self) -> Happened {
        std::mem::take(&mut *self.happened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(&self, note: impl FnOnce(&mut Happened)) {
        note(&mut self.happened.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The command whose input and output are the server's.
    fn command(place: &Where, ssh: &str) -> Command {
        match place {
            Where::Ssh(ssh_place) => {
                let mut command = Command::new(ssh);
                command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=20"]);
                if let Some(port) = ssh_place.port {
                    command.args(["-p", &port.to_string()]);
                }
                command.arg("--").arg(&ssh_place.host).arg(format!("git-receive-pack {}", quoted(&ssh_place.path)));
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

/// Tells libgit2 of the transport, once in the process.
#[expect(unsafe_code, reason = "libgit2 keeps transports in a global list, and only an unsafe call adds one")]
fn register() -> Result<(), git2::Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        // SAFETY: transports are made by pushes only, and every push passes this cell first: none is made while the list changes.
        let registered = unsafe { git2::transport::register("pintle", transport) };
        registered.map_err(|why| why.to_string())
    });
    done.clone().map_err(|why| refusal(&why))
}

fn transport(remote: &git2::Remote<'_>) -> Result<Transport, git2::Error> {
    let wire = CURRENT.with_borrow(Option::clone).ok_or_else(|| refusal("a push without a wire"))?;
    let stateless = matches!(wire.way, Way::Http { .. });
    Transport::smart(remote, stateless, Line(wire))
}

/// The error libgit2 hands back to the push; what it means stands in [`Happened`].
fn refusal(why: &str) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Net, why)
}

struct Line(Arc<Wire>);

impl SmartSubtransport for Line {
    fn action(&self, _: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let wire = Arc::clone(&self.0);
        match (&self.0.way, service) {
            (Way::Http { .. }, Service::ReceivePackLs) => Ok(Box::new(post::Exchange::list(wire))),
            (Way::Http { .. }, Service::ReceivePack) => Ok(Box::new(post::Exchange::send(wire))),
            (Way::Child(place, ssh), Service::ReceivePackLs) => {
                let started = child::Stream::start(Wire::command(place, ssh), wire);
                Ok(Box::new(started.map_err(|why| refusal(&why.to_string()))?))
            }
            _ => Err(refusal("only pushes are carried")),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
