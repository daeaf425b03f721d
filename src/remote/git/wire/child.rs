//! A push through a child process (`git receive-pack`, `ssh`): hooks and the server's own checks
//! run. The child gets none of our secrets and none of git's variables, and is ended when nothing
//! moves for too long.

use super::way::Wire;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Most of the child's standard error that is kept.
const MOST_STDERR: u64 = 16 * 1024;

pub(super) struct Stream {
    wire: Arc<Wire>,
    child: Arc<Mutex<Child>>,
    input: Option<ChildStdin>,
    output: ChildStdout,
    /// Says that something moved; dropped, it says that the end was reached.
    alive: Option<Sender<()>>,
    watch: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    written: usize,
}

impl Stream {
    pub(super) fn start(mut command: Command, wire: Arc<Wire>) -> io::Result<Self> {
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("GIT_") || text.starts_with("PINTLE_") {
                command.env_remove(&name);
            }
        }
        command
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|why| {
            let program = command.get_program().to_string_lossy();
            io::Error::new(why.kind(), format!("cannot start {program}: {why}"))
        })?;
        let missing = || io::Error::other("the child has no pipes");
        let input = child.stdin.take();
        let output = child.stdout.take().ok_or_else(missing)?;
        let errors = child.stderr.take().ok_or_else(missing)?;
        let child = Arc::new(Mutex::new(child));
        let (alive, ticks) = channel();
        let watched = Arc::clone(&child);
        let limit = wire.limit;
        let watch = thread::spawn(move || watch(&watched, &ticks, limit));
        let stderr = thread::spawn(move || read_errors(errors));
        Ok(Self {
            wire,
            child,
            input,
            output,
            alive: Some(alive),
            watch: Some(watch),
            stderr: Some(stderr),
            written: 0,
        })
    }

    fn tick(&self) {
        if let Some(alive) = &self.alive {
            // The watch has ended only when the child was killed, and then reading says so.
            let _ = alive.send(());
        }
    }
}

/// Ends the child when nothing moved for `limit`.
fn watch(child: &Mutex<Child>, ticks: &Receiver<()>, limit: Duration) {
    loop {
        match ticks.recv_timeout(limit) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                if let Err(why) = child.lock().unwrap_or_else(PoisonError::into_inner).kill() {
                    tracing::warn!(%why, "cannot end a push that makes no progress");
                }
                return;
            }
        }
    }
}

fn read_errors(errors: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut errors = errors;
    // What cannot be read is not said; the rest must be read too, or the child waits for a reader.
    let _ = errors.by_ref().take(MOST_STDERR).read_to_end(&mut kept);
    let _ = io::copy(&mut errors, &mut io::sink());
    String::from_utf8_lossy(&kept).into_owned()
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tick();
        let count = self.output.read(buffer)?;
        self.tick();
        Ok(count)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tick();
        let count = self
            .input
            .as_mut()
            .map_or(Ok(0), |input| input.write(bytes))?;
        self.written += count;
        if self.written > "0000".len() {
            self.wire.note(|happened| happened.sent = true);
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.input.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Stream {
    /// Lets the child finish (hooks that run after the push, too) and takes its last words.
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = io::copy(&mut self.output, &mut io::sink());
        let said = self
            .stderr
            .take()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default();
        self.wire.note(|happened| happened.stderr = said);
        drop(self.alive.take());
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
        let _ = self
            .child
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wait();
    }
}
