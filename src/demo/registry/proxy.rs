//! The pull-through cache, which answers as docker-registry 2.8 does (`proxytagservice.go`): it
//! asks upstream what the tag means, and when that fails for whatever reason it goes on with what
//! it knows, so that a stale answer looks like a fresh one and an unknown tag like a missing one.

use super::content;
use super::image::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use super::request::{RegistryPath, RegistryService};
use super::respond::DIGEST;
use super::state::{PullThrough, StoredContent};
use reqwest::{Method, Response, header};

/// Brings what is asked for up to date, as far as upstream lets it. Does nothing for a host that is
/// no cache.
pub(super) async fn refresh(serving: &RegistryService, host: &str, asked: &RegistryPath<'_>) {
    let Some(of) = serving
        .shared
        .state()
        .hosts
        .get(host)
        .and_then(|host| host.pull_through.clone())
    else {
        return;
    };
    // The error is what the lie is made of: nobody hears of it.
    let _unheard = match *asked {
        RegistryPath::Manifest {
            repository,
            reference,
        } if reference.contains(':') => fetch(serving, &of, host, repository, reference).await,
        RegistryPath::Manifest {
            repository,
            reference,
        } => follow(serving, &of, host, repository, reference).await,
        RegistryPath::Blob { repository, digest } => {
            fetch_blob(serving, &of, host, repository, digest).await
        }
        RegistryPath::Upload { .. } | RegistryPath::Tags { .. } => None,
    };
}

/// Pings upstream, asks it what the tag means, and remembers that.
async fn follow(
    serving: &RegistryService,
    of: &PullThrough,
    host: &str,
    repository: &str,
    tag: &str,
) -> Option<()> {
    let ping = ask(serving, of, Method::GET, "").await?;
    ping.status().is_success().then_some(())?;
    let answer = ask(
        serving,
        of,
        Method::HEAD,
        &format!("{repository}/manifests/{tag}"),
    )
    .await?;
    answer.status().is_success().then_some(())?;
    let digest = answer.headers().get(DIGEST)?.to_str().ok()?.to_owned();
    fetch(serving, of, host, repository, &digest).await?;
    let mut state = serving.shared.state();
    let known = state
        .host(host)
        .repositories
        .entry(repository.to_owned())
        .or_default();
    known.tags.insert(tag.to_owned(), digest);
    Some(())
}

/// Fetches a manifest that is not here yet.
async fn fetch(
    serving: &RegistryService,
    of: &PullThrough,
    host: &str,
    repository: &str,
    digest: &str,
) -> Option<()> {
    if content::manifest(&serving.shared, host, repository, digest).is_some() {
        return Some(());
    }
    let answer = ask(
        serving,
        of,
        Method::GET,
        &format!("{repository}/manifests/{digest}"),
    )
    .await?;
    answer.status().is_success().then_some(())?;
    let media_type = answer
        .headers()
        .get(header::CONTENT_TYPE)?
        .to_str()
        .ok()?
        .to_owned();
    let stored = StoredContent::new(&media_type, answer.bytes().await.ok()?);
    let mut state = serving.shared.state();
    state
        .host(host)
        .repositories
        .entry(repository.to_owned())
        .or_default()
        .manifests
        .insert(digest.to_owned(), stored);
    Some(())
}

async fn fetch_blob(
    serving: &RegistryService,
    of: &PullThrough,
    host: &str,
    repository: &str,
    digest: &str,
) -> Option<()> {
    if content::blob(&serving.shared, host, repository, digest).is_some() {
        return Some(());
    }
    let answer = ask(
        serving,
        of,
        Method::GET,
        &format!("{repository}/blobs/{digest}"),
    )
    .await?;
    answer.status().is_success().then_some(())?;
    let stored = StoredContent::new("application/octet-stream", answer.bytes().await.ok()?);
    let mut state = serving.shared.state();
    state
        .host(host)
        .repositories
        .entry(repository.to_owned())
        .or_default()
        .blobs
        .insert(digest.to_owned(), stored);
    Some(())
}

/// Asks upstream, unless upstream is told to refuse this cache.
async fn ask(
    serving: &RegistryService,
    of: &PullThrough,
    method: Method,
    path: &str,
) -> Option<Response> {
    if of.refused.is_some() {
        return None;
    }
    let url = format!("{}/v2/{path}", of.upstream.trim_end_matches('/'));
    let accept = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST].join(", ");
    serving
        .http
        .request(method, url)
        .header(header::ACCEPT, accept)
        .send()
        .await
        .ok()
}
