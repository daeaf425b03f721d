//! What was written at a site before, and what that forbids: a tag that goes back, a digest that was rolled back. Reads the history only.

use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::model::reference::Reference;
use crate::pipeline::history::History;
use crate::pipeline::{Action, Recorded};
use crate::sites::Site;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Returns what was written at this site for this image, however it was spelled, newest first.
pub(super) fn past<'a>(history: &'a History, site: &Site, image: &str) -> Vec<&'a Recorded> {
    history.at(&site.key.0).filter(|record| record.pin.image == image || is_same(&record.pin.image, image)).collect()
}

/// `nginx:stable` is `docker.io/library/nginx:stable`.
fn is_same(one: &str, other: &str) -> bool {
    let channel = |image| Reference::parse(image).and_then(|image| image.channel());
    channel(one).is_some_and(|one| Some(one) == channel(other))
}

/// Returns when the pin changed last.
pub(super) fn changed(past: &[&Recorded]) -> Option<Timestamp> {
    past.iter().find(|record| record.pin.from != record.pin.to).map(|record| record.at)
}

/// Returns the record that made a digest the pin: the last change, where it is pintle's.
pub(super) fn pinned<'a>(past: &[&'a Recorded], digest: &Digest) -> Option<&'a Recorded> {
    let last = past.iter().find(|record| record.pin.from != record.pin.to)?;
    (last.pin.to.as_ref() == Some(digest)).then_some(*last)
}

/// Returns the digests that were rolled back and that nobody pinned on purpose since.
pub(super) fn bad<'a>(past: &[&'a Recorded]) -> BTreeSet<&'a Digest> {
    let mut bad = BTreeSet::new();
    for record in past.iter().rev() {
        match (record.pin.action, &record.pin.from, &record.pin.to) {
            (Action::Rollback, Some(from), _) => {
                bad.insert(from);
            }
            (Action::Pin, _, Some(to)) => {
                bad.remove(to);
            }
            _ => {}
        }
    }
    bad
}

/// Returns the digests that were pinned before `now` and were not rolled back, the newest first.
pub(super) fn previous<'a>(past: &[&'a Recorded], now: &Digest) -> Vec<&'a Digest> {
    let bad = bad(past);
    let all = past.iter().flat_map(|record| [&record.pin.to, &record.pin.from]).flatten();
    all.filter(|digest| *digest != now && !bad.contains(digest)).collect()
}

/// Returns the rollback from a digest, which is never proposed again.
pub(super) fn rolled_back<'a>(past: &[&'a Recorded], digest: &Digest) -> Option<&'a Recorded> {
    past.iter().copied().find(|record| record.pin.action == Action::Rollback && record.pin.from.as_ref() == Some(digest))
}

/// Says how a digest stands to what was pinned before: `Ok(None)` when it is new, `Ok(Some(…))` when upstream moved back to it, which only a
/// person may follow.
///
/// # Errors
/// Why it may not be pinned again: it was rolled back, or somebody took it back by hand.
pub(super) fn before(past: &[&Recorded], upstream: &Digest, image: &str) -> Result<Option<String>, String> {
    let upstream_is = |digest: &Option<Digest>| digest.as_ref() == Some(upstream);
    if let Some(record) = rolled_back(past, upstream) {
        return Err(format!(
            "sha256:{} was rolled back {} ({}): it is never proposed again",
            upstream.short(),
            show_time(record.at),
            record.commit.short()
        ));
    }
    let mut followed = past.iter().filter(|record| matches!(record.pin.action, Action::Adopt | Action::Move));
    match followed.clone().next() {
        None => Ok(None),
        Some(newest) if upstream_is(&newest.pin.to) => taken_back(past, newest, upstream).map_or(Ok(None), Err),
        Some(_) => Ok(followed.find(|record| upstream_is(&record.pin.to) || upstream_is(&record.pin.from)).map(|record| {
            format!("upstream moved {image} back to sha256:{}, which was pinned here before ({})", upstream.short(), record.commit.short())
        })),
    }
}

/// The digest was followed and is not in the file: a command explains that, or somebody took it back by hand.
fn taken_back(past: &[&Recorded], newest: &Recorded, upstream: &Digest) -> Option<String> {
    let by_command = past
        .iter()
        .take_while(|record| !matches!(record.pin.action, Action::Adopt | Action::Move))
        .any(|record| matches!(record.pin.action, Action::Pin | Action::Unpin | Action::Rollback));
    (!by_command).then(|| {
        format!(
            "sha256:{} was pinned {} ({}) and was taken back since: it is not pinned again by itself",
            upstream.short(),
            show_time(newest.at),
            newest.commit.short()
        )
    })
}
