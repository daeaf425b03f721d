//! When the digest that a site declares was written, by whom, and what stood there before: as pintle's own record says, else as the commit tells that
//! brought it to the followed branch. Says which pins have to be looked up there; decides nothing.

use super::hold::retag;
use super::judged::Judged;
use super::live::{self, has};
use super::owner::{Hand, hand};
use super::past::{bad, past, pinned, previous};
use super::select::Select;
use crate::model::digest::Digest;
use crate::model::reference::Reference;
use crate::pipeline::cluster::{Container, Revision, Workload};
use crate::pipeline::{Action, Brought, Cause, CommitId, Recorded, Seen, Snapshot};
use crate::sites::{Literal, Site};
use crate::terraform::files::RepoPath;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What wrote a pin.
#[derive(Clone, Copy)]
pub(super) enum Pen<'a> {
    /// pintle, and recorded it.
    Own(&'a Recorded),
    /// Somebody else, in this commit.
    Other(&'a Brought),
}

impl<'a> Pen<'a> {
    pub fn commit(self) -> &'a CommitId {
        match self {
            Self::Own(record) => &record.commit,
            Self::Other(brought) => &brought.commit,
        }
    }

    pub fn at(self) -> Timestamp {
        match self {
            Self::Own(record) => record.at,
            Self::Other(brought) => brought.at,
        }
    }

    /// The digest that stood there before, as far as it is known.
    pub fn before(self) -> Option<&'a Digest> {
        match self {
            Self::Own(record) => record.pin.from.as_ref(),
            Self::Other(brought) => brought.before.as_ref(),
        }
    }
}

/// Returns what wrote the digest that a site declares; `NotAsked` where nobody has to know.
pub(super) fn pen<'a>(snapshot: &'a Snapshot, site: &Judged) -> Seen<Pen<'a>> {
    let (Some(digest), Seen::Known(history)) = (&site.decision.from, &snapshot.history) else { return Seen::NotAsked };
    let record = pinned(&past(history, site.site, &site.terms.image), digest);
    match (record, seen(snapshot, site.literal, digest)) {
        // It was taken out and is there again; what pintle wrote since at another place of the file says nothing of that.
        (Some(record), Seen::Known(brought)) if brought.at > record.at && !history.iter().any(|own| own.landed == brought.commit) => {
            Seen::Known(Pen::Other(brought))
        }
        (Some(record), _) => Seen::Known(Pen::Own(record)),
        (None, Seen::Known(brought)) => Seen::Known(Pen::Other(brought)),
        (None, Seen::Unknown(why)) => Seen::Unknown(why),
        (None, Seen::NotAsked) => Seen::NotAsked,
    }
}

/// Returns when the commit was made that brought a digest into a literal's file, where that was looked up.
pub(super) fn seen<'a>(snapshot: &'a Snapshot, literal: &Literal, digest: &Digest) -> Seen<&'a Brought> {
    match snapshot.brought.get(&(literal.file.clone(), digest.clone())) {
        Some(Seen::Known(brought)) => Seen::Known(brought),
        Some(Seen::Unknown(why)) => Seen::Unknown(why.clone()),
        Some(Seen::NotAsked) | None => Seen::NotAsked,
    }
}

/// Returns the digest that a site had before what it declares now, and that was not rolled back there: the last that is known to have run, else the
/// last that was pinned.
pub(super) fn stood(snapshot: &Snapshot, site: &Judged) -> Option<Digest> {
    let past = past(snapshot.history.known()?, site.site, &site.terms.image);
    match pen(snapshot, site) {
        Seen::Known(Pen::Other(brought)) => brought.before.clone().filter(|before| !bad(&past).contains(before)),
        _ => {
            let known = previous(&past, site.decision.from.as_ref()?);
            known.iter().find(|digest| ran(snapshot, site, digest)).or(known.first()).map(|digest| Digest::clone(digest))
        }
    }
}

/// Says whether a kept revision of one of the site's workloads has the digest: a pin may never have been applied.
fn ran(snapshot: &Snapshot, site: &Judged, digest: &Digest) -> bool {
    !kept(snapshot, site, digest).is_empty()
}

/// The images with the digest that kept revisions of the site's workloads have.
fn kept(snapshot: &Snapshot, site: &Judged, digest: &Digest) -> Vec<Reference> {
    let uses = live::uses(snapshot, site.literal).unwrap_or_default();
    let here = uses.iter().filter_map(|live| Some((live.workload()?, live.container()?)));
    let images =
        here.flat_map(|(workload, container)| workload.revisions.iter().filter_map(|revision| revision.images.get(&container.name)));
    images.filter(|image| has(snapshot, image, &site.site.image, digest)).filter_map(|image| Reference::parse(image)).collect()
}

