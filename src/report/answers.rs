//! The text of commands that report: `/explain`, `/status`, `/plan`. Lines of code, shown as they
//! are.

use super::explain::explanation_lines;
use super::{count_verdicts, is_open_already, status};
use crate::comment::reply::Report;
use crate::model::duration::show_time;
use crate::pipeline::answer::Outcome;
use crate::pipeline::forge::{Checks, Forge, PullState};
use crate::pipeline::status::{Explanation, StatusReport};
use crate::pipeline::{Decision, Delivery, Plan, Seen, Snapshot, Verdict};
use crate::sites::Fate;

/// The most lines of a list.
const LINES: usize = 60;

/// Returns the text of an outcome that reports; `None` for the others.
pub fn report_text(snapshot: &Snapshot, plan: &Plan, outcome: &Outcome) -> Option<Report> {
    match outcome {
        Outcome::Explained {
            explanations,
            count,
        } => Some(explanations_text(snapshot, explanations, *count)),
        Outcome::Status {
            target,
            decisions,
            report,
        } => Some(status_text(snapshot, target.as_deref(), decisions, report)),
        Outcome::Planned => Some(Report {
            command: "/plan",
            title: "what the next pass writes".into(),
            lines: plan_lines(snapshot, plan),
        }),
        _ => None,
    }
}

fn explanations_text(snapshot: &Snapshot, explanations: &[Explanation], count: usize) -> Report {
    let mut lines: Vec<String> = Vec::new();
    for explanation in explanations {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(explanation_lines(snapshot, explanation));
    }
    lines.extend(
        count
            .checked_sub(explanations.len())
            .filter(|more| *more > 0)
            .map(|more| format!("and {more} more")),
    );
    let title = match explanations {
        [one] if count == 1 => short_name(one),
        _ => format!("{count} sites"),
    };
    Report {
        command: "/explain",
        title,
        lines,
    }
}

fn short_name(explanation: &Explanation) -> String {
    let literal = &explanation.literal;
    match &literal.fate {
        Fate::Site(site) => site.id.to_string(),
        _ => format!("{}:{}", literal.file, literal.line),
    }
}

fn status_text(
    snapshot: &Snapshot,
    target: Option<&str>,
    decisions: &[Decision],
    report: &StatusReport,
) -> Report {
    let mut lines = vec![count_verdicts(decisions)];
    if snapshot.cluster == Seen::NotAsked {
        let odd = decisions
            .iter()
            .filter(|decision| decision.verdict != Verdict::InSync)
            .map(decision_line);
        lines.extend(limit_lines(odd.collect()));
    } else {
        lines.push(status::summarize(report));
        lines.extend(
            status::cluster_gaps(snapshot)
                .into_iter()
                .filter(|_| report.dark.is_none()),
        );
        lines.extend(limit_lines(
            report
                .rows
                .iter()
                .filter(|row| target.is_some() || !row.is_quiet())
                .map(status::status_line)
                .collect(),
        ));
    }
    if let (None, Some(forge)) = (target, snapshot.forge.known()) {
        lines.extend(pull_request_lines(forge));
        lines.extend(pipeline_line(forge));
    }
    Report {
        command: "/status",
        title: target.unwrap_or("all sites").to_owned(),
        lines,
    }
}

/// `waiting   stacks/immich/main.tf#…: upstream changed, it settles …`
fn decision_line(decision: &Decision) -> String {
    let reason = decision
        .reasons
        .first()
        .map_or_else(String::new, ToString::to_string);
    format!(
        "{:<9} {}: {reason}",
        decision.verdict.as_str(),
        decision.site
    )
}

/// Keeps as many lines as a reply may have, and says how many there are more.
fn limit_lines(mut lines: Vec<String>) -> Vec<String> {
    if let Some(more) = lines.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.truncate(LINES);
        lines.push(format!("and {more} more"));
    }
    lines
}

fn pull_request_lines(forge: &Forge) -> Vec<String> {
    let open = forge
        .pulls
        .iter()
        .filter(|pull| pull.state == PullState::Open);
    limit_lines(
        open.map(|pull| format!("pull request #{}: {}", pull.number, pull.title))
            .collect(),
    )
}

fn pipeline_line(forge: &Forge) -> Option<String> {
    let pipeline = forge.pipeline.as_ref()?;
    let checks = match &pipeline.checks {
        Checks::Missing => "has no status".to_owned(),
        Checks::Pending => "has not ended".into(),
        Checks::Green => "is green".into(),
        Checks::Red(failed) => {
            let names: Vec<&str> = failed.iter().map(|check| check.context.as_str()).collect();
            format!("failed: {}", names.join(", "))
        }
    };
    Some(format!(
        "the pipeline of {} ({}) {checks}",
        pipeline.commit.short(),
        show_time(pipeline.at)
    ))
}

/// One line a change with its pins below, then what waits and why.
fn plan_lines(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for change in &plan.changes {
        let delivery = match &change.delivery {
            Delivery::Commit => "commit",
            Delivery::PullRequest { .. } if is_open_already(snapshot, change) => {
                "pull request, open already"
            }
            Delivery::PullRequest { .. } => "pull request",
        };
        lines.push(format!(
            "{delivery}: {}",
            change.message.lines().next().unwrap_or_default()
        ));
        for pin in &change.pins {
            let from = pin.from.as_ref().map_or("no pin", |digest| digest.short());
            let to = pin.to.as_ref().map_or("no pin", |digest| digest.short());
            lines.push(format!(
                "  {:<9} {} {from} → {to}",
                pin.action.as_str(),
                pin.image
            ));
        }
    }
    if lines.is_empty() {
        lines.push("nothing to write".into());
    }
    let waits = plan
        .decisions
        .iter()
        .filter(|decision| matches!(decision.verdict, Verdict::Waiting | Verdict::Unknown));
    lines.extend(waits.map(decision_line));
    limit_lines(lines)
}
