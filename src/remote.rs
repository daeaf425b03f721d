//! One file for each outside system; their wire types stay here.

pub mod git;
pub mod oci;
pub mod tls;
