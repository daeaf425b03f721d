//! Names for sites, workloads and stacks, as people, commits and commands spell them.

use super::{SiteKey, Use};
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// `deployment/immich/immich-server:server`, with `?` for what the text does not tell.
pub fn workload(user: &Use) -> String {
    let part = |part: &Option<Arc<str>>| part.as_deref().unwrap_or("?").to_owned();
    format!("{}/{}/{}:{}", user.kind, part(&user.namespace), part(&user.name), part(&user.container))
}

/// Gives each site the key of its file and first use; equal ones are numbered in the order of the file.
#[derive(Default)]
pub struct Keys {
    given: BTreeMap<String, usize>,
}

impl Keys {
    pub fn give(&mut self, file: &RepoPath, uses: &[Use]) -> SiteKey {
        let first = uses.first().map(workload).unwrap_or_default();
        let key = format!("{file}#{first}");
        let count = self.given.entry(key.clone()).or_default();
        *count += 1;
        SiteKey(if *count == 1 { key.into() } else { format!("{key}~{count}").into() })
    }
}

/// Names stacks: the root's last folder, as many folders as it takes to tell it from other roots.
pub struct Stacks {
    names: BTreeMap<RepoPath, Arc<str>>,
}

impl Stacks {
    pub fn new(roots: &BTreeSet<RepoPath>) -> Self {
        let name = |root: &RepoPath| {
            let parts: Vec<&str> = root.as_str().split('/').collect();
            let unique = |count: &usize| {
                let tail = parts[parts.len() - count..].join("/");
                let same = |other: &&RepoPath| other.as_str() == tail || other.as_str().ends_with(&format!("/{tail}"));
                roots.iter().filter(same).count() <= 1
            };
            let count = (1..=parts.len()).find(unique).unwrap_or(parts.len());
            let tail = parts[parts.len() - count..].join("/");
            if tail.is_empty() { "root".into() } else { tail.into() }
        };
        Self { names: roots.iter().map(|root| (root.clone(), name(root))).collect() }
    }

    /// A site that one root uses belongs to that stack; one that several use, or a module's, to the folder it is in.
    pub fn of(&self, file: &RepoPath, uses: &[Use]) -> Arc<str> {
        let roots: BTreeSet<&RepoPath> = uses.iter().map(|user| &user.root).collect();
        match roots.first().filter(|_| roots.len() == 1).and_then(|root| self.names.get(*root)) {
            Some(name) => name.clone(),
            None => file
                .parent()
                .map(|dir| self.names.get(&dir).cloned().unwrap_or_else(|| dir.display().into()))
                .unwrap_or_else(|| "root".into()),
        }
    }
}
