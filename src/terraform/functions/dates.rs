//! Functions over timestamps that are given: RFC 3339, with OpenTofu's rules. None of them asks
//! what time it is.

use super::super::eval::support::*;
use super::super::value::{Value, Why};
use super::Computed;
use super::arguments::Args;
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, civil};
use std::cmp::Ordering;
use std::fmt::Write;

pub fn call(name: &str, args: Args) -> Option<Computed> {
    Some(match name {
        "formatdate" => format_date(args),
        "timeadd" => add(args),
        "timecmp" => compare_times(args),
        _ => return None,
    })
}

/// A time as it is written: the local one, and how many minutes it is ahead of UTC.
struct WrittenTime {
    local: DateTime,
    offset: i32,
}

impl WrittenTime {
    fn parse(text: &str) -> Result<Self, Why> {
        Self::read(text).ok_or_else(|| invalid(format!("{text} is not an RFC 3339 timestamp")))
    }

    fn read(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range)?;
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse::<i16>().ok().filter(|_| plain)
        };
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":")];
        let is_there = |(at, mark): &(usize, &str)| text.get(*at..at + 1) == Some(*mark);
        if !marks.iter().all(is_there) {
            return None;
        }
        let small = |range| number(range).and_then(|number| i8::try_from(number).ok());
        let date = Date::new(number(0..4)?, small(5..7)?, small(8..10)?).ok()?;
        let rest = text.get(19..)?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(after) => {
                let end = after
                    .find(|c: char| !c.is_ascii_digit())
                    .filter(|end| *end > 0)?;
                after.split_at(end)
            }
            None => ("", rest),
        };
        let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
        let time = Time::new(small(11..13)?, small(14..16)?, small(17..19)?, nanos).ok()?;
        Some(Self {
            local: civil::DateTime::from_parts(date, time),
            offset: offset(zone)?,
        })
    }

    /// The same moment in UTC.
    fn moment(&self) -> Option<DateTime> {
        let ahead = SignedDuration::from_mins(self.offset.into());
        self.local.checked_sub(ahead).ok()
    }

    fn zone(&self, colon: &str) -> String {
        let (sign, minutes) = if self.offset < 0 {
            ('-', -self.offset)
        } else {
            ('+', self.offset)
        };
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }

    fn zone_or_z(&self, colon: &str) -> String {
        if self.offset == 0 {
            "Z".to_owned()
        } else {
            self.zone(colon)
        }
    }
}

fn offset(zone: &str) -> Option<i32> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let part = |text: &str, most: i32| {
        text.parse::<i32>()
            .ok()
            .filter(|number| text.len() == 2 && (0..=most).contains(number))
    };
    Some(sign * (part(hours, 23)? * 60 + part(minutes, 59)?))
}

fn add(args: Args) -> Computed {
    let time = WrittenTime::parse(&args.count(2, 2)?.string(0)?)?;
    let duration = duration(&args.string(1)?)?;
    let local = time
        .local
        .checked_add(duration)
        .map_err(|_| limit("a time this far away"))?;
    Ok(Value::text(format!(
        "{}{}",
        local.strftime("%Y-%m-%dT%H:%M:%S"),
        time.zone_or_z(":")
    )))
}

fn compare_times(args: Args) -> Computed {
    let time = |at: usize| {
        WrittenTime::parse(&args.string(at)?)?
            .moment()
            .ok_or_else(|| limit("a time this far away"))
    };
    args.count(2, 2)?;
    Ok(int(match time(0)?.cmp(&time(1)?) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }))
}

/// Reads a duration as Go's `time.ParseDuration`: `-1h30m`, `1.5s`.
fn duration(text: &str) -> Result<SignedDuration, Why> {
    let bad = || invalid(format!("{text} is no duration"));
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let mut nanos: i128 = 0;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or_else(bad)?;
        let (number, after) = rest.split_at(end);
        let units = [
            ("ns", 1),
            ("us", 1_000),
            ("µs", 1_000),
            ("μs", 1_000),
            ("ms", 1_000_000),
        ];
        let larger = [
            ("s", 1_000_000_000),
            ("m", 60_000_000_000),
            ("h", 3_600_000_000_000),
        ];
        let (unit, size) = units
            .into_iter()
            .chain(larger)
            .find(|(unit, _)| after.starts_with(unit))
            .ok_or_else(bad)?;
        nanos = nanos
            .checked_add(times(number, size).ok_or_else(bad)?)
            .ok_or_else(bad)?;
        rest = &after[unit.len()..];
    }
    let nanos = if negative { -nanos } else { nanos };
    i64::try_from(nanos)
        .map(SignedDuration::from_nanos)
        .map_err(|_| bad())
}

