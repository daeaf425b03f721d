//! Addresses of repositories, good and bad.

use super::*;

#[test]
fn an_address_is_read_in_every_form() {
    let forms = [
        "https://forge.example.org/ops/infra",
        "https://forge.example.org/ops/infra/",
        "https://forge.example.org/ops/infra.git",
        " https://forge.example.org//ops/infra.git/ ",
    ];
    for form in forms {
        let place = Place::parse(form).unwrap();
        assert_eq!((place.owner(), place.repo()), ("ops", "infra"), "{form}");
        assert_eq!(place.url().as_str(), "https://forge.example.org/ops/infra");
        assert_eq!(place.clone_url(), "https://forge.example.org/ops/infra.git");
        assert_eq!(place.to_string(), "ops/infra at forge.example.org");
    }
}

#[test]
fn an_instance_may_live_below_a_path() {
    let place = Place::parse("http://localhost:3000/code/forge/ops/infra.x.git").unwrap();
    assert_eq!(
        (place.base().as_str(), place.owner(), place.repo()),
        ("http://localhost:3000/code/forge/", "ops", "infra.x")
    );
    assert_eq!(
        place.clone_url(),
        "http://localhost:3000/code/forge/ops/infra.x.git"
    );
    assert_eq!(
        place.below(&["pulls", "3"]).as_str(),
        "http://localhost:3000/code/forge/ops/infra.x/pulls/3"
    );
    let other = place.sibling("lib", "q_1").unwrap();
    assert_eq!(
        other.url().as_str(),
        "http://localhost:3000/code/forge/lib/q_1"
    );
    assert_eq!(place.sibling("a/b", "c"), None);
}

#[test]
fn what_is_no_repository_is_refused_and_no_secret_is_shown() {
    let bad = [
        "",
        "ops/infra",
        "git@forge.example.org:ops/infra",
        "ssh://git@forge.example.org/ops/infra",
        "file:///ops/infra",
        "https://forge.example.org",
        "https://forge.example.org/ops",
        "https://forge.example.org/ops/infra?x=s3cret",
        "https://forge.example.org/ops/infra#s3cret",
        "https://s3cret@forge.example.org/ops/infra",
        "https://u:s3cret@forge.example.org/ops/infra",
        "https://forge.example.org/ops/in%20fra",
        "https://forge.example.org/ops/.git",
        "https://forge.example.org/ops/...",
        "https://u:s3cret@forge.example.org:x/ops/infra",
    ];
    for text in bad {
        let error = Place::parse(text).unwrap_err();
        assert_eq!(error.kind, crate::error::Kind::Usage, "{text}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
