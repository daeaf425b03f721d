//! What a pull request says: its title, its body, its labels, and what is said when pintle closes
//! it or leaves it to a person. The body ends with the trailers of the change as they stand in its
//! commit, so that it can be read back. Decides nothing about the change.

mod marks;
mod notes;
mod table;

pub use marks::{add_warning, has_own_title, has_warning, is_current, read_marks};

use super::marker::Marker;
use super::phrase::{
    LONGEST, count, link_within, listed, named, said, sentence, short, short_hash,
};
use super::quote;
use crate::error::{Error, Result};
use crate::model::commit::CommitId;
use crate::pipeline::forge::BRANCHES;
use crate::pipeline::{Action, Asked, Change, Proposal, trailers};
use jiff::Timestamp;
use std::sync::Arc;
use table::RowGroup;
use url::Url;

/// The label of a pull request that somebody waits for.
pub const URGENT: &str = "pintle/urgent";

/// Forges take titles of 255 characters.
const TITLE: usize = 240;

/// Forges do not merge what is named like this: it counts as a draft.
const DRAFTS: [&str; 4] = ["wip:", "[wip]", "draft:", "[draft]"];

/// What a pull request or an issue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowWords {
    /// One line; plain text, not Markdown.
    pub title: String,
    /// Markdown.
    pub body: String,
}

/// How much of it is shown: less where all of it would be too long.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    All,
    WithoutNotes,
    Bare,
}

/// Returns what the pull request of a change says. [`trailers::parse`] of the body returns the
/// change's pins, also when the body becomes a commit's message.
///
/// # Errors
/// Those of [`trailers::render`].
pub fn words(
    change: &Change,
    proposal: &Proposal,
    snapshot_at: Timestamp,
    forge_url: &Url,
) -> Result<RowWords> {
    let record = record(change)?;
    let page = Page {
        change,
        proposal,
        at: snapshot_at,
        forge_url,
        groups: table::groups(&proposal.rows),
    };
    let title = title(&change.message);
    let marks = marks::render_marks(&title, &page.sentences());
    let room = LONGEST.saturating_sub(record.len() + marks.len());
    let tries = [Detail::All, Detail::WithoutNotes]
        .into_iter()
        .map(|detail| page.text(detail, room));
    let text = tries
        .into_iter()
        .find(|text| text.len() <= room)
        .unwrap_or_else(|| page.text(Detail::Bare, room));
    Ok(RowWords {
        body: marks + &text + &record,
        title,
    })
}

/// Returns the text of a pull request that pintle closes because nothing is left to propose: the
/// reason, a sentence, above what was there. Its marks say that pintle closed it, so that it does
/// not read as declined.
pub fn withdraw(body: &str, why: &str) -> String {
    let old = body.replace("\r\n", "\n");
    let old = marks::without_offers(marks::without_marks(&old));
    let head = format!(
        "{}\npintle withdrew this proposal: {}. There is nothing left to merge, so the pull request is closed and its branch deleted.\n",
        Marker::Withdrawn.render(),
        said(why)
    );
    if old.trim().is_empty() {
        return head;
    }
    let whole = format!("{head}\nThis is what it proposed.\n\n---\n\n{old}");
    if whole.len() <= LONGEST {
        whole
    } else {
        let record = marks::find_record(&old).map_or("", |start| &old[start..]);
        format!("{head}{record}")
    }
}

/// Returns the mark of what a change proposes, and what is said once when it takes the place of
/// what these people approved.
pub fn changed_after_approval(change: &Change, approvers: &[String]) -> Result<(Marker, String)> {
    let mark = Marker::Changed(short_hash(&trailers::render(
        &change.message,
        &change.pins,
    )?));
    let people: Vec<String> = approvers.iter().map(|login| named(login)).collect();
    let (images, rest) = change.pins.split_at(change.pins.len().min(20));
    let mut lines: Vec<String> = images
        .iter()
        .filter_map(|pin| {
            Some(format!(
                "- {} is now {}",
                named(&pin.image),
                named(pin.to.as_ref()?.as_str())
            ))
        })
        .collect();
    if !rest.is_empty() {
        lines.push(format!("- {} more", rest.len()));
    }
    let text = format!(
        "{}\npintle changed what this pull request proposes after {} approved it. The approval was for other digests.\n\n{}\n",
        mark.render(),
        listed(&people),
        lines.join("\n")
    );
    Ok((mark, text))
}

