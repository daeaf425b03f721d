use super::{PreRelease, PreReleaseStage, TagScheme, TagVersion};
use proptest::prelude::*;
use std::cmp::Ordering;

fn version(tag: &str) -> TagVersion<'_> {
    match TagScheme::of(tag) {
        TagScheme::Version(version) => version,
        other => panic!("{tag} is {other:?}"),
    }
}

/// `v|1.2.3|rc 1|4|-alpine`: prefix, core, pre-release, counters, variant.
fn show(tag: &str) -> String {
    let TagVersion {
        prefix,
        core,
        pre_release,
        counters,
        variant,
    } = version(tag);
    let join = |numbers: &[u64]| {
        numbers
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(".")
    };
    let core: Vec<u64> = core.iter().map(|part| part.value.into()).collect();
    let counters: Vec<u64> = counters.into_iter().map(u64::from).collect();
    let pre_release = pre_release.map_or(String::new(), |PreRelease { stage, numbers, .. }| {
        let word = match stage {
            PreReleaseStage::Nightly => "nightly",
            PreReleaseStage::Alpha => "alpha",
            PreReleaseStage::Beta => "beta",
            PreReleaseStage::Preview => "pre",
            PreReleaseStage::Candidate => "rc",
        };
        format!("{word} {}", join(&numbers))
    });
    format!(
        "{prefix}|{}|{}|{}|{variant}",
        join(&core),
        pre_release.trim(),
        join(&counters)
    )
}

#[test]
fn a_tag_is_taken_apart() {
    for (tag, parts) in [
        ("1.29", "|1.29|||"),
        ("v1.2.3", "v|1.2.3|||"),
        ("V2", "V|2|||"),
        ("v.1.1.1", "v.|1.1.1|||"),
        ("version-v1.2.3", "version-v|1.2.3|||"),
        ("jdk-17.0.1", "jdk-|17.0.1|||"),
        ("MatriX.141", "MatriX.|141|||"),
        ("arm64v8-1.2.3-ls4", "arm64v8-|1.2.3||4|-ls#"),
        ("x86_64-3.20", "x86_64-|3.20|||"),
        ("16.4-alpine3.20", "|16.4|||-alpine3.20"),
        ("15-vectorchord0.4.3", "|15|||-vectorchord0.4.3"),
        ("3.13.0rc3-slim", "|3.13.0|rc 3||-slim"),
        ("3.13.0a1", "|3.13.0|alpha 1||"),
        ("1.0RC6", "|1.0|rc 6||"),
        ("1.0.0.RC6", "|1.0.0|rc 6||"),
        ("5.0.0-beta.10-alpine", "|5.0.0|beta 10||-alpine"),
        ("1.0.0-beta.2.1", "|1.0.0|beta 2.1||"),
        ("27-ea-7-jdk", "|27|alpha 7||-jdk"),
        ("4.0.0-M01", "|4.0.0|alpha 1||"),
        ("2026.05.14.1326-nightly", "|2026.5.14.1326|nightly||"),
        ("3.8.3-1-SNAPSHOT", "|3.8.3|nightly||-1"),
        ("1.2.3-dev-20260127", "|1.2.3|nightly 20260127||"),
        ("1.2.3-debian-12-r4", "|1.2.3||4|-debian-12-r#"),
        ("9.9p1", "|9.9||1|p#"),
        ("17.0.1_8-jdk", "|17.0.1||8|_#-jdk"),
        ("v20-20260127", "v|20||20260127|-%"),
        ("8.7-1049", "|8.7||1049|-#"),
        ("8.7-923.1669829893", "|8.7|||-923.1669829893"),
        ("1.2.3-4-g71b3243", "|1.2.3||4|-#-g@"),
        ("1.28.0.5999-97678ded3", "|1.28.0.5999|||-@"),
        ("4.0.13-24-trixie", "|4.0.13|||-24-trixie"),
        ("3.10-master-777", "|3.10|||-master-777"),
        ("1.14.0-bullseye-20210902", "|1.14.0|||-bullseye-20210902"),
        ("8u312-b07-jre", "|8|||u312-b07-jre"),
        ("1.2.3-r32.7.1", "|1.2.3|||-r32.7.1"),
        ("1.0.2b", "|1.0.2|||b"),
        ("1.2.3-a1-b2", "|1.2.3|alpha 1||-b2"),
        (
            "1.2.3-dev.20260127093000",
            "|1.2.3|nightly 20260127093000||",
        ),
        ("1.2.3-b123456", "|1.2.3|||-@"),
        ("1.2.3-ea12345", "|1.2.3|||-@"),
        ("1.2.3-b12345", "|1.2.3|beta 12345||"),
        (
            "1.2.3-rc99999999999999999999",
            "|1.2.3|||-rc99999999999999999999",
        ),
        ("1.2.3-rc-alpine", "|1.2.3|rc||-alpine"),
        ("1.2.-", "|1.2|||.-"),
    ] {
        assert_eq!(show(tag), parts, "{tag}");
    }
}

