//! Stacks: the directories that are applied as a unit. Identified by their path; a short name is
//! for people, and never decides by itself.

use crate::model::pattern::StackPattern;
use crate::terraform::files::RepoPath;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A directory that is applied as a unit, by its path from the top of the repo.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StackId(pub RepoPath);

impl fmt::Display for StackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.display())
    }
}

/// All stacks of a repo.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stacks {
    /// Each with its short name: its last folder, with as many folders before it as it takes to
    /// tell it from the others.
    names: BTreeMap<StackId, Arc<str>>,
}

/// What a pattern of the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StackMatch {
    /// These, or none.
    Stacks(BTreeSet<StackId>),
    /// A short name that several stacks could be meant by: at least two.
    Ambiguous(BTreeSet<StackId>),
}

impl Stacks {
    pub fn new(roots: impl IntoIterator<Item = RepoPath>) -> Self {
        let ids: BTreeSet<StackId> = roots.into_iter().map(StackId).collect();
        Self {
            names: ids
                .iter()
                .map(|id| (id.clone(), short_name(id, &ids)))
                .collect(),
        }
    }

    /// Returns all stacks, sorted by path.
    pub fn ids(&self) -> impl Iterator<Item = &StackId> {
        self.names.keys()
    }

    /// Returns the short name of a stack; its path where it is none of the repo's.
    pub fn name(&self, id: &StackId) -> Arc<str> {
        self.names
            .get(id)
            .cloned()
            .unwrap_or_else(|| id.to_string().into())
    }

    /// Returns the stacks that a pattern names: by path, by a glob over paths (or, without a `/`,
    /// over last folders), else by a short name.
    pub fn matching(&self, pattern: &StackPattern) -> StackMatch {
        let of = |is: &dyn Fn(&StackId) -> bool| {
            self.ids()
                .filter(|id| is(id))
                .cloned()
                .collect::<BTreeSet<_>>()
        };
        let exact = of(&|id| pattern.is_path(id.0.as_str()));
        if !exact.is_empty() || pattern.is_glob() {
            return StackMatch::Stacks(of(&|id| pattern.matches_path(id.0.as_str())));
        }
        let named = of(&|id| pattern.is_tail(id.0.as_str()));
        if named.len() > 1 {
            StackMatch::Ambiguous(named)
        } else {
            StackMatch::Stacks(named)
        }
    }

    /// Returns what a site's changes are named after: its only stack, else the folder of its file.
    pub(super) fn display_name(&self, file: &RepoPath, stacks: &BTreeSet<StackId>) -> Arc<str> {
        match stacks
            .first()
            .filter(|first| stacks.len() == 1 && self.names.contains_key(*first))
        {
            Some(only) => self.name(only),
            None => file
                .parent()
                .map_or_else(|| "root".into(), |folder| self.name(&StackId(folder))),
        }
    }
}

impl StackMatch {
    pub fn ids(&self) -> &BTreeSet<StackId> {
        match self {
            Self::Stacks(ids) | Self::Ambiguous(ids) => ids,
        }
    }
}

/// Folders that do not tell what is run there: the folder before is named too.
const SAYS_NOTHING: [&str; 9] = [
    "terraform",
    "tofu",
    "tf",
    "infra",
    "infrastructure",
    "live",
    "main",
    "root",
    "deploy",
];

fn short_name(id: &StackId, all: &BTreeSet<StackId>) -> Arc<str> {
    let parts: Vec<&str> = id.0.as_str().split('/').collect();
    let tail = |count: usize| parts[parts.len() - count..].join("/");
    let is_unique = |count: &usize| {
        all.iter()
            .filter(|other| is_tail(&tail(*count), other.0.as_str()))
            .count()
            <= 1
    };
    let says_nothing = |part: &&&str| SAYS_NOTHING.contains(*part);
    let least = 1 + parts.iter().rev().take_while(says_nothing).count();
    let mut counts = least.min(parts.len())..=parts.len();
    let name = tail(counts.find(is_unique).unwrap_or(parts.len()));
    if name.is_empty() {
        "root".into()
    } else {
        name.into()
    }
}

fn is_tail(tail: &str, path: &str) -> bool {
    path.strip_suffix(tail)
        .is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks(paths: &[&str]) -> Stacks {
        Stacks::new(paths.iter().map(|path| RepoPath::new(path).expect(path)))
    }

    fn matched(stacks: &Stacks, pattern: &str) -> (bool, Vec<String>) {
        let found = stacks.matching(&StackPattern::new(pattern).expect(pattern));
        (
            matches!(found, StackMatch::Ambiguous(_)),
            found.ids().iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn a_short_name_takes_as_many_folders_as_it_needs() {
        let all = stacks(&["stacks/vault", "lab/vault", "stacks/immich", ""]);
        let names: Vec<_> = all.ids().map(|id| all.name(id).to_string()).collect();
        assert_eq!(names, ["root", "lab/vault", "immich", "stacks/vault"]);
    }

    #[test]
    fn a_folder_that_says_nothing_is_named_with_the_one_before() {
        let all = stacks(&[
            "apps/web/terraform",
            "db/live",
            "shop/infra/tf",
            "live",
            "x/web",
        ]);
        let names: Vec<_> = all.ids().map(|id| all.name(id).to_string()).collect();
        assert_eq!(
            names,
            ["web/terraform", "db/live", "live", "shop/infra/tf", "web"]
        );
        let (ambiguous, found) = matched(&all, "web/terraform");
        assert_eq!(
            (ambiguous, found),
            (false, vec!["apps/web/terraform".to_owned()])
        );
    }

    #[test]
    fn a_pattern_is_a_path_a_glob_or_a_name_of_one() {
        let all = stacks(&[
            "stacks/vault",
            "lab/vault",
            "stacks/immich",
            "vaults",
            "deep/er/lab/vault",
        ]);
        let one = |path: &str| (false, vec![path.to_owned()]);
        assert_eq!(matched(&all, "stacks/vault"), one("stacks/vault"));
        assert_eq!(matched(&all, "immich"), one("stacks/immich"));
        assert_eq!(matched(&all, "nothing"), (false, Vec::new()));
        assert!(matched(&all, "vault").0);
        assert_eq!(
            matched(&all, "vault").1,
            ["deep/er/lab/vault", "lab/vault", "stacks/vault"]
        );
        assert_eq!(
            matched(&all, "lab/vault"),
            one("lab/vault"),
            "a whole path is never ambiguous"
        );
        assert_eq!(
            matched(&all, "stacks/*").1,
            ["stacks/immich", "stacks/vault"]
        );
        assert_eq!(
            matched(&all, "vault*").1,
            ["deep/er/lab/vault", "lab/vault", "stacks/vault", "vaults"]
        );
        assert_eq!(
            matched(&all, "**/vault").1,
            ["deep/er/lab/vault", "lab/vault", "stacks/vault"]
        );
    }

    #[test]
    fn the_top_of_the_repo_is_named_by_a_dot_or_root() {
        let all = stacks(&["", "stacks/a"]);
        assert_eq!(
            (matched(&all, "."), matched(&all, "root")),
            ((false, vec![".".to_owned()]), (false, vec![".".to_owned()]))
        );
    }
}
