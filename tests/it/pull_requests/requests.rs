//! What a pass asks of the forge when there is nothing to do.

use super::{ADOPTS, NGINX, POSTGRES, open};
use crate::support::daemon::Daemon;
use crate::support::forge_line::ForgeLine;
use crate::support::forge_proxy::Seen;
use std::time::{Duration, Instant};

#[test]
fn a_pass_with_nothing_to_do_asks_little_and_writes_nothing() {
    let line = ForgeLine::behind_a_proxy(&[("db", POSTGRES), ("web", NGINX)], ADOPTS);
    line.sync();
    let proxy = line.proxy.as_ref().expect("it is there");
    let quiet = |what: &str| {
        line.sync();
        proxy.take();
        line.sync();
        let seen: Vec<Seen> = proxy.take();
        let asked: Vec<String> = seen
            .iter()
            .map(|seen| format!("{} {}", seen.method, seen.target))
            .collect();
        assert!(!seen.iter().any(Seen::writes), "{what}: {asked:#?}");
        let api = asked.iter().filter(|one| one.contains("/api/")).count();
        assert!(api <= 9 && asked.len() - api <= 4, "{what}: {asked:#?}");
    };
    quiet("in sync");
    line.moves(NGINX, "second");
    quiet("one pull request is open");
    line.repo.comment(open(&line), "/explain", &line.ana);
    quiet("a comment was answered");
}

/// Comments of the last days that ask for nothing, or have an answer.
const COMMENTS: usize = 350;
/// Pull requests that wait for somebody.
const OPEN: usize = 10;
/// A little more than what is read again of settled comments.
const OVERLAP: Duration = Duration::from_secs(65);
/// Requests of one idle pass, for the API and for git.
const MOST: usize = 8;

#[test]
fn an_idle_run_reads_no_settled_comment_again() {
    let image = |at: usize| format!("quay.io/team/app-{at}:latest");
    let images: Vec<(String, String)> = (0..OPEN)
        .map(|at| (format!("app-{at}"), image(at)))
        .collect();
    let stacks: Vec<(&str, &str)> = images
        .iter()
        .map(|(name, image)| (name.as_str(), image.as_str()))
        .collect();
    let line = ForgeLine::behind_a_proxy(&stacks, ADOPTS);
    line.sync();
    for (_, image) in &images {
        line.moves(image, "second");
    }
    let issue = line.repo.issue(&line.ana, "Talk");
    for at in 0..COMMENTS {
        let body = format!("This is remark {at}.");
        line.repo.comment(issue, &body, &line.ana);
    }
    let asked = line.repo.comment(issue, "/explain app-1", &line.ana);
    let written = Instant::now();
    let args = ["--every", "3s", "--listen", "off", "--log-format", "json"];
    let mut run = Daemon::start(line.pintle("run", &args));
    while line.repo.pulls("open").len() < OPEN || line.replies(issue, asked).is_empty() {
        assert!(run.pass().1.is_ok());
    }
    let proxy = line.proxy.as_ref().expect("it is there");
    // What is a little older than the newest settled comment is read again: the remarks have to be
    // older than that.
    while written.elapsed() < OVERLAP {
        assert!(run.pass().1.is_ok());
    }
    assert!(run.pass().1.is_ok());
    let settled = line.repo.comment(issue, "Nothing else.", &line.ana);
    assert!(settled > asked);
    assert!(run.pass().1.is_ok());
    assert!(run.pass().1.is_ok());
    proxy.take();
    assert!(run.pass().1.is_ok());
    let idle: Vec<String> = proxy
        .take()
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.target))
        .collect();
    assert!(idle.len() <= MOST, "{idle:#?}");

    // What is new is read, and what is answered is not answered again.
    let late = line.repo.comment(issue, "/explain app-2", &line.ana);
    while line.replies(issue, late).is_empty() {
        assert!(run.pass().1.is_ok());
    }
    line.repo.edit_comment(asked, "/explain app-3", &line.ana);
    assert!(run.pass().1.is_ok());
    assert!(run.pass().1.is_ok());
    assert_eq!(
        (
            line.replies(issue, asked).len(),
            line.replies(issue, late).len()
        ),
        (1, 1)
    );
    run.stop();
}
