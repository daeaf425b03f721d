//! What was recorded at each site, and what that forbids: a digest that was rolled back, a tag that
//! returned to an older digest. Reads the history only.

use super::site_plan::SitePlan;
use crate::config::site_settings::SiteSettings;
use crate::model::digest::Digest;
use crate::model::reference::{Channel, Reference, Repository, Tag};
use crate::pipeline::identity::Identities;
use crate::pipeline::{Action, Cause, Reason, Recorded, Snapshot};
use crate::sites::Site;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The records of every site of a scan, and the digests that were rolled back anywhere.
pub(super) struct SiteHistories<'a> {
    /// In the order of the scan's sites; each newest first.
    sites: Vec<Vec<&'a Recorded>>,
    /// Rollbacks by repository, newest first.
    rollbacks: BTreeMap<Repository, Vec<Rejection<'a>>>,
}

/// Image, site and uses that a record names.
type RecordNames<'a> = (&'a str, &'a str, &'a [String]);

/// A digest that was rolled back.
struct Rejection<'a> {
    record: &'a Recorded,
    /// The places of the sites that it was written for or that share a use with them: it is never
    /// written there again.
    sites: Vec<usize>,
    /// Somebody pinned the digest on purpose since: other sites need no person for it.
    is_lifted: bool,
}

impl<'a> SiteHistories<'a> {
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut sites: Vec<Vec<&'a Recorded>> = vec![Vec::new(); snapshot.scan.sites().count()];
        let mut rollbacks: BTreeMap<Repository, Vec<Rejection<'a>>> = BTreeMap::new();
        let Some(history) = snapshot.history.known() else {
            return Self { sites, rollbacks };
        };
        let identities = Identities::new(&snapshot.scan);
        let mut wanted: BTreeSet<(Repository, &Digest)> = BTreeSet::new();
        // Most records of a site have the same names: each set of names is looked up once.
        let mut looked_up: HashMap<RecordNames, Option<(Repository, Vec<usize>)>> = HashMap::new();
        for record in history.iter() {
            let names = (&*record.pin.image, &*record.pin.site, &*record.pin.uses);
            let found = looked_up.entry(names).or_insert_with(|| {
                let repository = Reference::parse(&record.pin.image)?.repository();
                let own =
                    identities.sites_of_names(&record.pin.site, &record.pin.uses, &repository);
                Some((repository, own))
            });
            let Some((repository, own)) = found.clone() else {
                continue;
            };
            own.iter().for_each(|place| sites[*place].push(record));
            match (record.pin.action, &record.pin.from, &record.pin.to) {
                (Action::Pin, _, Some(to)) => {
                    wanted.insert((repository, to));
                }
                (Action::Rollback, Some(from), _) if record.pin.cause.rejects() => {
                    let sharing = identities.sites_sharing(&record.pin.uses, &repository);
                    let is_lifted = wanted.contains(&(repository.clone(), from));
                    let rejection = Rejection {
                        record,
                        sites: own.into_iter().chain(sharing).collect(),
                        is_lifted,
                    };
                    rollbacks.entry(repository).or_default().push(rejection);
                }
                _ => {}
            }
        }
        Self { sites, rollbacks }
    }

    /// Returns the records of the site at a place of the scan, newest first, whatever its image
    /// was.
    pub fn of(&self, place: usize) -> Vec<&'a Recorded> {
        self.sites.get(place).cloned().unwrap_or_default()
    }

    /// Returns the rollbacks of the site's repository: those that forbid a digest at the site, and
    /// those at other sites.
    pub fn rollbacks(&self, place: usize, site: &Site) -> (Vec<&'a Recorded>, Vec<&'a Recorded>) {
        let all = self
            .rollbacks
            .get(&site.image.repository())
            .into_iter()
            .flatten();
        let (here, elsewhere): (Vec<&Rejection>, Vec<&Rejection>) =
            all.partition(|one| one.sites.contains(&place));
        let elsewhere = elsewhere.into_iter().filter(|one| !one.is_lifted);
        (
            here.into_iter().map(|one| one.record).collect(),
            elsewhere.map(|one| one.record).collect(),
        )
    }

    /// Says whether a record is about the channel that the site declares, however it is spelled.
    pub fn is_of_channel(&self, record: &Recorded, settings: &SiteSettings) -> bool {
        record.pin.image == settings.image
            || is_same_channel(&record.pin.image, settings.channel.as_ref())
    }
}

