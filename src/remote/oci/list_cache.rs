//! Pages of lists of tags as they were read last, so that a registry that gives entity tags sends
//! only what has changed. Asks nobody.

use crate::model::reference::Repository;
use reqwest::header::HeaderValue;
use std::collections::HashMap;
use std::sync::Arc;

/// The lists that were read last.
#[derive(Default)]
pub(super) struct ReadLists {
    lists: HashMap<Repository, ReadList>,
}

struct ReadList {
    /// The name of the filter: what was kept for one does not serve another.
    filter: String,
    pages: Vec<ReadPage>,
}

#[derive(Clone)]
pub(super) struct ReadPage {
    /// What was asked: `list?n=1000`.
    pub question: String,
    /// `None` where the registry gives none.
    pub etag: Option<HeaderValue>,
    /// Those that the filter keeps.
    pub tags: Vec<Arc<str>>,
    /// How many there are with the others.
    pub listed: usize,
    /// The question for the next page.
    pub next: Option<String>,
}

impl ReadLists {
    /// Returns the pages that were read with this filter; none where it was another.
    pub(super) fn find(&self, repository: &Repository, filter: &str) -> Vec<ReadPage> {
        let read = self.lists.get(repository);
        read.filter(|read| read.filter == filter)
            .map_or_else(Vec::new, |read| read.pages.clone())
    }

    /// Keeps the pages of a list, if a page has an entity tag to ask with.
    pub(super) fn keep(&mut self, repository: &Repository, filter: &str, pages: Vec<ReadPage>) {
        if pages.iter().any(|page| page.etag.is_some()) {
            let read = ReadList {
                filter: filter.to_owned(),
                pages,
            };
            self.lists.insert(repository.clone(), read);
        }
    }
}
