use super::{Due, Schedule};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().expect(text)
}

#[test]
fn schedules_come_round() {
    let since = "2026-11-20T10:15:00Z";
    for (text, next) in [
        ("@every 1h30m", "2026-11-20T11:45:00Z"),
        ("@every 1d", "2026-11-21T10:15:00Z"),
        ("@hourly", "2026-11-20T11:00:00Z"),
        ("@daily", "2026-11-21T00:00:00Z"),
        ("@midnight", "2026-11-21T00:00:00Z"),
        ("@weekly", "2026-11-22T00:00:00Z"),
        ("@monthly", "2026-12-01T00:00:00Z"),
        ("@yearly", "2027-01-01T00:00:00Z"),
        ("@annually", "2027-01-01T00:00:00Z"),
        ("0 3 * * *", "2026-11-21T03:00:00Z"),
        ("0 3 * * 1-5", "2026-11-23T03:00:00Z"),
        ("0 3 * * MON", "2026-11-23T03:00:00Z"),
        ("30 0 3 * * 1-5", "2026-11-23T03:00:30Z"),
        ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("TZ=Europe/Berlin 0 3 * * *", "2026-11-21T02:00:00Z"),
        ("CRON_TZ=America/New_York @daily", "2026-11-21T05:00:00Z"),
    ] {
        let schedule = Schedule::parse(text).expect(text);
        let next = at(next);
        assert_eq!(
            schedule.is_due(at(since), at(since)),
            Due::NotBefore(next),
            "{text}"
        );
        assert_eq!(
            schedule.is_due(at(since), next - jiff::SignedDuration::from_secs(1)),
            Due::NotBefore(next),
            "{text}"
        );
        assert_eq!(schedule.is_due(at(since), next), Due::Yes, "{text}");
        assert_eq!(schedule.to_string(), text);
        assert_eq!(
            schedule.warning().is_some(),
            text.starts_with("30 "),
            "{text}"
        );
    }
}

#[test]
fn a_wrong_schedule_is_a_sentence() {
    for (text, sentence) in [
        (
            "@every soon",
            "`@every soon` is not a schedule: `@every` takes a length of time such as `1h30m`",
        ),
        (
            "@every 0s",
            "`@every 0s` never waits: leave the schedule out",
        ),
        (
            "@dayly",
            "`@dayly` is not a schedule: did you mean `@daily`?",
        ),
        (
            "0 3 * *",
            "`0 3 * *` is not a schedule: cron has five fields: minute, hour, day of month, month, day of week",
        ),
        ("0 0 30 2 *", "`0 0 30 2 *` never comes round"),
        (
            "TZ=Mars/Base 0 3 * * *",
            "`TZ=Mars/Base 0 3 * * *` is not a schedule: the time zone `Mars/Base` is not known",
        ),
    ] {
        assert_eq!(Schedule::parse(text).expect_err(text), sentence);
    }
    assert!(
        Schedule::parse("99 3 * * *")
            .expect_err("range")
            .starts_with("`99 3 * * *` is not a schedule: ")
    );
}
