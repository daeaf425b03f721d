//! Branches that take no push of pintle's: what should be a commit becomes a pull request.

use serde_json::json;

use super::{COMMITS, NGINX, in_sync, open, pushes, verdict};
use crate::support::daemon::Daemon;
use crate::support::forge_line::ForgeLine;
use crate::support::gitea::text;

#[test]
fn on_a_protected_branch_every_change_is_a_pull_request_and_says_why() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], COMMITS);
    line.repo.protect("main", &json!({"enable_push": false}));
    let plan = line.plan();
    let reason = &plan["sites"][0]["reasons"][1];
    assert_eq!(reason["code"], "as-pull-request", "{plan}");
    assert!(
        reason["text"]
            .as_str()
            .is_some_and(|text| text.contains("the branch main is protected")),
        "{plan}"
    );
    let tip = line.repo.tip("main");
    for seed in ["first", "second"] {
        let digest = line.moves(NGINX, seed);
        line.sync();
        let pull = open(&line);
        let body = text(&line.repo.pull(pull)["body"]);
        assert!(
            body.contains("the branch main is protected") && body.contains(&digest),
            "{body}"
        );
        line.sync();
        line.repo.merge(pull, "merge");
        line.sync();
        in_sync(&line);
    }
    assert_ne!(line.repo.tip("main"), tip);
    assert!(
        !line
            .proxy
            .as_ref()
            .expect("it is there")
            .seen()
            .iter()
            .any(pushes),
        "what is known to be refused is not tried"
    );
}

#[test]
fn a_push_that_is_refused_though_the_forge_allows_it_ends_as_a_pull_request_in_the_same_pass() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], COMMITS);
    let tip = line.repo.tip("main");
    line.repo.protect(
        "main",
        &json!({"enable_push": true, "protected_file_patterns": "stacks/**"}),
    );
    assert_eq!(verdict(&line, "web").0, "adopt");
    let proxy = line.proxy.as_ref().expect("it is there");
    let said = line.sync();
    assert!(
        said.stderr.contains("opened pull request #"),
        "{}",
        said.stderr
    );
    let body = text(&line.repo.pull(open(&line))["body"]);
    assert!(body.contains("took no push"), "{body}");
    assert_eq!(
        (
            line.repo.tip("main"),
            proxy.take().iter().filter(|seen| pushes(seen)).count()
        ),
        (tip.clone(), 1)
    );

    let args = ["--every", "1s", "--listen", "off", "--log-format", "json"];
    let mut run = Daemon::start(line.pintle("run", &args));
    let passes: Vec<_> = (0..4).map(|_| run.pass()).collect();
    assert!(passes.iter().all(|(_, done)| *done == Ok(0)), "{passes:?}");
    run.stop();
    assert_eq!(
        (line.repo.tip("main"), line.repo.pulls("all").len()),
        (tip, 1)
    );
    assert_eq!(
        proxy.take().iter().filter(|seen| pushes(seen)).count(),
        1,
        "it is not tried again in every pass"
    );
}
