//! How what was done is undone: the commands for it, ready to copy. Decides nothing.

use super::super::parse::parse;
use super::super::quote;
use crate::model::ask::TargetName;
use crate::pipeline::Action;
use crate::pipeline::answer::Done;

/// Returns a sentence with the commands in code; empty when there is nothing to undo, or when they
/// would not fit into `room` bytes.
pub fn undo(done: &[Done], room: usize) -> String {
    let mut commands: Vec<String> = done.iter().filter_map(command).collect();
    let all = commands.len() == done.len() && commands.iter().all(|command| command.len() <= 300);
    commands.dedup();
    let text = match &commands[..] {
        [] => return String::new(),
        [one] => format!("\n{}: {}\n", purpose(done), quote::code(one)),
        many => format!("\n{}:\n\n{}", purpose(done), quote::block(&many.join("\n"))),
    };
    if all && text.len() <= room {
        text
    } else {
        String::new()
    }
}

/// What the commands do. One command does the same to all its sites.
fn purpose(done: &[Done]) -> &'static str {
    match done.first().map(|done| done.action) {
        Some(Action::Pin | Action::Rollback) => "To follow the tag again",
        Some(Action::Hold) => "To remove the hold",
        _ => "To hold it where it is now",
    }
}

/// The command that leads back; `None` when there is none, or one with the site's name would not be
/// read as it.
fn command(done: &Done) -> Option<String> {
    let word = match done.action {
        Action::Pin | Action::Rollback => "/unpin",
        Action::Hold => "/resume",
        Action::Unpin | Action::Resume => "/hold",
        Action::Adopt | Action::Update | Action::Bump | Action::Lift => return None,
    };
    let target = TargetName::new(&done.site.0)?;
    let is_read = |text: &String| {
        parse(text)
            .is_ok_and(|read| read.first().and_then(|command| command.target()) == Some(&target))
    };
    let forms = target.typed_forms();
    forms
        .iter()
        .map(|form| format!("{word} {form}"))
        .find(is_read)
}
