//! The one reply to a comment: what was done for each of its commands, or why not. Decides nothing:
//! it tells an [`Answer`].
//!
//! It names nobody with `@`, and begins no line with a command outside of code.

mod undo;

use super::marker::Marker;
use super::parse::COMMANDS;
use super::phrase::{LONGEST, commit_link, lines, named, said, sentence, short};
use super::quote;
use crate::model::ask::{Misread, Right};
use crate::model::commit::CommitId;
use crate::model::duration::show_time;
use crate::pipeline::Action;
use crate::pipeline::answer::{Answer, Done, Outcome};
use std::sync::Arc;
use url::Url;

/// Where a change went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The name of the change.
    pub change: Arc<str>,
    pub to: To,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The commit on the followed branch.
    Commit(CommitId),
    /// The pull request that proposes it.
    Pull(u64),
}

/// Returns the reply, below `LONGEST` bytes. Its first line is the mark of the comment that it
/// answers.
pub fn reply(
    answer: &Answer,
    links: &[Link],
    forge_url: &Url,
    report: &dyn Fn(&Outcome) -> Option<Report>,
) -> String {
    let mark = Marker::Answer(answer.comment.id).render();
    let room = (LONGEST - 1_000) / answer.outcomes.len().max(1);
    let teller = Teller {
        answer,
        links,
        forge_url,
        room,
        report,
    };
    let sections: Vec<String> = answer
        .outcomes
        .iter()
        .map(|outcome| teller.section(outcome))
        .collect();
    let text = format!("{mark}\n{}", sections.join("\n---\n\n"));
    if text.len() < LONGEST {
        text
    } else {
        format!("{mark}\nThe answer is too long for a comment.\n")
    }
}

struct Teller<'a> {
    answer: &'a Answer,
    links: &'a [Link],
    forge_url: &'a Url,
    /// What one section may take, in bytes.
    room: usize,
    report: &'a dyn Fn(&Outcome) -> Option<Report>,
}

/// The text of a command that reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// `/explain`
    pub command: &'static str,
    pub title: String,
    /// Shown as they are.
    pub lines: Vec<String>,
}

