//! Plain values: image reference, digest, policy, schedule. No wire types, no async, no clock.

pub mod digest;
pub mod reference;
