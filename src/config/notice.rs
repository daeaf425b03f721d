//! The entries `[[notice]]`, checked. They name who receives messages and which; addresses and
//! tokens are given by files or the environment, so that a `pintle.toml` can send no secret to an
//! address of its own.

use super::checked::{Checked, hint, optional};
use super::wire::{self, TomlText};
use crate::model::message::{MessageLevel, MessageTemplate, QuietHours, ReceiverKind};
use std::sync::Arc;

/// Who receives messages, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Names the files or variables with its address: `ops`.
    pub name: Arc<str>,
    pub kind: ReceiverKind,
    /// What matters less is not sent.
    pub level: MessageLevel,
    /// When only errors are sent.
    pub quiet: Option<QuietHours>,
    pub template: Option<MessageTemplate>,
}

/// The longest name of a receiver.
const LONGEST: usize = 40;

pub(super) fn receiver(wire: &wire::NoticeToml) -> Checked<Receiver> {
    Ok(Receiver {
        name: name(&wire.name)?,
        kind: match wire.kind {
            wire::NoticeKindToml::Slack => ReceiverKind::Slack,
            wire::NoticeKindToml::Ntfy => ReceiverKind::Ntfy,
            wire::NoticeKindToml::Webhook => ReceiverKind::Webhook,
        },
        level: match wire.level {
            Some(wire::NoticeLevelToml::Info) => MessageLevel::Info,
            None | Some(wire::NoticeLevelToml::Warning) => MessageLevel::Warning,
            Some(wire::NoticeLevelToml::Error) => MessageLevel::Error,
        },
        quiet: optional(wire.quiet.as_ref(), |text| {
            text.check(|text| QuietHours::parse(text))
        })?,
        template: optional(wire.template.as_ref(), |text| {
            text.check(|text| MessageTemplate::parse(text))
        })?,
    })
}

/// A name that can be part of the name of a file and, in capitals, of a variable.
fn name(text: &TomlText) -> Checked<Arc<str>> {
    let value = text.value().as_str();
    let is_letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = !value.is_empty()
        && value.len() <= LONGEST
        && value.chars().all(is_letter)
        && !value.starts_with('-');
    if is_name {
        return Ok(value.into());
    }
    let wrong = text.wrong(format!("`{value}` cannot be the name of a receiver"));
    Err(hint(
        wrong,
        "use lower-case letters, digits and `-`: the name is part of a file's name",
    ))
}
