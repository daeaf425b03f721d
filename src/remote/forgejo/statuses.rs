//! What others posted about a commit: the states of its pipelines.

use super::Client;
use super::body::CreateStatusBody;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Many, Wire};
use crate::error::Result;
use crate::model::commit::CommitId;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// So many statuses are asked for in one page, and so many pages.
const SIZE: usize = 50;
const PAGES: u32 = 4;

/// The context of the status with which pintle shows its proof. It is no status of CI: pintle does
/// not wait for it.
pub const PROOF: &str = "pintle/proof";

/// A status to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStatus {
    pub context: &'static str,
    pub state: State,
    pub description: &'static str,
}

/// A pipeline's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Success,
    Pending,
    Failure,
}

/// The last that was said in one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub context: String,
    pub state: State,
    pub description: String,
    /// As posted: an address, or a path of the forge.
    pub target_url: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireCombined {
    statuses: Many<WireStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireStatus {
    id: Lax<u64>,
    context: Lax<String>,
    /// Forgejo and Gitea.
    status: Lax<String>,
    /// As GitHub calls it.
    state: Lax<String>,
    description: Lax<String>,
    target_url: Lax<String>,
}

impl State {
    /// Reads a forge's word. A warning is a failure, as Gitea combines it; what was skipped does
    /// not hold anything up; a word that is not known is neither green nor red.
    fn parse(word: &str) -> Self {
        match word {
            "success" | "skipped" => Self::Success,
            "failure" | "error" | "warning" => Self::Failure,
            _ => Self::Pending,
        }
    }
}

impl Wire for WireCombined {
    type Out = Vec<(u64, Status)>;

    fn read(self, _: &Place) -> Option<Self::Out> {
        Some(
            self.statuses
                .0
                .into_iter()
                .map(|status| status.0.read())
                .collect(),
        )
    }
}

impl WireStatus {
    fn read(self) -> (u64, Status) {
        let word = if self.status.is_empty() {
            &self.state
        } else {
            &self.status
        };
        let state = State::parse(word);
        let (context, description, target_url) =
            (self.context.0, self.description.0, self.target_url.0);
        (
            self.id.0,
            Status {
                context,
                state,
                description,
                target_url,
            },
        )
    }
}

impl Client {
    /// Sets a status of a commit.
    pub async fn set_status(&self, commit: &CommitId, status: &NewStatus) -> Result<()> {
        let ask = Ask::write(
            Method::POST,
            self.path(["statuses", commit.as_str()]),
            &CreateStatusBody {
                context: status.context,
                state: match status.state {
                    State::Success => "success",
                    State::Pending => "pending",
                    State::Failure => "failure",
                },
                description: status.description,
            },
            format!("set the status {} of {}", status.context, commit.short()),
        )?;
        self.ask_successfully(ask).await.map(drop)
    }

    /// Returns the last status of each context of a commit, sorted by context.
    pub async fn statuses(&self, commit: &CommitId) -> Result<Vec<Status>> {
        let (mut last, mut seen) = (BTreeMap::<String, (u64, Status)>::new(), 0);
        for page in 1..=PAGES {
            let ask = Ask::get(
                self.path(["commits", commit.as_str(), "status"]),
                format!("read the statuses of {}", commit.short()),
            );
            let ask = ask
                .query("page", page.to_string())
                .query("limit", SIZE.to_string());
            let reply = self.ask_successfully(ask.clone()).await?;
            let statuses = self.decoded::<WireCombined>(&ask.what, &reply)?;
            let known = last.len();
            seen += statuses.len();
            for (id, status) in statuses {
                // Ids grow; of two with the same, the first in the forge's order is the last one
                // posted.
                if last.get(&status.context).is_none_or(|(old, _)| id > *old) {
                    last.insert(status.context.clone(), (id, status));
                }
            }
            if last.len() == known || reply.total().is_some_and(|total| seen >= total) {
                break;
            }
        }
        Ok(last.into_values().map(|(_, status)| status).collect())
    }
}