/// Returns what is said once when somebody else pushed to the branch of that name.
pub fn left(name: &str, tip: &CommitId) -> String {
    let branch = format!("{BRANCHES}{name}");
    format!(
        "{}\nThe branch {} has a commit that is not pintle's: {}. pintle leaves this pull request to you from here on: it does not update, \
         rebase, merge or close it.\n\nTo hand it back, close it and delete the branch: pintle then proposes what is due in a new one.\n",
        Marker::Left(tip.clone()).render(),
        named(&branch),
        named(tip.short()),
    )
}

/// Returns the labels of a pull request: the configured ones, and one more when somebody waits for
/// it.
pub fn labels(proposal: &Proposal, configured: &[Arc<str>]) -> Vec<String> {
    let mut labels: Vec<String> = configured.iter().map(|label| label.to_string()).collect();
    if proposal.urgent && !labels.iter().any(|label| label == URGENT) {
        labels.push(URGENT.to_owned());
    }
    labels
}

/// The commit's subject, unless a forge would take it for a draft's.
fn title(message: &str) -> String {
    let subject: String = message
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| !super::is_invisible(*c))
        .collect();
    let subject = short(subject.trim(), TITLE);
    if is_draft_title(&subject) {
        format!("pintle: {subject}")
    } else {
        subject
    }
}

/// Says whether a forge takes a pull request with this title for a draft, where its administrator
/// chose no other words for that.
pub fn is_draft_title(title: &str) -> bool {
    let lower = title.trim_start().to_lowercase();
    DRAFTS.iter().any(|draft| lower.starts_with(draft))
}

/// The trailers in a fenced block, byte for byte as in the commit. No line of it can end the block:
/// each starts with a trailer's name.
fn record(change: &Change) -> Result<String> {
    let message = trailers::render(&change.message, &change.pins)?;
    let trailers = message
        .strip_prefix(change.message.trim_end())
        .map(str::trim_start);
    let trailers = trailers.ok_or_else(|| {
        Error::failed("the text of a pull request could not be separated from its trailers")
    })?;
    Ok(format!(
        "{}\n\n```text\n{trailers}```\n\n</details>\n",
        marks::RECORD
    ))
}

struct Page<'a> {
    change: &'a Change,
    proposal: &'a Proposal,
    at: Timestamp,
    forge_url: &'a Url,
    groups: Vec<RowGroup<'a>>,
}

