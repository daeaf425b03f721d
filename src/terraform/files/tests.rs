use super::*;

fn path(path: &str) -> RepoPath {
    RepoPath::new(path).unwrap()
}

#[test]
fn an_absolute_path_is_below_the_top_or_it_is_not_ours() {
    assert_eq!(RepoPath::from_absolute("/repo/a/../b"), Some(path("b")));
    assert_eq!(RepoPath::from_absolute("/repo"), Some(path("")));
    assert_eq!(RepoPath::from_absolute("/repository/a"), None);
    assert_eq!(RepoPath::from_absolute("/repo/../etc"), None);
    assert_eq!(path("a/b").to_absolute(), "/repo/a/b");
    assert_eq!(path("").to_absolute(), "/repo");
}

#[test]
fn a_relative_path_leads_from_one_folder_to_another() {
    for (from, to, expected) in [
        ("a/b", "a/b", "."),
        ("a/b", "a/c/d", "../c/d"),
        ("", "x", "x"),
        ("x/y", "", "../.."),
    ] {
        assert_eq!(path(to).relative_from(&path(from)), expected, "{from} {to}");
    }
}

#[test]
fn below_a_folder_is_what_has_its_whole_name_before_a_slash() {
    let mut files = Files::default();
    for name in ["a-b/x", "a.tf", "a/b/c", "a/d", "ab/c", "b"] {
        files.insert(path(name), Entry::NotRead("a test".into()));
    }
    let below = |dir: &str| {
        files
            .below(&path(dir))
            .map(|(path, _)| path.as_str())
            .collect::<Vec<_>>()
    };
    assert_eq!(below("a"), ["a/b/c", "a/d"]);
    assert_eq!(below("").len(), 6);
    assert_eq!(below("c"), [""; 0]);
}
