//! When the digest that a site declares was written, by whom, and what was pinned before: as
//! pintle's own record says, else as the commit shows that brought it to the followed branch. Says
//! which pins have to be looked up there; decides nothing.

use super::delivery::usual_mode;
use super::hold::retag;
use super::live::{self, has};
use super::ownership::{WriterKind, classify_writer};
use super::pin::PinOrigin;
use super::site_history::{SiteHistories, find_pin_record, previous_pins, rejected_digests};
use super::site_plan::SitePlan;
use crate::config::site_settings::{Resolver, SiteSettings};
use crate::model::digest::Digest;
use crate::model::reference::{Reference, Tag};
use crate::pipeline::cluster::{Container, Revision, Workload};
use crate::pipeline::{Action, Blame, Cause, Recorded, Seen, Snapshot};
use crate::sites::{Literal, Site};
use crate::terraform::files::RepoPath;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Returns what wrote the digest that a site declares; `NotAsked` where nobody has to know.
pub(super) fn find_pin_origin<'a>(
    snapshot: &'a Snapshot,
    site: &SitePlan<'a>,
) -> Seen<PinOrigin<'a>> {
    let (Some(digest), Seen::Known(history)) = (&site.pinned, &snapshot.history) else {
        return Seen::NotAsked;
    };
    match (
        find_pin_record(&site.history, digest),
        find_blame(snapshot, site.literal, digest),
    ) {
        // It was taken out and is there again; what pintle wrote since at another place of the file
        // says nothing of that.
        (Some(record), Seen::Known(blame))
            if blame.at > record.at && !history.iter().any(|own| own.landed == blame.commit) =>
        {
            Seen::Known(PinOrigin::Foreign(blame))
        }
        (Some(record), _) => Seen::Known(PinOrigin::Recorded(record)),
        (None, Seen::Known(blame)) => Seen::Known(PinOrigin::Foreign(blame)),
        (None, Seen::Unknown(why)) => Seen::Unknown(why),
        (None, Seen::NotAsked) => Seen::NotAsked,
    }
}

/// Returns when the commit was made that blame a digest into a literal's file, where that was
/// looked up.
pub(super) fn find_blame<'a>(
    snapshot: &'a Snapshot,
    literal: &Literal,
    digest: &Digest,
) -> Seen<&'a Blame> {
    match snapshot.blame.get(&(literal.file.clone(), digest.clone())) {
        Some(Seen::Known(blame)) => Seen::Known(blame),
        Some(Seen::Unknown(why)) => Seen::Unknown(why.clone()),
        Some(Seen::NotAsked) | None => Seen::NotAsked,
    }
}

/// Returns the digest that a site had before what it declares now, and that was not rolled back
/// there: the last that is known to have run, else the last that was pinned.
pub(super) fn find_previous_pin(snapshot: &Snapshot, site: &SitePlan) -> Option<Digest> {
    match &site.origin {
        Seen::Known(PinOrigin::Foreign(blame)) => blame
            .before
            .clone()
            .filter(|before| !rejected_digests(&site.history).contains(before)),
        _ => {
            let known = previous_pins(&site.history, site.pinned.as_ref()?);
            let ran = |digest: &&&Digest| !revision_images(snapshot, site, digest).is_empty();
            known
                .iter()
                .find(ran)
                .or(known.first())
                .map(|digest| Digest::clone(digest))
        }
    }
}

/// The images with the digest that kept revisions of the site's workloads have: a pin may never
/// have been applied.
fn revision_images(snapshot: &Snapshot, site: &SitePlan, digest: &Digest) -> Vec<Reference> {
    let here = site
        .known_uses()
        .iter()
        .filter_map(|live| Some((live.workload()?, live.container()?)));
    let images = here.flat_map(|(workload, container)| {
        workload
            .revisions
            .iter()
            .filter_map(|revision| revision.images.get(&container.name))
    });
    images
        .filter(|image| has(snapshot, image, &site.site.image, digest))
        .filter_map(|image| Reference::parse(image))
        .collect()
}

/// Returns the tag that an earlier digest of a site had, where it is another than the declared one
/// and can be written there: as it was recorded, else as a kept revision has it.
pub(super) fn find_tag_of(snapshot: &Snapshot, site: &SitePlan, digest: &Digest) -> Option<Tag> {
    let own = site
        .records
        .iter()
        .filter(|record| record.pin.to.as_ref() == Some(digest));
    let recorded = own.filter_map(|record| Reference::parse(&record.pin.image));
    let images = recorded
        .filter(|image| image.name == site.site.image.name)
        .chain(revision_images(snapshot, site, digest));
    let tags: Vec<Tag> = images.filter_map(|image| image.tag).collect();
    let declared = &site.settings.channel.as_ref()?.tag;
    let other = if tags.contains(declared) {
        None
    } else {
        tags.into_iter().next()
    };
    other.filter(|tag| retag(site.literal, site.site, tag, digest).is_ok())
}

