//! `pintle.toml`: what a user may say, checked once into types that cannot be wrong.

/// The whole configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {}
