//! Why a site is where it is, in sentences for people. Decides nothing: it tells what `plan` decided and from what.

use super::gate::ignore_place;
use super::json::verdict_word;
use super::past::past;
use super::select::{Select, Setting, Terms};
use super::status;
use crate::config::Mode;
use crate::model::duration::{show, show_time};
use crate::pipeline::{CacheAnswer, Decision, Plan, Seen, Snapshot, Upstream, Verdict};
use crate::sites::{Fate, Literal, Site, Use};
use std::collections::BTreeMap;

/// Lines for a terminal, the first of them the literal's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub lines: Vec<String>,
}

/// How many sites have each verdict: `2 in-sync, 1 move`.
pub fn counts(plan: &Plan) -> String {
    tally(&plan.decisions)
}

pub(super) fn tally<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for decision in decisions {
        *counts.entry(decision.verdict).or_default() += 1;
    }
    let words: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {}", verdict_word(*verdict))).collect();
    if words.is_empty() { "no sites".to_owned() } else { words.join(", ") }
}

/// Explains one literal of the snapshot's scan.
pub fn explain(snapshot: &Snapshot, plan: &Plan, literal: &Literal) -> Explanation {
    let mut lines = vec![format!("{}:{} \"{}\"", literal.file, literal.line, literal.literal)];
    match &literal.fate {
        Fate::Site(site) => {
            lines.push(format!("site       {}", site.key));
            lines.push(format!("image      {}", site.image));
            lines.extend(literal.uses.iter().map(|used| used_by(snapshot, used)));
            let terms = Select::of(snapshot).terms(literal, site);
            lines.extend(policy(&terms));
            lines.extend(observed(snapshot, site, &terms));
            lines.extend(running(snapshot, plan, literal));
            lines.extend(history(snapshot, site, &terms));
            lines.extend(verdict(plan, site));
        }
        other => {
            lines.push(format!("fate       {}", fate(other)));
            lines.extend(literal.reference.iter().map(|image| format!("image      {image}")));
            lines.extend(literal.uses.iter().map(|used| used_by(snapshot, used)));
            lines.extend(running(snapshot, plan, literal));
        }
    }
    Explanation { lines }
}

fn fate(fate: &Fate) -> String {
    match fate {
        Fate::Site(_) => "a site".into(),
        Fate::Half(why) => format!("only a part of an image: {why}"),
        Fate::Unpinnable(why) => format!("cannot carry a pin: {why}"),
        Fate::Dead(why) => format!("decides nothing: {why}"),
        Fate::Orphan(why) => format!("in a module that nothing calls: {why}"),
    }
}

fn used_by(snapshot: &Snapshot, used: &Use) -> String {
    let part = |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or("(not known)").to_owned();
    let mut line = format!("used by    {} {}/{}", used.kind, part(&used.namespace), part(&used.name));
    if let Some(container) = &used.container {
        line += &format!(", {}container {container}", if used.init { "init " } else { "" });
    }
    line += &format!(" ({}:{}, root {}", used.file, used.line, used.root);
    if let Some(environment) = &used.environment {
        line += &format!(", environment {environment}");
    }
    line += ")";
    match used.ignored {
        Some(true) => line += &format!(", ignored by terraform ({})", ignore_place(snapshot, used)),
        Some(false) => line += ", tracked by terraform",
        None => {}
    }
    if let Some(count) = used.instances.filter(|count| *count != 1) {
        line += &format!(", {count} instances");
    }
    line
}

fn policy(terms: &Terms) -> Vec<String> {
    let class = terms.class.words();
    let policy = match &terms.policy {
        Some(policy) => format!("{} ({})", policy.value, policy.from),
        None if terms.follows => format!("force (built in: the tag is {class})"),
        None => format!("none; the pin stays at its own digest (built in: the tag is {class})"),
    };
    let mode = |mode: &Setting<Mode>| format!("{} ({})", mode.value.word(), mode.from);
    let modes = format!("adopt {}, move {}, rollback {}", mode(&terms.adopt), mode(&terms.follow), mode(&terms.rollback));
    let mut lines = vec![format!("policy     {policy}"), format!("mode       {modes}")];
    if terms.automerge.value {
        let (soak, merge) = (&terms.soak, &terms.automerge);
        lines.push(format!("merges     by itself ({}), soak {} ({})", merge.from, show(soak.value), soak.from));
    }
    if terms.follows {
        lines.push(format!("settle     {} ({})", show(terms.settle.value), terms.settle.from));
        lines.extend(terms.schedule.iter().map(|schedule| format!("schedule   {} ({})", schedule.value, schedule.from)));
    }
    lines.extend(terms.group.iter().map(|group| format!("group      {group}")));
    lines.extend(terms.holds.iter().map(|hold| format!("hold       {} ({})", hold.value, hold.from)));
    lines
}

