//! Pull requests that pintle merges by itself.

use super::{ADOPTS, NGINX, in_sync, log, open, reconfigure};
use crate::support::forge_line::ForgeLine;
use crate::support::gitea::text;
use serde_json::json;

fn green(line: &ForgeLine) -> String {
    let head = line.repo.tip("pintle/web").expect("it is there");
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
