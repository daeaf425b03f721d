//! A server that dies with its test: on drop, on panic, and when the test process itself is killed.
//! Never signals a process it did not start.

use std::fs::{File, read_to_string};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to come up on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
/// Pause between two looks at a server that is coming up.
const LOOK: Duration = Duration::from_millis(10);

/// A running child. It belongs to the thread that started it: the kernel ends it when that thread
/// ends, so a server shared by several threads is started by the one that outlives them.
pub struct Guard {
    child: Child,
    log: PathBuf,
}

impl Guard {
    /// Starts `command` with a clean environment and both streams appended to `log`.
    pub fn start(mut command: Command, log: &Path) -> Guard {
        let file = File::options().create(true).append(true).open(log);
        let file = file.expect("the log of the server can be written");
        let home = log.parent().expect("the log is in the server's folder");
        super::cmd::clean(&mut command, home);
        command
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a second handle of the log"))
            .stderr(file);
        die_with_parent(&mut command);
        let name = command.get_program().to_owned();
        let child = command.spawn();
        let child = child.unwrap_or_else(|why| panic!("cannot start {}: {why}", name.display()));
        Guard {
            child,
            log: log.to_owned(),
        }
    }

    /// Looks again and again until `ready` gives a value; gives `Err(log)` when the server has
    /// ended instead. Panics with the log after a minute.
    pub fn wait_until<T>(&mut self, ready: impl Fn() -> Option<T>) -> Result<T, String> {
        let start = Instant::now();
        loop {
            if let Some(found) = ready() {
                return Ok(found);
            }
            if self
                .child
                .try_wait()
                .expect("the child can be asked")
                .is_some()
            {
                return Err(self.log());
            }
            assert!(
                start.elapsed() < DEADLINE,
                "the server is not ready after a minute:\n{}",
                self.log()
            );
            std::thread::sleep(LOOK);
        }
    }

    /// Everything the server wrote so far.
    pub fn log(&self) -> String {
        read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Both fail only when the child has already been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets the kernel end the child when the thread that started it ends, however it ends.
#[expect(
    unsafe_code,
    reason = "what runs between fork and exec can only be given by an unsafe call"
)]
pub fn die_with_parent(command: &mut Command) {
    // SAFETY: prctl is async-signal-safe and touches no memory of the parent.
    unsafe {
        command.pre_exec(
            || match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            },
        );
    }
}

/// A port nobody listens on at this moment; another process may take it before it is used, so its
/// user retries.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// The path of a server that `tests/run` built or found.
pub fn server(variable: &str) -> PathBuf {
    let path = std::env::var_os(variable);
    PathBuf::from(
        path.unwrap_or_else(|| panic!("{variable} is not set: run the tests with tests/run")),
    )
}
