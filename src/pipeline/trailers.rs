//! A pin's block of trailers in a commit message: written and read here and nowhere else. Never
//! guesses: a block that is not complete, or says something this version has no word for, is no
//! record.

use super::record::{Action, Asked, Cause, PinRecord};
use crate::error::{Error, Result};
use crate::model::digest::Digest;
use crate::model::reference::Tag;

const PREFIX: &str = "Pintle-";

/// Returns `message` (subject, blank line, body) with one block for each pin, in the order given,
/// as the last paragraph.
///
/// Fails when a value could not be read back: a line break or another control character, space
/// around it, an empty one; and when the message itself has no subject or has a line that looks
/// like one of ours.
pub fn render(message: &str, pins: &[PinRecord]) -> Result<String> {
    let message = message.trim_end();
    let subject = message.lines().next().unwrap_or_default();
    if subject.trim().is_empty() || message.contains('\0') {
        return Err(Error::failed(
            "the commit message has no subject or holds a NUL",
        ));
    }
    if let Some(line) = message.lines().find(|line| line.starts_with(PREFIX)) {
        return Err(Error::failed(format!(
            "the text of the commit message has a line like a trailer: {line:?}"
        )));
    }
    let mut text = format!("{message}\n");
    for (at, pin) in pins.iter().enumerate() {
        text.push_str(if at == 0 { "\n" } else { "" });
        for (name, value) in fields(pin) {
            text.push_str(&format!("{PREFIX}{name}: {}\n", checked(name, value)?));
        }
    }
    Ok(text)
}

/// Returns the pins that a message records, in order. Lines that are not ours and unknown
/// `Pintle-…` trailers are passed over.
pub fn parse(message: &str) -> Vec<PinRecord> {
    let mut blocks: Vec<Vec<(&str, &str)>> = Vec::new();
    let mut open = false;
    for line in message.lines() {
        let Some((name, value)) = line
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once(": "))
        else {
            open = false;
            continue;
        };
        if name == "Action" {
            blocks.push(Vec::new());
            open = true;
        }
        if let (true, Some(block)) = (open, blocks.last_mut()) {
            block.push((name, value));
        }
    }
    blocks.iter().filter_map(|block| record(block)).collect()
}

fn fields(pin: &PinRecord) -> Vec<(&'static str, &str)> {
    let mut fields = vec![("Action", pin.action.as_str()), ("Site", &pin.site)];
    fields.extend(pin.uses.iter().map(|alias| ("Use", alias.as_str())));
    fields.push(("Image", pin.image.as_str()));
    fields.extend(pin.from_tag.iter().map(|tag| ("From-Tag", tag.as_str())));
    fields.extend([
        ("From", pin.from.as_ref().map_or("none", Digest::as_str)),
        ("To", pin.to.as_ref().map_or("none", Digest::as_str)),
        ("Cause", pin.cause.as_str()),
    ]);
    fields.extend(
        pin.evidence
            .iter()
            .map(|evidence| ("Evidence", evidence.as_str())),
    );
    if let Some(asked) = &pin.asked {
        fields.extend([
            ("Asked-By", asked.by.as_str()),
            ("Comment", asked.comment.as_str()),
        ]);
        fields.extend(asked.because.iter().map(|why| ("Because", why.as_str())));
    }
    fields
}

/// Says whether a value can be written as a trailer and read back as it is.
pub fn is_valid(value: &str) -> bool {
    !value.is_empty() && value.trim() == value && !value.chars().any(char::is_control)
}

fn checked<'a>(name: &str, value: &'a str) -> Result<&'a str> {
    if !is_valid(value) {
        return Err(Error::failed(format!(
            "{value:?} is not valid in the trailer {PREFIX}{name}"
        ))
        .hint("line breaks and space around a name cannot be recorded in a commit message"));
    }
    Ok(value)
}

/// Returns the record of one block; the first of a repeated trailer counts.
fn record(block: &[(&str, &str)]) -> Option<PinRecord> {
    let value = |name: &str| {
        block
            .iter()
            .find(|(own, _)| *own == name)
            .map(|(_, value)| *value)
    };
    let digest = |text: &str| {
        if text == "none" {
            Some(None)
        } else {
            Digest::parse(text).map(Some)
        }
    };
    let asked = value("Asked-By").zip(value("Comment"));
    Some(PinRecord {
        action: value("Action")?.parse().ok()?,
        site: value("Site")?.to_owned(),
        uses: block
            .iter()
            .filter(|(own, _)| *own == "Use")
            .map(|(_, value)| (*value).to_owned())
            .collect(),
        image: value("Image")?.to_owned(),
        from_tag: match value("From-Tag") {
            Some(tag) => Some(Tag::parse(tag)?),
            None => None,
        },
        from: digest(value("From").unwrap_or("none"))?,
        to: digest(value("To")?)?,
        cause: value("Cause")?.parse().ok()?,
        evidence: value("Evidence").map(str::to_owned),
        asked: asked.map(|(by, comment)| Asked {
            by: by.to_owned(),
            comment: comment.to_owned(),
            because: value("Because").map(str::to_owned),
        }),
    })
}

impl Action {
    /// Says whether pintle moves the pin forward by itself: under its tag, or to a newer one.
    pub fn is_forward(self) -> bool {
        matches!(self, Self::Update | Self::Bump)
    }

    /// Returns the word of the trailer `Pintle-Action`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Cause {
    /// Says whether something failed within the watch window.
    pub fn is_failure(self) -> bool {
        matches!(
            self,
            Self::Unhealthy | Self::NotPulled | Self::NotStarted | Self::Alert
        )
    }

    /// Says whether the digest that a rollback replaces is never proposed again: it ran and failed,
    /// or a person took it back. What never ran may be tried again.
    pub fn rejects(self) -> bool {
        !matches!(self, Self::NotPulled | Self::NotStarted)
    }

    /// Returns the word of the trailer `Pintle-Cause`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests;
