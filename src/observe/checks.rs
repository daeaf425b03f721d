//! The CI statuses of a commit: as they are now, or waited for. Never writes.

use super::Session;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::pipeline::forge::{Check, Checks};
use crate::remote::forgejo::{self, Client};
use std::time::Duration;

/// How a commit's pipeline ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PipelineEnd {
    Green,
    Red(Vec<Check>),
    /// No status came in time.
    Missing,
    /// It has not ended in time.
    Pending,
}

/// Asks for the statuses of a commit until they have ended or `[pipeline] timeout` is over.
///
/// # Errors
///
/// No forge is named, or it does not answer.
pub async fn wait_for_pipeline(
    session: &Session,
    config: &Config,
    commit: &CommitId,
) -> Result<PipelineEnd> {
    let client = session.forge().ok_or_else(|| {
        Error::usage("no forge is named").hint("name the repo's page: --forge URL")
    })?;
    let end = tokio::time::Instant::now() + config.pipeline.timeout.unsigned_abs();
    let mut pause = Duration::from_millis(500);
    loop {
        let now = fetch(client, config, commit).await?;
        let late = tokio::time::Instant::now() >= end;
        match now {
            Checks::Green => return Ok(PipelineEnd::Green),
            Checks::Red(failed) => return Ok(PipelineEnd::Red(failed)),
            Checks::Missing if late => return Ok(PipelineEnd::Missing),
            Checks::Pending if late => return Ok(PipelineEnd::Pending),
            Checks::Missing | Checks::Pending => {}
        }
        tokio::time::sleep_until((tokio::time::Instant::now() + pause).min(end)).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// Reads the statuses that count, those of `[pipeline] contexts`.
pub(super) async fn fetch(client: &Client, config: &Config, commit: &CommitId) -> Result<Checks> {
    let contexts = &config.pipeline.contexts;
    // pintle's own status is there as soon as its commit is: waiting for it would mean nothing.
    let counts = |context: &str| {
        context != forgejo::PROOF
            && (contexts.is_empty() || contexts.iter().any(|glob| glob.matches(context)))
    };
    let statuses = client.statuses(commit).await?;
    let statuses: Vec<_> = statuses
        .into_iter()
        .filter(|status| counts(&status.context))
        .collect();
    let of = |state| statuses.iter().filter(move |status| status.state == state);
    Ok(if statuses.is_empty() {
        Checks::Missing
    } else if of(forgejo::State::Failure).next().is_some() {
        Checks::Red(of(forgejo::State::Failure).map(failed_check).collect())
    } else if of(forgejo::State::Pending).next().is_some() {
        Checks::Pending
    } else {
        Checks::Green
    })
}

fn failed_check(status: &forgejo::Status) -> Check {
    Check {
        context: status.context.clone(),
        description: status.description.clone(),
        url: url::Url::parse(&status.target_url).ok(),
    }
}
