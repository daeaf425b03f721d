//! A wire on loopback that a test may cut, slow down or make dumb. It passes bytes on and knows
//! nothing of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, sleep};
use std::time::Duration;

/// What the wire does from now on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    Passes,
    /// What the server says comes this much later.
    Slow(Duration),
    /// Connections are taken and nothing is passed on; what is said is lost in no hurry.
    Dumb,
    /// Connections break, new ones too.
    Cut,
}

/// A wire to one server.
pub struct TcpProxy {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    wire: Mutex<(Wire, Vec<TcpStream>)>,
    changed: Condvar,
    to: SocketAddr,
}

impl TcpProxy {
    pub fn start(to: SocketAddr) -> TcpProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            wire: Mutex::new((Wire::Passes, Vec::new())),
            changed: Condvar::new(),
            to,
        });
        let shared = Arc::clone(&state);
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                shared.take(client);
            }
        });
        TcpProxy { address, state }
    }

    /// Changes the wire, also for the connections that are there.
    pub fn set(&self, wire: Wire) {
        let mut state = self.state.lock();
        state.0 = wire;
        if wire == Wire::Cut {
            state
                .1
                .drain(..)
                .for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
        self.state.changed.notify_all();
    }
}

impl State {
    fn lock(&self) -> MutexGuard<'_, (Wire, Vec<TcpStream>)> {
        self.wire.lock().expect("nobody panicked")
    }

    fn take(self: &Arc<Self>, client: TcpStream) {
        if self.lock().0 == Wire::Cut {
            return;
        }
        let Ok(server) = TcpStream::connect(self.to) else {
            return;
        };
        let copy = |stream: &TcpStream| stream.try_clone().expect("a stream has a second handle");
        self.lock().1.extend([copy(&client), copy(&server)]);
        let (here, there) = (Arc::clone(self), Arc::clone(self));
        let (client_in, server_out) = (copy(&client), copy(&server));
        thread::spawn(move || here.pass(client_in, server_out, false));
        thread::spawn(move || there.pass(server, client, true));
    }

    /// Passes bytes on until one side ends.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, answers: bool) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let mut wire = self.lock();
            while wire.0 == Wire::Dumb {
                wire = self.changed.wait(wire).expect("nobody panicked");
            }
            let late = match wire.0 {
                Wire::Slow(late) if answers => late,
                _ => Duration::ZERO,
            };
            drop(wire);
            sleep(late);
            if to.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
    }
}