#[test]
fn what_has_no_version_is_named() {
    for (tag, scheme) in [
        ("latest", TagScheme::Name),
        ("bookworm-slim", TagScheme::Name),
        ("java21", TagScheme::Name),
        ("r1070", TagScheme::Name),
        ("release-r1070", TagScheme::Name),
        ("n8n-1.2.3", TagScheme::Name),
        ("1.2.1669829893", TagScheme::Name),
        ("20190331160914", TagScheme::Commit),
        ("99999999999999999999.1", TagScheme::Name),
        ("", TagScheme::Name),
        ("_1.2", TagScheme::Name),
        ("2026-01-27", TagScheme::Date),
        ("RELEASE.2026-01-01T00-00-00Z", TagScheme::Date),
        ("20260127", TagScheme::Date),
        ("v20260127-slim", TagScheme::Date),
        ("jammy-20260127", TagScheme::Date),
        ("71b3243", TagScheme::Commit),
        ("7143243", TagScheme::Commit),
        ("sha-71b3243", TagScheme::Commit),
        ("gabc1234", TagScheme::Commit),
        ("main-71b3243-1700000000", TagScheme::Commit),
    ] {
        assert_eq!(TagScheme::of(tag), scheme, "{tag}");
    }
}

#[test]
fn a_date_of_eight_digits_counts_from_january_to_december() {
    assert_eq!(TagScheme::of("20261231"), TagScheme::Date);
    assert_eq!(TagScheme::of("20261301"), TagScheme::Commit);
    assert_eq!(show("1.2-20261301"), "|1.2|||-@");
}

/// Tags that are mostly versions, and text of the same letters.
fn any_tag() -> impl Strategy<Value = String> {
    let prefix = prop::sample::select(vec!["", "v", "version-", "arm64v8-", "MatriX."]);
    let core = prop::collection::vec(0_u32..3, 1..5);
    let suffix = prop::collection::vec(
        prop::sample::select(vec![
            "-rc1",
            "-rc2",
            "b1",
            "-beta.10",
            "-nightly",
            "-r1",
            "-r10",
            "-ls4",
            "_8",
            "-4",
            "-20260127",
            "-alpine",
            "-alpine3.20",
            "-71b3243",
            "-g1234567",
            ".Final",
            "-",
            "--",
        ]),
        0..4,
    );
    (prefix, core, suffix).prop_map(|(prefix, core, suffix)| {
        let core: Vec<String> = core.iter().map(u32::to_string).collect();
        format!("{prefix}{}{}", core.join("."), suffix.concat())
    })
}

/// Returns the tag with one more in a part of its core.
fn bump(tag: &str, part: usize) -> String {
    let read = version(tag);
    let mut core: Vec<u32> = read.core.iter().map(|part| part.value).collect();
    let part = part % core.len();
    core[part] += 1;
    let digits: usize = read
        .core
        .iter()
        .map(|part| part.value.to_string().len() + 1)
        .sum();
    let behind = &tag[read.prefix.len() + digits - 1..];
    let core: Vec<String> = core.iter().map(u32::to_string).collect();
    format!("{}{}{behind}", read.prefix, core.join("."))
}

proptest! {
    #[test]
    fn no_text_makes_it_fail(tag in "\\PC*") {
        let _ = TagScheme::of(&tag);
    }

    #[test]
    fn no_tag_makes_it_fail(tag in "[a-gv0-9._-]{0,24}") {
        let _ = TagScheme::of(&tag);
    }

    #[test]
    fn a_bump_is_newer_and_has_the_same_shape(tag in any_tag(), part in 0_usize..4) {
        let bumped = bump(&tag, part);
        let (old, new) = (version(&tag), version(&bumped));
        prop_assert_eq!(new.compare(&old), Ordering::Greater, "{} {}", tag, bumped);
        prop_assert_eq!(new.find_difference(&old), None, "{} {}", tag, bumped);
    }

    #[test]
    fn the_order_is_total(a in any_tag(), b in any_tag(), c in any_tag()) {
        let (a, b, c) = (version(&a), version(&b), version(&c));
        prop_assert_eq!(a.compare(&b), b.compare(&a).reverse());
        prop_assert_eq!(a.compare(&a), Ordering::Equal);
        if a.compare(&b).is_le() && b.compare(&c).is_le() {
            prop_assert!(a.compare(&c).is_le());
        }
        prop_assert_eq!(a.find_difference(&b), b.find_difference(&a));
    }
}
