//! One file for each outside system; their wire types stay here.

mod address;
pub mod alertmanager;
pub mod forgejo;
pub mod git;
#[cfg(feature = "github")]
pub mod github;
mod http;
pub mod kubernetes;
pub mod oci;
pub mod tls;
