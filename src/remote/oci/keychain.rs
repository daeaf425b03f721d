//! Credentials for registries, from several docker config files that are read again when they
//! change, and from credential helpers where these are switched on. A credential is found by the
//! host that is really asked, and never shown.

use super::docker_config::{Credentials, DockerConfig, server_name};
use crate::error::{Error, Result};
use crate::remote::child::{self, ChildError};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a credential helper may take …
const HELPER_LIMIT: Duration = Duration::from_secs(30);
/// … and how long its answer is used: those of clouds live some hours, and may be withdrawn.
const HELPER_LIFE: Duration = Duration::from_secs(5 * 60);
/// The user name by which a helper says that the secret is an identity token.
const IDENTITY: &str = "<token>";

/// Where credentials are looked up.
#[derive(Debug, Default)]
pub struct Keychain {
    helpers: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: Vec<Source>,
    /// What helpers answered, by helper and host.
    answers: HashMap<(String, String), (Instant, Option<Credentials>)>,
}

#[derive(Debug)]
struct Source {
    /// `None` for what was given as it is.
    path: Option<PathBuf>,
    stamp: Option<Stamp>,
    config: DockerConfig,
}

/// What differs when a file was written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

/// What a helper answers to `get` (docker/docker-credential-helpers).
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperReply {
    username: String,
    secret: String,
}

impl Keychain {
    /// Reads the files; where two hold an entry for the same place, the first one counts. `helpers`
    /// lets the credential helpers run that the files name.
    pub fn read(paths: &[PathBuf], helpers: bool) -> Result<Self> {
        let files = paths.iter().map(|path| {
            let stamp = stamp(path);
            Ok(Source {
                path: Some(path.clone()),
                stamp,
                config: parse(path)?,
            })
        });
        let state = State {
            files: files.collect::<Result<_>>()?,
            answers: HashMap::new(),
        };
        Ok(Self {
            helpers,
            state: Mutex::new(state),
        })
    }

    /// Returns the credential helpers that the files name and that are not run, with their file.
    pub fn unused_helpers(&self) -> Vec<(PathBuf, String)> {
        if self.helpers {
            return Vec::new();
        }
        let state = self.lock();
        let named = state.files.iter().flat_map(|source| {
            let path = source.path.clone().unwrap_or_default();
            let helpers = source.config.helpers().iter();
            helpers.map(move |helper| (path.clone(), helper.name.clone()))
        });
        named.collect()
    }

    /// Returns the credentials for a repository at a host. Blocks while a helper runs.
    pub(super) fn find(&self, host: &str, repository: &str) -> Option<Credentials> {
        let mut state = self.lock();
        state.files.iter_mut().for_each(Source::refresh);
        if self.helpers
            && let Some(name) = state.helper_of(host)
        {
            let found = state.ask(&name, host);
            if found.is_some() {
                return found;
            }
        }
        let found = state.entry(host, repository);
        if found.is_some() || !self.helpers {
            return found;
        }
        let store = state.files.iter().find_map(|source| source.config.store());
        let store = store.map(str::to_owned)?;
        state.ask(&store, host)
    }

    /// Whether looking something up may start a program.
    pub(super) fn may_block(&self) -> bool {
        self.helpers
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<DockerConfig> for Keychain {
    fn from(config: DockerConfig) -> Self {
        let source = Source {
            path: None,
            stamp: None,
            config,
        };
        let state = State {
            files: vec![source],
            answers: HashMap::new(),
        };
        Self {
            helpers: false,
            state: Mutex::new(state),
        }
    }
}

impl State {
    fn entry(&self, host: &str, repository: &str) -> Option<Credentials> {
        let found = self
            .files
            .iter()
            .filter_map(|source| source.config.entry(host, repository));
        // Of several of one length the first stays.
        let longest = found.fold(None, |best: Option<(usize, &Credentials)>, next| {
            best.filter(|best| best.0 >= next.0).or(Some(next))
        });
        longest.map(|(_, credentials)| credentials.clone())
    }

    fn helper_of(&self, host: &str) -> Option<String> {
        let mut named = self
            .files
            .iter()
            .filter_map(|source| source.config.helper_of(host));
        named.next().map(str::to_owned)
    }

    fn ask(&mut self, name: &str, host: &str) -> Option<Credentials> {
        let key = (name.to_owned(), host.to_owned());
        if let Some((at, found)) = self.answers.get(&key)
            && at.elapsed() < HELPER_LIFE
        {
            return found.clone();
        }
        let found = run_helper(name, host).unwrap_or_else(|why| {
            tracing::warn!(
                helper = name,
                registry = host,
                "the credential helper {why}"
            );
            None
        });
        self.answers.insert(key, (Instant::now(), found.clone()));
        found
    }
}

impl Source {
    /// Reads the file again if it changed. What cannot be read or parsed changes nothing: the next
    /// look may find the file whole.
    fn refresh(&mut self) {
        let Some(path) = &self.path else {
            return;
        };
        let now = stamp(path);
        if now == self.stamp {
            return;
        }
        self.stamp = now;
        match parse(path) {
            Ok(config) => {
                tracing::debug!(file = %path.display(), "the docker config was read again");
                self.config = config;
            }
            Err(error) => {
                tracing::warn!(%error, "the docker config changed and cannot be used; what it held before counts")
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let data = std::fs::metadata(path).ok()?;
    Some(Stamp {
        modified: data.modified().ok(),
        length: data.len(),
        inode: data.ino(),
    })
}

fn parse(path: &Path) -> Result<DockerConfig> {
    let shown = path.display();
    let bytes = std::fs::read(path).map_err(|why| {
        Error::usage(format!("cannot read the docker config from {shown}")).because(why)
    })?;
    DockerConfig::parse(&bytes)
        .map_err(|why| Error::usage(format!("cannot use the docker config {shown}")).because(why))
}

/// Runs `docker-credential-NAME get`. The error ends the sentence "the credential helper …".
fn run_helper(name: &str, host: &str) -> std::result::Result<Option<Credentials>, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err("has a name that no program has".to_owned());
    }
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg("get");
    let answer = child::run(&mut command, server_name(host).as_bytes(), HELPER_LIMIT);
    let answer = answer.map_err(|why| match why {
        ChildError::Start(why) => format!("cannot be started: {why}"),
        ChildError::TooLong(limit) => format!("did not answer within {} s", limit.as_secs()),
    })?;
    let unknown = b"credentials not found";
    if answer
        .stdout
        .windows(unknown.len())
        .any(|text| text == unknown)
    {
        return Ok(None);
    }
    if !answer.status.success() {
        return Err(format!("ended with {}", answer.status));
    }
    // serde's own text may quote the secret.
    let reply: HelperReply = serde_json::from_slice(&answer.stdout)
        .map_err(|_| "gave an answer that cannot be read".to_owned())?;
    let secret = SecretString::from(reply.secret);
    if secret.expose_secret().is_empty() {
        return Ok(None);
    }
    Ok(Some(match reply.username.as_str() {
        IDENTITY => Credentials::Identity { token: secret },
        _ => Credentials::Password {
            username: reply.username,
            password: secret,
        },
    }))
}

#[cfg(test)]
mod tests;
