use super::*;

fn moved(why: &str) -> bool {
    matches!(rejection(why, "", false), PushError::TipMoved { .. })
}

#[test]
fn words_of_servers_for_having_lost_the_race() {
    for why in [
        "cannot lock ref 'refs/heads/main': is at 1111 but expected 2222",
        "non-fast-forward",
        "fetch first",
        "stale info",
        "failed to update ref",
        "cannot lock ref 'refs/heads/main': reference already exists",
    ] {
        assert!(moved(why), "{why}");
    }
}

#[test]
fn a_refusal_keeps_the_servers_sentence() {
    for why in [
        "protected branch hook declined",
        "pre-receive hook declined",
        "deny updating a hidden ref",
        "unpacker error",
    ] {
        let PushError::Refused(text) = rejection(why, "main is protected", false) else {
            panic!("{why}")
        };
        assert_eq!(text, format!("{why}: main is protected"));
    }
}

#[test]
fn what_a_server_prints_becomes_one_plain_line() {
    assert_eq!(spoken(b"one\r\n\n  \x1b[31mtwo\x07 \n"), "one; [31mtwo");
    assert_eq!(spoken(&[0xff, b'a']), "\u{fffd}a");
}

#[test]
fn recorded_words_of_servers_are_told_apart() {
    let locked =
        "cannot lock ref 'refs/heads/pintle/media': is at 5f0c0a2c1b1e but expected 9c4d7f11aa02";
    let way = "error: cannot lock ref 'refs/heads/pintle/a': 'refs/heads/pintle' exists; cannot create 'refs/heads/pintle/a'";
    let protected = "Gitea: Not allowed to push to protected branch main";
    // What stands against the ref, what is printed beside it, and whether somebody was faster.
    let cases = [
        (locked, "", true),
        ("failed to update ref", &format!("error: {locked}"), true),
        ("failed to update ref", way, false),
        ("pre-receive hook declined", protected, false),
        (
            "pre-receive hook declined",
            "Forgejo: Not allowed to push to protected branch main",
            false,
        ),
        (
            "pre-receive hook declined",
            "Gitea: branch pintle/media is protected from force push",
            false,
        ),
    ];
    for (why, said, faster) in cases {
        for rewrite in [false, true] {
            match rejection(why, said, rewrite) {
                PushError::TipMoved { now: None } => assert!(faster, "{why}: {said}"),
                PushError::Refused(text) => {
                    assert_eq!((text, faster), (format!("{why}: {said}"), false))
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_server_that_takes_no_rewritten_branch_says_so() {
    assert!(matches!(
        rejection("non-fast-forward", "", true),
        PushError::Refused(_)
    ));
    assert!(matches!(
        rejection("non-fast-forward", "", false),
        PushError::TipMoved { .. }
    ));
}
