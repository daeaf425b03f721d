//! `run` in front of a real forge: its webhooks, its absence, several replicas, the end in the
//! middle of a write. It waits for log lines and answers.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;

use crate::support::cmd::Pintle;
use crate::support::daemon::{Daemon, Hook, probe};
use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::{Fault, ForgeProxy, Seen};
use crate::support::forge_repo::number;
use crate::support::gitea::text;
use crate::support::http::request;

const NGINX: &str = "docker.io/library/nginx:latest";
const POSTGRES: &str = "docker.io/library/postgres:16";
/// First pins at once, moves as pull requests.
const ADOPTS: &str = "\n[[rule]]\nmatch = { stack = \"*\" }\nmode = { adopt = \"commit\" }\n";
const SECRET: &str = "s3cret-of-the-hooks";
/// How long is waited for what a run does in the forge.
const DEADLINE: Duration = Duration::from_secs(60);

fn run(line: &ForgeLine, more: &[&str]) -> Pintle {
    let args = [&["--listen", "127.0.0.1:0", "--log-format", "json"], more].concat();
    line.pintle("run", &args)
        .env("PINTLE_WEBHOOK_SECRET", SECRET)
}

/// Makes the webhook, as a person would.
fn setup(line: &ForgeLine, hooks: &str) {
    let output = line
        .pintle_to(&["setup", "forgejo"], &["--hook-url", hooks])
        .env("PINTLE_WEBHOOK_SECRET", SECRET)
        .run();
    assert_eq!(output.code, Some(0), "{output:?}");
}

/// Waits for passes until there is what is looked for.
fn passes_until(run: &mut Daemon, found: impl Fn() -> bool) -> Vec<String> {
    let mut triggers = Vec::new();
    while !found() {
        triggers.push(run.pass().0);
    }
    triggers
}

/// The server's own log, which has every request's address, knows no secret.
fn nothing_in_the_log_of(line: &ForgeLine) {
    let log = line.gitea.log();
    assert!(!log.contains(SECRET) && !log.contains(line.bot.token.expose_secret()));
    assert!(log.contains("/api/v1/repos/ops/infra"), "it logs addresses");
}

fn asked_by(line: &ForgeLine, comment: u64) -> usize {
    let trailer = |line: &str| {
        line.starts_with("Pintle-Comment: ") && line.ends_with(&format!("#issuecomment-{comment}"))
    };
    line.repo
        .commits("main")
        .iter()
        .filter(|commit| commit.message.lines().any(trailer))
        .count()
}

#[test]
fn the_forges_own_webhooks_wake() {
    let line = ForgeLine::of_stacks(&[("web", NGINX), ("db", POSTGRES)], ADOPTS);
    line.sync();
    let second = line.moves(NGINX, "second");
    let mut run = Daemon::start(run(&line, &["--every", "1h"]));
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(0)));
    let between = ForgeProxy::before(&address);
    let url = format!("{}/hooks/forgejo", between.url());
    // A webhook with another secret: told so, and it wakes nobody.
    let config = json!({"url": url, "content_type": "json", "secret": "another s3cret"});
    let hook = json!({"type": "gitea", "active": true, "events": ["push", "issue_comment"], "config": config});
    let wrong = line.repo.owner.post(&line.repo.path("/hooks"), &hook);
    line.repo
        .push_files("Nobody hears of it", &[("notes.md", b"1")]);
    run.says("a webhook was refused");
    let refused = between.wait_for(|seen| seen.status.is_some());
    assert_eq!(
        (refused.status, refused.header("x-gitea-event")),
        (Some(401), Some("push"))
    );
    assert_eq!(
        Hook::signed(SECRET, "status", "{}").send(&address).status,
        202
    );
    assert_eq!(
        run.pass(),
        ("status".into(), Ok(0)),
        "the first pass since the start"
    );
    line.repo.owner.must(
        "DELETE",
        &line.repo.path(&format!("/hooks/{}", wrong["id"])),
        &serde_json::Value::Null,
    );
    between.take();

    setup(&line, &url);
    let issue = line.repo.issue(&line.ana, "Talk");
    let status = line.repo.comment(issue, "/status", &line.ana);
    let woken = passes_until(&mut run, || !line.replies(issue, status).is_empty());
    assert!(
        woken
            .first()
            .is_some_and(|why| why.contains("issue_comment")),
        "{woken:?}"
    );
    let hold = line
        .repo
        .comment(issue, "/hold db because of the holidays", &line.ana);
    let woken = passes_until(&mut run, || !line.replies(issue, hold).is_empty());
    assert!(!woken.iter().any(|why| why.contains("timer")), "{woken:?}");
    assert_eq!((asked_by(&line, status), asked_by(&line, hold)), (0, 1));

    // A push to the same file: the pull request is rebased onto it.
    let longer = line.text("web", "main") + "\n";
    let tip = line.repo.push_files(
        "Something else",
        &[("stacks/web/main.tf", longer.as_bytes())],
    );
    passes_until(&mut run, || {
        line.repo.commits("pintle/web")[0].parents == [tip.as_str()]
    });
    let pull = line.repo.pulls("open").remove(0);
    assert!(text(&pull["body"]).contains(&second));
    line.repo.merge(number(&pull), "merge");
    passes_until(&mut run, || line.repo.branches() == ["main"]);
    assert!(line.text("web", "main").contains(&second));

    // The same delivery once more, word for word.
    let such = |seen: &&Seen| {
        seen.header("x-gitea-event") == Some("issue_comment")
            && String::from_utf8_lossy(&seen.body).contains("/hold db")
    };
    let delivery = between
        .seen()
        .iter()
        .find(such)
        .expect("it was delivered")
        .clone();
    let headers: Vec<(&str, &str)> = delivery
        .headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length"))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let (tip, said) = (line.repo.tip("main"), line.repo.comments(issue));
    assert_eq!(
        request(&address, "POST", &delivery.target, &headers, &delivery.body)
            .expect("it answers")
            .status,
        202
    );
    while !run.pass().0.contains("issue_comment") {}
    assert_eq!(
        (line.repo.tip("main"), line.repo.comments(issue)),
        (tip, said)
    );
    let log = run.stop();
    assert!(!log.contains("panicked") && !log.contains("another s3cret"));
    nothing_in_the_log_of(&line);
}

