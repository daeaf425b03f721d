//! Pull requests that nothing belongs to any more.

use super::{ADOPTS, NGINX, POSTGRES, in_sync, pinned};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::line::path;

const APP: &str = "quay.io/team/app:latest";

#[test]
fn what_is_moot_is_closed_with_the_reason_and_counts_as_no_refusal() {
    let line = ForgeLine::of_stacks(&[("web", NGINX), ("db", POSTGRES), ("app", APP)], ADOPTS);
    line.sync();
    let (app, toml) = (
        line.text("app", "main"),
        line.repo.file("pintle.toml", "main").expect("it is there"),
    );
    let [web, db, _] = [NGINX, POSTGRES, APP].map(|image| line.moves(image, "second"));
    line.sync();
    let pulls = line.repo.pulls("open");
    assert_eq!(pulls.len(), 3);

    let held = [
        &toml[..],
        b"\n[[hold]]\nstack = \"db\"\nbecause = \"the migration runs\"\n",
    ]
    .concat();
    let by_hand = pinned("web", NGINX, &web);
    let files = [
        (path("web"), by_hand.as_bytes()),
        (path("app"), b"# gone\n"),
        ("pintle.toml".into(), &held),
    ];
    line.repo.push_files(
        "By hand",
        &files
            .each_ref()
            .map(|(path, bytes)| (path.as_str(), *bytes)),
    );
    line.sync();
    assert_eq!(
        (line.repo.pulls("open").len(), line.repo.branches()),
        (0, vec!["main".to_owned()])
    );
    for pull in &pulls {
        let (name, body) = (
            text(&pull["head"]["ref"]),
            text(&line.repo.pull(number(pull))["body"]),
        );
        let why = match name.as_str() {
            "pintle/web" => "all images are in sync",
            "pintle/db" => "the migration runs",
            _ => "is gone",
        };
        assert!(
            body.starts_with("<!-- pintle:closed withdrawn -->")
                && body.contains(why)
                && body.contains("Pintle-Action"),
            "{name}: {body}"
        );
    }

    let files = [(path("app"), app.as_bytes()), ("pintle.toml".into(), &toml)];
    line.repo.push_files(
        "As it was",
        &files
            .each_ref()
            .map(|(path, bytes)| (path.as_str(), *bytes)),
    );
    line.sync();
    let names: Vec<String> = line
        .repo
        .pulls("open")
        .iter()
        .map(|pull| text(&pull["head"]["ref"]))
        .collect();
    assert_eq!(
        names.len(),
        2,
        "the same digests are proposed again: {names:?}"
    );
    assert!(line.text("db", "pintle/db").contains(&db));
}

#[test]
fn a_tag_that_goes_back_to_what_is_pinned_closes_its_pull_request() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    line.moves(NGINX, "first");
    line.sync();
    assert_eq!(
        (line.repo.pulls("open").len(), line.repo.branches()),
        (0, vec!["main".to_owned()])
    );
    in_sync(&line);
    line.moves(NGINX, "second");
    line.sync();
    assert_eq!(line.repo.pulls("open").len(), 1, "it was not declined");
}
