//! `pintle plan`.

use super::ending::{Completion, end_report, unanswered};
use super::{out, progress::Bar, scan, source, table::table};
use crate::cli::{OutputFormat, PlanArgs};
use crate::error::Result;
use crate::pipeline::{Change, Delivery};
use crate::reconcile::{self, Planned};
use crate::report::next_steps::next_steps;
use crate::report::plan_json::to_json;
use crate::report::plan_table::plan_rows;
use crate::report::{count_verdicts, diff, is_open_already};

pub async fn run(args: &PlanArgs, colour: bool) -> Result<Completion> {
    let named = args.targets.all();
    let session = source::setup_about(&args.repo, &named, &args.registries, &args.cluster)?;
    let bar = Bar::new();
    let planned = reconcile::make_plan(&session, &|what, done, of| bar.at(what, done, of)).await?;
    bar.end();
    source::has_terraform(&planned.snapshot.files)?;
    match (args.output.output, args.diff) {
        (OutputFormat::Json, _) => out::json(&to_json(&planned.plan, &planned.snapshot.scan))?,
        (OutputFormat::Table, true) => out::diff(
            &diff::diff_changes(&planned.snapshot.files, &planned.plan.changes),
            colour,
        )?,
        (OutputFormat::Table, false) => print(&planned, args.all)?,
    }
    Ok(match end_report(&planned) {
        Completion::Ok if args.exit_code && !new(&planned).is_empty() => Completion::Changes,
        end => end,
    })
}

fn print(planned: &Planned, all: bool) -> Result<()> {
    out::data(&table(
        ["verdict", "place", "image", "digest", "why"],
        plan_rows(&planned.plan, &planned.snapshot.scan, all),
    ))?;
    scan::tell(&planned.snapshot.scan.problems, &planned.snapshot.files);
    for line in unanswered(&planned.snapshot) {
        out::say(&line);
    }
    for warning in planned.snapshot.config.warnings() {
        out::say(&format!("note: {warning}"));
    }
    for unmatched in &planned.plan.unmatched {
        out::say(&format!("note: {unmatched}"));
    }
    let steps = next_steps(&planned.plan.decisions);
    if !steps.is_empty() {
        out::say(&format!("what frees most images: {}", steps.join("; ")));
    }
    out::say(&summary(planned));
    Ok(())
}

/// The changes that are not proposed already.
fn new(planned: &Planned) -> Vec<&Change> {
    planned
        .plan
        .changes
        .iter()
        .filter(|change| !is_open_already(&planned.snapshot, change))
        .collect()
}

fn summary(planned: &Planned) -> String {
    let new = new(planned);
    let pins: usize = new.iter().map(|change| change.pins.len()).sum();
    let commits = new
        .iter()
        .filter(|change| change.delivery == Delivery::Commit)
        .count();
    let places = [(commits, "commit"), (new.len() - commits, "pull request")];
    let places: Vec<String> = places
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| out::many(count, word))
        .collect();
    let write = if new.is_empty() {
        "nothing to write".to_owned()
    } else {
        format!(
            "a sync would write {} in {}",
            out::many(pins, "pin"),
            places.join(" and ")
        )
    };
    let open = match planned.plan.changes.len() - new.len() {
        0 => String::new(),
        1 => "; 1 pull request is open already".into(),
        count => format!("; {count} pull requests are open already"),
    };
    format!("{}; {write}{open}", count_verdicts(&planned.plan.decisions))
}
