//! A proxy in the test process between the program under test and its forge: sees every request,
//! and can kill the program around a write, or fail as networks and servers do. Changes nothing of
//! what it passes on but `Host` and how a body's length is told.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::{self, Reply};
use super::incoming::{Request, answer};

/// A running proxy; it stops when it is dropped.
pub struct ForgeProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

/// One request that came in.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// What was answered; `None` when nothing was, or not yet.
    pub status: Option<u16>,
    /// Names in lower case; without `Authorization`, and those that are about one connection.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Seen {
    /// The first header of that name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it may change something: a push, and every method but `GET` and `HEAD`. Git's
    /// question what a push would find changes nothing.
    pub fn writes(&self) -> bool {
        !matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
            && !self.target.ends_with("/git-upload-pack")
    }
}

/// On which side of a write the program is killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// The forge never gets the request.
    Before,
    /// The forge has done it, and nobody learns the answer.
    After,
}

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The forge never gets it; this status is the answer.
    Status(u16),
    /// 429 with `Retry-After` in seconds.
    TooMany { retry_after: u32 },
    /// The forge never gets it; the connection is closed without an answer.
    Drop,
    /// It waits until the trouble is over, then it is passed on.
    Hold,
    /// The forge never gets it; nothing happens until the trouble is over, then the connection is
    /// closed.
    Hang,
    /// The forge does it; the connection is closed without an answer.
    LoseAnswer,
    /// It is passed on after this time.
    Delay(Duration),
}

type Which = Box<dyn Fn(&Seen) -> bool + Send>;

struct Trouble {
    fault: Fault,
    which: Which,
    /// How many more requests it meets.
    left: usize,
}

struct Killing {
    /// Writes still to come, this one included.
    left: usize,
    when: When,
    victim: Option<u32>,
    /// The request at which it happened.
    done: Option<Seen>,
}

#[derive(Default)]
struct State {
    upstream: Option<String>,
    seen: Vec<Seen>,
    trouble: Option<Trouble>,
    killing: Option<Killing>,
    over: bool,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl ForgeProxy {
    /// Listens already, for a forge that has to know this address before it starts; requests wait
    /// for [`ForgeProxy::forward_to`].
    pub fn start() -> ForgeProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::<Shared>::default();
        let known = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || accept(&listener, &known));
        ForgeProxy {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// A proxy in front of `upstream` (`127.0.0.1:port`).
    pub fn before(upstream: &str) -> ForgeProxy {
        let proxy = ForgeProxy::start();
        proxy.forward_to(upstream);
        proxy
    }

    /// Passes requests on to `upstream` (`127.0.0.1:port`) from now on.
    pub fn forward_to(&self, upstream: &str) {
        self.shared
            .change(|state| state.upstream = Some(upstream.to_owned()));
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests that came in so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// The requests since the last time somebody took them.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared.lock().seen)
    }

    /// Waits until one of the requests is such, for half a minute at most.
    pub fn wait_for(&self, such: impl Fn(&Seen) -> bool) -> Seen {
        let limit = Duration::from_secs(30);
        let missing = |state: &mut State| !state.seen.iter().any(&such);
        let (state, late) = self
            .shared
            .changed
            .wait_timeout_while(self.shared.lock(), limit, missing)
            .expect("no handler panicked");
        assert!(!late.timed_out(), "no such request came: {:#?}", state.seen);
        state
            .seen
            .iter()
            .find(|seen| such(seen))
            .expect("it was found")
            .clone()
    }

    /// Lets `fault` meet every request that `which` says, until [`ForgeProxy::mend`].
    pub fn fail(&self, fault: Fault, which: impl Fn(&Seen) -> bool + Send + 'static) {
        self.fail_times(usize::MAX, fault, which);
    }

    /// Lets `fault` meet the next `times` such requests.
    pub fn fail_times(
        &self,
        times: usize,
        fault: Fault,
        which: impl Fn(&Seen) -> bool + Send + 'static,
    ) {
        let trouble = Trouble {
            fault,
            which: Box::new(which),
            left: times,
        };
        self.shared.change(|state| state.trouble = Some(trouble));
    }

    /// Ends the trouble.
    pub fn mend(&self) {
        self.shared.change(|state| state.trouble = None);
    }

    /// Arms a SIGKILL around the `nth` write (1 is the next) of whoever [`ForgeProxy::aim`] names;
    /// that write waits for the name.
    pub fn kill_at(&self, nth: usize, when: When) {
        assert!(nth > 0, "writes are counted from 1");
        self.shared.change(|state| {
            state.killing = Some(Killing {
                left: nth,
                when,
                victim: None,
                done: None,
            })
        });
    }

    /// The process that is to be killed; it has to be a child of this one that was not waited for.
    pub fn aim(&self, process: u32) {
        self.shared.change(|state| {
            state.killing.as_mut().expect("a kill is armed").victim = Some(process)
        });
    }

    /// Disarms. Returns the write around which the kill happened; `None` when there were fewer
    /// writes.
    pub fn killed(&self) -> Option<Seen> {
        self.shared
            .lock()
            .killing
            .take()
            .and_then(|killing| killing.done)
    }
}

impl Drop for ForgeProxy {
    fn drop(&mut self) {
        self.shared.change(|state| state.over = true);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no handler panicked")
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// Waits until the state gives something; `None` when the proxy ends first.
    fn wait<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        loop {
            if state.over {
                return None;
            }
            if let Some(found) = look(&mut state) {
                return Some(found);
            }
            state = self.changed.wait(state).expect("no handler panicked");
        }
    }

