//! Which sites a record is about. A record names the site it was written for and that site's uses;
//! files, resources and locals get other names since. Reads names only.

use super::record::PinRecord;
use crate::model::reference::{Reference, Repository};
use crate::sites::{Scan, Site, SiteId};
use std::collections::HashMap;

/// The sites of a scan by all that names them.
pub struct Identities<'a> {
    sites: Vec<(&'a SiteId, Repository)>,
    by_id: HashMap<&'a str, usize>,
    /// By alias: `deployment/immich/server:app`.
    by_alias: HashMap<&'a str, Vec<usize>>,
    /// By the name that older records have, without the number behind it: the file and the first
    /// use.
    by_older_name: HashMap<String, Vec<usize>>,
}

impl<'a> Identities<'a> {
    pub fn new(scan: &'a Scan) -> Self {
        let mut all = Self {
            sites: Vec::new(),
            by_id: HashMap::new(),
            by_alias: HashMap::new(),
            by_older_name: HashMap::new(),
        };
        for (place, (literal, site)) in scan.sites().enumerate() {
            all.sites.push((&site.id, site.image.repository()));
            all.by_id.insert(site.id.as_str(), place);
            for alias in &site.aliases {
                all.by_alias.entry(alias).or_default().push(place);
            }
            let first = literal
                .uses
                .first()
                .map(ToString::to_string)
                .unwrap_or_default();
            all.by_older_name
                .entry(format!("{}#{first}", literal.file))
                .or_default()
                .push(place);
        }
        all
    }

    /// Returns the places, in the order of the scan's sites, of those that a record belongs to: the
    /// site with its id, else those that have one of its uses. The repository has to be the same.
    pub fn sites_of(&self, record: &PinRecord) -> Vec<usize> {
        match Reference::parse(&record.image) {
            Some(image) => self.sites_of_names(&record.site, &record.uses, &image.repository()),
            None => Vec::new(),
        }
    }

    pub fn sites_of_names(
        &self,
        site: &str,
        uses: &[String],
        repository: &Repository,
    ) -> Vec<usize> {
        let is_same = |place: &&usize| {
            self.sites
                .get(**place)
                .is_some_and(|(_, own)| own == repository)
        };
        if let Some(place) = self.by_id.get(site).filter(|place| is_same(place)) {
            return vec![*place];
        }
        if uses.is_empty() {
            return self.older(site, &is_same);
        }
        self.sites_sharing(uses, repository)
    }

    /// Returns the places of all sites of a repository that have one of these uses.
    pub fn sites_sharing(&self, uses: &[String], repository: &Repository) -> Vec<usize> {
        let is_same = |place: &&usize| {
            self.sites
                .get(**place)
                .is_some_and(|(_, own)| own == repository)
        };
        let mut places: Vec<usize> = uses
            .iter()
            .filter_map(|alias| self.by_alias.get(alias.as_str()))
            .flatten()
            .filter(is_same)
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Records of before sites had addresses: `main.tf#deployment/immich/server:app`, with `~2` for
    /// the second of that name in the file.
    fn older(&self, site: &str, is_same: &dyn Fn(&&usize) -> bool) -> Vec<usize> {
        let (name, number) = match site.rsplit_once('~') {
            Some((name, number)) if number.parse::<usize>().is_ok_and(|number| number > 1) => {
                (name, number.parse().unwrap_or(1))
            }
            _ => (site, 1),
        };
        if let Some(own) = self.by_older_name.get(name) {
            let exact = own.get(number - 1).filter(is_same);
            return exact.map_or_else(
                || own.iter().filter(is_same).copied().collect(),
                |place| vec![*place],
            );
        }
        let Some((file, alias)) = name.split_once('#') else {
            return Vec::new();
        };
        let alias = alias.replacen("/?/", "/default/", 1);
        let places: Vec<usize> = self
            .by_alias
            .get(alias.as_str())
            .into_iter()
            .flatten()
            .filter(is_same)
            .copied()
            .collect();
        let here: Vec<usize> = places
            .iter()
            .filter(|place| self.is_in(**place, file))
            .copied()
            .collect();
        if here.is_empty() { places } else { here }
    }

    fn is_in(&self, place: usize, file: &str) -> bool {
        self.sites.get(place).is_some_and(|(id, _)| {
            id.as_str()
                .split_once('#')
                .is_some_and(|(own, _)| own == file)
        })
    }
}

impl PinRecord {
    /// Says whether the record names a site by its id, one of its uses, or the name that older
    /// records have. Several sites may share a use: whether the record is another site's is for the
    /// caller to know.
    pub fn names(&self, site: &Site) -> bool {
        let is_own = |older: String| {
            self.site
                .strip_prefix(&*older)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('~'))
        };
        self.site == *site.id.0
            || site
                .aliases
                .iter()
                .any(|own| self.uses.iter().any(|alias| **own == **alias))
            || (self.uses.is_empty() && site.older_names().any(is_own))
    }
}
