//! Branches of pintle's that the forge rewrote for a person: the button "Update branch" rebases the
//! commit, or merges the followed branch into it. Says whether that added anything.

use crate::error::Result;
use crate::model::commit::CommitId;
use crate::pipeline::PinRecord;
use crate::remote::git::{Clone, Kind};

/// The length of `sha256:` and 64 hex digits.
const DIGEST: usize = 71;

/// Says whether the tip of a branch differs from the commit of the followed branch that it stands
/// on by nothing but digests, of which the new ones are named by the trailers.
pub(super) fn writes_only_pins(
    clone: &Clone,
    (base, tip): (&CommitId, &CommitId),
    pins: &[PinRecord],
) -> Result<bool> {
    let (before, after) = (clone.tree(base)?, clone.tree(tip)?);
    if before.len() != after.len() {
        return Ok(false);
    }
    for (old, new) in before.iter().zip(&after).filter(|(old, new)| old != new) {
        let is_file = matches!(new.kind, Kind::File | Kind::Executable);
        if old.path != new.path || old.kind != new.kind || !is_file {
            return Ok(false);
        }
        let (old, known) = take_digests(&clone.bytes(old)?);
        let (new, digests) = take_digests(&clone.bytes(new)?);
        let is_named = |digest: &String| {
            let to = |pin: &PinRecord| pin.to.as_ref().is_some_and(|to| to.as_str() == digest);
            known.contains(digest) || pins.iter().any(to)
        };
        if old != new || !digests.iter().all(is_named) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the text without its digests (and the `@` before each), and the digests.
fn take_digests(text: &[u8]) -> (Vec<u8>, Vec<String>) {
    let (mut rest, mut digests) = (Vec::with_capacity(text.len()), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let found = text.get(at..at + DIGEST).filter(|word| {
            word.strip_prefix(b"sha256:")
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
        });
        match found {
            Some(digest) => {
                if rest.last() == Some(&b'@') {
                    rest.pop();
                }
                digests.push(String::from_utf8_lossy(digest).into_owned());
                at += DIGEST;
            }
            None => {
                rest.push(text[at]);
                at += 1;
            }
        }
    }
    (rest, digests)
}
