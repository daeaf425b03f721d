//! `pintle tags IMAGE` against real registries with thousands of tags.

use serde_json::Value;

use crate::support::cmd::{Output, Pintle};
use crate::support::line::clones;
use crate::support::registry::{Registry, Role, Version};

const REPOSITORY: &str = "team/app";

fn tags_of(registry: &Registry, tag: &str, args: &[&str]) -> Output {
    let address = registry.address();
    let image = format!("{address}/{REPOSITORY}:{tag}");
    let endpoint = format!("{address}={}", registry.url());
    let folder = clones();
    let fixed = ["tags", &image, "--registry", &endpoint];
    Pintle::new(folder.path(), fixed.iter().chain(args)).run()
}

/// Counts the requests for a part of the repository: `tags/list`, `manifests`, `blobs`.
fn count(registry: &Registry, from: usize, part: &str) -> usize {
    let requests = registry.requests();
    let part = format!("/v2/{REPOSITORY}/{part}");
    requests[from..]
        .iter()
        .filter(|line| line.contains(&part))
        .count()
}

#[test]
fn the_newest_of_thousands_is_found_with_few_requests() {
    let mut tags: Vec<String> = (0..3000)
        .map(|at| format!("1.{}.{}", at / 100, at % 100))
        .collect();
    tags.extend(["2.0.0", "1.30.0-rc1", "latest"].map(str::to_owned));
    let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
    for (version, pages) in [(Version::Two, 1), (Version::Three, 4)] {
        let registry = Registry::start(version, &Role::Plain);
        registry.many_tags(REPOSITORY, &tags);
        let before = registry.requests().len();
        let output = tags_of(&registry, "1.2.3", &["--policy", "minor", "-o", "json"]);
        assert_eq!(output.code, Some(0), "{output:?}");
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_eq!(answer["chosen"], "1.29.99", "{version:?}");
        let candidates = answer["candidates"].as_array().expect("candidates");
        assert!(candidates.len() < 500, "{}", candidates.len());
        assert_eq!(count(&registry, before, "tags/list"), pages, "{version:?}");
        let asked = count(&registry, before, "manifests") + count(&registry, before, "blobs");
        assert!((1..=12).contains(&asked), "{asked} requests of {version:?}");
    }
}

#[test]
fn what_keeps_newer_tags_out_is_shown() {
    let registry = Registry::start(Version::Three, &Role::Plain);
    let tags = [
        "1.2.2",
        "1.2.3",
        "1.3.0",
        "2.0.0",
        "1.4.0-rc1",
        "1.4.0-alpine",
        "latest",
    ];
    registry.many_tags(REPOSITORY, &tags);
    let output = tags_of(&registry, "1.2.3", &["--policy", "minor"]);
    assert_eq!(
        output.stdout,
        "\
TAG           KEPT OUT BY  WHY
2.0.0         other-major  another major version
1.4.0-alpine  variant      another variant
1.4.0-rc1     pre-release  a pre-release, or another kind of it
1.3.0         -            chosen

1.2.3 is bumped to 1.3.0
",
        "{output:?}"
    );
    assert_eq!(output.stderr, "3 other tags not shown\n");
    let output = tags_of(&registry, "1.2.3", &["--policy", "never"]);
    assert!(output.stdout.ends_with("1.2.3 stays\n"), "{output:?}");
    let output = tags_of(&registry, "1.2.3", &[]);
    let mut sorted = tags;
    sorted.sort();
    assert_eq!(output.stdout.lines().collect::<Vec<_>>(), sorted);
}

#[test]
fn commits_are_ordered_by_their_build_times() {
    let registry = Registry::start(Version::Three, &Role::Plain);
    // All images of this test were built at the same time, so nothing is newer.
    let tags = ["71b3243", "82c4354"];
    registry.many_tags(REPOSITORY, &tags);
    let policy = ["--policy", "regexp:^[0-9a-f]{7}$", "-o", "json"];
    let output = tags_of(&registry, "71b3243", &policy);
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(answer["candidates"][1]["kept_out_by"], "not-newer");
}

#[test]
fn a_repository_that_is_not_there_is_an_error() {
    let registry = Registry::start(Version::Three, &Role::Plain);
    let output = tags_of(&registry, "1.2.3", &["--policy", "minor"]);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (Some(1), ""),
        "{output:?}"
    );
    assert!(output.stderr.contains("does not exist"), "{output:?}");
    let folder = clones();
    let output = Pintle::new(folder.path(), ["tags", "no image"]).run();
    assert_eq!(output.code, Some(2), "{output:?}");
    let output = Pintle::new(folder.path(), ["tags"]).run();
    assert_eq!(output.code, Some(2), "{output:?}");
}
