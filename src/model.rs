//! Plain values: image reference, digest, policy, schedule. No wire types, no async, no clock.

pub mod ask;
pub mod choice;
pub mod commit;
pub mod digest;
pub mod directive;
pub mod duration;
pub mod hold;
pub mod keel;
pub mod message;
pub mod one_line;
pub mod pattern;
pub mod platform;
pub mod policy;
pub mod reference;
pub mod schedule;
pub mod settings;
pub mod tag;
pub mod version;
pub mod rollout;
pub mod workload;
