//! Which labels are an address, a version, a revision; which differences have a page.

use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| {
            (
                format!("org.opencontainers.image.{name}"),
                (*value).to_owned(),
            )
        })
        .collect()
}

#[test]
fn a_source_is_an_address_with_owner_and_name() {
    for (text, host, repository) in [
        ("https://github.com/a/b", "github.com", Some(("a", "b"))),
        ("https://github.com/a/b.git", "github.com", Some(("a", "b"))),
        (
            "https://GitHub.com/a/b/tree/main/x?y=1#z",
            "github.com",
            Some(("a", "b")),
        ),
        (
            "http://git.example.org:3000/a/b/",
            "git.example.org:3000",
            Some(("a", "b")),
        ),
        (
            "https://git.example.org/a/%2e%2e%2fb",
            "git.example.org",
            None,
        ),
        ("https://git.example.org/a b/c", "git.example.org", None),
    ] {
        let source = SourceRepo::parse(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            (source.host.as_str(), source.repository("")),
            (host, repository),
            "{text}"
        );
        assert!(
            source.url.query().is_none() && source.url.fragment().is_none(),
            "{text}"
        );
    }
    for text in [
        "",
        "a/b",
        "git@github.com:a/b.git",
        "ssh://git@github.com/a/b",
        "https://github.com/a",
        "https://immich.app/",
        "https://user:secret@git.example.org/a/b",
        "https://token@git.example.org/a/b",
        "file:///etc/passwd/x",
        "javascript:alert(1)",
    ] {
        assert_eq!(SourceRepo::parse(text), None, "{text}");
    }
}

#[test]
fn an_instance_may_live_below_a_path() {
    let source = SourceRepo::parse("https://example.org/forge/a/b").unwrap();
    assert_eq!(source.repository("/forge/"), Some(("a", "b")));
    assert_eq!(source.repository("/other/"), None);
    assert_eq!(
        SourceRepo::parse("https://example.org/forge/a")
            .unwrap()
            .repository("/forge/"),
        None
    );
}

#[test]
fn labels_that_make_no_sense_are_none() {
    let origin = ImageOrigin::of(&labels(&[
        ("source", "nonsense"),
        ("url", "https://github.com/a/b"),
        ("version", " 1.2 "),
        ("revision", "a\nb"),
    ]));
    assert_eq!(
        origin.source.map(|source| source.host).as_deref(),
        Some("github.com")
    );
    assert_eq!(
        (origin.version.as_deref(), origin.revision),
        (Some("1.2"), None)
    );
    let long = "x".repeat(NAME + 1);
    assert_eq!(
        ImageOrigin::of(&labels(&[
            ("version", &long),
            (
                "source",
                &format!("https://github.com/a/{}", "b".repeat(LONGEST))
            )
        ])),
        ImageOrigin::default()
    );
}

#[test]
fn versions_that_say_nothing_give_way_to_revisions() {
    let origin = |version: &str, revision: &str| {
        ImageOrigin::of(&labels(&[("version", version), ("revision", revision)]))
    };
    let name = |a: (&str, &str), b: (&str, &str)| origin(a.0, a.1).display_name(&origin(b.0, b.1));
    assert_eq!(
        name(("1", "aaaaaaa"), ("2", "bbbbbbb")).as_deref(),
        Some("1")
    );
    assert_eq!(
        name(("main", "aaaaaaa"), ("main", "bbbbbbb")).as_deref(),
        Some("aaaaaaa")
    );
    assert_eq!(
        name(("", "aaaaaaa"), ("2", "bbbbbbb")).as_deref(),
        Some("aaaaaaa")
    );
    assert_eq!(name(("main", ""), ("main", "")).as_deref(), Some("main"));
    assert_eq!(name(("", ""), ("2", "b")), None);
}

#[test]
fn a_difference_has_a_page_when_both_ends_can_be_names() {
    let page = |style, from: &str, to: &str| {
        compare_url(
            &Url::parse("https://example.org/a/b").unwrap(),
            style,
            from,
            to,
        )
        .map(String::from)
    };
    assert_eq!(
        page(CompareStyle::Plain, "1.0", "v2.0").as_deref(),
        Some("https://example.org/a/b/compare/1.0...v2.0")
    );
    assert_eq!(
        page(CompareStyle::Plain, "release/1", "release/2").as_deref(),
        Some("https://example.org/a/b/compare/release/1...release/2")
    );
    assert_eq!(
        page(CompareStyle::Gitlab, "1", "2").as_deref(),
        Some("https://example.org/a/b/-/compare/1...2")
    );
    for (from, to) in [
        ("1", "1"),
        ("", "2"),
        ("1", "../../../admin"),
        ("1", "..2"),
        ("1", "a...b"),
        ("-x", "2"),
        ("1", "2?x"),
        ("1", "2#x"),
        ("1", "a b"),
        ("1", "a//b"),
        ("1", "x.lock"),
        ("1", "%2e"),
        ("1", "ü"),
    ] {
        assert_eq!(page(CompareStyle::Plain, from, to), None, "{from} {to}");
    }
}
