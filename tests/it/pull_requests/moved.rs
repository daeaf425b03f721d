//! A moved tag from its pull request to the merge, however a person merges it.

use serde_json::json;

use super::{ADOPTS, NGINX, in_sync, log, open};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::line::path;

#[test]
fn a_moved_tag_becomes_a_pull_request_that_follows_it_and_its_merge_ends_it() {
    let line = ForgeLine::of_stacks(
        &[("web", NGINX), ("db", "docker.io/library/postgres:16")],
        ADOPTS,
    );
    line.sync();
    let first = line.repo.tip("main").expect("it is there");
    assert!(line.text("web", "main").contains("nginx:latest@sha256:"));
    assert_eq!(line.repo.pulls("all"), [] as [serde_json::Value; 0]);

    let second = line.moves(NGINX, "second");
    line.sync();
    assert_eq!(
        line.repo.tip("main").expect("it is there"),
        first,
        "nothing is pushed to the branch"
    );
    let pulls = line.repo.pulls("open");
    let pull = number(&pulls[0]);
    assert_eq!(
        (pulls.len(), text(&pulls[0]["head"]["ref"])),
        (1, "pintle/web".into())
    );
    assert!(line.text("web", "pintle/web").contains(&second));
    assert!(text(&pulls[0]["body"]).contains(&second));
    let head = line.repo.tip("pintle/web").expect("it is there");
    let again = line.sync();
    assert!(
        again.stderr.contains("nothing was written"),
        "{}",
        again.stderr
    );
    assert_eq!(line.repo.tip("pintle/web").expect("it is there"), head);

    let third = line.moves(NGINX, "third");
    line.sync();
    let pulls = line.repo.pulls("all");
    assert_eq!(
        (pulls.len(), number(&pulls[0])),
        (1, pull),
        "the same one is updated"
    );
    assert!(
        text(&pulls[0]["body"]).contains(&third) && line.text("web", "pintle/web").contains(&third)
    );
    let head = line.repo.tip("pintle/web");
    line.repo
        .push_files("Something else", &[("notes.md", b"x")]);
    line.sync();
    assert_eq!(
        line.repo.tip("pintle/web"),
        head,
        "it can be merged as it is"
    );
    let longer = line.text("web", "main") + "\n";
    let tip = line
        .repo
        .push_files("The same file", &[(&path("web"), longer.as_bytes())]);
    line.sync();
    assert_eq!(
        line.repo.commits("pintle/web")[0].parents,
        [tip],
        "one commit, on the new tip"
    );

    line.repo.merge(pull, "merge");
    line.sync();
    assert!(line.text("web", "main").contains(&third));
    assert_eq!(
        (line.repo.branches(), line.repo.pulls("open").len()),
        (vec!["main".to_owned()], 0)
    );
    in_sync(&line);
    assert_eq!(
        log(&line)[0]["to"],
        json!(third),
        "what came by a merge is in the log"
    );
}

#[test]
fn a_plan_tells_what_is_new_beside_what_is_proposed() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    let says = |code: i32, words: &str| {
        let plan = line.pintle("plan", &["--exit-code"]).run();
        assert_eq!(
            (plan.code, plan.stderr.lines().last()),
            (Some(code), Some(words)),
            "{}",
            plan.stderr
        );
    };
    says(10, "1 adopt; a sync would write 1 pin in 1 commit");
    line.sync();
    says(0, "1 in-sync; nothing to write");
    line.moves(NGINX, "second");
    says(10, "1 update; a sync would write 1 pin in 1 pull request");
    line.sync();
    says(
        0,
        "1 update; nothing to write; 1 pull request is open already",
    );
    line.moves(NGINX, "third");
    says(10, "1 update; a sync would write 1 pin in 1 pull request");
    line.sync();
    line.repo
        .push_files("Something else", &[("notes.md", b"x")]);
    says(
        0,
        "1 update; nothing to write; 1 pull request is open already",
    );
}

#[test]
fn what_a_person_closes_is_not_proposed_again_until_the_tag_moves_on() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let pull = number(&line.repo.pulls("open")[0]);
    line.repo.close(pull);
    line.sync();
    line.sync();
    assert_eq!(line.repo.pulls("open").len(), 0);
    assert_eq!(line.plan()["sites"][0]["verdict"], json!("held"));
    let third = line.moves(NGINX, "third");
    line.sync();
    let open = line.repo.pulls("open");
    assert_eq!(open.len(), 1);
    assert!(number(&open[0]) != pull && text(&open[0]["body"]).contains(&third));
}

#[test]
fn however_a_person_merges_it_the_next_pass_is_in_sync_and_the_log_has_it() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    for style in ["merge", "rebase", "rebase-merge", "squash"] {
        let digest = line.moves(NGINX, style);
        line.sync();
        line.repo.merge(open(&line), style);
        let tip = line.repo.commits("main").remove(0);
        line.sync();
        assert_eq!(line.repo.branches(), ["main"], "{style}");
        assert_eq!(
            line.repo.tip("main"),
            Some(tip.sha.clone()),
            "{style}: nothing is left to write"
        );
        in_sync(&line);
        let newest = log(&line).remove(0);
        assert_eq!(
            (&newest["to"], &newest["action"]),
            (&json!(digest), &json!("update")),
            "{style}"
        );
        if style == "squash" {
            assert!(
                !tip.message.contains("Pintle-"),
                "the forge's message of a squash has no trailers: {}",
                tip.message
            );
            assert_eq!(newest["commit"], json!(tip.sha));
        }
    }
    // What a squash brought is known as well when the tag goes back to it.
    let squashed = line.moves(NGINX, "squash");
    line.moves(NGINX, "another");
    line.sync();
    line.repo.merge(open(&line), "squash");
    assert_eq!(line.moves(NGINX, "squash"), squashed);
    line.sync();
    let pull = line.repo.pull(open(&line));
    assert!(
        text(&pull["body"]).contains("which was pinned here before"),
        "{}",
        pull["body"]
    );
}
