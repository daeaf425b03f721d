//! The ledger's text in git: tab-separated channel, digest and time of the first sight, sorted,
//! below a line that names the format. Pure.
//!
//! ```text
//! # pintle ledger 1
//! docker.io/library/alpine:latest<tab>sha256:…<tab>2026-11-12T08:30:00Z
//! ```

use super::Ledger;
use crate::error::{Error, Result};
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The name of the file in the ledger's commit.
pub const FILE: &str = "ledger.tsv";
/// Where the ledger lives; no CI looks there.
pub const REF: &str = "refs/pintle/ledger";
/// Where it lives when the server refuses that; if it exists it counts.
pub const BRANCH: &str = "refs/heads/pintle-ledger";
const HEAD: &str = "# pintle ledger 1";

type LedgerEntry = ((Channel, Digest), Timestamp);

impl Ledger {
    /// Returns the file's text; the same ledger gives the same bytes.
    pub fn render(&self) -> String {
        let lines = self
            .first_seen
            .iter()
            .map(|((channel, digest), at)| format!("{channel}\t{digest}\t{at}\n"));
        std::iter::once(format!("{HEAD}\n")).chain(lines).collect()
    }

    /// Reads the file's text. Fails on another format, and names the line that cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        if head != HEAD {
            return Err(Error::failed(format!(
                "the ledger starts with {head:?} and not with {HEAD:?}"
            ))
            .hint("it was written by another version; delete the ref and it starts anew"));
        }
        let mut first_seen = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            let (key, time) = entry(line).ok_or_else(|| {
                Error::failed(format!("line {} of the ledger cannot be read", at + 2))
            })?;
            keep_earliest(&mut first_seen, key, time);
        }
        Ok(Self { first_seen })
    }

    /// Returns the ledger that has what `ours` changed in `base` and what `self` has; the earliest
    /// sight counts.
    pub fn merge(&self, base: &Self, ours: &Self) -> Self {
        let dropped = |key: &(Channel, Digest)| {
            base.first_seen.contains_key(key) && !ours.first_seen.contains_key(key)
        };
        let mut first_seen: BTreeMap<_, _> = self
            .first_seen
            .iter()
            .filter(|(key, _)| !dropped(key))
            .map(|(key, at)| (key.clone(), *at))
            .collect();
        for (key, at) in &ours.first_seen {
            keep_earliest(&mut first_seen, key.clone(), *at);
        }
        Self { first_seen }
    }
}

fn keep_earliest(
    into: &mut BTreeMap<(Channel, Digest), Timestamp>,
    key: (Channel, Digest),
    at: Timestamp,
) {
    let kept = into.entry(key).or_insert(at);
    *kept = at.min(*kept);
}

fn entry(line: &str) -> Option<LedgerEntry> {
    let mut cells = line.split('\t');
    let (channel, digest, time) = (cells.next()?, cells.next()?, cells.next()?);
    Some((
        (Channel::parse(channel)?, Digest::parse(digest)?),
        time.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests;
