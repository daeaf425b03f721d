//! `pintle sync`.

use super::{Done, out, progress::Bar, scan, source};
use crate::cli::{Format, Sync};
use crate::error::Result;
use crate::pipeline::{Receipt, Verdict};
use crate::plan::diff;
use crate::plan::explain::counts;
use crate::plan::json::to_json;
use crate::reconcile::{self, Planned};
use crate::write::WriteLease;
use serde_json::json;

pub async fn run(args: &Sync, colour: bool) -> Result<Done> {
    let setup = source::remote(&args.repo.clone, &args.registries)?;
    let bar = Bar::new();
    if args.dry_run {
        let planned = reconcile::rehearse(&setup, &|what, done, of| bar.at(what, done, of)).await?;
        bar.end();
        source::has_terraform(&planned.snapshot.files)?;
        match args.output.output {
            Format::Json => out::json(&to_json(&planned.plan, &planned.snapshot.scan))?,
            Format::Table => out::diff(&diff::changes(&planned.snapshot.files, &planned.plan.changes), colour)?,
        }
        tell(&planned, &planned.refused);
        out::say("dry run: nothing was pushed");
        return Ok(done(&planned, &planned.refused));
    }
    let lease = WriteLease::for_sync();
    let (planned, receipt) = reconcile::reconcile(&setup, &lease, &|what, done, of| bar.at(what, done, of)).await?;
    bar.end();
    source::has_terraform(&planned.snapshot.files)?;
    match args.output.output {
        Format::Json => out::json(&receipt_json(&receipt))?,
        Format::Table => {
            out::data(&receipt.commits.iter().map(|commit| format!("{} {}\n", commit.commit.short(), commit.subject)).collect::<String>())?
        }
    }
    tell(&planned, &receipt.refused);
    if receipt.commits.is_empty() {
        out::say("nothing was written");
    }
    Ok(done(&planned, &receipt.refused))
}

fn tell(planned: &Planned, refused: &[(std::sync::Arc<str>, String)]) {
    scan::tell(&planned.snapshot.scan.problems, &planned.snapshot.files);
    for decision in planned.plan.decisions.iter().filter(|decision| decision.verdict == Verdict::Unknown) {
        out::say(&format!("unknown: {}: {}", decision.site, decision.reasons.first().map_or("", String::as_str)));
    }
    for (name, why) in refused {
        out::say(&format!("refused: {name}: {why}"));
    }
    out::say(&counts(&planned.plan));
}

/// A registry that could not be asked leaves its sites as they are, and the exit code says that trying again may help.
fn done(planned: &Planned, refused: &[(std::sync::Arc<str>, String)]) -> Done {
    let unknown = planned.plan.decisions.iter().any(|decision| decision.verdict == Verdict::Unknown);
    if unknown || !refused.is_empty() { Done::Partly } else { Done::Ok }
}

fn receipt_json(receipt: &Receipt) -> serde_json::Value {
    let commits =
        receipt.commits.iter().map(|c| json!({ "commit": c.commit.as_str(), "name": *c.name, "subject": c.subject, "pins": c.pins }));
    let refused = receipt.refused.iter().map(|(name, why)| json!({ "name": **name, "why": why }));
    json!({
        "version": 1,
        "tip": receipt.tip.as_ref().map(|tip| tip.as_str()),
        "commits": commits.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
    })
}
