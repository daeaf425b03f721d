//! Pushes the ledger with compare-and-swap, if it changed. After a lost race it merges and tries
//! again; it never forces.

use crate::error::{Error, Result};
use crate::pipeline::{Ledger, ledger as format};
use crate::remote::git::{Clone, Identity, PushError, Put};
use jiff::Timestamp;

/// How often the race may be lost before it gives up.
const TRIES: usize = 8;

/// Whether the ledger was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerWrite {
    Unchanged,
    Written,
}

/// Pushes what `after` changed in `before` (the ledger that the pass read) on top of what others
/// pushed since.
pub fn push_ledger(
    clone: &mut Clone,
    before: &Ledger,
    after: &Ledger,
    author: &Identity,
    at: Timestamp,
) -> Result<LedgerWrite> {
    if before == after {
        return Ok(LedgerWrite::Unchanged);
    }
    let mut refused = false;
    for _ in 0..TRIES {
        let name = if refused || clone.own_ref(format::BRANCH).is_some() {
            format::BRANCH
        } else {
            format::REF
        };
        let now = clone
            .own_text(name, format::FILE)?
            .map_or_else(|| Ok(Ledger::default()), |text| Ledger::parse(&text))?;
        let wanted = now.merge(before, after);
        if wanted == now {
            return Ok(LedgerWrite::Unchanged);
        }
        match push_once(clone, name, &wanted, author, at)? {
            Ok(()) => return Ok(LedgerWrite::Written),
            Err(PushError::TipMoved { .. }) => {}
            Err(PushError::Refused(why)) if name == format::REF => {
                tracing::info!(
                    why,
                    "the server takes no refs of pintle's own: the ledger goes to the branch pintle-ledger"
                );
                refused = true;
            }
            Err(other) => return Err(other.into_error(clone)),
        }
        clone.fetch()?;
    }
    Err(
        Error::outside("the ledger could not be written: others wrote it each time")
            .hint("run it again"),
    )
}

fn push_once(
    clone: &mut Clone,
    name: &str,
    ledger: &Ledger,
    author: &Identity,
    at: Timestamp,
) -> Result<std::result::Result<(), PushError>> {
    let file = Put {
        path: format::FILE.into(),
        bytes: ledger.render().into_bytes(),
    };
    let message = format!("pintle: {} digests first seen\n", ledger.first_seen.len());
    push_files(clone, name, &[file], &message, author, at)
}

/// Writes a commit with these files onto a ref of pintle's own, and pushes it if nobody else pushed
/// since the last fetch.
pub(super) fn push_files(
    clone: &mut Clone,
    name: &str,
    files: &[Put],
    message: &str,
    author: &Identity,
    at: Timestamp,
) -> Result<std::result::Result<(), PushError>> {
    let parent = clone.own_ref(name);
    let commit = clone.write_commit(parent.as_ref(), files, message, author, at)?;
    Ok(clone.push(name, parent.as_ref(), &commit).map(|_| ()))
}

#[cfg(test)]
mod tests;
