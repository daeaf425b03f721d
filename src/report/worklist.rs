//! What is behind, by stack: since when, and what holds it back. And where another watcher's list
//! (Diun's) says something else. Reads the plan, decides nothing.

mod diun;

pub use diun::{Disagreement, DisagreementKind, DiunList, compare_with_diun};

use crate::model::digest::Digest;
use crate::model::duration::show_time;
use crate::model::reference::Channel;
use crate::pipeline::{Decision, Plan, Reason, Snapshot, Verdict};
use crate::sites::{Literal, Site};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One image that is not where it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkItem {
    pub stack: String,
    /// The site's id.
    pub site: String,
    /// `stacks/web/main.tf:12`
    pub place: String,
    /// As declared, without the digest.
    pub image: String,
    pub verdict: Verdict,
    pub from: Option<Digest>,
    pub to: Option<Digest>,
    /// The newer tag, where a policy chose one.
    pub to_tag: Option<String>,
    /// When what is wanted was first seen upstream; `None` where that is not recorded.
    pub since: Option<Timestamp>,
    /// The code of the reason that decides, and its sentence.
    pub code: &'static str,
    pub why: String,
}

/// The columns of the table, of CSV and of Markdown.
pub const COLUMNS: [&str; 7] = ["stack", "image", "from", "to", "behind", "verdict", "why"];

/// Returns what is behind, by stack and image.
pub fn find_work(snapshot: &Snapshot, plan: &Plan) -> Vec<WorkItem> {
    let sites: BTreeMap<_, _> = snapshot
        .scan
        .sites()
        .map(|(literal, site)| (&site.id, (literal, site)))
        .collect();
    let items = plan.decisions.iter().filter_map(|decision| {
        let (literal, site) = sites.get(&decision.site)?;
        work_item(snapshot, decision, (literal, site))
    });
    let mut items: Vec<WorkItem> = items.collect();
    items.sort_by(|a, b| {
        let key = |item: &WorkItem| (item.stack.clone(), item.image.clone(), item.site.clone());
        key(a).cmp(&key(b))
    });
    items
}

fn work_item(
    snapshot: &Snapshot,
    decision: &Decision,
    (literal, site): (&Literal, &Site),
) -> Option<WorkItem> {
    let to_tag = decision.tags.as_ref().and_then(|tags| tags.to.clone());
    let is_behind = decision.to.is_some() && decision.to != decision.from || to_tag.is_some();
    let needs_person = matches!(
        decision.verdict,
        Verdict::Blocked | Verdict::Unknown | Verdict::Adopt
    );
    if !is_behind && !needs_person {
        return None;
    }
    let channel = channel_of(site, to_tag.as_ref());
    let tag = site.image.tag.as_ref();
    let tag = tag.map_or_else(String::new, |tag| format!(":{tag}"));
    let reason = decision.reasons.first();
    Some(WorkItem {
        stack: site.stack.to_string(),
        site: site.id.to_string(),
        place: format!("{}:{}", literal.file, literal.line),
        image: format!("{}{tag}", site.image.name),
        verdict: decision.verdict,
        from: decision.from.clone(),
        to: decision.to.clone(),
        to_tag: to_tag.map(|tag| tag.to_string()),
        since: channel.zip(decision.to.clone()).and_then(|key| {
            let ledger = snapshot.ledger.known()?;
            ledger.first_seen.get(&key).copied()
        }),
        code: reason.map_or("", Reason::code),
        why: reason.map_or_else(String::new, ToString::to_string),
    })
}

fn channel_of(site: &Site, to_tag: Option<&crate::model::reference::Tag>) -> Option<Channel> {
    match to_tag {
        Some(tag) => Some(site.image.repository().channel(tag.clone())),
        None => site.image.channel(),
    }
}

impl WorkItem {
    /// Returns the cells of [`COLUMNS`]; `at` is the time of the pass.
    pub fn cells(&self, at: Timestamp) -> [String; 7] {
        let short = |digest: &Option<Digest>| {
            let short = digest.as_ref().map(|digest| digest.short().to_owned());
            short.unwrap_or_else(|| "none".into())
        };
        let to = match (&self.to_tag, &self.to) {
            (Some(tag), Some(_)) => format!("{tag}@{}", short(&self.to)),
            (Some(tag), None) => tag.clone(),
            (None, _) => short(&self.to),
        };
        [
            self.stack.clone(),
            self.image.clone(),
            short(&self.from),
            to,
            self.since.map_or_else(String::new, |since| age(since, at)),
            self.verdict.to_string(),
            self.why.clone(),
        ]
    }

    pub fn to_json(&self) -> Value {
        json!({
            "stack": self.stack,
            "site": self.site,
            "place": self.place,
            "image": self.image,
            "verdict": self.verdict.as_str(),
            "from": self.from.as_ref().map(|digest| digest.as_str()),
            "to": self.to.as_ref().map(|digest| digest.as_str()),
            "to_tag": self.to_tag,
            "since": self.since.map(|since| since.to_string()),
            "reason": { "code": self.code, "text": self.why },
        })
    }
}

/// `3d`, `5h`; from a minute on.
fn age(since: Timestamp, at: Timestamp) -> String {
    let minutes = at.duration_since(since).as_mins().max(0);
    match minutes {
        ..60 => format!("{minutes}m"),
        60..1_440 => format!("{}h", minutes / 60),
        _ => format!("{}d", minutes / 1_440),
    }
}

/// Returns the list as Markdown: a heading and a table for each stack.
pub fn to_markdown(items: &[WorkItem], at: Timestamp) -> String {
    let mut text = String::new();
    for group in items.chunk_by(|a, b| a.stack == b.stack) {
        let Some(first) = group.first() else { continue };
        text += &format!("### {}\n\n", escape_cell(&first.stack));
        text += &format!(
            "| {} |\n|{}\n",
            COLUMNS[1..].join(" | "),
            " --- |".repeat(6)
        );
        for item in group {
            let cells = item.cells(at);
            let cells: Vec<String> = cells[1..].iter().map(|cell| escape_cell(cell)).collect();
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text.push('\n');
    }
    if text.is_empty() {
        text = format!("Nothing is behind as of {}.\n", show_time(at));
    }
    text
}

/// A cell of a Markdown table: no text ends it, or becomes a mark.
pub(super) fn escape_cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '|' | '\\' | '`' | '*' | '_' | '<' | '[' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '\n' | '\r' => out.push(' '),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