    /// Waits until there is no trouble.
    fn calm(&self) -> Option<()> {
        self.wait(|state| state.trouble.is_none().then_some(()))
    }

    /// Notes the request and says what meets it.
    fn note(&self, seen: &Seen) -> (usize, Option<Fault>, Option<When>) {
        self.change(|state| {
            let trouble = state
                .trouble
                .as_mut()
                .filter(|trouble| trouble.left > 0 && (trouble.which)(seen));
            let fault = trouble.map(|trouble| {
                trouble.left -= 1;
                trouble.fault
            });
            let killing = state
                .killing
                .as_mut()
                .filter(|killing| seen.writes() && killing.left > 0);
            let when = killing.and_then(|killing| {
                killing.left -= 1;
                (killing.left == 0).then_some(killing.when)
            });
            state.seen.push(seen.clone());
            (state.seen.len() - 1, fault, when)
        })
    }

    fn kill(&self, seen: &Seen) {
        let victim = self.wait(|state| match &mut state.killing {
            Some(killing) => killing.victim.map(Some),
            None => Some(None),
        });
        if let Some(Some(process)) = victim {
            // Noted first: whoever sees the end of the process finds it here.
            self.change(|state| {
                state
                    .killing
                    .as_mut()
                    .map(|killing| killing.done = Some(seen.clone()))
            });
            sigkill(process);
        }
    }
}

#[expect(
    unsafe_code,
    reason = "the standard library only kills through a Child, which belongs to the test"
)]
fn sigkill(process: u32) {
    let process = i32::try_from(process).expect("a process number");
    // SAFETY: a plain system call; the number is that of a child that nobody waited for, so it is
    // not anybody else's.
    let answer = unsafe { libc::kill(process, libc::SIGKILL) };
    assert_eq!(
        answer,
        0,
        "process {process} cannot be killed: {}",
        std::io::Error::last_os_error()
    );
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.lock().over {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A broken connection is the client's business; it sees it as well.
        std::thread::spawn(move || {
            let _ = serve(&stream, &shared);
        });
    }
}

/// One request and its answer; `None` when the connection ends without one.
fn serve(stream: &TcpStream, shared: &Shared) -> Option<()> {
    let request = Request::read(stream)?;
    let Request {
        method,
        target,
        headers,
        body,
    } = request;
    let open = headers
        .iter()
        .filter(|(name, _)| name != "authorization")
        .cloned()
        .collect();
    let mut seen = Seen {
        method,
        target,
        status: None,
        headers: open,
        body,
    };
    let (at, fault, when) = shared.note(&seen);
    if when == Some(When::Before) {
        shared.kill(&seen);
        return None;
    }
    let own = |status: u16, headers: Vec<(String, String)>| Reply {
        status,
        headers,
        body: Vec::new(),
    };
    let reply = match fault {
        Some(Fault::Drop) => return None,
        Some(Fault::Hang) => return shared.calm().and(None),
        Some(Fault::Status(status)) => own(status, Vec::new()),
        Some(Fault::TooMany { retry_after }) => own(
            429,
            vec![("Retry-After".to_owned(), retry_after.to_string())],
        ),
        Some(Fault::Delay(time)) => {
            std::thread::sleep(time);
            pass_on(shared, &seen, &headers)?
        }
        Some(Fault::Hold) => {
            shared.calm()?;
            pass_on(shared, &seen, &headers)?
        }
        Some(Fault::LoseAnswer) | None => pass_on(shared, &seen, &headers)?,
    };
    seen.status = Some(reply.status);
    if when == Some(When::After) {
        shared.kill(&seen);
        return None;
    }
    if fault == Some(Fault::LoseAnswer) {
        return None;
    }
    shared.change(|state| {
        state
            .seen
            .get_mut(at)
            .map(|noted| noted.status = seen.status)
    });
    answer(stream, &seen.method, &reply)
}

/// The forge's answer; `None` when it gives none, which the client then sees as such.
fn pass_on(shared: &Shared, seen: &Seen, headers: &[(String, String)]) -> Option<Reply> {
    let upstream = shared.wait(|state| state.upstream.clone())?;
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    http::request(&upstream, &seen.method, &seen.target, &headers, &seen.body).ok()
}
