//! `pintle explain`.

use super::ending::Completion;
use super::{out, progress::Bar, source};
use crate::cli::{ExplainArgs, OutputFormat};
use crate::error::{Error, Result};
use crate::plan::explain;
use crate::reconcile;
use crate::report::explain::explanation_lines;
use crate::sites::lookup::find;
use crate::sites::{Literal, Scan};
use serde_json::json;

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
    let literals = named(&snapshot.scan, &args.target)?;
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

/// Returns what a target names: at least one literal.
pub(super) fn named<'a>(scan: &'a Scan, target: &str) -> Result<Vec<&'a Literal>> {
    let found = find(scan, target);
    if found.literals.is_empty() {
        let near = if found.near.is_empty() {
            "pintle scan lists them all".to_owned()
        } else {
            format!("near it: {}", found.near.join(", "))
        };
        return Err(
            Error::failed(format!("no site, workload or image is called {target}")).hint(near),
        );
    }
    Ok(found
        .literals
        .iter()
        .map(|index| &scan.literals[*index])
        .collect())
}
