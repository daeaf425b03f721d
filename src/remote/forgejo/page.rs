//! Lists that come in pages. Never asks for more pages than the caller allows, and never returns
//! one thing twice.

use super::http::{Answered, Ask, LIMIT, Reply};
use super::wire::Wire;
use super::{Client, place::Place};
use crate::error::Result;
use crate::remote::paging::Paging;
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// As many as the known forges give in one page (`MAX_RESPONSE_ITEMS`).
const SIZE: usize = 50;

/// The sizes in which a page is asked for that is larger than an answer may be.
const SMALLER: [usize; 2] = [10, 1];

/// How often pages of one list are taken apart: whoever may comment can make many large ones.
const SPLITS: u32 = 60;

/// A list, and whether it is all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<T> {
    pub items: Vec<T>,
    /// Whether no page was left unread.
    pub complete: bool,
}

/// Which pages of a long list are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    First,
    /// For a list that is oldest first.
    Last,
}

/// One page, which the forge may have given in several parts.
struct PageRead {
    values: Vec<Value>,
    /// How many elements were left out, because one alone is larger than what is read.
    skipped: usize,
    /// How many there are on all pages, where the forge says so.
    total: Option<usize>,
}

impl Client {
    /// Reads a list of at most so many pages.
    pub(super) async fn list<W: Wire>(&self, ask: Ask, pages: u32) -> Result<Listed<W::Out>> {
        self.read_list::<W>(ask, pages, Part::First, |_| false)
            .await
    }

    /// Reads the last so many pages of a list that is oldest first.
    pub(super) async fn list_newest<W: Wire>(
        &self,
        ask: Ask,
        pages: u32,
    ) -> Result<Listed<W::Out>> {
        self.read_list::<W>(ask, pages, Part::Last, |_| false).await
    }

    /// Reads a list until its end, a page that `enough` says is the last one of interest, or so
    /// many pages.
    pub(super) async fn list_until<W: Wire>(
        &self,
        ask: Ask,
        pages: u32,
        enough: impl Fn(&[W::Out]) -> bool,
    ) -> Result<Listed<W::Out>> {
        self.read_list::<W>(ask, pages, Part::First, enough).await
    }

    async fn read_list<W: Wire>(
        &self,
        ask: Ask,
        pages: u32,
        part: Part,
        enough: impl Fn(&[W::Out]) -> bool,
    ) -> Result<Listed<W::Out>> {
        let (mut items, mut places, mut seen, mut before) = (Vec::new(), BTreeMap::new(), 0, 0);
        let (mut paging, mut splits, mut passed_over) = (Paging::new(pages), SPLITS, 0);
        let mut first = Vec::new();
        while let Ok(page) = paging.next_page() {
            let read = self
                .read_page(&ask, passed_over + page, &mut splits)
                .await?;
            let count = read.values.len() + read.skipped;
            if part == Part::Last && page == 1 {
                passed_over = pages_to_pass_over(read.total, pages);
                if passed_over > 0 {
                    seen = usize::try_from(passed_over + 1).unwrap_or_default() * SIZE;
                    first = elements::<W>(&read.values, self.place()).1;
                    continue;
                }
            }
            if count == 0 && items.is_empty() && passed_over > 0 {
                // The total was not true: what came first is all there is.
                return Ok(Listed {
                    items: first,
                    complete: true,
                });
            }
            // Some lists are not paged, and give all of it for every page.
            if count == 0 || paging.note(&read.values).is_err() {
                return Ok(Listed {
                    items,
                    complete: passed_over == 0,
                });
            }
            seen += count;
            // Without a total, a page shorter than the one before is the last; forges may give less
            // than is asked for.
            let end = read.total.map_or(count < before, |total| seen >= total);
            let (ids, found) = elements::<W>(&read.values, self.place());
            if found.len() < read.values.len() {
                tracing::warn!(host = %self.place().host(), what = %ask.what, count = read.values.len() - found.len(), "left out what cannot be read");
            }
            let stop = enough(&found);
            for (id, item) in ids.into_iter().zip(found) {
                add(&mut items, &mut places, id, item);
            }
            if end || stop {
                return Ok(Listed {
                    items,
                    complete: passed_over == 0,
                });
            }
            before = count;
        }
        // Where the only page allowed was used to learn how many there are, it is what is known.
        Ok(Listed {
            items: if items.is_empty() { first } else { items },
            complete: false,
        })
    }

    /// Reads one page. Where it is larger than an answer may be, it is asked for in smaller parts,
    /// as long as `splits` lasts, and what is too large alone is left out.
    async fn read_page(&self, ask: &Ask, page: u32, splits: &mut u32) -> Result<PageRead> {
        let mut read = PageRead {
            values: Vec::new(),
            skipped: 0,
            total: None,
        };
        let mut parts = vec![(page, SIZE)];
        while let Some((page, size)) = parts.pop() {
            let this = ask
                .clone()
                .query("page", page.to_string())
                .query("limit", size.to_string());
            match self.ask_sized(&this).await? {
                Answered::Reply(reply) => {
                    let reply = self.successful(&this, reply)?;
                    read.total = reply.total().or(read.total);
                    let values = self.values(&ask.what, &reply)?;
                    if values.is_empty() {
                        break;
                    }
                    read.values.extend(values);
                }
                Answered::TooLarge(start) => {
                    let smaller = SMALLER.iter().copied().find(|part| *part < size);
                    match smaller.filter(|_| *splits > 0) {
                        Some(smaller) => {
                            *splits -= 1;
                            let count = u32::try_from(size / smaller).unwrap_or(1);
                            let first = (page - 1) * count + 1;
                            parts.extend((first..first + count).rev().map(|part| (part, smaller)));
                        }
                        None => {
                            read.skipped += size;
                            let what = address_in(&start)
                                .unwrap_or_else(|| format!("{size} on page {page} of {size} each"));
                            tracing::warn!(host = %self.place().host(), what = %ask.what, left_out = %what, "left out what is larger than {} MiB", LIMIT >> 20);
                        }
                    }
                }
            }
        }
        Ok(read)
    }

    /// Go writes an empty list as null.
    fn values(&self, what: &str, reply: &Reply) -> Result<Vec<Value>> {
        let values: Option<Vec<Value>> = serde_json::from_slice(&reply.body)
            .map_err(|why| self.unreadable(what, &why.to_string()))?;
        Ok(values.unwrap_or_default())
    }
}

/// How many pages come before the last `pages` ones, of which one was used up to learn it.
fn pages_to_pass_over(total: Option<usize>, pages: u32) -> u32 {
    let all = total.map_or(0, |total| total.div_ceil(SIZE));
    let all = u32::try_from(all).unwrap_or(u32::MAX);
    all.saturating_sub(pages)
}

/// The address of the first thing in an answer that breaks off: forges write it before the text.
fn address_in(start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(&start[..start.len().min(1_000)]).into_owned();
    let (_, rest) = text.split_once("\"html_url\":\"")?;
    let (address, _) = rest.split_once('"')?;
    Url::parse(address).ok().map(|url| url.to_string())
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
