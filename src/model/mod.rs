//! Plain values: image reference, digest, policy, schedule. No wire types, no async, no clock.

pub mod commit;
pub mod digest;
pub mod reference;
