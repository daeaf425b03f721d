//! Docker's `config.json`, which is also what a Kubernetes pull secret holds: which credentials
//! belong to which registry. Runs no credential helper itself, and never shows what it read.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a `config.json` says.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    entries: Vec<Entry>,
    helpers: Vec<Helper>,
}

/// What proves who asks.
#[derive(Clone, Debug)]
pub enum Credentials {
    Password {
        username: String,
        password: SecretString,
    },
    /// Docker's `identitytoken`: an OAuth2 refresh token for the realm.
    Identity { token: SecretString },
}

#[derive(Clone, Debug)]
struct Entry {
    host: String,
    /// `team/app`, without slashes at its ends; empty for the whole registry.
    path: String,
    credentials: Credentials,
}

/// A credential helper that is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Helper {
    /// `None`: `credsStore`, for every registry.
    pub registry: Option<String>,
    pub name: String,
}

#[derive(Debug, thiserror::Error)]
pub enum DockerConfigError {
    /// serde's own text may quote what stands there, so only the place is told.
    #[error("not a docker config.json: line {line}, column {column}")]
    Json { line: usize, column: usize },
    #[error("the entry `{key}` of the docker config.json is not usable: {why}")]
    Entry { key: String, why: &'static str },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    auths: BTreeMap<String, Auth>,
    #[serde(default)]
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Deserialize)]
struct Auth {
    #[serde(default, deserialize_with = "secret")]
    auth: Option<SecretString>,
    username: Option<String>,
    #[serde(default, deserialize_with = "secret")]
    password: Option<SecretString>,
    #[serde(default, deserialize_with = "secret")]
    identitytoken: Option<SecretString>,
}

fn secret<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(Into::into))
}

impl DockerConfig {
    /// Parses the file's bytes. An entry without any credentials (`"ghcr.io": {}`, as a helper
    /// leaves it) is skipped.
    pub fn parse(bytes: &[u8]) -> Result<Self, DockerConfigError> {
        let file: File = serde_json::from_slice(bytes).map_err(|why| DockerConfigError::Json {
            line: why.line(),
            column: why.column(),
        })?;
        let mut entries = Vec::new();
        for (key, auth) in file.auths {
            let (host, path) = split_key(&key);
            let credentials = auth
                .credentials()
                .map_err(|why| DockerConfigError::Entry { key, why })?;
            entries.extend(credentials.map(|credentials| Entry {
                host,
                path,
                credentials,
            }));
        }
        let helpers = file.cred_helpers.into_iter().map(|(key, name)| Helper {
            registry: Some(split_key(&key).0),
            name,
        });
        let store = file
            .creds_store
            .filter(|name| !name.is_empty())
            .map(|name| Helper {
                registry: None,
                name,
            });
        Ok(Self {
            entries,
            helpers: helpers.chain(store).collect(),
        })
    }

    /// Returns the credentials for a repository: those of the longest path that holds it.
    pub fn find(&self, registry: &str, repository: &str) -> Option<&Credentials> {
        self.entry(registry, repository)
            .map(|(_, credentials)| credentials)
    }

    /// The same, with the number of bytes of that path.
    pub(super) fn entry(&self, registry: &str, repository: &str) -> Option<(usize, &Credentials)> {
        let host = canonical(registry);
        let holds = |path: &str| {
            let rest = repository.strip_prefix(path);
            path.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let fitting = self
            .entries
            .iter()
            .filter(|entry| entry.host == host && holds(&entry.path));
        fitting
            .max_by_key(|entry| entry.path.len())
            .map(|entry| (entry.path.len(), &entry.credentials))
    }

    /// Returns the helper that the file names for one registry.
    pub(super) fn helper_of(&self, registry: &str) -> Option<&str> {
        let host = canonical(registry);
        let own = |helper: &&Helper| helper.registry.as_ref().is_some_and(|name| *name == host);
        let helper = self.helpers.iter().find(own)?;
        Some(&helper.name)
    }

    /// Returns the helper that the file names for all registries.
    pub(super) fn store(&self) -> Option<&str> {
        let all = |helper: &&Helper| helper.registry.is_none();
        let helper = self.helpers.iter().find(all)?;
        Some(&helper.name)
    }

    /// Returns the credential helpers that the file names.
    pub fn helpers(&self) -> &[Helper] {
        &self.helpers
    }
}

impl Auth {
    fn credentials(self) -> Result<Option<Credentials>, &'static str> {
        if let Some(token) = self.identitytoken.filter(filled) {
            return Ok(Some(Credentials::Identity { token }));
        }
        if let Some(username) = self.username.filter(|name| !name.is_empty()) {
            let password = self.password.ok_or("it has a username and no password")?;
            return Ok(Some(Credentials::Password { username, password }));
        }
        self.auth
            .filter(filled)
            .map(|auth| decode(&auth))
            .transpose()
    }
}

fn filled(secret: &SecretString) -> bool {
    !secret.expose_secret().is_empty()
}

/// `base64(user:password)`; some tools leave the padding out, and Docker pads the password with
/// NUL.
fn decode(auth: &SecretString) -> Result<Credentials, &'static str> {
    let text = auth.expose_secret().trim();
    let bytes = STANDARD
        .decode(text)
        .or_else(|_| STANDARD_NO_PAD.decode(text));
    let bytes = bytes.map_err(|_| "`auth` is not base64")?;
    let text = String::from_utf8(bytes).map_err(|_| "`auth` is not UTF-8")?;
    let (username, password) = text.split_once(':').ok_or("`auth` is not user:password")?;
    let password = password.trim_end_matches('\0');
    Ok(Credentials::Password {
        username: username.to_owned(),
        password: password.into(),
    })
}

/// `https://index.docker.io/v1/` → (`docker.io`, ``), `registry.example.com/team` →
/// (`registry.example.com`, `team`).
fn split_key(key: &str) -> (String, String) {
    let key = key.trim();
    let bare = key
        .strip_prefix("https://")
        .or_else(|| key.strip_prefix("http://"))
        .unwrap_or(key);
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = path.trim_matches('/');
    let path = if matches!(path, "v1" | "v2") {
        ""
    } else {
        path
    };
    (canonical(host), path.to_owned())
}

/// Returns the name by which credential helpers know a registry.
pub(super) fn server_name(host: &str) -> String {
    match canonical(host).as_str() {
        "docker.io" => "https://index.docker.io/v1/".to_owned(),
        other => other.to_owned(),
    }
}

/// Docker Hub has one name here, whatever of its names is used.
fn canonical(host: &str) -> String {
    let host = host.to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => {
            "docker.io".to_owned()
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests;
