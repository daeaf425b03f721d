//! What forges say they are.

use super::*;

#[test]
fn versions_are_read() {
    let cases = [
        ("11.0.14+gitea-1.22.0", true, Some((11, 0)), true),
        ("7.0.0+gitea-1.21.11", true, Some((7, 0)), true),
        (
            "12.0.0-dev-340-8f2a8a1d2e+gitea-1.22.0",
            true,
            Some((12, 0)),
            true,
        ),
        ("v13.0.1~rc1+gitea-1.22.0", true, Some((13, 0)), true),
        ("20.1.0", true, Some((20, 1)), true),
        ("6.0.0+gitea-1.20.0", true, Some((6, 0)), false),
        ("1.26.0", false, Some((1, 26)), true),
        ("1.27.0+dev-123-gabcdef0", false, Some((1, 27)), true),
        ("1.21.11-1+0", false, Some((1, 21)), true),
        ("1.22.0-rc1", false, Some((1, 22)), true),
        ("1.20.6", false, Some((1, 20)), false),
        ("1", false, Some((1, 0)), false),
        ("main", false, None, true),
        ("99999999999999999999.1", false, None, true),
    ];
    for (text, forgejo, number, supported) in cases {
        let version = Version::parse(text);
        assert_eq!(
            (version.forgejo, version.number, version.supported().is_ok()),
            (forgejo, number, supported),
            "{text}"
        );
    }
}

#[test]
fn one_that_is_too_old_is_named() {
    let error = Version::parse("1.20.6\n").supported().unwrap_err();
    assert_eq!(
        error.to_string(),
        "Gitea 1.20.6 is too old: pintle works with Forgejo 7.0 or Gitea 1.21 and later"
    );
}
