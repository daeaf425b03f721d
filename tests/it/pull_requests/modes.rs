//! How many pull requests there are, what is in each, and which mode speaks for whom.

use super::{ADOPTS, NGINX, POSTGRES, open, reconfigure, site, verdict};
use crate::support::forge_line::ForgeLine;
use crate::support::gitea::text;
use serde_json::json;

#[test]
fn no_more_are_open_at_once_than_allowed() {
    let line = ForgeLine::of_stacks(
        &[("db", POSTGRES), ("web", NGINX)],
        &format!("{ADOPTS}\n[forge]\nmax_pull_requests = 1\n"),
    );
    line.sync();
    line.moves(NGINX, "second");
    line.moves(POSTGRES, "second");
    line.sync();
    let first = open(&line);
    let waiting = site(&line.plan(), "web");
    assert_eq!(
        (&waiting["verdict"], &waiting["reasons"][0]["code"]),
        (&json!("waiting"), &json!("too-many-pull-requests"))
    );
    line.sync();
    line.repo.merge(first, "merge");
    line.sync();
    assert_eq!(
        text(&line.repo.pull(open(&line))["head"]["ref"]),
        "pintle/web"
    );
}

#[test]
fn a_group_over_two_stacks_is_one_pull_request_and_its_members_go_together() {
    let group = "\n[[group]]\nname = \"pair\"\nstacks = [\"db\", \"web\"]\n";
    let line = ForgeLine::of_stacks(
        &[("db", POSTGRES), ("web", NGINX)],
        &format!("{ADOPTS}{group}"),
    );
    line.sync();
    let (web, db) = (line.moves(NGINX, "second"), line.moves(POSTGRES, "second"));
    line.sync();
    let pull = line.repo.pull(open(&line));
    assert_eq!(text(&pull["head"]["ref"]), "pintle/pair");
    assert!(text(&pull["body"]).contains(&web) && text(&pull["body"]).contains(&db));
    assert!(
        line.text("web", "pintle/pair").contains(&web)
            && line.text("db", "pintle/pair").contains(&db)
    );
}

#[test]
fn names_that_git_does_not_take_have_branches_of_their_own() {
    let line = ForgeLine::of_stacks(&[("a~b", POSTGRES), ("a+b", NGINX)], ADOPTS);
    line.sync();
    line.moves(NGINX, "second");
    line.moves(POSTGRES, "second");
    line.sync();
    let mut branches: Vec<String> = line
        .repo
        .pulls("open")
        .iter()
        .map(|pull| text(&pull["head"]["ref"]))
        .collect();
    branches.sort();
    branches.dedup();
    assert_eq!(branches.len(), 2, "{branches:?}");
    assert!(
        branches.iter().all(|name| name.starts_with("pintle/a-b-")),
        "{branches:?}"
    );
    let said = line.sync();
    assert!(
        said.stderr.contains("nothing was written"),
        "{}",
        said.stderr
    );
}

#[test]
fn each_action_goes_as_its_rule_says() {
    let rules = "\n[[rule]]\nmatch = { stack = \"web\" }\nmode = { adopt = \"pull-request\", update = \"commit\" }\n\n[[rule]]\n\
        match = { stack = \"db\" }\nmode = \"off\"\n";
    let line = ForgeLine::of_stacks(&[("db", POSTGRES), ("web", NGINX)], rules);
    line.sync();
    let pull = open(&line);
    assert_eq!(text(&line.repo.pull(pull)["head"]["ref"]), "pintle/web");
    let off = site(&line.plan(), "db");
    assert_eq!(off["verdict"], json!("frozen"));
    assert_eq!(off["reasons"][0]["code"], "mode-off", "{off}");
    line.repo.merge(pull, "merge");
    line.sync();
    let digest = line.moves(NGINX, "second");
    line.sync();
    assert!(
        line.text("web", "main").contains(&digest),
        "a move is a commit"
    );
    assert_eq!(line.repo.pulls("all").len(), 1);

    reconfigure(&line, "update = \"commit\"", "move = \"off\"");
    line.moves(NGINX, "third");
    line.sync();
    assert!(line.text("web", "main").contains(&digest), "moves are off");
    assert_eq!(verdict(&line, "web").0, "frozen");
}
