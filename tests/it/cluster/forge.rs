//! The same with a real forge: the rollback goes to its default branch at once, and a comment lets
//! the site follow the tag again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{DEADLINE, LOOK, SOON, WEB, report, trailer};
use crate::support::daemon::Daemon;
use crate::support::gitea::text as said;
use crate::support::kube::ci::Following;
use crate::support::kube::world::{ForgeWorld, text};
use crate::support::line::path;

/// Everything is a commit.
const COMMITS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = \"commit\"\n";

/// A workload that runs the first digest, pinned by a person, and a run that moves it to the
/// second. Returns both digests.
fn moved(world: &ForgeWorld) -> (Daemon, Following, String, String) {
    let (stage, repo) = (&world.stage, &world.line.repo);
    let first = world.line.registries.put(WEB.2, "first");
    let pinned = text(
        &stage.namespace,
        &(WEB.0, WEB.1, &format!("{}@{first}", WEB.2)),
    );
    repo.push_files("Pin", &[(&path("web"), pinned.as_bytes())]);
    let following = stage.ci.follow();
    stage.rolled_out("deployment/web");
    let second = world.line.registries.put(WEB.2, "second");
    let run = Daemon::start(world.pintle(
        "run",
        &["--every", "1s", "--listen", "off", "--log-format", "json"],
    ));
    until(DEADLINE, || has(world, &second));
    stage.ci.wait_for(&stage.ci.tip());
    stage.rolled_out("deployment/web");
    (run, following, first, second)
}

fn has(world: &ForgeWorld, digest: &str) -> bool {
    world.line.text("web", "main").contains(digest)
}

/// Looks until it is so. Returns how long that took.
fn until(limit: Duration, found: impl Fn() -> bool) -> Duration {
    let begun = Instant::now();
    while !found() {
        assert!(begun.elapsed() < limit, "it is not so after {limit:?}");
        std::thread::sleep(LOOK);
    }
    begun.elapsed()
}

#[test]
fn an_undo_is_committed_and_an_unpin_follows_only_what_is_newer() {
    let world = ForgeWorld::of(&[WEB], COMMITS);
    let (stage, repo) = (&world.stage, &world.line.repo);
    let (run, following, first, second) = moved(&world);
    stage.undo("deployment/web");
    report("undo, with a forge", until(SOON, || has(&world, &first)));
    let commit = repo.commits("main").remove(0);
    assert_eq!(
        ["Action", "Cause", "From", "To"].map(|name| trailer(&commit.message, name)),
        ["rollback", "undo", &second, &first]
    );
    assert!(world.line.text("web", "main").contains("# pintle: hold"));
    stage.ci.wait_for(&commit.sha);

    let issue = repo.issue(&world.line.ana, "Talk");
    let unpin = repo.comment(issue, "/unpin web", &world.line.ana);
    until(DEADLINE, || !world.line.replies(issue, unpin).is_empty());
    assert!(
        has(&world, &first) && !world.line.text("web", "main").contains("# pintle: hold"),
        "{:?}",
        world.line.replies(issue, unpin)
    );
    let third = world.line.registries.put(WEB.2, "third");
    until(DEADLINE, || has(&world, &third));
    let written = repo
        .commits("main")
        .into_iter()
        .filter(|commit| commit.message.contains(&format!("Pintle-To: {second}")))
        .count();
    assert_eq!(
        written, 1,
        "the bad digest was proposed once, before it was bad"
    );
    let log = run.stop();
    assert!(!log.contains("panicked") && !log.contains(world.token()));
    drop(following);
}

