//! Lists that come in pages. Never asks for more pages than the caller allows, and never returns
//! one thing twice.

use super::http::{Ask, Reply};
use super::wire::Wire;
use super::{Client, place::Place};
use crate::error::Result;
use serde_json::Value;
use std::collections::BTreeMap;

/// As many as the known forges give in one page (`MAX_RESPONSE_ITEMS`).
const SIZE: usize = 50;

/// A list, and whether it is all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Whether no page was left unread.
    pub complete: bool,
}

impl Client {
    /// Reads a list of at most so many pages.
    pub(super) async fn list<W: Wire>(&self, ask: Ask, pages: u32) -> Result<Listed<W::Out>> {
        self.list_until::<W>(ask, pages, |_| false).await
    }

    /// Reads a list until its end, a page that `enough` says is the last one of interest, or so
    /// many pages.
    pub(super) async fn list_until<W: Wire>(
        &self,
        ask: Ask,
        pages: u32,
        enough: impl Fn(&[W::Out]) -> bool,
    ) -> Result<Listed<W::Out>> {
        let (mut items, mut places, mut seen, mut before) =
            (Vec::new(), BTreeMap::new(), 0, Vec::new());
        for page in 1..=pages {
            let this = ask
                .clone()
                .query("page", page.to_string())
                .query("limit", SIZE.to_string());
            let reply = self.ask_successfully(this).await?;
            let values = self.values(&ask.what, &reply)?;
            // Some lists are not paged, and give all of it for every page.
            if values.is_empty() || values == before {
                return Ok(Listed {
                    items,
                    complete: true,
                });
            }
            seen += values.len();
            // Without a total, a page shorter than the one before is the last; forges may give less
            // than is asked for.
            let end = reply
                .total()
                .map_or(values.len() < before.len(), |total| seen >= total);
            let (ids, read) = elements::<W>(&values, self.place());
            if read.len() < values.len() {
                tracing::warn!(host = %self.place().host(), what = %ask.what, count = values.len() - read.len(), "left out what cannot be read");
            }
            let stop = enough(&read);
            for (id, item) in ids.into_iter().zip(read) {
                add(&mut items, &mut places, id, item);
            }
            if end || stop {
                return Ok(Listed {
                    items,
                    complete: true,
                });
            }
            before = values;
        }
        Ok(Listed {
            items,
            complete: false,
        })
    }

    /// Go writes an empty list as null.
    fn values(&self, what: &str, reply: &Reply) -> Result<Vec<Value>> {
        let values: Option<Vec<Value>> = serde_json::from_slice(&reply.body)
            .map_err(|why| self.unreadable(what, &why.to_string()))?;
        Ok(values.unwrap_or_default())
    }
}

/// Returns what can be read, each with its id, where it has one.
fn elements<W: Wire>(values: &[Value], place: &Place) -> (Vec<Option<u64>>, Vec<W::Out>) {
    let read = |value: &Value| {
        Some((
            value["id"].as_u64(),
            W::deserialize(value).ok()?.read(place)?,
        ))
    };
    values.iter().filter_map(read).unzip()
}

/// Adds a thing, or puts it in the place of an earlier reading of it: what is written meanwhile
/// moves others to the next page; and a list that is not paged comes whole once more where it grew
/// between the forge's reading and its counting (Gitea and Forgejo, comments of an issue).
fn add<T>(items: &mut Vec<T>, places: &mut BTreeMap<u64, usize>, id: Option<u64>, item: T) {
    let next = items.len();
    match id.map(|id| *places.entry(id).or_insert(next)) {
        Some(place) if place < next => items[place] = item,
        _ => items.push(item),
    }
}

impl Reply {
    /// Returns how many there are on all pages, where the forge says so.
    pub(super) fn total(&self) -> Option<usize> {
        self.headers
            .get("x-total-count")?
            .to_str()
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}