impl Teller<'_> {
    fn section(&self, outcome: &Outcome) -> String {
        let text = self.told(outcome);
        if text.len() <= self.room {
            text
        } else {
            "The answer to this command is too long for a comment.\n".to_owned()
        }
    }

    fn told(&self, outcome: &Outcome) -> String {
        match outcome {
            Outcome::Written { command, change, done } => self.written(command, change, done),
            Outcome::WrittenBefore { command, commit, sites } => self.written_before(command, commit, sites),
            Outcome::ProposedBefore { command, pull, sites } => self.proposed_before(command, *pull, sites),
            Outcome::Nothing { command, why } => format!("{}: {}\n", word(command), sentence("there was nothing to do, because ", why)),
            Outcome::Refused { command, why, hint } => refused(command, why, hint.as_deref()),
            Outcome::NotFound { command, target, near } => self.not_found(command, target, near),
            Outcome::Ambiguous { command, target, candidates } => self.ambiguous(command, target.as_deref(), candidates),
            Outcome::Report(_) | Outcome::Explained { .. } | Outcome::Status { .. } | Outcome::Planned => match (self.report)(outcome) {
                Some(Report { command, title, lines }) => self.text(command, &title, &lines),
                None => "There is nothing to report yet.\n".to_owned(),
            },
            Outcome::Help => help(),
            Outcome::Misread(misread) => self.misread(misread),
            Outcome::MayNotAsk { command } => self.may_not_ask(command),
            Outcome::MayNot { command, needs, has } => self.may_not(command, *needs, *has),
            Outcome::Edited => {
                "Nothing was done: this comment was edited after it was written, and pintle does not act on edits. What is still \
                                wanted can be asked for in a new comment.\n"
                    .to_owned()
            }
            Outcome::Late => {
                "Nothing was done: when pintle came to read this comment, it was too old to act on. What is still wanted can be \
                              asked for in a new comment.\n"
                    .to_owned()
            }
        }
    }

    fn written(&self, command: &str, change: &str, done: &[Done]) -> String {
        let (what, when) = match self
            .links
            .iter()
            .find(|link| *link.change == *change)
            .map(|link| &link.to)
        {
            Some(To::Commit(commit)) => (
                format!("done in {}.", commit_link(commit, self.forge_url)),
                "now",
            ),
            Some(To::Pull(number)) => {
                let pull = self.pull_link(*number);
                (
                    format!(
                        "proposed in {pull}, since pintle may not push it itself. It takes effect when that is merged."
                    ),
                    "then",
                )
            }
            None => (
                format!("it is part of the change {}.", named(change)),
                "now",
            ),
        };
        let items: Vec<String> = done
            .iter()
            .map(|done| format!("- {}", one_done(done, when)))
            .collect();
        let head = format!("{}: {what}\n\n", word(command));
        let undo = undo::undo(done, self.room / 3);
        let list = lines(
            &items,
            self.room.saturating_sub(head.len() + undo.len() + 100),
        );
        format!("{head}{list}{undo}")
    }

    fn written_before(&self, command: &str, commit: &CommitId, sites: &[String]) -> String {
        let link = commit_link(commit, self.forge_url);
        self.before(
            format!(
                "{}: done in {link}, which was written before this reply could be.\n",
                word(command)
            ),
            sites,
        )
    }

    fn proposed_before(&self, command: &str, pull: u64, sites: &[String]) -> String {
        let link = self.pull_link(pull);
        let what = "which was opened before this reply could be written. It takes effect when that is merged";
        self.before(
            format!("{}: proposed in {link}, {what}.\n", word(command)),
            sites,
        )
    }

    fn pull_link(&self, number: u64) -> String {
        let page = format!(
            "{}/pulls/{number}",
            self.forge_url.as_str().trim_end_matches('/')
        );
        quote::link(&format!("pull request {number}"), &page)
    }

    fn before(&self, head: String, sites: &[String]) -> String {
        let items: Vec<String> = sites
            .iter()
            .map(|site| format!("- {}", named(site)))
            .collect();
        if items.is_empty() {
            head
        } else {
            format!(
                "{head}\n{}",
                lines(&items, self.room.saturating_sub(head.len() + 100))
            )
        }
    }

    fn not_found(&self, command: &str, target: &str, near: &[String]) -> String {
        let head = format!(
            "{}: nothing was done, because no image here is called {}.",
            word(command),
            named(target)
        );
        if near.is_empty() {
            return format!(
                "{head} An image is named by its stack, as `namespace/name`, as `kind/namespace/name` or by its repository; `/status` lists them \
                 all.\n"
            );
        }
        let items: Vec<String> = near
            .iter()
            .map(|name| format!("- {}", named(name)))
            .collect();
        let rest = lines(&items, self.room.saturating_sub(head.len() + 100));
        format!("{head} Names like it:\n\n{rest}")
    }

    fn ambiguous(&self, command: &str, target: Option<&str>, candidates: &[String]) -> String {
        let why = match target {
            Some(target) => format!("{} can mean several images", named(target)),
            None => "it does not name an image, and there are several".to_owned(),
        };
        let head = format!(
            "{}: nothing was done, because {why}. Use one of these:\n\n",
            word(command)
        );
        let ready: Vec<String> = candidates
            .iter()
            .map(|name| format!("{command} {}", short(name, 300)))
            .collect();
        format!(
            "{head}{}",
            bounded_block(&ready, self.room.saturating_sub(head.len() + 100))
        )
    }

    fn text(&self, command: &str, title: &str, lines: &[String]) -> String {
        let head = format!("{}: {}\n\n", word(command), said(title));
        format!(
            "{head}{}",
            bounded_block(lines, self.room.saturating_sub(head.len() + 100))
        )
    }

    fn misread(&self, misread: &Misread) -> String {
        let place = match misread.command {
            Some(command) => format!("line {}, {}", misread.line, word(command)),
            None => format!("line {}", misread.line),
        };
        let hint = misread
            .hint
            .as_ref()
            .map_or(String::new(), |hint| sentence(" What would help: ", hint));
        let what = sentence(&format!("{place}: "), &misread.what);
        format!(
            "Nothing of this comment was done, because pintle could not read all of it: {what}{hint}\n"
        )
    }

    fn may_not_ask(&self, command: &str) -> String {
        let (login, id) = (named(&self.answer.author.login), self.answer.author.id);
        format!(
            "{}: nothing was done. It is for people who may write to this repository, and pintle's account cannot see whether {login} may. What would \
             help: an administrator of the repository makes pintle's account one too, or adds the id {id} to {} in {}.\n",
            word(command),
            quote::code("[forge] commanders"),
            quote::code("pintle.toml"),
        )
    }

    fn may_not(&self, command: &str, needs: Right, has: Right) -> String {
        let needed = match needs {
            Right::Write => "write to",
            Right::Read | Right::None => "read",
        };
        let has = match has {
            Right::Write => "may do that only in part",
            Right::Read => "may only read it",
            Right::None => "has no right to it that pintle could find",
        };
        let login = named(&self.answer.author.login);
        format!(
            "{}: nothing was done. It is for people who may {needed} this repository, and {login} {has}. Somebody who may can write the same \
             comment.\n",
            word(command)
        )
    }
}

