//! Real OCI images, small and always the same bytes for the same words, and how they get into a
//! registry. Never pulls anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::http::{Reply, request};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// All the types a manifest request has to accept; a 2.8 registry answers 404 when the OCI ones are
/// missing.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// `sha256:…` of bytes.
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// The value of an `Authorization` header for basic auth.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Somebody who may push to a registry.
pub struct Pusher {
    pub address: String,
    /// The whole `Authorization` header, if the registry wants one.
    pub authorization: Option<String>,
}

impl Pusher {
    /// Pushes one single-platform image and lets `tag` name it. Returns its manifest's digest.
    pub fn image(&self, repository: &str, tag: &str, variant: &str) -> String {
        let manifest = self.manifest(repository, variant, "amd64");
        self.put(repository, tag, &manifest, MANIFEST)
    }

    /// Pushes an index with an image for each of `architectures` and lets `tag` name it. Returns
    /// the index's digest.
    pub fn index(
        &self,
        repository: &str,
        tag: &str,
        variant: &str,
        architectures: &[&str],
    ) -> String {
        let entry = |architecture: &&str| {
            let manifest = self.manifest(repository, variant, architecture);
            let digest = self.put(repository, &digest(&manifest), &manifest, MANIFEST);
            let platform = json!({"architecture": architecture, "os": "linux"});
            json!({"mediaType": MANIFEST, "digest": digest, "size": manifest.len(), "platform": platform})
        };
        let manifests: Vec<Value> = architectures.iter().map(entry).collect();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
        self.put(repository, tag, &bytes(&index), INDEX)
    }

    fn manifest(&self, repository: &str, variant: &str, architecture: &str) -> Vec<u8> {
        let layer = tar(
            "hello.txt",
            format!("{repository} {variant} {architecture}\n").as_bytes(),
        );
        let config = bytes(&json!({
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-01T00:00:00Z",
            "config": {"Cmd": ["/hello"], "Labels": {"variant": variant}},
            "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]},
        }));
        self.blob(repository, &config);
        self.blob(repository, &layer);
        bytes(&json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest(&config), "size": config.len()},
            "layers": [{"mediaType": LAYER, "digest": digest(&layer), "size": layer.len()}],
        }))
    }

    /// Uploads bytes that a manifest names.
    pub fn blob(&self, repository: &str, bytes: &[u8]) {
        let begun = self.send(
            "POST",
            &format!("/v2/{repository}/blobs/uploads/"),
            &[],
            b"",
            202,
        );
        let location = begun.header("location").expect("an upload has a location");
        let target = match location.split_once("://") {
            Some((_, rest)) => &rest[rest.find('/').expect("a location has a path")..],
            None => location,
        };
        let mark = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{mark}digest={}", digest(bytes));
        self.send(
            "PUT",
            &target,
            &[("Content-Type", "application/octet-stream")],
            bytes,
            201,
        );
    }

    /// Pushes a manifest, and returns its digest.
    pub fn put(&self, repository: &str, name: &str, manifest: &[u8], media_type: &str) -> String {
        let target = format!("/v2/{repository}/manifests/{name}");
        let reply = self.send(
            "PUT",
            &target,
            &[("Content-Type", media_type)],
            manifest,
            201,
        );
        let told = reply
            .header("docker-content-digest")
            .expect("the registry names the digest");
        assert_eq!(told, digest(manifest));
        told.to_owned()
    }

    fn send(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        want: u16,
    ) -> Reply {
        let mut headers = headers.to_vec();
        if let Some(value) = &self.authorization {
            headers.push(("Authorization", value));
        }
        let reply = request(&self.address, method, target, &headers, body);
        let reply = reply.unwrap_or_else(|why| panic!("{method} {target}: {why}"));
        let text = String::from_utf8_lossy(&reply.body);
        assert_eq!(reply.status, want, "{method} {target}: {text}");
        reply
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON value is JSON")
}

/// A tar archive with one file (ustar; mode 644, owner 0, time 0).
fn tar(name: &str, data: &[u8]) -> Vec<u8> {
    let mut header = [0u8; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    let mut field =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    field(100, "0000644\0");
    field(108, "0000000\0");
    field(116, "0000000\0");
    field(124, &format!("{:011o}\0", data.len()));
    field(136, "00000000000\0");
    field(148, "        ");
    field(156, "0");
    field(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend_from_slice(data);
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}
