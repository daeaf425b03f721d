//! Pull requests from one end to the other: the built program against a real forge, through HTTP only.

use serde_json::json;

use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;

const NGINX: &str = "docker.io/library/nginx:latest";
/// First pins at once, moves as pull requests.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";

#[test]
fn a_moved_tag_becomes_a_pull_request_that_follows_it_and_its_merge_ends_it() {
    let line = ForgeLine::of_stacks(&[("web", NGINX), ("db", "docker.io/library/postgres:16")], ADOPTS);
    line.sync();
    let first = line.repo.tip("main").unwrap();
    assert!(line.text("web", "main").contains("nginx:latest@sha256:"));
    assert_eq!(line.repo.pulls("all"), [] as [serde_json::Value; 0]);

    let second = line.moves(NGINX, "second");
    line.sync();
    assert_eq!(line.repo.tip("main").unwrap(), first, "nothing is pushed to the branch");
    let pulls = line.repo.pulls("open");
    let pull = number(&pulls[0]);
    assert_eq!((pulls.len(), text(&pulls[0]["head"]["ref"])), (1, "pintle/web".into()));
    assert!(line.text("web", "pintle/web").contains(&second));
    assert!(text(&pulls[0]["body"]).contains(&second));
    let head = line.repo.tip("pintle/web").unwrap();
    let again = line.sync();
    assert!(again.stderr.contains("nothing was written"), "{}", again.stderr);
    assert_eq!(line.repo.tip("pintle/web").unwrap(), head);

    let third = line.moves(NGINX, "third");
    line.sync();
    let pulls = line.repo.pulls("all");
    assert_eq!((pulls.len(), number(&pulls[0])), (1, pull), "the same one is updated");
    assert!(text(&pulls[0]["body"]).contains(&third) && line.text("web", "pintle/web").contains(&third));
    let tip = line.repo.push_files("Something else", &[("notes.md", b"x")]);
    line.sync();
    assert_eq!(line.repo.commits("pintle/web")[0].parents, [tip], "one commit, on the new tip");

    line.repo.merge(pull, "merge");
    line.sync();
    assert!(line.text("web", "main").contains(&third));
    assert_eq!((line.repo.branches(), line.repo.pulls("open").len()), (vec!["main".to_owned()], 0));
    let plan = line.plan();
    assert!(plan["sites"].as_array().unwrap().iter().all(|site| site["verdict"] == json!("in-sync")), "{plan}");
    let log = line.pintle("log", &["--output", "json"]).run();
    assert!(log.stdout.contains(&third), "what came by a merge is in the log: {}", log.stdout);
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
