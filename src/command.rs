//! One short file per subcommand, no logic: gather, call the pass, print.

mod completions;
mod config;
mod deadline;
#[cfg(feature = "demo")]
mod demo;
mod ending;
mod explain;
mod log;
mod man;
mod notice;
mod out;
mod plan;
mod progress;
mod run;
mod sbom;
mod scan;
mod setup;
mod source;
mod status;
mod sync;
mod table;
mod tags;
mod worklist;

use crate::cli::CliCommand;
use crate::error::Error;
use ending::{Completion, on_runtime};
use std::path::Path;
use std::process::ExitCode;

/// Makes a folder the current one, or says on standard error why that cannot be. For the start of
/// the program.
#[expect(
    clippy::disallowed_methods,
    reason = "no thread has started, and all paths of the command line are meant from there"
)]
pub fn enter_folder(folder: &Path) -> Result<(), ExitCode> {
    std::env::set_current_dir(folder).map_err(|e| {
        let error = Error::usage(format!("cannot go to the folder {}", folder.display()))
            .because(e)
            .hint("-C takes a folder that exists");
        out::complain(&error);
        ExitCode::from(error.kind.exit_code())
    })
}

/// Runs a command to its end and says on standard error what went wrong, if anything did.
pub fn run(command: CliCommand, colour: bool) -> ExitCode {
    let done = match command {
        CliCommand::Scan(args) => scan::run(&args),
        CliCommand::Plan(args) => on_runtime(plan::run(&args, colour)),
        CliCommand::Worklist(args) => on_runtime(worklist::run(&args)),
        CliCommand::Sync(args) => on_runtime(sync::run(&args, colour)),
        CliCommand::Run(args) => run::run(&args),
        CliCommand::Explain(args) => on_runtime(explain::run(&args)),
        CliCommand::Status(args) => on_runtime(status::run(&args)),
        CliCommand::Log(args) => log::run(&args),
        CliCommand::Tags(args) => tags::run(&args),
        CliCommand::Config(args) => config::run(&args),
        CliCommand::Notice(args) => on_runtime(notice::run(&args)),
        CliCommand::Setup(args) => on_runtime(setup::run(&args)),
        #[cfg(feature = "demo")]
        CliCommand::Demo(args) => on_runtime(demo::run(&args)),
        CliCommand::Completions { shell } => completions::run(shell),
        CliCommand::Man(args) => man::run(&args),
        CliCommand::Sbom => sbom::run(),
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
