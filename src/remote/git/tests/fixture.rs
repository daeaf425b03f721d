//! Remotes for unit tests, made and looked at with the git command line.

use crate::remote::git::{Access, Clone, Identity, Remote};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A bare repository `remote.git`, a checkout `work` of it, and a cache folder.
pub struct Host {
    pub dir: TempDir,
}

impl Host {
    pub fn empty() -> Self {
        let host = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        git(
            host.dir.path(),
            ["init", "-q", "--bare", "-b", "trunk", "remote.git"],
        );
        git(host.dir.path(), ["init", "-q", "-b", "trunk", "work"]);
        git(&host.work(), ["remote", "add", "origin", "../remote.git"]);
        host
    }

    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let host = Self::empty();
        host.commit("Start", files);
        host
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("remote.git")
    }

    pub fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    pub fn cache(&self) -> PathBuf {
        self.dir.path().join("cache")
    }

    pub fn remote(&self) -> Remote {
        Remote::parse(self.path().to_str().unwrap()).unwrap()
    }

    pub fn clone(&self) -> Clone {
        self.clone_in("cache")
    }

    pub fn clone_in(&self, cache: &str) -> Clone {
        Clone::open_or_fetch(
            &self.remote(),
            &self.dir.path().join(cache),
            &Access::default(),
        )
        .unwrap()
    }

    /// The folder of the only clone in the cache.
    pub fn clone_folder(&self) -> PathBuf {
        let name = self.remote().folder();
        self.cache().join(name)
    }

    pub fn commit(&self, message: &str, files: &[(&str, &[u8])]) -> String {
        for (path, bytes) in files {
            let path = self.work().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        self.push_work(message)
    }

    /// Commits the checkout as it is.
    pub fn push_work(&self, message: &str) -> String {
        git(&self.work(), ["add", "-A", "-f"]);
        git(
            &self.work(),
            ["commit", "-q", "--allow-empty", "-m", message],
        );
        git(&self.work(), ["push", "-q", "origin", "HEAD"]);
        git(&self.work(), ["rev-parse", "HEAD"])
    }

    pub fn ask<const N: usize>(&self, args: [&str; N]) -> String {
        git(&self.path(), args)
    }

    pub fn hook(&self, name: &str, script: &str) {
        let path = self.path().join("hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

pub fn who() -> Identity {
    Identity {
        name: "pintle".into(),
        email: "pintle@example.org".into(),
    }
}

pub fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(second).unwrap()
}

pub fn git<S: AsRef<OsStr>>(at: &Path, args: impl IntoIterator<Item = S>) -> String {
    let output = run(at, args);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

pub fn run<S: AsRef<OsStr>>(at: &Path, args: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new("git");
    command.args(args).current_dir(at).stdin(Stdio::null());
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", at);
    for role in ["AUTHOR", "COMMITTER"] {
        command
            .env(format!("GIT_{role}_NAME"), "Ada Person")
            .env(format!("GIT_{role}_EMAIL"), "ada@example.org");
    }
    command.env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap()
}
