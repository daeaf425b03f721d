//! Runs the built `pintle` with an environment that holds nothing of the machine's, and looks at
//! what every run writes: no secret that it was given may be in it. Never inherits a variable, a
//! home folder or a time zone.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::secrets::Secrets;

/// One run of the program to come; each has a home folder of its own.
pub struct Pintle {
    command: Command,
    home: TempDir,
}

/// What a run left: its exit code (`None` when a signal ended it) and its two streams.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// What a run that was started needs as long as it runs. When it is dropped, what the run wrote is
/// looked at.
pub struct Kept {
    home: TempDir,
    streams: TempDir,
    secrets: Secrets,
}

impl Pintle {
    /// Prepares a run with `args` in the folder `cwd`: `PATH`, `HOME` (empty), `TZ=UTC`, `LC_ALL=C`
    /// and nothing else.
    pub fn new<S: AsRef<OsStr>>(cwd: &Path, args: impl IntoIterator<Item = S>) -> Pintle {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pintle"));
        command.args(args).current_dir(cwd).stdin(Stdio::null());
        clean(&mut command, home.path());
        Pintle { command, home }
    }

    /// Sets one more variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Pintle {
        self.command.env(name, value);
        self
    }

    /// The home folder of this run, for the files a test wants in it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it with its streams as `prepare` leaves them; those it leaves alone go to files.
    /// Whoever makes a pipe of one gives what came through it to [`Kept::check`].
    pub fn start(mut self, prepare: impl FnOnce(&mut Command) -> &mut Command) -> (Child, Kept) {
        let secrets = Secrets::given_to(&self.command);
        let streams = tempfile::tempdir().expect("a temporary folder");
        let file =
            |name: &str| File::create(streams.path().join(name)).expect("a file for a stream");
        self.command.stdout(file("stdout")).stderr(file("stderr"));
        prepare(&mut self.command);
        let child = self.command.spawn().expect("the built program starts");
        (
            child,
            Kept {
                home: self.home,
                streams,
                secrets,
            },
        )
    }

    /// Runs it to its end.
    pub fn run(self) -> Output {
        let (child, kept) =
            self.start(|command| command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        kept.output(child)
    }
}

impl Kept {
    /// The home folder of the run.
    pub fn path(&self) -> &Path {
        self.home.path()
    }

    /// Waits for the end of a run whose streams are pipes.
    pub fn output(&self, child: Child) -> Output {
        let output = child.wait_with_output().expect("its output can be read");
        let output = Output {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        };
        self.check(&output.stdout);
        self.check(&output.stderr);
        output
    }

    /// Ends the test when a secret is in what the run wrote.
    pub fn check(&self, written: &str) {
        self.secrets.are_not_in(written);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for name in ["stdout", "stderr"] {
            let written =
                std::fs::read(self.streams.path().join(name)).expect("the file of a stream");
            self.check(&String::from_utf8_lossy(&written));
        }
    }
}

/// Clears a command's environment and gives it the few variables a test may rely on.
pub fn clean(command: &mut Command, home: &Path) {
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("TZ", "UTC")
        .env("LC_ALL", "C");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the program writes UTF-8")
}
