//! Why a site is where it is, in sentences for people.

use crate::config::site_settings::SiteSettings;
use crate::model::duration::{show, show_time};
use crate::model::hold::Hold;
use crate::model::settings::{Mode, Setting};
use crate::pipeline::status::Explanation;
use crate::pipeline::{CacheAnswer, Decision, Recorded, Seen, Snapshot, Upstream};
use crate::sites::{Fate, Site, Use};

/// Returns the lines for a terminal, the first of them the literal's place.
pub fn explanation_lines(snapshot: &Snapshot, explanation: &Explanation) -> Vec<String> {
    let literal = &explanation.literal;
    let mut lines = vec![format!(
        "{}:{} \"{}\"",
        literal.file, literal.line, literal.literal
    )];
    let uses = || {
        literal
            .uses
            .iter()
            .zip(&explanation.ignored_at)
            .map(|(used, ignored_at)| use_line(used, ignored_at.as_deref()))
    };
    match (&literal.fate, &explanation.settings) {
        (Fate::Site(site), Some(settings)) => {
            lines.push(format!("site       {}", site.id));
            lines.push(format!("image      {}", site.image));
            lines.extend(uses());
            lines.extend(setting_lines(settings));
            lines.extend(upstream_lines(snapshot, site, settings));
            lines.extend(running_lines(snapshot, explanation));
            lines.extend(history_lines(snapshot, &explanation.history));
            lines.extend(explanation.decision.iter().flat_map(verdict_lines));
        }
        (other, _) => {
            lines.push(format!("fate       {}", describe_fate(other)));
            lines.extend(
                literal
                    .reference
                    .iter()
                    .map(|image| format!("image      {image}")),
            );
            lines.extend(uses());
            lines.extend(running_lines(snapshot, explanation));
        }
    }
    lines
}

fn describe_fate(fate: &Fate) -> String {
    match fate {
        Fate::Site(_) => "a site".into(),
        Fate::Component(why) => format!("only a component of an image: {why}"),
        Fate::Unpinnable(why) => format!("cannot carry a pin: {why}"),
        Fate::Dead(why) => format!("decides nothing: {why}"),
        Fate::Orphan(why) => format!("in a module that nothing calls: {why}"),
    }
}

fn use_line(used: &Use, ignored_at: Option<&str>) -> String {
    let part =
        |text: &Option<std::sync::Arc<str>>| text.as_deref().unwrap_or("(unknown)").to_owned();
    let mut line = format!(
        "used by    {} {}/{}",
        used.kind,
        part(&used.namespace),
        part(&used.name)
    );
    if let Some(name) = used.holder.name() {
        line += &format!(
            ", {}container {name}",
            if used.holder.is_init() { "init " } else { "" }
        );
    }
    line += &format!(" ({}:{}, root {}", used.file, used.line, used.root);
    if let Some(environment) = &used.environment {
        line += &format!(", environment {environment}");
    }
    line += ")";
    match used.ignored {
        Some(true) => line += &format!(", ignored by terraform ({})", ignored_at.unwrap_or("?")),
        Some(false) => line += ", tracked by terraform",
        None => {}
    }
    if let Some(count) = used.instances.filter(|count| *count != 1) {
        line += &format!(", {count} instances");
    }
    line
}

fn setting_lines(settings: &SiteSettings) -> Vec<String> {
    let class = settings.class.words();
    let policy = match &settings.policy {
        Some(policy) => format!("{} ({})", policy.value, policy.source),
        None if settings.follows => format!("force (built in: the tag is {class})"),
        None => format!("none; the pin stays at its own digest (built in: the tag is {class})"),
    };
    let mode = |mode: &Setting<Mode>| format!("{} ({})", mode.value.as_str(), mode.source);
    let chooses = chooses_tag(settings);
    let bump = match chooses {
        true => format!("bump {}, ", mode(&settings.bump)),
        false => String::new(),
    };
    let modes = format!(
        "adopt {}, update {}, {bump}rollback {}",
        mode(&settings.adopt),
        mode(&settings.update),
        mode(&settings.rollback)
    );
    let mut lines = vec![format!("policy     {policy}")];
    if chooses {
        lines.extend(choice_lines(settings));
    }
    lines.push(format!("mode       {modes}"));
    if settings.automerge.value {
        let (soak, merge) = (&settings.soak, &settings.automerge);
        lines.push(format!(
            "merges     automatically ({}), soak {} ({})",
            merge.source,
            show(soak.value),
            soak.source
        ));
    }
    if settings.follows || chooses {
        lines.push(format!(
            "settle     {} ({})",
            show(settings.settle.value),
            settings.settle.source
        ));
        lines.extend(
            settings
                .schedule
                .iter()
                .map(|schedule| format!("schedule   {} ({})", schedule.value, schedule.source)),
        );
    }
    lines.extend(
        settings
            .group
            .iter()
            .map(|group| format!("group      {} ({})", group.value, group.source)),
    );
    for (word, accounts) in [
        ("assignees", &settings.assignees),
        ("reviewers", &settings.reviewers),
    ] {
        lines.extend(accounts.iter().map(|accounts| {
            let names = accounts.value.join(", ");
            format!("{word:<10} {names} ({})", accounts.source)
        }));
    }
    lines.extend(settings.holds.iter().map(|hold| {
        format!(
            "hold       {} ({})",
            describe_hold(&hold.value),
            hold.source
        )
    }));
    lines
}

