//! What pintle wrote so far, newest first. A clone shares the records.

use super::record::Recorded;
use std::ops::Deref;
use std::sync::Arc;

/// All records, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Arc<Vec<Recorded>>);

impl Deref for History {
    type Target = [Recorded];

    fn deref(&self) -> &[Recorded] {
        &self.0
    }
}

impl From<Vec<Recorded>> for History {
    /// `all` is newest first.
    fn from(all: Vec<Recorded>) -> Self {
        Self(Arc::new(all))
    }
}

impl FromIterator<Recorded> for History {
    fn from_iter<I: IntoIterator<Item = Recorded>>(records: I) -> Self {
        Vec::from_iter(records).into()
    }
}