/// Returns the tag that an earlier digest of a site had, where it is another than the declared one and can be written there: as it was recorded, else
/// as a kept revision has it.
pub(super) fn tag_of(snapshot: &Snapshot, site: &Judged, digest: &Digest) -> Option<Arc<str>> {
    let own = snapshot.history.known()?.at(&site.site.key.0).filter(|record| record.pin.to.as_ref() == Some(digest));
    let recorded = own.filter_map(|record| Reference::parse(&record.pin.image));
    let images = recorded.filter(|image| image.name == site.site.image.name).chain(kept(snapshot, site, digest));
    let tags: Vec<Arc<str>> = images.filter_map(|image| image.tag).collect();
    let declared = &site.terms.channel.as_ref()?.tag;
    let other = if tags.contains(declared) { None } else { tags.into_iter().next() };
    other.filter(|tag| retag(site.literal, site.site, tag, digest).is_ok())
}

/// Says whether a pin is a step forward: not the first at what ran, not what was taken over from the cluster, and no way back, whoever went it. Of
/// somebody else's pin the cluster has to tell the rest ([`went_live`]).
pub(super) fn moved(snapshot: &Snapshot, site: &Judged, pen: Pen) -> bool {
    match pen {
        Pen::Own(record) => matches!(record.pin.action, Action::Move | Action::Pin | Action::Unpin) && record.pin.cause != Cause::Drift,
        Pen::Other(_) => {
            let past = snapshot.history.known().map(|history| past(history, site.site, &site.terms.image)).unwrap_or_default();
            past.iter().all(|record| record.pin.to != site.decision.from && record.pin.from != site.decision.from)
        }
    }
}

/// Returns when somebody else's pin went live in a container that has it; `None` where it ran there before it was written.
pub(super) fn went_live(brought: &Brought, workload: &Workload, container: &Container) -> Option<Timestamp> {
    let has = |revision: &&Revision| revision.images.get(&container.name) == Some(&container.image);
    let run: Vec<&Revision> = workload.revisions.iter().take_while(has).collect();
    let first = run.last()?.created.filter(|first| *first >= brought.at)?;
    let since = live::since(workload, container)?;
    // Another setting makes one more revision, which starts no new window.
    (since == first || run.len() == 1).then_some(since)
}

/// Returns the pins whose commits have to be looked up: what a workload left, and what it got just now without a record of pintle's.
pub(super) fn undated(snapshot: &Snapshot) -> BTreeSet<(RepoPath, Digest)> {
    let (Seen::Known(_), Seen::Known(history)) = (&snapshot.cluster, &snapshot.history) else { return BTreeSet::new() };
    let select = Select::new(&snapshot.scan, &snapshot.config, super::usual(snapshot));
    let (mut wanted, mut groups) = (BTreeSet::new(), BTreeSet::<Arc<str>>::new());
    let mut all = Vec::new();
    for (literal, site) in snapshot.scan.sites() {
        let Some(digest) = &site.image.digest else { continue };
        let key = (literal.file.clone(), digest.clone());
        let uses = live::uses(snapshot, literal).unwrap_or_default();
        let (with, without): (Vec<_>, Vec<_>) =
            live::tracked(&uses).partition(|(_, container)| has(snapshot, &container.image, &site.image, digest));
        if without.iter().any(|(workload, container)| left(snapshot, site, digest, (workload, container))) {
            wanted.insert(key.clone());
        }
        // A site's terms and its past are looked at only where it has the pin.
        if with.is_empty() {
            continue;
        }
        let terms = select.terms(literal, site);
        let fresh = with.iter().any(|(workload, container)| is_fresh(snapshot.at, terms.watch.value, (workload, container)));
        let alone = (fresh || terms.group.is_some()) && pinned(&past(history, site, &terms.image), digest).is_none();
        if fresh && alone {
            groups.extend(terms.group.clone());
            wanted.insert(key.clone());
        }
        all.extend(terms.group.filter(|_| alone).map(|group| (group, key)));
    }
    wanted.extend(all.into_iter().filter(|(group, _)| groups.contains(group)).map(|(_, key)| key));
    wanted
}

/// The workload may have left the pin: it has something else, and a revision with the pin is older; or somebody set what it has.
fn left(snapshot: &Snapshot, site: &Site, digest: &Digest, (workload, container): (&Workload, &Container)) -> bool {
    let ours = |image: &Arc<str>| has(snapshot, image, &site.image, digest);
    let had = workload.revisions.iter().skip(1).any(|revision| revision.images.get(&container.name).is_some_and(ours));
    had || container.writers.first().is_some_and(|writer| hand(snapshot, writer) == Hand::Person)
}

fn is_fresh(now: Timestamp, window: SignedDuration, (workload, container): (&Workload, &Container)) -> bool {
    let end = live::since(workload, container).and_then(|since| since.checked_add(window).ok());
    !window.is_zero() && end.is_some_and(|end| now <= end)
}
