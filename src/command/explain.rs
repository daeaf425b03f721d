//! `pintle explain`.

use super::ending::Completion;
use super::{out, progress::Bar, source};
use crate::cli::{ExplainArgs, OutputFormat};
use crate::error::{Error, Result};
use crate::plan::{explain, report_status};
use crate::reconcile::{self, Planned};
use crate::report::explain::explanation_lines;
use crate::sites::lookup::find;
use crate::sites::{Literal, Scan};
use crate::terraform::files::RepoPath;
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
    named_in_text(scan, target).or_else(|error| {
        let status = report_status(&known.snapshot, &known.plan, None);
        let rows = status.rows.into_iter().filter(|row| row.is_called(target));
        let places: BTreeSet<String> = rows.map(|row| row.place).collect();
        let is_place =
            |literal: &&Literal| places.contains(&format!("{}:{}", literal.file, literal.line));
        let literals: Vec<&Literal> = scan.literals.iter().filter(is_place).collect();
        if literals.is_empty() {
            Err(error)
        } else {
            Ok(literals)
        }
    })
}

/// Returns what a target names in the text of the repo: at least one literal.
pub(super) fn named_in_text<'a>(scan: &'a Scan, target: &str) -> Result<Vec<&'a Literal>> {
    let found = find(scan, target);
    let literals: Vec<&Literal> = found
        .literals
        .iter()
        .map(|at| &scan.literals[*at])
        .collect();
    if !literals.is_empty() {
        return Ok(literals);
    }
    let near = if found.near.is_empty() {
        "pintle scan lists them all".to_owned()
    } else {
        format!("near it: {}", found.near.join(", "))
    };
    let lost = lost(scan, target);
    let mut error = Error::failed(format!("no site, workload or image is called {target}"));
    if !lost.is_empty() {
        error = error.cause(lost.join("; "));
    }
    Err(error.hint(near))
}

/// The most notes that are repeated.
const MOST_NOTES: usize = 3;

/// Repeats what was said of something that the scan could not follow.
fn lost(scan: &Scan, target: &str) -> Vec<String> {
    let place = |file: &RepoPath, line: Option<usize>| match line {
        Some(line) => format!("{file}:{line}"),
        None => file.to_string(),
    };
    let is_meant = |file: &RepoPath, line: Option<usize>, text: &str| {
        text.contains(target)
            || place(file, line) == target
            || file.display() == target
            || file
                .as_str()
                .strip_prefix(target)
                .is_some_and(|rest| rest.starts_with('/'))
    };
    let problems = scan
        .problems
        .iter()
        .filter(|one| is_meant(&one.file, one.line, &one.what))
        .map(|one| format!("{}: {}", place(&one.file, one.line), one.what));
    let unfollowed = scan
        .unfollowed
        .iter()
        .filter(|one| is_meant(&one.file, Some(one.line), &one.literal) || *one.inside == *target)
        .map(|one| {
            let at = place(&one.file, Some(one.line));
            format!("{at}: {} in {} is not followed", one.literal, one.inside)
        });
    problems.chain(unfollowed).take(MOST_NOTES).collect()
}
