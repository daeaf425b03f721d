//! `sync` killed around every request that changes something in the forge, before the forge gets it
//! and after it did it: the next run completes, and there is one commit, one pull request and one
//! reply. The kills go on until a run of the same kind sends no further write.

use std::os::unix::process::ExitStatusExt;

use serde_json::json;

use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::{Seen, When};
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::guard::die_with_parent;
use crate::support::line::{path, stack};

const NGINX: &str = "docker.io/library/nginx:latest";
const POSTGRES: &str = "docker.io/library/postgres:16";
/// First pins at once, moves as pull requests.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";
/// No kind of run sends so many writes.
const MOST: usize = 15;
const PUSH: &str = "/git-receive-pack";

/// Runs of one kind, each killed around a later write than the one before.
struct Storm {
    when: When,
    nth: usize,
    kills: Vec<(When, Seen)>,
    over: bool,
}

impl Storm {
    fn new() -> Storm {
        Storm {
            when: When::Before,
            nth: 1,
            kills: Vec::new(),
            over: false,
        }
    }

    /// One run that is killed, and one that completes; only the latter once there is no write left
    /// to be killed at.
    fn strike(&mut self, line: &ForgeLine) {
        if self.over {
            line.sync();
            return;
        }
        let proxy = line.proxy.as_ref().expect("the proxy kills");
        proxy.kill_at(self.nth, self.when);
        let (mut child, kept) = line.pintle("sync", &[]).start(|command| {
            die_with_parent(command);
            command
        });
        proxy.aim(child.id());
        let status = child.wait().expect("it ends");
        drop(kept);
        match (proxy.killed(), self.when) {
            (Some(seen), when) => {
                assert_eq!(status.signal(), Some(9), "{seen:?}");
                self.kills.push((when, seen));
                assert!(
                    self.nth < MOST,
                    "there is no end of writes: {:?}",
                    self.said()
                );
                self.nth += 1;
                line.sync();
            }
            (None, When::Before) => (self.when, self.nth) = (When::After, 1),
            (None, When::After) => self.over = true,
        }
        if self.kills.is_empty() || status.signal().is_none() {
            assert_eq!(status.code(), Some(0), "an undisturbed run ends well");
        }
    }

    fn said(&self) -> Vec<String> {
        self.kills
            .iter()
            .map(|(when, seen)| format!("{when:?} {} {}", seen.method, seen.target))
            .collect()
    }

    /// It was killed on both sides of each of these writes (method, end of the address).
    fn struck(&self, writes: &[(&str, &str)]) {
        for when in [When::Before, When::After] {
            for (method, end) in writes {
                let such = |(at, seen): &(When, Seen)| {
                    *at == when && seen.method == *method && seen.target.contains(end)
                };
                assert!(
                    self.kills.iter().any(such),
                    "{when:?} {method} {end} is missing: {:#?}",
                    self.said()
                );
            }
        }
        assert!(self.over);
    }
}

fn branches(line: &ForgeLine) -> Vec<String> {
    let mut branches = line.repo.branches();
    branches.sort();
    branches
}

/// There is exactly one pull request, which proposes the digest on top of the branch's tip.
fn proposed_once(line: &ForgeLine, digest: &str) {
    let open = line.repo.pulls("open");
    assert_eq!(open.len(), 1, "{open:#?}");
    assert!(
        text(&open[0]["body"]).contains(digest) && line.text("web", "pintle/web").contains(digest)
    );
    assert_eq!(branches(line), ["main", "pintle/web"]);
    assert_eq!(
        line.repo.commits("pintle/web")[0].parents,
        [line.repo.tip("main").expect("it is there")]
    );
    assert_eq!(
        (
            open[0]["labels"].as_array().map(Vec::len),
            line.repo.labels().len()
        ),
        (Some(1), 1)
    );
}

#[test]
fn a_pull_request_is_opened_updated_and_closed_once() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], ADOPTS);
    line.sync();
    let (mut opening, mut updating, mut closing) = (Storm::new(), Storm::new(), Storm::new());
    for round in 1..=2 * MOST {
        let digest = line.moves(NGINX, &format!("opens {round}"));
        // So that each round makes them anew.
        for label in line.repo.labels() {
            line.repo.owner.must(
                "DELETE",
                &line.repo.path(&format!("/labels/{}", label["id"])),
                &serde_json::Value::Null,
            );
        }
        opening.strike(&line);
        proposed_once(&line, &digest);
        let opened = number(&line.repo.pulls("open")[0]);
        let digest = line.moves(NGINX, &format!("updates {round}"));
        updating.strike(&line);
        proposed_once(&line, &digest);
        assert_eq!(number(&line.repo.pulls("open")[0]), opened);
        line.repo.push_files(
            "By hand",
            &[(
                &path("web"),
                stack("web", &[&format!("{NGINX}@{digest}")]).as_bytes(),
            )],
        );
        closing.strike(&line);
        assert_eq!(
            (line.repo.pulls("open").len(), branches(&line)),
            (0, vec!["main".to_owned()])
        );
        assert_eq!(line.repo.pulls("all").len(), round, "one for each round");
        if opening.over && updating.over && closing.over {
            break;
        }
    }
    opening.struck(&[("POST", PUSH), ("POST", "/labels"), ("POST", "/pulls")]);
    updating.struck(&[("POST", PUSH), ("PATCH", "/pulls/")]);
    closing.struck(&[("PATCH", "/pulls/"), ("POST", PUSH)]);
}