#[test]
fn an_undo_is_an_urgent_pull_request_where_the_branch_is_protected() {
    let world = ForgeWorld::of(&[WEB], COMMITS);
    let (stage, repo) = (&world.stage, &world.line.repo);
    let (run, following, first, second) = moved(&world);
    repo.protect("main", &json!({"enable_push": false}));
    stage.undo("deployment/web");
    report(
        "undo, as a pull request",
        until(SOON, || !repo.pulls("open").is_empty()),
    );
    let pull = repo.pulls("open").remove(0);
    let (title, body) = (said(&pull["title"]), said(&pull["body"]));
    assert!(
        format!("{title} {body}").to_lowercase().contains("urgent"),
        "{title}\n{body}"
    );
    assert!(
        body.contains(&format!("Pintle-From: {second}"))
            && body.contains(&format!("Pintle-To: {first}")),
        "{body}"
    );
    assert!(has(&world, &second), "the branch is as it was");

    run.stop();

    // Something else is merged, and the apply of the whole repo brings the pin back: nobody has
    // taken the undo back.
    repo.push(&repo.owner, "other", "Other", &[("other", b"x")])
        .expect("a new branch can be pushed");
    merge(&world, repo.open(&repo.owner, "other", "Other", ""));
    stage.ci.wait_for(&stage.ci.tip());
    stage.rolled_out("deployment/web");
    assert!(stage.image("deployment/web").contains(&second));
    let output = world.pintle("sync", &[]).run();
    assert_eq!(output.code, Some(0), "{output:?}");
    let still = repo.pulls("open");
    assert!(
        still.len() == 1 && still[0]["number"] == pull["number"],
        "{still:#?}"
    );
    merge(&world, pull["number"].as_u64().expect("a number"));
    until(DEADLINE, || has(&world, &first));
    stage.ci.wait_for(&stage.ci.tip());
    stage.rolled_out("deployment/web");
    assert!(stage.image("deployment/web").contains(&first));
    drop(following);
}

/// Merges a pull request as the owner, as soon as the forge has looked at it.
fn merge(world: &ForgeWorld, pull: u64) {
    let how = json!({"Do": "merge"});
    until(DEADLINE, || {
        world
            .line
            .repo
            .try_merge(&world.line.repo.owner, pull, &how)
            .status
            == 200
    });
}

#[test]
fn a_pull_request_that_is_open_becomes_the_urgent_one() {
    let world = ForgeWorld::of(&[WEB], COMMITS);
    let (stage, repo) = (&world.stage, &world.line.repo);
    let (run, following, first, _) = moved(&world);
    repo.protect("main", &json!({"enable_push": false}));
    let third = world.line.registries.put(WEB.2, "third");
    until(DEADLINE, || !repo.pulls("open").is_empty());
    let labels = || -> Vec<String> {
        repo.pulls("open").remove(0)["labels"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|label| said(&label["name"]))
            .collect()
    };
    assert!(
        said(&repo.pulls("open").remove(0)["body"]).contains(&third) && labels() == ["pintle"],
        "{:?}",
        labels()
    );
    stage.undo("deployment/web");
    until(SOON, || {
        said(&repo.pulls("open").remove(0)["body"]).contains(&format!("Pintle-To: {first}"))
    });
    assert_eq!(
        (repo.pulls("open").len(), labels()),
        (1, vec!["pintle".to_owned(), "pintle/urgent".to_owned()])
    );
    run.stop();
    drop(following);
}

#[test]
fn what_may_not_go_back_gets_an_issue_once() {
    let config = format!("{COMMITS}auto_rollback = false\n");
    let world = ForgeWorld::of(&[WEB], &config);
    let (stage, repo) = (&world.stage, &world.line.repo);
    let (mut run, following, _, second) = moved(&world);
    stage.undo("deployment/web");
    let path = repo.path("/issues?state=open&type=issues");
    let issues = || -> Vec<Value> { repo.owner.list(&path) };
    report(
        "an issue for an undo",
        until(DEADLINE, || !issues().is_empty()),
    );
    while !run.pass().0.contains("timer") {}
    while !run.pass().0.contains("timer") {}
    let all = issues();
    let body = said(&all[0]["body"]);
    assert!(
        all.len() == 1 && body.contains("was rolled back") && body.contains("auto_rollback"),
        "{all:#?}"
    );
    assert!(has(&world, &second), "the branch is as it was");
    run.stop();
    drop(following);
}
