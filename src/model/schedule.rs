//! When a site may move: `@every 1h30m`, `@daily`, or cron with an optional time zone. The time is
//! always an argument.

use super::duration;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::fmt;
use std::sync::Arc;

/// A checked schedule: it is known to come round at least once more.
#[derive(Clone)]
pub struct Schedule {
    text: Arc<str>,
    rule: ScheduleRule,
    seconds_first: bool,
}

#[derive(Clone)]
enum ScheduleRule {
    Every(SignedDuration),
    Cron(Box<Cron>, TimeZone),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    Yes,
    NotBefore(Timestamp),
}

/// The names that cron and Keel know, in five fields.
const NAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Schedule {
    /// Parses a schedule; the error is a sentence. Six fields are read as Keel does, seconds first
    /// (see [`Schedule::warning`]).
    pub fn parse(text: &str) -> Result<Self, String> {
        let (zone, rest) = zone_of(text.trim())?;
        let (rule, seconds_first) = if let Some(length) = rest.strip_prefix("@every ") {
            (ScheduleRule::Every(every(text, length)?), false)
        } else {
            let fields = NAMES
                .iter()
                .find(|(name, _)| *name == rest)
                .map_or(rest, |(_, fields)| fields);
            (
                cron(text, fields, zone)?,
                fields.split_whitespace().count() == 6,
            )
        };
        Ok(Self {
            text: text.trim().into(),
            rule,
            seconds_first,
        })
    }

    /// Says whether the schedule came round after `since`, up to and including `now`.
    pub fn is_due(&self, since: Timestamp, now: Timestamp) -> Due {
        match self.next_after(since) {
            Some(next) if next > now => Due::NotBefore(next),
            Some(_) => Due::Yes,
            None => Due::NotBefore(Timestamp::MAX),
        }
    }

    /// Returns the sentence to show for a schedule that is probably not read as it was meant.
    pub fn warning(&self) -> Option<String> {
        self.seconds_first.then(|| {
            format!("`{}` has six fields: the first is read as seconds, as Keel does; write five fields to start with minutes", self.text)
        })
    }

    fn next_after(&self, since: Timestamp) -> Option<Timestamp> {
        match &self.rule {
            ScheduleRule::Every(length) => since.checked_add(*length).ok(),
            ScheduleRule::Cron(cron, zone) => cron
                .find_next_occurrence(&since.to_zoned(zone.clone()), false)
                .ok()
                .map(|next| next.timestamp()),
        }
    }
}

fn every(text: &str, length: &str) -> Result<SignedDuration, String> {
    match duration::parse(length.trim()) {
        Ok(length) if length.is_zero() => {
            Err(format!("`{text}` never waits: leave the schedule out"))
        }
        Ok(length) => Ok(length),
        Err(_) => Err(format!(
            "`{text}` is not a schedule: `@every` takes a length of time such as `1h30m`"
        )),
    }
}

fn cron(text: &str, fields: &str, zone: TimeZone) -> Result<ScheduleRule, String> {
    let wrong = |why: &str| format!("`{text}` is not a schedule: {why}");
    if fields.starts_with('@') {
        let names: Vec<&str> = NAMES
            .iter()
            .map(|(name, _)| *name)
            .chain(["@every 1h"])
            .collect();
        return Err(wrong(
            super::policy::suggest(fields, names).trim_start_matches(": "),
        ));
    }
    if !(5..=6).contains(&fields.split_whitespace().count()) {
        return Err(wrong(
            "cron has five fields: minute, hour, day of month, month, day of week",
        ));
    }
    let parser = CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .build();
    let cron = parser
        .parse(fields)
        .map_err(|error| wrong(error.to_string().trim_end_matches('.')))?;
    // Leap days come round within eight years; the start is fixed so that the answer never depends
    // on when it is asked.
    let start = Timestamp::UNIX_EPOCH.to_zoned(zone.clone());
    cron.find_next_occurrence(&start, true)
        .map_err(|_| format!("`{text}` never comes round"))?;
    Ok(ScheduleRule::Cron(Box::new(cron), zone))
}

/// Splits `TZ=Europe/Berlin ` or `CRON_TZ=… ` off; without it the schedule is in UTC.
fn zone_of(text: &str) -> Result<(TimeZone, &str), String> {
    let Some(rest) = text
        .strip_prefix("CRON_TZ=")
        .or_else(|| text.strip_prefix("TZ="))
    else {
        return Ok((TimeZone::UTC, text));
    };
    let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let zone = TimeZone::get(name)
        .map_err(|_| format!("`{text}` is not a schedule: the time zone `{name}` is not known"))?;
    Ok((zone, rest.trim_start()))
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schedule({})", self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

#[cfg(test)]
mod tests;
