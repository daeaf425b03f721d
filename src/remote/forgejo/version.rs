//! Which forge it is, and whether it is new enough.

use super::Client;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Wire};
use crate::error::{Error, Result};
use crate::model::one_line::one_line;
use serde::Deserialize;

/// Forgejo's first release with a number of its own, and the Gitea it came from; older ones lack
/// parts of the API.
const LEAST_FORGEJO: (u64, u64) = (7, 0);
const LEAST_GITEA: (u64, u64) = (1, 21);

/// What a forge says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// As said: `11.0.14+gitea-1.22.0`, `1.26.0`, `1.27.0+dev-123-gabcdef`.
    pub text: String,
    pub forgejo: bool,
    /// `None` where the text holds no number (built from a branch): taken for new enough.
    pub number: Option<(u64, u64)>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireVersion {
    version: Lax<String>,
}

impl Version {
    /// Reads what `/api/v1/version` says. Forgejo names the Gitea whose API it keeps after a `+`,
    /// and counts from 7; Gitea counts 1.x.
    pub fn parse(text: &str) -> Self {
        let text = text.trim().trim_start_matches('v');
        let mut parts = text
            .split(['.', '+', '-', '~'])
            .map(|part| part.parse::<u64>().ok());
        let number = parts
            .next()
            .flatten()
            .map(|major| (major, parts.next().flatten().unwrap_or(0)));
        let forgejo =
            text.contains("gitea-") || number.is_some_and(|(major, _)| major >= LEAST_FORGEJO.0);
        Self {
            text: one_line(text).chars().take(80).collect(),
            forgejo,
            number,
        }
    }

    /// Says whether pintle works with it.
    pub fn supported(&self) -> Result<()> {
        let (name, least) = if self.forgejo {
            ("Forgejo", LEAST_FORGEJO)
        } else {
            ("Gitea", LEAST_GITEA)
        };
        match self.number {
            Some(number) if number < least => {
                Err(Error::failed(format!("{name} {} is too old", self.text))
                    .cause(format!(
                        "pintle works with Forgejo {}.{} or Gitea {}.{} and later",
                        LEAST_FORGEJO.0, LEAST_FORGEJO.1, LEAST_GITEA.0, LEAST_GITEA.1
                    ))
                    .hint("update the forge"))
            }
            _ => Ok(()),
        }
    }
}

impl Wire for WireVersion {
    type Out = Version;

    fn read(self, _: &Place) -> Option<Version> {
        Some(self.version.0)
            .filter(|text| !text.trim().is_empty())
            .map(|text| Version::parse(&text))
    }
}

impl Client {
    /// Returns which forge it is. Takes no scope.
    pub async fn version(&self) -> Result<Version> {
        self.read::<WireVersion>(Ask::get(
            vec!["version".to_owned()],
            format!("ask {} for its version", self.place().host()),
        ))
        .await
    }
}

#[cfg(test)]
mod tests;
