//! How what was done is undone: the commands for it, ready to copy. Decides nothing.

use super::super::phrase::named;
use super::super::quote;
use crate::model::ask::Target;
use crate::pipeline::Action;
use crate::pipeline::answer::Done;

/// Returns the sentence, with its commands in code; empty when there is nothing to undo or they would not fit into `room` bytes.
pub fn undo(done: &[Done], room: usize) -> String {
    let mut commands: Vec<String> = done.iter().filter_map(command).collect();
    commands.dedup();
    let text = match &commands[..] {
        [] => return String::new(),
        [one] => format!("\nTo undo it: {}\n", named(one)),
        many => format!("\nTo undo it:\n\n{}", quote::block(&many.join("\n"))),
    };
    let whole = commands.len() == done.len() && commands.iter().all(|command| command.len() < 300);
    if whole && text.len() <= room { text } else { String::new() }
}

/// The command that takes one back; `None` when there is none, or the site cannot be named in one.
fn command(done: &Done) -> Option<String> {
    let word = match done.action {
        Action::Pin | Action::Rollback => "/unpin",
        Action::Hold => "/resume",
        Action::Unpin | Action::Resume => "/hold",
        Action::Adopt | Action::Move | Action::Lift => return None,
    };
    let target = Target::new(&done.site.0)?;
    Some(format!("{word} {target}"))
}
