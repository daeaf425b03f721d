use super::branch_name;

#[test]
fn a_name_that_git_takes_stays() {
    for name in ["immich", "comment-12", "a_b.c-d", "15", "Immich", "x.locks"] {
        assert_eq!(branch_name(name), name);
    }
}

#[test]
fn other_names_get_a_hash_and_never_meet() {
    let odd = [
        "", ".", "..", "a..b", "a b", "a-b ", "a/b", "a.lock", ".a", "a.", "-a", "ä", "a~b", "a^b",
        "a:b", "a?b", "a*b", "a[b", "a\\b", "@", "a@{b", "a\u{7f}b", "a\nb",
    ];
    let long = "x".repeat(200);
    let names: Vec<String> = odd
        .iter()
        .copied()
        .chain([long.as_str()])
        .map(branch_name)
        .collect();
    for name in &names {
        assert_eq!(
            &branch_name(name),
            name,
            "a branch name is one that git takes"
        );
        assert!(name.len() <= super::MOST);
    }
    let distinct: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(distinct.len(), names.len());
    assert!(
        branch_name("a b").starts_with("a-b-"),
        "{}",
        branch_name("a b")
    );
    assert_eq!(branch_name("media/immich"), branch_name("media/immich"));
}
