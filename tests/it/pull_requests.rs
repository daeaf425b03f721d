//! Pull requests from one end to the other: the built program against a real forge, through HTTP
//! only.

mod automerge;
mod modes;
mod moot;
mod moved;
mod outage;
mod people;
mod pipeline;
mod protected;
mod requests;
mod setup;

use serde_json::{Value, json};

use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::Seen;
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::line::{path, stack};

const NGINX: &str = "docker.io/library/nginx:latest";
const POSTGRES: &str = "docker.io/library/postgres:16";
/// First pins at once, moves as pull requests.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";
/// Everything at once.
const COMMITS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = \"commit\"\n";

/// The number of the one open pull request.
fn open(line: &ForgeLine) -> u64 {
    let open = line.repo.pulls("open");
    assert_eq!(open.len(), 1, "{open:#?}");
    number(&open[0])
}

/// The issues that are no pull requests: (title, body), oldest first.
fn issues(line: &ForgeLine) -> Vec<(String, String)> {
    let mut all = line
        .gitea
        .admin()
        .list(&line.repo.path("/issues?state=all&type=issues"));
    all.sort_by_key(number);
    all.iter()
        .map(|issue| (text(&issue["title"]), text(&issue["body"])))
        .collect()
}

/// What pintle said on a pull request.
fn said(line: &ForgeLine, pull: u64) -> Vec<String> {
    let all = line.repo.comments(pull).into_iter();
    all.filter(|one| one.author == line.bot.login)
        .map(|one| one.body)
        .collect()
}

/// The pins that `log` tells, newest first.
fn log(line: &ForgeLine) -> Vec<Value> {
    let output = line.pintle("log", &["--output", "json"]).run();
    let log: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{}", output.stderr));
    log["pins"].as_array().cloned().unwrap_or_default()
}

/// The site of a stack in a plan.
fn site(plan: &Value, stack: &str) -> Value {
    let sites = plan["sites"].as_array().expect("a plan has sites");
    let there = |site: &&Value| site.to_string().contains(&path(stack));
    sites
        .iter()
        .find(there)
        .unwrap_or_else(|| panic!("no site of {stack} in {plan}"))
        .clone()
}

/// Verdict and first reason of a stack's site.
fn verdict(line: &ForgeLine, stack: &str) -> (String, String) {
    let site = site(&line.plan(), stack);
    (
        text(&site["verdict"]),
        site["reasons"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
    )
}

/// The verdict of the stack's image and the code of its first reason.
fn verdict_code(line: &ForgeLine, stack: &str) -> (String, String) {
    let site = site(&line.plan(), stack);
    (text(&site["verdict"]), text(&site["reasons"][0]["code"]))
}

fn in_sync(line: &ForgeLine) {
    let plan = line.plan();
    assert!(
        plan["sites"]
            .as_array()
            .expect("it is there")
            .iter()
            .all(|site| site["verdict"] == json!("in-sync")),
        "{plan}"
    );
}

/// Sets the text of `pintle.toml` to what it was plus `more`, on the branch itself.
fn configure(line: &ForgeLine, more: &str) -> String {
    let before = String::from_utf8(line.repo.file("pintle.toml", "main").expect("it is there"))
        .expect("it is there");
    line.repo
        .push_files("Configure", &[("pintle.toml", (before + more).as_bytes())])
}

/// Replaces a part of `pintle.toml`, on the branch itself: the first rule that speaks wins.
fn reconfigure(line: &ForgeLine, part: &str, by: &str) {
    let before = String::from_utf8(line.repo.file("pintle.toml", "main").expect("it is there"))
        .expect("it is there");
    assert!(before.contains(part), "{before}");
    line.repo.push_files(
        "Configure",
        &[("pintle.toml", before.replace(part, by).as_bytes())],
    );
}

/// A stack's file with its image pinned.
fn pinned(name: &str, image: &str, digest: &str) -> String {
    stack(name, &[&format!("{image}@{digest}")])
}

/// Whether a request is a push to the followed branch.
fn pushes(seen: &Seen) -> bool {
    let name = b"refs/heads/main";
    seen.writes()
        && seen.target.ends_with("/git-receive-pack")
        && seen.body.windows(name.len()).any(|part| part == name)
}
