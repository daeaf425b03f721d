//! The tags of a repository, page by page (distribution spec, "Listing Tags"). All of them or an
//! error, never a part. Never follows a page to another host, and keeps only the tags that the
//! caller wants.

use super::Client;
use super::error::OciError;
use super::list_cache::ReadPage;
use super::registry::{Answer, Part, Place};
use super::wire::Reply;
use crate::model::reference::Repository;
use crate::remote::http::host_of;
use reqwest::Method;
use reqwest::StatusCode;
use reqwest::header::{ETAG, HeaderMap, LINK};
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// So many tags are asked for at a time: the most that ECR takes.
const PAGE: usize = 1000;
/// So many where a registry refuses that.
const SMALL_PAGE: usize = 100;
/// A list of more pages, or more tags, is not read.
const PAGES: usize = 200;
const TAGS: usize = 100_000;
/// How often a request may be sent on to another registry.
const HOPS: usize = 3;

/// Which tags are kept.
pub struct TagFilter<'a> {
    /// Another text for each filter: what was kept for one does not serve another.
    pub name: &'a str,
    pub keeps: &'a (dyn Fn(&str) -> bool + Send + Sync),
    /// Removes what is not needed of a part of the list, perhaps several times.
    pub prune: &'a (dyn Fn(&mut Vec<Arc<str>>) + Send + Sync),
}

/// The tags of a repository that the filter keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryTags {
    /// In the order of the registry.
    pub tags: Vec<Arc<str>>,
    /// How many there are with those that were not kept.
    pub listed: usize,
}

/// What became of a list.
enum ListEnd {
    Whole(Vec<ReadPage>),
    /// The last page is full and names no next one, as some registries do that have more.
    Full,
}

impl Client {
    /// Lists the tags of a repository. One request for each page, none of which a registry counts;
    /// fewer bytes where the registry knows that nothing has changed.
    ///
    /// # Errors
    /// Any page fails, or the list cannot be read to its end.
    pub async fn list_tags(
        &self,
        repository: &Repository,
        filter: &TagFilter<'_>,
    ) -> Result<RepositoryTags, OciError> {
        let mut sizes = vec![SMALL_PAGE - 1, SMALL_PAGE, PAGE - 1, PAGE];
        while let Some(size) = sizes.pop() {
            let why = match self.list_pages(repository, size, filter).await {
                Ok(ListEnd::Whole(pages)) => return Ok(self.keep_list(repository, filter, pages)),
                Ok(ListEnd::Full) if size % 10 == 0 => continue,
                Ok(ListEnd::Full) => incomplete(
                    repository,
                    format!("it names {size} tags, as many as were asked for, and no next page"),
                ),
                Err(OciError::Status { status: 405, .. }) if size > SMALL_PAGE => {
                    sizes.truncate(2);
                    continue;
                }
                Err(why) => why,
            };
            return Err(why);
        }
        Err(incomplete(repository, "it is refused in any length".into()))
    }

    fn keep_list(
        &self,
        repository: &Repository,
        filter: &TagFilter,
        pages: Vec<ReadPage>,
    ) -> RepositoryTags {
        let list = RepositoryTags {
            tags: pages.iter().flat_map(|page| page.tags.clone()).collect(),
            listed: pages.iter().map(|page| page.listed).sum(),
        };
        self.lists().keep(repository, filter.name, pages);
        list
    }

    async fn list_pages(
        &self,
        repository: &Repository,
        size: usize,
        filter: &TagFilter<'_>,
    ) -> Result<ListEnd, OciError> {
        let known = self.lists().find(repository, filter.name);
        let first = format!("list?n={size}");
        let mut place = Place {
            part: Part::Tags,
            ..self.place(&repository.registry, &repository.path, &first)?
        };
        let mut asked = HashSet::new();
        let mut pages: Vec<ReadPage> = Vec::new();
        let mut listed = 0;
        loop {
            let question = place.reference.to_string();
            if !asked.insert(question.clone()) {
                let why = "a page names an earlier page as the next one".to_owned();
                return Err(incomplete(repository, why));
            }
            let cached = known
                .get(pages.len())
                .filter(|page| page.question == question);
            let page = self.read_page(&mut place, cached, size, filter).await?;
            listed += page.listed;
            let next = page.next.clone();
            let is_full = page.listed == size;
            pages.push(page);
            if listed > TAGS || pages.len() == PAGES && next.is_some() {
                let why = format!(
                    "it has more than {PAGES} pages or {TAGS} tags; change the tag by hand, or use the policy `force`"
                );
                return Err(incomplete(repository, why));
            }
            match next {
                Some(next) => place.reference = next.into(),
                None if is_full => return Ok(ListEnd::Full),
                None => return Ok(ListEnd::Whole(pages)),
            }
        }
    }

