//! Where a remote is: a path, `file://`, `http(s)://`, `ssh://` or `user@host:path`. Never holds a
//! secret.

use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use url::Url;

/// The address of a git remote. Its `Display` is what was given, made absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    place: Where,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Path(PathBuf),
    Http(Url),
    Ssh(Ssh),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ssh {
    /// `user@host` or `host`.
    pub host: String,
    pub port: Option<u16>,
    pub path: String,
}

impl Remote {
    /// Parses an address; a relative path is taken from the current folder. Refuses an address with
    /// a password or token in it.
    pub fn parse(text: &str) -> Result<Self> {
        let place = match text.split_once("://") {
            Some((scheme @ ("http" | "https" | "file" | "ssh"), _)) => from_url(scheme, text)?,
            Some((scheme, _)) => {
                return Err(Error::usage(format!(
                    "git remotes with {scheme}:// are not supported"
                ))
                .hint("use https://, ssh://, file:// or a path"));
            }
            None => scp_like(text).map_or_else(|| from_path(text), Ok)?,
        };
        if let Where::Ssh(ssh) = &place {
            check_ssh(ssh)?;
        }
        let text = match &place {
            Where::Path(path) => path.to_str().ok_or_else(|| not_utf8(path))?.to_owned(),
            _ => text.to_owned(),
        };
        Ok(Self { place, text })
    }

    pub(super) fn place(&self) -> &Where {
        &self.place
    }

    /// Returns the name of the host of an http(s) remote, without its port.
    pub fn host_name(&self) -> Option<&str> {
        match &self.place {
            Where::Http(url) => url.host_str(),
            Where::Path(_) | Where::Ssh(_) => None,
        }
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns a folder name: readable, and different for different remotes.
    pub(super) fn folder(&self) -> String {
        let last = self
            .text
            .trim_end_matches('/')
            .rsplit(['/', ':'])
            .next()
            .unwrap_or_default()
            .trim_end_matches(".git");
        let readable: String = last
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
            .take(40)
            .collect();
        let hash = hex::encode(Sha256::digest(self.text.as_bytes()));
        format!(
            "{}-{}.git",
            readable.trim_start_matches(['.', '-']),
            &hash[..12]
        )
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn from_url(scheme: &str, text: &str) -> Result<Where> {
    // The text is not shown: it may hold a secret.
    let url = Url::parse(text).map_err(|why| {
        Error::usage(format!(
            "the {scheme}:// address of the remote cannot be read"
        ))
        .because(why)
    })?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let names_user = scheme != "ssh" && !url.username().is_empty();
    if url.password().is_some() || names_user {
        return Err(Error::usage(format!(
            "the address of the remote at {host} has a user or password in it"
        ))
        .hint("leave it out and give the token by file or environment; addresses end up in logs"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::usage(format!(
            "the address of the remote at {host} has a `?` or `#` part"
        ))
        .hint("give the address git clones from"));
    }
    match scheme {
        "file" => url
            .to_file_path()
            .map(Where::Path)
            .map_err(|()| Error::usage(format!("{text} is not a local path"))),
        "ssh" => {
            let user = Some(url.username())
                .filter(|user| !user.is_empty())
                .map(|user| format!("{user}@"))
                .unwrap_or_default();
            let path = url
                .path()
                .strip_prefix("/~")
                .map_or(url.path().to_owned(), |rest| format!("~{rest}"));
            Ok(Where::Ssh(Ssh {
                host: format!("{user}{host}"),
                port: url.port(),
                path,
            }))
        }
        _ => Ok(Where::Http(url)),
    }
}

/// `host:path` as git reads it: a colon before the first slash.
fn scp_like(text: &str) -> Option<Where> {
    let (host, path) = text.split_once(':')?;
    let is_host = !host.is_empty() && !host.contains('/') && !path.is_empty();
    is_host.then(|| {
        Where::Ssh(Ssh {
            host: host.to_owned(),
            port: None,
            path: path.to_owned(),
        })
    })
}

fn from_path(text: &str) -> Result<Where> {
    if text.is_empty() {
        return Err(Error::usage("the address of the remote is empty"));
    }
    std::path::absolute(text)
        .map(Where::Path)
        .map_err(|why| Error::usage(format!("{text} is not a path")).because(why))
}

/// A host or path that starts with a dash would be read as an option by ssh or git.
fn check_ssh(ssh: &Ssh) -> Result<()> {
    // `user:password@host:path` reads as the host `user` with the path `password@host:path`.
    let secret = !ssh.host.contains('@')
        && ssh
            .path
            .split('/')
            .next()
            .is_some_and(|first| first.contains('@'));
    let bare_host = ssh.host.rsplit('@').next().unwrap_or_default();
    let odd = |text: &str| {
        text.is_empty() || text.starts_with('-') || text.chars().any(|c| c.is_control())
    };
    if secret {
        return Err(
            Error::usage("the address of the remote has a password in it").hint("use an ssh key"),
        );
    }
    if odd(&ssh.host) || odd(bare_host) || odd(&ssh.path) || ssh.host.contains(char::is_whitespace)
    {
        return Err(Error::usage(
            "the ssh address of the remote has no usable host or path",
        ));
    }
    Ok(())
}

fn not_utf8(path: &Path) -> Error {
    Error::usage(format!("{} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests;