fn chooses_tag(settings: &SiteSettings) -> bool {
    let policy = settings.policy.as_ref();
    policy.is_some_and(|policy| policy.value.chooses_tag())
}

/// What narrows or widens the choice of a tag, where somebody says so.
fn choice_lines(settings: &SiteSettings) -> Vec<String> {
    let (step, pre_releases) = (&settings.step, &settings.match_pre_release);
    let mut lines = Vec::new();
    if step.value {
        lines.push(format!(
            "step       one version at a time ({})",
            step.source
        ));
    }
    if let Some(exclude) = &settings.exclude {
        lines.push(format!("exclude    {} ({})", exclude.value, exclude.source));
    }
    if !pre_releases.value {
        lines.push(format!("allows     pre-releases ({})", pre_releases.source));
    }
    lines
}

/// Returns a hold without the word that the line starts with:
/// `by ana until 2026-12-01 00:00 UTC: waits for the new chart`.
fn describe_hold(hold: &Hold) -> String {
    let text = hold.to_string();
    let rest = text
        .strip_prefix("held")
        .unwrap_or(&text)
        .trim_start_matches([':', ' ']);
    if rest.is_empty() {
        "no reason given".into()
    } else {
        rest.to_owned()
    }
}

fn upstream_lines(snapshot: &Snapshot, site: &Site, settings: &SiteSettings) -> Vec<String> {
    let Some(channel) = &settings.channel else {
        return vec!["channel    none".into()];
    };
    let mut lines = vec![format!("channel    {}", settings.image)];
    lines.push(match snapshot.upstream.get(channel) {
        Some(Seen::Known(Upstream::Digest(digest))) => format!("upstream   {digest}"),
        Some(Seen::Known(Upstream::Missing)) => "upstream   not found in the registry".into(),
        Some(Seen::Unknown(why)) => format!("upstream   the registry could not be asked: {why}"),
        Some(Seen::NotAsked) | None => "upstream   the registry was not asked".into(),
    });
    if chooses_tag(settings)
        && let Some(Seen::Known(list)) = snapshot.tags.get(&channel.repository)
    {
        lines.push(format!("tags       {} in the registry", list.listed));
    }
    lines.extend(
        snapshot
            .cache
            .get(channel)
            .map(|answer| format!("cache      {}", describe_cache(answer))),
    );
    if let (Some(ledger), Some(Seen::Known(Upstream::Digest(digest)))) =
        (snapshot.ledger.known(), snapshot.upstream.get(channel))
        && site.image.digest.as_ref() != Some(digest)
        && let Some(at) = ledger.first_seen.get(&(channel.clone(), digest.clone()))
    {
        lines.push(format!("first seen {}", show_time(*at)));
    }
    lines
}

fn describe_cache(answer: &CacheAnswer) -> String {
    match answer {
        CacheAnswer::Fresh => "fresh".into(),
        CacheAnswer::Stale { serves } => format!("stale: serves {serves}"),
        CacheAnswer::Bypass { status } => format!("not used: answers {status}"),
        CacheAnswer::Unreachable(why) => format!("could not be asked: {why}"),
        CacheAnswer::Unproven { serves } => {
            format!("serves {serves}, which proves nothing while upstream cannot be asked")
        }
    }
}

/// What runs, who owns it, and what ran before; nothing where no cluster is named.
fn running_lines(snapshot: &Snapshot, explanation: &Explanation) -> Vec<String> {
    if snapshot.cluster == Seen::NotAsked {
        return Vec::new();
    }
    let status = &explanation.status;
    if let Some(dark) = &status.dark {
        return vec![format!("runs       unknown: {dark}")];
    }
    let mut lines = Vec::new();
    for row in &status.rows {
        let digest = row
            .runs
            .as_ref()
            .map_or(row.state.as_str().to_owned(), ToString::to_string);
        let since = row
            .since
            .map_or(String::new(), |at| format!(" since {}", show_time(at)));
        lines.push(format!("runs       {digest}{since} ({})", row.workload()));
        lines.extend(row.why.iter().map(|why| format!("           {why}")));
        lines.extend(row.owner.map(|owner| format!("owner      {owner}")));
    }
    lines.extend(
        explanation
            .revisions
            .iter()
            .map(|revision| format!("revision   {revision}")),
    );
    lines
}

fn history_lines(snapshot: &Snapshot, history: &[Recorded]) -> Vec<String> {
    match &snapshot.history {
        Seen::NotAsked => Vec::new(),
        Seen::Unknown(why) => vec![format!("history    unknown: {why}")],
        Seen::Known(_) => history.iter().map(history_line).collect(),
    }
}

fn history_line(record: &Recorded) -> String {
    let from = record
        .pin
        .from
        .as_ref()
        .map_or("no pin".into(), |from| format!("sha256:{}", from.short()));
    let (to, at) = (
        record.pin.to.as_ref().map_or("none", |to| to.short()),
        show_time(record.at),
    );
    format!(
        "history    {at} {}: {from} → sha256:{to}, by {}",
        record.commit.short(),
        record.author
    )
}

fn verdict_lines(decision: &Decision) -> Vec<String> {
    let to = decision
        .to
        .as_ref()
        .map_or(String::new(), |to| format!(" → {to}"));
    let mut lines = vec![format!("verdict    {}{to}", decision.verdict)];
    lines.extend(
        decision
            .reasons
            .iter()
            .map(|reason| format!("           {reason} [{}]", reason.code())),
    );
    lines
}
