//! The story that `pintle demo` tells, and the servers it tells it with.

pub mod cluster;
pub mod registry;
pub mod story;
mod world;
