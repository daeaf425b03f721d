//! The contents of the branch's tip, kept from pass to pass: a commit never changes, so a branch
//! that did not move is not read again.

use crate::config::Config;
use crate::model::commit::CommitId;
use crate::pipeline::history::History;
use crate::sites::Scan;
use crate::terraform::files::Files;
use std::sync::{Arc, Mutex, PoisonError};

/// The followed branch's tip, and the default branch's where the configuration there names another
/// to follow.
const TIPS: usize = 2;

/// The contents of a commit.
#[derive(Clone)]
pub struct TipContents {
    pub files: Arc<Files>,
    pub scan: Arc<Scan>,
    pub config: Arc<Config>,
    /// The pins that pintle recorded up to the commit, newest first.
    pub history: History,
}

/// The commits that were read last, the latest first.
#[derive(Default)]
pub struct TipCache(Mutex<Vec<(CommitId, TipContents)>>);

impl TipCache {
    /// Returns the contents of the commit, and reads them if they are not kept.
    pub fn get_or_read<E>(
        &self,
        commit: &CommitId,
        read: impl FnOnce() -> Result<TipContents, E>,
    ) -> Result<TipContents, E> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = kept.iter().position(|(known, _)| known == commit);
        // Dropped before another tree is read, so that the two are not in memory together.
        let known = place.map(|place| kept.remove(place).1);
        kept.truncate(TIPS - 1);
        let said = known.map_or_else(read, Ok)?;
        kept.insert(0, (commit.clone(), said.clone()));
        Ok(said)
    }

    /// The commits that are kept.
    pub fn commits(&self) -> Vec<CommitId> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(commit, _)| commit.clone())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        CommitId::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn said() -> TipContents {
        TipContents {
            files: Arc::default(),
            scan: Arc::default(),
            config: Arc::default(),
            history: History::default(),
        }
    }

    /// Says which of the commits were read.
    fn reads(kept: &TipCache, commits: &str) -> String {
        let mut read = String::new();
        for one in commits.chars() {
            kept.get_or_read(&commit(one), || {
                Ok::<_, ()>({
                    read.push(one);
                    said()
                })
            })
            .unwrap();
        }
        read
    }

    #[test]
    fn a_commit_is_read_once_while_it_is_one_of_the_two_read_last() {
        let kept = TipCache::default();
        assert_eq!(reads(&kept, "aabab"), "ab");
        assert_eq!(reads(&kept, "cbc"), "c");
        assert_eq!(reads(&kept, "a"), "a", "it made room for c");
    }

    #[test]
    fn a_commit_that_could_not_be_read_is_not_kept() {
        let kept = TipCache::default();
        assert_eq!(
            kept.get_or_read(&commit('a'), || Err("broken")).err(),
            Some("broken")
        );
        assert!(kept.commits().is_empty());
        assert_eq!(reads(&kept, "a"), "a");
    }
}
