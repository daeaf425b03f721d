//! What people ask for in comments, from one end to the other: the built program against a real
//! forge, through HTTP only.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::support::forge_line::ForgeLine;
use crate::support::forge_repo::Commit;
use crate::support::gitea::Account;
use crate::support::line::stack;

mod deeds;
mod holds;
mod large;
mod order;
mod protected;
mod replicas;
mod rights;
mod shown;
mod silence;
mod targets;

const NGINX: &str = "docker.io/library/nginx:latest";
const POSTGRES: &str = "docker.io/library/postgres:16";
/// Everything is committed at once.
const COMMITS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = \"commit\"\n";
/// First pins at once, moves as pull requests.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";
/// The site of the stack `web`, and what holds it by default.
const WEB: &str = "stacks/web/main.tf#kubernetes_deployment.web/container[web].image";

/// A repo whose first pins are written, and an issue to talk on.
struct World {
    line: ForgeLine,
    issue: u64,
}

impl World {
    /// Stacks `web` and `db`; moves are committed.
    fn new() -> World {
        World::with(&[("web", NGINX), ("db", POSTGRES)], COMMITS)
    }

    fn with(stacks: &[(&str, &str)], config: &str) -> World {
        let world = World::bare(stacks, config);
        world.line.sync();
        world
    }

    /// The same before anything is pinned.
    fn bare(stacks: &[(&str, &str)], config: &str) -> World {
        let line = ForgeLine::of_stacks(stacks, config);
        let issue = line.repo.issue(&line.repo.owner, "Something to talk about");
        World { line, issue }
    }

    fn tip(&self) -> String {
        self.line.repo.tip("main").expect("the branch is there")
    }

    /// The commits on main after one, oldest first.
    fn since(&self, tip: &str) -> Vec<Commit> {
        let mut new: Vec<Commit> = self
            .line
            .repo
            .commits("main")
            .into_iter()
            .take_while(|commit| commit.sha != tip)
            .collect();
        new.reverse();
        new
    }

    fn says(&self, who: &Account, body: &str) -> u64 {
        self.line.repo.comment(self.issue, body, who)
    }

    /// The one reply to a comment on the issue, without its mark; the comment has been marked as
    /// seen.
    fn reply(&self, comment: u64) -> String {
        self.reply_on(self.issue, comment)
    }

    fn reply_on(&self, number: u64, comment: u64) -> String {
        let replies = self.line.replies(number, comment);
        assert_eq!(replies.len(), 1, "{:?}", self.line.repo.comments(number));
        let eyes = [(self.line.bot.login.clone(), "eyes".to_owned())];
        assert_eq!(self.line.repo.reactions(comment), eyes, "seen");
        let (mark, text) = replies[0].body.split_once('\n').expect("a mark and a text");
        assert_eq!(mark, format!("<!-- pintle:answer {comment} -->"));
        text.to_owned()
    }

    /// What ana asks for on the issue becomes one commit of pintle's, which the one reply links.
    /// Returns the commit and the reply.
    fn does(&self, body: &str) -> (Commit, String) {
        self.does_on(self.issue, body)
    }

    fn does_on(&self, number: u64, body: &str) -> (Commit, String) {
        let before = self.tip();
        let comment = self.line.repo.comment(number, body, &self.line.ana);
        self.line.sync();
        let reply = self.reply_on(number, comment);
        let (_, asked) = self.who_asked(number, comment);
        let mut new: Vec<Commit> = self
            .since(&before)
            .into_iter()
            .filter(|commit| commit.message.contains(&asked))
            .collect();
        assert_eq!(
            new.len(),
            1,
            "one commit for {body:?}: {reply}\n{:?}",
            self.since(&before)
        );
        let commit = new.remove(0);
        assert_eq!(commit.author, "pintle <pintle@localhost>");
        assert!(
            reply.contains(&format!(
                "(<{}/commit/{}>)",
                self.line.repo.url(),
                commit.sha
            )),
            "{reply}"
        );
        (commit, reply)
    }