#[test]
fn polling_alone_suffices_and_a_forge_that_is_away_is_waited_for() {
    let mut line = ForgeLine::of_stacks(&[("web", NGINX)], ADOPTS);
    let issue = line.repo.issue(&line.ana, "Talk");
    let mut run = Daemon::start(line.pintle(
        "run",
        &[
            "--every",
            "1s",
            "--listen",
            "127.0.0.1:0",
            "--log-format",
            "json",
        ],
    ));
    let address = run.address();
    assert_eq!(run.pass(), ("start".into(), Ok(1)));
    let hold = line
        .repo
        .comment(issue, "/hold web because of the holidays", &line.ana);
    passes_until(&mut run, || !line.replies(issue, hold).is_empty());
    assert_eq!(
        (asked_by(&line, hold), probe(&address, "/readyz").0),
        (1, 200)
    );

    line.gitea.stop();
    let failed = loop {
        if let (_, Err(why)) = run.pass() {
            break why;
        }
    };
    assert!(failed.contains("cannot reach"), "{failed}");
    let (status, why) = probe(&address, "/readyz");
    assert_eq!((status, why.lines().count()), (503, 1), "{why}");
    assert_eq!(probe(&address, "/healthz").0, 200, "the loop is well");
    line.gitea.resume();
    let resume = line.repo.comment(issue, "/resume web", &line.ana);
    passes_until(&mut run, || !line.replies(issue, resume).is_empty());
    assert_eq!(
        (asked_by(&line, resume), probe(&address, "/readyz").0),
        (1, 200)
    );
    run.stop();
    assert_eq!(line.replies(issue, hold).len(), 1);
    nothing_in_the_log_of(&line);
}

#[test]
fn an_api_that_fails_while_git_works_holds_what_depends_on_it() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], ADOPTS);
    let proxy = line.proxy.as_ref().expect("it is behind one");
    line.sync();
    let second = line.moves(NGINX, "second");
    proxy.fail(Fault::Status(500), |seen| seen.target.starts_with("/api/"));
    let mut run = Daemon::start(run(&line, &["--every", "1s"]));
    let told = run.says("the forge could not be asked");
    assert!(
        told["error"]
            .as_str()
            .is_some_and(|error| error.contains("500")),
        "{told}"
    );
    let (tip, branches) = (line.repo.tip("main"), line.repo.branches());
    assert_eq!([run.pass().1, run.pass().1], [Ok(0), Ok(0)]);
    assert_eq!(
        (line.repo.tip("main"), line.repo.branches()),
        (tip, branches),
        "a move is proposed, or waits"
    );
    proxy.mend();
    passes_until(&mut run, || !line.repo.pulls("open").is_empty());
    assert!(line.text("web", "pintle/web").contains(&second));
    run.stop();
}

fn posts_a_comment(seen: &Seen) -> bool {
    seen.method == "POST" && seen.target.ends_with("/comments")
}

#[test]
fn a_reply_under_way_is_finished() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], ADOPTS);
    let proxy = line.proxy.as_ref().expect("it is behind one");
    line.sync();
    let issue = line.repo.issue(&line.ana, "Talk");
    let comment = line
        .repo
        .comment(issue, "/hold web because of the holidays", &line.ana);
    proxy.fail_times(1, Fault::Hold, posts_a_comment);
    let mut run = Daemon::start(run(&line, &["--every", "1h", "--grace", "1h"]));
    proxy.wait_for(posts_a_comment);
    run.signal("TERM");
    run.says("a write is in progress");
    proxy.mend();
    let (code, log) = run.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(
        (line.replies(issue, comment).len(), asked_by(&line, comment)),
        (1, 1)
    );
}

