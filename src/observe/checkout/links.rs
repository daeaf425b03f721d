//! Symbolic links of the repo: one that leads to a file of it is that file under another name.
//! Reads nothing; a link that leads out of the repo is never followed.

use crate::terraform::files::{Entry, Files, RepoPath};
use std::collections::BTreeMap;

/// Links that lead to links are followed this far.
const HOPS: usize = 8;
/// The most files that links to folders stand for.
const MOST_FILES: usize = 20_000;

const OUTSIDE: &str = "a symbolic link that leads out of the repo, or to nothing in it";

/// The links of a repo, with what each says as it is written.
#[derive(Debug, Default)]
pub struct Links(BTreeMap<RepoPath, String>);

impl Links {
    pub fn insert(&mut self, path: RepoPath, target: String) {
        self.0.insert(path, target);
    }

    /// Puts every link among the files: a link to a file as one, a link to a folder as links to the
    /// files below that.
    pub fn resolve(self, files: &mut Files) {
        let mut left = MOST_FILES;
        for link in self.0.keys() {
            let entries = match self.follow(link) {
                Some(target) if files.get(&target).is_some() => {
                    vec![(link.clone(), Entry::Link(target))]
                }
                Some(target) if !is_in(link, &target) => below(files, link, &target),
                _ => Vec::new(),
            };
            if entries.is_empty() || entries.len() > left {
                files.insert(link.clone(), Entry::NotRead(OUTSIDE.into()));
                continue;
            }
            left -= entries.len();
            for (path, entry) in entries {
                files.insert(path, entry);
            }
        }
    }

    fn follow(&self, link: &RepoPath) -> Option<RepoPath> {
        let mut at = link.clone();
        for _ in 0..HOPS {
            let Some(target) = self.0.get(&at) else {
                return Some(at);
            };
            at = at.parent()?.join(target)?;
        }
        None
    }
}

fn is_in(path: &RepoPath, folder: &RepoPath) -> bool {
    let rest = path.as_str().strip_prefix(folder.as_str());
    folder.as_str().is_empty() || rest.is_some_and(|rest| rest.starts_with('/'))
}

fn below(files: &Files, link: &RepoPath, target: &RepoPath) -> Vec<(RepoPath, Entry)> {
    let start = match target.as_str().len() {
        0 => 0,
        length => length + 1,
    };
    let one = |(path, entry): (&RepoPath, &Entry)| {
        let name = link.join(path.as_str().get(start..)?)?;
        let target = match entry {
            Entry::Link(target) => target.clone(),
            _ => path.clone(),
        };
        Some((name, Entry::Link(target)))
    };
    files.below(target).filter_map(one).collect()
}