/// `nginx:stable` is `docker.io/library/nginx:stable`.
fn is_same_channel(image: &str, channel: Option<&Channel>) -> bool {
    channel.is_some_and(|channel| {
        Reference::parse(image)
            .and_then(|image| image.channel())
            .as_ref()
            == Some(channel)
    })
}

/// Returns when the pin changed last.
pub(super) fn last_change(history: &[&Recorded]) -> Option<Timestamp> {
    history
        .iter()
        .find(|record| record.pin.from != record.pin.to)
        .map(|record| record.at)
}

/// Returns the record that made a digest the pin: the last change, where it is pintle's.
pub(super) fn find_pin_record<'a>(
    history: &[&'a Recorded],
    digest: &Digest,
) -> Option<&'a Recorded> {
    let last = history
        .iter()
        .find(|record| record.pin.from != record.pin.to)?;
    (last.pin.to.as_ref() == Some(digest)).then_some(*last)
}

/// Returns the digests that were rolled back and that nobody pinned on purpose since.
pub(super) fn rejected_digests<'a>(history: &[&'a Recorded]) -> BTreeSet<&'a Digest> {
    let mut rejected = BTreeSet::new();
    for record in history.iter().rev() {
        match (record.pin.action, &record.pin.from, &record.pin.to) {
            (Action::Rollback, ..) => {
                rejected.extend(rejected_by(history, record));
            }
            (Action::Pin, _, Some(to)) => {
                rejected.remove(to);
            }
            _ => {}
        }
    }
    rejected
}

/// Returns the digests that were pinned before `now` and were not rolled back, the newest first.
pub(super) fn previous_pins<'a>(history: &[&'a Recorded], now: &Digest) -> Vec<&'a Digest> {
    let rejected = rejected_digests(history);
    let all = history
        .iter()
        .flat_map(|record| [&record.pin.to, &record.pin.from])
        .flatten();
    all.filter(|digest| *digest != now && !rejected.contains(digest))
        .collect()
}

/// Returns the digests that are never proposed again because of a rollback, of the records of its
/// site, newest first: what it replaced, unless that never ran. An undo may have passed over pins
/// that were not applied yet: it rejects all that were pinned since what it returned to.
fn rejected_by<'a>(records: &[&'a Recorded], rollback: &'a Recorded) -> Vec<&'a Digest> {
    if !rollback.pin.cause.rejects() {
        return Vec::new();
    }
    let mut rejected: Vec<&Digest> = rollback.pin.from.iter().collect();
    if rollback.pin.cause != Cause::Undo {
        return rejected;
    }
    let (is_to, place) = (
        |digest: &Option<Digest>| *digest == rollback.pin.to,
        records.iter().position(|one| std::ptr::eq(*one, rollback)),
    );
    let older = place.map_or(&[][..], |place| &records[place + 1..]);
    // What it returned to has to be known, or nobody can say what came after it.
    let Some(first) = older
        .iter()
        .position(|one| is_to(&one.pin.to) || is_to(&one.pin.from))
    else {
        return rejected;
    };
    let since = older[..=first].iter().filter(|one| !is_to(&one.pin.to));
    rejected.extend(since.filter_map(|one| one.pin.to.as_ref()));
    rejected
}

/// Returns the rollback that forbids a digest at a site for good.
pub(super) fn find_rollback<'a>(site: &SitePlan<'a>, digest: &Digest) -> Option<&'a Recorded> {
    site.rollbacks_here
        .iter()
        .copied()
        .find(|record| rejected_by(&site.records, record).contains(&digest))
}