fn observed(snapshot: &Snapshot, site: &Site, terms: &Terms) -> Vec<String> {
    let Some(channel) = &terms.channel else { return vec!["channel    none".into()] };
    let mut lines = vec![format!("channel    {}", terms.image)];
    lines.push(match snapshot.upstream.get(channel) {
        Some(Seen::Known(Upstream::Digest(digest))) => format!("upstream   {digest}"),
        Some(Seen::Known(Upstream::Missing)) => "upstream   the registry says that it does not exist".into(),
        Some(Seen::Unknown(why)) => format!("upstream   could not be asked: {why}"),
        Some(Seen::NotAsked) | None => "upstream   was not asked".into(),
    });
    lines.extend(snapshot.cache.get(channel).map(|answer| format!("cache      {}", cache(answer))));
    if let (Some(ledger), Some(Seen::Known(Upstream::Digest(digest)))) = (snapshot.ledger.known(), snapshot.upstream.get(channel))
        && site.image.digest.as_ref() != Some(digest)
        && let Some(at) = ledger.first_seen.get(&(channel.clone(), digest.clone()))
    {
        lines.push(format!("first seen {}", show_time(*at)));
    }
    lines
}

fn cache(answer: &CacheAnswer) -> String {
    match answer {
        CacheAnswer::Fresh => "fresh".into(),
        CacheAnswer::Stale { serves } => format!("stale: serves {serves}"),
        CacheAnswer::Bypass { status } => format!("not used: answers {status}"),
        CacheAnswer::Unreachable(why) => format!("could not be asked: {why}"),
        CacheAnswer::Unproven { serves } => format!("serves {serves}, which proves nothing while upstream cannot be asked"),
    }
}

/// What runs, who owns it, and what ran before; nothing where no cluster is named.
fn running(snapshot: &Snapshot, plan: &Plan, literal: &Literal) -> Vec<String> {
    if snapshot.cluster == Seen::NotAsked {
        return Vec::new();
    }
    let status = status::status(snapshot, plan, Some(&[literal]));
    if let Some(dark) = status.dark {
        return vec![format!("runs       not known: {dark}")];
    }
    let mut lines = Vec::new();
    for row in &status.rows {
        let digest = row.runs.as_ref().map_or(row.state.word().to_owned(), ToString::to_string);
        let since = row.since.map_or(String::new(), |at| format!(" since {}", show_time(at)));
        lines.push(format!("runs       {digest}{since} ({})", row.workload()));
        lines.extend(row.why.iter().map(|why| format!("           {why}")));
        lines.extend(row.owner.map(|owner| format!("owner      {owner}")));
    }
    lines.extend(status::revisions(snapshot, literal).into_iter().map(|revision| format!("revision   {revision}")));
    lines
}

fn history(snapshot: &Snapshot, site: &Site, terms: &Terms) -> Vec<String> {
    match &snapshot.history {
        Seen::NotAsked => Vec::new(),
        Seen::Unknown(why) => vec![format!("history    not known: {why}")],
        Seen::Known(history) => past(history, site, &terms.image)
            .into_iter()
            .map(|record| {
                let from = record.pin.from.as_ref().map_or("no pin".into(), |from| format!("sha256:{}", from.short()));
                let (to, at) = (record.pin.to.as_ref().map_or("none", |to| to.short()), show_time(record.at));
                format!("history    {at} {}: {from} → sha256:{to}, by {}", record.commit.short(), record.author)
            })
            .collect(),
    }
}

fn verdict(plan: &Plan, site: &Site) -> Vec<String> {
    let Some(decision) = plan.decisions.iter().find(|decision| decision.site == site.key) else { return Vec::new() };
    let to = decision.to.as_ref().map_or(String::new(), |to| format!(" → {to}"));
    let mut lines = vec![format!("verdict    {}{to}", verdict_word(decision.verdict))];
    lines.extend(decision.reasons.iter().map(|reason| format!("           {reason}")));
    lines
}
