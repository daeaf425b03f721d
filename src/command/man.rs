//! `pintle man [COMMAND]…`.

use super::ending::Completion;
use super::out;
use crate::cli::{Cli, ManArgs};
use crate::error::{Error, Result};
use clap::CommandFactory;
use clap_mangen::Man;
use std::path::Path;

pub fn run(args: &ManArgs) -> Result<Completion> {
    if let Some(folder) = &args.output_dir {
        write_all(folder)?;
        return Ok(Completion::Ok);
    }
    let mut command = Cli::command();
    command.build();
    for word in &args.command {
        let Some(below) = command.find_subcommand(word) else {
            return Err(
                Error::usage(format!("{} has no command {word}", command.get_name()))
                    .hint("`pintle --help` lists the commands"),
            );
        };
        command = below.clone();
    }
    let mut page = Vec::new();
    Man::new(command)
        .render(&mut page)
        .map_err(|e| Error::failed("the manual page cannot be written").because(e))?;
    out::data(&String::from_utf8_lossy(&page))?;
    Ok(Completion::Ok)
}

fn write_all(folder: &Path) -> Result<()> {
    let failed = |e| {
        Error::failed(format!(
            "cannot write the manual pages to {}",
            folder.display()
        ))
        .because(e)
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)
}
