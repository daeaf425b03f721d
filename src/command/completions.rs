//! `pintle completions SHELL`.

use super::ending::Completion;
use super::out;
use crate::cli::Cli;
use crate::error::Result;
use clap::CommandFactory;

pub fn run(shell: clap_complete::Shell) -> Result<Completion> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pintle", &mut script);
    out::data(&String::from_utf8_lossy(&script))?;
    Ok(Completion::Ok)
}
