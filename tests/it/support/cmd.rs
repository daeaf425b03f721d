//! Runs the built `pintle` with an environment that holds nothing of the machine's.
//! Never inherits a variable, a home folder or a time zone.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// One run of the program to come; each has a home folder of its own.
pub struct Pintle {
    command: Command,
    home: TempDir,
    secrets: Vec<String>,
}

/// What a run left: its exit code (`None` when a signal ended it) and its two streams.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Pintle {
    /// Prepares a run with `args` in the folder `cwd`: `PATH`, `HOME` (empty), `TZ=UTC`, `LC_ALL=C` and nothing else.
    pub fn new<S: AsRef<OsStr>>(cwd: &Path, args: impl IntoIterator<Item = S>) -> Pintle {
        let home = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_pintle"));
        command.args(args).current_dir(cwd).stdin(Stdio::null());
        clean(&mut command, home.path());
        Pintle { command, home, secrets: Vec::new() }
    }

    /// Sets one more variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Pintle {
        self.command.env(name, value);
        self
    }

    /// Sets a variable that holds a secret: nothing that the run writes may hold it.
    pub fn secret(mut self, name: &str, value: &str) -> Pintle {
        self.secrets.push(value.to_owned());
        self.env(name, value)
    }

    /// The home folder of this run, for the files a test wants in it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Starts it with its streams as `prepare` leaves them. The home folder goes with what is returned.
    pub fn start(mut self, prepare: impl FnOnce(&mut Command) -> &mut Command) -> (Child, TempDir) {
        prepare(&mut self.command);
        (self.command.spawn().expect("the built program starts"), self.home)
    }

    /// Runs it to its end.
    pub fn run(mut self) -> Output {
        let output = self.command.output().expect("the built program starts");
        let output = Output { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) };
        for secret in &self.secrets {
            assert!(!output.stdout.contains(secret) && !output.stderr.contains(secret), "a secret was written");
        }
        output
    }
}

/// Clears a command's environment and gives it the few variables a test may rely on.
pub fn clean(command: &mut Command, home: &Path) {
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home).env("TZ", "UTC").env("LC_ALL", "C");
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the program writes UTF-8")
}
