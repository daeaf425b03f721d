//! A hold: a site that must not move, why, by whom, until when.

use super::duration::show_time;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// The first moment at which it no longer holds; `None` holds until it is taken away.
    pub until: Option<Timestamp>,
    pub by: Option<Arc<str>>,
    pub because: Option<Arc<str>>,
}

impl Hold {
    pub fn holds_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Returns the hold as it can be written: on one line, with single spaces, to the second. Text
    /// that says nothing is left out.
    pub fn tidied(&self) -> Self {
        let line = |text: &Arc<str>| {
            let words = text
                .split(is_blank)
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" ");
            (!words.is_empty()).then(|| words.into())
        };
        let second = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
        Self {
            until: self.until.map(second),
            by: self.by.as_ref().and_then(line),
            because: self.because.as_ref().and_then(line),
        }
    }
}

/// `held by ana until 2026-12-01 00:00 UTC: waits for the new chart`
impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held")?;
        if let Some(by) = &self.by {
            write!(f, " by {by}")?;
        }
        if let Some(until) = self.until {
            write!(f, " until {}", show_time(until))?;
        }
        self.because
            .as_ref()
            .map_or(Ok(()), |because| write!(f, ": {because}"))
    }
}

/// What may not stand in the line of a comment: blanks, control characters, and marks that turn the
/// direction of a text round.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Writes the end of a hold so that [`parse_until`] reads it: the date alone at midnight UTC.
pub fn show_until(until: Timestamp) -> String {
    let text = until.to_string();
    text.strip_suffix("T00:00:00Z")
        .filter(|date| date.len() == 10)
        .map_or(text.clone(), str::to_owned)
}

/// Parses the end of a hold: a date, which is its first moment in UTC, or a time with its offset
/// (RFC 3339).
pub fn parse_until(text: &str) -> Result<Timestamp, String> {
    let midnight = |date: jiff::civil::Date| {
        date.to_zoned(jiff::tz::TimeZone::UTC)
            .map(|zoned| zoned.timestamp())
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date = text.len() == 10;
    date.then(|| text.parse().ok().and_then(|date| midnight(date).ok()))
        .flatten()
        .ok_or_else(|| format!("`{text}` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`"))
}
