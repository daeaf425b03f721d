//! Pull requests that pintle merges by itself.

use super::{ADOPTS, NGINX, POSTGRES, in_sync, log, open, reconfigure};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use serde_json::json;

fn green(line: &ForgeLine) -> String {
    green_of(line, "web")
}

fn green_of(line: &ForgeLine, stack: &str) -> String {
    let head = line.repo.tip(&format!("pintle/{stack}"));
    let head = head.expect("it is there");
    line.repo
        .set_status(&head, "ci/plan", "success", "no surprise", &line.repo.owner);
    head
}

#[test]
fn it_is_merged_after_its_soak_once_it_is_green_and_not_before() {
    let rule = "match = { stack = \"web\" }\nautomerge = true\n";
    let line = ForgeLine::of_stacks(
        &[("web", NGINX)],
        &format!("{ADOPTS}\n[[rule]]\n{rule}soak = \"1h\"\n"),
    );
    line.sync();
    let digest = line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    let body = text(&line.repo.pull(pull)["body"]);
    assert!(
        body.contains("once its statuses are green") && body.contains("after 1h"),
        "{body}"
    );
    green(&line);
    line.sync();
    assert_eq!(open(&line), pull, "not before its soak");

    reconfigure(&line, "soak = \"1h\"", "soak = \"0s\"");
    line.sync();
    line.sync();
    assert_eq!(open(&line), pull, "not without a green status");
    let head = line.repo.tip("pintle/web").expect("it is there");
    line.repo
        .set_status(&head, "ci/plan", "pending", "", &line.repo.owner);
    line.sync();
    assert_eq!(open(&line), pull, "not before its statuses have ended");
    green(&line);
    let said = line.sync();
    assert!(
        said.stderr
            .contains(&format!("merged pull request #{pull}")),
        "{}",
        said.stderr
    );
    assert!(line.text("web", "main").contains(&digest));
    line.sync();
    assert_eq!(line.repo.branches(), ["main"]);
    in_sync(&line);
}

#[test]
fn its_squash_keeps_the_trailers() {
    let rest = "\n[[rule]]\nmatch = { stack = \"*\" }\nautomerge = true\nsoak = \"0s\"\n[forge]\nmerge_style = \"squash\"\n[pipeline]\ntimeout = \"0s\"\n";
    let line = ForgeLine::of_stacks(&[("web", NGINX)], &format!("{ADOPTS}{rest}"));
    line.sync();
    let digest = line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    green(&line);
    let waited = line.pintle("sync", &["--wait"]).run();
    let tip = line.repo.commits("main").remove(0);
    assert!(
        tip.message
            .lines()
            .next()
            .expect("it is there")
            .ends_with(&format!("(#{pull})")),
        "{}",
        tip.message
    );
    assert!(
        waited.code == Some(3)
            && waited
                .stderr
                .contains(&format!("{} got no status", &tip.sha[..10])),
        "{}",
        waited.stderr
    );
    assert!(
        tip.message.contains(&format!("Pintle-To: {digest}")),
        "{}",
        tip.message
    );
    assert_eq!(log(&line)[0]["to"], json!(digest));
    in_sync(&line);
}

#[test]
fn what_a_person_pushed_to_is_never_merged_by_pintle() {
    let rest = "\n[[rule]]\nmatch = { stack = \"*\" }\nautomerge = true\nsoak = \"0s\"\n";
    let line = ForgeLine::of_stacks(&[("web", NGINX)], &format!("{ADOPTS}{rest}"));
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    line.repo
        .push(&line.ana, "pintle/web", "Mine", &[("notes.md", b"x")])
        .expect("it is there");
    green(&line);
    line.sync();
    assert_eq!(open(&line), pull);
}

const AT_ONCE: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nautomerge = true\nsoak = \"0s\"\n";

/// Writes a review as ana.
fn review(line: &ForgeLine, pull: u64, event: &str) {
    let path = line.repo.path(&format!("/pulls/{pull}/reviews"));
    line.ana
        .post(&path, &json!({"event": event, "body": "my word"}));
}