/// Says whether a kept revision of a site's workloads has a digest of the site's repository.
pub(super) fn has_run(snapshot: &Snapshot, site: &SitePlan, digest: &Digest) -> bool {
    !revision_images(snapshot, site, digest).is_empty()
}

/// Returns the record that made a digest the pin of a site.
pub(super) fn find_pin_record_of<'a>(
    histories: &SiteHistories<'a>,
    place: usize,
    settings: &SiteSettings,
    digest: &Digest,
) -> Option<&'a Recorded> {
    let history: Vec<&Recorded> = histories
        .of(place)
        .into_iter()
        .filter(|record| histories.is_of_channel(record, settings))
        .collect();
    find_pin_record(&history, digest)
}

/// Says whether a pin is a step forward: not the first at what ran, not what was taken over from
/// the cluster, and no rollback, whoever made it. Of somebody else's pin the cluster has to show
/// the rest ([`went_live`]).
pub(super) fn is_forward(site: &SitePlan, origin: PinOrigin) -> bool {
    match origin {
        PinOrigin::Recorded(record) => {
            matches!(
                record.pin.action,
                Action::Update | Action::Bump | Action::Pin | Action::Unpin
            ) && record.pin.cause != Cause::Drift
        }
        PinOrigin::Foreign(_) => site
            .history
            .iter()
            .all(|record| record.pin.to != site.pinned && record.pin.from != site.pinned),
    }
}

/// Returns when somebody else's pin went live in a container that has it; `None` where it ran there
/// before it was written.
pub(super) fn went_live(
    blame: &Blame,
    workload: &Workload,
    container: &Container,
) -> Option<Timestamp> {
    let has = |revision: &&Revision| revision.images.get(&container.name) == Some(&container.image);
    let run: Vec<&Revision> = workload.revisions.iter().take_while(has).collect();
    let first = run.last()?.created.filter(|first| *first >= blame.at)?;
    let since = live::since(workload, container)?;
    // Another setting makes one more revision, which starts no new window.
    (since == first || run.len() == 1).then_some(since)
}

/// Returns the pins whose commits have to be looked up: what a workload left, and what it got just
/// now without a record of pintle's.
pub(super) fn pins_to_blame(snapshot: &Snapshot) -> BTreeSet<(RepoPath, Digest)> {
    let (Seen::Known(_), Seen::Known(_)) = (&snapshot.cluster, &snapshot.history) else {
        return BTreeSet::new();
    };
    let resolver = Resolver::new(&snapshot.scan, &snapshot.config, usual_mode(snapshot));
    let histories = SiteHistories::new(snapshot);
    let (mut wanted, mut groups) = (BTreeSet::new(), BTreeSet::<Arc<str>>::new());
    let mut all = Vec::new();
    for (place, (literal, site)) in snapshot.scan.sites().enumerate() {
        let Some(digest) = &site.image.digest else {
            continue;
        };
        let key = (literal.file.clone(), digest.clone());
        let uses = live::uses(snapshot, literal).unwrap_or_default();
        let (with, without): (Vec<_>, Vec<_>) = live::tracked(&uses)
            .partition(|(_, container)| has(snapshot, &container.image, &site.image, digest));
        if without.iter().any(|(workload, container)| {
            may_have_left(snapshot, site, digest, (workload, container))
        }) {
            wanted.insert(key.clone());
        }
        // A site's settings and its history are looked at only where it has the pin.
        if with.is_empty() {
            continue;
        }
        let settings = resolver.resolve(literal, site);
        let is_new = with.iter().any(|(workload, container)| {
            is_fresh(snapshot.at, settings.watch.value, (workload, container))
        });
        let group = settings.group.as_ref().map(|group| group.value.clone());
        let is_foreign = (is_new || group.is_some())
            && find_pin_record_of(&histories, place, &settings, digest).is_none();
        if is_new && is_foreign {
            groups.extend(group.clone());
            wanted.insert(key.clone());
        }
        all.extend(group.filter(|_| is_foreign).map(|group| (group, key)));
    }
    wanted.extend(
        all.into_iter()
            .filter(|(group, _)| groups.contains(group))
            .map(|(_, key)| key),
    );
    wanted
}

/// The workload may have left the pin: it has something else, and a revision with the pin is older;
/// or somebody set what it has.
fn may_have_left(
    snapshot: &Snapshot,
    site: &Site,
    digest: &Digest,
    (workload, container): (&Workload, &Container),
) -> bool {
    let ours = |image: &Arc<str>| has(snapshot, image, &site.image, digest);
    let had = workload
        .revisions
        .iter()
        .skip(1)
        .any(|revision| revision.images.get(&container.name).is_some_and(ours));
    had || container
        .writers
        .first()
        .is_some_and(|writer| classify_writer(snapshot, writer) == WriterKind::Person)
}

fn is_fresh(
    now: Timestamp,
    window: SignedDuration,
    (workload, container): (&Workload, &Container),
) -> bool {
    let end = live::since(workload, container).and_then(|since| since.checked_add(window).ok());
    !window.is_zero() && end.is_some_and(|end| now <= end)
}
