//! What the world looks like now. Reads only; a failure is a value.

pub mod cache;
pub mod registry;
