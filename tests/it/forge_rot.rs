//! The issue about a pin that is gone from its registry, in a real forge: opened once, and closed
//! when the pin is mended.

use serde_json::{Value, json};

use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::line::path;
use pintle::model::digest::Digest;

const NGINX: &str = "docker.io/library/nginx:1.29.3";
const POSTGRES: &str = "docker.io/library/postgres:16.4";
/// First pins at once.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";

/// The issues of the repo, oldest first.
fn issues(line: &ForgeLine, state: &str) -> Vec<Value> {
    let path = line
        .repo
        .path(&format!("/issues?type=issues&state={state}"));
    let mut all = line.repo.owner.list(&path);
    all.sort_by_key(number);
    all
}

/// Pins both images, and then the registry loses the pinned nginx.
fn rotten() -> (ForgeLine, String) {
    let line = ForgeLine::of_stacks(&[("web", NGINX), ("db", POSTGRES)], ADOPTS);
    let pinned = line.moves(NGINX, "first");
    line.sync();
    assert!(line.text("web", "main").contains(&pinned));
    line.moves(NGINX, "second");
    let digest = Digest::parse(&pinned).expect("a digest");
    let registry = &line.registries.registry;
    registry.remove("docker.io", "library/nginx", &digest);
    (line, pinned)
}

/// Somebody writes another digest in the place of the pinned one.
fn pin_by_hand(line: &ForgeLine, from: &str, to: &str) {
    let text = line.text("web", "main").replace(from, to);
    let file = path("web");
    line.repo
        .push_files("Pin another nginx", &[(&file, text.as_bytes())]);
}

#[test]
fn a_pin_that_is_gone_is_an_issue_until_it_is_mended() {
    let (line, pinned) = rotten();
    line.sync();
    let opened = issues(&line, "open");
    let [issue] = &opened[..] else {
        panic!("{opened:#?}")
    };
    assert_eq!(
        text(&issue["title"]),
        "The pinned image of nginx:1.29.3 is not in the registry any more"
    );
    assert!(text(&issue["body"]).contains(&pinned), "{issue:#}");
    assert_eq!(text(&issue["user"]["login"]), line.bot.login);
    // Not doubled by later passes, and left open by those that are about something else.
    line.sync();
    let other = line.pintle("sync", &["--target", "db"]).run();
    assert_eq!(other.code, Some(0), "{other:?}");
    let numbers = |all: &[Value]| all.iter().map(number).collect::<Vec<_>>();
    assert_eq!(numbers(&issues(&line, "all")), numbers(&opened));
    assert_eq!(numbers(&issues(&line, "open")), numbers(&opened));
    // Somebody pins what the registry has.
    let there = line.moves(NGINX, "second");
    pin_by_hand(&line, &pinned, &there);
    let output = line.sync();
    assert!(output.stderr.contains("closed, its image"), "{output:?}");
    assert_eq!(issues(&line, "open"), [] as [Value; 0]);
    let comments = line.repo.comments(number(issue));
    let [comment] = &comments[..] else {
        panic!("{comments:?}")
    };
    assert_eq!(comment.author, line.bot.login);
    assert!(comment.body.contains("closes this issue"), "{comment:?}");
    // That is the end of it.
    line.sync();
    assert_eq!(numbers(&issues(&line, "all")), numbers(&opened));
    assert_eq!(line.repo.comments(number(issue)), comments);
}

#[test]
fn an_image_that_its_registry_has_again_closes_its_issue_and_others_stay() {
    let (line, pinned) = rotten();
    let people = line.repo.issue(&line.ana, "The nginx is gone");
    line.sync();
    let rot = issues(&line, "open").into_iter().map(|one| number(&one));
    let rot: Vec<u64> = rot.filter(|one| *one != people).collect();
    assert_eq!(rot.len(), 1);
    // A person closes it: pintle opens no other one.
    let close = |issue: u64, state: &str| {
        let path = line.repo.path(&format!("/issues/{issue}"));
        line.repo
            .owner
            .must("PATCH", &path, &json!({ "state": state }));
    };
    close(rot[0], "closed");
    line.sync();
    let open = |line: &ForgeLine| issues(line, "open").iter().map(number).collect::<Vec<_>>();
    assert_eq!(open(&line), [people]);
    close(rot[0], "open");
    assert_eq!(line.moves(NGINX, "first"), pinned, "it is pushed again");
    line.sync();
    assert_eq!(open(&line), [people]);
}
