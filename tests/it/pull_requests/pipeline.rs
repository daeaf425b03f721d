//! The statuses of what pintle wrote: waited for, and reported once.

use serde_json::json;

use super::{ADOPTS, COMMITS, NGINX, configure, issues, open, pushes, said, verdict_code};
use crate::support::cmd::Output;
use crate::support::forge_line::ForgeLine;

const CI: &str = "ci/apply";

fn status(line: &ForgeLine, commit: &str, state: &str) {
    line.repo
        .set_status(commit, CI, state, "terraform apply", &line.repo.owner);
}

fn tip(line: &ForgeLine) -> String {
    line.repo.tip("main").expect("it is there")
}

#[test]
fn one_change_is_in_flight_and_a_failure_is_an_issue_once() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], COMMITS);
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let second = tip(&line);
    status(&line, &second, "pending");
    let digest = line.moves(NGINX, "third");
    line.sync();
    assert_eq!(tip(&line), second);
    assert_eq!(
        verdict_code(&line, "web"),
        ("waiting".to_owned(), "pipeline-running".to_owned())
    );
    status(&line, &second, "success");
    line.sync();
    let third = tip(&line);
    assert!(third != second && line.text("web", "main").contains(&digest));

    status(&line, &third, "failure");
    line.moves(NGINX, "fourth");
    for _ in 0..3 {
        line.sync();
    }
    assert_eq!(tip(&line), third, "nothing is added to what failed");
    let told = issues(&line);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].0.starts_with("The pipeline of ") && told[0].0.ends_with(" failed"),
        "{told:?}"
    );
    assert!(
        told[0].1.contains(CI) && told[0].1.contains("terraform apply"),
        "{told:?}"
    );
    assert_eq!(
        verdict_code(&line, "web"),
        ("waiting".to_owned(), "pipeline-failed".to_owned())
    );
    status(&line, &third, "success");
    line.sync();
    let fourth = tip(&line);
    assert_ne!(fourth, third, "it goes on once it is green");

    // The commit before had a status, this one gets none.
    line.moves(NGINX, "fifth");
    line.sync();
    assert_eq!(
        (tip(&line), issues(&line).len()),
        (fourth.clone(), 1),
        "it may still come"
    );
    configure(&line, "\n[pipeline]\ntimeout = \"0s\"\n");
    for _ in 0..3 {
        line.sync();
    }
    let told = issues(&line);
    assert_eq!(
        told.len(),
        2,
        "the fourth alone: the commit before the fifth had no status, and {told:?}"
    );
    assert!(
        told[1].0.contains("did not start") && told[1].1.contains("No status has come"),
        "{told:?}"
    );
    assert_ne!(tip(&line), fourth, "what is overdue holds nothing up");
}

#[test]
fn a_failure_of_what_came_by_a_pull_request_is_told_there_once() {
    for style in ["merge", "squash"] {
        let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
        line.sync();
        line.moves(NGINX, "second");
        line.sync();
        let pull = open(&line);
        line.repo.merge(pull, style);
        status(&line, &tip(&line), "failure");
        for _ in 0..3 {
            line.sync();
        }
        let told = said(&line, pull);
        assert_eq!(
            (told.len(), issues(&line).len()),
            (1, 0),
            "{style}: {told:?}"
        );
        assert!(told[0].contains(CI), "{told:?}");
    }
}

#[test]
fn where_issues_are_switched_off_a_failure_stops_nothing() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    line.sync();
    line.repo
        .owner
        .must("PATCH", &line.repo.path(""), &json!({"has_issues": false}));
    status(&line, &tip(&line), "failure");
    let digest = line.moves(NGINX, "second");
    line.sync();
    let pull = open(&line);
    assert!(line.text("web", "pintle/web").contains(&digest));
    line.repo.comment(pull, "/status", &line.ana);
    line.sync();
    assert_eq!(said(&line, pull).len(), 1);
}

/// `sync --wait`, with the status set as soon as its push is seen.
fn waited(line: &ForgeLine, state: &str) -> Output {
    let proxy = line.proxy.as_ref().expect("it is there");
    proxy.take();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            proxy.wait_for(|seen| pushes(seen) && seen.status == Some(200));
            status(line, &tip(line), state);
        });
        line.pintle("sync", &["--wait"]).run()
    })
}

#[test]
fn sync_waits_for_the_end_and_its_exit_code_tells() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], COMMITS);
    let green = waited(&line, "success");
    assert_eq!(green.code, Some(0), "{}", green.stderr);
    assert!(green.stderr.contains("is green"), "{}", green.stderr);
    line.moves(NGINX, "second");
    let red = waited(&line, "failure");
    assert_eq!(red.code, Some(3), "{}", red.stderr);
    assert!(
        red.stderr.contains(&format!("failed: {CI}")),
        "{}",
        red.stderr
    );
}

#[test]
fn sync_that_waits_for_a_status_that_does_not_come_says_so() {
    let line = ForgeLine::of_stacks(
        &[("web", NGINX)],
        &format!("{COMMITS}[pipeline]\ntimeout = \"0s\"\n"),
    );
    let missing = line.pintle("sync", &["--wait"]).run();
    assert_eq!(missing.code, Some(3), "{}", missing.stderr);
    assert!(
        missing.stderr.contains("got no status within"),
        "{}",
        missing.stderr
    );
    let nothing = line.pintle("sync", &["--wait"]).run();
    assert_eq!(
        nothing.code,
        Some(0),
        "there is nothing to wait for: {}",
        nothing.stderr
    );
    assert_eq!(issues(&line).len(), 0, "no commit before had a status");
}
