//! Lists that come in pages. Never asks for more pages than the caller allows.

use super::http::{Ask, Reply};
use super::wire::Wire;
use super::{Client, place::Place};
use crate::error::Result;
use serde_json::Value;

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

    /// Reads a list until its end, a page that `enough` says is the last one of interest, or so many pages.
    pub(super) async fn list_until<W: Wire>(&self, ask: Ask, pages: u32, enough: impl Fn(&[W::Out]) -> bool) -> Result<Listed<W::Out>> {
        let (mut items, mut seen, mut before) = (Vec::new(), 0, Vec::new());
        for page in 1..=pages {
            let this = ask.clone().query("page", page.to_string()).query("limit", SIZE.to_string());
            let reply = self.told(this).await?;
            let values = self.values(&ask.what, &reply)?;
            // Some lists are not paged, and give all of it for every page.
            if values.is_empty() || values == before {
                return Ok(Listed { items, complete: true });
            }
            seen += values.len();
            // Without a total, a page shorter than the one before is the last; forges may give less than is asked for.
            let end = total(&reply).map_or(values.len() < before.len(), |total| seen >= total);
            let read = elements::<W>(&values, self.place());
            let stop = enough(&read);
            items.extend(read);
            if end || stop {
                return Ok(Listed { items, complete: true });
            }
            before = values;
        }
        Ok(Listed { items, complete: false })
    }

    /// Go writes an empty list as null.
    fn values(&self, what: &str, reply: &Reply) -> Result<Vec<Value>> {
        let values: Option<Vec<Value>> = serde_json::from_slice(&reply.body).map_err(|why| self.unreadable(what, &why.to_string()))?;
        Ok(values.unwrap_or_default())
    }
}

fn elements<W: Wire>(values: &[Value], place: &Place) -> Vec<W::Out> {
    let read = |value| W::deserialize(value).ok()?.read(place);
    values.iter().filter_map(read).collect()
}

fn total(reply: &Reply) -> Option<usize> {
    reply.headers.get("x-total-count")?.to_str().ok()?.trim().parse().ok()
}