/// Returns the tags that a policy does not choose at a site: those that were rolled back there, and
/// the one that somebody took back by hand, unless somebody pinned one on purpose since.
pub(super) fn rejected_tags(site: &SitePlan) -> BTreeSet<Tag> {
    let tag_of = |record: &Recorded| Reference::parse(&record.pin.image)?.effective_tag();
    let mut rejected = BTreeSet::new();
    let shared = site.rollbacks_here.iter();
    let shared = shared.filter(|one| !site.records.iter().any(|own| std::ptr::eq(*own, **one)));
    rejected.extend(shared.filter_map(|one| one.pin.from_tag.clone()));
    for record in site.records.iter().rev() {
        match record.pin.action {
            Action::Rollback => {
                let digests = rejected_by(&site.records, record);
                let passed = site.records.iter().filter(|one| {
                    let is_rejected = |to| digests.contains(&to);
                    one.at <= record.at && one.pin.to.as_ref().is_some_and(is_rejected)
                });
                let from = record.pin.from_tag.clone();
                let from = from.filter(|_| record.pin.cause.rejects());
                rejected.extend(from.into_iter().chain(passed.filter_map(|one| tag_of(one))));
            }
            Action::Pin => {
                if let Some(tag) = tag_of(record) {
                    rejected.remove(&tag);
                }
            }
            _ => {}
        }
    }
    let newest = site.records.iter().find(|record| {
        is_followed(record) || matches!(record.pin.action, Action::Pin | Action::Rollback)
    });
    rejected.extend(
        newest
            .filter(|record| record.pin.action == Action::Bump)
            .and_then(|record| tag_of(record)),
    );
    if let Some(declared) = site.site.image.effective_tag() {
        rejected.remove(&declared);
    }
    rejected
}

/// Returns why a digest may not be pinned again by itself: it was rolled back here, or somebody
/// removed it by hand.
pub(super) fn find_rejection(site: &SitePlan, digest: &Digest) -> Option<Reason> {
    if let Some(record) = find_rollback(site, digest) {
        let commit = record.commit.short().into();
        return Some(Reason::RolledBack {
            digest: digest.clone(),
            at: record.at,
            commit,
        });
    }
    let newest = site.history.iter().find(|record| is_followed(record))?;
    if newest.pin.to.as_ref() != Some(digest) {
        return None;
    }
    // A command explains that the file has another digest.
    let by_command = site
        .history
        .iter()
        .take_while(|record| !is_followed(record))
        .any(|record| {
            matches!(
                record.pin.action,
                Action::Pin | Action::Unpin | Action::Rollback
            )
        });
    (!by_command).then(|| Reason::TakenBack {
        digest: digest.clone(),
        at: newest.at,
        commit: newest.commit.short().into(),
    })
}

/// Returns why only a person may pin a digest: upstream returned to one that was pinned here before
/// the newest, or it was rolled back at another site.
pub(super) fn find_caution(site: &SitePlan, digest: &Digest) -> Option<Reason> {
    let is = |other: &Option<Digest>| other.as_ref() == Some(digest);
    let mut followed = site.history.iter().filter(|record| is_followed(record));
    let newest = followed.clone().next();
    let is_new = newest.is_none_or(|newest| is(&newest.pin.to));
    if let Some(record) = followed
        .find(|record| is(&record.pin.to) || is(&record.pin.from))
        .filter(|_| !is_new)
    {
        let (image, commit) = (site.settings.image.clone(), record.commit.short().into());
        return Some(Reason::UpstreamReverted {
            image,
            digest: digest.clone(),
            commit,
        });
    }
    let record = site
        .rollbacks_elsewhere
        .iter()
        .find(|record| is(&record.pin.from))?;
    let (other, commit) = (
        record.pin.site.as_str().into(),
        record.commit.short().into(),
    );
    Some(Reason::RolledBackElsewhere {
        digest: digest.clone(),
        site: other,
        at: record.at,
        commit,
    })
}

fn is_followed(record: &Recorded) -> bool {
    record.pin.action == Action::Adopt || record.pin.action.is_forward()
}
