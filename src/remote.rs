//! One file for each outside system; their wire types stay here.

pub mod forgejo;
pub mod git;
pub mod oci;
pub mod tls;
