//! What others posted about a commit: the states of its pipelines.

use super::Client;
use super::http::Ask;
use super::place::Place;
use super::wire::{Lax, Many, When, Wire, number};
use crate::error::Result;
use crate::model::commit::CommitId;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

/// So many statuses are asked for in one page, and so many pages.
const SIZE: usize = 50;
const PAGES: u32 = 4;

/// A pipeline's state, worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    pub updated_at: Option<Timestamp>,
}

/// All contexts of a commit, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Combined {
    pub statuses: Vec<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct WireCombined {
    statuses: Many<WireStatus>,
    total_count: Lax<usize>,
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
    updated_at: When,
}

impl State {
    /// Reads a forge's word. A warning is a failure, as Gitea combines it; what was skipped does not hold anything up; a word that is not
    /// known is neither green nor red.
    fn parse(word: &str) -> Self {
        match word {
            "success" | "skipped" => Self::Success,
            "failure" | "error" | "warning" => Self::Failure,
            _ => Self::Pending,
        }
    }
}

impl Combined {
    /// Returns the worst state; `None` when nothing was posted.
    pub fn state(&self) -> Option<State> {
        self.statuses.iter().map(|status| status.state).max()
    }
}

/// One page: the statuses with their ids, and how many there are in all.
type Page = (Vec<(u64, Status)>, usize);

impl Wire for WireCombined {
    type Out = Page;

    fn read(self, _: &Place) -> Option<Page> {
        let total = *self.total_count;
        Some((self.statuses.0.into_iter().filter_map(|status| status.0.read()).collect(), total))
    }
}

impl WireStatus {
    fn read(self) -> Option<(u64, Status)> {
        let word = if self.status.is_empty() { &self.state } else { &self.status };
        let state = State::parse(word);
        let (context, description, target_url) = (self.context.0, self.description.0, self.target_url.0);
        Some((number(self.id)?, Status { context, state, description, target_url, updated_at: self.updated_at.0 }))
    }
}

impl Client {
    /// Returns the last status of each context of a commit.
    pub async fn statuses(&self, commit: &CommitId) -> Result<Combined> {
        let mut last: BTreeMap<String, (u64, Status)> = BTreeMap::new();
        for page in 1..=PAGES {
            let ask = Ask::get(self.path(["commits", commit.as_str(), "status"]), format!("read the statuses of {}", commit.short()));
            let ask = ask.query("page", page.to_string()).query("limit", SIZE.to_string());
            let (statuses, _) = self.read::<WireCombined>(ask).await?;
            let known = last.len();
            for (id, status) in statuses {
                let old = last.get(&status.context).map_or(0, |(id, _)| *id);
                if id > old {
                    last.insert(status.context.clone(), (id, status));
                }
            }
            if last.len() == known {
                break;
            }
        }
        Ok(Combined { statuses: last.into_values().map(|(_, status)| status).collect() })
    }
}
