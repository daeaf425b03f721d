//! Whether a change of a text introduced a digest, and which digest it replaced. When in doubt it
//! reports the later commit: in lines that were moved, a digest counts as introduced. Knows lines
//! and digests, no syntax.

use crate::model::digest::Digest;

const START: &str = "sha256:";
/// The length of a digest.
const LONG: usize = START.len() + 64;

/// One digest of a text.
#[derive(Clone)]
struct DigestSlot<'a> {
    /// The text before it in its line, without blanks: `image="ghcr.io/a/web:1@`.
    before: String,
    digest: &'a str,
}

/// A digest that was replaced, added (`old` is `None`) or removed (`new` is `None`).
struct DigestChange<'a> {
    old: Option<DigestSlot<'a>>,
    new: Option<DigestSlot<'a>>,
}

/// Returns `None` if the change did not introduce the digest. Otherwise returns the digest that it
/// replaced, if that is certain: nothing else of the same image changed, and the digest was nowhere
/// in the old text.
pub(super) fn find_replaced(old: &str, new: &str, digest: &Digest) -> Option<Option<Digest>> {
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) =
        (old.lines().collect(), new.lines().collect());
    let (old_lines, new_lines) = without_common_ends(&old_lines, &new_lines, |a, b| a == b);
    if old_lines.len() != new_lines.len() {
        let all = pair_slots(all_slots(old_lines), all_slots(new_lines));
        return all
            .iter()
            .any(|change| change.gains(digest))
            .then_some(None);
    }
    let all: Vec<DigestChange> = old_lines
        .iter()
        .zip(new_lines)
        .flat_map(|(old, new)| pair_slots(digest_slots(old), digest_slots(new)))
        .collect();
    let images: Vec<&str> = all
        .iter()
        .filter(|change| change.gains(digest))
        .flat_map(DigestChange::images)
        .collect();
    let mut same = all
        .iter()
        .filter(|change| change.images().any(|image| images.contains(&image)));
    let first = same.next()?;
    let before = first.replaced_digest(digest).filter(|_| {
        !old.contains(digest.as_str())
            && same.all(|other| other.replaced_digest(digest) == first.replaced_digest(digest))
    });
    Some(before.and_then(Digest::parse))
}

/// Pairs the digests of both sides in order if there are as many on each side. Equal pairs are left
/// out.
fn pair_slots<'a>(old: Vec<DigestSlot<'a>>, new: Vec<DigestSlot<'a>>) -> Vec<DigestChange<'a>> {
    let (old, new) = without_common_ends(&old, &new, |a, b| a.digest == b.digest);
    let (old, new) = (old.iter().cloned(), new.iter().cloned());
    if old.len() == new.len() {
        let all = old.zip(new).filter(|(old, new)| old.digest != new.digest);
        return all
            .map(|(old, new)| DigestChange {
                old: Some(old),
                new: Some(new),
            })
            .collect();
    }
    let gone = old.map(|old| DigestChange {
        old: Some(old),
        new: None,
    });
    gone.chain(new.map(|new| DigestChange {
        old: None,
        new: Some(new),
    }))
    .collect()
}

impl DigestChange<'_> {
    fn gains(&self, digest: &Digest) -> bool {
        self.new
            .as_ref()
            .is_some_and(|new| new.digest == digest.as_str())
    }

    fn images(&self) -> impl Iterator<Item = &str> {
        [&self.old, &self.new]
            .into_iter()
            .flatten()
            .map(|slot| slot.before.as_str())
    }

    /// Returns the digest that this change replaced with `digest`.
    fn replaced_digest(&self, digest: &Digest) -> Option<&str> {
        let (old, new) = (self.old.as_ref()?, self.new.as_ref()?);
        (old.before == new.before && new.digest == digest.as_str()).then_some(old.digest)
    }
}

/// Removes the elements that both lists begin with, and those that both end with.
fn without_common_ends<'a, T>(
    old: &'a [T],
    new: &'a [T],
    same: impl Fn(&T, &T) -> bool,
) -> (&'a [T], &'a [T]) {
    let start = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| same(a, b))
        .count();
    (&old[..old.len() - end], &new[..new.len() - end])
}

/// The digests of a line, in their order.
fn digest_slots(line: &str) -> Vec<DigestSlot<'_>> {
    let found = line
        .match_indices(START)
        .filter_map(|(at, _)| Some((at, line.get(at..at + LONG)?)));
    let digests = found.filter(|(_, text)| Digest::parse(text).is_some());
    digests
        .map(|(at, digest)| DigestSlot {
            before: line[..at].split_whitespace().collect(),
            digest,
        })
        .collect()
}

fn all_slots<'a>(lines: &[&'a str]) -> Vec<DigestSlot<'a>> {
    lines.iter().flat_map(|line| digest_slots(line)).collect()
}

#[cfg(test)]
mod tests;
