//! Bare git remotes for tests, made and looked at with the git command line: an implementation of
//! git that is not the one under test. Reads no configuration of the machine.

use std::ffi::OsStr;
use std::fs::{create_dir_all, write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::cmd;

/// The default branch of every remote made here.
pub const BRANCH: &str = "main";

/// A bare repository, with a clone beside it in which a test plays a person who commits and pushes.
pub struct Remote {
    folder: TempDir,
    commits: u32,
}

impl Remote {
    /// A remote whose branch holds the files of `directory` (without its `.git`) as one commit.
    pub fn from_directory(directory: &Path) -> Remote {
        let remote = Remote::empty();
        copy(directory, &remote.clone_path());
        remote.save("Start");
        remote
    }

    /// A remote whose branch holds these files (path, bytes) as one commit.
    pub fn from_files(files: &[(&str, &[u8])]) -> Remote {
        let mut remote = Remote::empty();
        remote.commit("Start", files);
        remote
    }

    /// A remote without a single commit.
    pub fn empty() -> Remote {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let remote = Remote { folder, commits: 0 };
        let branch = format!("--initial-branch={BRANCH}");
        let root = remote.folder.path();
        git(root, ["init", "--quiet", "--bare", &branch, "remote.git"]);
        git(root, ["init", "--quiet", &branch, "clone"]);
        let url = remote.path();
        git(
            &remote.clone_path(),
            [
                OsStr::new("remote"),
                "add".as_ref(),
                "origin".as_ref(),
                url.as_os_str(),
            ],
        );
        remote
    }

    /// The bare repository's folder.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("remote.git")
    }

    /// The `file://` URL of the bare repository.
    pub fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    /// Writes the files (path, bytes), commits them and pushes. Returns the commit's id.
    pub fn commit(&mut self, message: &str, files: &[(&str, &[u8])]) -> String {
        self.commits += 1;
        self.catch_up();
        self.put(files);
        self.save(message)
    }

    /// The same with the time that it is now, as a commit beside other events needs it. Where
    /// somebody else pushes at the same time, it is made again on top of that.
    pub fn commit_now(&mut self, message: &str, files: &[(&str, &[u8])]) -> String {
        self.commits += 1;
        let clone = self.clone_path();
        loop {
            self.catch_up();
            self.put(files);
            self.git(&clone, &["add", "--all", "--force"]);
            let mut commit = command(
                &clone,
                &["commit", "--quiet", "--allow-empty", "-m", message],
                self.commits,
            );
            let done = commit
                .env_remove("GIT_AUTHOR_DATE")
                .env_remove("GIT_COMMITTER_DATE")
                .status()
                .expect("git starts");
            assert!(done.success(), "git commit: {done}");
            let commit = self.git(&clone, &["rev-parse", "HEAD"]).trim().to_owned();
            if git_code(&clone, &["push", "--quiet", "origin", BRANCH]) == Some(0) {
                return commit;
            }
            self.git(&clone, &["fetch", "--quiet", "origin"]);
            let behind = ["merge-base", "--is-ancestor", "origin/main", "HEAD"];
            assert_ne!(git_code(&clone, &behind), Some(0), "nobody was in the way");
        }
    }

    /// Writes the files, replaces the newest commit with one that has them, and forces the branch:
    /// history rewritten under a reader. Returns the new commit's id.
    pub fn amend(&mut self, files: &[(&str, &[u8])]) -> String {
        self.commits += 1;
        self.catch_up();
        self.put(files);
        let clone = self.clone_path();
        self.git(&clone, &["add", "--all"]);
        self.git(&clone, &["commit", "--quiet", "--amend", "--no-edit"]);
        self.git(&clone, &["push", "--quiet", "--force", "origin", BRANCH]);
        self.tip()
    }

    /// The id of the branch's newest commit.
    pub fn tip(&self) -> String {
        self.ask(&["rev-parse", BRANCH])
    }

    /// The ids of all commits of the branch, newest first.
    pub fn history(&self) -> Vec<String> {
        self.ask(&["rev-list", BRANCH])
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The message of a commit as it was written, to the byte.
    pub fn message(&self, commit: &str) -> String {
        let object = git(&self.path(), ["cat-file", "commit", commit]);
        let (_, message) = object
            .split_once("\n\n")
            .expect("a commit has a blank line after its headers");
        message.to_owned()
    }

    /// The bytes of a file at a commit.
    pub fn file(&self, commit: &str, path: &str) -> Vec<u8> {
        let object = format!("{commit}:{path}");
        run(&self.path(), &["cat-file", "blob", &object], self.commits).stdout
    }

    /// Asks git about the bare repository and returns what it says, without the last newline.
    pub fn ask(&self, args: &[&str]) -> String {
        self.git(&self.path(), args)
            .trim_end_matches('\n')
            .to_owned()
    }

    /// Fails the test when an object is broken or missing. A pack that a killed push left
    /// unreferenced is none.
    pub fn fsck(&self) {
        self.ask(&["fsck", "--full", "--strict", "--no-dangling"]);
    }

    fn clone_path(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    fn catch_up(&self) {
        let clone = self.clone_path();
        self.git(&clone, &["fetch", "--quiet", "origin"]);
        let known =
            git_code(&clone, &["rev-parse", "--verify", "--quiet", "origin/main"]) == Some(0);
        if known {
            self.git(&clone, &["reset", "--quiet", "--hard", "origin/main"]);
        }
    }

    fn put(&self, files: &[(&str, &[u8])]) {
        for (path, bytes) in files {
            let path = self.clone_path().join(path);
            create_dir_all(path.parent().expect("a file has a folder"))
                .expect("the folder can be made");
            write(path, bytes).expect("the file can be written");
        }
    }

    fn save(&self, message: &str) -> String {
        let clone = self.clone_path();
        self.git(&clone, &["add", "--all", "--force"]);
        self.git(
            &clone,
            &["commit", "--quiet", "--allow-empty", "-m", message],
        );
        self.git(&clone, &["push", "--quiet", "origin", BRANCH]);
        self.tip()
    }

    fn git(&self, at: &Path, args: &[&str]) -> String {
        let output = run(at, args, self.commits);
        String::from_utf8(output.stdout).expect("git writes UTF-8 here")
    }
}

/// Runs git in a folder and returns what it says; fails the test when git fails.
pub fn git<S: AsRef<OsStr>>(at: &Path, args: impl IntoIterator<Item = S>) -> String {
    let args: Vec<S> = args.into_iter().collect();
    let output = run(at, &args, 0);
    String::from_utf8(output.stdout).expect("git writes UTF-8 here")
}

fn git_code(at: &Path, args: &[&str]) -> Option<i32> {
    let output = command(at, args, 0).output().expect("git starts");
    output.status.code()
}

fn run<S: AsRef<OsStr>>(at: &Path, args: &[S], minute: u32) -> std::process::Output {
    let output = command(at, args, minute).output().expect("git starts");
    let words: Vec<_> = args
        .iter()
        .map(|arg| arg.as_ref().display().to_string())
        .collect();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "git {} in {}: {said}",
        words.join(" "),
        at.display()
    );
    output
}

/// A git command that knows one author, one date (a minute later for every commit) and no
/// configuration.
pub fn command<S: AsRef<OsStr>>(at: &Path, args: &[S], minute: u32) -> Command {
    let date = format!(
        "2026-11-01T{:02}:{:02}:00+00:00",
        minute / 60 % 24,
        minute % 60
    );
    let mut command = Command::new("git");
    command.args(args).current_dir(at).stdin(Stdio::null());
    cmd::clean(&mut command, at);
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_AUTHOR_NAME", "Ada Person")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_NAME", "Ada Person")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_DATE", &date);
    command
}

