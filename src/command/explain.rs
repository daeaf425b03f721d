//! `pintle explain`.

use super::ending::Completion;
use super::{out, progress::Bar, source};
use crate::cli::{ExplainArgs, OutputFormat};
use crate::error::{Error, Result};
use crate::plan::{explain, report_status};
use crate::reconcile::{self, Planned};
use crate::report::explain::explanation_lines;
use crate::sites::Literal;
use crate::sites::lookup::find;
use serde_json::json;
use std::collections::BTreeSet;

pub async fn run(args: &ExplainArgs) -> Result<Completion> {
    let session = source::setup(
        args.repo.dir.as_deref(),
        &args.repo.clone,
        &args.registries,
        &args.cluster,
    )?;
    let bar = Bar::new();
    let known = if args.offline {
        reconcile::plan_offline(&session).await?
    } else {
        reconcile::make_plan(&session, &|what, done, of| bar.at(what, done, of)).await?
    };
    bar.end();
    source::has_terraform(&known.snapshot.files)?;
    let (snapshot, plan) = (&known.snapshot, &known.plan);
    let literals = named(&known, &args.target)?;
    let explanations = explain(snapshot, plan, &literals);
    let explained = explanations
        .iter()
        .map(|explanation| explanation_lines(snapshot, explanation));
    match args.output.output {
        OutputFormat::Json => {
            out::json(&json!({ "version": 1, "explanations": explained.collect::<Vec<_>>() }))?
        }
        OutputFormat::Table => out::data(
            &explained
                .map(|lines| lines.join("\n") + "\n")
                .collect::<Vec<_>>()
                .join("\n"),
        )?,
    }
    Ok(Completion::Ok)
}

/// Returns what a target names: at least one literal. What only the cluster names, as `status`
/// prints it (a workload of a chart), is the literal that decides it.
pub(super) fn named<'a>(known: &'a Planned, target: &str) -> Result<Vec<&'a Literal>> {
    let scan = &known.snapshot.scan;
    let found = find(scan, target);
    let by_scan = found.literals.iter().map(|index| &scan.literals[*index]);
    let literals: Vec<&Literal> = by_scan.collect();
    if !literals.is_empty() {
        return Ok(literals);
    }
    let status = report_status(&known.snapshot, &known.plan, None);
    let places: BTreeSet<String> = status
        .rows
        .into_iter()
        .filter(|row| row.is_called(target))
        .map(|row| row.place)
        .collect();
    let by_status = scan
        .literals
        .iter()
        .filter(|literal| places.contains(&format!("{}:{}", literal.file, literal.line)));
    let literals: Vec<&Literal> = by_status.collect();
    if !literals.is_empty() {
        return Ok(literals);
    }
    let near = if found.near.is_empty() {
        "pintle scan lists them all".to_owned()
    } else {
        format!("near it: {}", found.near.join(", "))
    };
    Err(Error::failed(format!("no site, workload or image is called {target}")).hint(near))
}
