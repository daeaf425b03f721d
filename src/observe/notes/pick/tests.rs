//! Which releases are picked, in a table.

use super::*;

/// `tag`, with `!` for a draft and `~` for a pre-release before it.
fn offered(tags: &str) -> Vec<ForgeRelease> {
    let one = |word: &str| {
        let tag = word.trim_start_matches(['!', '~']).to_owned();
        let (draft, prerelease) = (word.starts_with('!'), word.starts_with('~'));
        ForgeRelease {
            title: format!("Release {tag}"),
            text: "text".into(),
            at: None,
            url: None,
            tag,
            draft,
            prerelease,
        }
    };
    tags.split_whitespace().map(one).collect()
}

fn titles(picked: &ReleaseSelection) -> String {
    let titles: Vec<&str> = picked
        .releases
        .iter()
        .map(|one| one.title.trim_start_matches("Release "))
        .collect();
    titles.join(" ") + if picked.cut { " …" } else { "" }
}

#[test]
fn the_releases_after_the_old_version_up_to_the_new_one_are_picked() {
    for (listed, from, to, expected) in [
        ("v3 v2 v1", Some("1"), "2", "v2"),
        ("v3 v2 v1", Some("v1"), "v3", "v3 v2"),
        ("3.0 2.0 1.0", Some("v1.0"), "v3.0", "3.0 2.0"),
        // Not found, the same, backwards.
        ("v3 v2 v1", Some("1"), "4", ""),
        ("v3 v2 v1", Some("1"), "main", ""),
        ("v3 v2 v1", Some("v3"), "3", ""),
        ("v3 v2 v1", Some("3"), "1", ""),
        ("", Some("1"), "2", ""),
        // Older lines in between, an order that is not that of the numbers, numbers that are not
        // text.
        (
            "v2.0.1 v1.9.9 v2.0.0 v1.9.8",
            Some("1.9.9"),
            "2.0.1",
            "v2.0.1 v2.0.0",
        ),
        (
            "v1.9.9 v2.0.1 v2.0.0 v1.9.8",
            Some("2.0.0"),
            "2.0.1",
            "v2.0.1",
        ),
        ("v1.10 v1.9 v1.8", Some("1.8"), "1.10", "v1.10 v1.9"),
        ("v1.2.0 v1.1.0", Some("1.1"), "1.2.0", "v1.2.0"),
        // The old version has no release of its own.
        ("v3 v2", Some("1"), "3", "v3 v2"),
        ("v3 v2", Some("edge"), "3", "v3 …"),
        ("v3 v2", None, "3", "v3"),
        // Drafts and pre-releases.
        ("!v3 v2 v1", Some("1"), "2", "v2"),
        ("!v3 v2 v1", Some("1"), "3", ""),
        ("v3 ~v2 v1", Some("1"), "3", "v3"),
        ("~v3 ~v2 v1", Some("1"), "3", "v3 v2"),
        (
            "~v2.0-rc2 ~v2.0-rc1 v1.0",
            Some("1.0"),
            "2.0-rc2",
            "v2.0-rc2 v2.0-rc1",
        ),
        ("v2.0 ~v2.0-rc1 v1.0", Some("1.0"), "2.0", "v2.0"),
        ("v2.0 v2.0-rc1 v1.0", Some("1.0"), "2.0", "v2.0"),
        // One repository, several things in it.
        (
            "server-v2 cli-v9 server-v1",
            Some("server-v1"),
            "server-v2",
            "server-v2",
        ),
        (
            "server-2-ls10 cli-9 server-2-ls9",
            Some("server-2-ls9"),
            "server-2-ls10",
            "server-2-ls10",
        ),
        // Dates, and names without a number.
        (
            "2026.11.2 2026.11.1 2026.10.0",
            Some("2026.10.0"),
            "2026.11.2",
            "2026.11.2 2026.11.1",
        ),
        ("gamma beta alpha", Some("alpha"), "gamma", "gamma beta"),
    ] {
        let picked = pick_releases(offered(listed), true, from, to);
        assert_eq!(
            titles(&picked).trim(),
            expected,
            "{listed}: {from:?} to {to}"
        );
    }
}

#[test]
fn what_was_not_listed_is_missing() {
    assert_eq!(
        titles(&pick_releases(offered("v3 v2"), false, Some("1"), "3")),
        "v3 v2 …"
    );
    assert_eq!(
        titles(&pick_releases(offered("v3 v2 v1"), false, Some("1"), "3")),
        "v3 v2"
    );
    let many: String = (0..30).rev().map(|n| format!("v{n} ")).collect();
    let picked = pick_releases(offered(&many), true, Some("1"), "29");
    assert_eq!((picked.releases.len(), picked.cut), (MOST, true));
    assert_eq!(picked.releases[0].title, "Release v29");
}

#[test]
fn the_tags_are_told_and_texts_are_cut_between_characters() {
    let mut listed = offered("v2 v1");
    listed[0].text = "ü".repeat(TEXT + 1);
    listed[0].title = " ".into();
    let picked = pick_releases(listed.clone(), true, Some("1"), "2");
    assert_eq!(picked.tags, (Some("v1".into()), Some("v2".into())));
    assert_eq!(
        (picked.releases[0].text.chars().count(), picked.cut),
        (TEXT, true)
    );
    assert_eq!(picked.releases[0].title, "v2");
    listed[0].text = "ü".repeat(TEXT);
    assert!(!pick_releases(listed, true, Some("1"), "2").cut);
}
