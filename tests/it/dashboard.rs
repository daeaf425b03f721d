//! The dashboard issue in a real forge: opened once, edited only when its text changes, shared by
//! replicas and restarts, left alone once a person closed it.

use serde_json::{Value, json};

use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::line::clones;

const NGINX: &str = "docker.io/library/nginx:latest";
const POSTGRES: &str = "docker.io/library/postgres:16";
const CONFIG: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\n\
     mode = { adopt = \"commit\", update = \"commit\" }\n\n[forge]\ndashboard = true\n";
const HOLD: &str = "\n[[hold]]\nimage = \"postgres\"\nbecause = \"the backup is not tested\"\n";

fn line() -> ForgeLine {
    ForgeLine::behind_a_proxy(&[("web", NGINX), ("db", POSTGRES)], CONFIG)
}

/// The same after its first pins, with one of them held and the dashboard opened.
fn held_line() -> ForgeLine {
    let line = line();
    line.sync();
    let text = format!("{}{CONFIG}{HOLD}", line.registries.config());
    line.repo
        .push_files("Hold it", &[("pintle.toml", text.as_bytes())]);
    line.sync();
    line
}

/// pintle's issues with the title of the dashboard.
fn dashboards(line: &ForgeLine) -> Vec<Value> {
    let path = line.repo.path("/issues?state=all&type=issues");
    let mut all = line.repo.owner.list(&path);
    all.retain(|issue| text(&issue["title"]) == "pintle: dashboard");
    all
}

/// How many requests changed an issue since the last call.
fn edits(line: &ForgeLine) -> usize {
    let proxy = line.proxy.as_ref().expect("there is a proxy");
    let seen = proxy.take();
    let edits = seen
        .iter()
        .filter(|seen| seen.writes() && seen.target.contains("/issues"));
    edits.count()
}

fn the_dashboard(line: &ForgeLine) -> (u64, String) {
    let all = dashboards(line);
    assert_eq!(all.len(), 1, "{all:#?}");
    (number(&all[0]), text(&all[0]["body"]))
}

#[test]
fn the_dashboard_is_opened_once_and_edited_only_when_its_text_changes() {
    let line = held_line();
    let (issue, body) = the_dashboard(&line);
    assert!(body.contains("**1 in-sync, 1 held**"), "{body}");
    assert!(body.contains("the backup is not tested"), "{body}");
    edits(&line);
    let replica = clones();
    for folder in [replica.path(), clones().path(), replica.path()] {
        let output = line.pintle_in(folder, "sync", &[]).run();
        assert_eq!(output.code, Some(0), "{output:?}");
    }
    assert_eq!(edits(&line), 0);

    line.moves(POSTGRES, "second");
    line.sync();
    assert_eq!(edits(&line), 1);
    let (same, body) = the_dashboard(&line);
    assert_eq!(same, issue);
    assert!(
        body.contains("### What is behind\n\n- `docker.io/library/postgres:16`"),
        "{body}"
    );
    let shown = line.repo.rendered(issue);
    assert!(shown.contains("What is held"), "{shown}");
}

#[test]
fn a_rollback_is_shown_and_commands_work_below() {
    let line = line();
    line.sync();
    line.moves(NGINX, "second");
    line.sync();
    let (issue, _) = the_dashboard(&line);
    line.repo.comment(issue, "/rollback web", &line.ana);
    line.sync();
    line.sync();
    let (_, body) = the_dashboard(&line);
    assert!(
        body.contains("### Rolled back in the last 7 days\n\n- "),
        "{body}"
    );
    assert!(
        line.repo.comments(issue)[1]
            .body
            .contains("**`/rollback`**: done")
    );
}

#[test]
fn a_dashboard_that_a_person_closed_is_left_alone_until_it_is_opened() {
    let line = held_line();
    let (issue, before) = the_dashboard(&line);
    line.repo.close(issue);
    edits(&line);
    line.moves(POSTGRES, "second");
    line.sync();
    assert_eq!(edits(&line), 0);
    let (_, body) = the_dashboard(&line);
    assert_eq!(body, before, "no second one, and the same text");
    line.repo.reopen(issue);
    line.sync();
    let (_, body) = the_dashboard(&line);
    assert!(body.contains("What is behind"), "{body}");
}

#[test]
fn without_the_setting_there_is_no_dashboard() {
    let line = ForgeLine::of_stacks(&[("web", NGINX)], "");
    line.sync();
    assert_eq!(dashboards(&line), [] as [Value; 0]);
}

#[test]
fn an_issue_of_a_person_is_never_taken_for_the_dashboard() {
    let line = line();
    let hash = "a".repeat(40);
    let body = format!("<!-- pintle:dashboard {hash} -->\nmine");
    let new = json!({"title": "pintle: dashboard", "body": body});
    let mine = number(&line.ana.post(&line.repo.path("/issues"), &new));
    line.sync();
    let all = dashboards(&line);
    assert_eq!(all.len(), 2, "{all:#?}");
    let kept = all.iter().find(|issue| number(issue) == mine);
    assert_eq!(kept.map(|issue| text(&issue["body"])), Some(body));
}
