//! A type's name is used once outside `remote`, so that a search for it finds it. Test modules
//! apart; wire types of `remote` may be called as the system outside calls them.

use std::collections::BTreeMap;

use super::source::{definitions, tokens, without_tests};
use super::{is_test, module_path, rust_files};

/// Names that are known to be used more than once and are to be changed. One that is used once has
/// to leave this list.
const KNOWN: &[&str] = &[];

/// Types that have one name, and known ones that have not.
fn against_doubles(files: &[(String, String)], known: &[&str]) -> Vec<String> {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, text) in files {
        let module = module_path(path);
        if module.first() == Some(&"remote") || is_test(&module) {
            continue;
        }
        for item in definitions(&without_tests(tokens(text))) {
            // Within an item, `type` is what a trait asks for.
            if matches!(item.keyword.as_str(), "struct" | "enum" | "trait")
                || item.keyword == "type" && item.top
            {
                places
                    .entry(item.name)
                    .or_default()
                    .push(format!("{path}:{}", item.line));
            }
        }
    }
    places.retain(|_, places| places.len() > 1);
    let needless = known
        .iter()
        .filter(|name| !places.contains_key(**name))
        .map(|name| format!("{name} is used once by now"));
    let doubles = places
        .iter()
        .filter(|(name, _)| !known.contains(&name.as_str()));
    doubles
        .map(|(name, places)| format!("{name} is the name of {}", places.join(" and of ")))
        .chain(needless)
        .collect()
}

#[test]
fn a_type_name_is_used_once() {
    assert_eq!(
        against_doubles(&rust_files("src/"), KNOWN),
        [] as [String; 0]
    );
}

#[test]
fn a_name_that_is_used_twice_is_seen() {
    let found = |files: &[(&str, &str)], known: &[&str]| {
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect();
        against_doubles(&files, known)
    };
    let twice = [
        ("src/plan.rs", "pub struct Told;"),
        (
            "src/write/commit.rs",
            "\npub(super) enum Told<'a> { A(&'a str) }",
        ),
    ];
    assert_eq!(
        found(&twice, &[]),
        ["Told is the name of src/plan.rs:1 and of src/write/commit.rs:2"]
    );
    assert_eq!(found(&twice, &["Told"]), [] as [String; 0]);
    assert_eq!(
        found(&twice, &["Told", "Line"]),
        ["Line is used once by now"]
    );
    assert_eq!(
        found(
            &[("src/a.rs", "fn f() { struct Q; }\nmod b { type Q = u8; }")],
            &[]
        )
        .len(),
        1
    );
    for text in ["trait Told {}", "type Told = u8;"] {
        assert_eq!(
            found(
                &[("src/sites.rs", text), ("src/plan.rs", "struct Told;")],
                &[]
            )
            .len(),
            1,
            "{text}"
        );
    }
}

#[test]
fn names_of_the_outside_and_of_tests_may_be_used_again() {
    let fine = |path: &str, text: &str| {
        let files = [("src/plan.rs", "pub struct Told;"), (path, text)]
            .map(|(path, text)| (path.to_owned(), text.to_owned()));
        assert_eq!(against_doubles(&files, &[]), [] as [String; 0]);
    };
    fine("src/remote/git.rs", "pub struct Told;");
    fine("src/write/tests.rs", "struct Told;");
    fine("src/write.rs", "#[cfg(test)] mod tests { struct Told; }");
    fine(
        "src/write.rs",
        "impl Iterator for X { type Told = u8; } trait T { type Told; } fn f() { let r#type = Told; }",
    );
    fine(
        "src/write.rs",
        "// struct Told;\nconst T: &str = \"struct Told\"; use crate::plan::Told as Told;",
    );
}
