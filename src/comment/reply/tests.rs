use super::super::phrase::tests::{expect, harmless, nasty, nasty_name};
use super::*;
use crate::pipeline::forge::{Account, CommentRef};
use crate::sites::SiteId;
use jiff::Timestamp;
use proptest::prelude::*;

fn forge_url() -> Url {
    Url::parse("https://forge.example.org/ops/infra").unwrap()
}

fn commit() -> CommitId {
    CommitId::parse(&"c0ffee1234".repeat(4)).unwrap()
}

fn answer(outcomes: Vec<Outcome>) -> Answer {
    let at: Timestamp = "2026-11-22T10:05:00Z".parse().unwrap();
    let url = forge_url().join("infra/issues/4#issuecomment-12").unwrap();
    Answer {
        comment: CommentRef {
            id: 12,
            issue: 4,
            url,
            at,
        },
        author: Account {
            id: 7,
            login: "ana".into(),
        },
        outcomes,
    }
}

fn told_with(outcomes: Vec<Outcome>, links: &[Link]) -> String {
    let text = reply(&answer(outcomes), links, &forge_url(), &|_| None);
    harmless(&text, &[Marker::Answer(12)]);
    assert!(text.len() < LONGEST, "{}", text.len());
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
    text
}

/// The reply to a command that reports this.
fn reported(report: Report) -> String {
    let text = reply(&answer(vec![Outcome::Planned]), &[], &forge_url(), &|_| {
        Some(report.clone())
    });
    harmless(&text, &[Marker::Answer(12)]);
    assert!(text.len() < LONGEST, "{}", text.len());
    text
}

fn told(outcome: Outcome) -> String {
    told_with(vec![outcome], &[])
}

fn done(action: Action, site: &str, until: Option<&str>) -> Done {
    let image = format!("docker.io/library/nginx:1.29@sha256:{}", "3f1c".repeat(16));
    Done {
        site: SiteId(site.into()),
        action,
        image,
        until: until.map(|at| at.parse().unwrap()),
    }
}

fn written(command: &'static str, done: Vec<Done>) -> Outcome {
    Outcome::Written {
        command,
        change: "comment-12".into(),
        done,
    }
}

fn in_commit(id: &CommitId) -> Link {
    Link {
        change: "comment-12".into(),
        to: To::Commit(id.clone()),
    }
}

const WEB: &str = "stacks/web/main.tf#deployment/web/web:web";
const API: &str = "stacks/web/main.tf#deployment/web/api:api";

#[test]
fn what_was_done_is_linked_and_can_be_undone() {
    let id = commit();
    let links = [in_commit(&id)];
    let pin = written(
        "/pin",
        vec![done(Action::Pin, WEB, Some("2026-12-01T00:00:00Z"))],
    );
    expect("reply-pin", &told_with(vec![pin], &links));
    let two = vec![
        done(Action::Rollback, WEB, None),
        done(Action::Rollback, API, None),
    ];
    expect(
        "reply-rollback",
        &told_with(vec![written("/rollback", two)], &links),
    );
    expect(
        "reply-hold",
        &told_with(
            vec![written("/hold", vec![done(Action::Hold, WEB, None)])],
            &links,
        ),
    );
    let each = vec![
        written("/resume", vec![done(Action::Resume, WEB, None)]),
        written("/unpin", vec![done(Action::Unpin, API, None)]),
    ];
    expect("reply-two-commands", &told_with(each, &links));
}

#[test]
fn what_was_proposed_is_linked() {
    let links = [
        Link {
            change: "other".into(),
            to: To::Pull(30),
        },
        Link {
            change: "comment-12".into(),
            to: To::Pull(31),
        },
    ];
    let spaced = "stacks/mein Müll/main.tf#deployment/web/web:web";
    let text = told_with(
        vec![written("/pin", vec![done(Action::Pin, spaced, None)])],
        &links,
    );
    assert!(
        text.contains(&format!("`/unpin \"{spaced}\"`")),
        "a name with a space is put in quotes: {text}"
    );
    expect("reply-proposed", &text);
    let unknown = told(written("/pin", vec![done(Action::Pin, WEB, None)]));
    assert!(
        unknown.contains("it is part of the change `comment-12`"),
        "{unknown}"
    );
}