#[test]
fn a_forge_that_hangs_does_not_hold_up_the_end() {
    let line = ForgeLine::behind_a_proxy(&[("web", NGINX)], ADOPTS);
    let proxy = line.proxy.as_ref().expect("it is behind one");
    line.sync();
    let issue = line.repo.issue(&line.ana, "Talk");
    let comment = line
        .repo
        .comment(issue, "/hold web because of the holidays", &line.ana);
    // While it reads, git or the API: nothing is being written, so the pass is abandoned.
    for part in ["/info/refs", "/api/v1/user"] {
        proxy.take();
        proxy.fail(Fault::Hang, move |seen| seen.target.contains(part));
        let run = Daemon::start(run(&line, &["--every", "1h", "--grace", "1h"]));
        proxy.wait_for(|seen| seen.target.contains(part));
        let log = run.stop();
        assert!(log.contains("the pass under way was abandoned"), "{log}");
        proxy.mend();
    }
    // While it pushes or replies: for its grace.
    for (part, carried_out) in [("/git-receive-pack", 0), ("/comments", 1)] {
        let such = move |seen: &Seen| seen.method == "POST" && seen.target.ends_with(part);
        proxy.take();
        proxy.fail(Fault::Hang, such);
        let mut run = Daemon::start(run(&line, &["--every", "1h", "--grace", "1s"]));
        proxy.wait_for(such);
        run.signal("TERM");
        run.says("a write is in progress");
        let (code, log) = run.end();
        assert!(
            code == Some(1) && log.contains("a write was abandoned"),
            "{log}"
        );
        proxy.mend();
        assert_eq!(
            (line.replies(issue, comment).len(), asked_by(&line, comment)),
            (0, carried_out)
        );
    }
    line.sync();
    assert_eq!(
        (line.replies(issue, comment).len(), asked_by(&line, comment)),
        (1, 1)
    );
}

#[test]
fn three_replicas_do_everything_once() {
    let stacks = [
        ("web", NGINX),
        ("db", POSTGRES),
        ("mail", "ghcr.io/team/mail:1"),
    ];
    let line = ForgeLine::of_stacks(&stacks, ADOPTS);
    line.sync();
    let issue = line.repo.issue(&line.ana, "Talk");
    let folders: Vec<TempDir> = (0..3)
        .map(|_| tempfile::tempdir().expect("a temporary folder"))
        .collect();
    let start = |folder: &TempDir| {
        Daemon::start(line.pintle_in(
            folder.path(),
            "run",
            &["--every", "1s", "--listen", "off", "--log-format", "json"],
        ))
    };
    let mut replicas: Vec<Daemon> = folders.iter().map(start).collect();
    for replica in &mut replicas {
        assert_eq!(replica.pass(), ("start".into(), Ok(0)));
    }
    let moved: Vec<String> = stacks[..2]
        .iter()
        .map(|(_, image)| line.moves(image, "second"))
        .collect();
    let asks: Vec<(u64, bool)> = (0..10)
        .map(|at| {
            let digest = line.moves(&format!("ghcr.io/team/mail:1.{at}"), &format!("mail {at}"));
            let text = if at % 3 == 2 {
                "/status".to_owned()
            } else {
                format!("/pin mail to {digest}")
            };
            (line.repo.comment(issue, &text, &line.ana), at % 3 != 2)
        })
        .collect();
    let begun = Instant::now();
    let all = || {
        asks.iter()
            .all(|(comment, _)| !line.replies(issue, *comment).is_empty())
            && line.repo.pulls("open").len() >= 2
    };
    while !all() {
        assert!(
            begun.elapsed() < DEADLINE,
            "{:#?}",
            line.repo.comments(issue)
        );
        assert!(replicas[0].pass().1.is_ok());
    }
    for replica in replicas {
        let log = replica.stop();
        assert!(!log.contains("panicked"), "{log}");
    }
    line.sync();
    for (comment, writes) in &asks {
        assert_eq!(
            (
                line.replies(issue, *comment).len(),
                asked_by(&line, *comment)
            ),
            (1, usize::from(*writes)),
            "{comment}"
        );
    }
    let pulls = line.repo.pulls("open");
    let titles: Vec<String> = pulls.iter().map(|pull| text(&pull["title"])).collect();
    assert_eq!(titles.len(), 2, "{titles:#?}");
    for ((stack, _), digest) in stacks.iter().zip(&moved) {
        assert!(
            line.text(stack, &format!("pintle/{stack}"))
                .contains(digest)
        );
    }
    nothing_in_the_log_of(&line);
}
