//! One file per outside system. Wire types stay here.

pub mod oci;
pub mod tls;
