use super::*;
use crate::model::directive::parse;
use jiff::Timestamp;
use proptest::prelude::*;

fn held(by: Option<&str>, because: Option<&str>) -> Hold {
    Hold {
        until: None,
        by: by.map(Into::into),
        because: because.map(Into::into),
    }
}

#[test]
fn a_hold_is_written_with_as_few_quotes_as_it_needs() {
    let until = |text: &str| Hold {
        until: text.parse().ok(),
        ..Hold::default()
    };
    for (hold, words) in [
        (Hold::default(), "hold"),
        (until("2026-12-01T00:00:00Z"), "hold until=2026-12-01"),
        (
            until("2026-12-01T08:00:01+02:00"),
            "hold until=2026-12-01T06:00:01Z",
        ),
        (held(Some("ana-b.c_1"), None), "hold by=ana-b.c_1"),
        (
            held(Some("ana (7)"), Some("a; b")),
            "hold by=\"ana (7)\" because=\"a; b\"",
        ),
        (held(None, Some("say \"no\"")), "hold because='say \"no\"'"),
        (
            held(None, Some("it's \"no\"")),
            "hold because=\"it's \"'\"'\"no\"'\"'",
        ),
        (
            held(None, Some("a\r\n\tb \u{202e} c\0")),
            "hold because=\"a b c\"",
        ),
        (held(Some(" \n"), Some("\u{feff}")), "hold"),
    ] {
        assert_eq!(hold_words(&hold.tidied()), words);
    }
}

#[test]
fn a_hold_is_put_into_its_place_and_taken_out_of_it() {
    let hold = held(None, Some("x"));
    for (before, place, after) in [
        (
            "pintle: settle=1h",
            SplicePlace::Segment(0),
            "pintle: settle=1h, hold because=\"x\"",
        ),
        (
            "pintle:never",
            SplicePlace::Segment(0),
            "pintle:never, hold because=\"x\"",
        ),
        (
            "pintle: a: never;  b: force",
            SplicePlace::Segment(0),
            "pintle: a: never, hold because=\"x\";  b: force",
        ),
        (
            "pintle: a: never;  b: force",
            SplicePlace::New(Some("c")),
            "pintle: a: never;  b: force; c: hold because=\"x\"",
        ),
        (
            "pintle: keel hands off",
            SplicePlace::New(None),
            "pintle: keel hands off; hold because=\"x\"",
        ),
    ] {
        assert_eq!(with_hold(before, place, &hold).as_deref(), Some(after));
        let index = parse(after)
            .and_then(Result::ok)
            .and_then(|all| all.iter().position(|one| one.hold.is_some()));
        assert_eq!(
            without_hold(after, index.expect(after)).as_deref(),
            Some(before)
        );
    }
    for text in ["pintle: nevr", "pintle", "see pintle: hold"] {
        assert_eq!(
            (
                with_hold(text, SplicePlace::New(None), &hold),
                without_hold(text, 0)
            ),
            (None, None)
        );
    }
    assert_eq!(without_hold("pintle: never", 0), None);
    assert_eq!(
        with_hold("pintle: never", SplicePlace::Segment(1), &hold),
        None
    );
}

#[test]
fn only_plain_names_stand_before_a_colon() {
    assert!(can_name("immich-server") && can_name("image.tag"));
    assert!(
        !can_name("")
            && !can_name("a b")
            && !can_name("a;b")
            && !can_name("a:b")
            && !can_name("a\"b")
    );
}

/// Odd text: quotes, separators, marks of comments and templates, line ends, letters of other
/// scripts.
fn odd() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        proptest::collection::vec(
            prop_oneof![
                Just('"'),
                Just('\''),
                Just(';'),
                Just('#'),
                Just('\\'),
                Just('\n'),
                Just(' '),
                Just('='),
                Just('*'),
                Just('/'),
                Just('$'),
                Just('{'),
                any::<char>()
            ],
            0..12
        )
        .prop_map(|chars| Some(chars.into_iter().collect()))
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(seconds in proptest::option::of(0_i64..4_000_000_000), by in odd(), because in odd()) {
        let until = seconds.and_then(|seconds| Timestamp::new(seconds, 5).ok());
        let hold = Hold { until, by: by.map(Into::into), because: because.map(Into::into) }.tidied();
        prop_assert_eq!(&hold.tidied(), &hold);
        for (name, before) in [(None, ""), (Some("a"), ""), (None, "pintle: force"), (Some("b"), "pintle: a: settle=1h schedule=\"@every 1h\"; c: never")] {
            let text = match before {
                "" => directive(name, &hold),
                _ => with_hold(before, SplicePlace::New(name), &hold).unwrap(),
            };
            prop_assert!(!text.contains(char::is_control), "{:?}", text);
            let all = parse(&text).unwrap().unwrap();
            let last = all.last().unwrap();
            prop_assert_eq!((last.container.as_deref(), last.hold.as_ref()), (name, Some(&hold)));
            prop_assert_eq!(without_hold(&text, all.len() - 1), Some(before.to_owned()));
        }
        let within = with_hold("pintle: settle=1h; b: force", SplicePlace::Segment(0), &hold).unwrap();
        let read = parse(&within).unwrap().unwrap();
        prop_assert_eq!(read[0].hold.as_ref(), Some(&hold));
        prop_assert_eq!(without_hold(&within, 0).unwrap(), "pintle: settle=1h; b: force");
        let again = with_hold(&within, SplicePlace::Segment(0), &Hold::default()).unwrap();
        prop_assert_eq!(again, "pintle: settle=1h, hold; b: force");
    }
}