#[test]
fn a_review_that_asks_for_changes_and_a_draft_are_not_merged() {
    let line = ForgeLine::of_stacks(
        &[("auth", POSTGRES), ("web", NGINX)],
        &format!("{ADOPTS}{AT_ONCE}"),
    );
    line.sync();
    line.moves(POSTGRES, "second");
    line.moves(NGINX, "second");
    line.sync();
    let pulls = line.repo.pulls("open");
    let (auth, web) = (number(&pulls[0]), number(&pulls[1]));
    assert!(text(&pulls[0]["title"]).starts_with("auth:"), "{pulls:?}");
    review(&line, auth, "REQUEST_CHANGES");
    let theirs = "WIP: not before Monday";
    line.repo.edit(web, &json!({"title": theirs}));
    green_of(&line, "auth");
    green_of(&line, "web");
    line.sync();
    line.sync();
    let body = |pull: u64| text(&line.repo.pull(pull)["body"]);
    assert_eq!(line.repo.pulls("open").len(), 2);
    assert!(
        body(auth).contains("ana asks for changes in a review"),
        "{}",
        body(auth)
    );
    assert!(
        body(web).contains("its title makes it a draft"),
        "{}",
        body(web)
    );
    assert_eq!(text(&line.repo.pull(web)["title"]), theirs);
    let plan = line.pintle("plan", &[]).run();
    assert!(
        plan.stdout.contains("ana asks for changes in a review")
            && plan.stdout.contains("its title makes it a draft"),
        "{}",
        plan.stdout
    );

    review(&line, auth, "APPROVED");
    line.sync();
    line.sync();
    assert_eq!(open(&line), web, "ana agreed");
    assert!(
        !body(auth).contains("ana asks for changes"),
        "{}",
        body(auth)
    );
    let ready = "Now it may go";
    line.repo.edit(web, &json!({"title": ready}));
    // The change before it has to be through, and its statuses are those on the newest tip.
    let tip = line.repo.tip("main").expect("it is there");
    line.repo
        .set_status(&tip, "ci/plan", "success", "", &line.repo.owner);
    for _ in 0..2 {
        green_of(&line, "web");
        line.sync();
    }
    assert_eq!(line.repo.pulls("open").len(), 0);
    assert_eq!(text(&line.repo.pull(web)["title"]), ready);
    in_sync(&line);
}

#[test]
fn what_is_said_about_merging_is_true_before_it_is_merged() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    let body = || text(&line.repo.pull(pull)["body"]);
    assert!(body().contains("pintle does not"), "{}", body());
    super::configure(&line, AT_ONCE);
    green(&line);
    line.sync();
    assert!(
        body().contains("**It merges automatically**") && !body().contains("pintle does not"),
        "{}",
        body()
    );
    green(&line);
    line.sync();
    assert_eq!(line.repo.pulls("open").len(), 0);
    assert!(!body().contains("pintle does not"), "{}", body());

    line.moves(NGINX, "third");
    line.sync();
    let pull = open(&line);
    let protected = "the branch main is protected";
    let body = || text(&line.repo.pull(pull)["body"]);
    assert!(!body().contains(protected), "{}", body());
    reconfigure(&line, "mode = { adopt = \"commit\" }", "mode = \"commit\"");
    line.repo.protect("main", &json!({"enable_push": false}));
    line.sync();
    assert_eq!(open(&line), pull);
    assert!(body().contains(protected), "{}", body());
}

#[test]
fn whoever_approved_other_digests_reads_that_once() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    review(&line, pull, "APPROVED");
    let third = line.moves(NGINX, "third");
    line.sync();
    line.sync();
    line.moves(NGINX, "fourth");
    line.sync();
    let said = super::said(&line, pull);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("after `ana` approved it") && said[0].contains(&third),
        "{said:?}"
    );
}