impl Page<'_> {
    fn text(&self, detail: Detail, room: usize) -> String {
        let head = format!("{}{}", self.purpose(), self.remarks());
        let reasons = if detail == Detail::Bare {
            String::new()
        } else {
            table::reasons(&self.groups, &self.change.pins)
        };
        let notes = match detail {
            Detail::All => notes::all(&self.groups),
            Detail::WithoutNotes if notes::any(&self.groups) => {
                "\nThe release notes are left out: with them this would be too long.\n".into()
            }
            _ => String::new(),
        };
        let tail = format!("{reasons}{notes}{}", self.may_say());
        let room = room.saturating_sub(head.len() + tail.len());
        format!("{head}{}{tail}", table::table(&self.groups, self.at, room))
    }

    /// The sentences that have to be true at any time: what a merge does, why it is a pull request,
    /// who merges it and when. The table beside them is as of a time.
    fn sentences(&self) -> String {
        format!("{}{}{}", self.purpose(), self.remarks(), self.may_say())
    }

    /// `Merging this changes immich: it pins 2 images for the first time and …`
    fn purpose(&self) -> String {
        let mut actions: Vec<Action> = self.change.pins.iter().map(|pin| pin.action).collect();
        actions.sort();
        let phrases: Vec<String> = actions
            .chunk_by(|a, b| a == b)
            .filter_map(|same| Some(effect(*same.first()?, same.len())))
            .collect();
        let place = if self.asked().is_empty() {
            format!("changes {}: it ", named(&self.change.name))
        } else {
            String::new()
        };
        format!("Merging this {place}{}.\n", listed(&phrases))
    }

    /// Who asked for it, and why it is not a commit.
    fn remarks(&self) -> String {
        let mut remarks = Vec::new();
        let asked: Vec<String> = self
            .asked()
            .into_iter()
            .map(|asked| self.asker(asked))
            .collect();
        match (self.proposal.urgent, asked.is_empty()) {
            (true, false) => remarks.push(format!(
                "**Urgent**: asked for by {}. It takes effect when it is merged.",
                listed(&asked)
            )),
            (true, true) => remarks.push("**Urgent**: please merge it soon.".to_owned()),
            (false, false) => remarks.push(format!("Asked for by {}.", listed(&asked))),
            (false, true) => {}
        }
        remarks.extend(self.proposal.because.iter().map(|reason| {
            sentence(
                "It is a pull request and not a commit: ",
                &reason.to_string(),
            )
        }));
        let quoted: Vec<String> = remarks
            .iter()
            .map(|remark| format!("> {remark}\n"))
            .collect();
        if quoted.is_empty() {
            String::new()
        } else {
            format!("\n{}", quoted.join(">\n"))
        }
    }

    /// Everybody who asked, each comment once.
    fn asked(&self) -> Vec<&Asked> {
        let mut all: Vec<&Asked> = Vec::new();
        for asked in self.change.pins.iter().filter_map(|pin| pin.asked.as_ref()) {
            if !all.contains(&asked) && all.len() < 10 {
                all.push(asked);
            }
        }
        all
    }

    fn asker(&self, asked: &Asked) -> String {
        format!(
            "{} ({})",
            named(&asked.by),
            link_within("comment", &asked.comment, self.forge_url)
        )
    }

    fn may_say(&self) -> String {
        let merges = match (&self.proposal.merges, &self.proposal.waits[..]) {
            (Some(merges), []) => sentence("**It merges automatically** ", merges),
            (Some(merges), waits) => format!(
                "{} {}",
                sentence("**It merges automatically** ", merges),
                sentence(
                    "Before that, people have to settle this: ",
                    &waits.join("; ")
                )
            ),
            (None, _) => "It waits for somebody to merge it: pintle does not.".to_owned(),
        };
        let closing = if self.asked().is_empty() {
            "Closing it declines it: the same digests are not proposed again."
        } else {
            "Closing it declines what was asked for: nothing is changed."
        };
        // One that a comment asked for is left to people, whatever else is asked for.
        let closes = |usage: &str| {
            if usage.starts_with("/hold") && self.asked().is_empty() {
                "; then this pull request is closed"
            } else {
                ""
            }
        };
        let row = |(usage, effect): &(&str, &str)| {
            format!("| {} | {effect}{} |\n", quote::code(usage), closes(usage))
        };
        let rows: String = COMMANDS.iter().map(row).collect();
        format!(
            "{}\n{merges} {closing}\n\n\
             Somebody who may write to this repository can ask for something else, with a comment in which a line begins with a command:\n\n\
             | command | effect |\n| --- | --- |\n{rows}",
            marks::OFFERS
        )
    }
}

/// The commands that fit here, and what they do here.
const COMMANDS: [(&str, &str); 6] = [
    (
        "/hold because …",
        "freezes these images as they are, for a reason",
    ),
    (
        "/pin to <tag or sha256:…>",
        "pins these images to that instead, and holds them there",
    ),
    ("/rollback", "rolls back to the previous pin, and holds it"),
    (
        "/explain",
        "shows what pintle knows of these images, and why it proposes this",
    ),
    (
        "/plan",
        "shows what pintle would do now, in the whole repository",
    ),
    (
        "/help",
        "lists all commands, and how an image is named in them",
    ),
];

/// What merging does to so many images.
fn effect(action: Action, of: usize) -> String {
    let images = count(of, "image");
    let one = of == 1;
    let them = if one { "it" } else { "them" };
    match action {
        Action::Adopt => {
            format!("pins {images} for the first time")
        }
        Action::Update => format!(
            "updates {images} to the {} now",
            if one {
                "digest its tag has"
            } else {
                "digests their tags have"
            }
        ),
        Action::Bump => format!(
            "takes {images} to {}",
            if one { "a newer tag" } else { "newer tags" }
        ),
        Action::Pin => format!("pins {images} as asked, and holds {them}"),
        Action::Unpin => {
            format!(
                "removes the hold of {images}, so that {} again",
                if one {
                    "it follows its tag"
                } else {
                    "they follow their tags"
                }
            )
        }
        Action::Rollback => format!("rolls {images} back to an earlier digest, and holds {them}"),
        Action::Hold => format!(
            "holds {images} as {}",
            if one { "it is" } else { "they are" }
        ),
        Action::Resume => format!("removes the hold of {images}"),
        Action::Lift => format!("removes an expired hold from {images}"),
    }
}

#[cfg(test)]
mod tests;
