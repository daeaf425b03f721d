//! The commands that change something: all of a comment's, decided before any of them is done.

use super::case::{CommentCase, SiteTarget};
use super::site_target::{SiteCommand, SiteCommands};
use crate::model::ask::{Command, Right};
use crate::pipeline::answer::{Done, Outcome};

/// What one command comes to.
enum DecidedCommand {
    Targets(Vec<SiteCommand>),
    Outcome(Outcome),
    /// It could not be done, so nothing of the comment is.
    Failed(Outcome),
    /// It changes nothing: the reply reports what the finished plan says.
    Report,
}

/// Decides the commands of one comment: an outcome for each, and what becomes of the sites.
pub(super) fn decide_commands(
    case: &CommentCase,
    commands: &[Command],
) -> (Vec<Outcome>, Vec<SiteTarget>) {
    let mut all = SiteCommands::new(case);
    let decided: Vec<DecidedCommand> = commands
        .iter()
        .map(|command| decide_command(case, &mut all, command))
        .collect();
    let failed = decided
        .iter()
        .zip(commands)
        .find(|(decided, _)| matches!(decided, DecidedCommand::Failed(_)));
    if let Some((_, failed)) = failed {
        let why = format!("`{}` could not be done", failed.word());
        let outcome = |(decided, command): (DecidedCommand, &Command)| match decided {
            DecidedCommand::Failed(outcome) => outcome,
            DecidedCommand::Report => Outcome::Report(command.clone()),
            DecidedCommand::Targets(_) | DecidedCommand::Outcome(_) => Outcome::Refused {
                command: command.word(),
                why: why.clone(),
                hint: None,
            },
        };
        return (
            decided.into_iter().zip(commands).map(outcome).collect(),
            Vec::new(),
        );
    }
    let name = case.change_name();
    let (mut targets, mut outcomes) = (Vec::new(), Vec::new());
    for (decided, command) in decided.into_iter().zip(commands) {
        outcomes.push(match decided {
            DecidedCommand::Targets(own) => {
                let done = own.iter().map(|one| describe_done(case, one)).collect();
                targets.extend(own.into_iter().map(|one| one.target));
                Outcome::Written {
                    command: command.word(),
                    change: name.as_str().into(),
                    done,
                }
            }
            DecidedCommand::Outcome(outcome) | DecidedCommand::Failed(outcome) => outcome,
            DecidedCommand::Report => Outcome::Report(command.clone()),
        });
    }
    // The holds of all sites are edited together: they may share a line.
    if let Some(first) = targets.first_mut() {
        first.target.edits.extend(all.hold_edits());
    }
    (outcomes, targets)
}

fn decide_command(case: &CommentCase, all: &mut SiteCommands, command: &Command) -> DecidedCommand {
    if command.needs() != Right::Write {
        return DecidedCommand::Report;
    }
    let word = command.word();
    let sites = match case.find_sites(command) {
        Ok(sites) => sites,
        Err(outcome) => return DecidedCommand::Failed(outcome),
    };
    let count = sites.len();
    match all.apply(command, &sites) {
        Err((why, hint)) => DecidedCommand::Failed(Outcome::Refused {
            command: word,
            why,
            hint,
        }),
        Ok((new, nothing)) if new.is_empty() => {
            let more = if count > 1 {
                format!(" (and {} more)", count - 1)
            } else {
                String::new()
            };
            let why = format!("{}{more}", nothing.first().map_or("", String::as_str));
            DecidedCommand::Outcome(Outcome::Nothing { command: word, why })
        }
        Ok((new, _)) => DecidedCommand::Targets(new),
    }
}

fn describe_done(case: &CommentCase, one: &SiteCommand) -> Done {
    let (site, target) = (&case.sites[one.target.place], &one.target.target);
    let digest = target
        .to
        .as_ref()
        .map_or(String::new(), |to| format!("@{to}"));
    let image = target.image.as_ref().unwrap_or(&site.settings.image);
    Done {
        site: site.site.id.clone(),
        action: target.action,
        image: format!("{image}{digest}"),
        until: one.until,
    }
}
