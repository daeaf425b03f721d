//! Reads the notes of one image: the labels from its registry, then the releases from the host of
//! its source, if that host may be asked.

use super::pick::{self, ForgeRelease, ReleaseSelection};
use super::source::{CompareStyle, ImageOrigin, SourceRepo, compare_url};
use crate::error::Kind;
use crate::model::digest::Digest;
use crate::model::reference::Channel;
use crate::observe::answers::{NotesAnswer, NotesKey};
use crate::observe::{Registries, Session};
use crate::pipeline::notes::Notes;
use crate::remote::forgejo;
use crate::remote::oci::{Client, OciError};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// How many of the newest releases are read.
const RELEASES: usize = 50;
/// The time limit for all requests about one image.
const LONGEST: Duration = Duration::from_secs(10);

/// Everything that may be asked.
pub struct NotesReader<'a> {
    registry: &'a Client,
    forge: Option<&'a forgejo::Client>,
    #[cfg(feature = "github")]
    github: Option<&'a crate::remote::github::Client>,
    sources: &'a [Arc<str>],
    ca: Option<&'a Vec<u8>>,
}

/// A source repository, and the API that lists its releases.
struct SourceSite {
    url: Url,
    style: CompareStyle,
    api: ReleaseApi,
}

enum ReleaseApi {
    /// The host may not be asked, or its API is not known.
    Nobody,
    Forgejo(forgejo::Client),
    #[cfg(feature = "github")]
    Github(crate::remote::github::Client, String, String),
}

/// There is no answer; `passing` if a later pass may get one.
struct NoAnswer {
    passing: bool,
}

impl<'a> NotesReader<'a> {
    pub fn new(session: &'a Session, registries: &'a Registries, sources: &'a [Arc<str>]) -> Self {
        Self {
            registry: &registries.upstream,
            forge: session.forge(),
            #[cfg(feature = "github")]
            github: session.github(),
            sources,
            ca: session.setup.registries.ca_pem.as_ref(),
        }
    }

    /// Returns the notes of one image, within the time limit.
    pub async fn read_notes(&self, (channel, from, to): &NotesKey) -> NotesAnswer {
        let end = Instant::now() + LONGEST;
        let (old, new) = tokio::join!(
            self.read_origin(channel, from, end),
            self.read_origin(channel, to, end)
        );
        let new = match new {
            Ok(new) => new,
            Err(NoAnswer { passing: true }) => return NotesAnswer::Passing(None),
            Err(NoAnswer { passing: false }) => return NotesAnswer::Settled(None),
        };
        // The old image may be gone from its registry; the labels of the new one still have its
        // version.
        let (old, mut passing) = old.map_or_else(
            |absent| (ImageOrigin::default(), absent.passing),
            |old| (old, false),
        );
        let Some(source) = &new.source else {
            return make_answer(passing, None);
        };
        let site = self.find_site(source);
        // A repository of another name has other revisions and versions.
        let moved = old
            .source
            .as_ref()
            .is_some_and(|old| old.host != source.host || old.path != source.path);
        let mut picked = ReleaseSelection::default();
        if let (Some(site), Some(to), false) =
            (&site, &new.version, moved || old.version == new.version)
        {
            match timeout_at(end, site.releases()).await {
                Ok(Ok((offered, whole))) => {
                    picked = pick::pick_releases(offered, whole, old.version.as_deref(), to)
                }
                Ok(Err(absent)) => passing |= absent.passing,
                Err(_) => {
                    tracing::debug!(%channel, source = %source.url, "the source did not answer in time");
                    passing = true;
                }
            }
        }
        let compare = site
            .as_ref()
            .filter(|_| !moved)
            .and_then(|site| site.compare_url(&old, &new, &picked));
        make_answer(passing, make_notes(source, &old, &new, compare, picked))
    }

    async fn read_origin(
        &self,
        channel: &Channel,
        digest: &Digest,
        end: Instant,
    ) -> Result<ImageOrigin, NoAnswer> {
        let labels = timeout_at(
            end,
            self.registry.labels(
                &channel.repository.registry,
                &channel.repository.path,
                digest,
            ),
        )
        .await;
        let passing = match labels {
            Ok(Ok(labels)) => return Ok(ImageOrigin::of(&labels)),
            Ok(Err(error)) => {
                tracing::debug!(%channel, %digest, %error, "no labels");
                OciError::may_pass(&error)
            }
            Err(_) => {
                tracing::debug!(%channel, %digest, "no labels in time");
                true
            }
        };
        Err(NoAnswer { passing })
    }