/// The CGI program itself, so that ending it ends it: `git http-backend` would be its parent.
pub fn backend(at: &Path) -> Command {
    let folder = command(at, &["--exec-path"], 0)
        .output()
        .expect("git starts");
    let folder = String::from_utf8(folder.stdout).expect("a path");
    let mut backend = Command::new(Path::new(folder.trim()).join("git-http-backend"));
    let as_git = command(at, &["http-backend"], 0);
    backend.current_dir(at).env_clear();
    backend.envs(
        as_git
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    super::guard::die_with_parent(&mut backend);
    backend
}

/// Copies files and symbolic links, leaving `.git` out.
pub fn copy(from: &Path, to: &Path) {
    let entries = from
        .read_dir()
        .unwrap_or_else(|why| panic!("{}: {why}", from.display()));
    for entry in entries {
        let entry = entry.expect("the folder can be read");
        let (kind, target) = (
            entry.file_type().expect("it has a type"),
            to.join(entry.file_name()),
        );
        if entry.file_name() == ".git" {
            continue;
        }
        if kind.is_dir() {
            create_dir_all(&target).expect("the folder can be made");
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            let aim = std::fs::read_link(entry.path()).expect("the link can be read");
            std::os::unix::fs::symlink(aim, target).expect("the link can be made");
        } else {
            std::fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}
