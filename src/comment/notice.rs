//! What pintle says by itself, once: as a comment on the pull request that it is about, or as an
//! issue. Decides nothing.

use super::marker::Marker;
use super::phrase::{commit_link, lines, link_within, named, said, sentence, short_hash};
use super::pull_request::RowWords;
use super::quote;
use crate::model::commit::CommitId;
use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::pipeline::Cause;
use crate::pipeline::answer::Notice;
use crate::pipeline::forge::Check;
use jiff::Timestamp;
use url::Url;

/// Returns title and body; a comment on a pull request has only the body. The body starts with the
/// mark of what it tells.
pub fn notice(notice: &Notice, forge_url: &Url) -> RowWords {
    match notice {
        Notice::Pipeline {
            commit,
            subject,
            pull,
            failed,
            began,
            since,
        } => {
            let mut words = pipeline(commit, subject, (failed, *began), *since, forge_url);
            if pull.is_none() {
                words.body += "Then this issue can be closed.\n";
            }
            words
        }
        Notice::NotRolledBack {
            site,
            image,
            cause,
            evidence,
            from,
            to,
            why,
        } => {
            let told = NoticeEvidence {
                image,
                cause: *cause,
                evidence,
                from,
                to: to.as_ref(),
                why,
            };
            not_back(&mark(notice), &site.to_string(), &told)
        }
        Notice::Rotten {
            site,
            image,
            digest,
            now,
        } => {
            let place = (&*site.to_string(), &**image);
            rotten(&mark(notice), place, digest, now.as_ref())
        }
    }
}

fn rotten(
    mark: &Marker,
    (site, image): (&str, &str),
    digest: &Digest,
    now: Option<&Digest>,
) -> RowWords {
    let means = now.map_or(String::new(), |now| {
        format!(" The tag means {} now.", named(now.as_str()))
    });
    let body = format!(
        "{}\n{} pins {} of {}, and the registry does not have it any more.{means}\n\n\
         Pods that run it go on, and a node that has no copy cannot start it. `/unpin` with the name \
         of the site follows the tag again, and `/pin` pins another digest; or push the image again. \
         pintle reports this once.\n",
        mark.render(),
        named(site),
        named(digest.as_str()),
        named(image),
    );
    let name = image.rsplit('/').next().unwrap_or(image);
    RowWords {
        title: format!(
            "The pinned image of {} is not in the registry any more",
            quote::cut(name, 80)
        ),
        body,
    }
}

/// Returns what is said when an issue about a pin that is gone is closed.
pub fn mended() -> &'static str {
    "No site pins this digest any more, or the registry has it again. pintle closes this issue.\n"
}

/// Returns the mark that says what a notice tells of.
pub fn mark(notice: &Notice) -> Marker {
    match notice {
        Notice::Pipeline { commit, .. } => Marker::Pipeline(commit.clone()),
        // Without the evidence: reasons take turns (`ErrImagePull`, `ImagePullBackOff`), and times
        // move.
        Notice::NotRolledBack {
            site, cause, from, ..
        } => Marker::NotBack(short_hash(&format!("{site}\n{}\n{from}", cause.as_str()))),
        Notice::Rotten { site, digest, .. } => {
            Marker::Rotten(short_hash(&format!("{site}\n{digest}")))
        }
    }
}

/// What is said of something that does not go back.
struct NoticeEvidence<'a> {
    image: &'a str,
    cause: Cause,
    evidence: &'a str,
    from: &'a Digest,
    to: Option<&'a Digest>,
    why: &'a str,
}

fn not_back(mark: &Marker, site: &str, told: &NoticeEvidence) -> RowWords {
    let NoticeEvidence {
        image,
        cause,
        evidence,
        from,
        to,
        why,
    } = told;
    let happened = match cause {
        Cause::Undo => "was undone in the cluster",
        Cause::Alert => "has had an alert since it was pinned",
        Cause::NotPulled => "could not be pulled since it was pinned",
        Cause::NotStarted => "has not started since it was pinned",
        _ => "has been failing since it was pinned",
    };
    let back = to.map_or(String::new(), |to| {
        format!(" Before, {} was pinned.", named(to.as_str()))
    });
    let next = match cause {
        Cause::Undo => {
            "The next apply of this repository brings the pinned image back, unless somebody changes the pin."
        }
        _ => "It stays as it is until somebody changes it.",
    };
    let body = format!(
        "{}\n{} ({}) {happened}.\n\n{}\n\n{} is pinned.{back}\n\n{}\n\n{next} `/rollback` with the name of the site rolls it back and holds it; `/hold` \
         keeps what is pinned. pintle reports this once.\n",
        mark.render(),
        named(site),
        named(image),
        sentence("What was seen: ", evidence),
        named(from.as_str()),
        sentence("pintle does not roll it back: ", why),
    );
    let name = image.rsplit('/').next().unwrap_or(image);
    RowWords {
        title: format!(
            "{} is not rolled back ({})",
            super::quote::cut(name, 80),
            cause.as_str()
        ),
        body,
    }
}

fn pipeline(
    commit: &CommitId,
    subject: &str,
    (failed, began): (&[Check], bool),
    since: Timestamp,
    forge_url: &Url,
) -> RowWords {
    let mark = Marker::Pipeline(commit.clone()).render();
    let link = commit_link(commit, forge_url);
    let subject = said(subject);
    let since = show_time(since);
    let (what, told) = if failed.is_empty() && began {
        let told = "Its pipeline began, and not all of its statuses have come to an end in time: it still runs, or waits for somebody.";
        ("has not ended", told.to_owned())
    } else if failed.is_empty() {
        let told = format!(
            "No status has come for it since {since}, though one was expected: its pipeline did not start, or did not report."
        );
        ("did not start", told)
    } else {
        let checks: Vec<String> = failed.iter().map(|check| one(check, forge_url)).collect();
        (
            "failed",
            format!(
                "Its pipeline failed:\n\n{}",
                lines(&checks, 40_000).trim_end()
            ),
        )
    };
    let body = format!(
        "{mark}\npintle wrote {link} ({subject}), {since}.\n\n{told}\n\nWhat the commit declares may not run yet. pintle reports this once and \
         keeps checking. Nothing more is needed once the statuses of this commit or of a later one are green.\n"
    );
    RowWords {
        title: format!("The pipeline of {} {what}", commit.short()),
        body,
    }
}

fn one(check: &Check, forge_url: &Url) -> String {
    let description = if check.description.trim().is_empty() {
        String::new()
    } else {
        format!(": {}", said(&check.description))
    };
    let url = check.url.as_ref().map_or(String::new(), |url| {
        format!(" ({})", link_within("log", url.as_str(), forge_url))
    });
    let name = if check.context.trim().is_empty() {
        quote::inline("a status")
    } else {
        named(&check.context)
    };
    format!("- {name}{description}{url}")
}

#[cfg(test)]
mod tests;
