//! The dashboard issue: what waits, what is held, what a person has to do, what is behind and what
//! was rolled back, in Markdown. Its text depends on the plan and not on the time of the pass, so
//! that it stays the same until something changes. Decides nothing.

use crate::comment::marker::Marker;
use crate::comment::phrase::{LONGEST, code_link, commit_link, lines, named, said};
use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::model::reference::Channel;
use crate::pipeline::forge::PullState;
use crate::pipeline::{
    Action, Change, Decision, Delivery, Plan, Recorded, Seen, Snapshot, Upstream, Verdict,
};
use crate::report::count_verdicts;
use crate::sites::SiteId;
use jiff::{Timestamp, ToSpan};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// The title of the issue.
pub const TITLE: &str = "pintle: dashboard";
/// How many hours back rollbacks are shown.
const WEEK: i64 = 7 * 24;
/// The longest section, in bytes; there are seven.
const ROOM: usize = (LONGEST - 6_000) / 7;

/// The text of the dashboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dashboard {
    /// Of the text without the time: 40 hex digits. The issue has it in its marker.
    pub hash: String,
    /// Markdown.
    pub body: String,
}

/// Renders the dashboard of a plan; `forge_url` is the repo's page.
pub fn render_dashboard(snapshot: &Snapshot, plan: &Plan, forge_url: &Url) -> Dashboard {
    let page = DashboardPage {
        snapshot,
        plan,
        forge_url,
        images: images(snapshot),
        written: written_sites(plan),
    };
    let text = page.text();
    let hash: String = Sha256::digest(&text)
        .iter()
        .take(20)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mark = Marker::Dashboard(hash.clone()).render();
    let at = show_time(plan.at);
    Dashboard {
        hash,
        body: format!("{mark}\n{text}\nLast changed by the pass of {at}.\n"),
    }
}

/// The channel of each site, as declared.
fn images(snapshot: &Snapshot) -> BTreeMap<&SiteId, String> {
    let image = |site: &crate::sites::Site| {
        let channel = site.image.channel();
        channel.map_or_else(|| site.image.to_string(), |channel| channel.to_string())
    };
    let sites = snapshot.scan.sites();
    sites.map(|(_, site)| (&site.id, image(site))).collect()
}

/// The sites that this pass changes by a commit: they are neither behind nor waiting any more.
fn written_sites(plan: &Plan) -> BTreeSet<&str> {
    let commits = plan
        .changes
        .iter()
        .filter(|change: &&Change| change.delivery == Delivery::Commit);
    let pins = commits.flat_map(|change| &change.pins);
    pins.map(|pin| pin.site.as_str()).collect()
}

struct DashboardPage<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    forge_url: &'a Url,
    images: BTreeMap<&'a SiteId, String>,
    written: BTreeSet<&'a str>,
}

