//! The repo's text files in memory: what the evaluator may read, and nothing else. Never touches a
//! disk.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A path inside the repo: relative, `/`-separated, no `.` or `..` parts, `""` is the repo's top
/// folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RepoPath(Arc<str>);

/// The repo's top folder as an absolute path, as Terragrunt's `get_repo_root()` gives it. `file()`
/// and its kin take paths below it.
pub const TOP: &str = "/repo";

impl RepoPath {
    /// Returns the normal form of `path`; `None` when it is absolute or leaves the repo.
    pub fn new(path: &str) -> Option<Self> {
        if path.starts_with('/') {
            return None;
        }
        Self::default().join(path)
    }

    /// Returns `self/relative` in normal form; `None` when that leaves the repo.
    pub fn join(&self, relative: &str) -> Option<Self> {
        if relative.starts_with('/') {
            return None;
        }
        let mut parts: Vec<&str> = self.0.split('/').filter(|part| !part.is_empty()).collect();
        for part in relative.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop()?;
                }
                other => parts.push(other),
            }
        }
        Some(Self(parts.join("/").into()))
    }

    /// Returns the path in the repo that an absolute path below [`TOP`] means; `None` for any other
    /// path.
    pub fn from_absolute(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(TOP)?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        Self::default().join(rest.trim_start_matches('/'))
    }

    /// Returns the absolute path, below [`TOP`].
    pub fn to_absolute(&self) -> String {
        if self.0.is_empty() {
            TOP.to_owned()
        } else {
            format!("{TOP}/{}", self.0)
        }
    }

    /// Returns the path from the folder `from` to this one, as Go's `filepath.Rel` writes it.
    pub fn relative_from(&self, from: &Self) -> String {
        let parts = |path: &Self| {
            path.0
                .split('/')
                .filter(|part| !part.is_empty())
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let (from, to) = (parts(from), parts(self));
        let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
        let up = std::iter::repeat_n("..".to_owned(), from.len() - same);
        let path: Vec<String> = up.chain(to[same..].iter().cloned()).collect();
        if path.is_empty() {
            ".".to_owned()
        } else {
            path.join("/")
        }
    }

    /// Returns the folder this path is in; `None` for the top folder itself.
    pub fn parent(&self) -> Option<Self> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.rfind('/').unwrap_or(0);
        Some(Self(self.0[..end].into()))
    }

    /// Returns the last part, `""` for the top folder.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the path for people and JSON: `.` for the top folder.
    pub fn display(&self) -> &str {
        if self.0.is_empty() { "." } else { &self.0 }
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.display(), f)
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.display())
    }
}

/// One entry of the repo's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The whole content.
    Text(Arc<[u8]>),
    /// A link to a file of the repo.
    Link(RepoPath),
    /// In the repo, but not read: why (too large, not a text file, submodule …).
    NotRead(Cow<'static, str>),
}

/// The repo's tree at one commit, or a folder's content as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    entries: BTreeMap<RepoPath, Entry>,
}

impl Files {
    pub fn insert(&mut self, path: RepoPath, entry: Entry) {
        self.entries.insert(path, entry);
    }

    pub fn get(&self, path: &RepoPath) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Returns the file that a path is, or is a link to, with what is there.
    pub fn follow(&self, path: &RepoPath) -> Option<(RepoPath, &Entry)> {
        match self.entries.get(path)? {
            Entry::Link(target) => Some((target.clone(), self.entries.get(target)?)),
            entry => Some((path.clone(), entry)),
        }
    }

    /// Returns the bytes of a file that was read, or of one that is linked to.
    pub fn bytes(&self, path: &RepoPath) -> Option<&Arc<[u8]>> {
        match self.follow(path) {
            Some((_, Entry::Text(bytes))) => Some(bytes),
            _ => None,
        }
    }

    /// Returns all entries, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RepoPath, &Entry)> {
        self.entries.iter()
    }

    /// Returns the entries directly or indirectly below `dir`, sorted by path.
    pub fn below(&self, dir: &RepoPath) -> impl Iterator<Item = (&RepoPath, &Entry)> {
        let prefix = if dir.0.is_empty() {
            String::new()
        } else {
            format!("{dir}/")
        };
        let first = RepoPath(prefix.as_str().into());
        self.entries
            .range(first..)
            .take_while(move |(path, _)| path.0.starts_with(&prefix))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests;
