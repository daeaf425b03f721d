//! The entries `[[notice]]` as they are written.

use super::TomlText;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct NoticeToml {
    /// Its name: lower-case letters, digits and `-`. It names the files or variables with the
    /// address and the token.
    pub name: TomlText,
    /// What receives the messages.
    pub kind: NoticeKindToml,
    /// What matters less is not sent: `warning` without it.
    pub level: Option<NoticeLevelToml>,
    /// The hours of each day in which only errors are sent: `TZ=Europe/Berlin 22:00-07:00`.
    pub quiet: Option<TomlText>,
    /// The text of a message, in the language of Jinja.
    pub template: Option<TomlText>,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum NoticeKindToml {
    /// An incoming webhook as Slack has it.
    Slack,
    Ntfy,
    /// JSON, signed if there is a secret.
    Webhook,
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::config) enum NoticeLevelToml {
    Info,
    Warning,
    Error,
}