/// `` `/pin` ``, bold, at the start of a section.
fn word(command: &str) -> String {
    format!("**{}**", quote::code(command))
}

fn refused(command: &str, why: &str, hint: Option<&str>) -> String {
    let hint = hint.map_or(String::new(), |hint| sentence(" What would help: ", hint));
    format!(
        "{}: {}{hint}\n",
        word(command),
        sentence("nothing was done, because ", why)
    )
}

/// `` `file#user` is now `image@digest`, held until … ``
fn one_done(done: &Done, when: &str) -> String {
    let held = match (done.action, done.until) {
        (Action::Pin | Action::Rollback | Action::Hold, Some(until)) => {
            format!(", held until {}", show_time(until))
        }
        (Action::Pin | Action::Rollback | Action::Hold, None) => {
            ", held until somebody removes the hold".to_owned()
        }
        (Action::Unpin | Action::Resume | Action::Lift, _) => ", no longer held".to_owned(),
        (Action::Adopt | Action::Update | Action::Bump, _) => String::new(),
    };
    format!(
        "{} is {when} {}{held}",
        named(&done.site.to_string()),
        named(&done.image)
    )
}

/// A code block of as many lines as fit, then how many are left out.
fn bounded_block(all: &[String], room: usize) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut size = 0;
    for line in all {
        let line = short(line, 1_000);
        size += line.len() + 1;
        if size > room / 2 {
            break;
        }
        shown.push(line);
    }
    let left = all.len() - shown.len();
    let rest = if left == 0 {
        String::new()
    } else {
        format!(
            "\n{} more {} left out: a comment has a size limit.\n",
            left,
            if left == 1 { "line is" } else { "lines are" }
        )
    };
    format!("{}{rest}", quote::block(&shown.join("\n")))
}

fn help() -> String {
    let rows: String = COMMANDS
        .iter()
        .map(|(usage, meaning)| format!("| {} | {meaning} |\n", quote::code(usage)))
        .collect();
    format!(
        "A comment can hold commands: each is the first word of a line of plain text. Either all of a comment is read, or nothing of it is done.\n\n\
         | command | effect |\n| --- | --- |\n{rows}\n\
         A target is a stack, `namespace/name` or `namespace/name:container`, `kind/namespace/name`, or an image repository. \
         A name with spaces can be put in quotes. Without a target, a command \
         in a pull request of pintle's is for the images of that pull request.\n\n\
         `/explain`, `/status`, `/plan` and `/help` are for everybody who may read this repository, the others for those who may write to it.\n"
    )
}

#[cfg(test)]
mod tests;
