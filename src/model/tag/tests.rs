use super::Class;

#[test]
fn every_tag_of_a_real_repo_has_its_class() {
    let table = [
        (None, Class::Name),
        (Some("latest"), Class::Name),
        (Some("stable"), Class::Name),
        (Some("release"), Class::Name),
        (Some("bookworm-slim"), Class::Name),
        (Some("vNext"), Class::Name),
        (Some("22"), Class::Major),
        (Some("v3"), Class::Major),
        (Some("15-alpine"), Class::Major),
        (Some("2026"), Class::Major),
        (Some("v2-rootless"), Class::Major),
        (Some("15-vectorchord0.4.3-pgvectors0.2.0"), Class::Version),
        (Some("v1.0.35.0"), Class::Version),
        (Some("v.1.1.1"), Class::Version),
        (Some("1.29"), Class::Version),
        (Some("3.20.1"), Class::Version),
        (Some("2.4.1-voltage-fix"), Class::Version),
        (Some("v20-20260127"), Class::Version),
        (Some("15-alpine3.19"), Class::Version),
        (Some("12345"), Class::Version),
        (Some("1.2_rc"), Class::Version),
        (Some("2026.05.14.1326-nightly"), Class::Calendar),
        (Some("RELEASE.2026-01-01T00-00-00Z"), Class::Calendar),
        (Some("2026-01-01"), Class::Calendar),
        (Some("2026.1"), Class::Calendar),
        (Some("20260127"), Class::Calendar),
        (Some("nightly-20260127"), Class::Calendar),
        (Some("71b32438"), Class::GitSha),
        (Some("71432438"), Class::GitSha),
        (Some("7143243"), Class::GitSha),
        (Some("sha-71b3243"), Class::GitSha),
        (
            Some("0123456789abcdef0123456789abcdef01234567"),
            Class::GitSha,
        ),
        (Some("MatriX.141"), Class::Other),
        (Some("java21"), Class::Other),
        (Some("lts-alpine3.19"), Class::Other),
    ];
    for (tag, class) in table {
        assert_eq!(Class::of(tag), class, "{tag:?}");
        assert_eq!(class.floats(), matches!(class, Class::Name | Class::Major));
    }
}
