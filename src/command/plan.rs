//! `pintle plan`.

use super::{Done, out, progress::Bar, scan, source, table::table, unanswered};
use crate::cli::{OutputFormat, PlanArgs};
use crate::error::Result;
use crate::pipeline::{Change, Decision, Route, Seen, Verdict};
use crate::plan::explain::counts;
use crate::plan::json::{to_json, verdict_word};
use crate::plan::{diff, is_proposed};
use crate::reconcile::{self, Planned};
use std::collections::BTreeMap;

pub async fn run(args: &PlanArgs, colour: bool) -> Result<Done> {
    let session = source::setup(args.repo.dir.as_deref(), &args.repo.clone, &args.registries, &args.cluster)?;
    let bar = Bar::new();
    let planned = reconcile::plan(&session, &|what, done, of| bar.at(what, done, of)).await?;
    bar.end();
    source::has_terraform(&planned.snapshot.files)?;
    match (args.output.output, args.diff) {
        (OutputFormat::Json, _) => out::json(&to_json(&planned.plan, &planned.snapshot.scan))?,
        (OutputFormat::Table, true) => out::diff(&diff::changes(&planned.snapshot.files, &planned.plan.changes), colour)?,
        (OutputFormat::Table, false) => print(&planned, args.all)?,
    }
    Ok(if args.exit_code && !new(&planned).is_empty() { Done::Changes } else { Done::Ok })
}

fn print(planned: &Planned, all: bool) -> Result<()> {
    let sites: BTreeMap<_, _> = planned.snapshot.scan.sites().map(|(literal, site)| (&site.key, (literal, site))).collect();
    let shown = planned.plan.decisions.iter().filter(|decision| all || decision.verdict != Verdict::InSync);
    let rows = shown.filter_map(|decision| {
        let (literal, site) = sites.get(&decision.site)?;
        let place = format!("{}:{}", literal.file, literal.line);
        Some([
            verdict_word(decision.verdict).to_owned(),
            place,
            site.image.name.to_string() + &tag(&site.image.tag),
            digests(decision),
            why(decision),
        ])
    });
    out::data(&table(["verdict", "place", "image", "digest", "why"], rows))?;
    scan::tell(&planned.snapshot.scan.problems, &planned.snapshot.files);
    for line in unanswered(&planned.snapshot) {
        out::say(&line);
    }
    for warning in planned.snapshot.config.warnings() {
        out::say(&format!("note: {warning}"));
    }
    out::say(&summary(planned));
    Ok(())
}

/// The first reason, and what runs where that is not what is pinned.
fn why(decision: &Decision) -> String {
    let reason = decision.reasons.first().cloned().unwrap_or_default();
    match &decision.runs {
        Seen::Known(Some(runs)) if Some(runs) != decision.from.as_ref() => format!("{reason}; runs {}", runs.short()),
        _ => reason,
    }
}

fn tag(tag: &Option<std::sync::Arc<str>>) -> String {
    tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default()
}

fn digests(decision: &Decision) -> String {
    match (&decision.from, &decision.to) {
        (Some(from), Some(to)) if from != to => format!("{} → {}", from.short(), to.short()),
        (_, Some(to)) => to.short().to_owned(),
        (Some(from), None) => from.short().to_owned(),
        (None, None) => String::new(),
    }
}

/// The changes that are not proposed already.
fn new(planned: &Planned) -> Vec<&Change> {
    planned.plan.changes.iter().filter(|change| !is_proposed(&planned.snapshot, change)).collect()
}

fn summary(planned: &Planned) -> String {
    let new = new(planned);
    let pins: usize = new.iter().map(|change| change.pins.len()).sum();
    let commits = new.iter().filter(|change| change.route == Route::Commit).count();
    let places = [(commits, "commit"), (new.len() - commits, "pull request")];
    let places: Vec<String> = places.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| out::many(count, word)).collect();
    let write = if new.is_empty() {
        "nothing to write".to_owned()
    } else {
        format!("a sync would write {} in {}", out::many(pins, "pin"), places.join(" and "))
    };
    let open = match planned.plan.changes.len() - new.len() {
        0 => String::new(),
        1 => "; 1 pull request is open already".into(),
        count => format!("; {count} pull requests are open already"),
    };
    format!("{}; {write}{open}", counts(&planned.plan))
}
