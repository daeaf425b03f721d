//! `pintle sync`.

use super::deadline::{self, PassStage};
use super::ending::{Completion, forge_faults, not_back, unanswered};
use super::{out, progress::Bar, scan, source};
use crate::cli::{OutputFormat, SyncArgs};
use crate::daemon::messenger::messenger;
use crate::error::{Error, Result};
use crate::model::duration::show;
use crate::observe::{self, PipelineEnd, Session};
use crate::pipeline::message::Message;
use crate::pipeline::{PullDone, Receipt, Verdict};
use crate::reconcile::{self, Planned};
use crate::remote::receiver::AddressBook;
use crate::report::plan_json::to_json;
use crate::report::{count_verdicts, diff};
use crate::write::WriteLease;
use serde_json::json;
use std::sync::Arc;

pub async fn run(args: &SyncArgs, colour: bool) -> Result<Completion> {
    let (clone, named) = (&args.repo.clone, args.targets.all());
    let session = source::remote_about(clone, &named, &args.registries, &args.cluster)?;
    let addresses = Arc::new(source::addresses(
        &args.notices,
        clone.ca_file.as_deref(),
        clone.insecure_http,
    )?);
    let session = source::sign_commits(session, &args.signing)?.with_addresses(addresses.clone());
    if args.wait && session.forge().is_none() {
        return Err(Error::usage(
            "--wait follows the statuses in the forge, and no forge is named",
        )
        .hint("name the repo's page: --forge URL"));
    }
    let timeout = deadline::pass_timeout(&args.pass.pass_timeout)?;
    let (bar, stage) = (Bar::new(), PassStage::default());
    let progress = |what: &str, done, of| {
        stage.note(what, done, of);
        bar.at(what, done, of);
    };
    if args.dry_run {
        let lease = WriteLease::for_sync();
        let pass = reconcile::plan_and_prove(&session, &progress);
        let planned = deadline::within(timeout, &lease, &stage, pass).await?;
        bar.end();
        source::has_terraform(&planned.snapshot.files)?;
        match args.output.output {
            OutputFormat::Json => out::json(&to_json(&planned.plan, &planned.snapshot.scan))?,
            OutputFormat::Table => out::diff(
                &diff::diff_changes(&planned.snapshot.files, &planned.plan.changes),
                colour,
            )?,
        }
        tell(&planned, &planned.refused);
        out::say("dry run: nothing was pushed");
        return Ok(done(&planned, &planned.refused));
    }
    let lease = WriteLease::for_sync();
    let pass = reconcile::reconcile(&session, &lease, &progress);
    let (planned, receipt) = deadline::within(timeout, &lease, &stage, pass).await?;
    bar.end();
    let unreachable = source::unreachable(&session, &planned.snapshot.config);
    unreachable.iter().for_each(|line| out::say(line));
    send_messages(addresses, receipt.messages.clone()).await?;
    source::has_terraform(&planned.snapshot.files)?;
    match args.output.output {
        OutputFormat::Json => out::json(&receipt_json(&receipt))?,
        OutputFormat::Table => out::data(
            &receipt
                .commits
                .iter()
                .map(|commit| format!("{} {}\n", commit.commit.short(), commit.subject))
                .collect::<String>(),
        )?,
    }
    tell(&planned, &receipt.refused);
    forge_told(&receipt);
    if receipt.is_empty() {
        out::say("nothing was written");
    }
    let done = if !receipt.troubles.is_empty() {
        Completion::Partly
    } else {
        done(&planned, &receipt.refused)
    };
    let merged = receipt
        .pull_results
        .iter()
        .any(|pull| pull.done == PullDone::Merged);
    if args.wait && (merged || !receipt.commits.is_empty()) {
        return Ok(if followed(&session, &planned, &receipt).await? {
            done
        } else {
            Completion::Partly
        });
    }
    Ok(done)
}

/// Sends the messages of the pass, and waits for them a bounded time.
async fn send_messages(addresses: Arc<AddressBook>, messages: Vec<Message>) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let (queue, task) = messenger(addresses);
    queue.send(messages);
    drop(queue);
    let counts = task.run().await?;
    out::say(&format!(
        "sent {}, {} could not be sent",
        out::many(counts.sent, "message"),
        counts.failed
    ));
    Ok(())
}

