//! Where a repository is: the instance, which may live below a path, the owner, the name. Holds no
//! secret and knows no API.

use crate::error::{Error, Result};
pub(super) use crate::remote::http::host_of;
use std::fmt;
use url::Url;

/// A repository of a forge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Ends with `/`.
    base: Url,
    owner: String,
    repo: String,
}

impl Place {
    /// Reads the address of a repository as a browser shows it or git clones it:
    /// `https://forge.example.org/ops/infra`, with `.git` or a slash at its end or without, and
    /// with a path before the owner where the instance lives below one. Refuses one with a user,
    /// password or token in it.
    pub fn parse(text: &str) -> Result<Self> {
        let hint = "give it as a browser shows it: https://forge.example.org/owner/repo";
        // The text is not shown: it may hold a secret.
        let url = Url::parse(text.trim()).map_err(|why| {
            Error::usage("the address of the forge cannot be read")
                .because(why)
                .hint(hint)
        })?;
        let host = host_of(&url);
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(
                Error::usage(format!("a forge is asked over https, not {}", url.scheme()))
                    .hint(hint),
            );
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::usage(format!(
                "the address of the forge at {host} has a user or password in it"
            ))
            .hint(
                "leave it out and give the token by file or environment; addresses end up in logs",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::usage(format!(
                "the address of the forge at {host} has a `?` or `#` part"
            ))
            .hint(hint));
        }
        let path: Vec<&str> = url
            .path()
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let [prefix @ .., owner, repo] = &path[..] else {
            return Err(Error::usage(format!("{url} names no repository")).hint(hint));
        };
        let repo = repo.strip_suffix(".git").unwrap_or(repo);
        if !is_name(owner) || !is_name(repo) {
            return Err(Error::usage(format!("{url} names no repository"))
                .cause("a name has letters, digits, `-`, `_` and `.` only"));
        }
        let mut base = url.clone();
        base.set_path(
            &prefix
                .iter()
                .fold("/".to_owned(), |path, segment| path + segment + "/"),
        );
        Ok(Self {
            base,
            owner: (*owner).to_owned(),
            repo: repo.to_owned(),
        })
    }

    /// Returns another repository of the same instance.
    pub fn sibling(&self, owner: &str, repo: &str) -> Option<Self> {
        let ok = is_name(owner) && is_name(repo);
        ok.then(|| Self {
            base: self.base.clone(),
            owner: owner.to_owned(),
            repo: repo.to_owned(),
        })
    }

    /// Returns the address for a browser.
    pub fn url(&self) -> Url {
        self.below(&[])
    }

    /// Returns the address git clones from.
    pub fn clone_url(&self) -> String {
        format!("{}.git", self.url())
    }

    pub fn owner(&self) -> &str {
        &self.owner
    }

    pub fn repo(&self) -> &str {
        &self.repo
    }

    /// Returns the address of the instance; it ends with `/`.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns `host` or `host:port` of the instance.
    pub fn host(&self) -> String {
        host_of(&self.base)
    }

    /// Returns the address of a page of the repository.
    pub(super) fn below(&self, rest: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty()
                .extend([self.owner(), self.repo()])
                .extend(rest);
        }
        url
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} at {}", self.owner, self.repo, self.host())
    }
}

/// Forgejo's `IsUsableRepoName` and user names: ASCII letters, digits, dash, underscore, dot; never
/// `.` or `..`.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty()
        && text.len() <= 100
        && text.chars().all(fits)
        && !text.chars().all(|c| c == '.')
}

#[cfg(test)]
mod tests;
