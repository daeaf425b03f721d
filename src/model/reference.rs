//! An image reference as it is written, and its normal form for comparing and asking registries.
//! The written form is never changed.

use super::digest::Digest;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The tag that registries read where a reference has neither tag nor digest.
const LATEST: &str = "latest";

/// A tag: `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}` (distribution `reference` grammar).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Arc<str>);

/// A repository in normal form, which is what two spellings are compared by: `alpine` is
/// `docker.io/library/alpine`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    /// `docker.io`, `ghcr.io`, `host:5000`.
    pub registry: Arc<str>,
    /// `library/alpine`.
    pub path: Arc<str>,
}

/// `[registry/]repository[:tag][@digest]`, split, with every part as written (distribution
/// `reference` grammar).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// Everything before tag and digest, as written: `alpine`, `ghcr.io/a/b`, `host:5000/x`.
    pub name: Arc<str>,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// What a registry is asked: repository and tag, in normal form (`alpine` is
/// `docker.io/library/alpine:latest`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel {
    pub repository: Repository,
    pub tag: Tag,
}

impl Tag {
    /// Parses a tag; `None` when the text is none.
    pub fn parse(text: &str) -> Option<Self> {
        valid_tag(text).then(|| Self(text.into()))
    }

    /// Returns `latest`, which a reference without tag and digest means.
    pub fn latest() -> Self {
        Self(LATEST.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Tag {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Repository {
    /// Returns the channel of a tag in this repository.
    pub fn channel(&self, tag: Tag) -> Channel {
        Channel {
            repository: self.clone(),
            tag,
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

impl Channel {
    /// Parses what `Display` writes: `docker.io/library/alpine:latest`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, tag) = text.rsplit_once(':')?;
        let (registry, path) = name.split_once('/')?;
        let repository = Repository {
            registry: registry.into(),
            path: path.into(),
        };
        Some(repository.channel(Tag::parse(tag)?))
    }
}

impl Reference {
    /// Parses a reference; `None` when the text is none (capitals in the repository, spaces, a URL,
    /// a bad tag or digest …).
    pub fn parse(text: &str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(Digest::parse(digest)?)),
            None => (text, None),
        };
        let slash = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[slash..].split_once(':') {
            Some((last, tag)) => (&rest[..slash + last.len()], Some(tag)),
            None => (rest, None),
        };
        let tag = match tag {
            Some(tag) => Some(Tag::parse(tag)?),
            None => None,
        };
        valid_name(name).then(|| Self {
            name: name.into(),
            tag,
            digest,
        })
    }

    /// Returns the repository in normal form.
    pub fn repository(&self) -> Repository {
        let name: &str = &self.name;
        let (registry, path) = match name.split_once('/') {
            Some((host, rest)) if is_host(host) => match host {
                "docker.io" | "index.docker.io" if !rest.contains('/') => {
                    ("docker.io".into(), format!("library/{rest}").into())
                }
                "index.docker.io" => ("docker.io".into(), rest.into()),
                _ => (host.into(), rest.into()),
            },
            Some(_) => ("docker.io".into(), name.into()),
            None => ("docker.io".into(), format!("library/{name}").into()),
        };
        Repository { registry, path }
    }

    /// Returns the tag that a registry reads: the written one, `latest` where there is neither tag
    /// nor digest, `None` for a digest alone.
    pub fn effective_tag(&self) -> Option<Tag> {
        self.tag
            .clone()
            .or_else(|| self.digest.is_none().then(Tag::latest))
    }

    /// Returns the ways people write the image, without digest: as written, in normal form, and
    /// short for docker.io; each also with the tag.
    pub fn spellings(&self) -> Vec<String> {
        let Repository { registry, path } = self.repository();
        let mut names = vec![self.name.to_string(), format!("{registry}/{path}")];
        if &*registry == "docker.io" {
            names.push(path.to_string());
            names.extend(path.strip_prefix("library/").map(|short| short.to_string()));
            names.extend(
                path.strip_prefix("library/")
                    .map(|short| format!("docker.io/{short}")),
            );
        }
        let tag = self.effective_tag();
        let tagged: Vec<String> = tag
            .iter()
            .flat_map(|tag| names.iter().map(move |name| format!("{name}:{tag}")))
            .collect();
        names.extend(tagged);
        names.sort();
        names.dedup();
        names
    }

    /// Returns the channel that the reference follows; `None` for a digest alone.
    pub fn channel(&self) -> Option<Channel> {
        Some(self.repository().channel(self.effective_tag()?))
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest
            .as_ref()
            .map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// The first part of a name is a host when it has a dot or a port or is `localhost` (distribution
/// `splitDockerDomain`).
fn is_host(part: &str) -> bool {
    part.contains('.') || part.contains(':') || part == "localhost"
}

fn valid_name(name: &str) -> bool {
    let (host, path) = match name.split_once('/') {
        Some((host, path)) if is_host(host) => (Some(host), path),
        _ => (None, name),
    };
    let host_ok = host.is_none_or(|h| {
        h.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-:[]_".contains(&b))
    });
    host_ok && name.len() <= 255 && path.split('/').all(valid_component)
}

/// `[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`
fn valid_component(part: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = bytes.first().is_some_and(|b| alnum(*b)) && bytes.last().is_some_and(|b| alnum(*b));
    let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    ends && separators
        .filter(|run| !run.is_empty())
        .all(|run| matches!(run, "." | "_" | "__") || run.bytes().all(|b| b == b'-'))
}

/// `[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`
fn valid_tag(tag: &str) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let bytes = tag.as_bytes();
    bytes.len() <= 128
        && bytes.first().is_some_and(|b| word(*b))
        && bytes.iter().all(|b| word(*b) || b".-".contains(b))
}
