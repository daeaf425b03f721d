//! How a push reaches the server: one transport of our own for libgit2, over http or over a child
//! process. libgit2's own local transport writes refs by force and asks no hook, so it is never
//! used; neither is its http client, which has no TLS here.
//!
//! What a push needs (address, token, limits) is put down for the thread that pushes and picked up
//! when libgit2 asks for the transport, which it does on the same thread. So pushes do not see each
//! other, and nothing secret is in an address.

mod child;
mod post;
mod way;

pub(super) use way::{Happened, Wire};

use super::program::{self, Side};
use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use git2::{ErrorClass, ErrorCode};
use std::cell::RefCell;
use std::sync::{Arc, OnceLock};
use way::PushTransport;

/// The address libgit2 is given; only its scheme means something.
pub(super) const ADDRESS: &str = "pintle://push";

thread_local! {
    static CURRENT: RefCell<Option<Arc<Wire>>> = const { RefCell::new(None) };
}

/// Runs `push` with this wire as the one of the thread.
pub(super) fn carry<T>(wire: &Arc<Wire>, push: impl FnOnce() -> T) -> Result<T, git2::Error> {
    register()?;
    CURRENT.set(Some(Arc::clone(wire)));
    let done = push();
    CURRENT.set(None);
    Ok(done)
}

/// Tells libgit2 of the transport, once in the process.
#[expect(
    unsafe_code,
    reason = "libgit2 keeps transports in a global list, and only an unsafe call adds one"
)]
fn register() -> Result<(), git2::Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        // SAFETY: transports are made by pushes only, and every push passes this cell first: none
        // is made while the list changes.
        let registered = unsafe { git2::transport::register("pintle", transport) };
        registered.map_err(|why| why.to_string())
    });
    done.clone().map_err(|why| refusal(&why))
}

fn transport(remote: &git2::Remote<'_>) -> Result<Transport, git2::Error> {
    let wire = CURRENT
        .with_borrow(Option::clone)
        .ok_or_else(|| refusal("a push without a wire"))?;
    let stateless = matches!(wire.way, PushTransport::Http { .. });
    Transport::smart(remote, stateless, Line(wire))
}

/// The error libgit2 hands back to the push; what it means stands in [`Happened`].
fn refusal(why: &str) -> git2::Error {
    git2::Error::new(ErrorCode::GenericError, ErrorClass::Net, why)
}

struct Line(Arc<Wire>);

impl SmartSubtransport for Line {
    fn action(
        &self,
        _: &str,
        service: Service,
    ) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        let wire = Arc::clone(&self.0);
        match (&self.0.way, service) {
            (PushTransport::Http { .. }, Service::ReceivePackLs) => {
                Ok(Box::new(post::Exchange::list(wire)))
            }
            (PushTransport::Http { .. }, Service::ReceivePack) => {
                Ok(Box::new(post::Exchange::send(wire)))
            }
            (PushTransport::Child(place, ssh), Service::ReceivePackLs) => {
                let command = program::command(place, ssh, Side::Push)
                    .ok_or_else(|| refusal("http needs no program"))?;
                let started = child::Stream::start(command, wire);
                Ok(Box::new(started.map_err(|why| refusal(&why.to_string()))?))
            }
            _ => Err(refusal("only pushes are carried")),
        }
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}
