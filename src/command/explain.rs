//! `pintle explain`.

use super::ending::{Completion, end_report};
use super::{out, progress::Bar, source};
use crate::cli::{ExplainArgs, OutputFormat};
use crate::error::{Error, Result};
use crate::plan::{explain, report_status};
use crate::reconcile::{self, Planned};
use crate::report::explain::explanation_lines;
use crate::sites::Literal;
use crate::sites::targets::Targets;
use crate::terraform::files::RepoPath;
use serde_json::json;
use std::collections::BTreeSet;

pub async fn run(args: &ExplainArgs) -> Result<Completion> {
    let named = args.targets.all();
    let (session, targets) =
        source::setup_beside(&args.repo, &named, &args.registries, &args.cluster)?;
    if targets.is_everything() {
        return Err(Error::usage("nothing is named to explain")
            .hint("name a workload, image, stack or file and line: pintle explain media/sonarr"));
    }
    let bar = Bar::new();
    let known = if args.offline {
        reconcile::plan_offline(&session).await?
    } else {
        reconcile::make_plan(&session, &|what, done, of| bar.at(what, done, of)).await?
    };
    bar.end();
    source::has_terraform(&known.snapshot.files)?;
    let (snapshot, plan) = (&known.snapshot, &known.plan);
    let literals = find_literals(&known, &targets)?;
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
    Ok(end_report(&known))
}

/// Returns what the targets name, in the scan's order. What only the cluster names, as `status`
/// prints it (a workload of a chart), is the literal that decides it.
pub(super) fn find_literals<'a>(known: &'a Planned, targets: &Targets) -> Result<Vec<&'a Literal>> {
    let scan = &known.snapshot.scan;
    let mut places: BTreeSet<(&RepoPath, usize)> = BTreeSet::new();
    let folders = Targets {
        names: Vec::new(),
        folders: targets.folders.clone(),
    };
    if !folders.is_everything() {
        let literals = folders.find_literals(scan)?;
        places.extend(literals.iter().map(|one| (&one.file, one.span.start)));
    }
    for name in &targets.names {
        let one = Targets {
            names: vec![name.clone()],
            folders: Vec::new(),
        };
        let literals = one
            .find_literals(scan)
            .or_else(|error| find_in_status(known, name).ok_or(error))?;
        places.extend(literals.iter().map(|one| (&one.file, one.span.start)));
    }
    let is_meant = |one: &&Literal| places.contains(&(&one.file, one.span.start));
    Ok(scan.literals.iter().filter(is_meant).collect())
}

/// Returns the literals that decide what `status` calls so; `None` if nothing is.
fn find_in_status<'a>(known: &'a Planned, name: &str) -> Option<Vec<&'a Literal>> {
    let status = report_status(&known.snapshot, &known.plan, None);
    let rows = status.rows.into_iter().filter(|row| row.is_called(name));
    let places: BTreeSet<String> = rows.map(|row| row.place).collect();
    let is_place = |one: &&Literal| places.contains(&format!("{}:{}", one.file, one.line));
    let all = known.snapshot.scan.literals.iter();
    let literals: Vec<&Literal> = all.filter(is_place).collect();
    (!literals.is_empty()).then_some(literals)
}
