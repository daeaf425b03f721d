//! A policy that chooses the tag, from one end to the other: a newer version by pull request,
//! merged and applied; it crashes, and tag and digest are as before. Only what is newer than that
//! is proposed again.

use serde_json::json;
use std::time::Instant;

use super::{DEADLINE, LOOK, Stack, trailer};
use crate::support::daemon::Daemon;
use crate::support::gitea::text as said;
use crate::support::kube::kubelet::Behaviour;
use crate::support::kube::world::{ForgeWorld, text};
use crate::support::line::path;

const APP: Stack = ("deployment", "web", "quay.io/team/app:1.2.3");
const CONFIG: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\npolicy = \"minor\"\n\
                      [cluster]\ncrash_grace = \"2s\"\n";

fn until(what: &str, found: impl Fn() -> bool) {
    let begun = Instant::now();
    while !found() {
        assert!(
            begun.elapsed() < DEADLINE,
            "{what} is not so after {DEADLINE:?}"
        );
        std::thread::sleep(LOOK);
    }
}

/// The open pull request that proposes a tag, once there is one.
fn proposed(world: &ForgeWorld, tag: &str) -> (u64, String) {
    let repo = &world.line.repo;
    let find = || {
        repo.pulls("open").into_iter().find(|pull| {
            said(&pull["body"]).contains(&format!("Pintle-Image: quay.io/team/app:{tag}\n"))
        })
    };
    until(&format!("a pull request for {tag}"), || find().is_some());
    let pull = find().expect("it is open");
    (
        pull["number"].as_u64().expect("a number"),
        said(&pull["title"]),
    )
}

fn merge(world: &ForgeWorld, pull: u64) {
    let repo = &world.line.repo;
    until("the merge", || {
        repo.try_merge(&repo.owner, pull, &json!({"Do": "merge"}))
            .status
            == 200
    });
}

#[test]
fn a_newer_version_is_proposed_fails_and_is_not_proposed_again() {
    let world = ForgeWorld::of(&[APP], CONFIG);
    let (stage, repo) = (&world.stage, &world.line.repo);
    let put = |tag: &str, seed: &str| {
        world
            .line
            .registries
            .put(&format!("quay.io/team/app:{tag}"), seed)
    };
    let first = put("1.2.3", "first");
    let pinned = text(
        &stage.namespace,
        &(APP.0, APP.1, &format!("{}@{first}", APP.2)),
    );
    repo.push_files("Pin", &[(&path("web"), pinned.as_bytes())]);
    let following = stage.ci.follow();
    stage.rolled_out("deployment/web");
    let run = Daemon::start(world.pintle(
        "run",
        &["--every", "1s", "--listen", "off", "--log-format", "json"],
    ));

    // A minor version is proposed, a major one is not.
    put("2.0.0", "major");
    let second = put("1.4.0", "second");
    stage.kubelet.lets(&second, Behaviour::Crashes);
    let (pull, title) = proposed(&world, "1.4.0");
    assert_eq!(title, "web: bump web from 1.2.3 to 1.4.0");
    let body = said(&repo.pulls("open").remove(0)["body"]);
    assert!(body.contains("Pintle-From-Tag: 1.2.3\n"), "{body}");
    assert!(body.contains("2.0.0"), "what is kept out is named: {body}");
    merge(&world, pull);

    // It crashes, and the repo has the old tag with the old digest again.
    let old = format!("\"quay.io/team/app:1.2.3@{first}\"");
    stage.waits_with("deployment/web", "CrashLoopBackOff");
    until("the rollback", || {
        world.line.text("web", "main").contains(&old)
    });
    let commit = repo.commits("main").remove(0);
    assert_eq!(
        ["Action", "Cause", "Image", "From-Tag"].map(|name| trailer(&commit.message, name)),
        ["rollback", "unhealthy", "quay.io/team/app:1.2.3", "1.4.0"]
    );
    stage.ci.wait_for(&commit.sha);
    stage.rolled_out("deployment/web");
    assert!(stage.image("deployment/web").ends_with(&first));

    // Without the hold the failed version is not proposed again; a newer one is.
    let issue = repo.issue(&world.line.ana, "Talk");
    let resume = repo.comment(issue, "/resume web", &world.line.ana);
    until("the reply", || {
        !world.line.replies(issue, resume).is_empty()
    });
    until("the end of the hold", || {
        !world.line.text("web", "main").contains("# pintle: hold")
    });
    let third = put("1.4.1", "third");
    let (pull, title) = proposed(&world, "1.4.1");
    assert_eq!(title, "web: bump web from 1.2.3 to 1.4.1");
    merge(&world, pull);
    until("the newer version", || {
        world
            .line
            .text("web", "main")
            .contains(&format!("1.4.1@{third}"))
    });
    stage.ci.wait_for(&stage.ci.tip());
    stage.rolled_out("deployment/web");
    let bumps = repo.commits("main").into_iter().filter(|commit| {
        trailer_of(&commit.message, "Action") == Some("bump")
            && commit
                .message
                .contains("Pintle-Image: quay.io/team/app:1.4.0")
    });
    assert_eq!(
        bumps.count(),
        1,
        "the version that failed was proposed once"
    );
    let log = run.stop();
    assert!(!log.contains("panicked") && !log.contains(world.token()));
    drop(following);
}

fn trailer_of<'m>(message: &'m str, name: &str) -> Option<&'m str> {
    let start = format!("Pintle-{name}: ");
    message.lines().find_map(|line| line.strip_prefix(&start))
}
