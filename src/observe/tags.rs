//! The tags of a repository, and the one that a policy chooses. Build times are asked for only if
//! they decide. Asks the registry itself, never its cache.

use crate::error::{Error, Result};
use crate::model::choice::{ListedTag, TagBuild, TagChoice, TagQuestion, TagSieve, choose_tag};
use crate::model::reference::{Repository, Tag};
use crate::remote::oci::{Client, OciError, RepositoryTags, TagFilter};
use std::collections::BTreeMap;

/// So many tags are asked for their builds besides the declared one.
const ASKED: usize = 5;
/// So many where only build times order the tags.
const ASKED_BY_BUILD: usize = 20;

/// Lists all tags, in the order of the registry.
pub async fn list_all_tags(client: &Client, repository: &Repository) -> Result<Vec<String>> {
    let filter = TagFilter {
        name: "all",
        keeps: &|_| true,
        prune: &|_| {},
    };
    let list = client.list_tags(repository, &filter).await;
    let tags = list.map_err(|why| list_failed(repository, &why))?.tags;
    Ok(tags.iter().map(ToString::to_string).collect())
}

/// A choice among the tags of a repository.
pub struct OnlineChoice {
    /// Its candidates are the tags that the policy takes, and others that look newer; of a long
    /// list the newest of both.
    pub choice: TagChoice,
    /// How many tags the repository has.
    pub listed: usize,
}

/// Chooses among the tags that the registry has now. Of a long list only those are kept that
/// matter.
///
/// # Errors
/// The list or a build that decides could not be read, or too many builds would have to be.
pub async fn choose_online(
    client: &Client,
    repository: &Repository,
    question: TagQuestion<'_>,
) -> Result<OnlineChoice> {
    let sieve = TagSieve::new(question);
    let filter = TagFilter {
        name: "choice",
        keeps: &|tag| sieve.keeps(tag) || sieve.looks_newer(tag),
        prune: &|tags| sieve.prune(tags),
    };
    let list = client.list_tags(repository, &filter).await;
    let RepositoryTags { tags, listed } = list.map_err(|why| list_failed(repository, &why))?;
    let mut list: Vec<ListedTag> = tags
        .iter()
        .map(|tag| ListedTag {
            tag: tag.to_string(),
            build: None,
        })
        .collect();
    let mut asked: BTreeMap<String, TagBuild> = BTreeMap::new();
    loop {
        let choice = choose_tag(question, &list);
        let new: Vec<&String> = choice
            .asks
            .iter()
            .filter(|tag| !asked.contains_key(*tag))
            .collect();
        if new.is_empty() {
            return Ok(OnlineChoice { choice, listed });
        }
        // One candidate is asked for at a time, with the declared tag, unless builds alone order.
        let is_by_build = new.len() > 2;
        if is_by_build && new.len() > ASKED_BY_BUILD {
            return Err(too_many(repository));
        }
        if !is_by_build && asked.len() > ASKED {
            return Ok(OnlineChoice { choice, listed });
        }
        for tag in new {
            let build = find_build(client, repository, tag).await?;
            for listed in list.iter_mut().filter(|listed| listed.tag == *tag) {
                listed.build = Some(build.clone());
            }
            asked.insert(tag.clone(), build);
        }
    }
}

/// Asks when the image of a tag was built; of a tag that is gone meanwhile nothing is known.
async fn find_build(client: &Client, repository: &Repository, tag: &str) -> Result<TagBuild> {
    let Some(tag) = Tag::parse(tag) else {
        return Ok(TagBuild::default());
    };
    match client.find_build(&repository.channel(tag)).await {
        Ok(build) => Ok(build),
        Err(OciError::NotFound { .. }) => Ok(TagBuild::default()),
        Err(why) => Err(list_failed(repository, &why)),
    }
}

fn list_failed(repository: &Repository, why: &OciError) -> Error {
    let what = format!("the tags of {repository} are unknown");
    let error = match why.may_pass() {
        true => Error::outside(what),
        false => Error::failed(what),
    };
    error.because(why.clone())
}

fn too_many(repository: &Repository) -> Error {
    Error::failed(format!(
        "more than {ASKED_BY_BUILD} tags of {repository} would have to be asked for their build times"
    ))
    .hint("use a pattern that matches fewer tags, or one whose text has a number to compare")
}
