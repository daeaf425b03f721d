//! Child processes: ssh, git, credential plugins and helpers. Each gets an environment without
//! pintle's settings and secrets, a process group of its own that is ended as a whole, and a
//! deadline. Never starts a shell, and never shows what a child printed by itself.

use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Most of the child's standard error that is kept.
const MOST_STDERR: u64 = 16 << 10;
/// Most of the output that is kept of a child that gives one answer.
const MOST_OUTPUT: u64 = 1 << 20;
/// How often it is looked whether a child has ended.
const GLANCE: Duration = Duration::from_millis(10);

/// How long a child may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Without reading or writing anything.
    pub silence: Duration,
    /// In all.
    pub total: Duration,
}

/// Why a child was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Silent(Duration),
    TooLong(Duration),
}

/// A child that is spoken with through its input and output.
pub(super) struct Conversation {
    child: Arc<Mutex<Child>>,
    cut: Arc<Mutex<Option<Cut>>>,
    watch: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
}

/// One end of a conversation; whatever passes it counts as a sign of life.
pub(super) struct Half<T> {
    pipe: T,
    alive: Sender<()>,
}

/// What a child did that gives one answer.
pub(super) struct Answer {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
}

/// Why a child gave no answer.
#[derive(Debug)]
pub(super) enum ChildError {
    Start(io::Error),
    TooLong(Duration),
}

/// Takes pintle's own variables out of the child's environment: some hold secrets. Makes it the
/// head of a process group.
pub(super) fn tame(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PINTLE_") {
            command.env_remove(&name);
        }
    }
    command.process_group(0)
}

/// Starts a child to speak with.
pub(super) fn converse(
    command: &mut Command,
    limits: Limits,
) -> io::Result<(Conversation, Half<ChildStdout>, Half<ChildStdin>)> {
    tame(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|why| {
        let program = command.get_program().to_string_lossy();
        io::Error::new(why.kind(), format!("cannot start {program}: {why}"))
    })?;
    let missing = || io::Error::other("the child has no pipes");
    let input = child.stdin.take().ok_or_else(missing)?;
    let output = child.stdout.take().ok_or_else(missing)?;
    let errors = child.stderr.take().ok_or_else(missing)?;
    let child = Arc::new(Mutex::new(child));
    let cut = Arc::default();
    let (alive, signs) = channel();
    let (watched, why) = (Arc::clone(&child), Arc::clone(&cut));
    let watch = thread::spawn(move || watch(&watched, &why, &signs, limits));
    let conversation = Conversation {
        child,
        cut,
        watch: Some(watch),
        stderr: Some(thread::spawn(move || read_errors(errors))),
    };
    let output = Half {
        pipe: output,
        alive: alive.clone(),
    };
    Ok((conversation, output, Half { pipe: input, alive }))
}

/// Runs a child that gets `input` and gives one answer. What it writes to its standard error is
/// dropped: it may hold what is secret.
pub(super) fn run(
    command: &mut Command,
    input: &[u8],
    limit: Duration,
) -> Result<Answer, ChildError> {
    tame(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(ChildError::Start)?;
    let end = Instant::now() + limit;
    if let Some(mut pipe) = child.stdin.take() {
        let input = input.to_vec();
        // A child that does not read its input has no use for it.
        thread::spawn(move || pipe.write_all(&input));
    }
    let (answer, answered) = channel();
    if let Some(mut pipe) = child.stdout.take() {
        thread::spawn(move || {
            let mut kept = Vec::new();
            // What cannot be read is no answer, and the reader finds that out.
            let _ = pipe.by_ref().take(MOST_OUTPUT).read_to_end(&mut kept);
            let _ = answer.send(kept);
        });
    }
    loop {
        match child.try_wait() {
            Ok(None) if Instant::now() < end => thread::sleep(GLANCE),
            Ok(Some(status)) => {
                // A child of the child may hold the output open.
                let left = end.saturating_duration_since(Instant::now());
                let stdout = answered.recv_timeout(left);
                end_group(&child);
                let stdout = stdout.map_err(|_| ChildError::TooLong(limit))?;
                return Ok(Answer { status, stdout });
            }
            Ok(None) | Err(_) => {
                end_group(&child);
                let _ = child.wait();
                return Err(ChildError::TooLong(limit));
            }
        }
    }
}

/// Ends the child and everything it started. That there is nothing left to end is fine.
fn end_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Ends the child when nothing moved for too long, or when it takes too long in all.
fn watch(child: &Mutex<Child>, cut: &Mutex<Option<Cut>>, signs: &Receiver<()>, limits: Limits) {
    let end = Instant::now() + limits.total;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let why = match signs.recv_timeout(limits.silence.min(left)) {
            Ok(()) if !left.is_zero() => continue,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) if limits.silence < left => Cut::Silent(limits.silence),
            Ok(()) | Err(RecvTimeoutError::Timeout) => Cut::TooLong(limits.total),
        };
        *cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        end_group(&child.lock().unwrap_or_else(PoisonError::into_inner));
        return;
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

impl Conversation {
    /// Says why the child was ended, if it was.
    pub(super) fn cut(&self) -> Option<Cut> {
        *self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the child if it has not ended; both halves have to be gone. Returns what it printed on
    /// its standard error, and why it was ended early.
    pub(super) fn end(mut self) -> (String, Option<Cut>) {
        end_group(&self.child.lock().unwrap_or_else(PoisonError::into_inner));
        (self.join(), self.cut())
    }

    /// Waits for the child to end by itself, within its limits; the input has to be closed and the
    /// output read to its end. Returns what it printed on its standard error.
    pub(super) fn wait(mut self, output: Half<ChildStdout>) -> String {
        let said = self.stderr.take().and_then(|thread| thread.join().ok());
        drop(output);
        self.join();
        said.unwrap_or_default()
    }

    fn join(&mut self) -> String {
        let said = self.stderr.take().and_then(|thread| thread.join().ok());
        if let Some(watch) = self.watch.take() {
            let _ = watch.join();
        }
        let _ = self
            .child
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .wait();
        said.unwrap_or_default()
    }
}

impl<T> Half<T> {
    fn sign(&self) {
        // The watch has ended only when the child was ended, and then the pipe says so.
        let _ = self.alive.send(());
    }
}

impl<T: Read> Read for Half<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.sign();
        let count = self.pipe.read(buffer)?;
        self.sign();
        Ok(count)
    }
}

impl<T: Write> Write for Half<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sign();
        self.pipe.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

impl Cut {
    /// Says it of a server: `git@example.org:a/b.git sent nothing for 60 s`.
    pub(super) fn of(self, server: &str) -> String {
        match self {
            Self::Silent(limit) => format!("{server} sent nothing for {} s", limit.as_secs_f32()),
            Self::TooLong(limit) => {
                format!("{server} was not done within {} s", limit.as_secs_f32())
            }
        }
    }
}