#[test]
fn a_name_is_suggested_in_the_form_that_is_read() {
    for (site, form) in [
        ("a.tf#pod/a/b,c:d", "`/unpin \"a.tf#pod/a/b,c:d\"`"),
        (
            "a *b*.tf#pod/a/b:c",
            "<code>&#47;unpin &#96;a &#42;b&#42;.tf#pod/a/b:c&#96;</code>",
        ),
        ("a`.tf#pod/a/b:c", "``/unpin \"a`.tf#pod/a/b:c\"``"),
        ("a.tf#pod/a/b:c@ana)", "/unpin"),
    ] {
        let text = told(written("/pin", vec![done(Action::Pin, site, None)]));
        assert!(text.contains(form), "{text}");
    }
    // Neither quotes nor code marks hold it.
    let text = told(written(
        "/pin",
        vec![done(Action::Pin, "a\" *b*`.tf#x", None)],
    ));
    assert!(!text.contains("/unpin"), "{text}");
    let text = told(written(
        "/hold",
        vec![done(Action::Hold, "a.tf#pod/a/b:c~2", None)],
    ));
    assert!(
        text.contains("To remove the hold: `/resume a.tf#pod/a/b:c~2`"),
        "{text}"
    );
}

#[test]
fn what_was_written_before() {
    let outcome = |sites| Outcome::WrittenBefore {
        command: "/pin",
        commit: commit(),
        sites,
    };
    let proposed = Outcome::ProposedBefore {
        command: "/pin",
        pull: 9,
        sites: vec![WEB.into()],
    };
    expect("reply-proposed-before", &told(proposed));
    expect(
        "reply-written-before",
        &told(outcome(vec![WEB.into(), API.into()])),
    );
    told(outcome(Vec::new()));
}

#[test]
fn what_was_not_done_says_why() {
    let why = "web is not held".to_owned();
    expect(
        "reply-nothing",
        &told(Outcome::Nothing {
            command: "/resume",
            why,
        }),
    );
    let why = "terraform ignores this image (ignore_changes at stacks/web/main.tf:12)".to_owned();
    let hint = Some("take image out of ignore_changes".to_owned());
    expect(
        "reply-refused",
        &told(Outcome::Refused {
            command: "/pin",
            why: why.clone(),
            hint,
        }),
    );
    told(Outcome::Refused {
        command: "/pin",
        why,
        hint: None,
    });
    let near = vec!["web".to_owned(), "deployment/web/web".to_owned()];
    expect(
        "reply-not-found",
        &told(Outcome::NotFound {
            command: "/pin",
            target: "webb".into(),
            near,
        }),
    );
    expect(
        "reply-not-found-at-all",
        &told(Outcome::NotFound {
            command: "/pin",
            target: "x|@ana".into(),
            near: Vec::new(),
        }),
    );
    let candidates = vec![WEB.to_owned(), API.to_owned()];
    expect(
        "reply-ambiguous",
        &told(Outcome::Ambiguous {
            command: "/pin",
            target: Some("web".into()),
            candidates: candidates.clone(),
        }),
    );
    expect(
        "reply-ambiguous-without-target",
        &told(Outcome::Ambiguous {
            command: "/hold",
            target: None,
            candidates,
        }),
    );
    expect("reply-edited", &told(Outcome::Edited));
    expect("reply-late", &told(Outcome::Late));
}

#[test]
fn who_may_not_is_told_so() {
    let may_not = |command, needs, has| {
        told(Outcome::MayNot {
            command,
            needs,
            has,
        })
    };
    expect("reply-may-not", &may_not("/pin", Right::Write, Right::Read));
    expect(
        "reply-may-not-at-all",
        &may_not("/explain", Right::Read, Right::None),
    );
    expect(
        "reply-may-not-ask",
        &told(Outcome::MayNotAsk { command: "/pin" }),
    );
}

#[test]
fn what_was_misread_names_line_and_word() {
    let misread = |command, what: &str, hint: Option<&str>| {
        told(Outcome::Misread(Misread {
            line: 3,
            command,
            what: what.into(),
            hint: hint.map(str::to_owned),
        }))
    };
    let usage = "write `/pin [target] [to <tag|sha256:…>]`";
    expect(
        "reply-misread",
        &misread(
            Some("/pin"),
            "`fro` is not known here; did you mean `for`?",
            Some(usage),
        ),
    );
    expect(
        "reply-misread-whole",
        &misread(None, "one comment may have 20 commands at most", None),
    );
}