    /// Decides which host is asked: only the forge, GitHub and the hosts in the configuration. No
    /// other function decides that.
    fn find_site(&self, source: &SourceRepo) -> Option<SourceSite> {
        if let Some(forge) = self
            .forge
            .filter(|forge| forge.place().host() == source.host)
        {
            let (owner, repo) = source.repository(forge.place().base().path())?;
            let client = forge.sibling(owner, repo)?;
            return Some(SourceSite {
                url: client.place().url(),
                style: CompareStyle::Plain,
                api: ReleaseApi::Forgejo(client),
            });
        }
        let (owner, repo) = source.repository("")?;
        let url = source.repository_url()?;
        #[cfg(feature = "github")]
        if let Some(github) = self.github.filter(|github| github.serves(&source.host)) {
            return Some(SourceSite {
                url,
                style: CompareStyle::Plain,
                api: ReleaseApi::Github(github.clone(), owner.to_owned(), repo.to_owned()),
            });
        }
        if self.sources.iter().any(|host| **host == *source.host) {
            let api = self
                .client_for_host(&source.host, owner, repo)
                .map_or(ReleaseApi::Nobody, ReleaseApi::Forgejo);
            return Some(SourceSite {
                url,
                style: CompareStyle::Plain,
                api,
            });
        }
        match source.host.as_str() {
            "github.com" | "www.github.com" => Some(SourceSite {
                url,
                style: CompareStyle::Plain,
                api: ReleaseApi::Nobody,
            }),
            "gitlab.com" => Some(SourceSite {
                url: gitlab_url(source),
                style: CompareStyle::Gitlab,
                api: ReleaseApi::Nobody,
            }),
            _ => None,
        }
    }

    /// Returns a client for a host in the configuration: over https, without a token.
    fn client_for_host(&self, host: &str, owner: &str, repo: &str) -> Option<forgejo::Client> {
        let place = forgejo::Place::parse(&format!("https://{host}/{owner}/{repo}")).ok()?;
        let told = forgejo::Options {
            ca: self.ca.cloned(),
            timeout: LONGEST,
            ..forgejo::Options::default()
        };
        forgejo::Client::new(&place, &told)
            .inspect_err(|error| tracing::debug!(%error, host, "cannot ask for releases"))
            .ok()
    }
}

impl SourceSite {
    /// Returns the newest releases, and whether there are no others.
    async fn releases(&self) -> Result<(Vec<ForgeRelease>, bool), NoAnswer> {
        match &self.api {
            ReleaseApi::Nobody => Ok((Vec::new(), true)),
            ReleaseApi::Forgejo(client) => {
                let found = client.releases(RELEASES).await.map_err(|error| {
                    tracing::debug!(%error, source = %self.url, "no releases");
                    NoAnswer {
                        passing: error.kind == Kind::Outside,
                    }
                })?;
                let whole = found.len() < RELEASES;
                Ok((found.into_iter().map(from_forgejo).collect(), whole))
            }
            #[cfg(feature = "github")]
            ReleaseApi::Github(client, owner, repo) => {
                let found = client.releases(owner, repo).await.map_err(|error| {
                    tracing::debug!(%error, source = %self.url, "no releases");
                    NoAnswer {
                        passing: error.may_pass(),
                    }
                })?;
                let whole = found.len() < usize::from(crate::remote::github::PAGE);
                Ok((found.into_iter().map(from_github).collect(), whole))
            }
        }
    }

    /// Returns the page that compares the revisions, if both are known, else the one that compares
    /// the versions.
    fn compare_url(
        &self,
        old: &ImageOrigin,
        new: &ImageOrigin,
        picked: &ReleaseSelection,
    ) -> Option<Url> {
        let between = |from: Option<&String>, to: Option<&String>| {
            compare_url(&self.url, self.style, from?, to?)
        };
        let version = |tag: &'_ Option<String>, origin: &ImageOrigin| {
            tag.clone().or_else(|| origin.version.clone())
        };
        let (from, to) = (version(&picked.tags.0, old), version(&picked.tags.1, new));
        between(old.revision.as_ref(), new.revision.as_ref())
            .or_else(|| between(from.as_ref(), to.as_ref()))
    }
}

/// A GitLab project is below any number of groups. What follows `/-/` is a page of the project.
fn gitlab_url(source: &SourceRepo) -> Url {
    let mut url = source.url.clone();
    let path = url
        .path()
        .split("/-/")
        .next()
        .unwrap_or_default()
        .trim_end_matches('/')
        .to_owned();
    url.set_path(path.strip_suffix(".git").unwrap_or(&path));
    url
}

fn make_answer(passing: bool, notes: Option<Notes>) -> NotesAnswer {
    if passing {
        NotesAnswer::Passing(notes)
    } else {
        NotesAnswer::Settled(notes)
    }
}

/// Returns `None` if there is nothing to show.
fn make_notes(
    source: &SourceRepo,
    old: &ImageOrigin,
    new: &ImageOrigin,
    compare: Option<Url>,
    picked: ReleaseSelection,
) -> Option<Notes> {
    let (from, to) = (old.display_name(new), new.display_name(old));
    let nothing = compare.is_none() && picked.releases.is_empty() && (to.is_none() || from == to);
    let ReleaseSelection { releases, cut, .. } = picked;
    (!nothing).then(|| Notes {
        source: source.url.clone(),
        from,
        to,
        compare,
        releases,
        cut,
    })
}

fn from_forgejo(release: forgejo::Release) -> ForgeRelease {
    ForgeRelease {
        tag: release.tag,
        title: release.name,
        text: release.body,
        at: release.published_at,
        url: Some(release.html_url),
        draft: release.draft,
        prerelease: release.prerelease,
    }
}

#[cfg(feature = "github")]
fn from_github(release: crate::remote::github::Release) -> ForgeRelease {
    ForgeRelease {
        tag: release.tag,
        title: release.name,
        text: release.body,
        at: release.published_at,
        url: Some(release.url),
        draft: release.draft,
        prerelease: release.prerelease,
    }
}

#[cfg(test)]
mod tests;
