//! How messages to people outside the forge are sent: the kind of receiver, the level of a message,
//! the hours in which it waits, and the template of its text. No message and no address is here.

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;
use strum::{EnumString, IntoStaticStr};

/// So many steps a template may take: some thousand entries, and no endless loop.
const FUEL: u64 = 200_000;

/// What receives messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum ReceiverKind {
    /// An incoming webhook as Slack has it; Mattermost, Rocket.Chat and Discord accept the same.
    Slack,
    Ntfy,
    /// JSON, signed if there is a secret.
    Webhook,
}

/// How much a message matters. The order is that of importance.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, Serialize,
)]
#[strum(serialize_all = "kebab-case")]
#[serde(rename_all = "kebab-case")]
pub enum MessageLevel {
    /// What pintle wrote or proposed.
    Info,
    /// What a person should look at.
    Warning,
    /// What fails until a person does something.
    Error,
}

impl MessageLevel {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl ReceiverKind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The hours of each day in which only errors are sent: `TZ=Europe/Berlin 22:00-07:00`.
#[derive(Clone, PartialEq, Eq)]
pub struct QuietHours {
    text: Arc<str>,
    zone: TimeZone,
    from: Time,
    to: Time,
}

impl QuietHours {
    /// Parses two times with an optional time zone in front; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no range of hours such as `22:00-07:00` or `TZ=Europe/Berlin 22:00-07:00`"
            )
        };
        let (zone, hours) = match text.trim().strip_prefix("TZ=") {
            Some(rest) => {
                let (name, hours) = rest.split_once(' ').ok_or_else(wrong)?;
                let zone = TimeZone::get(name)
                    .map_err(|_| format!("`{text}` names the unknown time zone `{name}`"))?;
                (zone, hours)
            }
            None => (TimeZone::UTC, text.trim()),
        };
        let (from, to) = hours.trim().split_once('-').ok_or_else(wrong)?;
        let time = |text: &str| Time::strptime("%H:%M", text.trim()).map_err(|_| wrong());
        let (from, to) = (time(from)?, time(to)?);
        if from == to {
            return Err(format!("`{text}` begins when it ends"));
        }
        Ok(Self {
            text: text.trim().into(),
            zone,
            from,
            to,
        })
    }

    /// Returns when the quiet hours end that `at` is in; `None` if it is in none.
    pub fn end_after(&self, at: Timestamp) -> Option<Timestamp> {
        let local = at.to_zoned(self.zone.clone());
        let now = local.time();
        let is_in = if self.from < self.to {
            self.from <= now && now < self.to
        } else {
            now >= self.from || now < self.to
        };
        if !is_in {
            return None;
        }
        let today = local.date();
        let day = if now < self.to {
            today
        } else {
            today.checked_add(1.day()).unwrap_or(today)
        };
        let end = day.to_datetime(self.to).to_zoned(self.zone.clone()).ok()?;
        Some(end.timestamp())
    }
}

impl fmt::Debug for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QuietHours({})", self.text)
    }
}

/// A template of a message's text, in the language of Jinja. It sees the message and nothing else:
/// no file, no variable of the environment, no other template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTemplate(Arc<str>);

impl MessageTemplate {
    /// Checks the syntax; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let engine = template_engine();
        let parsed = engine.template_from_str(text);
        parsed.map_err(|error| describe_error(&error))?;
        Ok(Self(text.into()))
    }

    /// Renders the text. The error is a sentence: a name that the message does not have, or too
    /// many steps.
    pub fn render(&self, message: &impl Serialize) -> Result<String, String> {
        let engine = template_engine();
        let values = minijinja::Value::from(minijinja::value::Serde(message));
        let rendered = engine.render_str(&self.0, values);
        rendered.map_err(|error| describe_error(&error))
    }
}

fn template_engine<'a>() -> Environment<'a> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(FUEL));
    engine
}

fn describe_error(error: &minijinja::Error) -> String {
    let line = error
        .line()
        .map_or(String::new(), |line| format!("line {line}: "));
    let detail = error
        .detail()
        .map_or(String::new(), |detail| format!(": {detail}"));
    format!("{line}{}{detail}", error.kind())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn end(hours: &str, at: &str) -> Option<String> {
        let hours = QuietHours::parse(hours).unwrap();
        Some(hours.end_after(at.parse().unwrap())?.to_string())
    }

    #[test]
    fn quiet_hours_end_at_their_end() {
        let night = "22:00-07:00";
        for (at, expected) in [
            ("2026-11-22T21:59:59Z", None),
            ("2026-11-22T22:00:00Z", Some("2026-11-23T07:00:00Z")),
            ("2026-11-23T06:59:59Z", Some("2026-11-23T07:00:00Z")),
            ("2026-11-23T07:00:00Z", None),
        ] {
            assert_eq!(end(night, at).as_deref(), expected, "{at}");
        }
        assert_eq!(
            end("09:00-10:00", "2026-11-22T09:30:00Z").as_deref(),
            Some("2026-11-22T10:00:00Z")
        );
    }

    #[test]
    fn quiet_hours_follow_their_time_zone() {
        let night = "TZ=Europe/Berlin 22:00-07:00";
        assert_eq!(
            end(night, "2026-11-22T21:30:00Z").as_deref(),
            Some("2026-11-23T06:00:00Z")
        );
        // The clock is put forward on 2027-03-28 at 01:00 UTC.
        assert_eq!(
            end(night, "2027-03-27T22:00:00Z").as_deref(),
            Some("2027-03-28T05:00:00Z")
        );
    }

    #[test]
    fn what_is_no_range_of_hours_is_refused() {
        for text in [
            "",
            "22-7",
            "22:00",
            "22:00-22:00",
            "25:00-07:00",
            "TZ=No/Where 22:00-07:00",
        ] {
            assert!(QuietHours::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_template_sees_the_message_and_nothing_else() {
        let template = MessageTemplate::parse("{{ title }}{% for a in all %} {{ a }}{% endfor %}");
        let message = json!({"title": "t", "all": [1, 2]});
        assert_eq!(template.unwrap().render(&message).as_deref(), Ok("t 1 2"));
        for text in ["{{ other }}", "{{ env }}", "{% include 'x' %}"] {
            let rendered = MessageTemplate::parse(text).and_then(|one| one.render(&message));
            assert!(rendered.is_err(), "{text}: {rendered:?}");
        }
    }

    #[test]
    fn a_template_comes_to_an_end() {
        let endless =
            "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
        let rendered = MessageTemplate::parse(endless).unwrap().render(&json!({}));
        assert!(rendered.unwrap_err().contains("fuel"));
    }
}
