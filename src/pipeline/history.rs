//! What pintle wrote so far, in an order and with a table of the sites, so that a question about one site does not look at the others' records.

use super::Recorded;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

/// All records, newest first. A clone shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History(Arc<Records>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Records {
    all: Vec<Recorded>,
    /// Where each site's records are in `all`, by the site's key as text.
    places: BTreeMap<String, Vec<usize>>,
}

impl History {
    /// Returns what was written at a site, newest first, whatever the image was.
    pub fn at(&self, site: &str) -> impl Iterator<Item = &Recorded> {
        self.0.places.get(site).into_iter().flatten().filter_map(|place| self.0.all.get(*place))
    }
}

impl Deref for History {
    type Target = [Recorded];

    fn deref(&self) -> &[Recorded] {
        &self.0.all
    }
}

impl From<Vec<Recorded>> for History {
    /// `all` is newest first.
    fn from(all: Vec<Recorded>) -> Self {
        let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (place, record) in all.iter().enumerate() {
            match places.get_mut(&record.pin.site) {
                Some(known) => known.push(place),
                None => drop(places.insert(record.pin.site.clone(), vec![place])),
            }
        }
        History(Arc::new(Records { all, places }))
    }
}

impl FromIterator<Recorded> for History {
    fn from_iter<I: IntoIterator<Item = Recorded>>(records: I) -> Self {
        Vec::from_iter(records).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::commit::CommitId;
    use crate::pipeline::{Action, Cause, PinRecord};

    fn record(site: &str, digit: char) -> Recorded {
        let commit = CommitId::parse(&digit.to_string().repeat(40)).unwrap();
        let pin = PinRecord {
            action: Action::Hold,
            site: site.into(),
            image: "docker.io/library/nginx:1".into(),
            from: None,
            to: None,
            cause: Cause::Command,
            evidence: None,
            asked: None,
        };
        Recorded { landed: commit.clone(), commit, at: jiff::Timestamp::UNIX_EPOCH, author: "a".into(), subject: "s".into(), pin }
    }

    #[test]
    fn a_site_s_records_are_found_newest_first() {
        let all = vec![record("a", '5'), record("b", '4'), record("a", '3'), record("ab", '2'), record("a", '1')];
        let history = History::from(all.clone());
        assert_eq!(history.at("a").collect::<Vec<_>>(), [&all[0], &all[2], &all[4]]);
        assert_eq!(history.at("ab").collect::<Vec<_>>(), [&all[3]]);
        assert_eq!(history.at("c").count(), 0);
        assert_eq!(*history, *all);
        assert_eq!(history, all.into_iter().collect());
    }
}
