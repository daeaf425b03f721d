//! The ledger as the remote has it: in a ref of pintle's own, or in a branch where the server takes no other refs.

use crate::error::Result;
use crate::pipeline::{Ledger, ledger as format};
use crate::remote::git::Clone;

/// Reads the ledger as of the last fetch; an empty one where none was written yet.
pub fn ledger(clone: &Clone) -> Result<Ledger> {
    let name = if clone.own_ref(format::BRANCH).is_some() { format::BRANCH } else { format::REF };
    let text = clone.own_text(name, format::FILE)?;
    text.map_or_else(|| Ok(Ledger::default()), |text| Ledger::parse(&text))
}
