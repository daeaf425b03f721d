//! The same comments seen by several passes at once, each of another replica: in the end one commit
//! and one reply.

use std::process::{Child, Stdio};

use tempfile::TempDir;

use super::{ADOPTS, NGINX, World, trailer};
use crate::support::cmd::Kept;
use crate::support::line::clones;

const REPLICAS: usize = 4;

#[test]
fn replicas_at_the_same_time_carry_a_comment_out_once() {
    let world = World::with(&[("web", NGINX)], ADOPTS);
    let folders: Vec<TempDir> = (0..REPLICAS).map(|_| clones()).collect();
    for (round, text) in ["/hold web because of one", "/unpin web", "/pin web for 2d"]
        .into_iter()
        .enumerate()
    {
        let before = world.tip();
        let comments = [text, "/status", "/hold web soon", "/hold nowhere"]
            .map(|text| world.says(&world.line.ana, text));
        together(&world, &folders);
        let new = world.since(&before);
        assert_eq!(new.len(), 1, "round {round}: {new:#?}");
        let url = world.who_asked(world.issue, comments[0]).1;
        assert_eq!(
            format!("Pintle-Comment: {}\n", trailer(&new[0], "Comment")),
            url
        );
        let replies = comments.map(|comment| world.reply(comment));
        assert!(replies[0].contains(&new[0].sha), "{}", replies[0]);
        assert!(
            replies[2].contains("`soon` is not a word of it"),
            "{}",
            replies[2]
        );
        assert_eq!(world.line.repo.comments(world.issue).len(), 8 * (round + 1));
    }
    world.is_at_rest();
}

/// Starts a pass of each replica and waits for all of them.
fn together(world: &World, folders: &[TempDir]) {
    let runs: Vec<(Child, Kept)> = folders
        .iter()
        .map(|folder| {
            let run = world.line.pintle_in(folder.path(), "sync", &["-v"]);
            run.start(|command| command.stdout(Stdio::piped()).stderr(Stdio::piped()))
        })
        .collect();
    for (child, kept) in runs {
        let output = kept.output(child);
        // Shown when the test fails.
        eprintln!("{}", output.stderr);
        assert_eq!(output.code, Some(0));
    }
}
