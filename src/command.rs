//! One short file per subcommand, no logic: gather, call the pass, print.

mod completions;
mod config;
mod demo;
mod explain;
mod log;
mod out;
mod plan;
mod progress;
mod run;
mod scan;
mod setup;
mod source;
mod status;
mod sync;
mod table;

use crate::cli::CliCommand;
use crate::error::{Error, Result};
use crate::pipeline::answer::Notice;
use crate::pipeline::{Plan, Seen, Snapshot};
use std::process::ExitCode;

/// What a command ends with when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    Ok,
    /// `plan --exit-code` found something to write.
    Changes,
    /// A part could not be done, because an outside system failed; it was said on standard error.
    Partly,
    /// A run ended by itself or had to abandon a write; the log says why.
    Failed,
}

/// Runs a command to its end and says on standard error what went wrong, if anything did.
pub fn run(command: CliCommand, colour: bool) -> ExitCode {
    let done = match command {
        CliCommand::Scan(args) => scan::run(&args),
        CliCommand::Plan(args) => on_runtime(plan::run(&args, colour)),
        CliCommand::Sync(args) => on_runtime(sync::run(&args, colour)),
        CliCommand::Run(args) => run::run(&args),
        CliCommand::Explain(args) => on_runtime(explain::run(&args)),
        CliCommand::Status(args) => on_runtime(status::run(&args)),
        CliCommand::Log(args) => log::run(&args),
        CliCommand::Config(args) => config::run(&args),
        CliCommand::Setup(args) => on_runtime(setup::run(&args)),
        CliCommand::Demo(args) => on_runtime(demo::run(&args)),
        CliCommand::Completions { shell } => completions::run(shell),
    };
    match done {
        Ok(Completion::Ok) => ExitCode::SUCCESS,
        Ok(Completion::Changes) => ExitCode::from(10),
        Ok(Completion::Partly) => ExitCode::from(3),
        Ok(Completion::Failed) => ExitCode::FAILURE,
        Err(error) => {
            out::complain(&error);
            ExitCode::from(error.kind.exit_code())
        }
    }
}

/// What was asked besides forge and registries, and did not answer: a line each.
fn unanswered(snapshot: &Snapshot) -> Vec<String> {
    let cluster = match &snapshot.cluster {
        Seen::Unknown(why) => Some(format!("unknown: cluster: {why}")),
        Seen::Known(_) | Seen::NotAsked => None,
    };
    let alerts = match &snapshot.alerts {
        Seen::Unknown(why) => Some(format!("unknown: alerts: {why}")),
        Seen::Known(_) | Seen::NotAsked => None,
    };
    cluster.into_iter().chain(alerts).collect()
}

/// What should go back and may not: a line each.
fn not_back(plan: &Plan) -> Vec<String> {
    let told = |notice: &Notice| match notice {
        Notice::NotRolledBack { site, evidence, why, .. } => Some(format!("not rolled back: {site}: {evidence}: {why}")),
        Notice::Pipeline { .. } => None,
    };
    plan.notices.iter().filter_map(told).collect()
}

fn on_runtime<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|e| Error::failed("cannot start the asynchronous runtime").because(e))?.block_on(work)
}
