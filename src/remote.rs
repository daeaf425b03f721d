//! One file for each outside system; their wire types stay here.

pub mod alertmanager;
pub mod forgejo;
pub mod git;
#[cfg(feature = "github")]
pub mod github;
mod child;
mod http;
pub mod kubernetes;
pub mod oci;
mod paging;
pub mod receiver;

pub use http::{answers_by_host, install_tls, requests_by_host};