#[test]
fn texts_are_shown_as_they_are() {
    let lines = vec![
        "stacks/web/main.tf:12 \"nginx:1.29\"".to_owned(),
        "image      nginx:1.29".to_owned(),
        "/pin ``` @ana".to_owned(),
    ];
    expect(
        "reply-explain",
        &reported(Report {
            command: "/explain",
            title: "deployment/web/web:web".into(),
            lines,
        }),
    );
    let text = reported(Report {
        command: "/plan",
        title: "many".into(),
        lines: vec!["a line of the plan".into(); 10_000],
    });
    assert!(
        text.contains("lines are left out: a comment has a size limit."),
        "{}",
        &text[text.len() - 200..]
    );
}

#[test]
fn help_lists_every_command() {
    let text = told(Outcome::Help);
    assert!(COMMANDS.iter().all(|(_, meaning)| text.contains(meaning)));
    expect("reply-help", &text);
}

#[test]
fn the_longest_answers_stay_below_the_limit() {
    let id = commit();
    let many: Vec<Done> = (0..2_000)
        .map(|n| done(Action::Pin, &format!("a.tf#pod/a/b{n}:c"), None))
        .collect();
    reported(Report {
        command: "/plan",
        title: "`".repeat(70_000),
        lines: vec!["`".repeat(70_000); 400],
    });
    let candidates = vec!["@".repeat(70_000); 400];
    let kinds = [
        written("/pin", many),
        Outcome::Ambiguous {
            command: "/pin",
            target: Some("#1".repeat(70_000)),
            candidates: candidates.clone(),
        },
        Outcome::NotFound {
            command: "/pin",
            target: "|".repeat(70_000),
            near: candidates,
        },
        Outcome::Refused {
            command: "/pin",
            why: "@a".repeat(70_000),
            hint: Some("#1".repeat(70_000)),
        },
    ];
    for times in [1, 20] {
        for kind in &kinds {
            told_with(vec![kind.clone(); times], &[in_commit(&id)]);
        }
    }
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let words = || proptest::collection::vec(nasty(), 0..4);
    prop_oneof![
        (nasty_name(), nasty()).prop_map(|(site, image)| written(
            "/pin",
            vec![Done {
                image,
                ..done(Action::Pin, &site, None)
            }]
        )),
        words().prop_map(|sites| Outcome::WrittenBefore {
            command: "/hold",
            commit: commit(),
            sites
        }),
        nasty().prop_map(|why| Outcome::Nothing {
            command: "/resume",
            why
        }),
        (nasty(), proptest::option::of(nasty())).prop_map(|(why, hint)| Outcome::Refused {
            command: "/pin",
            why,
            hint
        }),
        (nasty(), words()).prop_map(|(target, near)| Outcome::NotFound {
            command: "/pin",
            target,
            near
        }),
        (proptest::option::of(nasty()), words()).prop_map(|(target, candidates)| {
            Outcome::Ambiguous {
                command: "/pin",
                target,
                candidates,
            }
        }),
        (nasty(), proptest::option::of(nasty())).prop_map(|(what, hint)| Outcome::Misread(
            Misread {
                line: 1,
                command: Some("/pin"),
                what,
                hint
            }
        )),
        Just(Outcome::MayNot {
            command: "/pin",
            needs: Right::Write,
            has: Right::Read
        }),
        Just(Outcome::Help),
    ]
}

proptest! {
    #[test]
    fn nothing_from_outside_does_anything(outcomes in proptest::collection::vec(any_outcome(), 1..4), change in nasty(), login in nasty()) {
        let id = commit();
        let mut answer = answer(outcomes);
        answer.author.login = login.into();
        let links = [Link { change: change.as_str().into(), ..in_commit(&id) }, in_commit(&id)];
        harmless(&reply(&answer, &links, &forge_url(), &|_| None), &[Marker::Answer(12)]);
    }

    #[test]
    fn nor_does_what_is_reported(title in nasty(), lines in proptest::collection::vec(nasty(), 0..4)) {
        reported(Report { command: "/plan", title, lines });
    }
}
