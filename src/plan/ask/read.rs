//! The commands that only tell: what is there, what the plan says, and why. Told from the finished plan.

use super::Desk;
use crate::model::ask::{Command, Target};
use crate::model::duration::show_time;
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{Checks, PullState};
use crate::pipeline::{Decision, Plan, Route, Seen, Verdict};
use crate::plan::explain::{explain, tally};
use crate::plan::json::verdict_word;
use crate::plan::pulls::stands;
use crate::plan::status;
use crate::sites::{Fate, Literal, SiteKey};
use std::collections::BTreeSet;

/// The most sites that `/explain` tells of.
const EXPLAINED: usize = 10;
/// The most lines of a list.
const LINES: usize = 60;

pub(super) fn tell(desk: &Desk, plan: &Plan, command: &Command) -> Outcome {
    let told = match command {
        Command::Explain { target } => explained(desk, plan, target.as_ref()),
        Command::Status { target } => runs(desk, plan, target.as_ref()),
        Command::Plan => Ok(Outcome::Text { command: "/plan", title: "what the next pass writes".into(), lines: planned(desk, plan) }),
        _ => Ok(Outcome::Help),
    };
    told.unwrap_or_else(|outcome| outcome)
}

fn explained(desk: &Desk, plan: &Plan, target: Option<&Target>) -> Result<Outcome, Outcome> {
    let literals = desk.literals("/explain", target)?;
    let mut lines: Vec<String> = Vec::new();
    for literal in literals.iter().take(EXPLAINED) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(explain(desk.snapshot, plan, literal).lines);
    }
    lines.extend(literals.len().checked_sub(EXPLAINED).filter(|more| *more > 0).map(|more| format!("and {more} more")));
    let title = match literals.as_slice() {
        [one] => name(one),
        all => format!("{} sites", all.len()),
    };
    Ok(Outcome::Text { command: "/explain", title, lines })
}

fn name(literal: &Literal) -> String {
    match &literal.fate {
        Fate::Site(site) => site.key.to_string(),
        _ => format!("{}:{}", literal.file, literal.line),
    }
}

fn runs(desk: &Desk, plan: &Plan, target: Option<&Target>) -> Result<Outcome, Outcome> {
    let wanted = target.map(|_| desk.literals("/status", target)).transpose()?;
    let site = |literal: &&Literal| match &literal.fate {
        Fate::Site(site) => Some(site.key.clone()),
        _ => None,
    };
    let keys: Option<BTreeSet<SiteKey>> = wanted.as_ref().map(|wanted| wanted.iter().filter_map(site).collect());
    let shown = |decision: &&Decision| keys.as_ref().is_none_or(|keys| keys.contains(&decision.site));
    let decisions: Vec<&Decision> = plan.decisions.iter().filter(shown).collect();
    let mut lines = vec![tally(decisions.iter().copied())];
    if desk.snapshot.cluster == Seen::NotAsked {
        let odd = decisions.iter().filter(|decision| decision.verdict != Verdict::InSync).map(|decision| line(decision));
        lines.extend(cut(odd.collect()));
    } else {
        let status = status::status(desk.snapshot, plan, wanted.as_deref());
        lines.push(status::summary(&status));
        lines.extend(status::gaps(desk.snapshot).into_iter().filter(|_| status.dark.is_none()));
        lines.extend(cut(status.rows.iter().filter(|row| wanted.is_some() || !row.is_quiet()).map(status::line).collect()));
    }
    if wanted.is_none() {
        lines.extend(pulls(desk));
        lines.extend(pipeline(desk));
    }
    let title = target.map_or_else(|| "all sites".to_owned(), ToString::to_string);
    Ok(Outcome::Text { command: "/status", title, lines })
}

/// `waiting   stacks/immich/main.tf#…: upstream moved, it settles …`
fn line(decision: &Decision) -> String {
    let reason = decision.reasons.first().map_or("", String::as_str);
    format!("{:<9} {}: {reason}", verdict_word(decision.verdict), decision.site)
}

/// Keeps as many lines as a reply may have, and says how many there are more.
fn cut(mut lines: Vec<String>) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.truncate(LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn pulls(desk: &Desk) -> Vec<String> {
    let open = desk.forge.pulls.iter().filter(|pull| pull.state == PullState::Open);
    cut(open.map(|pull| format!("pull request #{}: {}", pull.number, pull.title)).collect())
}

fn pipeline(desk: &Desk) -> Option<String> {
    let pipeline = desk.forge.pipeline.as_ref()?;
    let checks = match &pipeline.checks {
        Checks::Missing => "has no status".to_owned(),
        Checks::Pending => "has not ended".into(),
        Checks::Green => "is green".into(),
        Checks::Red(failed) => {
            let names: Vec<&str> = failed.iter().map(|check| check.context.as_str()).collect();
            format!("failed: {}", names.join(", "))
        }
    };
    Some(format!("the pipeline of {} ({}) {checks}", pipeline.commit.short(), show_time(pipeline.at)))
}

/// One line a change with its pins below, then what waits and why.
fn planned(desk: &Desk, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &plan.changes {
        let route = match &change.route {
            Route::Commit => "commit",
            Route::PullRequest(_) if stands(desk.snapshot, change) => "pull request, open already",
            Route::PullRequest(_) => "pull request",
        };
        lines.push(format!("{route}: {}", change.message.lines().next().unwrap_or_default()));
        for pin in &change.pins {
            let from = pin.from.as_ref().map_or("no pin", |digest| digest.short());
            let to = pin.to.as_ref().map_or("no pin", |digest| digest.short());
            lines.push(format!("  {:<9} {} {from} → {to}", pin.action.word(), pin.image));
        }
    }
    if lines.is_empty() {
        lines.push("nothing to write".into());
    }
    let waits = plan.decisions.iter().filter(|decision| matches!(decision.verdict, Verdict::Waiting | Verdict::Unknown));
    lines.extend(waits.map(line));
    cut(lines)
}
