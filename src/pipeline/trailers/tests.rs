use super::*;
use proptest::prelude::*;

fn digest() -> impl Strategy<Value = Digest> {
    "[0-9a-f]{64}".prop_map(|hex| Digest::parse(&format!("sha256:{hex}")).unwrap())
}

fn pin() -> impl Strategy<Value = PinRecord> {
    let words = (
        prop_oneof![
            Just(Action::Adopt),
            Just(Action::Update),
            Just(Action::Bump)
        ],
        prop_oneof![Just(Cause::FirstPin), Just(Cause::TagMoved)],
    );
    let names =
        ("[\\PC]{1,40}", "[a-z./:]{1,40}").prop_map(|(site, image)| (format!("a{site}#z"), image));
    let tag = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}".prop_map(|tag| Tag::parse(&tag));
    let tag = prop_oneof![Just(None), tag];
    (words, names, tag, proptest::option::of(digest()), digest()).prop_map(
        |((action, cause), (site, image), from_tag, from, to)| PinRecord {
            action,
            site,
            uses: Vec::new(),
            image,
            from_tag,
            from,
            to: Some(to),
            evidence: None,
            asked: None,
            cause,
        },
    )
}

fn one() -> PinRecord {
    PinRecord {
        action: Action::Update,
        site: "stacks/mein Müll/main.tf#deployment/a/b:c".into(),
        uses: Vec::new(),
        image: "ghcr.io/a/b:release".into(),
        from_tag: None,
        from: None,
        to: Digest::parse(&format!("sha256:{}", "a".repeat(64))),
        evidence: None,
        asked: None,
        cause: Cause::TagMoved,
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(subject in "[a-z]{1,20}", body in "[^\0]{0,80}", pins in proptest::collection::vec(pin(), 0..4)) {
        let message = format!("{subject}\n\n{body}");
        prop_assume!(!message.lines().any(|line| line.starts_with(PREFIX)));
        let text = render(&message, &pins).unwrap();
        prop_assert_eq!(parse(&text), pins);
    }

    #[test]
    fn any_text_can_be_read(text in "(Pintle-[A-Z][a-z]{1,6}: ?[a-z]{0,6}\n|\\PC{0,20}\n){0,20}") {
        parse(&text);
    }
}

#[test]
fn the_block_is_as_documented() {
    let text = render("immich: pin server\n\nWhy.\n\n", &[one()]).unwrap();
    let digest = "a".repeat(64);
    let wanted = format!(
        "immich: pin server\n\nWhy.\n\nPintle-Action: update\nPintle-Site: stacks/mein Müll/main.tf#deployment/a/b:c\n\
         Pintle-Image: ghcr.io/a/b:release\nPintle-From: none\nPintle-To: sha256:{digest}\nPintle-Cause: tag-moved\n"
    );
    assert_eq!(text, wanted);
}

#[test]
fn unknown_trailers_break_nothing() {
    let text = render("a: b", &[one(), one()]).unwrap();
    let later = text.replace("Pintle-To:", "Pintle-Soak: 7d\nPintle-To:");
    assert_eq!(parse(&later), [one(), one()]);
    let merged = format!("{later}Signed-off-by: A <a@example.org>\n");
    assert_eq!(parse(&merged), [one(), one()]);
}

#[test]
fn an_unknown_action_is_no_record_and_hides_no_other() {
    let text = render("a: b", &[one(), one()]).unwrap();
    assert_eq!(
        parse(&text.replacen("Action: update", "Action: teleport", 1)),
        [one()]
    );
}

#[test]
fn without_from_it_is_a_first_pin() {
    let text = render("a: b", &[one()]).unwrap();
    assert_eq!(parse(&text.replace("Pintle-From: none\n", "")), [one()]);
}

#[test]
fn what_could_not_be_read_back_is_refused() {
    for site in ["", " a", "a ", "a\nPintle-To: x", "a\rb", "\u{85}"] {
        let pin = PinRecord {
            site: site.into(),
            ..one()
        };
        assert!(render("a: b", &[pin]).is_err(), "{site:?}");
    }
    assert!(render("a: b\n\nPintle-Action: update", &[]).is_err());
    assert!(render("\n\nbody", &[]).is_err());
}