    async fn read_page(
        &self,
        place: &mut Place,
        cached: Option<&ReadPage>,
        size: usize,
        filter: &TagFilter<'_>,
    ) -> Result<ReadPage, OciError> {
        place.unless = cached.and_then(|page| page.etag.clone());
        let reply = self.ask_page(place).await?;
        if let (StatusCode::NOT_MODIFIED, Some(page)) = (reply.status, cached) {
            return Ok(page.clone());
        }
        let mut page = ReadPage {
            question: place.reference.to_string(),
            etag: reply.headers.get(ETAG).cloned(),
            tags: Vec::new(),
            listed: 0,
            next: None,
        };
        read_tags(&reply, &mut page, filter).map_err(|why| OciError::Unreadable {
            at: place.to_string(),
            why: why.to_string(),
        })?;
        page.next = find_next(&reply.headers, &place.registry.url(place)?, size)
            .map_err(|why| incomplete_at(place.to_string(), why))?;
        Ok(page)
    }

    /// Asks for a page; where the registry sends the request on, the place is that of the other.
    async fn ask_page(&self, place: &mut Place) -> Result<Reply, OciError> {
        for _ in 0..HOPS {
            match place.registry.ask(&Method::GET, place).await? {
                Answer::Reply(reply) => return Ok(reply),
                Answer::Elsewhere {
                    host,
                    is_plain,
                    repository,
                    ..
                } => {
                    place.registry = self.registry_over(&host, is_plain)?;
                    place.repository = repository.into();
                }
            }
        }
        let why = "it is redirected too often".to_owned();
        Err(incomplete_at(place.to_string(), why))
    }
}

fn incomplete(repository: &Repository, why: String) -> OciError {
    incomplete_at(repository.to_string(), why)
}

fn incomplete_at(at: String, why: String) -> OciError {
    OciError::IncompleteList { at, why }
}

/// Returns the question for the next page: the query of the link `next`, which may be relative. Its
/// path does not count, since it may lack what stands before `/v2/` (RTFACT-18971).
fn find_next(headers: &HeaderMap, from: &Url, size: usize) -> Result<Option<String>, String> {
    let Some(link) = find_link(headers) else {
        return Ok(None);
    };
    let to = from
        .join(&link)
        .map_err(|_| "the link to the next page is not an address".to_owned())?;
    if host_of(&to) != host_of(from) {
        let host = host_of(&to);
        return Err(format!(
            "its next page is on another host, {host}, which is not asked"
        ));
    }
    let query = to.query().unwrap_or_default();
    let has_size = to.query_pairs().any(|(name, _)| name == "n");
    Ok(Some(if has_size {
        format!("list?{query}")
    } else {
        format!("list?n={size}&{query}")
    }))
}

/// Returns the target of the link `next` (RFC 8288): `</v2/a/tags/list?last=b&n=2>; rel="next"`.
fn find_link(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(LINK).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let mut links = texts.flat_map(|text| {
        let mut parts = text.split('<');
        parts.next();
        parts.filter_map(|part| part.split_once('>'))
    });
    let is_next = |parameters: &str| {
        parameters.split([';', ',']).any(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .split(' ')
                    .any(|word| word.eq_ignore_ascii_case("next"))
        })
    };
    links.find_map(|(target, parameters)| is_next(parameters).then(|| target.trim().to_owned()))
}

/// Reads `{"name": "a/b", "tags": ["1", "2"]}`, tag by tag; `null` are no tags.
fn read_tags(reply: &Reply, page: &mut ReadPage, filter: &TagFilter) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_slice(&reply.body);
    json.deserialize_map(PageReader { page, filter })?;
    json.end()
}

struct PageReader<'a, 'f> {
    page: &'a mut ReadPage,
    filter: &'a TagFilter<'f>,
}

impl<'de> Visitor<'de> for PageReader<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of tags")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        let mut has_tags = false;
        while let Some(key) = map.next_key::<String>()? {
            if key == "tags" {
                has_tags = true;
                map.next_value_seed(TagReader {
                    page: self.page,
                    filter: self.filter,
                })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        if has_tags {
            return Ok(());
        }
        Err(serde::de::Error::missing_field("tags"))
    }
}

struct TagReader<'a, 'f> {
    page: &'a mut ReadPage,
    filter: &'a TagFilter<'f>,
}

impl<'de> serde::de::DeserializeSeed<'de> for TagReader<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TagReader<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of tags")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut all: S) -> Result<(), S::Error> {
        let tags = &mut self.page.tags;
        let mut limit = PAGE;
        while let Some(tag) = all.next_element::<String>()? {
            self.page.listed += 1;
            if (self.filter.keeps)(&tag) {
                tags.push(tag.into());
            }
            if tags.len() >= limit {
                (self.filter.prune)(tags);
                limit = limit.max(2 * tags.len());
            }
        }
        (self.filter.prune)(tags);
        tags.shrink_to_fit();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
