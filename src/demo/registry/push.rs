//! What can be pushed: blobs (POST, PATCH, PUT, or all in one POST) and manifests, which have to
//! name only what is there.

use super::image::{OCI_MANIFEST, digest_of};
use super::request::{RegistryCall, RegistryPath};
use super::respond::{self, answer, error};
use super::state::{RegistryShared, StoredContent, StoredRepository};
use axum::http::{Method, header};
use axum::response::Response;
use serde_json::{Value, json};

pub(super) fn accept(
    shared: &RegistryShared,
    call: &RegistryCall,
    asked: &RegistryPath<'_>,
) -> Response {
    match (&call.method, *asked) {
        (
            &Method::PUT,
            RegistryPath::Manifest {
                repository,
                reference,
            },
        ) => put_manifest(shared, call, repository, reference),
        (&Method::POST, RegistryPath::Upload { repository, id: "" }) => {
            start_upload(shared, call, repository)
        }
        (&Method::PATCH, RegistryPath::Upload { repository, id }) => {
            continue_upload(shared, call, repository, id)
        }
        (&Method::PUT, RegistryPath::Upload { repository, id }) => {
            end_upload(shared, call, repository, id)
        }
        _ => error(
            405,
            "UNSUPPORTED",
            "the operation is unsupported",
            json!(null),
        ),
    }
}

fn put_manifest(
    shared: &RegistryShared,
    call: &RegistryCall,
    repository: &str,
    reference: &str,
) -> Response {
    let digest = digest_of(&call.body).to_string();
    if reference.contains(':') && reference != digest {
        return error(
            400,
            "DIGEST_INVALID",
            "provided digest did not match uploaded content",
            json!(null),
        );
    }
    let Ok(manifest) = serde_json::from_slice::<Value>(&call.body) else {
        return error(400, "MANIFEST_INVALID", "manifest invalid", json!(null));
    };
    let media_type = call
        .parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let media_type = media_type
        .or(manifest["mediaType"].as_str())
        .unwrap_or(OCI_MANIFEST);
    let mut state = shared.state();
    let found = state
        .host(&call.host)
        .repositories
        .entry(repository.to_owned())
        .or_default();
    if let Some(missing) = missing(&manifest, found) {
        return error(
            400,
            "MANIFEST_BLOB_UNKNOWN",
            "blob unknown to registry",
            json!({ "digest": missing }),
        );
    }
    found.manifests.insert(
        digest.clone(),
        StoredContent::new(media_type, call.body.clone()),
    );
    if !reference.contains(':') {
        found.tags.insert(reference.to_owned(), digest.clone());
    }
    let location = format!("{}/{repository}/manifests/{digest}", root(call));
    answer(
        201,
        &[("location", &location), (respond::DIGEST, &digest)],
        "",
    )
}

/// Returns the first digest that a manifest or index names and the repository does not have.
fn missing(manifest: &Value, repository: &StoredRepository) -> Option<String> {
    let digests = |of: &Value| {
        of.as_array()
            .into_iter()
            .flatten()
            .filter_map(|one| one["digest"].as_str())
            .map(str::to_owned)
            .collect()
    };
    let children: Vec<String> = digests(&manifest["manifests"]);
    let mut blobs: Vec<String> = digests(&manifest["layers"]);
    blobs.extend(manifest["config"]["digest"].as_str().map(str::to_owned));
    let absent = children
        .into_iter()
        .find(|child| !repository.manifests.contains_key(child));
    absent.or_else(|| {
        blobs
            .into_iter()
            .find(|blob| !repository.blobs.contains_key(blob))
    })
}

fn start_upload(shared: &RegistryShared, call: &RegistryCall, repository: &str) -> Response {
    if let Some(digest) = digest_param(call) {
        return keep(shared, call, repository, &digest, call.body.to_vec());
    }
    let id = format!("{:032x}", fastrand::u128(..));
    shared.live().uploads.insert(id.clone(), Vec::new());
    pending(call, repository, &id, 0)
}

fn continue_upload(
    shared: &RegistryShared,
    call: &RegistryCall,
    repository: &str,
    id: &str,
) -> Response {
    let mut live = shared.live();
    let Some(upload) = live.uploads.get_mut(id) else {
        return error(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
            json!(null),
        );
    };
    upload.extend_from_slice(&call.body);
    pending(call, repository, id, upload.len())
}

fn end_upload(
    shared: &RegistryShared,
    call: &RegistryCall,
    repository: &str,
    id: &str,
) -> Response {
    let Some(mut bytes) = shared.live().uploads.remove(id) else {
        return error(
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "blob upload unknown to registry",
            json!(null),
        );
    };
    bytes.extend_from_slice(&call.body);
    let digest = digest_param(call).unwrap_or_default();
    keep(shared, call, repository, &digest, bytes)
}

fn keep(
    shared: &RegistryShared,
    call: &RegistryCall,
    repository: &str,
    digest: &str,
    bytes: Vec<u8>,
) -> Response {
    if digest_of(&bytes).as_str() != digest {
        return error(
            400,
            "DIGEST_INVALID",
            "provided digest did not match uploaded content",
            json!(null),
        );
    }
    let mut state = shared.state();
    let found = state
        .host(&call.host)
        .repositories
        .entry(repository.to_owned())
        .or_default();
    found.blobs.insert(
        digest.to_owned(),
        StoredContent::new("application/octet-stream", bytes),
    );
    let location = format!("{}/{repository}/blobs/{digest}", root(call));
    answer(
        201,
        &[("location", &location), (respond::DIGEST, digest)],
        "",
    )
}

fn pending(call: &RegistryCall, repository: &str, id: &str, length: usize) -> Response {
    let location = format!("{}/{repository}/blobs/uploads/{id}", root(call));
    let range = format!("0-{}", length.saturating_sub(1));
    answer(
        202,
        &[
            ("location", &location),
            ("range", &range),
            ("docker-upload-uuid", id),
        ],
        "",
    )
}

fn root(call: &RegistryCall) -> String {
    if call.host.is_empty() {
        "/v2".to_owned()
    } else {
        format!("/{}/v2", call.host)
    }
}

fn digest_param(call: &RegistryCall) -> Option<String> {
    url::form_urlencoded::parse(call.query.as_bytes())
        .find(|(key, _)| key == "digest")
        .map(|(_, value)| value.into_owned())
}
