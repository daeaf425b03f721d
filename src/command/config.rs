//! `pintle config schema|check`.

use super::{Done, out};
use crate::cli;
use crate::config::{self, Config};
use crate::error::{Error, Result};

pub fn run(args: &cli::ConfigCommand) -> Result<Done> {
    match args {
        cli::ConfigCommand::Schema => out::json(&config::schema())?,
        cli::ConfigCommand::Check { file } => {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(|e| {
                Error::usage(format!("cannot read {name}")).because(e).hint("name the file: pintle config check path/to/pintle.toml")
            })?;
            Config::parse(&text, &name)?;
            out::data(&format!("{name} is valid\n"))?;
        }
    }
    Ok(Done::Ok)
}
