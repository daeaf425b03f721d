//! Arguments → log → command → exit code.

use clap::Parser;
use pintle::cli::{Cli, CliCommand, Color, GeneralArgs, LogFormat};
use pintle::command;
use pintle::daemon::repeats::RepeatedWarnings;
use std::io::IsTerminal;
use std::process::ExitCode;
use tracing_subscriber::filter::FilterExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_log(&cli.general, matches!(cli.command, CliCommand::Run(_)));
    if let Some(folder) = &cli.general.directory
        && let Err(code) = command::enter_folder(folder)
    {
        return code;
    }
    let colour = match cli.general.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    command::run(cli.command, colour)
}

/// Log lines go to standard error; `PINTLE_LOG` takes a filter such as `pintle=debug,gix=info`.
/// What runs for long says more by itself.
fn start_log(general: &GeneralArgs, runs: bool) {
    let level = match general.verbose.saturating_add(u8::from(runs)) {
        0 => "pintle=warn",
        1 => "pintle=info",
        _ => "pintle=debug",
    };
    let filter = EnvFilter::try_from_env("PINTLE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let log = match general.log_format {
        LogFormat::Json => log.json().boxed(),
        LogFormat::Text => log
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
    };
    let log = if runs {
        log.with_filter(filter.and(RepeatedWarnings)).boxed()
    } else {
        log.with_filter(filter).boxed()
    };
    tracing_subscriber::registry().with(log).init();
}
