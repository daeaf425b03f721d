//! Where the reading of a list ends that comes in pages: a server that never stops, or gives one
//! page for ever, is not asked for ever. Asks nobody, and knows no list.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Counts the pages of one list.
#[derive(Debug)]
pub(super) struct Paging {
    most: u32,
    asked: u32,
    /// What named or filled the pages so far, hashed.
    seen: HashSet<u64>,
}

/// Why no further page is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PagingEnd {
    #[error("it has more than {0} pages")]
    TooMany(u32),
    #[error("it gives the same page again")]
    Repeats,
}

impl Paging {
    /// At most so many pages are asked for.
    pub(super) fn new(most: u32) -> Self {
        Self {
            most,
            asked: 0,
            seen: HashSet::new(),
        }
    }

    /// Returns the number of the page to ask for next, from 1.
    ///
    /// # Errors
    /// There were as many pages as are read.
    pub(super) fn next_page(&mut self) -> Result<u32, PagingEnd> {
        if self.asked == self.most {
            return Err(PagingEnd::TooMany(self.most));
        }
        self.asked += 1;
        Ok(self.asked)
    }

    /// Notes what a page holds, or the token that names the next one.
    ///
    /// # Errors
    /// There was one like it before.
    pub(super) fn note(&mut self, mark: &impl Hash) -> Result<(), PagingEnd> {
        let mut hasher = DefaultHasher::new();
        mark.hash(&mut hasher);
        if self.seen.insert(hasher.finish()) {
            Ok(())
        } else {
            Err(PagingEnd::Repeats)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_ends_after_so_many_pages_or_with_a_page_that_was_there() {
        let mut paging = Paging::new(3);
        for page in 1..=3 {
            assert_eq!(paging.next_page(), Ok(page));
        }
        assert_eq!(paging.next_page(), Err(PagingEnd::TooMany(3)));
        let mut paging = Paging::new(9);
        for token in ["a", "b", "c"] {
            assert_eq!(paging.note(&token), Ok(()));
        }
        assert_eq!(
            paging.note(&"a"),
            Err(PagingEnd::Repeats),
            "not only the last"
        );
        assert_eq!(
            PagingEnd::TooMany(60).to_string(),
            "it has more than 60 pages"
        );
    }
}