/// Commits of the branch that say they were asked for by the comment.
fn asked_by(line: &ForgeLine, comment: u64) -> usize {
    let trailer = |line: &&str| {
        line.starts_with("Pintle-Comment: ") && line.ends_with(&format!("#issuecomment-{comment}"))
    };
    line.repo
        .commits("main")
        .iter()
        .filter(|commit| commit.message.lines().any(|line| trailer(&line)))
        .count()
}

/// One reply and one mark that it was seen.
fn answered_once(line: &ForgeLine, issue: u64, comment: u64) {
    let replies = line.replies(issue, comment);
    assert_eq!(replies.len(), 1, "{replies:#?}");
    assert_eq!(
        line.repo.reactions(comment),
        [(line.bot.login.clone(), "eyes".to_owned())]
    );
}

#[test]
fn a_comment_is_carried_out_and_answered_once() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX), ("db", POSTGRES)], ADOPTS);
    line.sync();
    let issue = line.repo.issue(&line.ana, "Talk");
    let (mut pinning, mut reading) = (Storm::new(), Storm::new());
    for round in 1..=2 * MOST {
        let digest = line.moves(POSTGRES, &format!("db {round}"));
        let comment = line.repo.comment(
            issue,
            &format!("/pin db to {digest} because of round {round}"),
            &line.ana,
        );
        pinning.strike(&line);
        answered_once(&line, issue, comment);
        assert_eq!(asked_by(&line, comment), 1);
        assert!(line.text("db", "main").contains(&digest));
        let comment = line.repo.comment(issue, "/status", &line.ana);
        reading.strike(&line);
        answered_once(&line, issue, comment);
        assert_eq!(asked_by(&line, comment), 0);
        assert_eq!(
            (branches(&line), line.repo.pulls("all").len()),
            (vec!["main".to_owned()], 0)
        );
        if pinning.over && reading.over {
            break;
        }
    }
    pinning.struck(&[
        ("POST", "/reactions"),
        ("POST", PUSH),
        ("POST", "/comments"),
    ]);
    reading.struck(&[("POST", "/reactions"), ("POST", "/comments")]);
}

#[test]
fn a_comment_on_a_protected_branch_makes_one_urgent_pull_request() {
    let line = ForgeLine::behind_a_proxy(&[("db", POSTGRES)], ADOPTS);
    line.sync();
    let protection = json!({"enable_push": true, "enable_push_whitelist": true, "push_whitelist_usernames": ["ops"]});
    line.repo.protect("main", &protection);
    let issue = line.repo.issue(&line.ana, "Talk");
    let (mut asking, mut cleaning) = (Storm::new(), Storm::new());
    for round in 1..=2 * MOST {
        let digest = line.moves(POSTGRES, &format!("db {round}"));
        let comment = line
            .repo
            .comment(issue, &format!("/pin db to {digest}"), &line.ana);
        asking.strike(&line);
        answered_once(&line, issue, comment);
        let (open, branch) = (line.repo.pulls("open"), format!("pintle/comment-{comment}"));
        assert_eq!(
            (open.len(), text(&open[0]["head"]["ref"])),
            (1, branch.clone()),
            "{open:#?}"
        );
        assert!(line.text("db", &branch).contains(&digest));
        assert_eq!(
            (asked_by(&line, comment), branches(&line)),
            (0, vec!["main".to_owned(), branch])
        );
        line.repo.merge(number(&open[0]), "rebase");
        cleaning.strike(&line);
        answered_once(&line, issue, comment);
        assert_eq!(
            (asked_by(&line, comment), branches(&line)),
            (1, vec!["main".to_owned()])
        );
        assert_eq!(line.repo.pulls("open").len(), 0);
        if asking.over && cleaning.over {
            break;
        }
    }
    asking.struck(&[
        ("POST", "/reactions"),
        ("POST", PUSH),
        ("POST", "/pulls"),
        ("POST", "/comments"),
    ]);
    cleaning.struck(&[("POST", PUSH)]);
}
