//! `pintle worklist`.

use super::ending::{Completion, unanswered};
use super::{out, progress::Bar, source, table::table};
use crate::cli::{WorklistArgs, WorklistFormat};
use crate::error::{Error, Result};
use crate::pipeline::{Plan, Snapshot};
use crate::reconcile;
use crate::report::worklist::{
    COLUMNS, Disagreement, DiunList, WorkItem, compare_with_diun, find_work, to_markdown,
};
use serde_json::json;
use std::path::Path;

pub async fn run(args: &WorklistArgs) -> Result<Completion> {
    let diun = args.diun.as_deref().map(read_diun).transpose()?;
    let named = args.targets.all();
    let session = source::setup_about(&args.repo, &named, &args.registries, &args.cluster)?;
    let bar = Bar::new();
    let planned = reconcile::make_plan(&session, &|what, done, of| bar.at(what, done, of)).await?;
    bar.end();
    source::has_terraform(&planned.snapshot.files)?;
    let work = find_work(&planned.snapshot, &planned.plan);
    let compared = diun.map(|list| compare_with_diun(&planned.snapshot, &planned.plan, &list));
    print(
        args.output,
        (&planned.snapshot, &planned.plan),
        &work,
        compared.as_deref(),
    )?;
    for line in unanswered(&planned.snapshot) {
        out::say(&line);
    }
    Ok(Completion::Ok)
}

fn read_diun(path: &Path) -> Result<DiunList> {
    let failed = || Error::usage(format!("cannot read {}", path.display()));
    let text = match path.as_os_str().to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| failed().because(error))?;
    DiunList::parse(&text).map_err(|why| {
        failed()
            .cause(why)
            .hint("pipe `kubectl exec deploy/diun -- diun image list --raw` into it")
    })
}

fn print(
    format: WorklistFormat,
    (snapshot, _): (&Snapshot, &Plan),
    work: &[WorkItem],
    compared: Option<&[Disagreement]>,
) -> Result<()> {
    let at = snapshot.at;
    let rows = || work.iter().map(|item| item.cells(at));
    match format {
        WorklistFormat::Json => out::json(&json!({
            "version": 1,
            "work": work.iter().map(WorkItem::to_json).collect::<Vec<_>>(),
            "diun": compared.map(|all| all.iter().map(Disagreement::to_json).collect::<Vec<_>>()),
        })),
        WorklistFormat::Csv => out::data(&csv(rows())?),
        WorklistFormat::Markdown => {
            out::data(&to_markdown(work, at))?;
            tell_compared(compared)
        }
        WorklistFormat::Table => {
            out::data(&table(COLUMNS, rows().collect::<Vec<_>>()))?;
            tell_compared(compared)?;
            out::say(&format!(
                "{} behind or waiting for a person",
                out::many(work.len(), "image")
            ));
            Ok(())
        }
    }
}

fn tell_compared(compared: Option<&[Disagreement]>) -> Result<()> {
    let Some(compared) = compared else {
        return Ok(());
    };
    let rows: Vec<[String; 3]> = compared
        .iter()
        .map(|one| {
            [
                one.image.clone(),
                one.kind.code().to_owned(),
                one.why.clone(),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => out::say("Diun and pintle agree"),
        false => out::data(&format!("\n{}", table(["image", "diun", "why"], rows)))?,
    }
    Ok(())
}

fn csv(rows: impl Iterator<Item = [String; 7]>) -> Result<String> {
    let failed =
        |error: csv::Error| Error::failed("the list could not be written as CSV").because(error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(failed)?;
    for row in rows {
        // A spreadsheet takes a cell that starts like this for a formula.
        let row = row.map(|cell| match cell.starts_with(['=', '+', '-', '@']) {
            true => format!("'{cell}"),
            false => cell,
        });
        writer.write_record(row).map_err(failed)?;
    }
    let bytes = writer.into_inner().map_err(|error| {
        Error::failed("the list could not be written as CSV").because(error.into_error())
    })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
