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
        self.because.as_ref().map_or(Ok(()), |because| write!(f, ": {because}"))
    }
}

/// Parses the end of a hold: a date, which is its first moment in UTC, or a time with its offset (RFC 3339).
pub fn parse_until(text: &str) -> Result<Timestamp, String> {
    let midnight = |date: jiff::civil::Date| date.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp());
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let date = text.len() == 10;
    date.then(|| text.parse().ok().and_then(|date| midnight(date).ok()))
        .flatten()
        .ok_or_else(|| format!("`{text}` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`"))
}
