//! `pintle status`.

use super::explain::named;
use super::{Done, out, progress::Bar, source, table::table};
use crate::cli::{OutputFormat, StatusArgs};
use crate::error::Result;
use crate::plan::json::verdict_word;
use crate::plan::status::{self, Row, json::to_json};
use crate::reconcile;

pub async fn run(args: &StatusArgs) -> Result<Done> {
    let session = source::setup(args.repo.dir.as_deref(), &args.repo.clone, &args.registries, &args.cluster)?;
    let bar = Bar::new();
    let known = reconcile::plan(&session, &|what, done, of| bar.at(what, done, of)).await?;
    bar.end();
    source::has_terraform(&known.snapshot.files)?;
    let wanted = args.target.as_deref().map(|target| named(&known.snapshot.scan, target)).transpose()?;
    let mut status = status::status(&known.snapshot, &known.plan, wanted.as_deref());
    let summary = status::summary(&status);
    status.rows.retain(|row| !args.odd || !row.is_quiet());
    match args.output.output {
        OutputFormat::Json => out::json(&to_json(&status))?,
        OutputFormat::Table => {
            out::data(&table(["workload", "runs", "since", "next", "why"], status.rows.iter().map(cells)))?;
            let gaps = status::gaps(&known.snapshot);
            gaps.iter().filter(|_| status.dark.is_none()).for_each(|gap| out::say(&format!("note: {gap}")));
            out::say(&summary);
        }
    }
    Ok(Done::Ok)
}

fn cells(row: &Row) -> [String; 5] {
    let runs = Some(row.runs()).filter(|runs| !runs.is_empty()).unwrap_or_else(|| format!("({})", row.state.word()));
    let next = row.verdict.filter(|_| row.waits.is_some()).map(|verdict| verdict_word(verdict).to_owned());
    [row.workload(), runs, status::since(row.since), next.unwrap_or_default(), row.told()]
}