    /// A comment of ana's that changes nothing. Returns the one reply.
    fn refuses(&self, body: &str) -> String {
        self.refuses_to(&self.line.ana, body)
    }

    fn refuses_to(&self, who: &Account, body: &str) -> String {
        let before = self.tip();
        let comment = self.says(who, body);
        self.line.sync();
        assert_eq!(self.tip(), before, "{body}");
        self.reply(comment)
    }

    /// The two trailers that say who asked where.
    fn who_asked(&self, number: u64, comment: u64) -> (String, String) {
        let ana = &self.line.ana;
        let found = self
            .line
            .repo
            .owner
            .get(&self.line.repo.path(&format!("/issues/comments/{comment}")));
        let url = found["html_url"].as_str().expect("a comment has a page");
        assert!(
            url.ends_with(&format!("/{number}#issuecomment-{comment}")),
            "{url}"
        );
        (
            format!("Pintle-Asked-By: {} ({})\n", ana.login, ana.id),
            format!("Pintle-Comment: {url}\n"),
        )
    }

    /// When a comment was written.
    fn written(&self, number: u64, comment: u64) -> Timestamp {
        let all = self.line.repo.comments(number);
        let one = all
            .iter()
            .find(|one| one.id == comment)
            .expect("the comment is there");
        one.created.parse().expect("a time")
    }

    /// Another pass, and another: neither writes or says anything.
    fn is_at_rest(&self) {
        // A pull request comes with the repository, whose size the forge counts when it likes.
        let part = |pull: &serde_json::Value| {
            ["number", "state", "title", "body", "updated_at", "merged"]
                .map(|key| pull[key].clone())
        };
        let pulls = || {
            self.line
                .repo
                .pulls("all")
                .iter()
                .map(part)
                .collect::<Vec<_>>()
        };
        let seen = || {
            (
                self.tip(),
                self.line.repo.branches(),
                self.line.repo.comments(self.issue),
                pulls(),
            )
        };
        let before = seen();
        let output = self.line.sync();
        assert!(
            output.stderr.contains("nothing was written"),
            "{}",
            output.stderr
        );
        self.line.sync();
        assert_eq!(seen(), before);
    }

    /// The verdict on a stack's first site.
    fn verdict(&self, stack: &str) -> String {
        let plan = self.line.plan();
        let start = format!("stacks/{stack}/");
        let sites = plan["sites"].as_array().expect("a list");
        let site = sites.iter().find(|site| {
            site["site"]
                .as_str()
                .is_some_and(|site| site.starts_with(&start))
        });
        site.and_then(|site| site["verdict"].as_str())
            .unwrap_or_else(|| panic!("{stack} is not in {plan}"))
            .to_owned()
    }
}

/// A stack's file with an image, and what stands behind it on its line.
fn file(name: &str, image: &str, behind: &str) -> String {
    stack(name, &[image]).replace(&format!("\"{image}\""), &format!("\"{image}\"{behind}"))
}

/// The trailers of a commit, in their order.
fn trailers(commit: &Commit) -> Vec<&str> {
    commit
        .message
        .lines()
        .filter(|line| line.starts_with("Pintle-"))
        .collect()
}

/// The value of the one trailer of that name.
fn trailer<'a>(commit: &'a Commit, name: &str) -> &'a str {
    let start = format!("Pintle-{name}: ");
    let found: BTreeSet<&str> = commit
        .message
        .lines()
        .filter_map(|line| line.strip_prefix(&start))
        .collect();
    assert_eq!(found.len(), 1, "{name} in {}", commit.message);
    found.into_iter().next().unwrap_or_default()
}

/// A time that many hours after another, as holds and replies write it.
fn hours_after(at: Timestamp, hours: i64) -> String {
    (at + SignedDuration::from_hours(hours)).to_string()
}
