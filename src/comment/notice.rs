//! What pintle says by itself, once: as a comment on the pull request that it is about, or as an issue. Decides nothing.

use super::marker::Marker;
use super::phrase::{commit_link, lines, link_within, named, said};
use super::pull_request::Words;
use super::quote;
use crate::model::commit::CommitId;
use crate::model::duration::show_time;
use crate::pipeline::answer::Notice;
use crate::pipeline::forge::Check;
use jiff::Timestamp;
use url::Url;

/// Returns title and body; a comment on a pull request has only the body. The body starts with the mark of what it tells.
pub fn notice(notice: &Notice, forge_url: &Url) -> Words {
    match notice {
        Notice::Pipeline { commit, subject, pull, failed, since } => {
            let mut words = pipeline(commit, subject, failed, *since, forge_url);
            if pull.is_none() {
                words.body += "Then this issue can be closed.\n";
            }
            words
        }
    }
}

fn pipeline(commit: &CommitId, subject: &str, failed: &[Check], since: Timestamp, forge_url: &Url) -> Words {
    let mark = Marker::Pipeline(commit.clone()).render();
    let link = commit_link(commit, forge_url);
    let subject = said(subject);
    let since = show_time(since);
    let (what, told) = if failed.is_empty() {
        let told =
            format!("No status has come for it since {since}, though one was expected: its pipeline did not start, or did not report.");
        ("did not start", told)
    } else {
        let checks: Vec<String> = failed.iter().map(|check| one(check, forge_url)).collect();
        ("failed", format!("Its pipeline failed:\n\n{}", lines(&checks, 40_000).trim_end()))
    };
    let body = format!(
        "{mark}\npintle wrote {link} ({subject}), {since}.\n\n{told}\n\nWhat the commit declares may not run yet. pintle tells this once, and \
         goes on looking: once the statuses of this commit or of a later one are green, nothing more is needed.\n"
    );
    Words { title: format!("The pipeline of {} {what}", commit.short()), body }
}

fn one(check: &Check, forge_url: &Url) -> String {
    let description = if check.description.trim().is_empty() { String::new() } else { format!(": {}", said(&check.description)) };
    let url = check.url.as_ref().map_or(String::new(), |url| format!(" ({})", link_within("log", url.as_str(), forge_url)));
    let name = if check.context.trim().is_empty() { quote::inline("a status") } else { named(&check.context) };
    format!("- {name}{description}{url}")
}

#[cfg(test)]
mod tests;