/// What was done in the forge.
fn forge_told(receipt: &Receipt) {
    for pull in &receipt.pull_results {
        out::say(&format!(
            "{} pull request #{} of {}",
            pull.done.word(),
            pull.number,
            pull.name
        ));
    }
    if !receipt.answered.is_empty() {
        out::say(&format!(
            "answered {}",
            out::many(receipt.answered.len(), "comment")
        ));
    }
    for said in receipt.notices.iter().chain(&receipt.troubles) {
        out::say(said);
    }
}

/// Follows what was pushed to the end of its pipeline; says whether it is green.
async fn followed(session: &Session, planned: &Planned, receipt: &Receipt) -> Result<bool> {
    let Some(tip) = &receipt.tip else {
        return Ok(true);
    };
    let short = tip.short();
    out::say(&format!("waiting for the statuses of {short}"));
    let config = &planned.snapshot.config;
    Ok(
        match observe::wait_for_pipeline(session, config, tip).await? {
            PipelineEnd::Green => {
                out::say(&format!("the pipeline of {short} is green"));
                true
            }
            PipelineEnd::Red(failed) => {
                let names: Vec<_> = failed.iter().map(|check| check.context.as_str()).collect();
                out::say(&format!(
                    "the pipeline of {short} failed: {}",
                    names.join(", ")
                ));
                false
            }
            PipelineEnd::Missing => {
                out::say(&format!(
                    "{short} got no status within {}: did CI start?",
                    show(config.pipeline.timeout)
                ));
                false
            }
            PipelineEnd::Pending => {
                out::say(&format!(
                    "the pipeline of {short} has not ended within {}",
                    show(config.pipeline.timeout)
                ));
                false
            }
        },
    )
}

fn tell(planned: &Planned, refused: &[(std::sync::Arc<str>, String)]) {
    scan::tell(&planned.snapshot.scan.problems, &planned.snapshot.files);
    for decision in planned
        .plan
        .decisions
        .iter()
        .filter(|decision| decision.verdict == Verdict::Unknown)
    {
        out::say(&format!(
            "unknown: {}: {}",
            decision.site,
            decision
                .reasons
                .first()
                .map_or_else(String::new, ToString::to_string)
        ));
    }
    for unmatched in &planned.plan.unmatched {
        out::say(&format!("note: {unmatched}"));
    }
    for line in unanswered(&planned.snapshot)
        .iter()
        .chain(&not_back(&planned.plan))
        .chain(&forge_faults(planned))
    {
        out::say(line);
    }
    for (name, why) in refused {
        out::say(&format!("refused: {name}: {why}"));
    }
    out::say(&count_verdicts(&planned.plan.decisions));
}

/// A registry that could not be asked leaves its sites as they are, alerts that could not be read
/// ask for nothing, and the exit code says that trying again may help.
fn done(planned: &Planned, refused: &[(std::sync::Arc<str>, String)]) -> Completion {
    let unknown = planned
        .plan
        .decisions
        .iter()
        .any(|decision| decision.verdict == Verdict::Unknown);
    let has_silent = !unanswered(&planned.snapshot).is_empty();
    if unknown || has_silent || !forge_faults(planned).is_empty() || !refused.is_empty() {
        Completion::Partly
    } else {
        Completion::Ok
    }
}

fn receipt_json(receipt: &Receipt) -> serde_json::Value {
    let commits =
        receipt.commits.iter().map(|c| json!({ "commit": c.commit.as_str(), "name": *c.name, "subject": c.subject, "pins": c.pins }));
    let refused = receipt
        .refused
        .iter()
        .map(|(name, why)| json!({ "name": **name, "why": why }));
    json!({
        "version": 1,
        "tip": receipt.tip.as_ref().map(|tip| tip.as_str()),
        "commits": commits.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "pull_requests": receipt.pull_results.iter().map(|pull| json!({
            "number": pull.number, "name": *pull.name, "done": pull.done.word(), "url": pull.url.as_ref().map(|url| url.as_str()),
        })).collect::<Vec<_>>(),
        "answered": receipt.answered,
        "notices": receipt.notices,
        "troubles": receipt.troubles,
    })
}