/// A decimal number of units, in nanoseconds.
fn times(number: &str, size: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let digits = |text: &str| {
        if text.is_empty() {
            Some(0)
        } else {
            text.parse::<i128>().ok()
        }
    };
    let fraction = fraction.get(..fraction.len().min(15))?;
    let below =
        digits(fraction)?.checked_mul(size)? / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    digits(whole)?.checked_mul(size)?.checked_add(below)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

fn format_date(args: Args) -> Computed {
    let spec = args.count(2, 2)?.string(0)?;
    let time = WrittenTime::parse(&args.string(1)?)?;
    let mut out = String::new();
    let mut rest = spec.as_str();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = literal(rest, &mut out)?;
            continue;
        }
        let length = rest.len() - rest.trim_start_matches(first).len();
        if first.is_ascii_alphabetic() {
            verb(&rest[..length], &time, &mut out)?;
        } else {
            out.push_str(&rest[..length]);
        }
        rest = &rest[length..];
    }
    Ok(Value::text(out))
}

/// Takes text between single quotes; two of them inside are one.
fn literal<'t>(text: &'t str, out: &mut String) -> Result<&'t str, Why> {
    let mut rest = &text[1..];
    loop {
        let end = rest
            .find('\'')
            .ok_or_else(|| invalid("a date format with a quote that is not closed"))?;
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                rest = after;
            }
            None => return Ok(rest),
        }
    }
}

fn verb(verb: &str, time: &WrittenTime, out: &mut String) -> Result<(), Why> {
    let local = &time.local;
    let month = MONTHS[usize::try_from(local.month() - 1).unwrap_or(0).min(11)];
    let weekday = local.date().weekday().to_monday_zero_offset();
    let day = DAYS[usize::try_from(weekday).unwrap_or(0).min(6)];
    let twelve = match local.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let noon = local.hour() >= 12;
    let written = match verb {
        "YYYY" => write!(out, "{:04}", local.year()),
        "YY" => write!(out, "{:02}", local.year() % 100),
        "MMMM" => write!(out, "{month}"),
        "MMM" => write!(out, "{}", &month[..3]),
        "MM" => write!(out, "{:02}", local.month()),
        "M" => write!(out, "{}", local.month()),
        "EEEE" => write!(out, "{day}"),
        "EEE" => write!(out, "{}", &day[..3]),
        "DD" => write!(out, "{:02}", local.day()),
        "D" => write!(out, "{}", local.day()),
        "hh" => write!(out, "{:02}", local.hour()),
        "h" => write!(out, "{}", local.hour()),
        "HH" => write!(out, "{twelve:02}"),
        "H" => write!(out, "{twelve}"),
        "AA" => write!(out, "{}", if noon { "PM" } else { "AM" }),
        "aa" => write!(out, "{}", if noon { "pm" } else { "am" }),
        "mm" => write!(out, "{:02}", local.minute()),
        "m" => write!(out, "{}", local.minute()),
        "ss" => write!(out, "{:02}", local.second()),
        "s" => write!(out, "{}", local.second()),
        "ZZZZZ" => write!(out, "{}", time.zone(":")),
        "ZZZZ" => write!(out, "{}", time.zone("")),
        "ZZZ" if time.offset == 0 => write!(out, "UTC"),
        "ZZZ" => write!(out, "{}", time.zone("")),
        "Z" => write!(out, "{}", time.zone_or_z(":")),
        _ => {
            return Err(invalid(format!(
                "a date format with the unknown verb {verb}"
            )));
        }
    };
    written.map_err(|_| limit("a date"))
}
