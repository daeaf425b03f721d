//! `pintle config init|schema|check`.

use super::ending::{Completion, on_runtime};
use super::{out, scan, source};
use crate::cli::{self, ClusterArgs, RegistryArgs};
use crate::config::{self, Config};
use crate::error::{Error, Result};
use crate::observe::Session;
use crate::reconcile::{self, Planned};
use crate::report::config_draft::draft_config;
use std::path::{Path, PathBuf};

pub fn run(args: &cli::ConfigCommand) -> Result<Completion> {
    match args {
        cli::ConfigCommand::Schema => {
            out::json(&config::schema())?;
            Ok(Completion::Ok)
        }
        cli::ConfigCommand::Init { force, dry_run } => init(*force, *dry_run),
        cli::ConfigCommand::Check { path } => check(path),
    }
}

/// Writes a first configuration to the top of the repo, from what is in it.
fn init(force: bool, dry_run: bool) -> Result<Completion> {
    let top = source::top_of(Path::new("."));
    let file = match top.as_os_str() == "." {
        true => PathBuf::from(config::FILE),
        false => top.join(config::FILE),
    };
    if file.exists() && !force && !dry_run {
        return Err(Error::usage(format!("{} exists already", file.display()))
            .hint("--dry-run prints a new one, --force replaces it"));
    }
    let mut session = session_of(&top)?;
    // What an earlier configuration says is not taken for what is in the repo.
    session.setup.config = Some((config::FILE.to_owned(), String::new()));
    let looked = on_runtime(reconcile::plan_offline(&session))?;
    source::has_terraform(&looked.snapshot.files)?;
    let text = draft_config(&looked.snapshot.scan);
    if dry_run {
        out::data(&text)?;
        return Ok(Completion::Ok);
    }
    std::fs::write(&file, &text)
        .map_err(|e| Error::failed(format!("cannot write {}", file.display())).because(e))?;
    out::say(&format!("wrote {}", file.display()));
    for step in [
        "read it: what only you know is there as a comment",
        "`pintle config check` reports errors, and entries that match nothing",
        "`pintle plan` shows what would be written, and what to set next",
        "commit the file: pintle reads it from the branch that it follows",
    ] {
        out::say(&format!("next: {step}"));
    }
    Ok(Completion::Ok)
}

/// Checks a file by itself, and against the repo at whose top it lies.
fn check(path: &Path) -> Result<Completion> {
    let file = if path.is_dir() {
        path.join(config::FILE)
    } else {
        path.to_owned()
    };
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).map_err(|e| {
        Error::usage(format!("cannot read {name}"))
            .because(e)
            .hint("name the file or its folder: pintle config check path/to/pintle.toml")
    })?;
    let warnings = Config::parse(&text, &name)?.warnings();
    warnings
        .iter()
        .for_each(|warning| out::say(&format!("note: {warning}")));
    let unmatched = match repo_of(path, &file) {
        Some(repo) => find_unmatched(&repo, path.is_dir())?,
        None => Vec::new(),
    };
    if unmatched.is_empty() {
        out::data(&format!("{name} is valid\n"))?;
        return Ok(Completion::Ok);
    }
    out::data(&unmatched.concat())?;
    out::say(&format!(
        "{name}: {} nothing in the repo",
        if unmatched.len() == 1 {
            "1 entry matches".into()
        } else {
            format!("{} entries match", unmatched.len())
        }
    ));
    Ok(Completion::Failed)
}

/// Returns the folder that a run would read this file from; `None` for a file that lies somewhere
/// else or has another name.
fn repo_of(path: &Path, file: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path.to_owned());
    }
    let folder = file
        .parent()
        .filter(|_| file.file_name().is_some_and(|name| name == config::FILE))?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}

/// Returns a line for every entry that matches nothing in the repo.
///
/// # Errors
/// The folder has no Terraform, although the caller `expects_terraform`.
fn find_unmatched(repo: &Path, expects_terraform: bool) -> Result<Vec<String>> {
    let looked = look(repo)?;
    if let Err(none) = source::has_terraform(&looked.snapshot.files) {
        return if expects_terraform {
            Err(none)
        } else {
            Ok(Vec::new())
        };
    }
    scan::tell(&looked.snapshot.scan.problems, &looked.snapshot.files);
    Ok(looked
        .plan
        .unmatched
        .iter()
        .map(|entry| format!("{entry}\n"))
        .collect())
}

fn look(repo: &Path) -> Result<Planned> {
    on_runtime(reconcile::plan_offline(&session_of(repo)?))
}

fn session_of(repo: &Path) -> Result<Session> {
    let mut session = source::setup(
        Some(repo),
        &cli::CloneArgs::default(),
        &RegistryArgs::default(),
        &ClusterArgs::default(),
    )?;
    session.setup.commits = 0;
    Ok(session)
}
