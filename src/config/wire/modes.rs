//! The key `mode`: one word, or one for each action.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// One mode for everything, or one for each action.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(untagged)]
pub(in crate::config) enum Modes {
    All(ModeToml),
    Each(ModeOf),
}

/// By hand, so that a wrong word or key is named: an untagged enum says only that nothing fits.
impl<'de> Deserialize<'de> for Modes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ModesVisitor)
    }
}

struct ModesVisitor;

impl<'de> Visitor<'de> for ModesVisitor {
    type Value = Modes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`commit`, `pull-request` or `off`, or a table of them for `adopt`, `update`, `bump` and `rollback`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Modes, E> {
        ModeToml::deserialize(word.into_deserializer()).map(Modes::All)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Modes, A::Error> {
        ModeOf::deserialize(MapAccessDeserializer::new(map)).map(Modes::Each)
    }
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct ModeOf {
    /// First pins.
    pub adopt: Option<ModeToml>,
    /// Pins that follow their tag. Was called `move` once.
    #[serde(alias = "move")]
    pub update: Option<ModeToml>,
    /// Pins under a newer tag, where a policy chooses it.
    pub bump: Option<ModeToml>,
    /// Rollbacks that pintle makes by itself.
    pub rollback: Option<ModeToml>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum ModeToml {
    /// A commit on the branch.
    Commit,
    /// A pull request that somebody merges.
    PullRequest,
    /// Nothing is written.
    Off,
}
