//! What can be pulled: manifests by tag or digest, blobs, tag lists.

use super::image::{OCI_INDEX, OCI_MANIFEST};
use super::request::{RegistryCall, RegistryPath};
use super::respond::{self, answer, error, json_body};
use super::state::{RegistryShared, StoredContent};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde_json::json;

pub(super) fn read(
    shared: &RegistryShared,
    call: &RegistryCall,
    asked: &RegistryPath<'_>,
) -> Response {
    match *asked {
        RegistryPath::Manifest {
            repository,
            reference,
        } => read_manifest(shared, call, repository, reference),
        RegistryPath::Blob { repository, digest } => {
            match blob(shared, &call.host, repository, digest) {
                Some(stored) => respond::blob(&stored, digest),
                None => error(
                    404,
                    "BLOB_UNKNOWN",
                    "blob unknown to registry",
                    json!({ "digest": digest }),
                ),
            }
        }
        RegistryPath::Tags { repository } => tags(shared, call, repository),
        RegistryPath::Upload { .. } => error(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
            json!(null),
        ),
    }
}

fn read_manifest(
    shared: &RegistryShared,
    call: &RegistryCall,
    repository: &str,
    reference: &str,
) -> Response {
    let by_tag = !reference.contains(':');
    let unknown = |message: &str| {
        let detail = if by_tag {
            json!({ "Tag": reference })
        } else {
            json!({ "Name": repository, "Revision": reference })
        };
        error(404, "MANIFEST_UNKNOWN", message, detail)
    };
    let Some((digest, stored)) = manifest(shared, &call.host, repository, reference) else {
        return unknown("manifest unknown");
    };
    // docker-registry 2.8: an OCI type is only for who names it, by tag and by digest.
    let oci = matches!(stored.media_type.as_str(), OCI_INDEX | OCI_MANIFEST);
    if oci && !accepts(&call.parts.headers, &stored.media_type) {
        return unknown("OCI manifest found, but accept header does not support OCI manifests");
    }
    let matched = call
        .parts
        .headers
        .get(header::IF_NONE_MATCH)
        .and_then(|value| value.to_str().ok());
    if matched.is_some_and(|etag| etag.trim_matches('"') == digest) {
        return answer(304, &[], "");
    }
    respond::manifest(&stored, &digest)
}

/// Whether one of the `Accept` headers names the type itself; `*/*` and weights do not count there.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let texts = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(','))
        .any(|one| one.split(';').next().unwrap_or_default().trim() == media_type)
}

/// Returns a manifest and its digest.
pub(super) fn manifest(
    shared: &RegistryShared,
    host: &str,
    repository: &str,
    reference: &str,
) -> Option<(String, StoredContent)> {
    let state = shared.state();
    let repository = state.hosts.get(host)?.repositories.get(repository)?;
    let digest = if reference.contains(':') {
        reference
    } else {
        repository.tags.get(reference)?
    };
    repository
        .manifests
        .get(digest)
        .map(|stored| (digest.to_owned(), stored.clone()))
}

pub(super) fn blob(
    shared: &RegistryShared,
    host: &str,
    repository: &str,
    digest: &str,
) -> Option<StoredContent> {
    shared
        .state()
        .hosts
        .get(host)?
        .repositories
        .get(repository)?
        .blobs
        .get(digest)
        .cloned()
}

/// `tags/list`, in pages when `n` says so, with a `Link` to the next (distribution spec, "Listing
/// Tags").
fn tags(shared: &RegistryShared, call: &RegistryCall, repository: &str) -> Response {
    let state = shared.state();
    let Some(found) = state
        .hosts
        .get(&call.host)
        .and_then(|host| host.repositories.get(repository))
    else {
        return error(
            404,
            "NAME_UNKNOWN",
            "repository name not known to registry",
            json!({ "name": repository }),
        );
    };
    let param = |name: &str| {
        url::form_urlencoded::parse(call.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    };
    let last = param("last").unwrap_or_default();
    let page: Option<usize> = param("n").and_then(|n| n.parse().ok());
    let rest: Vec<&String> = found
        .tags
        .keys()
        .filter(|tag| last.is_empty() || tag.as_str() > &*last)
        .collect();
    let shown = &rest[..page.unwrap_or(rest.len()).min(rest.len())];
    let mut response = json_body(&json!({ "name": repository, "tags": shown }));
    if let (Some(end), true, Some(n)) = (shown.last(), shown.len() < rest.len(), page) {
        let slash = if call.host.is_empty() { "" } else { "/" };
        let link = format!(
            "<{slash}{}/v2/{repository}/tags/list?last={end}&n={n}>; rel=\"next\"",
            call.host
        );
        respond::set(response.headers_mut(), "link", &link);
    }
    response
}
