use super::*;

fn moved(why: &str) -> bool {
    matches!(rejection(why, ""), PushError::TipMoved { .. })
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
    for why in ["protected branch hook declined", "pre-receive hook declined", "deny updating a hidden ref", "unpacker error"] {
        let PushError::Refused(text) = rejection(why, "main is protected") else { panic!("{why}") };
        assert_eq!(text, format!("{why}: main is protected"));
    }
}

#[test]
fn what_a_server_prints_becomes_one_plain_line() {
    assert_eq!(spoken(b"one\r\n\n  \x1b[31mtwo\x07 \n"), "one; [31mtwo");
    assert_eq!(spoken(&[0xff, b'a']), "\u{fffd}a");
}
