//! `pintle status`.

use super::ending::{Completion, end_report};
use super::explain::find_literals;
use super::{out, progress::Bar, source, table::table};
use crate::cli::{OutputFormat, StatusArgs};
use crate::error::Result;
use crate::pipeline::status::StatusRow;
use crate::plan::report_status;
use crate::reconcile;
use crate::report::status;
use crate::report::status_json::to_json;

pub async fn run(args: &StatusArgs) -> Result<Completion> {
    let named = args.targets.all();
    let (session, targets) =
        source::setup_beside(&args.repo, &named, &args.registries, &args.cluster)?;
    let bar = Bar::new();
    let known = reconcile::make_plan(&session, &|what, done, of| bar.at(what, done, of)).await?;
    bar.end();
    source::has_terraform(&known.snapshot.files)?;
    let wanted = match targets.is_everything() {
        true => None,
        false => Some(find_literals(&known, &targets)?),
    };
    let mut status = report_status(&known.snapshot, &known.plan, wanted.as_deref());
    let summary = status::summarize(&status);
    status.rows.retain(|row| !args.odd || !row.is_quiet());
    match args.output.output {
        OutputFormat::Json => out::json(&to_json(&status))?,
        OutputFormat::Table => {
            out::data(&table(
                ["workload", "runs", "since", "next", "why"],
                status.rows.iter().map(cells),
            ))?;
            let gaps = status::cluster_gaps(&known.snapshot);
            gaps.iter()
                .filter(|_| status.dark.is_none())
                .for_each(|gap| out::say(&format!("note: {gap}")));
            out::say(&summary);
        }
    }
    Ok(end_report(&known))
}

fn cells(row: &StatusRow) -> [String; 5] {
    let runs = Some(row.runs_text())
        .filter(|runs| !runs.is_empty())
        .unwrap_or_else(|| format!("({})", row.state.as_str()));
    let next = row
        .verdict
        .filter(|_| row.waits.is_some())
        .map(|verdict| verdict.to_string());
    [
        row.workload(),
        runs,
        status::show_since(row.since),
        next.unwrap_or_default(),
        row.reasons_text(),
    ]
}
