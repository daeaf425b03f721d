//! Lengths of time as people write them: `45m`, `1h30m`, `7d`. A day is 24 hours.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Parses a length of time that is not negative; the error is a sentence.
pub fn parse(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("`{text}` is not a length of time such as `45m`, `1h30m` or `7d`");
    if text.trim() == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let span: Span = text.trim().parse().map_err(|_| wrong())?;
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| wrong())?;
    if length.is_negative() {
        return Err(format!("duration `{text}` is negative"));
    }
    Ok(length)
}

/// Returns a length of time in the same words: `7d`, `1h30m`, `45m`, `0s`.
pub fn show(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3_600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let text: String = parts
        .iter()
        .filter(|(n, _)| *n != 0)
        .map(|(n, unit)| format!("{n}{unit}"))
        .collect();
    if text.is_empty() { "0s".into() } else { text }
}

/// Returns a time for people, to the minute, always in UTC: `2026-11-22 10:05 UTC`.
pub fn show_time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn lengths_are_read_and_shown() {
        for (text, shown) in [
            ("45m", "45m"),
            ("7d", "7d"),
            ("1h30m", "1h30m"),
            ("90s", "1m30s"),
            ("0", "0s"),
            ("0s", "0s"),
            ("2w", "14d"),
            ("1.5h", "1h30m"),
        ] {
            assert_eq!(parse(text).map(show).as_deref(), Ok(shown), "{text}");
        }
        for text in ["", "soon", "10", "1 month", "-5m", "99999999999999d"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
