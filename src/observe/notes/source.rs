//! The source repository of an image, from its labels, and the page there that compares two
//! revisions. Labels are text from outside: only plain addresses, revisions and versions are used.
//! Asks nobody.

use std::collections::BTreeMap;
use url::Url;

/// Longer labels are ignored.
const LONGEST: usize = 1_000;
const NAME: usize = 100;

/// The labels of an image that matter here (OCI image-spec, "Pre-Defined Annotation Keys").
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageOrigin {
    pub source: Option<SourceRepo>,
    pub revision: Option<String>,
    pub version: Option<String>,
}

/// The address of a repository: http or https, a host, an owner and a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRepo {
    /// Without query and fragment.
    pub url: Url,
    /// `host` or `host:port`.
    pub host: String,
    /// At least two.
    pub path: Vec<String>,
}

/// How a host names the page that compares two revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareStyle {
    /// GitHub, Forgejo, Gitea: `/compare/a...b`.
    Plain,
    /// GitLab: `/-/compare/a...b`.
    Gitlab,
}

impl ImageOrigin {
    pub fn of(labels: &BTreeMap<String, String>) -> Self {
        let label = |name: &str| {
            let text = labels
                .get(&format!("org.opencontainers.image.{name}"))?
                .trim();
            let fine =
                !text.is_empty() && text.len() <= LONGEST && !text.contains(char::is_control);
            fine.then_some(text)
        };
        let name = |name: &str| {
            label(name)
                .filter(|text| text.len() <= NAME)
                .map(str::to_owned)
        };
        let source = label("source")
            .and_then(SourceRepo::parse)
            .or_else(|| label("url").and_then(SourceRepo::parse));
        Self {
            source,
            revision: name("revision"),
            version: name("version"),
        }
    }

    /// Returns the version, or the revision if the version does not tell it from the other image.
    pub fn display_name(&self, other: &Self) -> Option<String> {
        let version = self
            .version
            .as_ref()
            .filter(|_| self.version != other.version || self.revision == other.revision);
        version.or(self.revision.as_ref()).cloned()
    }
}

impl SourceRepo {
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let bare = url.username().is_empty() && url.password().is_none();
        let path: Vec<String> = url
            .path()
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        if !matches!(url.scheme(), "http" | "https") || !bare || path.len() < 2 {
            return None;
        }
        url.set_query(None);
        url.set_fragment(None);
        let name = url.host_str().filter(|host| !host.is_empty())?;
        let host = url
            .port()
            .map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
        Some(Self { url, host, path })
    }

    /// Returns owner and name of the repository in an instance that lives below `base`, a path.
    pub fn repository<'a>(&'a self, base: &str) -> Option<(&'a str, &'a str)> {
        let base: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
        let (start, rest) = self.path.split_at_checked(base.len())?;
        let [owner, repo, ..] = rest else { return None };
        let repo = repo.strip_suffix(".git").unwrap_or(repo);
        (start == base && is_name(owner) && is_name(repo)).then_some((owner, repo))
    }

    /// Returns the address of the repository itself where the instance is the whole host.
    pub fn repository_url(&self) -> Option<Url> {
        let (owner, repo) = self.repository("")?;
        let mut url = self.url.clone();
        url.set_path(&format!("/{owner}/{repo}"));
        Some(url)
    }
}

/// Returns the page that compares two names, if they differ and are possible names of a commit or
/// tag.
pub fn compare_url(repository: &Url, style: CompareStyle, from: &str, to: &str) -> Option<Url> {
    if from == to || !is_ref(from) || !is_ref(to) {
        return None;
    }
    let mut url = repository.clone();
    let mut path = url.path_segments_mut().ok()?;
    path.pop_if_empty();
    if style == CompareStyle::Gitlab {
        path.push("-");
    }
    path.push("compare")
        .extend(format!("{from}...{to}").split('/'));
    drop(path);
    Some(url)
}

/// The names of owners and repositories at GitHub and Forgejo.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty()
        && text.len() <= NAME
        && text.chars().all(fits)
        && !text.chars().all(|c| c == '.')
}

/// A subset of the names that git allows (`git check-ref-format`), which includes commit ids.
fn is_ref(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_./+".contains(c);
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.ends_with(".lock")
    };
    text.len() <= NAME
        && text.chars().all(fits)
        && !text.starts_with('-')
        && !text.contains("..")
        && text.split('/').all(part)
}

#[cfg(test)]
mod tests;
