use super::{Directive, parse};
use crate::model::hold::Hold;
use crate::model::policy::Policy;
use crate::model::schedule::Schedule;
use jiff::SignedDuration;

fn read(comment: &str) -> Vec<Directive> {
    parse(comment).expect("a directive").expect(comment)
}

#[test]
fn directives_say_what_they_say() {
    let policy = |policy| Directive {
        policy: Some(policy),
        ..Directive::default()
    };
    assert_eq!(read("pintle: never"), [policy(Policy::Never)]);
    assert_eq!(read("  pintle:force "), [policy(Policy::Force)]);
    assert_eq!(read("pintle: policy=minor"), [policy(Policy::Minor)]);
    assert_eq!(
        read("pintle: channel=latest"),
        [Directive {
            channel: crate::model::reference::Tag::parse("latest"),
            ..Directive::default()
        }]
    );
    assert_eq!(
        read(r#"pintle: force, settle=30m schedule="@every 1h""#),
        [Directive {
            policy: Some(Policy::Force),
            settle: Some(SignedDuration::from_mins(30)),
            schedule: Schedule::parse("@every 1h").ok(),
            ..Directive::default()
        }]
    );
    let hold = Hold {
        until: "2026-12-01T00:00:00Z".parse().ok(),
        by: Some("ana".into()),
        because: Some("waits; for é".into()),
    };
    assert_eq!(
        read("pintle: hold until=2026-12-01 by=ana because='waits; for é'"),
        [Directive {
            hold: Some(hold),
            ..Directive::default()
        }]
    );
    assert_eq!(
        read("pintle: keel hands off"),
        [Directive {
            hands_off: true,
            ..Directive::default()
        }]
    );
}

#[test]
fn a_line_with_several_sites_names_its_containers() {
    let found = read("pintle: server: never; ml: hold");
    assert_eq!(
        found
            .iter()
            .map(|d| d.container.as_deref())
            .collect::<Vec<_>>(),
        [Some("server"), Some("ml")]
    );
    assert_eq!(found[0].policy, Some(Policy::Never));
    assert_eq!(found[1].hold, Some(Hold::default()));
}

#[test]
fn other_comments_are_no_directives() {
    for comment in [
        "",
        "the tool pintle",
        "see pintle: it pins",
        "pinned by pintle",
    ] {
        assert_eq!(parse(comment), None, "{comment}");
    }
}

#[test]
fn what_is_not_known_is_an_error() {
    for (comment, sentence) in [
        ("pintle:", "the directive has no content"),
        (
            "pintle: nevr",
            "the directive has the unknown word `nevr`: did you mean `never`?",
        ),
        (
            "pintle: setle=3m",
            "the directive has the unknown word `setle=`: did you mean `settle=`?",
        ),
        (
            "pintle: settle=soon",
            "`soon` is not a length of time such as `45m`, `1h30m` or `7d`",
        ),
        ("pintle: never force", "the directive has `policy` twice"),
        (
            "pintle: until=2026-12-01",
            "the directive's `until=` needs `hold` before it",
        ),
        (
            "pintle: hold until=tomorrow",
            "`tomorrow` is not a date such as `2026-12-01` or a time such as `2026-12-01T08:00:00Z`",
        ),
        (
            "pintle: hold because=\"x",
            "the directive has a quote that does not end",
        ),
        ("pintle: channel=a/b", "`a/b` is not a tag"),
        (
            "pintle: channel=",
            "the directive's `channel=` has no value",
        ),
        (
            "pintle: policy=nevr",
            "`nevr` is not a policy: did you mean `never`?",
        ),
        ("pintle: server:", "the directive has no content"),
    ] {
        assert_eq!(parse(comment), Some(Err(sentence.into())), "{comment}");
    }
}

#[test]
fn every_documented_directive_is_accepted() {
    let docs = include_str!("../../../docs/policies.md");
    let examples: Vec<&str> = docs
        .split("# pintle: ")
        .skip(1)
        .filter_map(|rest| rest.split(['\n', '`']).next())
        .filter(|text| *text != "…")
        .collect();
    assert_eq!(examples.len(), 6, "{examples:?}");
    for example in examples {
        assert!(
            matches!(parse(&format!("pintle: {example}")), Some(Ok(_))),
            "{example}"
        );
    }
}