impl DashboardPage<'_> {
    fn text(&self) -> String {
        let sections = [
            self.of_verdict("What a person has to do", Verdict::Blocked),
            self.of_verdict("What waits", Verdict::Waiting),
            self.of_verdict("What is held", Verdict::Held),
            section("What is behind", &self.behind()),
            section("Open pull requests", &self.pull_requests()),
            section("Rolled back in the last 7 days", &self.rollbacks()),
            section(
                "Entries of `pintle.toml` that match nothing",
                &self.unmatched(),
            ),
        ];
        let sections: String = sections.concat();
        let rest = if sections.is_empty() {
            "Nothing waits, and nothing is held or blocked.\n\n".to_owned()
        } else {
            sections
        };
        format!(
            "pintle keeps this issue up to date, and edits it only when something changes. Close it \
             and pintle leaves it alone until you open it again.\n\n\
             **{}**\n\n{rest}{}{COMMANDS}",
            count_verdicts(&self.plan.decisions),
            self.last_commit(),
        )
    }

    fn decisions(&self) -> impl Iterator<Item = &Decision> {
        let decisions = self.plan.decisions.iter();
        decisions.filter(|decision| !self.written.contains(&*decision.site.0))
    }

    fn of_verdict(&self, title: &str, verdict: Verdict) -> String {
        let rows: Vec<String> = self
            .decisions()
            .filter(|decision| decision.verdict == verdict)
            .map(|decision| {
                let reason = decision.reasons.first();
                let reason = reason.map_or(String::new(), |reason| {
                    format!(": {}", said(&reason.to_string()))
                });
                format!("- {}{reason}", self.name(decision))
            })
            .collect();
        section(title, &rows)
    }

    /// The image, and the site that decides it.
    fn name(&self, decision: &Decision) -> String {
        let site = named(decision.site.as_str());
        match self.images.get(&decision.site) {
            Some(image) => format!("{} ({site})", named(image)),
            None => site,
        }
    }

    /// What has another digest upstream than it pins, whatever keeps it from being updated.
    fn behind(&self) -> Vec<String> {
        let row = |decision: &Decision| {
            let from = decision.from.as_ref()?;
            let to = self.wanted(decision).filter(|to| *to != from)?;
            let seen = self.first_seen(decision, to);
            let seen = seen.map_or(String::new(), |at| {
                format!(", first seen {}", show_time(at))
            });
            let (from, to) = (named(from.short()), named(to.short()));
            Some(format!("- {}: {from} → {to}{seen}", self.name(decision)))
        };
        self.decisions().filter_map(row).collect()
    }

    /// The digest that a site would have if nothing kept it. Of a held site the plan says none.
    fn wanted<'a>(&'a self, decision: &'a Decision) -> Option<&'a Digest> {
        let upstream = || match self.snapshot.upstream.get(&self.channel(decision)?)? {
            Seen::Known(Upstream::Digest(digest)) => Some(digest),
            _ => None,
        };
        match decision.verdict {
            Verdict::Unknown | Verdict::InSync | Verdict::Frozen => None,
            Verdict::Held => decision.to.as_ref().or_else(upstream),
            _ => decision.to.as_ref(),
        }
    }

    fn channel(&self, decision: &Decision) -> Option<Channel> {
        Channel::parse(self.images.get(&decision.site)?)
    }

    fn first_seen(&self, decision: &Decision, to: &Digest) -> Option<Timestamp> {
        let seen = &self.plan.ledger.first_seen;
        seen.get(&(self.channel(decision)?, to.clone())).copied()
    }

    fn pull_requests(&self) -> Vec<String> {
        let pulls = self.snapshot.forge.known().into_iter();
        pulls
            .flat_map(|forge| &forge.pulls)
            .filter(|pull| pull.state == PullState::Open)
            .map(|pull| {
                let link = code_link(&format!("#{}", pull.number), pull.url.as_str());
                format!("- {link}: {}", said(&pull.title))
            })
            .collect()
    }

    fn rollbacks(&self) -> Vec<String> {
        let since = self.plan.at.checked_sub(WEEK.hours());
        let since = since.unwrap_or(Timestamp::MIN);
        let history = self.snapshot.history.known().into_iter();
        history
            .flat_map(|history| history.iter())
            .filter(|record| record.pin.action == Action::Rollback && record.at >= since)
            .map(|record| self.rollback_row(record))
            .collect()
    }

    fn rollback_row(&self, record: &Recorded) -> String {
        let short = |digest: &Option<Digest>| {
            digest
                .as_ref()
                .map_or("no pin".to_owned(), |digest| named(digest.short()))
        };
        format!(
            "- {}: {} from {} to {} ({}), {}",
            show_time(record.at),
            named(&record.pin.image),
            short(&record.pin.from),
            short(&record.pin.to),
            record.pin.cause.as_str(),
            commit_link(&record.landed, self.forge_url),
        )
    }

    fn unmatched(&self) -> Vec<String> {
        let unmatched = self.plan.unmatched.iter();
        unmatched
            .map(|one| format!("- {}", said(&one.to_string())))
            .collect()
    }

    fn last_commit(&self) -> String {
        let history = self.snapshot.history.known();
        let Some(last) = history.and_then(|history| history.first()) else {
            return String::new();
        };
        format!(
            "The last commit of pintle is {} ({}), {}.\n\n",
            commit_link(&last.landed, self.forge_url),
            said(&last.subject),
            show_time(last.at),
        )
    }
}

/// What can be written in a comment below.
const COMMANDS: &str = "\
### Commands

Write a command on a line of its own in a comment below, with the name of a site or workload.
Checkboxes do nothing.

| command | effect |
| --- | --- |
| `/explain NAME` | shows everything known about an image |
| `/hold NAME for 7d` | keeps the image as it is |
| `/resume NAME` | removes a hold |
| `/rollback NAME` | pins the digest before this one, and holds it |
| `/unpin NAME` | removes the hold and follows the tag again |
| `/status`, `/plan`, `/help` | show what runs, what the next pass writes, and all commands |
";

fn section(title: &str, rows: &[String]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("### {title}\n\n{}\n", lines(rows, ROOM))
}

#[cfg(test)]
mod tests;
