//! A request to the registry: which host, which part of which repository, and what serves it.
//! Answers nothing.

use super::line::ConnectionHandle;
use super::state::RegistryShared;
use axum::http::{Method, request};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What every request needs.
#[derive(Clone)]
pub(super) struct RegistryService {
    pub shared: Arc<RegistryShared>,
    pub stop: watch::Receiver<bool>,
    pub addr: SocketAddr,
    /// For what a pull-through cache asks its upstream.
    pub http: reqwest::Client,
}

/// A request to one host.
pub(super) struct RegistryCall {
    pub method: Method,
    pub host: String,
    /// The path after `/v2/`.
    pub path: String,
    pub query: String,
    pub parts: request::Parts,
    pub body: Bytes,
    pub line: ConnectionHandle,
}

/// What a path after `/v2/` names.
#[derive(Clone, Copy)]
pub(super) enum RegistryPath<'a> {
    Manifest {
        repository: &'a str,
        reference: &'a str,
    },
    Blob {
        repository: &'a str,
        digest: &'a str,
    },
    Upload {
        repository: &'a str,
        id: &'a str,
    },
    Tags {
        repository: &'a str,
    },
}

impl<'a> RegistryPath<'a> {
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        if let Some(repository) = path.strip_suffix("/tags/list") {
            return Some(Self::Tags { repository });
        }
        if let Some((repository, id)) = path.rsplit_once("/blobs/uploads/") {
            return Some(Self::Upload { repository, id });
        }
        if let Some(repository) = path.strip_suffix("/blobs/uploads") {
            return Some(Self::Upload { repository, id: "" });
        }
        if let Some((repository, digest)) = path.rsplit_once("/blobs/") {
            return Some(Self::Blob { repository, digest });
        }
        let (repository, reference) = path.rsplit_once("/manifests/")?;
        Some(Self::Manifest {
            repository,
            reference,
        })
    }

    pub(super) fn repository(&self) -> &'a str {
        match self {
            Self::Manifest { repository, .. }
            | Self::Blob { repository, .. }
            | Self::Upload { repository, .. } => repository,
            Self::Tags { repository } => repository,
        }
    }
}
