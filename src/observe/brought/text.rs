//! Whether a change of a text brought a digest, and what stood in its place. Errs on the side of the later: where lines were moved about, a digest
//! that is among them counts as brought. Knows lines and digests, no syntax.

use crate::model::digest::Digest;

const START: &str = "sha256:";
/// What a digest is long.
const LONG: usize = START.len() + 64;

/// One digest of a text.
struct Slot<'a> {
    /// What its line has before it, without blanks.
    before: String,
    digest: &'a str,
}

/// Returns what stood before where the change wrote the digest to a place that had another or none; `None` where it did not. What stood before is
/// told only where all places say the same of it, behind the same text, and the digest was nowhere else.
pub(super) fn brought(old: &str, new: &str, digest: &Digest) -> Option<Option<Digest>> {
    let (old_lines, new_lines): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let (old_lines, new_lines) = differing(&old_lines, &new_lines, |a, b| a == b);
    let gains: Vec<Option<Digest>> = if old_lines.len() == new_lines.len() {
        old_lines.iter().zip(new_lines).filter_map(|(old, new)| gained(&slots(old), &slots(new), digest)).collect()
    } else {
        gained(&all_slots(old_lines), &all_slots(new_lines), digest).into_iter().collect()
    };
    let first = gains.first()?;
    let sure = !old.contains(digest.as_str()) && gains.iter().all(|other| other == first);
    Some(first.clone().filter(|_| sure))
}

/// The same of the digests of a line, or of all lines where they cannot be set side by side.
fn gained(old: &[Slot], new: &[Slot], digest: &Digest) -> Option<Option<Digest>> {
    let is = |slot: &Slot| slot.digest == digest.as_str();
    let (old, new) = differing(old, new, |a, b| a.digest == b.digest);
    if old.len() != new.len() {
        return new.iter().any(is).then_some(None);
    }
    let gains = old.iter().zip(new).filter(|(old, new)| is(new) && !is(old));
    let mut stood = gains.map(|(old, new)| Digest::parse(old.digest).filter(|_| old.before == new.before));
    let first = stood.next()?;
    Some(first.filter(|first| stood.all(|other| other.as_ref() == Some(first))))
}

/// Returns what is left of two lists without what both begin and end with.
fn differing<'a, T>(old: &'a [T], new: &'a [T], same: impl Fn(&T, &T) -> bool) -> (&'a [T], &'a [T]) {
    let start = old.iter().zip(new).take_while(|(a, b)| same(a, b)).count();
    let (old, new) = (&old[start..], &new[start..]);
    let end = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| same(a, b)).count();
    (&old[..old.len() - end], &new[..new.len() - end])
}

/// The digests of a line, in their order.
fn slots(line: &str) -> Vec<Slot<'_>> {
    let found = line.match_indices(START).filter_map(|(at, _)| Some((at, line.get(at..at + LONG)?)));
    let digests = found.filter(|(_, text)| Digest::parse(text).is_some());
    digests.map(|(at, digest)| Slot { before: line[..at].split_whitespace().collect(), digest }).collect()
}

fn all_slots<'a>(lines: &[&'a str]) -> Vec<Slot<'a>> {
    lines.iter().flat_map(|line| slots(line)).collect()
}

#[cfg(test)]
mod tests;
